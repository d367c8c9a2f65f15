"""Is this a body? What is put right, what is noted, what is refused; and what the person says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from motion_agent.cli import app
from motion_agent.motion_core.cleaning import clean
from motion_agent.motion_core.errors import FormatError, InputError
from motion_agent.motion_core.formats import read_capture, read_joints, read_motion
from motion_agent.motion_core.formats.body import Posture, stand_up
from motion_agent.motion_core.formats.posing import rest_positions, standard_offsets
from motion_agent.motion_core.formats.vertical import turn_up
from motion_agent.motion_core.motion import Motion
from motion_agent.motion_core.skeleton import PARENTS

SAMPLES = Path(__file__).parent / "samples"
MIXAMO = SAMPLES / "walk-mixamo.bvh"
FPS = 20.0


@pytest.fixture(scope="module")
def walk() -> np.ndarray:
    """Joints of a walk, standing on the floor."""
    return np.load(SAMPLES / "walk.npy").astype(np.float64)


def stood(joints: np.ndarray, **posture: str) -> tuple[np.ndarray, list[str]]:
    return stand_up(joints, FPS, Posture(**posture))  # type: ignore[arg-type]


def shape(joints: np.ndarray) -> np.ndarray:
    """Distances of all joints: what turning and mirroring do not change."""
    return np.linalg.norm(joints[:, :, None] - joints[:, None], axis=-1)


def test_a_body_as_it_should_be_stays_as_it_is(walk: np.ndarray) -> None:
    joints, notes = stood(walk)
    np.testing.assert_array_equal(joints, walk)
    assert notes == []


@pytest.mark.parametrize("axis", ["-y", "z", "-z", "x", "-x"])
def test_a_standing_person_says_which_axis_is_up(walk: np.ndarray, axis: str) -> None:
    lying = walk @ turn_up(axis).T  # type: ignore[arg-type]
    joints, notes = stood(lying)
    np.testing.assert_allclose(joints, walk, atol=1e-9)
    assert len(notes) == 1
    assert notes[0].startswith(f"{axis} was taken as the vertical axis, as the person stands and")
    joints, notes = stood(lying, up=axis)
    np.testing.assert_allclose(joints, walk, atol=1e-9)
    assert notes == []


def test_what_is_said_wins_over_how_the_person_stands(walk: np.ndarray) -> None:
    joints, _ = stood(walk, up="z")
    assert np.ptp(joints[0, :, 1]) < 0.8  # lying, as was said


def test_a_person_who_lies_still_on_the_floor_stays_lying(walk: np.ndarray) -> None:
    pose = walk[:1] - walk[:1, :1] * [1, 0, 1]
    lying = np.repeat(pose @ turn_up("z").T, 40, axis=0)  # head towards +z
    lying[..., 1] -= lying[..., 1].min()
    lying[..., 2] += 2.0
    joints, notes = stood(lying)
    np.testing.assert_array_equal(joints, lying)
    assert notes == ["y was taken as the vertical axis, which is uncertain; z may be it (--up)"]


@pytest.mark.parametrize("axis", ["z", "-z", "x", "-x"])
def test_who_lies_on_the_floor_before_walking_is_not_put_on_a_wall(
    walk: np.ndarray, axis: str
) -> None:
    lying = np.repeat(walk[:1] @ turn_up(axis).T, 3 * len(walk), axis=0)  # type: ignore[arg-type]
    lying[..., 1] -= lying[..., 1].min()
    motion = np.concatenate([lying, walk])
    joints, _ = stood(motion)
    np.testing.assert_array_equal(joints[-len(walk) :], walk)
    joints, notes = stood(motion @ turn_up("-z").T)
    assert notes[-1].startswith("-z was taken") or "uncertain" in notes[-1]


def test_a_handstand_stays_a_handstand(walk: np.ndarray) -> None:
    pose = walk[:1].copy()
    for elbow, wrist, shoulder in ((18, 20, 16), (19, 21, 17)):
        pose[:, elbow] = pose[:, shoulder] + [0, 0.26, 0]
        pose[:, wrist] = pose[:, shoulder] + [0, 0.52, 0]
    standing = np.repeat(pose * [1, -1, -1], 40, axis=0)
    joints, notes = stood(standing)
    np.testing.assert_array_equal(joints, standing)
    assert "uncertain; -y may be it" in notes[0]


def test_a_mirrored_world_is_mirrored_back(walk: np.ndarray) -> None:
    for flip in ([-1, 1, 1], [1, 1, -1]):
        joints, notes = stood(walk * flip)
        assert notes == ["left and right were mirrored and were put right"]
        np.testing.assert_allclose(shape(joints), shape(walk), atol=1e-9)
        across = (joints[0, 1] - joints[0, 2]) @ np.cross([0, 1, 0], joints[-1, 0] - joints[0, 0])
        assert across > 0  # left is left of the way
    joints, notes = stood(walk * [1, -1, 1])  # upside down by a mirror, as video models do
    assert len(notes) == 2
    np.testing.assert_allclose(shape(joints), shape(walk), atol=1e-9)


@pytest.mark.parametrize("scale", [1, 10, 100, 1000, 1 / 0.0254, 1 / 0.3048, 0.45 / 0.0254])
def test_known_units_are_seen_from_the_legs(walk: np.ndarray, scale: float) -> None:
    joints, notes = stood(walk * scale)
    np.testing.assert_allclose(joints, walk, rtol=1e-9, atol=1e-9)
    assert notes == []


def test_any_other_unit_is_that_in_which_the_legs_are_a_persons(walk: np.ndarray) -> None:
    joints, notes = stood(walk * 10_000)
    assert 1.3 < np.ptp(joints[0, :, 1]) < 1.8
    assert "fit no unit; the body was scaled" in notes[0]
    joints, notes = stood(walk / 0.7, unit="0.7")
    np.testing.assert_allclose(joints, walk, atol=1e-9)
    with pytest.raises(InputError, match="unknown unit 'ell'; there are m, dm, cm"):
        stood(walk, unit="ell")


@pytest.mark.parametrize("frames", [1, 2, 5])
@pytest.mark.parametrize("fps", [24.0, 30.0, 60.0, 120.0])
def test_a_reference_pose_in_front_is_left_out_at_any_rate(
    walk: np.ndarray, frames: int, fps: float
) -> None:
    times = np.arange(int((len(walk) - 1) * fps / FPS)) * FPS / fps
    before = times.astype(int)
    share = (times - before)[:, None, None]
    moving = walk[before] * (1 - share) + walk[before + 1] * share
    pose = rest_positions(standard_offsets()) + walk[0, 0]
    both = np.concatenate([np.repeat(pose[None], frames, axis=0), moving])
    joints, notes = stand_up(both, fps, Posture())
    np.testing.assert_array_equal(joints, moving)
    assert len(notes) == 1 and "for reference and left out" in notes[0]


@pytest.mark.parametrize("frames", [1, 3, 60])
def test_a_reference_pose_at_the_end_is_left_out(walk: np.ndarray, frames: int) -> None:
    pose = rest_positions(standard_offsets()) + walk[-1, 0]
    joints, notes = stood(np.concatenate([walk, np.repeat(pose[None], frames, axis=0)]))
    np.testing.assert_array_equal(joints, walk)
    assert len(notes) == 1 and notes[0].startswith("the last ")


def test_a_frozen_reference_pose_may_be_long(walk: np.ndarray) -> None:
    pose = rest_positions(standard_offsets())
    joints, notes = stood(np.concatenate([np.repeat(pose[None], 100, axis=0), walk]))
    np.testing.assert_array_equal(joints, walk)
    assert notes == ["the first 100 frames were a pose for reference and left out"]


def test_a_start_from_rest_is_no_reference_pose(walk: np.ndarray) -> None:
    still = np.repeat(walk[:1], 10, axis=0)
    joints, notes = stood(np.concatenate([still, walk]))
    assert len(joints) == len(walk) + 10 and notes == []


@pytest.mark.parametrize("width", [1, 2])
def test_a_leap_of_the_whole_body_is_smoothed(walk: np.ndarray, width: int) -> None:
    faulty = walk.copy()
    faulty[8 : 8 + width, :, 1] -= 0.3
    joints, notes = stood(faulty)
    assert np.abs(joints - walk).max() < 0.1
    assert notes == ["the whole body leaps away and back in frame 8; this was smoothed"]


@pytest.mark.parametrize("dip", [(0.2, 0.3, 0.3, 0.2), (0.5,), (0.12, 0.12), (0.9, 0.9)])
def test_the_floor_is_under_the_feet_and_not_under_a_dip(
    walk: np.ndarray, dip: tuple[float, ...]
) -> None:
    long = np.concatenate([walk, walk[::-1]] * 3)
    usual = lowest_foot(read_motion_of(long))
    long[60 : 60 + len(dip), :, 1] -= np.array(dip)[:, None]
    found = read_motion_of(long)
    assert abs(lowest_foot(found) - usual) < 0.04
    assert abs(lowest_foot(clean(found)) - usual) < 0.04


def lowest_foot(motion: Motion) -> float:
    """The height of the lower foot in most frames, metres."""
    return float(np.median(motion.joints[:, [7, 8, 10, 11], 1].min(axis=1)))


def read_motion_of(joints: np.ndarray) -> Motion:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "walk.npy", joints)
        return read_motion(Path(folder) / "walk.npy")


def test_positions_of_nobody_are_refused(walk: np.ndarray) -> None:
    long_shin = walk.copy()
    long_shin[:, [7, 10]] += [0, 0, 3.0]
    rubber = walk.copy()
    rubber[:, 7] += np.random.default_rng(0).normal(scale=0.5, size=(len(walk), 3))
    for joints in (long_shin, rubber):
        with pytest.raises(FormatError, match="positions in which nobody could be"):
            stood(joints)
    with pytest.raises(FormatError, match="legs of no length"):
        stood(np.zeros((5, 22, 3)))


@pytest.mark.parametrize("kind", ["normalised", "zeros", "tall"])
def test_features_of_nobody_are_refused_with_a_word_on_mean_and_std(
    walk: np.ndarray, tmp_path: Path, kind: str
) -> None:
    features = Motion.from_joints(walk).features.copy()
    if kind == "normalised":
        features = (features - features.mean(axis=0)) / (features.std(axis=0) + 0.01)
    elif kind == "zeros":
        features = np.zeros_like(features)
    else:
        features[:, 3:67] *= 3
    np.save(tmp_path / "made.npy", features)
    with pytest.raises(FormatError, match=r"Std.npy and add its Mean.npy"):
        read_motion(tmp_path / "made.npy")


@pytest.mark.parametrize(
    "change, fps",
    [
        (("Frame Time: 0.0333333", "Frame Time: 0"), None),
        (("Frame Time: 0.0333333", "Frame Time: 30"), None),
        (("Frame Time: 0.0333333", "Frame Time: 33.3333"), 30),
        (("Frame Time: 0.0333333", "Frame Time: 16.6667"), 60),
    ],
)
def test_frame_times_that_cannot_be(tmp_path: Path, change: tuple[str, str], fps: int) -> None:
    path = tmp_path / "clip.bvh"
    path.write_text(MIXAMO.read_text().replace(*change))
    assert read_joints(path, fps=25)[1] == 25
    if fps is None:
        with pytest.raises(FormatError, match=r"say the frames per second \(--fps\)"):
            read_joints(path)
    else:
        capture = read_capture(path)
        assert capture.fps == pytest.approx(fps, rel=1e-3)
        assert "was taken as milliseconds" in capture.notes[0]


WRITTEN = {
    "one line": lambda head, rows: head + " ".join(rows) + "\n",
    "wrapped": lambda head, rows: head + "".join(
        " ".join(row.split()[:20]) + "\n" + " ".join(row.split()[20:]) + "\n" for row in rows),
    "lower case": lambda head, rows: head.lower().replace("rotation", "Rotation") + "\n".join(rows),
    "comments": lambda head, rows: "# made by hand\n// so\n" + head + "\n".join(rows),
    "nul": lambda head, rows: head + "\n".join(rows) + "\n\0",
    "second root": lambda head, rows: head.replace(
        "MOTION", "ROOT Camera\n{\n OFFSET 0 0 0\n CHANNELS 1 Xposition\n}\nMOTION")
        + "\n".join(f"{row} 0" for row in rows),
}  # fmt: skip


@pytest.mark.parametrize("way", WRITTEN)
def test_ways_of_writing_the_same_take(tmp_path: Path, way: str) -> None:
    text = MIXAMO.read_text()
    head, rows = text[: text.index("\n", text.index("Frame Time")) + 1], []
    rows = text[len(head) :].strip().splitlines()
    path = tmp_path / "clip.bvh"
    path.write_text(WRITTEN[way](head, rows))
    np.testing.assert_allclose(read_joints(path)[0], read_joints(MIXAMO)[0], atol=1e-9)


@pytest.mark.parametrize(
    "count, note", [(36, "36 frames declared, 37 found"), (40, "40 frames declared")]
)
def test_a_wrong_count_of_frames_is_noted(tmp_path: Path, count: int, note: str) -> None:
    path = tmp_path / "clip.bvh"
    path.write_text(MIXAMO.read_text().replace("Frames: 37", f"Frames: {count}"))
    capture = read_capture(path)
    assert len(capture.joints) == 36
    assert any(note in each for each in capture.notes)


def test_a_cut_off_row_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "clip.bvh"
    path.write_text(MIXAMO.read_text()[:-40])
    capture = read_capture(path)
    assert len(capture.joints) == 35
    assert "last frame is incomplete" in capture.notes[0]


def test_frames_are_taken_as_said() -> None:
    whole, _ = read_joints(MIXAMO)
    np.testing.assert_allclose(read_joints(MIXAMO, frames=(1, None))[0], whole)
    np.testing.assert_allclose(read_joints(MIXAMO, frames=(11, 21))[0], whole[10:20], atol=1e-9)
    with pytest.raises(FormatError, match="no frames there"):
        read_joints(MIXAMO, frames=(500, None))


@pytest.mark.parametrize("count", [22, 24, 52, 55])
@pytest.mark.parametrize("form", ["plain", "batch", "mdm", "rows", "mm"])
def test_arrays_of_other_models(walk: np.ndarray, tmp_path: Path, count: int, form: str) -> None:
    joints = np.concatenate([walk, np.repeat(walk[:, 20:21], count - 22, axis=1)], axis=1)
    array = {
        "plain": joints,
        "batch": joints[None],
        "mdm": np.moveaxis(joints, 0, -1)[None],
        "rows": joints.reshape(len(joints), -1),
        "mm": 1000 * joints,
    }[form]
    np.save(tmp_path / "a.npy", array.astype(np.float32))
    found, _ = read_joints(tmp_path / "a.npy")
    np.testing.assert_allclose(found, walk, atol=1e-5)


def test_of_a_batch_one_is_chosen(walk: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.stack([walk, walk + np.array([0, 0, 1.0])]))
    with pytest.raises(InputError, match=r"2 motions; say which, 0 to 1 \(--clip\)"):
        read_joints(tmp_path / "a.npy")
    found, _ = read_joints(tmp_path / "a.npy", clip="1")
    np.testing.assert_allclose(found, walk + np.array([0, 0, 1.0]))


BAD_FILES = {
    "truncated": b"HIERARCHY\n",
    "empty": b"",
    "numbers": b"\x00\xff" * 500,
    "nothing moves": MIXAMO.read_bytes().partition(b"MOTION")[0],
    "missing": None,
}


@pytest.mark.parametrize("kind", BAD_FILES)
@pytest.mark.parametrize("place", ["a", "b", "c"])
def test_one_bad_file_of_many_does_not_stop_the_rest(tmp_path: Path, kind: str, place: str) -> None:
    for name in "abc":
        content = MIXAMO.read_bytes() if name != place else BAD_FILES[kind]
        if content is not None:
            (tmp_path / f"{name}.bvh").write_bytes(content)
    files = [str(tmp_path / f"{name}.bvh") for name in "abc"]
    result = CliRunner().invoke(app, ["import", *files, "--out", str(tmp_path / "out")])
    assert result.exit_code == 1
    good = sorted(f"{name}.npz" for name in "abc" if name != place)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == good
    assert f"{place}.bvh" in result.stderr and "2 of 3 files imported" in result.stderr


CAMERA = "ROOT Camera\n{\n OFFSET 0 300 0\n CHANNELS 1 Xposition\n}\n"
PROP = "ROOT Ball\n{\n OFFSET 9 9 9\n CHANNELS 0\n End Site\n {\n  OFFSET 0 1 0\n }\n}\n"


@pytest.mark.parametrize(
    ("before", "after", "channels"),
    [("", CAMERA, (0, 1)), (CAMERA, "", (1, 0)), (PROP, "", (0, 0)), (CAMERA, CAMERA, (1, 1))],
)
def test_more_than_one_root(
    tmp_path: Path, before: str, after: str, channels: tuple[int, int]
) -> None:
    head, motion, rest = MIXAMO.read_text().partition("MOTION")
    head = head.replace("HIERARCHY\n", f"HIERARCHY\n{before}") + after
    lines = (motion + rest).splitlines()
    start = 1 + next(at for at, line in enumerate(lines) if line.startswith("Frame Time"))
    lines[start:] = ["0 " * channels[0] + row + " 0" * channels[1] for row in lines[start:]]
    path = tmp_path / "clip.bvh"
    path.write_text(head + "\n".join(lines) + "\n")
    np.testing.assert_allclose(read_joints(path)[0], read_joints(MIXAMO)[0], atol=1e-9)


@pytest.mark.parametrize(("frames", "said"), [(1, "1 frames, 0.03 s"), (2, "2 frames, 0.07 s")])
def test_a_motion_that_is_too_short_says_its_own_length(
    tmp_path: Path, frames: int, said: str
) -> None:
    text = MIXAMO.read_text().replace("Frames: 37", f"Frames: {frames}")
    head = text[: text.index("\n", text.index("Frame Time")) + 1]
    rows = text[len(head) :].splitlines()[1 : 1 + frames]
    (tmp_path / "a.bvh").write_text(head + "\n".join(rows) + "\n")
    with pytest.raises(FormatError, match=f"is too short: {said}"):
        read_motion(tmp_path / "a.bvh")


def test_bones_of_the_sample_keep_their_parents() -> None:
    lengths = np.linalg.norm(
        np.diff(read_joints(MIXAMO)[0][:, list(PARENTS[1:3])], axis=0), axis=-1
    )
    assert lengths.max() < 0.2
