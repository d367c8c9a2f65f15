"""A planner's answer and how it is read: text, native tool calls, thoughts, and why it ended."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from langchain_core.messages import AIMessage

from .parsing import MAX_ANSWER, Parsed, has_steps, parse_plan, strict_plan, without_thoughts
from .plan import Cause, InvalidPlanError, Plan

PLAN_CALL = "motion_plan"
"""Name of the one function that a model with native tool calling is given."""

_FILTERED = "the provider's content filter stopped the answer"
_ENDINGS = {  # provider's name -> ours
    **dict.fromkeys(
        ("stop", "end_turn", "tool_calls", "tool_use", "completed", "stop_sequence"), "end"
    ),
    **dict.fromkeys(
        ("length", "max_tokens", "max_output_tokens", "model_context_window_exceeded"), "length"
    ),
    **dict.fromkeys(
        ("content_filter", "safety", "recitation", "blocklist", "prohibited_content", "spii"),
        "filter",
    ),
    **dict.fromkeys(("queued", "in_progress"), "unfinished"),
}  # fmt: skip
_BROKEN: dict[str, tuple[Cause, str]] = {
    "failed": ("failed", "the server failed while writing the answer"),
    "error": ("failed", "the server failed while writing the answer"),
    "cancelled": ("cancelled", "the answer was cancelled on the server"),
    "unfinished": ("unfinished", "the server returned an unfinished answer"),
}
_ONLY_THOUGHTS = (
    "the model only thought and wrote no answer: write the JSON object itself, not thoughts about"
    " it"
)


@dataclass(frozen=True)
class Answer:
    """A planner's answer.

    Attributes:
        text: its words, or its tool calls as JSON; the plan is read from this alone.
        plan: the plan itself, from a planner in this process; `text` is not read then.
        truncated: whether the provider says that it stopped at a length limit.
        refusal: why the model or its provider will not answer.
        problem: why the answer is unreadable although it has text.
        thoughts: a thinking model's thoughts, if its server separates them.
        stop: why the answer ended: ``end`` (by itself), ``length``, ``filter``, ``refusal``,
            ``failed``, ``cancelled``, ``unfinished``, else the provider's word; empty if unknown.
        ladder: whether malformed JSON may be read; if not, only a bare JSON object is a plan.
        seconds: time it took.
    """

    text: str = ""
    truncated: bool = False
    refusal: str | None = None
    problem: str | None = None
    thoughts: str = ""
    stop: str = ""
    ladder: bool = True
    seconds: float = 0.0
    input_tokens: int | None = None
    output_tokens: int | None = None
    plan: Plan | None = None

    def after(self, others: Sequence[Answer]) -> Answer:
        """Return the answer with the time and tokens of the discarded answers before it added."""
        answer = self
        for other in others:
            tokens_in = (other.input_tokens or 0) + (answer.input_tokens or 0)
            tokens_out = (other.output_tokens or 0) + (answer.output_tokens or 0)
            answer = replace(
                answer,
                seconds=round(answer.seconds + other.seconds, 3),
                input_tokens=None if answer.input_tokens is None else tokens_in,
                output_tokens=None if answer.output_tokens is None else tokens_out,
            )
        return answer

    @property
    def only_thoughts(self) -> bool:
        """Whether the answer holds nothing but thoughts."""
        silent = not self.text.strip() and not self.refusal and self.problem is None
        return silent and self.stop in ("end", "length", "") and bool(self.thoughts)


def read_answer(answer: Answer) -> Parsed:
    """Return the plan in the answer.

    Raises:
        InvalidPlanError: no valid plan; see `parse_plan`.
    """
    if answer.problem is not None:
        raise InvalidPlanError(answer.problem)
    if answer.plan is not None:
        return Parsed(answer.plan, "plan")
    if answer.stop == "filter" and answer.refusal:
        raise InvalidPlanError(answer.refusal, "filtered")
    if answer.stop in _BROKEN and answer.refusal is None:
        cause, advice = _BROKEN[answer.stop]
        raise InvalidPlanError(advice, cause)
    if answer.only_thoughts and answer.ladder:
        return _read_thoughts(answer)
    if not answer.ladder:
        return strict_plan(answer.text, truncated=answer.truncated, refusal=answer.refusal)
    return parse_plan(answer.text, truncated=answer.truncated, refusal=answer.refusal)


def _read_thoughts(answer: Answer) -> Parsed:
    """Return the plan at the end of the thoughts, where servers put it if a schema constrains a
    thinking model.

    Raises:
        InvalidPlanError: they end with something else; earlier drafts do not count.
    """
    if answer.truncated:
        raise InvalidPlanError(
            "the answer stopped at the length limit before anything but thoughts was written; think"
            " less and write a short plan",
            "truncated",
        )
    if answer.thoughts.rstrip().endswith(("}", "]", "```")):
        try:
            parsed = parse_plan(answer.thoughts)
        except InvalidPlanError as err:
            raise InvalidPlanError(f"{_ONLY_THOUGHTS} ({err})", "thoughts") from err
        return Parsed(parsed.plan, "thoughts")
    raise InvalidPlanError(_ONLY_THOUGHTS, "thoughts")


_ADVICE: dict[str, str] = {
    "truncated": "allow longer answers (MOTION_AGENT_MAX_TOKENS, MOTION_AGENT_NUM_CTX), or choose"
    " another planner",
    "thoughts": "the model thinks where it should answer: set MOTION_AGENT_THINKING=off, or choose"
    " another planner",
    "filtered": "say it in other words, or choose another planner",
    **dict.fromkeys(
        ("empty", "failed", "cancelled", "unfinished", "unavailable"),
        "that is the server's fault and not yours: try again, or choose another planner",
    ),
}


def advice(cause: Cause) -> str:
    """Return advice to the user when a planner gave no valid plan for that cause."""
    return _ADVICE.get(cause, "say it in simpler words, or choose another planner")


def answer_from(message: AIMessage, *, seconds: float = 0.0, ladder: bool = True) -> Answer:
    """Return a chat model's message as an answer, with its tool calls as text."""
    text, problem = str(message.text), None
    calls = _calls(message)
    if calls:
        text, problem = _calls_as_text(calls), _problem_of(message, calls)
    stop = _ending(message)
    refusal = _refusal(message)
    if refusal is None and stop == "filter":
        refusal = _FILTERED
    elif refusal is None and stop == "refusal":
        refusal = text or "the model would not answer"
    elif refusal is not None and stop != "filter":
        stop = "refusal"
    usage = message.usage_metadata
    return Answer(
        text=text,
        truncated=stop == "length",
        refusal=refusal,
        problem=problem,
        thoughts=_thoughts(message),
        stop=stop,
        ladder=ladder,
        seconds=round(seconds, 3),
        input_tokens=usage["input_tokens"] if usage else None,
        output_tokens=usage["output_tokens"] if usage else None,
    )


def stopped_early(err: Exception) -> Answer | None:
    """Return the answer inside an OpenAI client exception for an answer that stopped early."""
    kind = type(err).__name__
    if kind == "ContentFilterFinishReasonError":
        return Answer("", refusal=_FILTERED, stop="filter")
    completion = getattr(err, "completion", None)
    if kind != "LengthFinishReasonError" or completion is None:
        return None
    return Answer(completion.choices[0].message.content or "", truncated=True, stop="length")


def _calls(message: AIMessage) -> list[tuple[str, str]]:
    """Return the name and raw arguments of each call."""
    whole = [(c["name"], json.dumps(c["args"], ensure_ascii=False)) for c in message.tool_calls]
    broken = [(c.get("name") or "", c.get("args") or "") for c in message.invalid_tool_calls]
    return [*whole, *broken]


def _problem_of(message: AIMessage, calls: Sequence[tuple[str, str]]) -> str | None:
    """Return why the calls hold no readable plan, if their text does not show it."""
    words = without_thoughts(str(message.text))
    if has_steps(words) or len(words) > MAX_ANSWER:
        return (
            "there are steps in the text beside the function call; give all steps in one call of"
            f" {PLAN_CALL} and write nothing else"
        )
    if len(calls) > 1 and any(_is_plan_call(name) for name, _ in calls):
        return f"{len(calls)} functions were called; call {PLAN_CALL} once, with all steps"
    if message.tool_calls and message.invalid_tool_calls:  # collected apart, so their order is lost
        return (
            "the arguments of one of several calls are not JSON, so the order of the steps is"
            f" unclear; give all steps in one call of {PLAN_CALL}"
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


def _ending(message: AIMessage) -> str:
    """Return why the answer ended, in our terms; see `Answer.stop`."""
    facts = message.response_metadata
    reason = facts.get("finish_reason") or facts.get("done_reason") or facts.get("stop_reason")
    status = facts.get("status")
    if status == "incomplete":  # OpenAI's Responses API, which has no finish_reason
        reason = (facts.get("incomplete_details") or {}).get("reason") or "unfinished"
    elif not reason and isinstance(status, str):
        reason = status
    word = str(reason or "").lower()
    return _ENDINGS.get(word, word)


def _refusal(message: AIMessage) -> str | None:
    """Return the refusal from its own field or from a block of the Responses API."""
    refusal = message.additional_kwargs.get("refusal")
    for block in message.content if isinstance(message.content, list) else []:
        inner = block.get("value", block) if isinstance(block, dict) else {}
        if isinstance(inner, dict) and inner.get("type") == "refusal":
            refusal = refusal or inner.get("refusal") or "the model would not answer"
    return str(refusal) if refusal else None


def _thoughts(message: AIMessage) -> str:
    """Return the model's thoughts, from a field beside the content or from its blocks."""
    facts = message.additional_kwargs
    thoughts = facts.get("reasoning_content") or facts.get("reasoning")
    if isinstance(thoughts, str):
        return thoughts
    blocks = message.content if isinstance(message.content, list) else []
    parts: list[str] = []
    for block in blocks:
        if isinstance(block, dict) and block.get("type") in ("thinking", "reasoning"):
            parts.append(str(block.get("thinking") or block.get("reasoning") or ""))
            summary = block.get("summary")
            for part in summary if isinstance(summary, list) else []:
                parts.append(str(part.get("text", "")) if isinstance(part, dict) else "")
    return "\n".join(part for part in parts if part)
