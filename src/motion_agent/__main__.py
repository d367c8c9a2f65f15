"""``python -m motion_agent`` is ``motion-agent``; both start here."""

import gc
import sys
from pathlib import Path

_OBJECTS = 50_000  # between two searches for garbage; imports make many objects, and all stay


def main() -> None:
    """Run the command line; Ctrl-C while it loads ends it without a traceback."""
    gc.set_threshold(_OBJECTS)
    try:
        from .cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        gc.freeze()  # no last search for garbage, which takes half a second


if __name__ == "__main__":
    # ``-m`` puts the current folder first on the import path; its modules must not run.
    here = Path.cwd()
    if here != Path(__file__).parents[1]:
        sys.path[:] = [entry for entry in sys.path if entry not in ("", str(here))]
    main()
