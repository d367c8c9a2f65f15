"""`export_motion`: new files in the workspace, beside what is there."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool

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


def test_a_motion_is_exported_beside_what_is_there(
    tools: dict[str, BaseTool], store: MotionStore, tmp_path: Path
) -> None:
    from motion_agent import read_motion

    motion_id = call(tools["generate_motion"], **WALK_AND_BOW).artifact["motion_id"]
    first = call(tools["export_motion"], motion=motion_id, file="walk.npz")
    assert first.text == f"Wrote '{motion_id}' to 'walk.npz'."
    before = (tmp_path / "walk.npz").read_bytes()
    second = call(tools["export_motion"], motion=motion_id, file="walk.npz")
    assert second.text.startswith(
        f"Wrote '{motion_id}' to 'walk-2.npz'. 'walk.npz' already existed"
    )
    assert (tmp_path / "walk.npz").read_bytes() == before
    assert second.artifact["files"] == [str(tmp_path / "walk-2.npz")]
    assert read_motion(tmp_path / "walk-2.npz").segments == store.get(motion_id).segments
    assert sorted(p.name for p in tmp_path.iterdir()) == ["walk-2.npz", "walk.npz"]


def test_two_people_are_exported_with_a_placement(
    tools: dict[str, BaseTool], tmp_path: Path
) -> None:
    walk, bow = (
        call(tools["generate_motion"], descriptions=[text]).artifact["motion_id"]
        for text in ("a person walks", "a person bows")
    )
    (tmp_path / "meet-person-2.bvh").write_text("mine")
    message = call(
        tools["export_motion"], motion=walk, second_motion=bow, file="meet.bvh", theta=90, z=2
    )
    assert message.artifact["placement"] == [90.0, 0.0, 2.0]
    names = [Path(path).name for path in message.artifact["files"]]
    assert names == ["meet-2.bvh", "meet-2-person-2.bvh"]
    assert all((tmp_path / name).stat().st_size > 1000 for name in names)
    assert (tmp_path / "meet-person-2.bvh").read_text() == "mine"
    assert not (tmp_path / "meet.bvh").exists()
    far = call(tools["export_motion"], motion=walk, second_motion=bow, file="far.bvh", x=5000)
    assert "the limit is 20 m" in far.text
    assert not (tmp_path / "far.bvh").exists()


def test_many_exports_under_one_name_are_many_files(
    tools: dict[str, BaseTool], tmp_path: Path
) -> None:
    motion_id = call(tools["generate_motion"], **WALK_AND_BOW).artifact["motion_id"]
    with ThreadPoolExecutor(8) as pool:
        names = [
            Path(message.artifact["files"][0]).name
            for message in pool.map(
                lambda _: call(tools["export_motion"], motion=motion_id, file="a.npy"), range(8)
            )
        ]
    assert sorted(names) == sorted(["a.npy", *(f"a-{n}.npy" for n in range(2, 9))])
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(names)
    assert len({path.stat().st_size for path in tmp_path.iterdir()}) == 1


def test_a_workspace_that_is_not_there_yet_is_made(tmp_path: Path) -> None:
    tools = {t.name: t for t in motion_tools(FakeEngine(), workspace=tmp_path / "new" / "made")}
    motion_id = call(tools["generate_motion"], **WALK_AND_BOW).artifact["motion_id"]
    assert call(tools["export_motion"], motion=motion_id, file="a.npz").status == "success"
    assert (tmp_path / "new" / "made" / "a.npz").is_file()
