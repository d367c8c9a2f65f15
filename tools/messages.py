"""Messages of the tools that an LLM can act on."""

from __future__ import annotations

from pydantic import ValidationError
from pydantic.v1 import ValidationError as ValidationErrorV1


def wrong_arguments(error: ValidationError | ValidationErrorV1) -> str:
    """One line for arguments that do not fit a tool's schema."""
    problems = [
        f"{'.'.join(str(part) for part in problem['loc']) or 'arguments'}: {problem['msg']}"
        for problem in error.errors()[:5]
    ]
    return f"wrong arguments: {'; '.join(problems)}. Call the tool again with these put right."
