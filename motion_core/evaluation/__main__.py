"""``python -m motion_agent.motion_core.evaluation``: see `command`."""

import sys

from .command import main

sys.exit(main())
