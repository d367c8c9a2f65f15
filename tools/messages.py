"""What tools say to an LLM: short, in one line, and nothing in it that is not plain text.

Descriptions, captions and file names come from strangers. They are quoted and cut, and control and
format characters, with which text can hide or pretend to be another line, are taken out.
"""

from __future__ import annotations

import unicodedata

from pydantic import ValidationError
from pydantic.v1 import ValidationError as ValidationErrorV1

MAX_MESSAGE = 600  # characters of an error


def quoted(text: str, limit: int = 80) -> str:
    """Somebody's words in quotes, in one line of at most `limit` characters."""
    return repr(one_line(text, limit))


def one_line(text: str, limit: int = MAX_MESSAGE) -> str:
    """The text without control and format characters, in one line of at most `limit` characters."""
    # A text is cut before it is looked at: it may be megabytes.
    plain = (" " if unicodedata.category(c)[0] in "CZ" else c for c in text[: 4 * limit])
    line = " ".join("".join(plain).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def wrong_arguments(error: ValidationError | ValidationErrorV1) -> str:
    """One line for arguments that do not fit a tool's schema."""
    problems = [
        f"{one_line('.'.join(map(str, problem['loc'])), 60) or 'arguments'}:"
        f" {one_line(problem['msg'], 200)}"
        for problem in error.errors()[:5]
    ]
    return f"wrong arguments: {'; '.join(problems)}. Call the tool again with these put right."
