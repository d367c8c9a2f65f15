"""Another program exchanges folders and files for links between the check and the use."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from motion_agent.motion_core.directory import HAS_DESCRIPTORS
from motion_agent.motion_core.errors import MotionAgentError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.formats import save_npz
from motion_agent.motion_core.motion import Motion
from motion_agent.motion_core.workspace import Workspace

pytestmark = pytest.mark.skipif(not HAS_DESCRIPTORS, reason="needs descriptors of folders")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder with a motion that nobody may read; beside it the workspace with an own one."""
    for folder, token in (("outside", 9), ("inside", 1)):
        (tmp_path / folder / "sub").mkdir(parents=True)
        motion = Motion(FakeEngine().decode([token, token]))
        for name in ("walk.npz", "sub/walk.npz"):
            save_npz(motion, tmp_path / folder / name)
    return tmp_path / "outside"


def exchange(path: Path, target: Path) -> None:
    path.rename(path.with_name(f"old-{path.name}"))
    os.symlink(target, path)


class Raced(Workspace):
    """After a name was checked, something else is put in its place."""

    def __init__(self, folder: Path, race: Callable[[], None]) -> None:
        super().__init__(folder)
        self._race = race

    def path(self, name: str) -> Path:
        found = super().path(name)
        self._race()
        return found

    def _place(self, name: str) -> tuple[Path, str]:
        found = super()._place(name)
        self._race()
        return found


@pytest.mark.parametrize("what", ["sub", "sub/walk.npz"])
def test_nothing_outside_is_read(what: str, outside: Path) -> None:
    inside = outside.parent / "inside"
    raced = Raced(inside, lambda: exchange(inside / what, outside / what))
    with pytest.raises(MotionAgentError, match=r"'sub/walk\.npz' cannot be read"):
        raced.read("sub/walk.npz")


def test_nothing_outside_is_written(outside: Path) -> None:
    inside = outside.parent / "inside"
    raced = Raced(inside, lambda: exchange(inside / "sub", outside / "sub"))

    def writer(path: Path) -> list[Path]:
        path.write_text("new")
        return [path]

    before = sorted(outside.rglob("*"))
    with pytest.raises(MotionAgentError, match=r"cannot write 'sub/new\.bvh'"):
        raced.write("sub/new.bvh", writer)
    assert sorted(outside.rglob("*")) == before


def test_a_file_that_becomes_a_pipe_does_not_hold_the_program(outside: Path) -> None:
    inside = outside.parent / "inside"

    def race() -> None:
        (inside / "walk.npz").unlink()
        os.mkfifo(inside / "walk.npz")

    with pytest.raises(MotionAgentError, match="cannot be read"):
        Raced(inside, race).read("walk.npz")


def test_links_within_the_folder_are_followed(outside: Path) -> None:
    inside = outside.parent / "inside"
    os.symlink(inside / "sub", inside / "other")
    assert len(Workspace(inside).read("other/walk.npz")) == 8


def test_two_files_of_one_export_come_together_or_not_at_all(outside: Path) -> None:
    inside = outside.parent / "inside"

    def writer(path: Path) -> list[Path]:
        files = [path, path.with_suffix(".txt")]
        for file in files:
            file.write_text(path.name)
        return files

    (inside / "pair.txt").write_text("mine")
    files: Any = Workspace(inside).write("pair.bvh", writer)
    assert [path.name for path in files] == ["pair-2.bvh", "pair-2.txt"]
    assert (inside / "pair.txt").read_text() == "mine"
    assert not (inside / "pair.bvh").exists()
    assert not list(inside.glob(".writing-*"))
