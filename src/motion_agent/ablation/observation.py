"""What is recorded of a conversation after a turn.

    {"motions": {"1": {"name": "motion 1", "placement": [],
                       "segments": [["s1", 1, "a person bows", 0.0, "5f0c…"], …]}},
     "current": "1", "reply": "…", "captions": [["clip.npz", "a person walks"]],
     "files": ["bow.bvh"], "error": "InputError" or null,
     "asks": [{"exchange": "…", "read": "…", "rung": "json", "cause": null, "error": null}, …]}

A segment is its id, person, description, requested seconds and the digest of its tokens: equal
digests mean equal tokens, bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..agent_graph.agent import MotionAgent, Turn
from ..motion_core.timeline import Timeline
from .asking import Reading
from .records import digest


@dataclass(frozen=True)
class Seen:
    """A segment as the checks see it."""

    id: str
    person: int
    description: str
    seconds: float
    tokens: str


def motions_of(agent: MotionAgent, thread: str) -> tuple[dict[str, Any], str]:
    """Return a conversation's motions as recorded, and the key of the current one."""
    state = _state(agent, thread)
    motions: Mapping[str, Any] = state.get("motions", {})
    timelines = {key: Timeline.from_json(value) for key, value in motions.items()}
    return {key: _motion(timeline) for key, timeline in timelines.items()}, state.get("current", "")


def observe(
    agent: MotionAgent, thread: str, turn: Turn, asks: Sequence[tuple[str, Reading]]
) -> dict[str, Any]:
    """Return the record of a turn.

    Args:
        agent: after the turn.
        thread: of the conversation.
        turn: its result.
        asks: key of each exchange and the reading of its answer.
    """
    motions, current = motions_of(agent, thread)
    record = _state(agent, thread)["turn"]
    captions = [
        [event.data["name"], event.data["text"]] for event in turn.events if event.kind == "caption"
    ]
    return {
        "motions": motions,
        "current": current,
        "reply": turn.reply,
        "captions": captions,
        "files": list(turn.files),
        "error": record["error"]["type"] if record["error"] else None,
        "asks": [
            {"exchange": key, "read": read.digest, **_outcome(read, attempt)}
            for (key, read), attempt in zip(asks, record["attempts"], strict=False)
        ],
    }


def segments_of(motion: Mapping[str, Any], person: int | None = None) -> list[Seen]:
    """Return the segments of an observed motion, of one person or of all."""
    segments = [Seen(*values) for values in motion.get("segments", ())]
    return [s for s in segments if person is None or s.person == person]


def remember(known: dict[str, dict[str, str]], motions: Mapping[str, Any]) -> None:
    """Add the tokens of all segments to those known of each motion: id -> latest digest."""
    for key, motion in motions.items():
        known.setdefault(key, {}).update({s.id: s.tokens for s in segments_of(motion)})


def _outcome(read: Reading, attempt: Mapping[str, Any]) -> dict[str, Any]:
    """Return the outcome of an answer: a readable plan may still be rejected for naming an unknown
    segment.

    The agent's own result is used only for that, since it reads nothing with the ladder off.
    """
    if read.plan is None:
        return {"rung": None, "cause": read.cause, "error": read.error}
    refused = attempt["cause"] is not None
    rung = None if refused else read.rung
    return {"rung": rung, "cause": attempt["cause"], "error": attempt["error"]}


def _state(agent: MotionAgent, thread: str) -> Mapping[str, Any]:
    values: Mapping[str, Any] = agent.graph.get_state(
        {"configurable": {"thread_id": thread}}
    ).values
    return values


def _motion(timeline: Timeline) -> dict[str, Any]:
    segments = [
        [s.id, s.person, s.description, s.seconds, digest(list(s.tokens))]
        for s in timeline.segments
    ]
    placement = list(timeline.placement)
    return {"name": timeline.name, "placement": placement, "segments": segments}
