"""The paper's own form of a plan: ``1. MotionLLM.generate('…'); 2. MotionLLM.caption('…')``.

The authors' code splits at ``;`` and takes what it finds. Here each call is read to its end,
including quotes and parentheses inside it, or the whole text is refused.
"""

from __future__ import annotations

import re
from typing import Any

from .plan import InvalidPlanError
from .tool_names import called, tool_named

CALL = re.compile(r"MotionLLM\s*\.\s*(\w+)\s*\(", re.IGNORECASE)
_NEAR_CALL = re.compile(
    r"MotionLLM\W{0,6}(?:generate|caption|keep|smooth|open|export|name|undo|redo)", re.IGNORECASE
)
_OPENING = re.compile(r"\s*(?:\w+\s*=\s*)?(['\"‘’“”`])")
_BARE_ARGUMENT = re.compile(r"\s*(<?[\w.-]{0,80}>?)\s*\)")
_AFTER_CALL = re.compile(
    r"\s*(?:[;,.\]}\"'`]|$|\n|\d+\s*[.):]|and\b|then\b|MotionLLM\b)", re.IGNORECASE
)
_CLOSING = {"‘": "’", "“": "”"}
_FILE_PLACE = {"motion_file", "<motion_file>", "motion", "<motion>"}  # the paper's placeholder


def numbered_steps(text: str) -> list[dict[str, Any]]:
    """Return the steps of calls separated by ``;``, newlines or commas.

    Raises:
        InvalidPlanError: a call does not end; nothing is dropped silently.
    """
    steps: list[dict[str, Any]] = []
    # Each call is read within its own part of the text, so that an unfinished call cannot swallow
    # the next one.
    calls = list(CALL.finditer(text))
    rest = text[calls[-1].end() :] if calls else ""
    dangling = bool(re.search(r"(?:^|[;,\n])\s*\d+[.)]\s*\S{0,40}$", rest))
    ends = [call.start() for call in calls[1:]] + [len(text)]
    for call, end in zip(calls, ends, strict=True):
        argument = _argument(text[call.end() : end], last=end == len(text))
        if argument is not None:
            steps.append(called(tool_named(f"motionllm.{call[1]}"), argument))
    dangling |= near_calls(text) != len(calls)
    if len(steps) != len(calls) or dangling:
        raise InvalidPlanError(
            f"only {len(steps)} calls of MotionLLM are complete, and there are more; write"
            " each as MotionLLM.generate('…') and finish the last",
            "truncated",
        )
    return steps


def _argument(part: str, *, last: bool) -> str | None:
    """Return the argument of a call, given the text after its opening parenthesis; None if it does
    not end.
    """
    opening = _OPENING.match(part)
    if opening is None:
        bare = _BARE_ARGUMENT.match(part)
        if bare is None or not _ends(part[bare.end() :], last=last):
            return None
        return "" if bare[1].lower() in _FILE_PLACE else bare[1]
    quote = _CLOSING.get(opening[1], opening[1])
    start = opening.end()
    for closing in re.finditer(rf"{re.escape(quote)}\s*\)", part[start:]):
        argument = part[start : start + closing.start()]
        # Quotes and parentheses inside the description do not end it.
        if argument.count("(") != argument.count(")"):
            continue
        if not _ends(part[start + closing.end() :], last=last):
            continue
        return argument.strip()
    return None


def _ends(rest: str, *, last: bool) -> bool:
    """Return whether a call may end before this text, that is, no word of its argument follows."""
    if not _AFTER_CALL.match(rest) or re.match(r"\s*['\"`]\s*\w", rest):
        return False
    return last or not re.search(r"[^\W\d]", re.sub(r"\b(and|then|step)\b", "", rest))


def near_calls(text: str) -> int:
    """Return the number of MotionLLM calls in the text, damaged ones included."""
    return len(_NEAR_CALL.findall(text))
