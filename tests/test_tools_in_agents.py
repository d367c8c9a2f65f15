"""The tools inside other people's agents: `create_agent`, middleware and a bare `ToolNode`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from fakes import ScriptedChatModel
from langchain.agents import create_agent
from langchain.agents.middleware import ToolRetryMiddleware
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import ToolException
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from motion_agent.motion_core.errors import GenerationError
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
    tools = motion_tools(FakeEngine(), store)
    generate = tools[0]
    answer = generate.invoke({"descriptions": ["a person walks", "a person bows"]})
    motion_id = store.list()[0]
    model = ScriptedChatModel(
        script=[
            wants("generate_motion", descriptions=["a person walks", "a person bows"]),
            wants("caption_motion", motion=motion_id),
            "He walks, then bows.",
        ]
    )
    agent = create_agent(model, tools=tools)
    state = agent.invoke({"messages": [HumanMessage("make it and say what you see")]})
    first, second = tool_messages(state)
    assert first.text == answer
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
            wants("edit_motion", motion="m-000000", operation="remove"),
            wants("edit_motion", operation="explode"),
            wants("list_motions", latest=-1),
            wants("export_motion", motion="m-000000", file="../x.bvh"),
            wants("delete_motion", motion="m-000000"),
            "I gave up.",
        ]
    )
    agent = create_agent(model, tools=motion_tools(FakeEngine()))
    state = agent.invoke({"messages": [HumanMessage("walk")]})
    assert [m.status for m in tool_messages(state)] == ["error"] * 9
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
    for calls, status in ((good, "success"), (bad, "error")):
        state = graph.compile().invoke({"messages": [HumanMessage("walk"), calls]})
        assert tool_messages(state)[0].status == status


def test_an_agent_edits_lists_and_exports(tmp_path: Path) -> None:
    store = MotionStore()
    tools = motion_tools(FakeEngine(), store, tmp_path)
    tools[0].invoke({"descriptions": ["a person walks", "a person bows"]})
    (motion_id,) = store.list()
    model = ScriptedChatModel(
        script=[
            wants("edit_motion", motion=motion_id, operation="repeat", segment="s2"),
            wants("list_motions"),
            wants("export_motion", motion=motion_id, file="walk.bvh"),
            "Done.",
        ]
    )
    state = create_agent(model, tools=tools).invoke({"messages": [HumanMessage("go on")]})
    edited, listed, exported = tool_messages(state)
    assert [s["id"] for s in edited.artifact["segments"]] == ["s1", "s2", "s3"]
    assert listed.text.startswith("2 motions.")
    assert (tmp_path / "walk.bvh").is_file()
    assert exported.text == f"Wrote '{motion_id}' to 'walk.bvh'."


def test_parallel_calls_of_one_answer_are_all_answered() -> None:
    calls = [
        {
            "name": "generate_motion",
            "args": {"descriptions": ["a person walks"], "seed": seed},
            "id": f"call-{seed}",
            "type": "tool_call",
        }
        for seed in range(8)
    ]
    engine = FakeEngine()
    model = ScriptedChatModel(script=[AIMessage("", tool_calls=calls), "ok"])
    agent = create_agent(model, tools=motion_tools(engine))
    state = agent.invoke({"messages": [HumanMessage("eight walks")]})
    answered = {m.tool_call_id: m.artifact["motion_id"] for m in tool_messages(state)}
    assert sorted(answered) == [f"call-{seed}" for seed in range(8)]
    assert len(set(answered.values())) == 8
    assert sum(len(batch) for batch in engine.generated) == 8


class Flaky(FakeEngine):
    """Fails twice, then works."""

    def generate(self, *args: Any, **kwargs: Any) -> Any:
        segments = super().generate(*args, **kwargs)
        if len(self.generated) < 3:
            raise GenerationError(f"nothing usable, try {len(self.generated)}")
        return segments


def test_with_retries_an_error_is_an_answer_unless_the_host_has_errors_raised() -> None:
    def run(raised: bool) -> tuple[ToolMessage, int]:
        engine = Flaky()
        tools = motion_tools(engine)
        for tool in tools:
            tool.handle_tool_error = not raised
        script = [wants("generate_motion", descriptions=["a person walks"]), "ok"]
        retry = ToolRetryMiddleware(max_retries=3, initial_delay=0, retry_on=(ToolException,))
        agent = create_agent(ScriptedChatModel(script=script), tools=tools, middleware=[retry])
        (message,) = tool_messages(agent.invoke({"messages": [HumanMessage("walk")]}))
        return message, len(engine.generated)

    message, tries = run(raised=False)
    assert (message.status, message.text, tries) == ("error", "nothing usable, try 1", 1)
    message, tries = run(raised=True)
    assert (message.status, tries) == ("success", 3)
    assert message.text.startswith("Made motion m-")


def test_progress_is_streamed_by_the_graph_around_a_tool() -> None:
    script = [wants("generate_motion", descriptions=["a person walks", "a person bows"]), "ok"]
    agent = create_agent(ScriptedChatModel(script=script), tools=motion_tools(FakeEngine()))
    graph_input: Any = {"messages": [HumanMessage("walk")]}
    facts = {"kind": "progress", "tool": "generate_motion", "stage": "generate", "total": 2}
    expected = [{**facts, "done": 1}, {**facts, "done": 2}]
    assert list(agent.stream(graph_input, stream_mode="custom")) == expected


@pytest.mark.skipif(sys.version_info < (3, 11), reason="LangGraph has no context in tasks there")
async def test_progress_is_streamed_asynchronously_each_to_its_own_graph() -> None:
    engine = FakeEngine(delay=0.05)
    tools = motion_tools(engine)

    async def run(number: int) -> list[dict[str, Any]]:
        script = [wants("generate_motion", descriptions=["a person walks"], seed=number), "ok"]
        agent = create_agent(ScriptedChatModel(script=script), tools=tools)
        graph_input: Any = {"messages": [HumanMessage("walk")]}
        return [event async for event in agent.astream(graph_input, stream_mode="custom")]

    streams = await asyncio.gather(*(run(number) for number in range(6)))
    assert all(stream[-1]["done"] == stream[-1]["total"] for stream in streams)
    # Those that shared a batch each heard of the whole batch, once a request.
    assert sorted(map(len, streams)) == sorted(
        size for size in map(len, engine.generated) for _ in range(size)
    )


def test_the_tools_work_in_a_node_of_somebody_s_graph() -> None:
    generate = motion_tools(FakeEngine())[0]

    def node(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage(generate.invoke({"descriptions": ["a person walks"]}))]}

    graph = StateGraph(MessagesState)
    graph.add_node("make", node)
    graph.add_edge(START, "make")
    events = list(graph.compile().stream({"messages": []}, stream_mode=["custom", "values"]))
    assert [mode for mode, _ in events] == ["values", "custom", "values"]
    assert events[1][1]["done"] == 1
