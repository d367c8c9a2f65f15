"""A small file cannot ask for much memory, and a large store is not read for one id."""

from __future__ import annotations

import os
import stat
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from motion_agent.agent_graph.describing import describe_timeline
from motion_agent.cli.conversations import kept_conversations
from motion_agent.motion_core.errors import ConfigurationError, FormatError, InputError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.formats.bvh import parse_bvh
from motion_agent.motion_core.journal import Entry, SegmentJournal
from motion_agent.motion_core.memory import VARIABLE
from motion_agent.motion_core.motion import Motion, Segment
from motion_agent.motion_core.representation import resample
from motion_agent.motion_core.store import MAX_KEPT, MotionStore
from motion_agent.motion_core.timeline import Timeline
from motion_agent.motion_core.tokenizer import TokenizerConfig
from motion_agent.motion_core.yaml_file import read_yaml
from motion_agent.tools import motion_tools


def bvh(joints: int, frames: int, *, channels: bool) -> str:
    """A chain of joints; without channels a frame is one row of the root's three numbers."""
    own = "CHANNELS 3 Zrotation Xrotation Yrotation"
    lines = ["HIERARCHY", "ROOT j0", "{", "OFFSET 0 1 0", own]
    for number in range(1, joints):
        lines += [f"JOINT j{number}", "{", "OFFSET 0 1 0", *([own] if channels else [])]
    lines += ["End Site", "{", "OFFSET 0 1 0", "}", *(["}"] * joints), "MOTION"]
    row = "0 " * (3 * joints if channels else 3)
    return "\n".join([*lines, f"Frames: {frames}", "Frame Time: 0.05", *[row] * frames])


def test_joints_without_channels_are_merged() -> None:
    recording = parse_bvh(bvh(1500, 4000, channels=False)).recording()
    tracemalloc.start()
    found = recording.positions([0, 1499, 1500])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000
    np.testing.assert_allclose(found[0, :, 1], [1, 1500, 1501])


def test_merging_and_blocks_change_no_position(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = parse_bvh(bvh(30, 50, channels=True))
    channels = tuple(c if joint % 3 == 0 else () for joint, c in enumerate(parsed.channels))
    values = np.random.default_rng(0).uniform(-90, 90, (50, sum(map(len, channels))))
    recording = replace(parsed, channels=channels, values=values).recording()
    every = recording.positions(range(31))  # all are wanted, so none is merged
    monkeypatch.setattr("motion_agent.motion_core.formats.recording._BLOCK", 100)
    np.testing.assert_allclose(recording.positions([10, 29]), every[:, [10, 29]], atol=1e-9)


def test_what_a_file_may_take_is_bounded_and_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = parse_bvh(bvh(200, 400, channels=True)).recording()
    monkeypatch.setenv(VARIABLE, "0.01")
    with pytest.raises(FormatError, match=r"200 joints in 400 frames; the limit is 0\.01 GB"):
        recording.positions([199])
    monkeypatch.setenv(VARIABLE, "1")
    assert recording.positions([199]).shape == (400, 1, 3)
    monkeypatch.setenv(VARIABLE, "much")
    with pytest.raises(ConfigurationError, match=VARIABLE):
        recording.positions([199])


def test_frames_are_bounded_after_resampling_too() -> None:
    joints = np.zeros((90_000, 22, 3))
    joints[:, :, 1] = np.arange(22)
    with pytest.raises(InputError, match=r"1799981 frames at 20 fps"):
        resample(joints, fps=1)


@pytest.mark.parametrize("name", ["codes", "code_dim", "width", "depth"])
def test_absurd_sizes_in_a_config_are_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        TokenizerConfig(**{name: 10**9})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        "[" * 5000 + "]" * 5000,
        "{a: " * 30 + "}" * 30,
    ],
)
def test_yaml_with_aliases_or_depth_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "suite.yaml").write_text(text)
    with pytest.raises(InputError, match=r"suite\.yaml cannot be read as YAML"):
        read_yaml(tmp_path / "suite.yaml")


def test_a_motion_of_many_segments_makes_no_endless_prompt() -> None:
    segments = tuple(Segment(f"s{n}", "walk " * 60, (1,), 1) for n in range(1, 12_501))
    description = describe_timeline(Timeline(segments=segments))
    assert len(description) < 50_000
    assert (
        "12372 more segments" in description
        and "s6000" not in description
        and "s12500" in description
    )


# Stores --------------------------------------------------------------------------------------


def motion(token: int) -> Motion:
    return Motion(FakeEngine().decode([token, token]))


def test_an_unknown_id_in_a_large_store_reads_nothing_but_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MotionStore(tmp_path)
    ids = [store.add(motion(token)) for token in range(1, 8)]

    def scandir(*_: object) -> None:
        raise AssertionError("the whole store was read")

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", scandir)
        with pytest.raises(InputError, match="The latest are: " + ", ".join(reversed(ids[-5:]))):
            MotionStore(tmp_path).get("m-000000")
        assert MotionStore(tmp_path).latest(2) == tuple(ids[-2:])
        assert MotionStore(tmp_path).list() == tuple(ids)
        assert "7 motions, the latest 2" in listed(MotionStore(tmp_path), 2)
    gone, foreign = tmp_path / f"{ids[0]}.npz", tmp_path / "m-abcdef.npz"
    gone.rename(foreign)
    assert MotionStore(tmp_path).list() == (*ids[1:], "m-abcdef")


def listed(store: MotionStore, number: int) -> str:
    tool = next(tool for tool in motion_tools(FakeEngine(), store) if tool.name == "list_motions")
    return str(tool.invoke({"latest": number}))


def test_two_programs_and_a_damaged_order_lose_no_motion(tmp_path: Path) -> None:
    one, other = MotionStore(tmp_path), MotionStore(tmp_path)
    ids = [store.add(motion(token)) for token, store in enumerate((one, other, one, other), 1)]
    assert one.list() == other.list() == tuple(ids)
    order = tmp_path / ".order"
    order.write_bytes(b"../../etc\n" + ids[3].encode() + b"\n\xff\nm-000000\n")
    assert one.list() == (ids[3], ids[0], ids[1], ids[2])
    assert one.latest(1) == (ids[2],)
    order.unlink()
    assert set(other.latest(9)) == set(ids)


def test_a_store_of_an_earlier_version_is_listed_in_the_order_of_its_files(tmp_path: Path) -> None:
    store = MotionStore(tmp_path)
    ids = [store.add(motion(token)) for token in (5, 6, 7)]
    (tmp_path / ".order").unlink()
    os.utime(tmp_path / f"{ids[0]}.npz", (2e9, 2e9))
    again = MotionStore(tmp_path)
    assert again.list() == (ids[1], ids[2], ids[0])
    (tmp_path / f"{ids[2]}.npz").unlink()
    assert again.list() == again.latest() == (ids[1], ids[0])


def test_a_store_in_memory_forgets_what_was_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_KEPT == 500
    monkeypatch.setattr("motion_agent.motion_core.store.MAX_KEPT", 3)
    store = MotionStore()
    first, second = store.add(motion(1)), store.add(motion(2))
    store.add(motion(3))
    store.get(first)
    store.add(motion(4))
    assert first in store and second not in store and len(store) == 3


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_what_is_kept_can_be_read_by_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.umask(0)
    try:
        monkeypatch.setenv("MOTION_AGENT_DATA", str(tmp_path / "data"))
        with kept_conversations() as (store, checkpointer):
            checkpointer.setup()
            store.add(motion(1))
            SegmentJournal(tmp_path / "data" / "motions" / "segments.jsonl").put(
                ("e", "walk", 1, 0.0), Entry((1,))
            )
    finally:
        os.umask(before)
    paths = [tmp_path / "data", *(tmp_path / "data").rglob("*")]
    assert len(paths) >= 5
    for path in paths:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
