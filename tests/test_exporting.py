"""`export`: every suffix, one person and two, and what it says when it cannot."""

from __future__ import annotations

import builtins
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rendering_people import walker

from motion_agent.motion_core.choices import EXPORTS
from motion_agent.motion_core.errors import ConfigurationError, InputError, UnavailableError
from motion_agent.motion_core.exporting import export, export_suffix
from motion_agent.motion_core.formats import load_npz, read_joints
from motion_agent.motion_core.motion import MAX_FRAMES, Motion
from motion_agent.motion_core.placement import FACE_TO_FACE, Placement

NUMBERS = ("npz", "npy", "joints.npy", "csv", "amass.npz", "bvh", "glb")
TOGETHER = ("glb", "mp4", "gif", "html", "png")  # two people in one file
APART = ("npz", "npy", "joints.npy", "csv", "amass.npz", "bvh")
BEGINS = {
    "npz": b"PK",
    "amass.npz": b"PK",
    "npy": b"\x93NUMPY",
    "joints.npy": b"\x93NUMPY",
    "csv": b"seconds,pelvis_x",
    "bvh": b"HIERARCHY",
    "glb": b"glTF\x02\0\0\0",
    "html": b"<!",
    "gif": b"GIF89a",
    "mp4": b"\0\0\0\x20ftypisom",
    "png": b"\x89PNG",
}


def test_every_format_says_what_it_is() -> None:
    assert set(NUMBERS) | set(TOGETHER) <= set(EXPORTS)
    assert all(len(what) < 70 for what in EXPORTS.values())


@pytest.mark.parametrize("suffix", BEGINS)
def test_a_motion_becomes_a_file_of_its_kind(suffix: str, tmp_path: Path) -> None:
    written = export(walker(8), tmp_path / "new" / f"walk.{suffix}")
    assert written == (tmp_path / "new" / f"walk.{suffix}",)
    assert written[0].read_bytes().startswith(BEGINS[suffix])
    assert list(written[0].parent.iterdir()) == list(written)


def test_a_motion_exports_itself(tmp_path: Path) -> None:
    motion = walker(8)
    path = motion.export(tmp_path / "walk.NPZ")
    assert load_npz(path).id == motion.id


def test_the_longest_suffix_counts(tmp_path: Path) -> None:
    assert export_suffix("a.b/walk.amass.npz") == "amass.npz"
    assert export_suffix("Walk.Joints.NPY") == "joints.npy"
    assert export_suffix("joints.npy") == "npy"
    assert export_suffix(Path("v1.2.bvh")) == "bvh"


@pytest.mark.parametrize("suffix", ["glb", "gif", "html", "png"])
def test_two_people_of_different_length_share_a_file(suffix: str, tmp_path: Path) -> None:
    assert len(export([walker(8), walker(20)], tmp_path / f"two.{suffix}")) == 1


@pytest.mark.parametrize("suffix", APART)
def test_two_people_get_a_file_each_where_one_cannot_hold_them(suffix: str, tmp_path: Path) -> None:
    written = export([walker(8), walker(20)], tmp_path / f"two.{suffix}")
    assert [path.name for path in written] == [f"two.{suffix}", f"two-person-2.{suffix}"]
    assert sorted(tmp_path.iterdir()) == sorted(written)


def test_the_second_person_stands_opposite_if_nobody_says_where(tmp_path: Path) -> None:
    first, second = walker(8), walker(8)
    _, path = export([first, second], tmp_path / "two.bvh")
    error = np.linalg.norm(read_joints(path)[0] - FACE_TO_FACE.apply(second.joints), axis=-1)
    assert error.max() < 0.01
    _, path = export([first, second], tmp_path / "two.npz", placement=Placement(90, 1, 2))
    again = load_npz(path)
    assert again.provenance["placement"] == [90, 1, 2]
    np.testing.assert_array_equal(again.features, second.features)


@pytest.mark.parametrize("count", [0, 3])
def test_nobody_or_a_crowd_is_refused(count: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{count} people"):
        export([walker(8)] * count, tmp_path / "crowd.glb")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "message"), [("walk.fbx", "'fbx'"), ("walk", "no suffix")])
def test_an_unknown_suffix_is_told_with_those_that_there_are(
    name: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        export(walker(8), tmp_path / name)
    assert all(suffix in str(caught.value) for suffix in EXPORTS)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", sorted({*NUMBERS, *TOGETHER}))
def test_a_path_that_cannot_be_written_is_one_line(suffix: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match=r"cannot be written: .* is no folder") as caught:
        export(walker(8), tmp_path / "file" / f"walk.{suffix}")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("suffix", BEGINS)
def test_one_frame_is_a_motion(suffix: str, tmp_path: Path) -> None:
    (path,) = export(Motion(walker(8).features[:1]), tmp_path / f"one.{suffix}")
    assert path.stat().st_size > 100


def test_nothing_and_not_a_number_never_become_a_motion() -> None:
    with pytest.raises(InputError, match="no frames"):
        Motion(np.zeros((0, 263), np.float32))
    features = walker(8).features.copy()
    features[3, 5] = np.nan
    with pytest.raises(InputError, match="frame 3 holds NaN"):
        Motion(features)
    with pytest.raises(InputError, match="the limit is 100000"):
        Motion(np.zeros((MAX_FRAMES + 1, 263), np.float32))


@pytest.mark.slow
@pytest.mark.parametrize("suffix", NUMBERS)
def test_the_longest_motion_can_be_written(suffix: str, tmp_path: Path) -> None:
    steps = walker(24).features
    longest = Motion(steps[np.arange(MAX_FRAMES) % len(steps)])
    (path,) = export(longest, tmp_path / f"long.{suffix}")
    assert 1_000_000 < path.stat().st_size < 200_000_000


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the formats that draw; the others need nothing but NumPy and SciPy."""
    real = builtins.__import__

    def without_av(name: str, *rest: object, **more: object) -> object:
        if name == "av" or name.startswith("av."):
            raise ModuleNotFoundError("No module named 'av'", name="av")
        return real(name, *rest, **more)  # type: ignore[arg-type]

    for name in [name for name in sys.modules if "motion_core.rendering" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without_av)
    with pytest.raises(ConfigurationError, match=r"\.mp4 needs the package 'av'.*pip install"):
        export(walker(8), tmp_path / "walk.mp4")
    assert not list(tmp_path.iterdir())


def test_numbers_are_written_without_what_draws(tmp_path: Path) -> None:
    program = """
import json, sys
import numpy as np
from motion_agent.motion_core.motion import Motion
from motion_agent.motion_core.exporting import export
for suffix in ("npz", "npy", "joints.npy", "csv", "amass.npz", "bvh"):
    export(Motion(np.zeros((4, 263), np.float32)), f"{sys.argv[1]}/m.{suffix}")
print(json.dumps([name for name in ("av", "cv2", "PIL", "torch") if name in sys.modules]))
"""
    run = [sys.executable, "-c", program, str(tmp_path)]
    result = subprocess.run(run, capture_output=True, text=True, check=True)
    assert json.loads(result.stdout) == []
    assert len(list(tmp_path.iterdir())) == 6


def test_a_bad_join_is_marked_in_every_picture_of_it() -> None:
    from motion_agent.cli.exports import bodies
    from motion_agent.motion_core.composition import assemble
    from motion_agent.motion_core.fake import BLOCK, FakeEngine
    from motion_agent.motion_core.motion import Segment

    segments = [Segment("s1", "run", (2 * BLOCK,) * 10), Segment("s2", "stand", (0,) * 10)]
    rough = assemble(FakeEngine(), segments)
    (body,) = bodies([rough], None)  # what the video of the command line draws
    assert body.bad_seams == (0,)
