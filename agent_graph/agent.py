"""`MotionAgent`: conversations about motion, without handling the graph yourself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Checkpointer

from ..motion_core.engine import CancelToken, MotionEngine
from ..motion_core.errors import InputError, MotionAgentError, UnexpectedError
from ..motion_core.limits import Limits
from ..motion_core.motion import Motion
from ..motion_core.placement import Placement
from ..motion_core.timeline import Timeline
from ..motion_core.users import user_key
from ..motion_core.words import one_line, whole
from ..tools.host import host_studio
from ..tools.user import USER
from .conversation import Conversation
from .executor import CANCEL
from .graph import PlannerLike, build_graph, check_request
from .serializer import ConversationSerializer
from .state import AgentState

if TYPE_CHECKING:
    from ..tools.host import StoreLike

KEPT_MESSAGES = 40  # a turn costs the same in a conversation of any length

EventKind = Literal[
    "loading",
    "plan",
    "ask_again",
    "progress",
    "segment",
    "repair_seam",
    "motion",
    "export",
    "caption",
    "reply",
]


@dataclass(frozen=True)
class Event:
    """Something that happened during a turn.

    Attributes:
        kind: ``loading`` (done, total: of the motion model, before it is first used), ``plan`` (a
            valid plan with steps), ``ask_again`` (an invalid answer, before the planner is asked
            again), ``progress`` (done, total), ``segment`` (number, total, id, description,
            seconds), ``repair_seam`` (text: how a bad join was mended), ``motion`` (name,
            motions by person, placement), ``export`` (files), ``caption``, ``reply``.
        data: details, as JSON values.
    """

    kind: EventKind
    data: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return _IN_WORDS[self.kind].format_map(_Facts(self.data))


@dataclass(frozen=True)
class Turn:
    """One request and its result.

    Attributes:
        reply: the answer to the person.
        motion: the motion if this turn made or changed one.
        motions: the motions of this turn by person, 1 and 2.
        motion_id: id of person 1's motion, whether or not this turn changed it.
        name: the motion's name in the conversation.
        placement: where person 2 stands.
        files: exported files, as paths inside the workspace.
        seams: a report for each join of the new motions; see `SeamReport`.
        repairs: how bad joins were mended, in words.
        plan: the executed plan, or None.
        error: one line if the turn failed, else None.
        events: everything that happened, in order.
    """

    reply: str
    motion: Motion | None = None
    motions: dict[int, Motion] = field(default_factory=dict)
    motion_id: str | None = None
    name: str | None = None
    placement: Placement | None = None
    files: tuple[str, ...] = ()
    seams: tuple[dict[str, Any], ...] = ()
    repairs: tuple[str, ...] = ()
    plan: dict[str, Any] | None = None
    error: str | None = None
    events: tuple[Event, ...] = ()


class MotionAgent:
    """An agent that makes, reads and edits motion in conversations.

    Args:
        planner: ``offline``, ``openai:MODEL``, ``ollama:MODEL``, any other LangChain string, or a
            chat model; None for ``$MOTION_AGENT_PLANNER``, else ``offline``.
        fallback: a planner to ask when the first gives no valid plan.
        engine: a motion engine, or the name or checkpoint folder of one; loaded on first use.
        store: keeps motions by id: a `MotionStore`, a folder, or any LangGraph store; in
            memory by default.
        workspace: the only folder from which motion files are read and to which motions are
            exported; None allows neither.
        seed: another seed gives another take of the same conversation.
        repair_seams: mend joins between segments that measure as bad.
        checkpointer: keeps conversations; in memory by default.
        limits: of one call and of one user.
        warm_up: load the motion model now rather than at the first request.

    Omitted arguments come from the environment; see `tools.host`.

    Raises:
        ConfigurationError: unknown planner.
        UnavailableError: the planner needs a key that is not set.
    """

    def __init__(
        self,
        planner: PlannerLike | None = None,
        *,
        fallback: PlannerLike | None = None,
        engine: MotionEngine | str | None = None,
        store: StoreLike | None = None,
        workspace: str | Path | None = None,
        seed: int = 0,
        repair_seams: bool = True,
        checkpointer: Checkpointer = None,
        limits: Limits | None = None,
        warm_up: bool = False,
    ) -> None:
        self.studio = host_studio(
            engine, store, workspace, limits=limits, repair_seams=repair_seams, warm_up=warm_up
        )
        self.store = self.studio.store
        self._user: str | None = None
        self.graph = build_graph(
            planner,
            fallback=fallback,
            studio=self.studio,
            seed=seed,
            keep_messages=KEPT_MESSAGES,
            checkpointer=checkpointer or InMemorySaver(serde=ConversationSerializer()),
        )
        self._threads: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def of(self, user: str) -> MotionAgent:
        """Return an agent for one user: same engine and planner, separate conversations and
        motions.

        Args:
            user: any text that names them, such as the id of their account.

        Raises:
            ConfigurationError: the name is empty or invalid.
        """
        other = copy(self)
        other.studio = self.studio.of(user)
        other.store = other.studio.store
        other._user = user
        return other

    def run(self, text: str, thread: str = "default", *, cancel: CancelToken | None = None) -> Turn:
        """Answer a request in the named conversation.

        Args:
            text: the request.
            thread: name of the conversation.
            cancel: stops the turn while motion is generated; `resume` finishes it.

        Raises:
            Cancelled: `cancel` was set during the turn.
            InputError: the request is empty or too long.
            UnavailableError: the planner's server or the engine's weights are unavailable.
            ConfigurationError: the planner's server refuses the key or the model.
            UnexpectedError: anything else went wrong; the turn is over and the conversation
                unchanged.
        """
        *_, turn = self.stream(text, thread, cancel=cancel)
        assert isinstance(turn, Turn)
        return turn

    def stream(
        self, text: str, thread: str = "default", *, cancel: CancelToken | None = None
    ) -> Iterator[Event | Turn]:
        """Answer a request like `run`, yielding each event as it happens and the turn last.

        Two requests to one conversation wait for each other. A request to a conversation with an
        unfinished turn (see `unfinished`) abandons that turn.
        """
        text = check_request(text)
        with self._locked(thread):
            yield from self._stream({"messages": [HumanMessage(text)]}, thread, cancel)

    def unfinished(self, thread: str = "default") -> str | None:
        """Return the request whose turn was interrupted, by a crash for example, or None."""
        state = self.graph.get_state(self._config(thread))
        if not state.tasks:  # `next` leaves out a task whose result is stored but not yet reported
            return None
        requests = [m.text for m in state.values["messages"] if isinstance(m, HumanMessage)]
        return requests[-1] if requests else None

    def resume(
        self, thread: str = "default", *, cancel: CancelToken | None = None
    ) -> Iterator[Event | Turn]:
        """Finish the interrupted turn without repeating what it had already generated.

        Raises:
            InputError: there is no unfinished turn.
        """
        with self._locked(thread):
            if self.unfinished(thread) is None:
                raise InputError(f"the conversation {thread!r} has no unfinished turn")
            yield from self._stream(None, thread, cancel)

    def abandon(self, thread: str = "default") -> None:
        """Abandon the interrupted turn, if any; the motions keep nothing of it."""
        with self._locked(thread):
            if self.unfinished(thread) is not None:
                self._leave(thread, "(stopped)")

    def _leave(self, thread: str, reason: str) -> None:
        update = {"messages": [AIMessage(reason)]}
        self.graph.update_state(self._config(thread), update, as_node="responder")
        self._forget_checkpoints(thread)

    def timeline(self, thread: str = "default") -> Timeline:
        """Return the current motion of the conversation as an editable timeline."""
        return self._conversation(thread).timeline

    def timelines(self, thread: str = "default") -> list[Timeline]:
        """Return all motions of the conversation, oldest first."""
        return list(self._conversation(thread).motions.values())

    def find(self, reference: str, thread: str = "default") -> Timeline | None:
        """Return the motion with that name, number or id; None if there is none."""
        conversation = self._conversation(thread)
        key = conversation.find(reference)
        return None if key is None else conversation.motions[key]

    def motions(self, thread: str = "default") -> dict[int, Motion]:
        """Return the current motion of the conversation by person; empty if there is none."""
        ids = self.timeline(thread).motions
        return {person: self.store.get(i) for person, i in ids.items() if i in self.store}

    def placement(self, thread: str = "default") -> Placement:
        """Return where person 2 stands in the current motion."""
        return self.timeline(thread).place

    def _conversation(self, thread: str) -> Conversation:
        state: Any = self.graph.get_state(self._config(thread)).values
        return Conversation(state)

    @contextmanager
    def _locked(self, thread: str) -> Iterator[None]:
        with self._lock:
            lock = self._threads.setdefault(self._thread_id(thread), threading.Lock())
        with lock:
            yield

    def _stream(
        self, graph_input: Any, thread: str, cancel: CancelToken | None
    ) -> Iterator[Event | Turn]:
        try:
            yield from self._turn(graph_input, thread, cancel)
        except MotionAgentError:
            raise
        except Exception as err:
            reason = f"unexpected {type(err).__name__}: {_line(err)}"
            self._leave(thread, f"(failed: {reason})")  # or every start would fail on it again
            raise UnexpectedError(
                f"{reason}; this request was dropped; the conversation is unchanged"
            ) from err

    def _turn(
        self, graph_input: Any, thread: str, cancel: CancelToken | None
    ) -> Iterator[Event | Turn]:
        events: list[Event] = []
        states: list[Any] = []  # the first update holds the state before this turn
        parts = self.graph.stream(
            graph_input,
            self._config(thread, cancel),
            stream_mode=["updates", "custom", "values"],
            durability="sync",  # a killed turn resumes at its last node
        )
        for mode, part in parts:
            if mode == "values":
                states = [*states[:1], part]
                continue
            for event in _events(mode, part):
                events.append(event)
                if event.kind != "reply":  # reported once the turn is kept
                    yield event
        state = states[-1]
        turn, timeline = state["turn"], Conversation(state).timeline
        changed = _motion_of(state) != _motion_of(states[0]) or (
            graph_input is None and turn["new"]
        )
        motions = {
            person: self.store.get(motion_id)
            for person, motion_id in timeline.motions.items()
            if changed
        }
        self._forget_checkpoints(thread)
        yield from (event for event in events if event.kind == "reply")
        yield Turn(
            reply=state["messages"][-1].text,
            motion=motions.get(1),
            motions=motions,
            motion_id=timeline.motions.get(1),
            name=timeline.name or None,
            placement=timeline.place if 2 in timeline.people else None,
            files=tuple(turn["files"]),
            seams=tuple(turn["seams"]),
            repairs=tuple(turn["repairs"]),
            plan=turn["plan"],
            error=turn["error"]["message"] if turn["error"] else None,
            events=tuple(events),
        )

    def _config(self, thread: str, cancel: CancelToken | None = None) -> RunnableConfig:
        configurable: dict[str, Any] = {"thread_id": self._thread_id(thread), CANCEL: cancel}
        if self._user is not None:
            configurable[USER] = self._user
        return {"configurable": configurable}

    def _thread_id(self, thread: str) -> str:
        """Return a thread id under which two users' conversations never collide, whatever their
        names.
        """
        if whole(thread) != thread:
            raise InputError(
                f"{one_line(thread, 80)!r} is not a valid conversation name: it contains half a"
                " character; choose another name"
            )
        return thread if self._user is None else f"{user_key(self._user)}/{thread}"

    def _forget_checkpoints(self, thread: str) -> None:
        """Delete all but the last checkpoint of a finished turn; undo lives in the state itself."""
        checkpointer = self.graph.checkpointer
        if isinstance(checkpointer, BaseCheckpointSaver):
            with suppress(NotImplementedError):  # not supported by every checkpointer
                checkpointer.prune([self._thread_id(thread)])


def _line(err: Exception) -> str:
    text = str(err).encode("utf-8", "replace").decode()
    return " ".join(text.split())[:200] or "no details"


class _Facts(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""


_IN_WORDS: dict[EventKind, str] = {
    "loading": "loading the motion model {done}/{total}",
    "plan": "plan: {summary}",
    "ask_again": "{planner}: {error}",
    "progress": "{stage} {done}/{total}",
    "segment": "segment {number}/{total}: {id} {description}",
    "repair_seam": "{text}",
    "motion": "motion {motions}",
    "export": "written: {files}",
    "caption": "{name} shows: {text}",
    "reply": "{text}",
}


def _motion_of(state: AgentState) -> object:
    """Return the current motion from the state, reading it once a turn."""
    return state.get("motions", {}).get(state.get("current", ""))


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
                if (
                    not steps and not turn["plan"]["placement"]
                ):  # an answer in words, which the reply carries
                    continue
                summary = "; ".join(
                    s["description"] or f"{s['tool']} {s['segment'] or s['motion']}".strip()
                    for s in steps
                )
                yield Event("plan", {**turn["plan"], "summary": summary})
            elif attempt is not None and turn["error"] is None:
                yield Event("ask_again", {k: attempt[k] for k in ("planner", "cause", "error")})
        elif node == "responder":
            yield Event("reply", {"text": update["messages"][-1].text})
