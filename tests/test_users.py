"""Many users of one engine: nobody sees, reads, writes or slows what is another's."""

from __future__ import annotations

import copy
import json
import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import BaseTool

from motion_agent import MotionAgent
from motion_agent.agent_graph import build_graph
from motion_agent.motion_core.errors import ConfigurationError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.limits import Limits
from motion_agent.motion_core.store import MotionStore
from motion_agent.motion_core.studio import Studio
from motion_agent.tools import motion_tools
from motion_agent.tools.user import user_of


def call(tools: list[BaseTool], name: str, config: Any = None, **args: Any) -> ToolMessage:
    tool = next(tool for tool in tools if tool.name == name)
    message = tool.invoke({"name": name, "args": args, "id": "1", "type": "tool_call"}, config)
    assert isinstance(message, ToolMessage)
    return message


@pytest.fixture(params=["memory", "folder", "sqlite", "langgraph"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    from langgraph.store.memory import InMemoryStore

    places = {"folder": tmp_path / "motions", "sqlite": tmp_path / "motions.sqlite"}
    return {**places, "memory": MotionStore(), "langgraph": InMemoryStore()}[request.param]


def test_two_users_and_two_hundred_calls_share_nothing_but_the_engine(
    place: Any, tmp_path: Path
) -> None:
    engine = FakeEngine()
    toolboxes = {
        user: motion_tools(engine, place, tmp_path / "files", user=user) for user in ("ann", "ben")
    }
    words = {"ann": ["walks", "bows"], "ben": ["kicks", "jumps"]}
    answers: dict[str, list[str]] = {"ann": [], "ben": []}
    ids: dict[str, set[str]] = {"ann": set(), "ben": set()}

    def one(number: int) -> None:
        user = ("ann", "ben")[number % 2]
        chance, tools = random.Random(number), toolboxes[user]
        text = f"a person {chance.choice(words[user])}"
        generated = call(tools, "generate_motion", descriptions=[text], seed=chance.randrange(5))
        motion_id = generated.artifact["motion_id"]
        ids[user].add(motion_id)
        messages = [generated, call(tools, "list_motions", latest=50)]
        if number % 20 < 2:
            messages.append(call(tools, "caption_motion", motion=motion_id))
            messages.append(call(tools, "export_motion", motion=motion_id, file=f"{user}.csv"))
        answers[user] += [message.text + json.dumps(message.artifact) for message in messages]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(100)))
    for mine, other in (("ann", "ben"), ("ben", "ann")):
        text = "\n".join(answers[mine])
        assert not any(motion_id in text for motion_id in ids[other])
        assert not any(word in text for word in (*words[other], f"{other}.csv"))
        theirs = next(iter(ids[other]))
        for name, args in (
            ("caption_motion", {"motion": theirs}),
            ("edit_motion", {"motion": theirs, "operation": "another_take"}),
            ("export_motion", {"motion": theirs, "file": "x.csv"}),
            ("caption_motion", {"motion": f"{other}.csv"}),
        ):
            answer = call(toolboxes[mine], name, **args)
            assert answer.status == "error"
            assert "there is no" in answer.text


def test_no_name_reaches_the_files_of_a_user(tmp_path: Path) -> None:
    tools = motion_tools(FakeEngine(), workspace=tmp_path, user="ann")
    motion_id = call(tools, "generate_motion", descriptions=["a person bows"]).artifact["motion_id"]
    (file,) = call(tools, "export_motion", motion=motion_id, file="bow.npz").artifact["files"]
    nobody = motion_tools(FakeEngine(), workspace=tmp_path)
    inside = Path(file).relative_to(tmp_path.resolve()).as_posix()
    answer = call(nobody, "caption_motion", motion=inside)
    assert "is not a file name inside the workspace" in answer.text
    assert "../bow.npz" not in call(tools, "list_motions").artifact["files"]


@pytest.mark.parametrize("name", ["../../etc", "a/b", "ann@example.org", "\u202eann", "x" * 900])
def test_a_user_s_name_is_never_part_of_a_path(name: str, tmp_path: Path) -> None:
    tools = motion_tools(FakeEngine(), tmp_path / "motions", tmp_path / "files", user=name)
    motion_id = call(tools, "generate_motion", descriptions=["a person bows"]).artifact["motion_id"]
    call(tools, "export_motion", motion=motion_id, file="bow.csv")
    paths = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.parts[:2] for path in paths} == {("motions", ".users"), ("files", ".users")}
    assert not any(name in str(path) for path in paths)


@pytest.mark.parametrize("name", ["", "  ", 7, "x" * 1001])
def test_what_names_no_user_is_refused(name: Any) -> None:
    with pytest.raises(ConfigurationError, match="names no user"):
        motion_tools(FakeEngine(), user=name)


def test_a_run_s_configuration_names_the_user() -> None:
    tools = motion_tools(FakeEngine())
    ann: Any = {"configurable": {"user": "ann"}}
    call(tools, "generate_motion", ann, descriptions=["a person bows"])
    assert "1 motion." in call(tools, "list_motions", ann).text
    assert "0 motions." in call(tools, "list_motions", {"configurable": {"user": "ben"}}).text
    assert "0 motions." in call(tools, "list_motions").text


def test_who_is_authenticated_is_not_whom_the_request_names() -> None:
    context = {"user": "ann", "langgraph_auth_user_id": "eve"}
    assert user_of({"configurable": context}) == "eve"


def test_the_graph_keeps_users_apart() -> None:
    graph = build_graph("offline", studio=Studio(FakeEngine()))
    ann: Any = {"configurable": {"user": "ann"}}
    result = graph.invoke({"messages": [HumanMessage("A person bows.")]}, ann)
    motion_id = result["motions"]["1"]["motions"]["1"]
    question = {"messages": [HumanMessage(f"What does {motion_id} show?")]}
    assert "bows" in graph.invoke(question, ann)["messages"][-1].text
    for other in ({"configurable": {"user": "ben"}}, None):
        assert "bows" not in graph.invoke(question, other)["messages"][-1].text


def test_conversations_of_users_are_apart_though_they_have_one_name() -> None:
    agent = MotionAgent("offline", engine=FakeEngine())
    ann, ben = agent.of("ann"), agent.of("ben")
    turn = ann.run("A person bows.")
    assert ann.motions()[1].id == turn.motion_id
    assert (ben.motions(), agent.motions()) == ({}, {})
    assert ben.store.list() == agent.store.list() == ()
    assert len(agent.studio.engine.generated) == 1  # type: ignore[attr-defined]


def test_calls_of_different_users_are_one_batch() -> None:
    from test_tools_at_once import crowded

    engine, tools = crowded(20)

    def one(number: int) -> None:
        config: Any = {"configurable": {"user": f"user {number}"}}
        call(list(tools.values()), "generate_motion", config, descriptions=["a person walks"])

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(one, range(20)))
    assert [len(batch) for batch in engine.generated] == [1, 19]


def test_an_engine_that_is_named_is_loaded_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTION_AGENT_ENGINE", "fake")
    first, second = motion_tools(user="ann"), motion_tools(user="ben")
    engines = {id(tools[0].studio.engine) for tools in (first, second)}  # type: ignore[attr-defined]
    assert len(engines) == 1
    assert isinstance(first[0].studio.engine, FakeEngine)  # type: ignore[attr-defined]


def test_a_call_beyond_the_limits_is_refused_in_words() -> None:
    limits = Limits(steps=2, seconds=5, hourly_steps=3)
    tools = motion_tools(FakeEngine(), limits=limits)
    bow = "a person bows"
    many = call(tools, "generate_motion", descriptions=[bow] * 3)
    assert "3 segments, the limit is 2" in many.text
    long = call(tools, "generate_motion", descriptions=[bow] * 2, seconds=3)
    assert "6 s, the limit is 5" in long.text
    assert call(tools, "generate_motion", descriptions=[bow, "a person kicks"]).status == "success"
    assert call(tools, "generate_motion", descriptions=[bow], seed=0).status == "success"
    late = call(tools, "generate_motion", descriptions=[bow, "a person runs"], seed=9)
    assert "the limit of 3; try again later" in late.text
    other: Any = {"configurable": {"user": "ann"}}
    assert call(tools, "generate_motion", other, descriptions=[bow], seed=9).status == "success"


def test_a_user_s_files_have_a_limit_of_their_own(tmp_path: Path) -> None:
    tools = motion_tools(FakeEngine(), workspace=tmp_path, limits=Limits(file_bytes=1000))
    statuses = []
    for user in ("ann", "ann", "ben"):
        config: Any = {"configurable": {"user": user}}
        made = call(tools, "generate_motion", config, descriptions=["a person bows"], seconds=4)
        motion = made.artifact["motion_id"]
        statuses.append(call(tools, "export_motion", config, motion=motion, file="bow.csv"))
    assert [message.status for message in statuses] == ["success", "error", "success"]
    assert "of files, the limit is 0.001 MB" in statuses[1].text


def test_a_user_has_so_many_calls_at_a_time() -> None:
    studio = Studio(FakeEngine(), limits=Limits(calls=1))
    tools = motion_tools(studio=studio)
    with studio.call():
        assert "1 calls are under way" in call(tools, "list_motions").text
        ann: Any = {"configurable": {"user": "ann"}}
        assert call(tools, "list_motions", ann).status == "success"
    assert call(tools, "list_motions").status == "success"


def test_tools_can_be_copied_and_pickled(tmp_path: Path) -> None:
    tools = motion_tools("fake", tmp_path / "motions", tmp_path, user="ann")
    motion_id = call(tools, "generate_motion", descriptions=["a person bows"]).artifact["motion_id"]
    again = copy.deepcopy(tools)
    assert again[0].studio is tools[0].studio  # type: ignore[attr-defined]
    elsewhere = pickle.loads(pickle.dumps(tools))
    assert "bows" in call(elsewhere, "caption_motion", motion=motion_id).text


def test_a_failed_call_has_the_same_keys() -> None:
    tools = motion_tools(FakeEngine())
    good = call(tools, "generate_motion", descriptions=["a person bows"]).artifact
    keys = {"tool", "ok", "error", "motion_id", "files"}
    assert keys <= set(good)
    assert (good["ok"], good["error"], good["files"]) == (True, None, [])
    for args, kind in (({}, "arguments"), ({"descriptions": ["-"]}, "input")):
        message = call(tools, "generate_motion", **args)
        bad = message.artifact
        assert set(bad) == keys
        assert (bad["ok"], bad["motion_id"]) == (False, None)
        assert bad["error"] == {"kind": kind, "message": message.text}
    for name in ("list_motions", "caption_motion", "export_motion", "edit_motion"):
        args = {"motion": good["motion_id"], "file": "x.csv", "operation": "another_take"}
        expected = next(tool for tool in tools if tool.name == name).args
        message = call(tools, name, **{key: args[key] for key in args if key in expected})
        assert keys <= set(message.artifact), name
        assert message.artifact["tool"] == name


def test_loading_is_told_before_the_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTION_AGENT_ENGINE", "fake")
    agent = MotionAgent("offline")
    kinds = [event.kind for event in agent.run("A person bows.").events]
    assert kinds[0] == "plan"
    assert kinds[1:4] == ["loading"] * 3
    assert "loading" not in [event.kind for event in agent.run("A person kicks.").events]
    warm = MotionAgent("offline", engine="fake", warm_up=True)
    assert "loading" not in [event.kind for event in warm.run("A person bows.").events]


def test_a_film_strip_is_an_image_block_for_models_that_see() -> None:
    tools = motion_tools(FakeEngine(), pictures=True)
    message = call(tools, "generate_motion", descriptions=["a person bows"])
    assert [block["type"] for block in message.content_blocks] == ["text", "image"]
    assert message.text.startswith(f"Made motion {message.artifact['motion_id']}")
    assert isinstance(call(tools, "list_motions").content, str)
    assert isinstance(call(tools, "generate_motion").content, str)
