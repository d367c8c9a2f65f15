"""A limit on the memory for a file: small files can ask for tens of gigabytes.

Code that allocates by a file's contents checks here first. The limit is 2 GB, or
MOTION_AGENT_MAX_MEMORY in GB.
"""

from __future__ import annotations

import os

from .errors import ConfigurationError, FormatError

VARIABLE = "MOTION_AGENT_MAX_MEMORY"
_GB = 1_000_000_000
_DEFAULT = 2.0


def check_memory(needed: int, what: str) -> None:
    """Refuse an allocation above the limit for a file.

    Args:
        needed: bytes.
        what: their purpose, such as ``"2000 joints in 4000 frames"``.

    Raises:
        FormatError: it is above the limit.
        ConfigurationError: MOTION_AGENT_MAX_MEMORY is not a number.
    """
    limit = _limit()
    if needed > limit * _GB:
        raise FormatError(
            f"needs {needed / _GB:.1f} GB for {what}; the limit is {limit:g} GB, and {VARIABLE}"
            " sets another"
        )


def _limit() -> float:
    text = os.environ.get(VARIABLE) or str(_DEFAULT)
    try:
        limit = float(text)
    except ValueError:
        limit = 0.0
    if not 0 < limit < 1e6:
        raise ConfigurationError(f"{VARIABLE} is {text[:20]!r}; give a number of GB, such as 8")
    return limit
