"""The responder: reports what happened, and nothing else."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, RemoveMessage

from ..motion_core.errors import MotionAgentError
from ..motion_core.timeline import Timeline
from ..motion_core.words import quoted
from .conversation import Conversation
from .state import AgentState, TurnState
from .task import Planner

_CHANGES = {
    "generate_motion",
    "keep_segment",
    "smooth_join",
    "start_over",
    "undo",
    "redo",
    "open_motion",
}


class Responder:
    """The node that replies, in the planner's words if it has any, else from a template.

    Args:
        planner: writes the reply.
        keep_messages: how many messages stay in the state; None for all.
    """

    def __init__(self, planner: Planner, keep_messages: int | None = None) -> None:
        self._planner = planner
        self._keep = keep_messages

    def __call__(self, state: AgentState) -> dict[str, Any]:
        turn = state["turn"]
        timeline = Conversation(state).timeline
        template = template_reply(turn, timeline)
        reply = None
        if turn["error"] is None:
            try:
                reply = self._planner.reply(turn["request"], facts(turn, timeline))
                if reply is not None and turn["files"]:  # tools whose results no provider is shown
                    reply = f"{reply} Written: {', '.join(turn['files'])}."
            except MotionAgentError:
                reply = None  # the motion exists; a failing reply must not lose it
        reply = template if reply is None else _with_warning(reply, turn)
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
    """Return what happened in this turn, one fact a line, for an LLM to put into words."""
    plan = turn["plan"] or {"reasoning": "", "plan": [], "placement": []}
    lines = [f"The planner's thoughts: {plan['reasoning']}"] if plan["reasoning"] else []
    if _changes(plan):
        lines.append(f"{_named(timeline)} is now current; its segments in order:")
        for segment in timeline.segments:
            state = "new" if segment.id in turn["new"] else "unchanged"
            who = f"person {segment.person}, " if 2 in timeline.people else ""
            lines.append(
                f"- {segment.id} ({who}{state}, {segment.duration:.1f} s):"
                f" {quoted(segment.description)}"
            )
        if 2 in timeline.people:
            lines.append(_placement_in_words(timeline))
    elif not turn["captions"] and not plan["plan"]:
        lines.append("No motion was made or changed.")
    lines += [f"The motion is called {timeline.name!r} now."] * ("name_motion" in _tools(plan))
    lines += [f"Written: a file {PurePath(file).suffix}" for file in turn["files"]]
    lines += [f"A join was mended: {repair}" for repair in turn["repairs"]]
    lines += [
        f"Caption of {quoted(caption['name'], 80)}: {quoted(caption['text'])}"
        for caption in turn["captions"]
    ]
    if turn["unknown"]:
        lines.append(
            f"The motion model was not trained on: {', '.join(turn['unknown'])}."
            " The result may not show it."
        )
    if nearest := turn.get("nearest"):
        lines.append(f"The nearest that it was trained on: {', '.join(nearest)}.")
    return "\n".join(lines)


def template_reply(turn: TurnState, timeline: Timeline) -> str:
    """Return a plain reply, without a language model."""
    plan = turn["plan"] or {"reasoning": "", "plan": [], "placement": []}
    tools = _tools(plan)
    error = turn["error"]
    parts = []
    if _changes(plan) and (error is None or turn["new"]):
        parts.append(_change_in_words(turn, timeline, plan))
    if "name_motion" in tools and error is None:
        parts.append(f"It is called {timeline.name!r} now.")
    if turn["files"]:
        parts.append(f"Written: {', '.join(turn['files'])}.")
    if turn["captions"] and tools:  # captions that the planner did not put into words itself
        parts += [f"{c['name']} shows: {c['text']}." for c in turn["captions"]]
    if error is not None:
        parts.append(_capital(error["message"]) + _stop(error["message"]))
    elif not tools and not plan["placement"]:
        parts.append(plan["reasoning"] or "There is nothing to do for that.")
    return _with_warning(" ".join(parts), turn)


def _change_in_words(turn: TurnState, timeline: Timeline, plan: dict[str, Any]) -> str:
    tools = _tools(plan)
    if not timeline.segments:
        if "start_over" in tools:
            return "Started over: tell me what the person does."
        return "There is no motion now."
    if tools in (["undo"], ["redo"]):
        verb = "Undone: we are back at" if tools == ["undo"] else "Redone: we are at"
    elif tools[:1] == ["open_motion"] and not set(tools) & _CHANGES - {"open_motion"}:
        verb = "Opened"
    elif not set(tools) & _CHANGES:
        verb = "Moved person 2 in"
    elif len(turn["new"]) == len(timeline.segments):
        verb = "Made"
    else:
        verb = "Changed"
    people = timeline.people
    steps = "; ".join(_steps_of(timeline, person, len(people) > 1) for person in people)
    placed = f" {_placement_in_words(timeline)}" if len(people) > 1 else ""
    return f"{verb} {_named(timeline)}, {timeline.duration:.1f} s: {steps}.{placed}"


def _steps_of(timeline: Timeline, person: int, several: bool) -> str:
    steps = ", then ".join(
        f"{s.description} ({s.id}, {s.duration:.1f} s)" for s in timeline.of(person)
    )
    return f"person {person}: {steps}" if several else steps


def _named(timeline: Timeline) -> str:
    ids = " and ".join(timeline.motions.values()) or "empty"
    return f"{timeline.name or 'the motion'} ({ids})"


def _placement_in_words(timeline: Timeline) -> str:
    place = timeline.place
    return (
        f"Person 2 stands at x {place.x:g} m, z {place.z:g} m, turned by {place.theta:g}° against"
        " person 1."
    )


def _tools(plan: dict[str, Any]) -> list[str]:
    return [step["tool"] for step in plan["plan"]]


def _changes(plan: dict[str, Any]) -> bool:
    return bool(set(_tools(plan)) & _CHANGES or plan["placement"])


def _with_warning(reply: str, turn: TurnState) -> str:
    """Return the reply with a warning about unknown words and the nearest known ones, unless it
    already mentions them.
    """
    silent = [word for word in turn["unknown"] if word not in reply.lower() or "train" not in reply]
    if silent:
        words = ", ".join(f"'{word}'" for word in silent)
        reply = f"{reply} I was not trained on {words}; the result may not show it."
    nearest = turn.get("nearest") or []
    if not nearest or any(action in reply for action in nearest):
        return reply
    return f"{reply} The nearest that I know: {', '.join(nearest)}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _stop(text: str) -> str:
    return "" if text.endswith((".", "!", "?")) else "."
