"""Weights of earlier checkpoints are removed safely while other processes use the cache."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
import torch
from motionllm_toys import checkpoint

from motion_agent.motion_core.motionllm import cache, merged
from motion_agent.motion_core.motionllm.cache import mark_used, remove_unused
from motion_agent.motion_core.motionllm.inference import load_inference
from motion_agent.motion_core.motionllm.weights import TensorFile, read_tensors, save_half

HOUR = 3600


def age(path: Path, hours: float) -> None:
    used = time.time() - hours * HOUR
    os.utime(path, (used, used))


def folder(parent: Path, name: str, *, hours: float, size: int = 100) -> Path:
    """A folder of weights used so many hours ago."""
    path = parent / name
    path.mkdir()
    (path / "base.safetensors").write_bytes(b"\0" * size)
    age(path, hours)
    return path


def names(parent: Path) -> set[str]:
    return {path.name for path in parent.iterdir()}


def test_the_folders_used_last_stay_and_older_ones_go(tmp_path: Path) -> None:
    for hours in (2, 3, 4, 5, 6):
        folder(tmp_path, f"used-{hours}", hours=hours)
    (tmp_path / "model.gguf").touch()
    remove_unused(folder(tmp_path, "new", hours=0))
    assert cache.NEWEST == 4
    assert names(tmp_path) == {"new", "used-2", "used-3", "used-4", "model.gguf"}


def test_a_folder_marked_as_used_stays_and_whoever_looked_last_is_newest(tmp_path: Path) -> None:
    for hours in (2, 3, 4, 5):
        folder(tmp_path, f"used-{hours}", hours=hours)
    mark_used(tmp_path / "used-5")
    mark_used(tmp_path / "never-there")
    remove_unused(folder(tmp_path, "new", hours=0))
    assert names(tmp_path) == {"new", "used-2", "used-3", "used-5"}


def test_folders_used_within_the_hour_stay_however_many(tmp_path: Path) -> None:
    for number in range(7):
        folder(tmp_path, f"busy-{number}", hours=0.5)
    remove_unused(folder(tmp_path, "new", hours=0))
    assert len(names(tmp_path)) == 8


def test_few_large_folders_make_room_too_and_the_new_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MOST_BYTES", 250)
    folder(tmp_path, "large", hours=2, size=200)
    folder(tmp_path, "small", hours=3)
    remove_unused(folder(tmp_path, "new", hours=0))
    assert names(tmp_path) == {"new", "small"}
    remove_unused(folder(tmp_path, "huge", hours=0, size=1000))
    assert names(tmp_path) == {"huge", "new"}  # new was used within the hour


def test_what_killed_writers_left_goes_after_a_day(tmp_path: Path) -> None:
    folder(tmp_path, ".new-a", hours=25)
    folder(tmp_path, ".new-b", hours=1)
    folder(tmp_path, ".old-c", hours=30)
    remove_unused(folder(tmp_path, "new", hours=0))
    assert names(tmp_path) == {"new", ".new-b"}


def test_links_and_what_lies_behind_them_stay(tmp_path: Path) -> None:
    elsewhere = folder(tmp_path, "elsewhere", hours=99)
    parent = tmp_path / "merged"
    parent.mkdir()
    (parent / "link").symlink_to(elsewhere)
    for hours in (2, 3, 4):
        folder(parent, f"used-{hours}", hours=hours)
    remove_unused(folder(parent, "new", hours=0))
    assert (parent / "link" / "base.safetensors").is_file()


def test_new_weights_push_out_those_of_earlier_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTION_AGENT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(merged, "_WORTH_KEEPING", 1)
    monkeypatch.setattr(cache, "NEWEST", 1)
    first, second = (checkpoint(tmp_path / name) for name in ("first", "second"))
    backbone = first.config.backbone
    ids = torch.arange(24).reshape(2, 12)

    def states(which: object) -> torch.Tensor:
        found = load_inference(which, backbone, dtype=torch.int8, device="cpu")  # type: ignore[arg-type]
        assert found is not None
        return found[0].states(ids, "t2m")

    expected = states(first)
    mapped = load_inference(first, backbone, dtype=torch.int8, device="cpu")
    (old,) = (tmp_path / "cache" / "merged").iterdir()
    monkeypatch.setattr(merged, "_VERSION", "int8-2")  # a later version of the package
    age(old, 2)
    states(second)
    (new,) = (tmp_path / "cache" / "merged").iterdir()
    assert new.name.endswith("int8-2")
    assert mapped is not None and torch.equal(mapped[0].states(ids, "t2m"), expected)  # still there


def test_weights_that_disappear_while_they_are_loaded_are_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTION_AGENT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(merged, "_WORTH_KEEPING", 1)
    whole = checkpoint(tmp_path / "whole")
    ids, backbone = torch.arange(24).reshape(2, 12), whole.config.backbone
    first = load_inference(whole, backbone, dtype=torch.int8, device="cpu")
    checked = merged.is_whole
    removed: list[Path] = []

    def remove_after(path: Path) -> bool:
        is_whole = checked(path)
        if not removed:
            shutil.rmtree(path)
            removed.append(path)
        return is_whole

    monkeypatch.setattr(merged, "is_whole", remove_after)
    again = load_inference(whole, backbone, dtype=torch.int8, device="cpu")
    assert removed and removed[0].is_dir() and first is not None and again is not None
    assert torch.equal(again[0].states(ids, "m2t"), first[0].states(ids, "m2t"))


def test_a_tensor_file_gives_the_tensors_one_by_one(tmp_path: Path) -> None:
    save_half({"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(4)}, tmp_path / "file")
    tensors, expected = TensorFile(tmp_path / "file"), read_tensors(tmp_path / "file")
    assert dict(tensors).keys() == expected.keys() and len(tensors) == 2
    assert all(torch.equal(tensors[name], tensor) for name, tensor in expected.items())
    with pytest.raises(KeyError):
        tensors["c"]
