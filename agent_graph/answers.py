"""What a planner wrote, and how it is read: text, native tool calls, and why it stopped."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage

from .parsing import MAX_ANSWER, Parsed, has_steps, parse_plan, strict_plan, without_thoughts
from .plan import InvalidPlanError

PLAN_CALL = "motion_plan"
"""Name of the one function that a model with native tool calling is given."""

_FILTERED = "the provider's content filter stopped the answer"
_LENGTH = {"length", "max_tokens", "MAX_TOKENS", "model_context_window_exceeded"}
_FILTER = {"content_filter", "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"}


@dataclass(frozen=True)
class Answer:
    """What a planner wrote.

    Attributes:
        text: its words, or its tool calls as JSON: all that the plan is read from.
        truncated: the provider says that it stopped at a length limit.
        refusal: why the model or its provider will not answer.
        problem: why the answer cannot be read at all, though there is text.
        ladder: whether its form may be repaired; without, only a bare JSON object is a plan.
        seconds: how long it took.
    """

    text: str
    truncated: bool = False
    refusal: str | None = None
    problem: str | None = None
    ladder: bool = True
    seconds: float = 0.0
    input_tokens: int | None = None
    output_tokens: int | None = None


def read_answer(answer: Answer) -> Parsed:
    """The plan in the answer.

    Raises:
        InvalidPlanError: no valid plan; see `parse_plan`.
    """
    if answer.problem is not None:
        raise InvalidPlanError(answer.problem)
    if not answer.ladder:
        return strict_plan(answer.text, truncated=answer.truncated, refusal=answer.refusal)
    return parse_plan(answer.text, truncated=answer.truncated, refusal=answer.refusal)


def answer_from(message: AIMessage, *, seconds: float = 0.0, ladder: bool = True) -> Answer:
    """What a chat model said, with its tool calls as text."""
    text, problem = str(message.text), None
    calls = _calls(message)
    if calls:
        text, problem = _calls_as_text(calls), _problem_of(message, calls)
    stop = _stop_reason(message)
    refusal = message.additional_kwargs.get("refusal") or None
    if refusal is None and stop in _FILTER:
        refusal = _FILTERED
    elif refusal is None and stop == "refusal":
        refusal = text or "the model would not answer"
    usage = message.usage_metadata
    return Answer(
        text=text,
        truncated=stop in _LENGTH,
        refusal=refusal,
        problem=problem,
        ladder=ladder,
        seconds=round(seconds, 3),
        input_tokens=usage["input_tokens"] if usage else None,
        output_tokens=usage["output_tokens"] if usage else None,
    )


def stopped_early(err: Exception) -> Answer | None:
    """The answer in an exception of the OpenAI client, which raises where an answer stops early."""
    kind = type(err).__name__
    if kind == "ContentFilterFinishReasonError":
        return Answer("", refusal=_FILTERED)
    completion = getattr(err, "completion", None)
    if kind != "LengthFinishReasonError" or completion is None:
        return None
    return Answer(completion.choices[0].message.content or "", truncated=True)


def _calls(message: AIMessage) -> list[tuple[str, str]]:
    """Name and raw arguments of each call."""
    whole = [(c["name"], json.dumps(c["args"], ensure_ascii=False)) for c in message.tool_calls]
    broken = [(c.get("name") or "", c.get("args") or "") for c in message.invalid_tool_calls]
    return [*whole, *broken]


def _problem_of(message: AIMessage, calls: Sequence[tuple[str, str]]) -> str | None:
    """Why no plan can be read from the calls, where their text does not tell."""
    words = without_thoughts(str(message.text))
    if has_steps(words) or len(words) > MAX_ANSWER:
        return (
            "there are steps in the text beside the function call; give all steps in one call of"
            f" {PLAN_CALL} and write nothing else"
        )
    if len(calls) > 1 and any(_is_plan_call(name) for name, _ in calls):
        return f"{len(calls)} functions were called; call {PLAN_CALL} once, with all steps"
    if message.tool_calls and message.invalid_tool_calls:  # told apart, so their order is lost
        return (
            "the arguments of one of several calls are no JSON, so the order of the steps is not"
            f" certain; give all steps in one call of {PLAN_CALL}"
        )
    return None


def _calls_as_text(calls: Sequence[tuple[str, str]]) -> str:
    if len(calls) == 1 and _is_plan_call(calls[0][0]):
        return calls[0][1] or "{}"
    parts = [
        f'{{"name": {json.dumps(name)}, "arguments": {raw.strip() or "{}"}}}' for name, raw in calls
    ]
    return f"[{', '.join(parts)}]"


def _is_plan_call(name: str) -> bool:
    return re.sub(r"[^a-z]", "", name.lower().removeprefix("functions.")) in (
        "motionplan",
        "planmotion",
        "plan",
        "makeplan",
        "createplan",
    )


def _stop_reason(message: AIMessage) -> Any:
    facts = message.response_metadata
    return facts.get("finish_reason") or facts.get("done_reason") or facts.get("stop_reason")
