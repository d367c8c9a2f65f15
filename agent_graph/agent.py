"""`MotionAgent`: a conversation about motion, for people who do not want to see the graph."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Checkpointer

from ..motion_core.engine import MotionEngine
from ..motion_core.motion import Motion
from ..motion_core.store import MotionStore
from ..tools.workbench import Workbench
from .graph import PlannerLike, build_graph, check_request
from .state import empty_timeline

KEPT_MESSAGES = 40  # a turn costs the same in a conversation of any length

EventKind = Literal["plan", "repair", "progress", "segment", "motion", "caption", "reply"]


@dataclass(frozen=True)
class Event:
    """Something that happened during a turn.

    Attributes:
        kind: ``plan`` (a valid plan with steps), ``repair`` (an answer that was none, before it
            is asked again), ``progress`` (done, total), ``segment`` (number, total, id,
            description, seconds), ``motion``, ``caption``, ``reply``.
        data: the facts, JSON values.
    """

    kind: EventKind
    data: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return _IN_WORDS[self.kind].format_map(_Facts(self.data))


@dataclass(frozen=True)
class Turn:
    """One request and what came of it.

    Attributes:
        reply: what the person is told.
        motion: the motion if this turn made or changed one.
        motions: the motions of this turn by person, 1 and 2.
        plan: the plan that was carried out, or None.
        error: one line if the turn failed, else None.
        events: everything that happened, in order.
    """

    reply: str
    motion: Motion | None = None
    motions: dict[int, Motion] = field(default_factory=dict)
    motion_id: str | None = None
    plan: dict[str, Any] | None = None
    error: str | None = None
    events: tuple[Event, ...] = ()


class MotionAgent:
    """An agent that makes, reads and edits motion in conversations.

    Args:
        planner: ``offline``, ``openai:MODEL``, ``ollama:MODEL``, any other LangChain string, or a
            chat model.
        fallback: a planner that is asked where the first gives no valid plan.
        engine: a motion engine, or the name or checkpoint folder of one; loaded on first use.
        store: where motions are kept by id; in memory by default.
        workspace: the only folder whose motion files may be read; None allows none.
        seed: another seed gives another take of the same conversation.
        checkpointer: where conversations are kept; in memory by default.

    Raises:
        ConfigurationError: unknown planner.
        UnavailableError: the planner needs a key that is not set.
    """

    def __init__(
        self,
        planner: PlannerLike = "offline",
        *,
        fallback: PlannerLike | None = None,
        engine: MotionEngine | str | None = None,
        store: MotionStore | None = None,
        workspace: str | Path | None = None,
        seed: int = 0,
        checkpointer: Checkpointer = None,
    ) -> None:
        self.workbench = Workbench(engine, store, workspace)
        self.store = self.workbench.store
        self.graph = build_graph(
            planner,
            fallback=fallback,
            workbench=self.workbench,
            seed=seed,
            keep_messages=KEPT_MESSAGES,
            checkpointer=checkpointer or InMemorySaver(),
        )
        self._threads: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def run(self, text: str, thread: str = "default") -> Turn:
        """Answer a request in the conversation of that name.

        Raises:
            InputError: the request is empty or too long.
            UnavailableError: the planner's server or the engine's weights cannot be had.
            ConfigurationError: the planner's server refuses the key or the model.
        """
        *_, turn = self.stream(text, thread)
        assert isinstance(turn, Turn)
        return turn

    def stream(self, text: str, thread: str = "default") -> Iterator[Event | Turn]:
        """Like `run`, but gives each event as it happens; the last item is the turn.

        Two requests to one conversation wait for each other.
        """
        text = check_request(text)
        with self._lock:
            lock = self._threads.setdefault(thread, threading.Lock())
        with lock:
            yield from self._stream(text, {"configurable": {"thread_id": thread}})

    def _stream(self, text: str, config: Any) -> Iterator[Event | Turn]:
        events: list[Event] = []
        states: list[Any] = []  # the first holds what was before this turn
        parts = self.graph.stream(
            {"messages": [HumanMessage(text)]}, config, stream_mode=["updates", "custom", "values"]
        )
        for mode, part in parts:
            if mode == "values":
                states = [*states[:1], part]
                continue
            for event in _events(mode, part):
                events.append(event)
                yield event
        state = states[-1]
        turn, timeline = state["turn"], state.get("timeline") or empty_timeline()
        changed = timeline != (states[0].get("timeline") or empty_timeline())
        motions = {
            int(person): self.store.get(motion_id)
            for person, motion_id in timeline["motions"].items()
            if changed
        }
        yield Turn(
            reply=state["messages"][-1].text,
            motion=motions.get(1),
            motions=motions,
            motion_id=timeline["motions"].get("1"),
            plan=turn["plan"],
            error=turn["error"]["message"] if turn["error"] else None,
            events=tuple(events),
        )


class _Facts(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""


_IN_WORDS: dict[EventKind, str] = {
    "plan": "plan: {summary}",
    "repair": "{planner}: {error}",
    "progress": "{stage} {done}/{total}",
    "segment": "segment {number}/{total}: {id} {description}",
    "motion": "motion {motions}",
    "caption": "{name} shows: {text}",
    "reply": "{text}",
}


def _events(mode: str, part: Any) -> Iterator[Event]:
    if mode == "custom":
        facts = dict(part)
        yield Event(facts.pop("kind"), facts)
        return
    for node, update in part.items():
        if node == "planner":
            turn = update["turn"]
            attempt = turn["attempts"][-1] if turn["attempts"] else None
            if turn["plan"] is not None:
                steps = turn["plan"]["plan"]
                if not steps:  # an answer in words, which the reply tells
                    continue
                told = "; ".join(s["description"] or f"{s['tool']} {s['segment']}" for s in steps)
                yield Event("plan", {**turn["plan"], "summary": told})
            elif attempt is not None and turn["error"] is None:
                yield Event("repair", {k: attempt[k] for k in ("planner", "cause", "error")})
        elif node == "responder":
            yield Event("reply", {"text": update["messages"][-1].text})
