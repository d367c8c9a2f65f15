"""A motion on the user's own character: proportions, rest poses, VRM, and what stays as it was."""

from __future__ import annotations

import base64
import json
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_formats_gltf import CHIBI, SHARED, gltf, raise_arm

from motion_agent import Motion, read_motion
from motion_agent.motion_core.cleaning import bend_leg
from motion_agent.motion_core.errors import FormatError, InputError
from motion_agent.motion_core.exporting import export
from motion_agent.motion_core.formats import read_joints
from motion_agent.motion_core.formats.character import load_character
from motion_agent.motion_core.formats.gltf import Gltf, gltf_recording, parse_gltf
from motion_agent.motion_core.formats.gltf_images import image_bytes

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks" / "foreign_readers"))
import mixamo_rig

SAMPLES = Path(__file__).parent / "samples"
LIMBS = ((1, 4), (4, 7), (2, 5), (5, 8), (16, 18), (18, 20), (17, 19), (19, 21))


@pytest.fixture(scope="module")
def walk() -> Motion:
    return read_motion(SAMPLES / "walk.npy")


def glb(path: Path, tree: dict[str, Any]) -> Path:
    """A GLB of a tree whose one buffer is a data URI."""
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


PROPORTIONS = [(2.0, 1.0, 1.0), (0.5, 1.6, 0.6), (1.0, 0.5, 1.8)]


def places_on_an_odd_body(
    motion: Motion, folder: Path, proportions: tuple[float, float, float]
) -> dict[str, np.ndarray]:
    """Where the joints of a chibi with other arms, legs and hips are: ``(T, 3)`` by their names."""
    arms, legs, hips = proportions
    tree = gltf({"Wave": raise_arm()})
    scales = {"LowerArm": arms, "Hand": arms, "LowerLeg": legs, "Foot": legs, "UpperLeg": hips}
    for node in tree["nodes"]:
        scale = scales.get(node["name"].partition(".")[0], 1.0)
        node["translation"] = [scale * value for value in node["translation"]]
    tree["nodes"][1]["translation"][1] = 0.34 * legs + 0.06  # the soles are on the floor
    (path,) = export(motion, folder / "out.glb", character=glb(folder / "odd.glb", tree))
    recording = gltf_recording(parse_gltf(path.read_bytes(), folder))
    places = recording.positions(range(len(recording.names)))
    return dict(zip(recording.names, np.moveaxis(places, 1, 0), strict=True))


@pytest.mark.parametrize("proportions", PROPORTIONS)
def test_hands_keep_their_reach_whatever_the_proportions(
    walk: Motion, tmp_path: Path, proportions: tuple[float, float, float]
) -> None:
    def reach(shoulder: np.ndarray, elbow: np.ndarray, wrist: np.ndarray) -> np.ndarray:
        upper, lower = elbow - shoulder, wrist - elbow
        cosine = (upper * lower).sum(-1)
        return cosine / np.linalg.norm(upper, axis=-1) / np.linalg.norm(lower, axis=-1)

    theirs = places_on_an_odd_body(walk, tmp_path, proportions)
    for side, arm in (("L", (16, 18, 20)), ("R", (17, 19, 21))):
        names = (f"UpperArm.{side}", f"LowerArm.{side}", f"Hand.{side}")
        found, ours = reach(*map(theirs.get, names)), reach(*(walk.joints[:, at] for at in arm))
        assert np.ptp(ours) > 0.05
        np.testing.assert_allclose(found, ours, atol=1e-3)  # as far from stretched as ours


@pytest.mark.parametrize("proportions", PROPORTIONS)
def test_feet_that_stand_stay_where_they_stand_whatever_the_proportions(
    walk: Motion, tmp_path: Path, proportions: tuple[float, float, float]
) -> None:
    """Somebody bends the knees and sways, on feet that do not move."""
    joints = np.repeat(walk.joints[:1].astype(np.float64), 40, axis=0)
    joints[:, [4, 5], 2] += 0.02  # a straight knee does not say where it bends
    sway = 0.06 * np.stack([np.sin(np.arange(40) / 5), np.cos(np.arange(40) / 5) - 2,
                            0 * np.arange(40)], axis=-1)  # fmt: skip
    legs = ((1, 4, 7), (2, 5, 8))
    bodies = [joint for joint in range(22) if joint not in (4, 5, 7, 8, 10, 11)]
    joints[:, bodies] += sway[:, None]
    for hip, knee, ankle in legs:
        start, end = joints[:, hip], joints[:, ankle]
        joints[:, knee], _ = bend_leg(start, joints[:, knee] + sway, end + sway, end)
    theirs = places_on_an_odd_body(Motion.from_joints(joints, fps=20), tmp_path, proportions)
    for foot in ("Foot.L", "Foot.R"):
        assert np.ptp(theirs[foot], axis=0).max() < 0.006
    assert np.ptp(theirs["Hips"], axis=0).max() > 0.02


def test_a_mixamo_rig_keeps_its_pictures_materials_and_smile(walk: Motion, tmp_path: Path) -> None:
    (tmp_path / "hero").mkdir()
    hero = mixamo_rig.write(tmp_path / "hero" / "hero.glb", walk)
    (written,) = export(walk, tmp_path / "elsewhere" / "out.glb", character=hero)
    before, after = (parse_gltf(path.read_bytes(), path.parent) for path in (hero, written))
    for kind in ("materials", "textures", "samplers", "meshes", "extensionsUsed", "skins"):
        assert after.json[kind] == before.json[kind]
    pictures = [image_bytes(after, image) for image in after.json["images"]]
    assert pictures == [image_bytes(before, image) for image in before.json["images"]]
    assert pictures[0] == pictures[1] == pictures[2] and pictures[3] is None
    assert all("bufferView" in image for image in after.json["images"][:3])
    for at, entry in enumerate(before.json["accessors"]):
        assert after.json["accessors"][at] == entry
        np.testing.assert_array_equal(after.array(at), before.array(at))
    names = [[node["name"] for node in each.json["nodes"]] for each in (before, after)]
    assert names[0] == names[1] and "mixamorig:LeftForeArm" in names[0]
    assert degrees_apart(read_joints(written)[0], walk.joints).max() < 0.5
    points, figure = load_character(hero).figure(walk)
    assert points.shape == walk.joints.shape and len(np.unique(figure.mesh.colours, axis=0)) > 2


def test_pictures_come_from_the_folder_of_the_character_only(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"\x89PNG secret")
    (tmp_path / "hero").mkdir()
    (tmp_path / "hero" / "notes.png").write_bytes(b"my notes")
    (tmp_path / "hero" / "link.png").symlink_to(tmp_path / "secret.png")
    hero = Gltf({}, (), tmp_path / "hero")
    for uri in ("../secret.png", "%2e%2e/secret.png", str(tmp_path / "secret.png"), "link.png",
                "notes.png", "", "data:image/png;base64,?"):  # fmt: skip
        assert image_bytes(hero, {"uri": uri}) is None, uri


@pytest.mark.parametrize("way", ["matrices", "two buffers"])
def test_other_ways_of_writing_the_same_character(
    walk: Motion, chibi: Path, tmp_path: Path, way: str
) -> None:
    tree = gltf({"Wave": raise_arm()})
    if way == "matrices":  # as three.js's GLTFExporter writes them
        for node in tree["nodes"]:
            matrix = np.eye(4)
            matrix[:3, 3] = node.pop("translation")
            node["matrix"] = matrix.T.ravel().tolist()
    else:
        tree["buffers"].append({"uri": "data:;base64,AAAAAA==", "byteLength": 4})
        tree["bufferViews"].append({"buffer": 1, "byteLength": 4})
    found = [
        gltf_recording(parse_gltf(export(walk, tmp_path / "o.glb", character=hero)[0].read_bytes(),
                                  tmp_path))
        for hero in (glb(tmp_path / "other.glb", tree), chibi)
    ]  # fmt: skip
    np.testing.assert_allclose(*(each.positions(range(18)) for each in found), atol=1e-5)


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
