"""JSON that somebody else wrote: whatever is wrong with it is a `ValueError`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def parse_json(text: str | bytes, *, constant: Callable[[str], Any] | None = None) -> Any:
    """Return the value in a text.

    Args:
        text: JSON; bytes are read as UTF-8, 16 or 32.
        constant: is called for ``NaN`` and ``Infinity``; None reads them as numbers.

    Raises:
        ValueError: no JSON, no text, an endless number, or nested too deep for Python's parser,
            which tells so by an error of its own.
    """
    try:
        return json.loads(text, parse_constant=constant)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
