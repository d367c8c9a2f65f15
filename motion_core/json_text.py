"""JSON from elsewhere: anything wrong with it is a `ValueError`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def parse_json(text: str | bytes, *, constant: Callable[[str], Any] | None = None) -> Any:
    """Return the value in a JSON text.

    Args:
        text: JSON; bytes are read as UTF-8, 16 or 32.
        constant: called for ``NaN`` and ``Infinity``; None reads them as numbers.

    Raises:
        ValueError: the text is not JSON or not text, has an endless number, or is nested too deeply
            for Python's parser, which has its own error for that.
    """
    try:
        return json.loads(text, parse_constant=constant)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
