"""The viewer of a chat page: the graph pushes each new motion beside its answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from motion_agent.agent_graph import build_graph
from motion_agent.agent_graph.graph import serve
from motion_agent.agent_graph.viewer import COMPONENT, KEPT_PAGES
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.studio import Studio

ANN: Any = {"configurable": {"thread_id": "1", "user": "ann"}}


def asked(graph: Any, request: str) -> tuple[list[Any], Any]:
    """The pushed messages, and the state after the turn."""
    messages = {"messages": [HumanMessage(request)]}
    events = list(graph.stream(messages, ANN, stream_mode="custom"))
    return [event for event in events if event.get("type") == "ui"], graph.get_state(ANN).values


def viewing() -> Any:
    studio = Studio(FakeEngine())
    return build_graph("offline", studio=studio, viewer=True, checkpointer=InMemorySaver())


def test_each_new_motion_is_pushed_beside_its_answer() -> None:
    graph = viewing()
    (pushed,), state = asked(graph, "A person walks, then bows.")
    assert state["ui"] == [pushed]
    assert pushed["name"] == COMPONENT
    assert pushed["metadata"]["message_id"] == state["messages"][-1].id
    assert pushed["props"]["motions"] == list(state["motions"]["1"]["motions"].values())
    assert pushed["props"]["title"] == "motion 1: a person walks, then a person bows"
    assert pushed["props"]["page"].startswith("<!doctype html>")
    assert asked(graph, "What does it show?")[0] == []
    (edited,), state = asked(graph, "make it slower")
    assert [shown["id"] for shown in state["ui"]] == [pushed["id"], edited["id"]]


def test_two_people_are_on_one_page() -> None:
    (pushed,), _ = asked(viewing(), "Two people: one walks, the other bows.")
    assert len(pushed["props"]["motions"]) == 2


def test_only_the_latest_motions_keep_their_pages() -> None:
    graph = viewing()
    for number, action in enumerate(("walks", "bows", "kicks", "jumps", "runs"), start=1):
        _, state = asked(graph, f"A person {action}.")
        pages = [bool(shown["props"]["page"]) for shown in state["ui"]]
        assert len(pages) == number
        assert pages == [False] * (number - KEPT_PAGES) + [True] * min(number, KEPT_PAGES)
    first = state["ui"][0]
    assert first["props"]["title"].endswith("a person walks")
    assert first["metadata"]["message_id"] == state["messages"][1].id


def test_a_graph_of_somebody_s_own_pushes_nothing() -> None:
    graph = build_graph("offline", studio=Studio(FakeEngine()), checkpointer=InMemorySaver())
    pushed, state = asked(graph, "A person walks.")
    assert pushed == state["ui"] == []


async def test_langgraph_json_names_the_component(repository: Path) -> None:
    settings = json.loads((repository / "langgraph.json").read_text())
    (graph,) = settings["graphs"]
    component = repository / settings["ui"][graph]
    assert f"export default {{ {COMPONENT}: " in component.read_text()
    assert "viewer" in (await serve()).nodes
