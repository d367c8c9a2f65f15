"""What tools say to an LLM: short, in one line, and nothing in it that is not plain text.

Descriptions, captions and file names come from strangers. They are quoted and cut, and characters
with which text can hide or pretend to be another line are shown by their numbers.
"""

from __future__ import annotations

from pydantic import ValidationError
from pydantic.v1 import ValidationError as ValidationErrorV1

from ..motion_core.words import one_line as one_line


def quoted(text: str, limit: int = 80) -> str:
    """Somebody's words in quotes, in one line of at most `limit` characters."""
    return repr(one_line(text, limit))


def wrong_arguments(error: ValidationError | ValidationErrorV1) -> str:
    """Return one line for arguments that do not fit a tool's schema."""
    problems = [
        f"{one_line('.'.join(map(str, problem['loc'])), 60) or 'arguments'}:"
        f" {one_line(problem['msg'], 200)}"
        for problem in error.errors()[:5]
    ]
    return f"wrong arguments: {'; '.join(problems)}. Call the tool again with these put right."
