"""The tools inside other people's agents: `create_agent` and a bare `ToolNode`."""

from __future__ import annotations

from typing import Any

import pytest
from fakes import ScriptedChatModel
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.store import MotionStore
from motion_agent.tools import motion_tools


def wants(name: str, **args: Any) -> AIMessage:
    return AIMessage(
        "", tool_calls=[{"name": name, "args": args, "id": "call-1", "type": "tool_call"}]
    )


def tool_messages(state: dict[str, Any]) -> list[ToolMessage]:
    return [m for m in state["messages"] if isinstance(m, ToolMessage)]


def test_an_agent_generates_and_captions() -> None:
    store = MotionStore()
    generate, caption = motion_tools(FakeEngine(), store)
    made = generate.invoke({"descriptions": ["a person walks", "a person bows"]})
    motion_id = store.list()[0]
    model = ScriptedChatModel(
        script=[
            wants("generate_motion", descriptions=["a person walks", "a person bows"]),
            wants("caption_motion", motion=motion_id),
            "He walks, then bows.",
        ]
    )
    agent = create_agent(model, tools=[generate, caption])
    state = agent.invoke({"messages": [HumanMessage("make it and say what you see")]})
    first, second = tool_messages(state)
    assert first.text == made
    assert first.artifact["motion_id"] == motion_id
    assert "a person walks, then bows" in second.text
    assert state["messages"][-1].text == "He walks, then bows."


async def test_an_agent_does_so_asynchronously() -> None:
    model = ScriptedChatModel(
        script=[wants("generate_motion", descriptions=["a person walks"]), "ok"]
    )
    agent = create_agent(model, tools=motion_tools(FakeEngine()))
    state = await agent.ainvoke({"messages": [HumanMessage("walk")]})
    assert tool_messages(state)[0].text.startswith("Made motion m-")


def test_wrong_calls_do_not_crash_the_host() -> None:
    model = ScriptedChatModel(
        script=[
            wants("generate_motion", descriptions=[]),
            wants("generate_motion", text="walk"),
            wants("caption_motion", motion="m-000000"),
            wants("caption_motion", motion="../../etc/passwd"),
            "I gave up.",
        ]
    )
    agent = create_agent(model, tools=motion_tools(FakeEngine()))
    state = agent.invoke({"messages": [HumanMessage("walk")]})
    assert [m.status for m in tool_messages(state)] == ["error"] * 4
    assert state["messages"][-1].text == "I gave up."


def test_a_checkpointed_agent_keeps_the_artifact(recwarn: pytest.WarningsRecorder) -> None:
    model = ScriptedChatModel(
        script=[wants("generate_motion", descriptions=["a person walks"]), "ok"]
    )
    agent = create_agent(model, tools=motion_tools(FakeEngine()), checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}
    agent.invoke({"messages": [HumanMessage("walk")]}, config)
    kept = tool_messages(agent.get_state(config).values)[0]
    assert kept.artifact["segments"][0]["description"] == "a person walks"
    assert len(recwarn) == 0


def test_a_bare_tool_node_runs_them() -> None:
    graph = StateGraph(MessagesState)
    graph.add_node("tools", ToolNode(motion_tools(FakeEngine())))
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    good = wants("generate_motion", descriptions=["a person walks"])
    bad = wants("caption_motion", motion="nothing")
    for asked, status in ((good, "success"), (bad, "error")):
        state = graph.compile().invoke({"messages": [HumanMessage("walk"), asked]})
        assert tool_messages(state)[0].status == status
