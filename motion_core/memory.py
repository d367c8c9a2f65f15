"""How much memory a file may take: small files can ask for tens of gigabytes.

Whoever allocates by what a file says asks here first. The limit is 2 GB;
MOTION_AGENT_MAX_MEMORY is another, in GB.
"""

from __future__ import annotations

import os

from .errors import ConfigurationError, FormatError

VARIABLE = "MOTION_AGENT_MAX_MEMORY"
_GB = 1_000_000_000
_DEFAULT = 2.0


def check_memory(needed: int, what: str) -> None:
    """Refuse what would take more memory than a file may.

    Args:
        needed: bytes.
        what: what they are for, such as ``"2000 joints in 4000 frames"``.

    Raises:
        FormatError: more than the limit.
        ConfigurationError: MOTION_AGENT_MAX_MEMORY is no number.
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
