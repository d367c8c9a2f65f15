"""BVH: what the channels mean, whose joints they are, which units and axes; and bad files."""

from __future__ import annotations

import random
import re
from pathlib import Path

import numpy as np
import pytest

from motion_agent.motion_core.errors import FormatError, InputError
from motion_agent.motion_core.formats import read_joints, read_motion
from motion_agent.motion_core.formats.bvh import parse_bvh
from motion_agent.motion_core.formats.joint_maps import KNOWN_SETS, sources
from motion_agent.motion_core.skeleton import JOINT_NAMES, PARENTS

SAMPLES = Path(__file__).parent / "samples"
MIXAMO = SAMPLES / "walk-mixamo.bvh"

ARM = """HIERARCHY
ROOT Hips
{
  OFFSET 1 2 3
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT Arm
  {
    OFFSET 0 10 0
    CHANNELS 3 %s
    End Site
    {
      OFFSET 5 0 0
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.0333333
0 0 0 0 0 0 0 0 0
7 8 9 %s
"""


def arm(channels: str = "Zrotation Xrotation Yrotation", values: str = "0 0 0 0 0 0") -> str:
    return ARM % (channels, values)


def positions(text: str) -> np.ndarray:
    bvh = parse_bvh(text)
    return bvh.recording().positions(range(len(bvh.names)))


def write(folder: Path, text: str, name: str = "clip.bvh") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def edited(*changes: tuple[str, str]) -> str:
    """The sample with some of its text replaced."""
    text = MIXAMO.read_bytes().decode().replace("\r\n", "\n")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def test_positions_follow_offsets_and_an_end_site_is_named_after_its_joint() -> None:
    bvh = parse_bvh(arm())
    assert bvh.names == ("Hips", "Arm", "Arm End")
    found = bvh.recording().positions([0, 1, 2])
    np.testing.assert_allclose(found[0], [[0, 0, 0], [0, 10, 0], [5, 10, 0]])
    np.testing.assert_allclose(found[1], [[7, 8, 9], [7, 18, 9], [12, 18, 9]])


def test_root_position_channels_replace_its_offset() -> None:
    np.testing.assert_allclose(positions(arm())[0, 0], [0, 0, 0])
    without = arm().replace("6 Xposition Yposition Zposition", "3").replace("7 8 9 ", "")
    without = without.replace("0 0 0 0 0 0 0 0 0", "0 0 0 0 0 0")
    np.testing.assert_allclose(positions(without)[0, 0], [1, 2, 3])


def test_rotations_apply_in_the_order_of_the_channels() -> None:
    # R = Rz(90) Rx(90): x goes to y; in the order R = Rx(90) Rz(90): x goes to y, then to z
    turned = positions(arm("Zrotation Xrotation Yrotation", "0 0 0 90 90 0"))[1]
    np.testing.assert_allclose(turned[2] - turned[1], [0, 5, 0], atol=1e-9)
    turned = positions(arm("Xrotation Zrotation Yrotation", "0 0 0 90 90 0"))[1]
    np.testing.assert_allclose(turned[2] - turned[1], [0, 0, 5], atol=1e-9)
    turned = positions(arm("Yrotation Zrotation Xrotation", "0 0 0 90 0 0"))[1]
    np.testing.assert_allclose(turned[2] - turned[1], [0, 0, -5], atol=1e-9)


def test_position_channels_of_any_joint_replace_its_offset() -> None:
    text = arm().replace("CHANNELS 3 Zrotation", "CHANNELS 4 Yposition Zrotation")
    text = text.replace("0 0 0 0 0 0 0 0 0\n", "0 0 0 0 0 0 4 0 0 0\n")
    text = text.replace("7 8 9 0 0 0 0 0 0\n", "7 8 9 0 0 0 6 0 0 0\n")
    np.testing.assert_allclose(positions(text)[:, 1], [[0, 4, 0], [7, 14, 9]])


@pytest.mark.parametrize(
    "changed",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\n\n" + text,
        lambda text: text.replace("\n{", " {").replace("\n  {", " {"),
        lambda text: text.replace("End Site", "End site"),
        lambda text: text.replace("Frames: 2", "Frames:\t2\t"),
        lambda text: text + "\n\n",
        lambda text: text.replace("7 8 9", "7.0e0\t8.  +9"),
        lambda text: text.replace("JOINT Arm", "JOINT MOTION Arm"),
    ],
    ids=[
        "crlf",
        "blank-lines",
        "brace-on-line",
        "end-site",
        "tabs",
        "trailing-lines",
        "numbers",
        "motion-name",
    ],
)
def test_ways_of_writing_the_same_file(changed) -> None:
    np.testing.assert_allclose(positions(changed(arm())), positions(arm()))


def test_frame_time_rounded_in_the_file_is_the_whole_rate() -> None:
    assert parse_bvh(arm()).fps == 30
    assert parse_bvh(arm().replace("0.0333333", "0.016667")).fps == 60
    assert parse_bvh(arm().replace("0.0333333", "0.033367")).fps == pytest.approx(29.97, abs=0.01)


def test_a_byte_order_mark_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "clip.bvh"
    path.write_bytes(b"\xef\xbb\xbf" + MIXAMO.read_bytes())
    np.testing.assert_allclose(read_joints(path)[0], read_joints(MIXAMO)[0])


def test_sample_agrees_with_its_joints_computed_frame_by_frame() -> None:
    expected = np.load(SAMPLES / "walk.npy")
    joints, fps = read_joints(MIXAMO)
    assert fps == 30
    # every second frame at 20 fps is every third at 30
    np.testing.assert_allclose(joints[::3], expected[::2], atol=2e-4)


def test_a_reference_pose_in_the_first_frame_is_left_out(tmp_path: Path) -> None:
    assert len(read_joints(MIXAMO)[0]) == 36
    assert "Frames: 37" in edited()
    lines = edited(("Frames: 37", "Frames: 36")).splitlines()
    start = lines.index("MOTION") + 3
    without = write(tmp_path, "\n".join(lines[:start] + lines[start + 1 :]))
    np.testing.assert_array_equal(read_joints(without)[0], read_joints(MIXAMO)[0])


@pytest.mark.parametrize("scale", [1.0, 100.0, 1000.0, 1 / 0.0254, 0.45 / 0.0254])
def test_units_are_seen_from_the_size_of_the_body(tmp_path: Path, scale: float) -> None:
    joints, _ = read_joints(scaled(tmp_path, scale / 100))
    expected = read_joints(MIXAMO)[0]
    np.testing.assert_allclose(joints, expected, atol=2e-3)


def test_a_told_unit_overrides_the_seen_one(tmp_path: Path) -> None:
    child = scaled(tmp_path, 0.45)  # in cm, with legs of 36 cm: half way to inches
    tall = np.ptp(read_joints(child, unit="cm")[0][0, :, 1])
    assert tall == pytest.approx(0.45 * np.ptp(read_joints(MIXAMO)[0][0, :, 1]), rel=1e-3)


def test_up_axis_is_seen_and_can_be_told(tmp_path: Path) -> None:
    expected, _ = read_joints(MIXAMO)
    # The root turned by 90 degrees about x makes y up into z up, path included.
    path = tmp_path / "z-up.npy"
    np.save(path, expected[..., [2, 0, 1]])
    np.testing.assert_allclose(read_joints(path, up="z")[0], expected)
    lines = edited().splitlines()
    start = lines.index("MOTION") + 3
    for at in range(start, len(lines)):
        x, y, z, rz, rx, ry, *rest = map(float, lines[at].split())
        assert rz == rx == 0  # so that the turn can be put in front: Rx(90) Ry = Z X Y order
        lines[at] = " ".join(map(str, [x, -z, y, rz, 90, ry, *rest]))
    turned = write(tmp_path, "\n".join(lines))
    np.testing.assert_allclose(
        read_joints(turned, up="y")[0][5, :, 2], expected[5, :, 1], atol=1e-3
    )
    found, _ = read_joints(turned)
    np.testing.assert_allclose(found[..., 1], expected[..., 1], atol=1e-3)
    assert left_is_left(found) and left_is_left(expected)


def left_is_left(joints: np.ndarray) -> bool:
    """Whether the left hip is left of the way the person walks."""
    walked = joints[-1, 0] - joints[0, 0]
    across = joints[0, 1] - joints[0, 2]
    return float(np.cross([0, 1, 0], walked) @ across) > 0


def test_a_joint_by_another_name_is_found_by_its_place(tmp_path: Path) -> None:
    path = write(tmp_path, edited(("mixamorig:LeftUpLeg", "Thigh.001")))
    np.testing.assert_array_equal(read_joints(path)[0], read_joints(MIXAMO)[0])


def test_a_skeleton_of_nobody_is_refused_with_its_joints(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no skeleton of a person that is recognised; its joints: "
                       "Hips, Arm, Arm End; give a map"):  # fmt: skip
        read_joints(write(tmp_path, arm()))


def test_a_map_of_ones_own_wins_and_the_rest_is_recognised(tmp_path: Path) -> None:
    expected = read_joints(MIXAMO)[0]
    own = {"left_foot": "LeftToeBase End", "spine1": ("Hips", "Spine")}
    found = read_joints(MIXAMO, joint_map=own)[0]
    assert np.linalg.norm(found[:, 10] - expected[:, 10], axis=-1).min() > 0.01
    np.testing.assert_allclose(found[:, 3], (expected[:, 0] + expected[:, 3]) / 2, atol=1e-6)
    np.testing.assert_array_equal(found[:, 15], expected[:, 15])
    with pytest.raises(FormatError, match="does not fit the given joint map: Nose; it has"):
        read_joints(MIXAMO, joint_map={"head": "Nose"})


@pytest.mark.parametrize("title", KNOWN_SETS)
def test_each_known_set_is_complete_and_found_by_its_names(title: str) -> None:
    table = KNOWN_SETS[title]
    assert set(table) == set(JOINT_NAMES)
    assert {name for source in table.values() for name in sources(source)}


@pytest.mark.parametrize("prefix", ["mixamorig:", "mixamorig1:", "mixamorig_", "Anna:", "a:b:", ""])
def test_namespaces_do_not_matter(tmp_path: Path, prefix: str) -> None:
    path = write(tmp_path, edited(("mixamorig:", prefix)))
    np.testing.assert_array_equal(read_joints(path)[0], read_joints(MIXAMO)[0])


def test_read_motion_walks_upright_at_20_fps_and_tells_its_source() -> None:
    motion = read_motion(MIXAMO)
    assert len(motion) == 23  # 36 frames at 30 fps are 24 at 20 fps; velocities take one
    assert motion.provenance["source"] == "walk-mixamo.bvh"
    assert motion.joints[-1, 0, 2] > 1.0  # forward along +z
    assert motion.joints[:, 15, 1].min() > 1.2  # the head is up


BAD = {
    "empty": ("", "is empty"),
    "foreign": ("%PDF-1.4 nothing of that kind", "does not begin with HIERARCHY"),
    "no motion": (edited().partition("MOTION")[0], "no MOTION section"),
    "no frames line": (edited(("Frames: 37\n", "")), "no 'Frames:' and 'Frame Time:'"),
    "no frame": (edited(("Frames: 37", "Frames: 0")).partition("0.0333333\n")[0] + "0.0333333\n",
                 "0 frames"),
    "words": (edited(("0.0000 0.0000", "zero zero")), "could not convert string 'zero'"),
    "nan": (edited(("21.6506", "nan")), "NaN or infinity in frame"),
    "infinite": (edited(("21.6506", "1e999")), "NaN or infinity in frame"),
    "wrong channel count": (edited(("CHANNELS 3 Zrotation Xrotation Yrotation",
                                    "CHANNELS 2 Zrotation Xrotation")), "its channels are"),
    "channel count is a lie": (edited(("CHANNELS 3 ", "CHANNELS 4 ")), "no channels of BVH"),
    "unknown channel": (edited(("Yrotation", "Wrotation")), "no channels of BVH"),
    "offset": (edited(("OFFSET 9.00000", "OFFSET nine")), "has 'nine' in line"),
    "offset nan": (edited(("OFFSET 9.00000", "OFFSET nan")), "has nan in line"),
    "unclosed": (edited(("}\nMOTION", "MOTION")), "is not closed"),
    "frame time": (edited(("0.0333333", "0")), r"frame time of 0.0 s; .*\(--fps\)"),
    "frame time nan": (edited(("0.0333333", "nan")), "Frame Time"),
    "frames nan": (edited(("Frames: 37", "Frames: many")), "has 'many' in its line Frames"),
}  # fmt: skip


@pytest.mark.parametrize("text, message", BAD.values(), ids=BAD)
def test_bad_files_end_in_one_line_that_names_them(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(FormatError) as caught:
        read_motion(path)
    assert re.search(message, str(caught.value))
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


def test_absurd_bodies_are_refused(tmp_path: Path) -> None:
    lines = edited().splitlines()
    start = lines.index("MOTION") + 4
    lines[start] = " ".join(["1e9", *lines[start].split()[1:]])
    leaping = read_motion(write(tmp_path, "\n".join(lines)))
    assert "leaps away and back in frame" in leaping.provenance["notes"][-1]
    assert np.abs(leaping.joints).max() < 5
    with pytest.raises(FormatError, match="no skeleton of a person"):
        read_joints(scaled(tmp_path, 0.0))
    joints, _ = read_joints(scaled(tmp_path, 1e6))  # nobody's unit: a body all the same
    assert 1.3 < np.ptp(joints[0, :, 1]) < 1.8
    with pytest.raises(FormatError):
        read_joints(scaled(tmp_path, 1e305))


def test_missing_files_folders_and_unknown_suffixes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        read_joints(tmp_path / "none.bvh")
    (tmp_path / "folder.bvh").mkdir()
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_joints(tmp_path / "folder.bvh")
    with pytest.raises(InputError, match=r"motion is read from .bvh, .amc, .npy, .npz"):
        read_joints(write(tmp_path, "", "dance.c3d"))
    with pytest.raises(InputError, match=r"motion is read from"):
        read_motion(write(tmp_path, "", "dance"))


def test_damage_anywhere_ends_in_a_format_error(tmp_path: Path) -> None:
    whole = MIXAMO.read_bytes()
    chance = random.Random(7)
    refused = 0
    for _ in range(120):
        data = bytearray(whole)
        if chance.random() < 0.5:
            del data[chance.randrange(len(data)) :]
        for _ in range(chance.randrange(4)):
            if data:
                data[chance.randrange(len(data))] = chance.randrange(256)
        path = tmp_path / "damaged.bvh"
        path.write_bytes(data)
        try:
            read_motion(path)
        except FormatError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 60


def scaled(folder: Path, factor: float) -> Path:
    """The sample with every length multiplied."""
    lines = edited().splitlines()
    start = lines.index("MOTION") + 3
    for at, line in enumerate(lines):
        words = line.split()
        if words[:1] == ["OFFSET"]:
            lines[at] = " ".join(["OFFSET", *(repr(float(word) * factor) for word in words[1:])])
        elif at >= start:
            lines[at] = " ".join([*(repr(float(w) * factor) for w in words[:3]), *words[3:]])
    return write(folder, "\n".join(lines))


def test_the_parents_of_the_sample_are_those_of_the_skeleton() -> None:
    joints, _ = read_joints(MIXAMO)
    lengths = np.linalg.norm(joints[:, 1:] - joints[:, list(PARENTS[1:])], axis=-1)
    assert lengths.std(axis=0).max() < 1e-4  # only bones keep their length
