"""GLB, glTF and VRM in: clips, interpolation, rigs of any proportions, and bad files."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from motion_agent.motion_core.errors import FormatError, InputError
from motion_agent.motion_core.formats import list_clips, read_joints, read_motion, write_glb
from motion_agent.motion_core.formats.gltf import gltf_recording, parse_gltf

SAMPLES = Path(__file__).parent / "samples"
SHARED = Path(__file__).parents[2] / "shared" / "data"

# A game character with a big head and short legs: name, parent, place from its parent.
CHIBI = (
    ("Root", -1, (0, 0, 0)),
    ("Hips", 0, (0, 0.42, 0)),
    ("Torso", 1, (0, 0.15, 0)),
    ("Head", 2, (0, 0.25, 0)),
    ("UpperArm.L", 2, (0.2, 0.15, 0)),
    ("LowerArm.L", 4, (0.15, 0, 0)),
    ("Hand.L", 5, (0.15, 0, 0)),
    ("UpperArm.R", 2, (-0.2, 0.15, 0)),
    ("LowerArm.R", 7, (-0.15, 0, 0)),
    ("Hand.R", 8, (-0.15, 0, 0)),
    ("UpperLeg.L", 1, (0.12, 0, 0)),
    ("LowerLeg.L", 10, (0, -0.18, 0)),
    ("Foot.L", 11, (0, -0.16, 0)),
    ("Toes.L", 12, (0, -0.06, 0.1)),
    ("UpperLeg.R", 1, (-0.12, 0, 0)),
    ("LowerLeg.R", 14, (0, -0.18, 0)),
    ("Foot.R", 15, (0, -0.16, 0)),
    ("Toes.R", 16, (0, -0.06, 0.1)),
)


def gltf(
    animations: dict[str, dict[tuple[str, str], tuple[list[float], Any]]], **extra: Any
) -> Any:
    """A glTF tree of the character with animations: by name, by (node, path): times, values."""
    names = [name for name, _, _ in CHIBI]
    nodes: list[dict[str, Any]] = [{"name": n, "translation": list(t)} for n, _, t in CHIBI]
    for at, (_, parent, _) in enumerate(CHIBI):
        if parent >= 0:
            nodes[parent].setdefault("children", []).append(at)
    data = b""
    views: list[Any] = []
    accessors: list[Any] = []

    def accessor(values: Any, kind: str) -> int:
        nonlocal data
        raw = np.asarray(values, dtype="<f4").tobytes()
        views.append({"buffer": 0, "byteOffset": len(data), "byteLength": len(raw)})
        accessors.append(
            {
                "bufferView": len(views) - 1,
                "componentType": 5126,
                "count": len(values),
                "type": kind,
            }
        )
        data += raw
        return len(accessors) - 1

    entries = []
    for title, channels in animations.items():
        entry: dict[str, Any] = {"name": title, "channels": [], "samplers": []}
        for (node, path), (times, values) in channels.items():
            target = {"node": names.index(node), "path": path}
            entry["channels"].append({"sampler": len(entry["samplers"]), "target": target})
            kind = "VEC4" if path == "rotation" else "VEC3"
            entry["samplers"].append(
                {"input": accessor(times, "SCALAR"), "output": accessor(values, kind)}
            )
        entries.append(entry)
    uri = "data:application/octet-stream;base64," + base64.b64encode(data).decode()
    return {
        "asset": {"version": "2.0"},
        "nodes": nodes,
        "animations": entries,
        "bufferViews": views,
        "accessors": accessors,
        "buffers": [{"uri": uri, "byteLength": len(data)}],
        **extra,
    }


def raise_arm(seconds: float = 1.0) -> dict[tuple[str, str], tuple[list[float], Any]]:
    """The left arm from level to straight up."""
    turn = Rotation.from_rotvec([[0, 0, 0], [0, 0, np.pi / 2]]).as_quat()
    return {("UpperArm.L", "rotation"): ([0.0, seconds], turn)}


def write(path: Path, tree: Any) -> Path:
    path.write_text(json.dumps(tree))
    return path


def test_a_chibi_character_moves_a_grown_person(tmp_path: Path) -> None:
    joints, fps = read_joints(write(tmp_path / "a.gltf", gltf({"Wave": raise_arm()})))
    assert fps == 30 and joints.shape == (31, 22, 3)
    height = joints[0, :, 1].max() - joints[0, :, 1].min()
    assert 1.4 < height < 1.7
    # Straight up in the end, and half way in between.
    arm = joints[:, 20] - joints[:, 16]
    arm /= np.linalg.norm(arm, axis=-1, keepdims=True)
    np.testing.assert_allclose(arm[0], [1, 0, 0], atol=1e-5)
    np.testing.assert_allclose(arm[15], [np.sqrt(0.5), np.sqrt(0.5), 0], atol=1e-5)
    np.testing.assert_allclose(arm[-1], [0, 1, 0], atol=1e-5)


def test_the_clip_is_chosen_by_name_and_the_first_that_moves_is_taken_else(tmp_path: Path) -> None:
    still = {("Hips", "translation"): ([0.0, 1.0], [[0, 0.42, 0]] * 2)}
    walk = {("Hips", "translation"): ([0.0, 2.0], [[0, 0.42, 0], [0, 0.42, 1]])}
    path = write(
        tmp_path / "a.gltf", gltf({"T-Pose": still, "Rig|Walk": walk, "Wave": raise_arm()})
    )
    assert list_clips(path) == ("T-Pose", "Rig|Walk", "Wave")
    assert len(read_joints(path)[0]) == 61
    assert len(read_joints(path, clip="walk")[0]) == 61
    assert len(read_joints(path, clip="Wave")[0]) == 31
    with pytest.raises(InputError, match=r"no animation 'Run'; it has T-Pose, Rig\|Walk, Wave"):
        read_joints(path, clip="Run")


def test_the_path_is_scaled_by_the_legs(tmp_path: Path) -> None:
    walk = {("Hips", "translation"): ([0.0, 2.0], [[0, 0.42, 0], [0, 0.42, 1]])}
    joints, _ = read_joints(write(tmp_path / "a.gltf", gltf({"Walk": walk})))
    assert joints[-1, 0, 2] - joints[0, 0, 2] == pytest.approx(0.855 / 0.40, rel=0.05)
    np.testing.assert_allclose(np.ptp(joints[:, [10, 11], 1], axis=0), 0, atol=1e-6)


def test_who_walks_far_from_the_root_of_the_file_is_recognised(tmp_path: Path) -> None:
    far = {("Hips", "translation"): ([0.0, 2.0], [[0, 0.42, 8], [0, 0.42, 9]])}
    joints, _ = read_joints(write(tmp_path / "a.gltf", gltf({"Walk": far})))
    assert joints[-1, 0, 2] - joints[0, 0, 2] == pytest.approx(0.855 / 0.40, rel=0.05)


def test_a_rest_pose_turned_towards_the_back_still_moves_ahead(tmp_path: Path) -> None:
    tree = gltf({"Wave": raise_arm()})
    tree["nodes"][0]["rotation"] = [0, 1, 0, 0]  # as VRM 0 stands
    joints, _ = read_joints(write(tmp_path / "a.gltf", tree))
    np.testing.assert_allclose(
        joints, read_joints(write(tmp_path / "b.gltf", gltf({"Wave": raise_arm()})))[0], atol=1e-5
    )


def test_scaled_nodes_change_nothing(tmp_path: Path) -> None:
    expected, _ = read_joints(write(tmp_path / "a.gltf", gltf({"Wave": raise_arm()})))
    tree = gltf({"Wave": raise_arm()})
    tree["nodes"][0]["scale"] = [100, 100, 100]
    for node in tree["nodes"][1:]:
        node["translation"] = [value / 100 for value in node["translation"]]
    joints, _ = read_joints(write(tmp_path / "b.gltf", tree))
    np.testing.assert_allclose(joints, expected, atol=1e-5)


def test_step_and_cubic_keys_are_interpolated(tmp_path: Path) -> None:
    for kind, half in (("STEP", [1.0, 0, 0]), ("CUBICSPLINE", None)):
        tree = gltf({"Wave": raise_arm()})
        sampler = tree["animations"][0]["samplers"][0]
        sampler["interpolation"] = kind
        if kind == "CUBICSPLINE":
            turn = Rotation.from_rotvec([[0, 0, 0], [0, 0, np.pi / 2]]).as_quat()
            flat = np.zeros((6, 4))
            flat[[1, 4]] = turn
            values = {("UpperArm.L", "rotation"): ([0.0, 1.0], flat)}
            tree = gltf({"Wave": values})
            tree["animations"][0]["samplers"][0]["interpolation"] = kind
        joints, _ = read_joints(write(tmp_path / "a.gltf", tree))
        arm = joints[15, 20] - joints[15, 16]
        arm /= np.linalg.norm(arm)
        np.testing.assert_allclose(
            arm, half or [np.sqrt(0.5), np.sqrt(0.5), 0], atol=1e-5, err_msg=kind
        )
        end = joints[-1, 20] - joints[-1, 16]
        np.testing.assert_allclose(end / np.linalg.norm(end), [0, 1, 0], atol=1e-5)


def test_vrm_says_itself_which_node_is_which_bone(tmp_path: Path) -> None:
    tree = gltf({"Wave": raise_arm()})
    bones = {
        **{"hips": 1, "chest": 2, "head": 3},
        **{"leftUpperArm": 4, "leftLowerArm": 5, "leftHand": 6},
        **{"rightUpperArm": 7, "rightLowerArm": 8, "rightHand": 9},
        **{"leftUpperLeg": 10, "leftLowerLeg": 11, "leftFoot": 12, "leftToes": 13},
        **{"rightUpperLeg": 14, "rightLowerLeg": 15, "rightFoot": 16, "rightToes": 17},
    }
    expected, _ = read_joints(write(tmp_path / "a.gltf", tree))
    for node in tree["nodes"]:
        node["name"] = f"n{tree['nodes'].index(node)}"
    tree["extensions"] = {
        "VRMC_vrm": {"humanoid": {"humanBones": {bone: {"node": n} for bone, n in bones.items()}}}
    }
    found, _ = read_joints(write(tmp_path / "b.vrm", tree))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    listed = [{"bone": bone, "node": n} for bone, n in bones.items()]
    tree["extensions"] = {"VRM": {"humanoid": {"humanBones": listed}}}
    found, _ = read_joints(write(tmp_path / "c.vrm", tree))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_our_own_glb_comes_back(tmp_path: Path) -> None:
    motion = read_motion(SAMPLES / "walk-mixamo.bvh")
    write_glb(motion, tmp_path / "walk.glb")
    joints, fps = read_joints(tmp_path / "walk.glb")
    assert fps == 20 and len(joints) == len(motion)
    walked = joints[-1, 0] - joints[0, 0]
    assert walked[2] == pytest.approx(motion.joints[-1, 0, 2] - motion.joints[0, 0, 2], rel=0.1)


@pytest.mark.parametrize(
    "data, message",
    [
        (b"glTF", "not GLB of version 2"),
        (b"glTF" + struct.pack("<II", 2, 500) + b"\0" * 20, "header says it is longer"),
        (b"{}", "not glTF 2.0"),
        (b"[", "is not glTF"),
        (b'{"asset": {"version": "2.0"}}', "holds no animation"),
        (b'{"asset": {"version": "2.0"}, "animations": [{}]}', "is damaged"),
        (
            b'{"asset": {"version": "2.0"}, "buffers": [{"uri": "../x.bin"}]}',
            "only files beside it are read",
        ),
        (
            b'{"asset": {"version": "2.0"}, "extensionsRequired": ["EXT_meshopt_compression"]}',
            "save it without",
        ),
    ],
)
def test_bad_files_end_in_one_line_that_names_them(
    tmp_path: Path, data: bytes, message: str
) -> None:
    path = tmp_path / "bad.glb"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=message) as caught:
        read_joints(path)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


def test_nodes_that_are_nobody_are_refused(tmp_path: Path) -> None:
    tree = gltf({"Wave": raise_arm()})
    tree["nodes"] = tree["nodes"][:4]
    tree["nodes"][2]["children"] = [3]
    tree["nodes"][1]["children"] = [2]
    tree["animations"][0]["channels"][0]["target"]["node"] = 1
    with pytest.raises(FormatError, match="that is recognised; its joints: Root, Hips"):
        read_joints(write(tmp_path / "a.gltf", tree))


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data with the CC0 packs")
@pytest.mark.parametrize(
    "archive, member, clip, frames",
    [
        ("kaykit", "kaykit_cc0/Med_Simulation.glb", "Push_Ups", 33),
        ("mesh2motion", "mesh2motion_cc0/m2m-base-20250812.glb", "Walk_Loop", 33),
        ("quaternius", "quaternius_extra_cc0/q_cyberpunk_Character.glb", "Run", 20),
    ],
)
def test_real_packs_are_people_on_the_floor(
    tmp_path: Path, archive: str, member: str, clip: str, frames: int
) -> None:
    import tarfile

    with tarfile.open(SHARED / f"{archive}.tar.xz") as tar:
        names = [name for name in tar.getnames() if name.endswith(member.rpartition("/")[2])]
        tar.extract(names[0], tmp_path, filter="data")
    joints, _ = read_joints(tmp_path / names[0], clip=clip)
    assert len(joints) == frames
    assert joints[..., 1].min() == pytest.approx(0, abs=0.06)
    recording = gltf_recording(parse_gltf((tmp_path / names[0]).read_bytes(), tmp_path), clip)
    assert recording.frames == frames
