"""Constants that many parts share and that cost nothing to import.

The command line offers them in its help, so this module imports nothing.
"""

from __future__ import annotations

DEFAULT_ENGINE = "motionllm"
ENTRY_POINT_GROUP = "motion_agent.engines"

MAX_DESCRIPTION = 300  # characters
MAX_SECONDS = 20.0  # that one description can be asked to fill
