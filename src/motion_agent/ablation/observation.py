"""What is seen of a conversation after a turn, small enough to be written down.

    {"motions": {"1": {"name": "motion 1", "placement": [],
                       "segments": [["s1", 1, "a person bows", 0.0, "5f0c…"], …]}},
     "current": "1", "reply": "…", "captions": [["clip.npz", "a person walks"]],
     "files": ["bow.bvh"], "error": "InputError" or null,
     "asks": [{"exchange": "…", "read": "…", "rung": "json", "cause": null, "error": null}, …]}

A segment is its id, person, description, wished seconds and the digest of its tokens: equal digests
are equal tokens, bit for bit.
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
    """A segment as it is checked."""

    id: str
    person: int
    description: str
    seconds: float
    tokens: str


def motions_of(agent: MotionAgent, thread: str) -> tuple[dict[str, Any], str]:
    """Return the motions of a conversation as they are written down, and the key of the current
    one.
    """
    state = _state(agent, thread)
    motions: Mapping[str, Any] = state.get("motions", {})
    timelines = {key: Timeline.from_json(value) for key, value in motions.items()}
    return {key: _motion(timeline) for key, timeline in timelines.items()}, state.get("current", "")


def observe(
    agent: MotionAgent, thread: str, turn: Turn, asks: Sequence[tuple[str, Reading]]
) -> dict[str, Any]:
    """Return what is written down of a turn.

    Args:
        agent: after the turn.
        thread: of the conversation.
        turn: its result.
        asks: key of each exchange, and how its answer was read.
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
    """Return the segments of an observed motion, all or those of one person."""
    seen = [Seen(*values) for values in motion.get("segments", ())]
    return [s for s in seen if person is None or s.person == person]


def remember(known: dict[str, dict[str, str]], motions: Mapping[str, Any]) -> None:
    """Add the tokens of all segments to what is known of each motion: id -> digest, the latest."""
    for key, motion in motions.items():
        known.setdefault(key, {}).update({s.id: s.tokens for s in segments_of(motion)})


def _outcome(read: Reading, attempt: Mapping[str, Any]) -> dict[str, Any]:
    """Return what became of an answer: it may be read and yet be refused, for it names no segment
    of ours.

    The agent's own word is only taken for that, since with the ladder off it sees nothing to read.
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
