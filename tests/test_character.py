"""A motion on the user's own character: proportions, rest poses, VRM, and what stays as it was."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_formats_gltf import CHIBI, SHARED, gltf, raise_arm

from motion_agent import Motion, read_motion
from motion_agent.motion_core.errors import FormatError, InputError
from motion_agent.motion_core.exporting import export
from motion_agent.motion_core.formats import read_joints
from motion_agent.motion_core.formats.gltf import gltf_recording, parse_gltf

SAMPLES = Path(__file__).parent / "samples"
LIMBS = ((1, 4), (4, 7), (2, 5), (5, 8), (16, 18), (18, 20), (17, 19), (19, 21))


@pytest.fixture(scope="module")
def walk() -> Motion:
    return read_motion(SAMPLES / "walk.npy")


def glb(path: Path, tree: dict[str, Any]) -> Path:
    """A GLB of a tree whose one buffer is a data URI."""
    import base64

    data = base64.b64decode(tree["buffers"][0].pop("uri").partition(",")[2])
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    data += b"\0" * (-len(data) % 4)
    path.write_bytes(
        struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + len(data))
        + struct.pack("<I4s", len(text), b"JSON")
        + text
        + struct.pack("<I4s", len(data), b"BIN\0")
        + data
    )
    return path


@pytest.fixture
def chibi(tmp_path: Path) -> Path:
    return glb(tmp_path / "chibi.glb", gltf({"Wave": raise_arm()}))


def directions(joints: np.ndarray) -> np.ndarray:
    bones = np.stack([joints[:, end] - joints[:, start] for start, end in LIMBS], axis=1)
    return bones / np.linalg.norm(bones, axis=-1, keepdims=True)


def degrees_apart(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    cosine = np.clip((directions(first) * directions(second)).sum(-1), -1, 1)
    return np.degrees(np.arccos(cosine))


def test_a_chibi_character_does_what_the_motion_does(
    walk: Motion, chibi: Path, tmp_path: Path
) -> None:
    (written,) = export(walk, tmp_path / "out.glb", character=chibi)
    joints, fps = read_joints(written)
    assert fps == 20 and len(joints) == len(walk)
    apart = degrees_apart(joints, walk.joints)
    assert apart[:, 4:].max() < 0.1  # arms point exactly where ours point
    assert apart[:, :4].mean() < 6  # legs bend a little to reach
    walked = joints[-1, 0] - joints[0, 0]
    np.testing.assert_allclose(walked, walk.joints[-1, 0] - walk.joints[0, 0], atol=0.15)


def test_its_feet_go_where_ours_go_in_its_size(walk: Motion, chibi: Path, tmp_path: Path) -> None:
    (written,) = export(walk, tmp_path / "out.glb", character=chibi)
    recording = gltf_recording(parse_gltf(written.read_bytes(), tmp_path))
    feet = [recording.names.index(f"Foot.{side}") for side in "LR"]
    size = 0.34 / np.linalg.norm(np.diff(walk.joints[0, [1, 4, 7]], axis=0), axis=-1).sum()
    apart = recording.positions(feet) - size * walk.joints[:, [7, 8]]
    # The same steps: they stand where ours stand. Only their distance is that of wider hips.
    assert apart.std(axis=0).max() < 0.01


def test_a_rest_pose_in_a_changes_nothing(walk: Motion, chibi: Path, tmp_path: Path) -> None:
    tree = gltf({"Wave": raise_arm()})
    for name, angle in (("UpperArm.L", -0.7), ("UpperArm.R", 0.7)):
        node = tree["nodes"][[each[0] for each in CHIBI].index(name)]
        node["rotation"] = [0, 0, np.sin(angle / 2), np.cos(angle / 2)]
    leaning = glb(tmp_path / "leaning.glb", tree)
    joints = [
        read_joints(export(walk, tmp_path / f"{path.stem}-out.glb", character=path)[0])[0]
        for path in (chibi, leaning)
    ]
    assert degrees_apart(*joints).max() < 0.5


def test_a_vrm_is_known_by_its_bones_and_keeps_what_it_had(walk: Motion, tmp_path: Path) -> None:
    tree = gltf({"Wave": raise_arm()})
    bones = {
        **{"hips": 1, "chest": 2, "head": 3},
        **{"leftUpperArm": 4, "leftLowerArm": 5, "leftHand": 6},
        **{"rightUpperArm": 7, "rightLowerArm": 8, "rightHand": 9},
        **{"leftUpperLeg": 10, "leftLowerLeg": 11, "leftFoot": 12, "leftToes": 13},
        **{"rightUpperLeg": 14, "rightLowerLeg": 15, "rightFoot": 16, "rightToes": 17},
    }
    for at, node in enumerate(tree["nodes"]):
        node["name"] = f"n{at}"
    tree["nodes"][0]["rotation"] = [0, 1, 0, 0]  # VRM 0 stands with its back to +z
    human = {"humanBones": [{"bone": bone, "node": at} for bone, at in bones.items()]}
    tree["extensions"] = {"VRM": {"humanoid": human, "meta": {"title": "Hero"}}}
    hero = glb(tmp_path / "hero.vrm", tree)
    (written,) = export(walk, tmp_path / "out.glb", character=hero)
    found = parse_gltf(written.read_bytes(), tmp_path)
    assert found.json["extensions"] == tree["extensions"]
    assert [len(each["channels"]) for each in found.json["animations"]] == [18]
    assert degrees_apart(read_joints(written)[0], walk.joints)[:, 4:].max() < 0.1


def test_what_is_no_character_is_refused_in_one_line(
    walk: Motion, chibi: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.glb"
    bad.write_bytes(b"glTF")
    for character, error, message in (
        (tmp_path / "none.glb", InputError, "cannot be read"),
        (SAMPLES / "walk.npy", InputError, r"is no .glb or .vrm"),
        (bad, FormatError, "not GLB of version 2"),
    ):
        with pytest.raises(error, match=message):
            export(walk, tmp_path / "out.glb", character=character)
    with pytest.raises(InputError, match="for one person"):
        export([walk, walk], tmp_path / "out.glb", character=chibi)
    with pytest.raises(InputError, match=r"as \.glb"):
        export(walk, tmp_path / "out.bvh", character=chibi)
    assert not (tmp_path / "out.glb").exists()


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/data with the CC0 packs")
@pytest.mark.parametrize(
    "archive, name",
    [
        ("kaykit", "Med_General.glb"),
        ("mesh2motion", "m2m-addon-20260322.glb"),
        ("quaternius", "q_cyberpunk_Character.glb"),
        ("quaternius", "q_platformer_Character.glb"),
    ],
)
def test_real_rigs_do_what_the_motion_does(
    walk: Motion, tmp_path: Path, archive: str, name: str
) -> None:
    import tarfile

    with tarfile.open(SHARED / f"{archive}.tar.xz") as tar:
        member = next(each for each in tar.getnames() if each.endswith(name))
        tar.extract(member, tmp_path, filter="data")
    (written,) = export(walk, tmp_path / "out.glb", character=tmp_path / member)
    joints, _ = read_joints(written)
    assert degrees_apart(joints, walk.joints).mean() < 5
    walked = (joints[-1, 0] - joints[0, 0])[2] / (walk.joints[-1, 0] - walk.joints[0, 0])[2]
    assert 0.7 < walked < 1.3
