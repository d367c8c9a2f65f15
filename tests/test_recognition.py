"""Skeletons by structure: names of every kind, joints missing and added, and nobody's."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from motion_agent.cli import app
from motion_agent.motion_core.errors import FormatError, InputError
from motion_agent.motion_core.formats import find_map, read_capture, read_joints, read_motion
from motion_agent.motion_core.formats.joint_maps import read_map
from motion_agent.motion_core.formats.joint_names import read_names
from motion_agent.motion_core.skeleton import JOINT_NAMES

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
import skeleton_fuzz

SAMPLES = Path(__file__).parent / "samples"
MIXAMO = SAMPLES / "walk-mixamo.bvh"

# What other programs call the joints of the sample, joint by joint.
NAMINGS = {
    "cascadeur": {"Hips": "pelvis", "UpLeg": "thigh", "Leg": "calf", "ToeBase": "toe"},
    "rigify": {
        **{"Left": "L_", "Right": "R_", "UpLeg": "thigh", "Leg": "shin", "ForeArm": "forearm"},
        **{"Shoulder": "shoulder", "Arm": "upper_arm", "Hand": "hand", "Foot": "foot"},
    },
    "vicon": {"UpLeg": "Femur", "Leg": "Tibia", "ToeBase": "Toes", "Arm": "Humerus"},
    "letters": {"Left": "l", "Right": "r", "Hips": "hip", "UpLeg": "Thigh", "Leg": "Shin"},
    "biped": {"mixamorig:": "Bip01 ", "Left": "L ", "Right": "R ", "UpLeg": "Thigh", "Leg": "Calf"},
    "numbers": {name: f"bone{at}" for at, name in enumerate(
        ("Hips", "Spine2", "Spine1", "Spine", "Neck", "Head", "Shoulder", "ForeArm", "Arm", "Hand",
         "UpLeg", "Leg", "Foot", "ToeBase"))},
}  # fmt: skip


def renamed(folder: Path, changes: dict[str, str]) -> Path:
    hierarchy, motion, rest = MIXAMO.read_text().partition("MOTION")
    for old, new in changes.items():
        hierarchy = hierarchy.replace(old, new)
    path = folder / "clip.bvh"
    path.write_text(hierarchy + motion + rest)
    return path


@pytest.mark.parametrize("naming", NAMINGS)
def test_names_of_other_programs_are_the_same_joints(tmp_path: Path, naming: str) -> None:
    found = read_capture(renamed(tmp_path, NAMINGS[naming]))
    np.testing.assert_array_equal(found.joints, read_joints(MIXAMO)[0])
    assert found.chosen is not None and found.chosen.confidence > 0.9


@pytest.mark.parametrize(("prop", "length"), [("weapon_r", 90), ("Sword_Prop", 150), ("shield", 0)])
def test_what_a_hand_holds_makes_no_longer_arm(tmp_path: Path, prop: str, length: int) -> None:
    hierarchy, motion, rest = MIXAMO.read_text().partition("MOTION")
    at = hierarchy.index("{", hierarchy.index("JOINT mixamorig:RightHand")) + 1
    after = hierarchy.index("\n", hierarchy.index("CHANNELS", at))
    held = (
        f"\n JOINT {prop}\n {{\n  OFFSET 0 -{length} 0\n  CHANNELS 0\n"
        "  End Site\n  {\n   OFFSET 0 -10 0\n  }\n }"
    )
    path = tmp_path / "held.bvh"
    path.write_text(hierarchy[:after] + held + hierarchy[after:] + motion + rest)
    found = read_capture(path)
    np.testing.assert_allclose(found.joints, read_joints(MIXAMO)[0], atol=1e-6)
    assert found.chosen is not None and found.chosen.joints["right_wrist"] == "mixamorig:RightHand"


@pytest.mark.parametrize(
    "changes",
    [
        {"mixamorig:Neck": "mixamorig:Neck1"},  # as CMU's BVH calls it
        {"mixamorig:": "", "Neck": "Neck1", "Spine2": "Spine3"},
        {"mixamorig:": "", "Hips": "root", "Spine1": "upperback", "Spine2": "thorax"},
        {"mixamorig:": "", "LeftHand": "Hand_L", "RightHand": "Hand_R", "Spine2": "Chest"},
    ],
)
def test_names_that_half_fit_a_known_set_change_nothing(
    tmp_path: Path, changes: dict[str, str]
) -> None:
    found = read_capture(renamed(tmp_path, changes))
    np.testing.assert_array_equal(found.joints, read_joints(MIXAMO)[0])
    assert found.chosen is not None and found.chosen.source == "recognised"


def two_people(folder: Path, second: str) -> Path:
    """Write the sample twice into one file, the second a metre to the side with a name prefix."""
    hierarchy, _, motion = MIXAMO.read_text().partition("MOTION")
    other = hierarchy.replace("HIERARCHY", "").replace("mixamorig:", second)
    lines = motion.strip().splitlines()
    aside = [" ".join([f"{float(row.split()[0]) + 100}", *row.split()[1:]]) for row in lines[2:]]
    rows = [f"{row} {moved}" for row, moved in zip(lines[2:], aside, strict=True)]
    path = folder / "two.bvh"
    path.write_text("\n".join([hierarchy + other + "MOTION", *lines[:2], *rows]) + "\n")
    return path


@pytest.mark.parametrize("second", ["Actor2:", "B_", "mixamorig:"])
def test_another_person_in_the_file_is_told_and_can_be_read(tmp_path: Path, second: str) -> None:
    path = two_people(tmp_path, second)
    found = read_capture(path)
    np.testing.assert_allclose(found.joints, read_joints(MIXAMO)[0], atol=1e-6)
    name = f"{second}Hips" + ("#2" if second == "mixamorig:" else "")
    assert (
        f"more than one skeleton: the one of mixamorig:Hips was read; to read {name},"
        in (found.notes[0])
    )
    chosen = find_map(MIXAMO).joints
    suffix = "#2" if second == "mixamorig:" else ""
    theirs = {ours: str(each).replace("mixamorig:", second) + suffix for ours, each in
              chosen.items()}  # fmt: skip
    moved = read_joints(path, joint_map=theirs)[0] - [1, 0, 0]
    np.testing.assert_allclose(moved, read_joints(MIXAMO)[0], atol=1e-6)


def test_a_small_fuzz_finds_people_and_takes_nobody_for_another() -> None:
    outcomes = skeleton_fuzz.measure(range(60), seed=3, show=0)
    complete = sum(number for key, number in outcomes.items() if key.startswith("complete"))
    assert outcomes["complete: close"] >= 0.95 * complete
    assert outcomes["complete: wrong"] == outcomes["joints left out: wrong"] == 0


@pytest.mark.parametrize(
    "names, side, part",
    [
        (("LeftForeArm", "RightForeArm"), "left", "elbow"),
        (("lShldr", "rShldr"), "left", "shoulder"),
        (("thigh.L", "thigh.R"), "left", "hip"),
        (("J_Bip_L_LowerLeg", "J_Bip_R_LowerLeg"), "left", "knee"),
        (("Bip01 L Calf", "Bip01 R Calf"), "left", "knee"),
        (("CC_Base_L_Foot", "CC_Base_R_Foot"), "left", "ankle"),
        (("Character1_LeftToeBase", "Character1_RightToeBase"), "left", "foot"),
        (("rig:clavicle_l", "rig:clavicle_r"), "left", "collar"),
    ],
)
def test_names_say_side_and_part(names: tuple[str, str], side: str, part: str) -> None:
    first, second = read_names(names)
    assert (first.side, second.side) == (side, "right")
    assert first.score(part) >= 0.7


def test_a_letter_is_no_side_where_the_other_side_has_no_such_name() -> None:
    assert {each.side for each in read_names(["rXqP", "lOfw", "R2", "kXl"])} == {None}


def test_map_and_print_map_go_round(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["import", str(MIXAMO), "--print-map"])
    assert result.exit_code == 0
    path = tmp_path / "map.json"
    path.write_text(result.stdout)
    assert set(json.loads(result.stdout)) == set(JOINT_NAMES)
    arguments = ["import", str(MIXAMO), "--map", str(path), "--out", str(tmp_path / "out")]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    np.testing.assert_allclose(
        read_motion(tmp_path / "out" / "walk-mixamo.npz").joints,
        read_motion(MIXAMO).joints,
        atol=1e-6,
    )


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "is no joint map"),
        ("[]", "is no joint map, such as"),
        ('{"nose": "Nose"}', "maps nose; ours are pelvis"),
        ('{"head": 5}', "maps head to 5; give a name"),
    ],
)
def test_bad_maps_are_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "map.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_map(path)
    assert "\n" not in str(caught.value)


def test_a_snake_is_refused_with_its_joints(tmp_path: Path) -> None:
    names = [chr(ord("A") + at) for at in range(12)]
    lines = ["HIERARCHY"]
    for depth, name in enumerate(names):  # a snake: one chain
        pad = "  " * depth
        lines += [f"{pad}{'JOINT' if depth else 'ROOT'} {name}", f"{pad}{{"]
        lines += [f"{pad}  OFFSET 0 0 {10 if depth else 0}"]
        lines += [f"{pad}  CHANNELS 3 Zrotation Xrotation Yrotation"]
    lines += [f"{'  ' * depth}}}" for depth in reversed(range(len(names)))]
    lines += ["MOTION", "Frames: 3", "Frame Time: 0.0333", *[" ".join(["1"] * 36)] * 3]
    path = tmp_path / "snake.bvh"
    path.write_text("\n".join(lines))
    with pytest.raises(FormatError, match="no skeleton of a person that is recognised"):
        read_joints(path)
    with pytest.raises(FormatError, match="recognised"):
        find_map(path)
