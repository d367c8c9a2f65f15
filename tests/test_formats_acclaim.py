"""ASF/AMC: what degrees of freedom mean, which skeleton belongs to a motion; and bad files."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from motion_agent.motion_core.errors import FormatError
from motion_agent.motion_core.formats import read_joints, read_motion
from motion_agent.motion_core.formats.acclaim import find_asf, parse_amc, parse_asf

SAMPLES = Path(__file__).parent / "samples"

LEG = """:version 1.10
:units
  mass 1.0
  length 0.45
  angle deg
:documentation
  two bones, the second tilted
:root
  order TX TY TZ RX RY RZ
  axis XYZ
  position 1 0 0
  orientation 0 0 0
:bonedata
  begin
    id 1
    name femur
    direction 0 -1 0
    length 2
    axis 0 0 0 XYZ
    dof rx ry rz
    limits (-160.0 20.0)
           (-70.0 70.0)
           (-60.0 70.0)
  end
  begin
    id 2
    name tibia
    direction 0 -2 0
    length 3
    axis 0 0 90 XYZ
    dof rx
    limits (-10.0 170.0)
  end
:hierarchy
  begin
    root femur
    femur tibia
  end
"""


def ends(values: dict[str, list[float]], *, text: str = LEG, degrees: bool = True) -> np.ndarray:
    """Ends of root, femur and tibia in the one frame with these values."""
    frames = {"root": [0.0] * 6, "femur": [0.0] * 3, "tibia": [0.0]} | values
    arrays = {bone: np.array([row], dtype=float) for bone, row in frames.items()}
    recording = parse_asf(text).recording(arrays, 120, degrees=degrees)
    return recording.positions([recording.names.index(n) for n in ("root", "femur", "tibia")])[0]


def test_bones_at_rest_hang_on_each_other() -> None:
    np.testing.assert_allclose(ends({}), [[1, 0, 0], [1, -2, 0], [1, -5, 0]], atol=1e-12)


def test_a_bone_turns_itself_and_what_hangs_on_it() -> None:
    found = ends({"femur": [90, 0, 0]})  # about x: down becomes back
    np.testing.assert_allclose(found, [[1, 0, 0], [1, 0, -2], [1, 0, -5]], atol=1e-12)


def test_a_bone_turns_about_its_own_axes() -> None:
    # The tibia's x axis is the world's y (its axes are turned by 90 degrees about z): its bone
    # lies along it and stays. About the world's x it would swing back.
    np.testing.assert_allclose(ends({"tibia": [90]})[2], [1, -5, 0], atol=1e-12)
    straight = LEG.replace("axis 0 0 90 XYZ", "axis 0 0 0 XYZ")
    np.testing.assert_allclose(ends({"tibia": [90]}, text=straight)[2], [1, -2, -3], atol=1e-12)


def test_axes_turn_in_the_order_told_the_first_first() -> None:
    # x first: down to back; then z: back stays. z first: down to +x; then x: stays +x.
    np.testing.assert_allclose(ends({"femur": [90, 0, 90]})[1], [1, 0, -2], atol=1e-12)
    other = LEG.replace("axis 0 0 0 XYZ", "axis 0 0 0 ZYX")
    np.testing.assert_allclose(ends({"femur": [90, 0, 90]}, text=other)[1], [3, 0, 0], atol=1e-12)


def test_root_moves_and_turns_everything_in_the_order_of_its_columns() -> None:
    found = ends({"root": [10, 20, 30, 0, 90, 0], "femur": [90, 0, 0]})
    np.testing.assert_allclose(found, [[11, 20, 30], [9, 20, 30], [6, 20, 30]], atol=1e-12)
    other = LEG.replace("TX TY TZ RX RY RZ", "RY TZ TX TY RX RZ")
    found = ends({"root": [90, 30, 10, 20, 0, 0], "femur": [90, 0, 0]}, text=other)
    np.testing.assert_allclose(found, [[11, 20, 30], [9, 20, 30], [6, 20, 30]], atol=1e-12)


def test_radians_are_radians_in_either_file() -> None:
    expected = ends({"femur": [30, 40, 50], "tibia": [20]})
    radians = {name: list(np.radians(v)) for name, v in (("femur", [30, 40, 50]), ("tibia", [20]))}
    np.testing.assert_allclose(ends(radians, degrees=False), expected, atol=1e-12)
    text = LEG.replace("angle deg", "angle rad").replace("0 0 90 XYZ", "0 0 1.5707963267949 XYZ")
    found = ends({"femur": [30, 40, 50], "tibia": [20]}, text=text)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert parse_amc(":RADIANS\n1\nroot 0\n")[1] is False
    assert parse_amc(":DEGREES\n1\nroot 0\n")[1] is True


def test_frames_are_read_bone_by_bone() -> None:
    frames, degrees = parse_amc(
        "# made by hand\n:DEGREES\n7\na 1 2\nb 3\n\n8\na 4e0 5 # five\nb 6\n"
    )
    assert degrees
    np.testing.assert_array_equal(frames["a"], [[1, 2], [4, 5]])
    np.testing.assert_array_equal(frames["b"], [[3], [6]])


def test_sample_has_the_limbs_of_its_joints_computed_frame_by_frame() -> None:
    expected = np.load(SAMPLES / "walk.npy")[:10].astype(float)
    joints, fps = read_joints(SAMPLES / "walk.amc")
    assert (joints.shape, fps) == ((60, 22, 3), 120)
    joints = joints[::6]
    legs = [0, 1, 2, 4, 5, 7, 8, 10, 11]
    np.testing.assert_allclose(joints[:, legs], expected[:, legs], atol=2e-4)
    for upper, lower in ((16, 18), (17, 19), (18, 20), (19, 21)):
        found, limbs = joints[:, lower] - joints[:, upper], expected[:, lower] - expected[:, upper]
        cosine = (found * limbs).sum(-1) / np.linalg.norm(found, axis=-1)
        np.testing.assert_allclose(cosine, np.linalg.norm(limbs, axis=-1), atol=1e-3)


def test_frame_rate_can_be_told() -> None:
    assert read_joints(SAMPLES / "walk.amc", fps=60)[1] == 60
    assert len(read_motion(SAMPLES / "walk.amc")) == 9  # half a second at 20 fps, less one
    assert len(read_motion(SAMPLES / "walk.amc", fps=60)) == 19


def test_the_skeleton_is_the_one_whose_name_the_motion_begins_with(tmp_path: Path) -> None:
    for name in ("02.asf", "HDM_bd.asf", "HDM_b.asf", "35.ASF"):
        (tmp_path / name).touch()
    assert find_asf(tmp_path / "02_01.amc").name == "02.asf"
    assert find_asf(tmp_path / "HDM_bd_squat_001_120.amc").name == "HDM_bd.asf"
    assert find_asf(tmp_path / "35_01.amc").name == "35.ASF"
    for name in ("07_01", "021_01"):
        with pytest.raises(FormatError, match=rf"begins like {name}.amc .*there: 02.asf, 35"):
            find_asf(tmp_path / f"{name}.amc")


def test_a_single_skeleton_of_any_name_will_do(tmp_path: Path) -> None:
    (tmp_path / "actor.asf").touch()
    assert find_asf(tmp_path / "take.amc").name == "actor.asf"


def sample(folder: Path, *, asf=lambda text: text, amc=lambda text: text) -> Path:
    (folder / "walk.asf").write_text(asf((SAMPLES / "walk.asf").read_text()))
    (folder / "walk.amc").write_text(amc((SAMPLES / "walk.amc").read_text()))
    return folder / "walk.amc"


def swap(old: str, new: str):
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return change


def test_a_missing_skeleton_is_told(tmp_path: Path) -> None:
    shutil.copy(SAMPLES / "walk.amc", tmp_path)
    with pytest.raises(FormatError, match=r"needs its skeleton, an .asf file .*; there: none"):
        read_joints(tmp_path / "walk.amc")


BAD_AMC = {
    "empty": (lambda text: "", "is empty"),
    "foreign": (lambda text: "once upon a time", "no numbered frames"),
    "truncated": (lambda text: text[:-500], "incomplete"),
    "truncated in a line": (lambda text: text[: text.rindex(" ")], "bone rradius alike"),
    "bone missing": (swap("lfemur", "thigh"), "no values for the bone lfemur"),
    "renamed once": (lambda text: text[::-1].replace("rumefl", "high", 1)[::-1], "bone lfemur"),
    "one value too many": (lambda text: swap("\nroot", "\nroot 5")(text), "7 values for the bone"),
    "words": (swap("\nlfemur 0 ", "\nlfemur zero "), "could not convert string"),
    "nan": (swap("\nlfemur 0 ", "\nlfemur nan "), "NaN or infinity for lfemur in frame"),
    "numbering": (swap("\n30\n", "\n31\n"), "not numbered"),
    "frame missing": (lambda text: text[: text.index("\n30\n")] + text[text.index("\n31\n") :],
                      "not numbered"),
}  # fmt: skip
BAD_ASF = {
    "empty": (lambda text: "", "which is empty"),
    "foreign": (lambda text: "once upon a time", "is not ASF"),
    "truncated": (lambda text: text[:1500], "is not ASF, or truncated"),
    "no direction": (swap("direction 1.0", "pointing 1.0"), "has no direction"),
    "length": (swap("    length 7.0", "    length long 7.0"), "the length of"),
    "nan": (swap("direction 1.000000", "direction nan"), "the direction of"),
    "axis": (swap("axis 0 0 0 YXZ", "axis 0 0 0 YXY"), "no order of the axes"),
    "dof": (swap("dof ry rx rz", "dof l"), "only rx ry rz"),
    "root order": (swap("order TX TY TZ", "order TX TY"), "TX TY TZ"),
    "unknown child": (swap("lfemur ltibia", "lfemur lshin"), "places lshin wrongly"),
    "circle": (swap("lfemur ltibia", "lfemur root"), "places root wrongly"),
}


@pytest.mark.parametrize("change, message", BAD_AMC.values(), ids=BAD_AMC)
def test_bad_motions_end_in_one_line(tmp_path: Path, change, message: str) -> None:
    path = sample(tmp_path, amc=change)
    with pytest.raises(FormatError) as caught:
        read_motion(path)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize("change, message", BAD_ASF.values(), ids=BAD_ASF)
def test_bad_skeletons_end_in_one_line(tmp_path: Path, change, message: str) -> None:
    path = sample(tmp_path, asf=change)
    with pytest.raises(FormatError) as caught:
        read_motion(path)
    error = str(caught.value)
    assert error.startswith(f"{path} needs its skeleton walk.asf, which ") and "\n" not in error
    assert message in error


def test_damage_anywhere_ends_in_a_format_error(tmp_path: Path) -> None:
    chance = random.Random(11)
    refused = 0

    def damage(text: str) -> str:
        data = list(text)
        if chance.random() < 0.4:
            del data[chance.randrange(len(data)) :]
        for _ in range(chance.randrange(4)):
            if data:
                data[chance.randrange(len(data))] = chr(chance.randrange(1, 256))
        return "".join(data)

    for _ in range(100):
        path = sample(tmp_path, asf=damage, amc=damage)
        try:
            read_motion(path)
        except FormatError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 60
