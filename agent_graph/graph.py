"""The graph: planner → executor → responder, with two loops back.

    START → planner ──valid plan──→ executor ──→ responder → END
              ↑  └──invalid, tries left──┘
              └────────captions to reason about────────┘

With a viewer, `Viewer` comes between responder and END.

The nodes are sync functions; LangGraph runs them in threads under `ainvoke`.
"""

from __future__ import annotations

import asyncio
import os
from functools import cache
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage, HumanMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer, RetryPolicy

from ..motion_core.errors import InputError, UnavailableError
from ..motion_core.stages import stage
from ..motion_core.studio import Studio
from ..motion_core.words import whole
from ..tools.host import host_studio
from ..tools.user import user_of
from .answers import Answer, advice, read_answer
from .conversation import Conversation
from .executor import Executor
from .parsing import Parsed
from .plan import InvalidPlanError, Plan, check_against_timeline
from .planners import Planner, Task, ask_again, make_planner
from .providers import TransientError
from .resolver import resolve
from .responder import Responder
from .state import KEPT_TEXT, AgentState, Attempt, TurnState, new_turn
from .viewer import Viewer

MAX_REQUEST = 8000  # characters

PlannerLike = str | BaseChatModel | Planner


def build_graph(
    planner: PlannerLike | None = None,
    *,
    fallback: PlannerLike | None = None,
    studio: Studio | None = None,
    seed: int = 0,
    keep_messages: int | None = None,
    viewer: bool = False,
    checkpointer: Checkpointer = None,
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return the compiled graph; start it with ``{"messages": [HumanMessage("…")]}``.

    Args:
        planner: a planner string, a LangChain chat model or a planner; None for
            ``$MOTION_AGENT_PLANNER``, else ``offline``.
        fallback: asked when the planner gives no valid plan.
        studio: engine, store and workspace; None for those of the environment (`tools.host`).
        seed: another seed gives another take of the same conversation.
        keep_messages: how many of the latest messages stay in the state; None for all, which is
            required when the messages belong to a host's graph.
        viewer: push the motion to the chat page, as `serve` does; see `Viewer`.
        checkpointer: any LangGraph checkpointer; None inside a graph that has its own.

    Raises:
        ConfigurationError: unknown planner.
        UnavailableError: the planner needs a key that is not set.
    """
    first = make_planner(planner or os.environ.get("MOTION_AGENT_PLANNER") or "offline")
    planners = [first] if fallback is None else [first, make_planner(fallback)]
    studio = studio or host_studio()
    graph = StateGraph(AgentState)
    graph.add_node(
        "planner",
        _PlannerNode(planners, studio),
        retry_policy=RetryPolicy(max_attempts=3, initial_interval=0.5, retry_on=TransientError),
    )
    graph.add_node("executor", _ExecutorNode(Executor(studio, seed)))
    graph.add_node("responder", Responder(first, keep_messages))
    graph.add_edge(START, "planner")
    graph.add_conditional_edges("planner", _after_planner, ["planner", "executor", "responder"])
    graph.add_conditional_edges("executor", _after_executor, ["planner", "responder"])
    if viewer:
        graph.add_node("viewer", Viewer(studio))
        graph.add_edge("responder", "viewer")
    graph.add_edge("viewer" if viewer else "responder", END)
    return graph.compile(checkpointer=checkpointer, name="motion_agent")


async def serve() -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return the graph that ``langgraph dev`` serves (langgraph.json).

    It is built in a thread, since the server allows nothing in its event loop that touches a disk.

    Environment: MOTION_AGENT_PLANNER (default ``offline``), and see `tools.host`. Each user
    authenticated by the server or named in a run's configuration has their own motions. A chat page
    such as agent-chat-ui shows each motion with its answer.
    """
    return await asyncio.to_thread(_served)


@cache
def _served() -> CompiledStateGraph[Any, Any, Any, Any]:
    # Once per process: the server calls the factory for every run, and motions must outlive it.
    return build_graph(viewer=True)


def check_request(text: str) -> str:
    """Return the request, stripped.

    Raises:
        InputError: empty or too long.
    """
    text = whole(text.strip())
    if not text:
        raise InputError("the request is empty; say what the person should do")
    if len(text) > MAX_REQUEST:
        raise InputError(
            f"the request has {len(text)} characters, the limit is {MAX_REQUEST}; shorten it"
        )
    return text


class _ExecutorNode(Runnable[AgentState, dict[str, Any]]):
    """Runs the executor, in a thread when the graph is asynchronous so that the loop stays free.

    A `RunnableLambda` of both functions would inspect their signatures again in every turn.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def invoke(
        self, input: AgentState, config: RunnableConfig | None = None, **_: Any
    ) -> dict[str, Any]:
        return self._executor(input, config or {})

    async def ainvoke(
        self, input: AgentState, config: RunnableConfig | None = None, **_: Any
    ) -> dict[str, Any]:
        return await self._executor.in_thread(input, config or {})


class _PlannerNode:
    """Asks a planner once and reads its answer; the graph's edges choose what comes next."""

    def __init__(self, planners: list[Planner], studio: Studio) -> None:
        self._planners = planners
        self._studio = studio

    def __call__(self, state: AgentState, config: RunnableConfig) -> dict[str, Any]:
        with stage("plan"):
            return self._plan(state, config)

    def _plan(self, state: AgentState, config: RunnableConfig) -> dict[str, Any]:
        studio = self._studio.of(user_of(config))
        messages = state["messages"]
        turn = _current_turn(state, messages)
        try:
            check_request(turn["request"])
        except InputError as err:
            return {"turn": {**turn, "error": _error(err), "tries": 0}}
        planner, failed, last = self._whose_turn(turn)
        conversation = Conversation(state)
        task = Task(
            request=resolve(turn["request"], conversation),
            timeline=conversation.timeline,
            others=conversation.others,
            looked_at=state.get("looked_at", []),
            about_file=state.get("about_file", False),
            captions=turn["captions"],
            history=[m for m in messages if m.id != turn["id"]],
            failed=failed,
        )
        try:
            answer = (
                planner.ask(task) if planner is self._planners[-1] else ask_again(planner, task)
            )
        except UnavailableError as err:
            if planner is self._planners[-1]:
                raise
            attempt = _attempt(planner, Answer(""), None, InvalidPlanError(str(err), "unavailable"))
            attempts = [*turn["attempts"], attempt]
            return {
                "turn": {**turn, "attempts": attempts, "tries": self._tries_before_next(planner)}
            }
        try:
            parsed = read_answer(answer)
            check_against_timeline(parsed.plan, _segments(parsed.plan, conversation, studio))
            _check_captioned(parsed.plan, conversation, studio)
        except InvalidPlanError as err:
            attempt = _attempt(planner, answer, None, err)
            changes: dict[str, Any] = {
                **turn,
                "plan": None,
                "tries": turn["tries"] + 1,
                "attempts": [*turn["attempts"], attempt],
            }
            if last:
                changes["error"] = _give_up(err, changes["attempts"])
            return {"turn": changes}
        attempt = _attempt(planner, answer, parsed, None)
        return {
            "turn": {
                **turn,
                "plan": parsed.plan.model_dump(mode="json"),
                "tries": 0,
                "attempts": [*turn["attempts"], attempt],
            }
        }

    def _tries_before_next(self, planner: Planner) -> int:
        """Return the value of `tries` at which the next planner takes over."""
        upto = self._planners.index(planner) + 1
        return sum(earlier.tries for earlier in self._planners[:upto])

    def _whose_turn(self, turn: TurnState) -> tuple[Planner, list[Attempt], bool]:
        """Return the planner to ask now, its failed answers so far, and whether this is the last
        try.
        """
        tries = turn["tries"]
        for planner in self._planners:
            if tries < planner.tries:
                last = planner is self._planners[-1] and tries == planner.tries - 1
                return planner, turn["attempts"][len(turn["attempts"]) - tries :], last
            tries -= planner.tries
        raise AssertionError("the planner node was entered without a try left")


def _check_captioned(plan: Plan, conversation: Conversation, studio: Studio) -> None:
    """Check that motions to be captioned exist before others are generated in vain."""
    if not plan.steps_of("generate_motion"):
        return
    for number, step in enumerate(plan.plan, start=1):
        if step.tool != "caption_motion" or not step.motion or conversation.find(step.motion):
            continue
        try:
            studio.find(step.motion)
        except InputError as err:
            raise InvalidPlanError(f"step {number}: {err}", steps=[number]) from err


def _segments(plan: Plan, conversation: Conversation, studio: Studio) -> list[str]:
    """Return the ids of the segments that the plan may refer to."""
    first = plan.plan[0] if plan.plan else None
    timeline = conversation.timeline
    if first is not None and first.tool == "start_over":
        return []
    if first is not None and first.tool == "open_motion":
        key = conversation.find(first.motion)
        if key is None:
            try:
                motion = studio.find(first.motion)
            except InputError as err:
                known = ", ".join(t.name for t in conversation.motions.values()) or "none yet"
                raise InvalidPlanError(
                    f"there is no motion {first.motion!r} in this conversation (it has:"
                    f" {known}), and {err}"
                ) from err
            return [segment.id for segment in motion.segments] or ["s1"]
        timeline = conversation.motions[key]
    return [segment.id for segment in timeline.segments]


def _current_turn(state: AgentState, messages: list[AnyMessage]) -> TurnState:
    message = next((m for m in reversed(messages) if isinstance(m, HumanMessage)), None)
    message_id = (message.id if message is not None else None) or "none"
    turn = state.get("turn")
    if turn and turn["id"] == message_id:
        return turn
    return new_turn(message_id, message.text if message is not None else "")


def _attempt(
    planner: Planner, answer: Answer, parsed: Parsed | None, err: InvalidPlanError | None
) -> Attempt:
    return {
        "planner": planner.name,
        "rung": parsed.rung if parsed else None,
        "cause": err.cause if err else None,
        "error": str(err) if err else None,
        "steps": list(err.steps) if err else [],
        "stop": answer.stop,
        "text": (answer.text or answer.thoughts)[:KEPT_TEXT],
        "seconds": answer.seconds,
        "input_tokens": answer.input_tokens,
        "output_tokens": answer.output_tokens,
    }


def _give_up(err: InvalidPlanError, attempts: list[Attempt]) -> dict[str, str]:
    names = ", ".join(dict.fromkeys(attempt["planner"] for attempt in attempts))
    if len(attempts) == 1:
        return _error(err)
    return {
        "type": "PlanError",
        "message": f"{names} gave no valid plan in {len(attempts)} answers (last problem:"
        f" {err}); {advice(err.cause)}",
    }


def _error(err: Exception) -> dict[str, str]:
    return {"type": type(err).__name__, "message": str(err)}


def _after_planner(state: AgentState) -> Literal["planner", "executor", "responder"]:
    turn = state["turn"]
    if turn["error"] is not None:
        return "responder"
    if turn["plan"] is None:
        return "planner"
    return "executor" if turn["plan"]["plan"] or turn["plan"]["placement"] else "responder"


def _after_executor(state: AgentState) -> Literal["planner", "responder"]:
    return "planner" if state["turn"]["reason"] else "responder"
