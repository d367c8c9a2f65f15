"""Messages from tools to an LLM: short, one line, plain text only.

Descriptions, captions and file names come from strangers. They are quoted and cut, and characters
that could hide text or fake a new line are shown by their code points.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pydantic import ValidationError
from pydantic.v1 import ValidationError as ValidationErrorV1

from ..motion_core.words import one_line as one_line

if TYPE_CHECKING:
    from ..motion_core.studio import Studio


def quoted(text: str, limit: int = 80) -> str:
    """Return a stranger's words in quotes, in one line of at most `limit` characters."""
    return repr(one_line(text, limit))


def failure_text(error: Exception, studio: Studio) -> str:
    """Return the message of an error, in one line and without the folders of the host."""
    text = str(error)
    for place in (studio.store.place, studio.workspace.folder):
        if place is not None:
            text = text.replace(f"{place}{os.sep}", "").replace(str(place), place.name)
    return one_line(text)


def wrong_arguments(error: ValidationError | ValidationErrorV1) -> str:
    """Return a one-line message for arguments that do not fit a tool's schema."""
    problems = [
        f"{one_line('.'.join(map(str, problem['loc'])), 60) or 'arguments'}:"
        f" {one_line(problem['msg'], 200)}"
        for problem in error.errors()[:5]
    ]
    return f"wrong arguments: {'; '.join(problems)}. Correct them and call the tool again."
