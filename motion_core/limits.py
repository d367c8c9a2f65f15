"""Constants shared by many parts, cheap to import.

The command line shows them in its help, so this module imports nothing of ours.
"""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_ENGINE = "motionllm"
ENTRY_POINT_GROUP = "motion_agent.engines"

MAX_DESCRIPTION = 300  # characters
MAX_SECONDS = 20.0  # most seconds that one description can fill


@dataclass(frozen=True)
class Limits:
    """Limits of one call and one user; None means no limit.

    Attributes:
        steps: segments that one motion may have.
        seconds: duration of one motion.
        call_seconds: time after which a call is stopped, including its wait for others.
        calls: simultaneous calls of one user.
        hourly_steps: segments generated for one user in an hour.
        file_bytes: size of the workspace, or of one user's part, beyond which no file is written.
    """

    steps: int | None = 64
    seconds: float | None = 600.0
    call_seconds: float | None = 900.0
    calls: int | None = 64
    hourly_steps: int | None = None
    file_bytes: float | None = None
