"""What bones and feet tell: axes with scales of their own, paths in another unit, swapped names."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from motion_agent.motion_core.errors import FormatError, InputError
from motion_agent.motion_core.exporting import export
from motion_agent.motion_core.formats import find_map, read_capture, read_joints
from motion_agent.motion_core.formats.footing import check_sliding, scale_path
from motion_agent.motion_core.formats.joint_maps import read_map
from motion_agent.motion_core.motion import Motion

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from skeleton_fuzz import mean_error

SAMPLES = Path(__file__).parent / "samples"
MIXAMO = SAMPLES / "walk-mixamo.bvh"


@pytest.fixture(scope="module")
def walk() -> np.ndarray:
    """Joints of a walk whose bones are rigid."""
    return read_joints(MIXAMO)[0]


@pytest.fixture(scope="module")
def still(walk: np.ndarray) -> np.ndarray:
    """Joints of somebody who only sways on the feet, for five seconds at 20 fps."""
    time = np.arange(100) / 20
    lean = 0.015 * np.stack([np.sin(1.9 * time), np.zeros(100), np.sin(2.7 * time)], axis=-1)
    ankles = walk[3, [7, 8]].mean(axis=0)
    turns = Rotation.from_rotvec(lean).as_matrix()
    joints = (walk[3] - ankles) @ turns.swapaxes(1, 2) + ankles
    joints[:, [7, 8, 10, 11]] = walk[3, [7, 8, 10, 11]]
    return joints


def breathing(joints: np.ndarray) -> np.ndarray:
    """Joints of a careless model: every limb's length changes by some 6 %."""
    random = np.random.default_rng(0)
    moved = joints.copy()
    for upper, lower, hanging in ((1, 4, (4, 7, 10)), (2, 5, (5, 8, 11)), (4, 7, (7, 10)),
                                  (5, 8, (8, 11)), (16, 18, (18, 20)), (17, 19, (19, 21)),
                                  (18, 20, (20,)), (19, 21, (21,))):  # fmt: skip
        length = random.normal(scale=0.06, size=(len(joints), 1, 1))
        moved[:, hanging] += length * (joints[:, [lower]] - joints[:, [upper]])
    return moved


def scaled(joints: np.ndarray, way: str) -> np.ndarray:
    return {
        "mean and deviation": lambda: (joints - joints.mean((0, 1))) / joints.std((0, 1)),
        "0 to 1": lambda: (joints - joints.min((0, 1))) / np.ptp(joints, axis=(0, 1)),
        "half as deep": lambda: joints * [0.5, 1.0, 0.5],
        "twice as wide": lambda: joints * [2.0, 1.0, 1.0],
    }[way]()


WAYS = ("mean and deviation", "0 to 1", "half as deep", "twice as wide")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("turned", [0, 35])
def test_axes_with_scales_of_their_own_are_put_right(
    walk: np.ndarray, tmp_path: Path, way: str, turned: float
) -> None:
    walk = walk @ Rotation.from_euler("y", turned, degrees=True).as_matrix().T
    np.save(tmp_path / "a.npy", scaled(walk, way))
    found = read_capture(tmp_path / "a.npy")
    assert mean_error(found.joints, walk) < 0.015
    assert "its axes had different scales" in found.notes[0]


@pytest.mark.parametrize("size", [1.0, 0.7, 100.0])
def test_axes_of_one_scale_stay_as_they_are(walk: np.ndarray, tmp_path: Path, size: float) -> None:
    for joints in (walk, breathing(walk)):
        np.save(tmp_path / "a.npy", size * joints)
        found = read_capture(tmp_path / "a.npy")
        assert mean_error(found.joints, joints) < 1e-3 and found.notes == ()


def test_what_no_scales_explain_is_refused(walk: np.ndarray, tmp_path: Path) -> None:
    per_joint = (walk - walk.mean(axis=0)) / (walk.std(axis=0) + 0.01)
    for joints, message in (
        (scaled(breathing(walk), "half as deep"), "longer along one axis than along another"),
        (walk * [1, 1, 0], "flat positions, with nothing along z; 3D joints are needed"),
        (per_joint, "longer along one axis|nobody could be"),
    ):
        np.save(tmp_path / "a.npy", joints)
        with pytest.raises(FormatError, match=message):
            read_capture(tmp_path / "a.npy")


def test_uneven_axes_of_breathing_bones_are_reported(walk: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", breathing(walk))
    assert read_capture(tmp_path / "a.npy").notes == ()
    np.save(tmp_path / "a.npy", breathing(walk) * [1, 1, 1.5])
    assert "longer along z than along" in read_capture(tmp_path / "a.npy").notes[0]


def smpl(joints: np.ndarray, path: Path, scale: float) -> Path:
    """Write poses of the SMPL family whose path is in another unit."""
    export(Motion.from_joints(joints, fps=20), path)
    with np.load(path, allow_pickle=False) as file:
        data = dict(file)
    np.savez(path, **data | {"trans": scale * data["trans"]})
    return path


@pytest.mark.parametrize(("scale", "unit"), [(100.0, "centimetres"), (1000.0, "millimetres")])
def test_a_path_of_somebody_who_hardly_moves_has_the_unit_in_which_feet_stand(
    still: np.ndarray, tmp_path: Path, scale: float, unit: str
) -> None:
    truth = read_joints(smpl(still, tmp_path / "m.amass.npz", 1.0))[0]
    found = read_capture(smpl(still, tmp_path / "a.amass.npz", scale))
    np.testing.assert_allclose(found.joints, truth, atol=1e-5)
    assert f"its path was taken as {unit}" in found.notes[0]


def test_the_unit_of_rotations_is_that_of_their_path(still: np.ndarray, tmp_path: Path) -> None:
    truth = read_joints(smpl(still, tmp_path / "m.amass.npz", 1.0))[0]
    path = smpl(still, tmp_path / "a.amass.npz", 1 / 0.3048)
    found = read_capture(path, unit="ft")
    np.testing.assert_allclose(found.joints, truth, atol=1e-5)
    assert found.notes == ()
    with pytest.raises((InputError, FormatError), match="unknown unit 'parsec'"):
        read_capture(path, unit="parsec")


@pytest.mark.parametrize(
    ("scale", "note"),
    [(0.01, "multiplied by 100: the feet stepped in place"), (100.0, "taken as centimetres")],
)
def test_a_path_and_bones_in_different_units(
    walk: np.ndarray, tmp_path: Path, scale: float, note: str
) -> None:
    head, rows = MIXAMO.read_text().split("Frame Time: 0.0333333\n")
    frames = [row.split() for row in rows.splitlines() if row.strip()]
    frames = [[*(f"{scale * float(v):.6f}" for v in row[:3]), *row[3:]] for row in frames[1:]]
    head = head.replace("Frames: 37", "Frames: 36") + "Frame Time: 0.0333333\n"
    (tmp_path / "a.bvh").write_text(head + "\n".join(" ".join(row) for row in frames) + "\n")
    found = read_capture(tmp_path / "a.bvh")
    assert mean_error(found.joints, walk) < 1e-3
    assert note in found.notes[0]


@pytest.mark.parametrize(("scale", "times"), [(0.01, "100"), (0.001, "1000")])
def test_a_slow_walk_on_the_spot_gets_its_path_back(
    walk: np.ndarray, tmp_path: Path, scale: float, times: str
) -> None:
    np.save(tmp_path / "a.npy", walk + (scale - 1) * walk[:, :1])
    found = read_capture(tmp_path / "a.npy", fps=6)  # standing feet slide at 0.2 m/s
    np.testing.assert_allclose(found.joints, walk, atol=1e-6)
    assert found.notes == (f"its path was multiplied by {times}: the feet stepped in place",)


def test_a_path_that_may_be_too_short_is_reported(walk: np.ndarray, tmp_path: Path) -> None:
    hovering = walk - walk[:, :1] + [0, 0.9, 0] + 0.003 * (walk[:, :1] - walk[:1, :1])
    np.save(tmp_path / "a.npy", hovering)
    found = read_capture(tmp_path / "a.npy")
    np.testing.assert_allclose(found.joints, hovering)
    assert "the feet step in place; if the path is in a larger unit" in found.notes[0]


@pytest.mark.parametrize(
    ("axes", "turn"),
    [
        (((-1, 0, 0), (0, 1, 0), (0, 0, -1)), "turned by 180 degrees"),
        (((0, 0, -1), (0, 1, 0), (1, 0, 0)), "turned by 90 degrees"),
        (((1, 0, 0), (0, 0, -1), (0, 1, 0)), "taken as z up"),
    ],
)
def test_a_path_with_other_axes_than_the_bones_is_reported(
    still: np.ndarray, axes: tuple[tuple[int, ...], ...], turn: str
) -> None:
    ahead = np.linspace(0, 4, 100)
    step = np.arange(100) % 20
    share = np.clip(step - 15, 0, 5) / 5  # a foot stands for 0.75 s, then it steps
    left = 4 * (np.arange(100) // 20 + share) * 20 / 99
    right = np.roll(left, 10) + np.where(np.arange(100) < 10, 0, 4 * 10 / 99)
    stepping = still + ahead[:, None, None] * [0, 0, 1.0]
    stepping[:, [7, 10], 2] = still[:, [7, 10], 2] + left[:, None]
    stepping[:, [8, 11], 2] = still[:, [8, 11], 2] + right[:, None]
    assert check_sliding(stepping[10:], 20.0)[1] == []
    root = stepping[:, :1] - stepping[:1, :1]
    joints = (stepping - root + root @ np.array(axes, dtype=float).T)[10:]
    found, notes = check_sliding(joints, 20.0)
    np.testing.assert_array_equal(found, joints)
    assert f"but little if the path is {turn}" in notes[0]


def test_feet_that_slide_for_a_reason_are_left(walk: np.ndarray, still: np.ndarray) -> None:
    ahead = np.linspace(0, 15, 100)[:, None, None] * [0, 0, 1.0]
    for joints, note in (
        (walk, None),
        (still, None),
        (still + ahead, "as on wheels; if the path is in centimetres"),  # on a skateboard
        (walk - walk[:, :1] + walk[:1, :1], None),  # on a treadmill
    ):
        found, notes = scale_path(joints, 20.0)
        found, more = check_sliding(found, 20.0)
        notes += more
        np.testing.assert_array_equal(found, joints)
        assert (note in notes[0]) if note else notes == []


def swapped(change: Callable[[str], bool]) -> str:
    """Return the sample with left and right swapped in the names for which `change` holds."""
    lines = MIXAMO.read_text().splitlines()
    other = {"Left": "Right", "Right": "Left"}
    for at, line in enumerate(lines):
        side = next((each for each in other if f"JOINT mixamorig:{each}" in line), None)
        if side and change(line):
            lines[at] = line.replace(side, other[side])
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("which", "change"),
    [
        ("all", lambda line: True),
        ("legs", lambda line: any(part in line for part in ("Leg", "Foot", "Toe"))),
        ("arms", lambda line: any(part in line for part in ("Shoulder", "Arm", "Hand"))),
    ],
)
def test_names_with_left_and_right_swapped(
    walk: np.ndarray, tmp_path: Path, which: str, change: Callable[[str], bool]
) -> None:
    (tmp_path / "a.bvh").write_text(swapped(change))
    found = read_capture(tmp_path / "a.bvh")
    np.testing.assert_array_equal(found.joints, walk)
    assert "swap left and right" in found.notes[0]


def test_a_map_that_is_given_wins_over_where_the_feet_point(
    walk: np.ndarray, tmp_path: Path
) -> None:
    (tmp_path / "map.json").write_text(find_map(MIXAMO).as_json())
    (tmp_path / "a.bvh").write_text(swapped(lambda line: True))
    found = read_capture(tmp_path / "a.bvh", joint_map=read_map(tmp_path / "map.json"))
    assert found.notes[0] == "left and right were mirrored and were put right"
    mirrored = walk[:, [0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21,
                        20]] * [-1, 1, 1]  # fmt: skip
    assert mean_error(found.joints, mirrored) < 1e-3
