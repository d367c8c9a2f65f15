"""``python -m motion_agent`` is ``motion-agent``; both start here."""

import atexit
import gc
import os
import sys
from pathlib import Path

_OBJECTS = 50_000  # between two searches for garbage; imports make many objects, and all stay


def main() -> None:
    """Run the command line; Ctrl-C while it loads ends it without a traceback."""
    gc.set_threshold(_OBJECTS)
    codes: list[int] = []
    atexit.register(_leave, codes)  # the first to be registered is the last to be called
    try:
        from .cli import main as run

        run()
    except KeyboardInterrupt:
        codes.append(130)
        sys.exit(130)
    except SystemExit as end:
        if isinstance(end.code, int):
            codes.append(end.code)
        raise


def _leave(codes: list[int]) -> None:
    """End the process; Python would first spend 0.2 s on tearing down modules."""
    if codes:
        try:
            for stream in filter(None, (sys.stdout, sys.stderr)):
                stream.flush()
        except (OSError, ValueError):  # the reader is gone; Python's own exit handles it
            return
        os._exit(codes[0])


if __name__ == "__main__":
    # ``-m`` puts the current folder first on the import path; its modules must not run.
    here = Path.cwd()
    if here != Path(__file__).parents[1]:
        sys.path[:] = [entry for entry in sys.path if entry not in ("", str(here))]
    main()
