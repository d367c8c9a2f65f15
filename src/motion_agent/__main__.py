"""``python -m motion_agent`` is ``motion-agent``."""

from .cli import main

if __name__ == "__main__":
    main()
