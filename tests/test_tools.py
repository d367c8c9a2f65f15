"""The tools: LangChain's standard tests, their errors, threads and confinement."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from langchain_tests.integration_tests import ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests

from motion_agent.motion_core.errors import GenerationError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.store import MotionStore
from motion_agent.tools import motion_tools
from motion_agent.tools.caption_motion import CaptionMotion
from motion_agent.tools.generate_motion import GenerateMotion
from motion_agent.tools.workbench import Workbench

WALK_AND_BOW = {"descriptions": ["a person walks forward", "a person bows"]}


class _Generate:
    @property
    def tool_constructor(self) -> type[BaseTool] | BaseTool:
        return GenerateMotion

    @property
    def tool_constructor_params(self) -> dict[str, Any]:
        return {"workbench": Workbench(FakeEngine())}

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {**WALK_AND_BOW, "seconds": 2.0, "seed": 7}


class _Caption(_Generate):
    @property
    def tool_constructor(self) -> type[BaseTool] | BaseTool:
        return CaptionMotion

    @property
    def tool_constructor_params(self) -> dict[str, Any]:
        bench = Workbench(FakeEngine())
        GenerateMotion(workbench=bench).invoke(WALK_AND_BOW)
        return {"workbench": bench}

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"motion": self.tool_constructor_params["workbench"].store.list()[0]}


class TestGenerateUnit(_Generate, ToolsUnitTests):
    pass


class TestGenerateIntegration(_Generate, ToolsIntegrationTests):
    pass


class TestCaptionUnit(_Caption, ToolsUnitTests):
    pass


class TestCaptionIntegration(_Caption, ToolsIntegrationTests):
    pass


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
    made = call(tools["generate_motion"], **WALK_AND_BOW).artifact["motion_id"]
    message = call(tools["caption_motion"], motion=made)
    assert message.text.endswith("shows: a person walks, then bows")
    assert message.artifact["caption"] == "a person walks, then bows"
    assert message.artifact["motion_id"] == made


def test_caption_reads_files_of_the_workspace(
    tools: dict[str, BaseTool], store: MotionStore, tmp_path: Path
) -> None:
    from motion_agent.motion_core.formats import save_npz

    made = call(tools["generate_motion"], descriptions=["a person kicks"]).artifact["motion_id"]
    save_npz(store.get(made), tmp_path / "kick.npz")
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
    ("name", "args", "told"),
    [
        ("generate_motion", {}, "descriptions: Field required"),
        ("generate_motion", {"descriptions": []}, "at least 1 item"),
        ("generate_motion", {"descriptions": ["  "]}, "description 1 is empty"),
        ("generate_motion", {"descriptions": ["x" * 10_000]}, "10000 characters, the limit is 300"),
        ("generate_motion", {"descriptions": ["a"] * 65}, "at most 64 items"),
        ("generate_motion", {"descriptions": ["a"], "mood": "sad"}, "mood: Extra inputs"),
        ("generate_motion", {"descriptions": ["a"], "seconds": -1}, "seconds: Input should be"),
        ("generate_motion", {"descriptions": "walk"}, "descriptions: Input should be a valid list"),
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
    tools: dict[str, BaseTool], name: str, args: dict[str, Any], told: str
) -> None:
    message = call(tools[name], **args)
    assert message.status == "error"
    assert told in message.text
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
    message = call(motion_tools(FakeEngine())[1], motion="walk.bvh")
    assert "no workspace folder was given to read files" in message.text
    assert "is not a motion id" in call(motion_tools(FakeEngine())[1], motion="walk").text


def test_the_engine_is_loaded_once_and_only_when_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    from motion_agent.tools import workbench

    loaded: list[str] = []

    def load(name: str) -> FakeEngine:
        loaded.append(name)
        return FakeEngine()

    monkeypatch.setattr(workbench, "load_engine", load)
    generate, caption = motion_tools("fake")
    assert loaded == []
    assert call(caption, motion="m-ffffff").status == "error"
    assert loaded == []
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: generate.invoke(WALK_AND_BOW), range(8)))
    assert loaded == ["fake"]


def test_fifty_calls_from_threads_and_fifty_coroutines(
    tools: dict[str, BaseTool], store: MotionStore
) -> None:
    generate = tools["generate_motion"]

    def one(seed: int) -> str:
        facts = call(generate, descriptions=["a person walks"], seed=seed).artifact
        return str(facts["motion_id"])

    with ThreadPoolExecutor(16) as pool:
        threaded = list(pool.map(one, range(50)))

    async def all_at_once() -> list[ToolMessage]:
        calls = [
            generate.ainvoke(
                {
                    "name": "generate_motion",
                    "args": {"descriptions": ["a person walks"], "seed": seed},
                    "id": str(seed),
                    "type": "tool_call",
                }
            )
            for seed in range(50)
        ]
        return await asyncio.gather(*calls)

    awaited = [m.artifact["motion_id"] for m in asyncio.run(all_at_once())]
    assert threaded == awaited
    assert len(set(threaded)) == len(store) == 50


def test_schemas_say_what_a_model_needs(tools: dict[str, BaseTool]) -> None:
    from langchain_core.utils.function_calling import convert_to_openai_tool

    function = convert_to_openai_tool(tools["generate_motion"])["function"]
    assert function["name"] == "generate_motion"
    assert function["description"].startswith("Make a 3D motion of one person")
    assert set(function["parameters"]["properties"]) == {"descriptions", "seconds", "seed"}
    assert function["parameters"]["required"] == ["descriptions"]
    caption = convert_to_openai_tool(tools["caption_motion"])["function"]
    assert set(caption["parameters"]["properties"]) == {"motion"}
