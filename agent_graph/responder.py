"""The responder: tells the person what happened, and nothing that did not."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, RemoveMessage

from ..motion_core.errors import MotionAgentError
from .planners import Planner
from .state import AgentState, Timeline, TurnState, empty_timeline, segment_seconds


class Responder:
    """The node that answers: in the planner's words where it has some, else from a template.

    Args:
        planner: gives the words.
        keep_messages: how many messages stay in the state; None for all.
    """

    def __init__(self, planner: Planner, keep_messages: int | None = None) -> None:
        self._planner = planner
        self._keep = keep_messages

    def __call__(self, state: AgentState) -> dict[str, Any]:
        turn = state["turn"]
        timeline = state.get("timeline") or empty_timeline()
        told = template_reply(turn, timeline)
        reply = None
        if turn["error"] is None:
            try:
                reply = self._planner.reply(turn["request"], facts(turn, timeline))
            except MotionAgentError:
                reply = None  # the motion is made; a reply must not be what loses it
        reply = told if reply is None else _with_warning(reply, turn["unknown"])
        update: dict[str, Any] = {}
        notice = getattr(self._planner, "notice", None)
        if notice and not state.get("introduced"):
            reply = f"{reply}\n\n{notice}"
            update["introduced"] = True
        return {**update, "messages": [*self._dropped(state["messages"]), AIMessage(reply)]}

    def _dropped(self, messages: list[AnyMessage]) -> list[RemoveMessage]:
        if self._keep is None:
            return []
        return [RemoveMessage(id=m.id) for m in messages[: -self._keep] if m.id is not None]


def facts(turn: TurnState, timeline: Timeline) -> str:
    """What happened in this turn, a fact a line, for an LLM to put into words."""
    plan = turn["plan"] or {"reasoning": "", "plan": []}
    lines = [f"The planner's thoughts: {plan['reasoning']}"] if plan["reasoning"] else []
    tools = {step["tool"] for step in plan["plan"]}
    if tools - {"caption_motion"}:
        ids = " and ".join(timeline["motions"].values())
        lines.append(f"The motion is now {ids or 'empty'}; its segments in order:")
        for segment in timeline["segments"]:
            state = "new" if segment["id"] in turn["made"] else "unchanged"
            lines.append(
                f"- {segment['id']} ({state}, {segment_seconds(segment):.1f} s):"
                f" {segment['description']}"
            )
    elif not turn["captions"]:
        lines.append("No motion was made or changed.")
    for caption in turn["captions"]:
        lines.append(f"Caption of {caption['name']}: {caption['text']}")
    if turn["unknown"]:
        lines.append(
            f"The motion model was not trained on: {', '.join(turn['unknown'])}."
            " The result may not show it."
        )
    return "\n".join(lines)


def template_reply(turn: TurnState, timeline: Timeline) -> str:
    """A plain reply without a language model."""
    if turn["error"] is not None:
        return _capital(turn["error"]["message"]) + _stop(turn["error"]["message"])
    plan = turn["plan"] or {"reasoning": "", "plan": []}
    tools = [step["tool"] for step in plan["plan"]]
    parts = []
    if set(tools) - {"caption_motion"}:
        parts.append(_made(turn, timeline, tools))
    if turn["captions"] and tools:  # captions the planner did not put into words itself
        parts += [f"{c['name']} shows: {c['text']}." for c in turn["captions"]]
    if not tools:
        parts.append(plan["reasoning"] or "There is nothing to do for that.")
    return _with_warning(" ".join(parts), turn["unknown"])


def _made(turn: TurnState, timeline: Timeline, tools: list[str]) -> str:
    if not timeline["segments"]:
        return "There is no motion now."
    total = sum(segment_seconds(s) for s in timeline["segments"] if s["person"] == 1)
    names = " and ".join(timeline["motions"].values())
    steps = ", then ".join(
        f"{s['description']} ({s['id']}, {segment_seconds(s):.1f} s)" for s in timeline["segments"]
    )
    if tools in (["undo"], ["redo"]):
        verb = "Undone: the motion is again" if tools == ["undo"] else "Redone: the motion is again"
    elif len(turn["made"]) == len(timeline["segments"]):
        verb = "Made motion"
    else:
        verb = "Changed the motion; it is now"
    return f"{verb} {names}, {total:.1f} s: {steps}."


def _with_warning(reply: str, unknown: list[str]) -> str:
    """The reply, with the words the engine does not know, unless it names them."""
    silent = [word for word in unknown if f"{word}" not in reply.lower() or "train" not in reply]
    if not silent:
        return reply
    words = ", ".join(f"'{word}'" for word in silent)
    return f"{reply} I was not trained on {words}; the result may not show it."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _stop(text: str) -> str:
    return "" if text.endswith((".", "!", "?")) else "."
