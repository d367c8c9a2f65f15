"""``python -m motion_agent`` is ``motion-agent``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # ``-m`` puts the current folder first on the import path; its modules are not ours to run.
    here = Path.cwd()
    if here != Path(__file__).parents[1]:
        sys.path[:] = [entry for entry in sys.path if entry not in ("", str(here))]

    from .cli import main

    main()
