"""From a planner's answer to a plan: the parsing ladder.

Each rung reads a form that planners were seen to write. The first that yields a valid plan
wins, and its name is recorded:

    json       the whole answer is JSON
    fence      JSON in a ``` fence (the last one)
    embedded   the last complete JSON value in prose
    repaired   JSON with single quotes, trailing commas, comments, bare keys (json_repair)
    numbered   the paper's own form: 1. MotionLLM.generate('…'); 2. MotionLLM.caption('…')

A rung may repair form; it never drops or invents a step. Two guards see to that: a repaired
value must hold every word of the text it was made from, and an answer that ends inside a JSON
value counts as truncated and is not repaired at all.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import json_repair

from .coercion import NotAPlan, near_calls, numbered_steps, plan_from_value, single_step
from .plan import InvalidPlanError, Plan, validate_plan

Rung = Literal["json", "fence", "embedded", "repaired", "numbered"]

MAX_ANSWER = 80_000  # characters; the longest valid plan needs about half of it

_THINK = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_THINK_TAG = re.compile(r"</?think(?:ing)?>", re.IGNORECASE)
_FENCE = re.compile(r"```[ \t]*([\w-]*)[ \t]*\n(.*?)```", re.DOTALL)
_STEP_MARK = re.compile(
    r"generate_?motion|caption_?motion|keep_?segment|MotionLLM\s*\.|['\"]?\b(?:plan|steps|tool)\b"
    r"['\"]?\s*:",
    re.IGNORECASE,
)
_TOOL_KEY = re.compile(r"\btool(?:_name)?\b\\*['\"]?\s*:", re.IGNORECASE)
_TOOL_VALUE = re.compile(r"['\"](?:generate_motion|caption_motion|keep_segment)\\*['\"]")
_CALL = re.compile(r"MotionLLM\s*\.\s*\w+\s*\(", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\w])//[^\n]*|^\s*#[^\n]*", re.DOTALL | re.MULTILINE)
_REFUSAL = re.compile(
    r"\b(i('m| am) sorry|i can(no|')t|i am unable|i'm unable|as an ai)\b", re.IGNORECASE
)
_CONSTANTS = {"none", "null", "true", "false"}
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
    """The plan in a planner's answer.

    Args:
        text: what the planner wrote.
        truncated: the provider said that the answer stopped at the length limit.
        refusal: the provider's refusal, where it has a field for that.

    Raises:
        InvalidPlanError: no valid plan; `cause` tells empty, refused, truncated, schema echo,
            no plan at all and invalid plan apart.
    """
    if refusal:
        raise InvalidPlanError(f"the planner refused: {refusal[:300]}", "refused")
    if len(text) > MAX_ANSWER:
        raise InvalidPlanError(
            f"the answer has {len(text)} characters; a plan needs at most {MAX_ANSWER}", "no_plan"
        )
    text = without_thoughts(text)
    if not text:
        if truncated:
            raise _truncated()
        raise InvalidPlanError(f"the answer is empty; {_SHOW_PLAN}", "empty")
    whole = _loads(text)
    if truncated and whole is None:
        raise _truncated()

    problem: InvalidPlanError | None = None
    for rung, source, value in _readings(text):
        try:
            plan = validate_plan(plan_from_value(value))
            _check_count(plan, source)
            if rung in ("embedded", "repaired") and _CALL.search(text):
                _check_calls(plan, text)
            return Parsed(plan, rung)
        except NotAPlan:
            continue
        except InvalidPlanError as err:
            # A later rung only reads the same text more loosely; keep the first reason.
            problem = problem or err
    if problem is not None:
        raise problem
    if not _STEP_MARK.search(text) and _REFUSAL.search(text):
        raise InvalidPlanError(f"the planner refused: {text[:300]}", "refused")
    raise InvalidPlanError(f"there is no plan in the answer; {_SHOW_PLAN}", "no_plan")


_Reading = tuple[Rung, str, Any]
"""The rung, the text that was read, and the JSON value in it."""


def _check_count(plan: Plan, source: str) -> None:
    written = max(len(_TOOL_KEY.findall(source)), len(_TOOL_VALUE.findall(source)))
    if written and written != len(plan.plan):
        raise InvalidPlanError(
            f"{written} steps are written but {len(plan.plan)} are in the list 'plan'; {_SHOW_PLAN}"
        )


def _check_calls(plan: Plan, text: str) -> None:
    # Brackets in prose can look like JSON: then the calls around them must not be forgotten.
    if near_calls(text) != len(plan.plan):
        raise InvalidPlanError(f"there are calls of MotionLLM beside the JSON; {_SHOW_PLAN}")


def _readings(text: str) -> Iterator[_Reading]:
    """Values that may be the plan, the most literal reading first."""
    whole = _loads(text)
    if whole is not None:
        yield "json", text, whole
        return
    fences = [match.group(2).strip() for match in _FENCE.finditer(text)]
    outside = _FENCE.sub(" ", text)
    if fences and not _STEP_MARK.search(outside):
        value = _loads(fences[-1])
        if value is not None and plan_like(value):
            yield "fence", fences[-1], value
            return
    yield from _embedded(text)
    if _CALL.search(text):
        yield "numbered", "", {"plan": numbered_steps(text), "reasoning": ""}


def _embedded(text: str) -> Iterator[_Reading]:
    regions, open_end = _regions(text)
    if open_end is not None:
        # The text ends inside a value. Only if it visibly closes is that a matter of quotes.
        tail = text[open_end:].rstrip("` \n\t")
        if _STEP_MARK.search(tail):
            closed = all(tail.count(a) == tail.count(b) for a, b in ("{}", "[]"))
            value = _repair(tail) if closed else None
            if value is None:
                raise _truncated()
            yield "repaired", tail, value
            return
    found: list[_Reading] = []
    for region in regions:
        value = _loads(region)
        if value is not None:
            if plan_like(value):
                found.append(("embedded", region, value))
        elif _STEP_MARK.search(region):
            value = _repair(region)
            if value is None:
                raise InvalidPlanError(
                    f"the JSON cannot be read without losing words; {_SHOW_PLAN}"
                )
            found.append(("repaired", region, value))
    if not found:
        return
    steps = [single_step(value) for _, _, value in found]
    if len(found) > 1 and steps[-1]:
        if not all(steps):
            raise InvalidPlanError(f"there are steps after the plan; {_SHOW_PLAN}")
        rung: Rung = "repaired" if any(r == "repaired" for r, _, _ in found) else "embedded"
        source = " ".join(region for _, region, _ in found)
        yield rung, source, [value for _, _, value in found]  # one JSON object a step
        return
    yield found[-1]


def plan_like(value: Any) -> bool:
    """Whether a JSON value may be meant as a plan or a step."""
    try:
        plan_from_value(value)
    except NotAPlan:
        return False
    except InvalidPlanError:
        return True
    return True


def _regions(text: str) -> tuple[list[str], int | None]:
    """The outermost {…} and […] of the text, and where an unclosed one starts.

    Only double quotes are strings here: an apostrophe in prose would open one that never ends.
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


def _repair(region: str) -> Any:
    value = json_repair.loads(region)
    if not isinstance(value, dict | list) or not value:
        return None
    said = json.dumps(value, ensure_ascii=False)
    missing = _words(_COMMENT.sub(" ", region)) - _words(said)
    return None if set(missing) - _CONSTANTS else value


def _words(text: str) -> Counter[str]:
    text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m.group(1), 16)), text)
    text = re.sub(r"\\[nrtbf]", " ", text)
    return Counter(re.findall(r"\w+", text.lower()))


def without_thoughts(text: str) -> str:
    """The text without ``<think>`` blocks; an unclosed one only loses its tag."""
    text = _THINK.sub(" ", text)
    # A chat template may have swallowed the opening tag: the answer is after the closing one.
    closing = list(re.finditer(r"</think(?:ing)?>", text, re.IGNORECASE))
    if closing and text[closing[-1].end() :].strip():
        text = text[closing[-1].end() :]
    return _THINK_TAG.sub(" ", text).strip()


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _truncated() -> InvalidPlanError:
    return InvalidPlanError(
        "the answer stops before the plan is complete; write a shorter plan: fewer steps, shorter"
        " descriptions and one sentence of reasoning",
        "truncated",
    )
