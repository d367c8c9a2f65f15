"""The graph's cost per turn, with a planner and a motion engine that take no time.

    python benchmarks/graph_overhead.py [--turns 210]

Every turn edits a motion of six segments (another take of one of them), with an in-memory
checkpointer. The baseline is a LangGraph graph of three empty nodes, with the same checkpointer and
the same number of messages kept: the difference is ours.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Annotated, Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from motion_agent.agent_graph import MotionAgent
from motion_agent.agent_graph.agent import KEPT_MESSAGES
from motion_agent.agent_graph.planners import Answer, Task
from motion_agent.motion_core.fake import FakeEngine

ACTIONS = ("walks forward", "waves", "bows", "jumps", "turns left", "claps")
WINDOW = 20  # turns compared at the beginning and at the end


class InstantPlanner:
    """Makes six segments, then another take of a different one in each turn."""

    name = "instant"
    tries = 1

    def __init__(self) -> None:
        self.turn = 0

    def ask(self, task: Task) -> Answer:
        """Return the plan as JSON."""
        segments = task.timeline.segments
        steps: list[dict[str, Any]] = [{"tool": "keep_segment", "segment": s.id} for s in segments]
        if not segments:
            steps = [
                {"tool": "generate_motion", "description": f"a person {action}"}
                for action in ACTIONS
            ]
        else:
            taken = segments[self.turn % len(segments)]
            steps[self.turn % len(segments)] = {
                "tool": "generate_motion",
                "segment": taken.id,
                "description": taken.description,
            }
        self.turn += 1
        return Answer(json.dumps({"reasoning": "", "plan": steps, "placement": []}))

    def reply(self, request: str, facts: str) -> str | None:
        """Return None, which leaves the reply to the template."""
        return None


class _Messages(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


def bare_graph() -> Callable[[int], None]:
    """Return a function that runs a turn of a graph with three empty nodes."""

    def nothing(state: _Messages) -> dict[str, Any]:
        return {}

    def answer(state: _Messages) -> dict[str, Any]:
        old = [RemoveMessage(id=str(m.id)) for m in state["messages"][:-KEPT_MESSAGES]]
        return {"messages": [*old, AIMessage("done")]}

    graph = StateGraph(_Messages)
    for name, node in (("planner", nothing), ("executor", nothing), ("responder", answer)):
        graph.add_node(name, node)
    graph.add_edge(START, "planner")
    graph.add_edge("planner", "executor")
    graph.add_edge("executor", "responder")
    graph.add_edge("responder", END)
    compiled = graph.compile(checkpointer=InMemorySaver())

    def turn(number: int) -> None:
        config: Any = {"configurable": {"thread_id": "1"}}
        for _ in compiled.stream(
            {"messages": [HumanMessage(f"request {number}")]},
            config,
            stream_mode=["updates", "custom", "values"],
            durability="sync",
        ):
            pass

    return turn


def agent_graph() -> Callable[[int], None]:
    """Return a function that runs a turn of the agent."""
    agent = MotionAgent(InstantPlanner(), engine=FakeEngine(), repair_seams=False)

    def turn(number: int) -> None:
        result = agent.run(f"request {number}")
        assert result.error is None, result.error
        assert result.motion is not None

    return turn


def main() -> None:
    """Measure both and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=210)
    turns = parser.parse_args().turns
    first, last = f"turns 1-{WINDOW}", f"turns {turns - WINDOW + 1}-{turns}"
    print(f"median milliseconds a turn, {turns} turns\n")
    print(f"| graph | {first} | {last} | of processor time, {first} | {last} |")
    print("|---|---|---|---|---|")
    for name, make in (("three empty nodes", bare_graph), ("motion-agent", agent_graph)):
        turn = make()
        clocks: tuple[list[float], list[float]] = ([], [])
        for number in range(turns + 1):
            start = time.perf_counter(), time.process_time()
            turn(number)
            for times, end, begin in zip(
                clocks, (time.perf_counter(), time.process_time()), start, strict=True
            ):
                times.append(1000 * (end - begin))
        medians = [
            statistics.median(part)
            for times in clocks
            for part in (times[1 : WINDOW + 1], times[-WINDOW:])
        ]
        print(f"| {name} | " + " | ".join(f"{median:.1f}" for median in medians) + " |")


if __name__ == "__main__":
    main()
