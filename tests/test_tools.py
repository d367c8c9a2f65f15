"""What the tools do and tell, and their errors."""

from __future__ import annotations

import asyncio
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool, ToolException

from motion_agent.motion_core.errors import GenerationError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.store import MotionStore
from motion_agent.tools import motion_tools

WALK_AND_BOW = {"descriptions": ["a person walks forward", "a person bows"]}


def call(tool: BaseTool, **args: Any) -> ToolMessage:
    message = tool.invoke({"name": tool.name, "args": args, "id": "1", "type": "tool_call"})
    assert isinstance(message, ToolMessage)
    return message


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def store() -> MotionStore:
    return MotionStore()


@pytest.fixture
def tools(engine: FakeEngine, store: MotionStore, tmp_path: Path) -> dict[str, BaseTool]:
    return {tool.name: tool for tool in motion_tools(engine, store, tmp_path)}


def test_generate_tells_the_id_and_keeps_the_motion(
    tools: dict[str, BaseTool], engine: FakeEngine, store: MotionStore
) -> None:
    message = call(tools["generate_motion"], **WALK_AND_BOW, seconds=2)
    facts = message.artifact
    motion = store.get(facts["motion_id"])
    assert f"Made motion {motion.id}, 4.0 s" in message.text
    assert "s2 2.0 s 'a person bows'" in message.text
    assert len(message.text) < 200
    assert [s["description"] for s in facts["segments"]] == WALK_AND_BOW["descriptions"]
    assert (facts["seconds"], facts["frames"]) == (4.0, 80)
    assert [len(batch) for batch in engine.generated] == [2]
    assert engine.decoded == [20]


def test_the_artifact_is_json(tools: dict[str, BaseTool]) -> None:
    artifact = call(tools["generate_motion"], **WALK_AND_BOW).artifact
    assert json.loads(json.dumps(artifact)) == artifact


def test_caption_says_what_a_motion_shows(tools: dict[str, BaseTool]) -> None:
    motion_id = call(tools["generate_motion"], **WALK_AND_BOW).artifact["motion_id"]
    message = call(tools["caption_motion"], motion=motion_id)
    assert message.text.endswith("shows: 'a person walks, then bows'")
    assert message.artifact["caption"] == "a person walks, then bows"
    assert message.artifact["motion_id"] == motion_id


def test_caption_reads_files_of_the_workspace(
    tools: dict[str, BaseTool], store: MotionStore, tmp_path: Path
) -> None:
    from motion_agent.motion_core.formats import save_npz

    motion_id = call(tools["generate_motion"], descriptions=["a person kicks"]).artifact[
        "motion_id"
    ]
    save_npz(store.get(motion_id), tmp_path / "kick.npz")
    assert "a person kicks" in call(tools["caption_motion"], motion="kick.npz").text


def test_another_seed_is_another_motion(tools: dict[str, BaseTool]) -> None:
    ids = {
        call(tools["generate_motion"], descriptions=["a person walks"], seed=seed).artifact[
            "motion_id"
        ]
        for seed in (0, 0, 1)
    }
    assert len(ids) == 2


def test_unknown_words_are_told(tools: dict[str, BaseTool]) -> None:
    message = call(tools["generate_motion"], descriptions=["a person does a backflip"])
    assert "not trained on 'backflip'" in message.text
    assert message.artifact["unknown_words"] == ["backflip"]


@pytest.mark.parametrize(
    ("name", "args", "hint"),
    [
        ("generate_motion", {}, "descriptions: Field required"),
        ("generate_motion", {"descriptions": []}, "at least 1 item"),
        ("generate_motion", {"descriptions": ["  "]}, "description 1 is empty"),
        ("generate_motion", {"descriptions": ["x" * 10_000]}, "10000 characters, the limit is 300"),
        ("generate_motion", {"descriptions": ["a"] * 65}, "at most 64 items"),
        ("generate_motion", {"descriptions": ["a"], "mood": "sad"}, "mood: Extra inputs"),
        ("generate_motion", {"descriptions": ["a"], "seconds": -1}, "seconds: Input should be"),
        (
            "generate_motion",
            {"descriptions": {"a": 1}},
            "descriptions: Input should be a valid list",
        ),
        ("generate_motion", {"descriptions": ["a"], "seconds": "a while"}, "seconds: Input should"),
        ("generate_motion", {"descriptions": ["a"], "seconds": float("nan")}, "seconds: Input"),
        (
            "edit_motion",
            {"motion": "m-ffffff", "operation": "remove"},
            "there is no motion m-ffffff",
        ),
        (
            "edit_motion",
            {"motion": "m-ffffff", "operation": "explode"},
            "operation: Input should be",
        ),
        ("list_motions", {"latest": 1000}, "latest: Input should be less than or equal to 50"),
        ("export_motion", {"motion": "m-ffffff", "file": "a.bvh"}, "there is no motion m-ffffff"),
        (
            "caption_motion",
            {"motion": "m-ffffff"},
            "there is no motion m-ffffff. The store is empty",
        ),
        ("caption_motion", {"motion": "../secret.npz"}, "not a file name inside the workspace"),
        ("caption_motion", {"motion": "/etc/passwd"}, "not a file name inside the workspace"),
        ("caption_motion", {"motion": "nothing.bvh"}, "no file 'nothing.bvh' in the workspace"),
        ("caption_motion", {"motion": ""}, "motion: String should have at least 1 character"),
    ],
)
def test_wrong_arguments_are_messages(
    tools: dict[str, BaseTool], name: str, args: dict[str, Any], hint: str
) -> None:
    message = call(tools[name], **args)
    assert message.status == "error"
    assert hint in message.text
    assert "\n" not in message.text


def test_a_foreign_file_is_a_message(tools: dict[str, BaseTool], tmp_path: Path) -> None:
    for name in ("x.npz", "x.npy", "x.bvh", "x.amc", "x.txt"):
        (tmp_path / name).write_bytes(b"not a motion")
        message = call(tools["caption_motion"], motion=name)
        assert message.status == "error", name


def test_a_failing_engine_is_a_message() -> None:
    engine = FakeEngine(failure=GenerationError("nothing usable; try another seed"))
    message = call(motion_tools(engine)[0], descriptions=["a person walks"])
    assert (message.status, message.text) == ("error", "nothing usable; try another seed")


def test_without_a_workspace_no_file_is_read() -> None:
    tools = {tool.name: tool for tool in motion_tools(FakeEngine())}
    message = call(tools["caption_motion"], motion="walk.bvh")
    assert "no workspace folder was given to read files" in message.text
    assert "is not a motion id" in call(tools["caption_motion"], motion="walk").text


def test_without_a_workspace_no_file_is_written() -> None:
    tools = {tool.name: tool for tool in motion_tools(FakeEngine())}
    motion_id = call(tools["generate_motion"], **WALK_AND_BOW).artifact["motion_id"]
    message = call(tools["export_motion"], motion=motion_id, file="walk.bvh")
    assert message.status == "error"
    assert "'walk.bvh' cannot be written: no workspace folder was given" in message.text


def test_the_engine_is_loaded_once_and_only_when_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    from motion_agent.motion_core import serving

    loaded: list[str] = []

    def load(name: str) -> FakeEngine:
        loaded.append(name)
        return FakeEngine()

    monkeypatch.setattr(serving, "load_engine", load)
    generate, _, caption, *_ = motion_tools("fake")
    assert loaded == []
    assert call(caption, motion="m-ffffff").status == "error"
    assert loaded == []
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: generate.invoke(WALK_AND_BOW), range(8)))
    assert loaded == ["fake"]


def test_an_unforeseen_failure_is_a_message_and_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def break_down(*_: Any, **__: Any) -> None:
        raise RuntimeError("tensor\x00 on fire")

    monkeypatch.setattr(FakeEngine, "decode", break_down)
    with caplog.at_level(logging.ERROR):
        message = call(motion_tools(FakeEngine())[0], **WALK_AND_BOW)
    assert message.status == "error"
    assert "generate_motion failed: RuntimeError: tensor on fire." in message.text
    assert "Traceback" in caplog.text


def test_a_host_may_have_errors_raised() -> None:
    tool = motion_tools(FakeEngine(failure=GenerationError("nothing usable")))[0]
    tool.handle_tool_error = False
    with pytest.raises(ToolException, match="nothing usable") as raised:
        tool.invoke(WALK_AND_BOW)
    assert isinstance(raised.value.__cause__, GenerationError)


@pytest.mark.parametrize("nothing", [None, "", " ", "null", "None"])
def test_what_weak_models_write_for_nothing_is_nothing(
    tools: dict[str, BaseTool], nothing: Any
) -> None:
    plain = call(tools["generate_motion"], **WALK_AND_BOW).artifact
    filled = call(tools["generate_motion"], **WALK_AND_BOW, seconds=nothing, seed=nothing).artifact
    assert filled == plain
    assert call(tools["generate_motion"], **WALK_AND_BOW, seconds=0).artifact == plain
    listed = call(tools["list_motions"], latest=nothing)
    assert listed.status == "success"


def test_one_description_needs_no_list(tools: dict[str, BaseTool]) -> None:
    expected = tools["generate_motion"].invoke({"descriptions": ["a person walks"]})
    assert tools["generate_motion"].invoke({"descriptions": "a person walks"}) == expected
    assert tools["generate_motion"].invoke("a person walks") == expected
    assert asyncio.run(tools["generate_motion"].ainvoke("a person walks")) == expected


def test_a_long_motion_is_told_in_a_short_line(tools: dict[str, BaseTool]) -> None:
    message = call(tools["generate_motion"], descriptions=["a person walks " + "on " * 90] * 64)
    assert len(message.artifact["segments"]) == 64
    assert "… and 52 more segments" in message.text
    assert len(message.text) < 2000


def test_motions_are_listed_newest_first(tools: dict[str, BaseTool], tmp_path: Path) -> None:
    assert tools["list_motions"].invoke({}) == "0 motions."
    ids = [
        call(tools["generate_motion"], descriptions=[text]).artifact["motion_id"]
        for text in ("a person walks", "a person bows", "a person kicks")
    ]
    call(tools["caption_motion"], motion=ids[0])  # reading changes no order
    (tmp_path / "walk.bvh").write_text("x")
    (tmp_path / "notes.txt").write_text("x")
    message = call(tools["list_motions"], latest=2)
    lines = message.text.splitlines()
    assert lines[0] == "3 motions, the latest 2."
    assert lines[1].startswith(f"{ids[2]}, ")
    assert "s1 " in lines[1]
    assert "'a person kicks'" in lines[1]
    assert lines[2].startswith(f"{ids[1]}, ")
    assert lines[3] == "Files in the workspace: 'walk.bvh'."
    assert [m["motion_id"] for m in message.artifact["motions"]] == [ids[2], ids[1]]


def test_a_damaged_motion_hides_no_other(tmp_path: Path) -> None:
    store = MotionStore(tmp_path)
    generate, _, _, listing, _ = motion_tools(FakeEngine(), store)
    motion_id = call(generate, **WALK_AND_BOW).artifact["motion_id"]
    (tmp_path / "m-abcdef.npz").write_bytes(b"not a motion")
    lines = call(listing).text.splitlines()
    assert lines[0] == "2 motions."
    assert lines[1].startswith("m-abcdef, cannot be read: ")
    assert lines[2].startswith(f"{motion_id}, ")


def test_schemas_say_what_a_model_needs(tools: dict[str, BaseTool]) -> None:
    from langchain_core.utils.function_calling import convert_to_openai_tool

    required = {
        "generate_motion": ["descriptions"],
        "edit_motion": ["motion", "operation"],
        "caption_motion": ["motion"],
        "list_motions": [],
        "export_motion": ["motion", "file"],
    }
    assert list(tools) == list(required)
    for name, names in required.items():
        function = convert_to_openai_tool(tools[name])["function"]
        parameters = function["parameters"]
        assert parameters.get("required", []) == names
        assert function["description"].startswith(("Make", "Change", "Say", "List", "Write"))
        for argument in parameters["properties"].values():
            assert argument["description"]
            assert not {"properties", "$ref"} & set(argument)
        strict = convert_to_openai_tool(tools[name], strict=True)["function"]["parameters"]
        assert strict["required"] == list(strict["properties"])
        assert strict["additionalProperties"] is False
