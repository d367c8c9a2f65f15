"""From a planner's answer to a plan: the parsing ladder.

Each rung reads a form that planners have been seen to write. The first to yield a valid plan wins,
and its name is recorded:

    json       the whole answer is JSON
    fence      JSON in a ``` fence (the last one)
    embedded   the last complete JSON value in prose
    lenient    JSON with single quotes, trailing commas, comments, bare keys (json_repair)
    numbered   the paper's own form: 1. MotionLLM.generate('…'); 2. MotionLLM.caption('…')
    thoughts   only thoughts came, and they end with the plan

A rung may correct JSON syntax; it never drops or invents a step. Two guards ensure that: a lenient
value must hold every word of its text, and an answer that ends inside a JSON value counts as
truncated and is never completed.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from ..motion_core.llm_values import first_json, read_json
from .calls import CALL, numbered_steps
from .coercion import NotAPlan, holds_steps, plan_from_value, single_step
from .lenient_json import lenient_json
from .plan import TOOLS, InvalidPlanError, Plan, validate_plan

Rung = Literal["json", "fence", "embedded", "lenient", "numbered", "thoughts", "plan"]

MAX_ANSWER = 80_000  # characters; the longest valid plan needs about half as many

_THINK = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_MOST_TAGS = 64
_THINK_TAG = re.compile(r"</?think(?:ing)?>", re.IGNORECASE)
_FENCE = re.compile(r"```[ \t]*([\w-]*)[ \t]*\n(.*?)```", re.DOTALL)
_STEP_MARK = re.compile(
    r"(?:generate|caption|open|name|export)_?motion|keep_?segment|smooth_?join|start_over|MotionLLM\s*\."
    r"|['\"]?\b(?:plan|steps|tool)\b['\"]?\s*:|['\"](?:tool|undo|redo)\\*['\"]",
    re.IGNORECASE,
)
_TOOL_KEY = re.compile(r"\btool(?:_name)?\b\\*['\"]?\s*:", re.IGNORECASE)
_TOOL_VALUE = re.compile(rf"['\"](?:{'|'.join(TOOLS)})\\*['\"]")
_TRACE = re.compile(  # traces of a step outside the parsed text
    r"(?:(?:generate|caption|open|name|export)_motion|keep_segment|smooth_join|start_over)\\*['\"(]"
    r"|MotionLLM\W{0,6}(?:generate|caption|open|keep|smooth|export|name|undo|redo)|['\"](?:tool|undo|redo)\\*['\"]|['\"]?\b(?:tool|description|segment)\\*['\"]\s*:",
    re.IGNORECASE,
)
_TORN_OFF = re.compile(r"\"|'\s*[}\]]")  # what a damaged value may have lost
_MORE_JSON = re.compile(r'[\[{][^\]}]*"')  # a damaged plan after the first, meant to replace it
_STRAY = re.compile(r"[{\[]\s*(?=[{\[])")
_MORE = re.compile(r'[{\["]')  # a plan that continues after its first value
_OPEN_JSON = re.compile(r"[{\[]\s*(?:['\"{\[]|\w+\s*:|$)")
_REFUSAL = re.compile(
    r"\b(i('m| am) sorry|i can(no|')t|i am unable|i'm unable|as an ai)\b", re.IGNORECASE
)
_SHOW_PLAN = (
    'answer with one JSON object only: {"reasoning": "…", "plan": [{"tool": "generate_motion",'
    ' "description": "a person …", …}]}'
)


@dataclass(frozen=True)
class Parsed:
    """A valid plan and the rung that read it."""

    plan: Plan
    rung: Rung


def parse_plan(text: str, *, truncated: bool = False, refusal: str | None = None) -> Parsed:
    """Return the plan in a planner's answer.

    Args:
        text: the answer.
        truncated: whether the provider says that the answer stopped at the length limit.
        refusal: the provider's refusal, if it has a field for one.

    Raises:
        InvalidPlanError: no valid plan; `cause` says whether it is empty, refused, truncated, a
            schema echo, no plan at all or an invalid plan.
    """
    if refusal:
        raise InvalidPlanError(f"the planner refused: {refusal[:300]}", "refused")
    if len(text) > MAX_ANSWER:
        raise InvalidPlanError(
            f"the answer has {len(text)} characters; a plan needs at most {MAX_ANSWER}", "no_plan"
        )
    open_thoughts = _THINK_TAG.findall(_without_closed_thoughts(text))
    if len(open_thoughts) > 1:  # their end is ambiguous
        raise InvalidPlanError(f"it is unclear where the thoughts end; {_SHOW_PLAN}", "no_plan")
    text = without_thoughts(text)
    if not text:
        if truncated:
            raise _truncated()
        raise InvalidPlanError(f"the answer is empty; {_SHOW_PLAN}", "empty")
    whole = read_json(text)
    if truncated and (whole is None or single_step(whole) or open_thoughts):
        raise _truncated()

    reading = _reading(text)
    if reading is not None:
        rung, source, value = reading
        with suppress(NotAPlan):
            plan = validate_plan(plan_from_value(value))
            _check_count(plan, source)
            return Parsed(plan, rung)
    if not _STEP_MARK.search(text) and _REFUSAL.search(text):
        raise InvalidPlanError(f"the planner refused: {text[:300]}", "refused")
    raise InvalidPlanError(f"there is no plan in the answer; {_SHOW_PLAN}", "no_plan")


def strict_plan(text: str, *, truncated: bool = False, refusal: str | None = None) -> Parsed:
    """Return the plan in an answer that is exactly one JSON object; nothing is corrected.

    It measures the benefit of the parsing ladder.

    Raises:
        InvalidPlanError: no valid plan; see `parse_plan`.
    """
    if refusal:
        raise InvalidPlanError(f"the planner refused: {refusal[:300]}", "refused")
    value = read_json(text)
    if value is None and truncated:
        raise _truncated()
    if not text.strip():
        raise InvalidPlanError(f"the answer is empty; {_SHOW_PLAN}", "empty")
    if not isinstance(value, dict):
        raise InvalidPlanError(f"the answer is not a JSON object; {_SHOW_PLAN}", "no_plan")
    return Parsed(validate_plan(value), "json")


def draft_of(text: str) -> tuple[dict[str, Any], list[Any]] | None:
    """Return the JSON object of a possibly invalid plan, and its list of steps; None if unclear."""
    try:
        reading = _reading(without_thoughts(text))
    except InvalidPlanError:
        return None
    value = reading[2] if reading is not None else None
    if single_step(value):
        value = [value]
    if isinstance(value, list):
        value = {"plan": value}
    if not isinstance(value, dict):
        return None
    steps = value.get("plan")
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        return None
    return value, steps


def has_steps(text: str) -> bool:
    """Return whether the text contains anything meant as a step or a plan."""
    return bool(_STEP_MARK.search(text))


_Reading = tuple[Rung, str, Any]
"""The rung, the text that was read, and the JSON value in it."""


def _check_count(plan: Plan, source: str) -> None:
    plan_text = json.dumps([plan.reasoning, *(step.description for step in plan.plan)])
    written = max(  # a description may itself mention tools and plans
        len(pattern.findall(source)) - len(pattern.findall(plan_text))
        for pattern in (_TOOL_KEY, _TOOL_VALUE)
    )
    if written > 0 and written != len(plan.plan):
        raise InvalidPlanError(
            f"{written} steps were written but {len(plan.plan)} are in the list 'plan';"
            f" {_SHOW_PLAN}"
        )


def _reading(text: str) -> _Reading | None:
    """Return the candidate value from the first rung that finds one."""
    whole = read_json(text)
    if whole is not None:
        return "json", text, whole
    found, outside = _fenced(text)
    if not found:
        found, outside = _embedded(text)
    if found:
        torn = any(rung == "lenient" for rung, _, _ in found) and _TORN_OFF.search(outside)
        source = found[-1][1]
        after = text[text.rfind(source) + len(source) :]
        if torn or _TRACE.search(outside) or _MORE_JSON.search(after):
            raise InvalidPlanError(f"there are steps beside the JSON; {_SHOW_PLAN}")
        return _final(found)
    if CALL.search(text):
        if _TOOL_KEY.search(text):
            raise InvalidPlanError(f"there are steps beside the calls of MotionLLM; {_SHOW_PLAN}")
        return "numbered", "", {"plan": numbered_steps(text), "reasoning": ""}
    return None


def _fenced(text: str) -> tuple[list[_Reading], str]:
    """Return the contents of the fences, if all that hold steps are readable, and the text
    outside.
    """
    readings: list[_Reading] = []
    for match in _FENCE.finditer(text):
        inside = match.group(2).strip()
        value = read_json(inside)
        if value is not None and plan_like(value):
            readings.append(("fence", inside, value))
        elif _STEP_MARK.search(inside):
            return [], text
    outside = _FENCE.sub(" ", text)
    return ([], text) if _STEP_MARK.search(outside) else (readings, outside)


def _embedded(text: str) -> tuple[list[_Reading], str]:
    """Return the JSON values in the text that may be plans or steps, and the text outside."""
    regions, open_end = _regions(text)
    outside = text if open_end is None else text[:open_end]
    readings: list[_Reading] = []
    for region in regions:
        outside = outside.replace(region, " ", 1)
        value = read_json(region)
        if value is not None:
            if plan_like(value):
                readings.append(("embedded", region, value))
            elif _TRACE.search(region):
                raise InvalidPlanError(f"there are steps outside the plan; {_SHOW_PLAN}")
        elif _STEP_MARK.search(region):
            value = lenient_json(region)
            if value is None:
                raise InvalidPlanError(
                    f"the JSON cannot be read without losing words; {_SHOW_PLAN}"
                )
            readings.append(("lenient", region, value))
    if open_end is None:
        return readings, outside
    whole = _behind_stray_brackets(text[open_end:])
    if whole is not None:
        return [*readings, ("embedded", *whole)], outside + text[open_end:].replace(
            whole[0], " ", 1
        )
    # The text ends inside a value. If it visibly closes, only quotes are at fault.
    tail = text[open_end:].rstrip("` \n\t")
    if _STEP_MARK.search(tail):
        closed = all(tail.count(a) == tail.count(b) for a, b in ("{}", "[]"))
        value = lenient_json(tail) if closed else None
        if value is None:
            raise _truncated()
        readings.append(("lenient", tail, value))
    elif _OPEN_JSON.match(tail):
        raise _truncated()
    return readings, outside


def _behind_stray_brackets(tail: str) -> tuple[str, Any] | None:
    """Return the whole plan after unclosed opening brackets, as text and value.

    Ollama writes such brackets when a schema meets thinking. An object cannot begin with an object,
    so nothing is lost; an unclosed list must be followed by a plan, not by one of its steps.
    """
    opening = _STRAY.match(tail)
    while opening is not None:
        tail = tail[opening.end() :]
        found = first_json(tail)
        if found is not None:
            value, end = found
            plan = isinstance(value, dict) and not single_step(value) and plan_like(value)
            rest = tail[end:]
            return (tail[:end], value) if plan and not _MORE.search(rest) else None
        opening = _STRAY.match(tail)
    return None


def _final(found: list[_Reading]) -> _Reading:
    """Return the plan among the values of a text: the last one, or all if each is one step."""
    rung, source, value = found[-1]
    if len(found) == 1:
        return found[0]
    values = [value for _, _, value in found]
    if all(single_step(value) for value in values):
        if any(r == "lenient" for r, _, _ in found):
            rung = "lenient"
        return rung, " ".join(source for _, source, _ in found), values
    # Drafts come before the plan; steps, or an answer without any, must not follow it.
    if not isinstance(value, dict) or single_step(value) or not holds_steps(value):
        raise InvalidPlanError(f"there are steps beside the plan; {_SHOW_PLAN}")
    if not all(isinstance(draft, dict) and not single_step(draft) for draft in values):
        raise InvalidPlanError(f"there are steps beside the plan; {_SHOW_PLAN}")
    return rung, source, value


def plan_like(value: Any) -> bool:
    """Return whether a JSON value may be meant as a plan or a step."""
    try:
        plan_from_value(value)
    except NotAPlan:
        return False
    except InvalidPlanError:
        return True
    return True


def _regions(text: str) -> tuple[list[str], int | None]:
    """Return the outermost {…} and […] of the text, and the start of an unclosed one.

    Only double quotes delimit strings here: an apostrophe in prose would open one that never ends.
    """
    regions, depth, start, in_string, skip = [], 0, 0, False, False
    for position, char in enumerate(text):
        if skip:
            skip = False
        elif in_string:
            skip = char == "\\"
            in_string = char != '"'
        elif char == '"' and depth:
            in_string = True
        elif char in "{[":
            start = position if depth == 0 else start
            depth += 1
        elif char in "}]" and depth:
            depth -= 1
            if depth == 0:
                regions.append(text[start : position + 1])
    return regions, start if depth else None


def without_thoughts(text: str) -> str:
    """Return the text without ``<think>`` blocks; an unclosed one loses only its tag."""
    text = _without_closed_thoughts(text)
    # A chat template may swallow the opening tag: the answer follows the closing one.
    closing = list(re.finditer(r"</think(?:ing)?>", text, re.IGNORECASE))
    if closing and text[closing[-1].end() :].strip():
        text = text[closing[-1].end() :]
    return _THINK_TAG.sub(" ", text).strip()


def _without_closed_thoughts(text: str) -> str:
    # Each opening tag is scanned to the end of the text: many would take minutes.
    return text if len(_THINK_TAG.findall(text)) > _MOST_TAGS else _THINK.sub(" ", text)


def _truncated() -> InvalidPlanError:
    return InvalidPlanError(
        "the answer stops before the plan is complete; write a shorter plan: fewer steps, shorter"
        " descriptions and one sentence of reasoning",
        "truncated",
    )
