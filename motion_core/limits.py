"""Constants that many parts share and that cost nothing to import.

The command line offers them in its help, so this module imports nothing of ours.
"""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_ENGINE = "motionllm"
ENTRY_POINT_GROUP = "motion_agent.engines"

MAX_DESCRIPTION = 300  # characters
MAX_SECONDS = 20.0  # that one description can be asked to fill


@dataclass(frozen=True)
class Limits:
    """Limits of one call and one user; None means no limit.

    Attributes:
        steps: segments that one motion may have.
        seconds: duration of one motion.
        call_seconds: time of one call, its waiting for others included; it is stopped then.
        calls: calls of one user at the same time.
        hourly_steps: segments that are generated for one user in an hour.
    """

    steps: int | None = 64
    seconds: float | None = 600.0
    call_seconds: float | None = 900.0
    calls: int | None = 64
    hourly_steps: int | None = None
