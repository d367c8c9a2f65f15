"""GLB: a mannequin that stands where the joints are, in a file that others accept."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import PATIENCE
from rendering_people import walker
from scipy.spatial.transform import Rotation

from motion_agent.motion_core.exporting import export
from motion_agent.motion_core.formats import read_motion
from motion_agent.motion_core.formats.kinematics import world_positions
from motion_agent.motion_core.formats.skin import Skin, standard_skin
from motion_agent.motion_core.motion import Motion
from motion_agent.motion_core.placement import Placement
from motion_agent.motion_core.skeleton import JOINT_NAMES, PARENTS

SAMPLES = Path(__file__).parent / "samples"
WORDS = ('a person walks, "quickly"', "一个人挥手 \u2028 </script>")


class Glb:
    """A file taken apart, as the specification of glTF 2.0 has it."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        magic, version, length = struct.unpack_from("<4sII", data)
        assert (magic, version, length) == (b"glTF", 2, len(data))
        size, kind = struct.unpack_from("<I4s", data, 12)
        assert kind == b"JSON" and size % 4 == 0
        self.json: dict[str, Any] = json.loads(data[20 : 20 + size])
        self.binary = data[28 + size :]
        assert struct.unpack_from("<I4s", data, 20 + size)[1] == b"BIN\0"

    def array(self, number: int) -> np.ndarray:
        accessor = self.json["accessors"][number]
        view = self.json["bufferViews"][accessor["bufferView"]]
        dtype = {5126: "<f4", 5121: "u1", 5123: "<u2", 5125: "<u4"}[accessor["componentType"]]
        width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}[accessor["type"]]
        start, size = view["byteOffset"], view["byteLength"]
        return np.frombuffer(self.binary[start : start + size], dtype).reshape(-1, width)

    def attribute(self, name: str, mesh: int = 0) -> np.ndarray:
        return self.array(self.json["meshes"][mesh]["primitives"][0]["attributes"][name])

    def joints(self, person: int = 0) -> np.ndarray:
        """World positions ``(T, 22, 3)`` that the animation gives, placement applied."""
        nodes, skin = self.json["nodes"], self.json["skins"][person]["joints"]
        animation = self.json["animations"][0]
        moves = {
            (channel["target"]["node"], channel["target"]["path"]): self.array(
                animation["samplers"][channel["sampler"]]["output"]
            ).astype(float)
            for channel in animation["channels"]
        }
        frames = len(moves[skin[0], "translation"])
        still = np.tile([0.0, 0, 0, 1], (frames, 1))
        turns = [
            Rotation.from_quat(moves.get((node, "rotation"), still)).as_matrix() for node in skin
        ]
        steps = [
            moves.get((node, "translation"), np.array(nodes[node]["translation"])) for node in skin
        ]
        local = world_positions(PARENTS, steps, turns)
        (root,) = [node for node in nodes if node.get("children") == [skin[0]]]
        return local @ Rotation.from_quat(root["rotation"]).as_matrix().T + root["translation"]


@pytest.fixture(scope="module")
def walk() -> Motion:
    return read_motion(SAMPLES / "walk.npy")


@pytest.fixture(scope="module")
def skin() -> Skin:
    return standard_skin()


def test_the_bones_are_where_the_joints_are(walk: Motion, tmp_path: Path) -> None:
    glb = Glb(walk.export(tmp_path / "walk.glb"))
    assert np.linalg.norm(glb.joints() - walk.joints, axis=-1).max() < 0.002
    names = [glb.json["nodes"][node]["name"] for node in glb.json["skins"][0]["joints"]]
    assert names == list(JOINT_NAMES)


def test_bones_that_change_their_length_stay_within_a_centimetre(
    walk: Motion, tmp_path: Path
) -> None:
    features = np.array(walk.features)
    features[:, 4:67] += np.random.default_rng(0).normal(scale=0.02, size=(len(walk), 63))
    motion = Motion(features)
    glb = Glb(motion.export(tmp_path / "rough.glb"))
    assert np.linalg.norm(glb.joints() - motion.joints, axis=-1).max() < 0.01


def test_times_run_at_twenty_frames_a_second(walk: Motion, tmp_path: Path) -> None:
    glb = Glb(walk.export(tmp_path / "walk.glb"))
    times = glb.array(glb.json["animations"][0]["samplers"][0]["input"])[:, 0]
    np.testing.assert_allclose(times, np.arange(len(walk)) / 20, atol=1e-6)


def test_names_captions_and_segments_are_extras(tmp_path: Path) -> None:
    motion = walker(24, words=WORDS).with_provenance(source="test")
    glb = Glb(motion.export(tmp_path / "walk.glb"))
    (animation,) = glb.json["animations"]
    assert animation["name"] == "; ".join(WORDS)
    (facts,) = animation["extras"]["motions"]
    assert facts == glb.json["nodes"][0]["extras"]
    assert (facts["motion"], facts["seconds"]) == (motion.id, 1.2)
    assert facts["provenance"] == {"source": "test"}
    assert [segment["description"] for segment in facts["segments"]] == list(WORDS)
    assert [(segment["start"], segment["end"]) for segment in facts["segments"]] == [
        (0.0, 0.6),
        (0.6, 1.2),
    ]


def test_two_people_share_a_scene_and_an_animation(walk: Motion, tmp_path: Path) -> None:
    other, place = walker(8), Placement(120.0, 1.0, 2.0)
    (path,) = export([walk, other], tmp_path / "two.glb", placement=place)
    glb = Glb(path)
    assert [len(glb.json[kind]) for kind in ("animations", "skins", "materials")] == [1, 2, 2]
    assert np.linalg.norm(glb.joints(0) - walk.joints, axis=-1).max() < 0.002
    assert np.linalg.norm(glb.joints(1) - place.apply(other.joints), axis=-1).max() < 0.01
    roots = [glb.json["nodes"][node]["name"] for node in glb.json["scenes"][0]["nodes"]]
    assert roots == ["person 1", "person 1 body", "person 2", "person 2 body"]


def test_turns_take_the_short_way(walk: Motion, tmp_path: Path) -> None:
    glb = Glb(walk.export(tmp_path / "walk.glb"))
    for channel in glb.json["animations"][0]["channels"]:
        if channel["target"]["path"] == "rotation":
            sampler = glb.json["animations"][0]["samplers"][channel["sampler"]]
            turns = glb.array(sampler["output"])
            assert (turns[1:] * turns[:-1]).sum(axis=1).min() > 0.5
            np.testing.assert_allclose(np.linalg.norm(turns, axis=1), 1, atol=1e-5)


def test_the_skin_is_closed_and_faces_outwards(skin: Skin) -> None:
    edges = np.concatenate([skin.triangles[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    _, directed = np.unique(edges, axis=0, return_counts=True)
    _, shared = np.unique(np.sort(edges, axis=1), axis=0, return_counts=True)
    assert (directed == 1).all() and (shared == 2).all()
    a, b, c = (skin.vertices[skin.triangles[:, corner]] for corner in range(3))
    assert 0.05 < (np.cross(a, b) * c).sum() / 6 < 0.09  # cubic metres of a person
    outward = (np.cross(b - a, c - a) * skin.normals[skin.triangles[:, 0]]).sum(axis=-1)
    assert (outward > 0).mean() > 0.995


def test_weights_are_shares_and_legs_do_not_pull_at_each_other(skin: Skin) -> None:
    np.testing.assert_allclose(skin.weights.sum(axis=1), 1, atol=1e-9)
    assert skin.weights.min() >= 0 and (np.diff(skin.weights, axis=1) <= 1e-12).all()
    left = np.isin(skin.joints, [4, 7, 10]) & (skin.weights > 0)
    right = np.isin(skin.joints, [5, 8, 11]) & (skin.weights > 0)
    assert left.any() and not (left.any(axis=1) & right.any(axis=1)).any()
    assert len(np.unique(skin.joints[skin.weights > 0.5])) >= 20


def test_weights_pass_over_smoothly(skin: Skin) -> None:
    full = np.zeros((len(skin.vertices), 22))
    np.put_along_axis(full, skin.joints, skin.weights, axis=1)
    edges = np.concatenate([skin.triangles[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    steps = np.abs(full[edges[:, 0]] - full[edges[:, 1]]).max(axis=1)
    assert np.percentile(steps, 99) < 0.6


def test_left_is_left(skin: Skin) -> None:
    """Thighs may reach 4 cm over the middle: at rest the legs stand into each other."""
    assert skin.vertices[skin.sides < 0.1, 0].min() > -0.04
    assert skin.vertices[skin.sides > 0.9, 0].max() < 0.04


# --- In other programs --------------------------------------------------------------------------

_VALIDATE = """
const fs = require("fs"), {validateBytes} = require("gltf-validator");
Promise.all(process.argv.slice(1).map(name => validateBytes(new Uint8Array(fs.readFileSync(name)))))
  .then(reports => console.log(JSON.stringify(reports.map(report => report.issues))));
"""


@pytest.fixture(scope="session")
def validator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which node finds Khronos' gltf-validator."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("needs the programs node and npm to run Khronos' gltf-validator")
    folder = tmp_path_factory.mktemp("validator")
    install = [
        "npm",
        "install",
        "--prefix",
        str(folder),
        "--no-audit",
        "gltf-validator@2.0.0-dev.3.10",
    ]
    try:
        subprocess.run(install, capture_output=True, text=True, check=True, timeout=PATIENCE)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"npm cannot install gltf-validator here: {error.stderr or error}")
    return folder


@pytest.mark.slow
def test_khronos_validator_finds_nothing(walk: Motion, tmp_path: Path, validator: Path) -> None:
    rough = np.random.default_rng(0).normal(size=(40, 263)).astype(np.float32)
    motions: dict[str, Any] = {
        "walk": walk,
        "words": walker(24, words=WORDS),
        "one": Motion(walk.features[:1]),
        "rough": Motion(rough),
        "nobody": Motion(np.zeros((4, 263), np.float32)),
        "two": [walk, walker(8)],
    }
    paths = [str(export(motion, tmp_path / f"{name}.glb")[0]) for name, motion in motions.items()]
    run = subprocess.run(
        ["node", "-e", _VALIDATE, *paths], cwd=validator, capture_output=True, text=True, check=True
    )
    for issues in json.loads(run.stdout):
        assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


_IN_BLENDER = """
import json, sys, bpy
glb, bvh, frame = sys.argv[1], sys.argv[2], int(sys.argv[3])
found = {}
def place(armature, name):
    return list((armature.matrix_world @ armature.pose.bones[name].head))
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.context.scene.render.fps = 20
bpy.ops.import_scene.gltf(filepath=glb)
bpy.context.scene.frame_set(frame)
armature = next(o for o in bpy.data.objects if o.type == "ARMATURE")
found["glb"] = {bone.name: place(armature, bone.name) for bone in armature.pose.bones}
found["actions"] = [action.name for action in bpy.data.actions]
found["motion"] = armature["motion"]
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.preferences.addon_enable(module="io_anim_bvh")
bpy.ops.import_anim.bvh(filepath=bvh, update_scene_fps=True)
bpy.context.scene.frame_set(frame + 1)  # Blender puts a BVH's first frame at 1
armature = next(o for o in bpy.data.objects if o.type == "ARMATURE")
found["bvh"] = {bone.name: place(armature, bone.name) for bone in armature.pose.bones}
found["fps"] = bpy.context.scene.render.fps
print("FOUND" + json.dumps(found))
"""


@pytest.mark.slow
def test_blender_opens_glb_and_bvh(tmp_path: Path) -> None:
    python = _python_with_bpy()
    motion = walker(40, words=("a person walks",))
    glb, bvh = motion.export(tmp_path / "walk.glb"), motion.export(tmp_path / "walk.bvh")
    run = subprocess.run(
        [python, "-c", _IN_BLENDER, str(glb), str(bvh), "13"],
        capture_output=True, text=True, check=True, timeout=PATIENCE,
    )  # fmt: skip
    (line,) = [line for line in run.stdout.splitlines() if line.startswith("FOUND")]
    found = json.loads(line.removeprefix("FOUND"))
    assert found["actions"] == ["a person walks"] and found["motion"] == motion.id
    assert found["fps"] == 20
    for suffix in ("glb", "bvh"):
        assert set(found[suffix]) == set(JOINT_NAMES)
        places = np.array([found[suffix][name] for name in JOINT_NAMES])
        places = places[:, [0, 2, 1]] * [1, 1, -1]  # Blender's z is up
        assert np.linalg.norm(places - motion.joints[13], axis=-1).max() < 0.01


def _python_with_bpy() -> str:
    """A Python that has Blender's module bpy: this one, or that of MOTION_AGENT_BPY_PYTHON."""
    import importlib.util
    import os
    import sys

    if python := os.environ.get("MOTION_AGENT_BPY_PYTHON"):
        return python
    if importlib.util.find_spec("bpy") is None:
        pytest.skip(
            "needs Blender's module bpy (374 MB, Python 3.11): pip install bpy, here or elsewhere "
            "with MOTION_AGENT_BPY_PYTHON naming that Python"
        )
    return sys.executable
