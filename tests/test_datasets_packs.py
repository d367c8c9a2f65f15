"""Clips of the motion packs: from small files of our own, and from the real ones where they are."""

import json
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest

from motion_agent.motion_core.datasets.captions import inflect, mirrored_action
from motion_agent.motion_core.datasets.licences import MOTION_SOURCES
from motion_agent.motion_core.datasets.pack_clips import CLIPS
from motion_agent.motion_core.datasets.pack_wordings import PACK_WORDINGS
from motion_agent.motion_core.datasets.packs import (
    LOOP_SECONDS,
    Pack,
    find_clips,
    read_clip,
)
from motion_agent.motion_core.datasets.retargeting import REST_OFFSETS, HipPath, pose
from motion_agent.motion_core.datasets.rig_animations import RigFile
from motion_agent.motion_core.errors import FormatError, InputError
from motion_agent.motion_core.representation import joints_to_features
from motion_agent.motion_core.skeleton import BONE_LENGTHS, JOINT_NAMES, PARENTS

PACKS = {"deepmimic": "deepmimic", "mesh2motion": "mesh2motion_cc0", "kaykit": "kaykit_cc0"}
SHARED = Path(__file__).parents[2] / "shared" / "data"
HALF = np.sqrt(0.5)

# Name, parent and place in its parent's frame of each joint of a small KayKit figure.
FIGURE = (
    ("root", None, (0, 0, 0)),
    ("hips", "root", (0, 0.4, 0)),
    ("spine", "hips", (0, 0.2, 0)),
    ("chest", "spine", (0, 0.3, 0)),
    ("head", "chest", (0, 0.3, 0)),
    *((f"upperleg.{side}", "hips", (sign * 0.1, 0.0, 0)) for side, sign in (("l", 1), ("r", -1))),
    *((f"lowerleg.{side}", f"upperleg.{side}", (0, -0.2, 0)) for side in "lr"),
    *((f"foot.{side}", f"lowerleg.{side}", (0, -0.2, 0)) for side in "lr"),
    *((f"upperarm.{side}", "chest", (sign * 0.2, 0.1, 0)) for side, sign in (("l", 1), ("r", -1))),
    *(
        (f"lowerarm.{side}", f"upperarm.{side}", (sign * 0.2, 0, 0))
        for side, sign in (("l", 1), ("r", -1))
    ),
)


def write_rig(path: Path, animations: dict[str, list[tuple[str, str, list, list, str]]]) -> None:
    """A GLB file of `FIGURE`; an animation lists joint, path, key times, values, interpolation."""
    names = [name for name, *_ in FIGURE]
    nodes: list[dict] = [{"name": name, "translation": list(at)} for name, _, at in FIGURE]
    for index, (_, parent, _) in enumerate(FIGURE):
        if parent is not None:
            nodes[names.index(parent)].setdefault("children", []).append(index)
    tree: dict = {"asset": {"version": "2.0"}, "nodes": nodes, "animations": []}
    tree |= {"accessors": [], "bufferViews": [], "buffers": []}
    binary = b""

    def accessor(values: list, kind: str) -> int:
        nonlocal binary
        data = np.array(values, "<f4").tobytes()
        view = {"buffer": 0, "byteOffset": len(binary), "byteLength": len(data)}
        tree["bufferViews"].append(view)
        binary += data
        entry = {"componentType": 5126, "count": len(values), "type": kind}
        tree["accessors"].append({"bufferView": len(tree["bufferViews"]) - 1, **entry})
        return len(tree["accessors"]) - 1

    for name, tracks in animations.items():
        animation: dict = {"name": f"Rig|{name}", "channels": [], "samplers": []}
        for joint, target, times, values, how in tracks:
            target_of = {"node": names.index(joint), "path": target}
            animation["channels"].append(
                {"sampler": len(animation["samplers"]), "target": target_of}
            )
            kind = "VEC4" if target == "rotation" else "VEC3"
            sampler = {"input": accessor(times, "SCALAR"), "output": accessor(values, kind)}
            animation["samplers"].append(sampler | {"interpolation": how})
        tree["animations"].append(animation)
    tree["buffers"].append({"byteLength": len(binary)})
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(binary))
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    path.write_bytes(head + chunks + struct.pack("<I4s", len(binary), b"BIN\0") + binary)


def write_humanoid(path: Path, *, frames: int = 31, step: float = 0.0, **turns: list) -> None:
    """A DeepMimic file at 30 fps: upright, some joints turned as `turns` says."""
    widths = [("root", 4), ("chest", 4), ("neck", 4)]
    for side in ("right", "left"):
        widths += [(f"{side}_hip", 4), (f"{side}_knee", 1), (f"{side}_ankle", 4)]
        widths += [(f"{side}_shoulder", 4), (f"{side}_elbow", 1)]
    rows = []
    for number in range(frames):
        row = [1 / 30, step * number, 0.9, 0.0]
        for joint, width in widths:
            row += turns.get(joint, [1.0, 0.0, 0.0, 0.0] if width == 4 else [0.0])
        rows.append(row)
    path.write_text(json.dumps({"Loop": "wrap", "Frames": rows}))


def clip_of(pack: Pack, folder: Path, name: str):
    return next(clip for clip in find_clips(pack, folder) if clip.name == f"{pack}/{name}")


def test_a_humanoid_stands_on_the_floor_facing_ahead_with_its_arms_down(tmp_path: Path) -> None:
    write_humanoid(tmp_path / "humanoid3d_backflip.txt")
    joints, fps = read_clip("deepmimic", tmp_path, clip_of("deepmimic", tmp_path, "backflip"))
    assert joints.shape == (31, 22, 3)
    assert fps == pytest.approx(30)
    assert joints[..., 1].min() == 0
    place = dict(zip(JOINT_NAMES, joints[0], strict=True))
    assert place["left_hip"][0] > place["right_hip"][0]
    assert place["left_foot"][2] > place["left_ankle"][2] + 0.1  # looks along +z
    assert place["left_wrist"][1] < place["left_elbow"][1] < place["left_shoulder"][1]
    lengths = np.linalg.norm(joints[0, 1:] - joints[0, list(PARENTS[1:])], axis=-1)
    np.testing.assert_allclose(lengths, BONE_LENGTHS[1:], atol=1e-9)


def test_a_humanoids_knee_bends_backward_and_its_right_arm_rises_ahead(tmp_path: Path) -> None:
    # About the humanoid's z axis, which is its right: -90° at the knee, +90° at the shoulder.
    forward = [HALF, 0.0, 0.0, HALF]
    write_humanoid(
        tmp_path / "humanoid3d_backflip.txt", left_knee=[-np.pi / 2], right_shoulder=forward
    )
    joints, _ = read_clip("deepmimic", tmp_path, clip_of("deepmimic", tmp_path, "backflip"))
    place = dict(zip(JOINT_NAMES, joints[0], strict=True))
    assert place["left_ankle"][2] < place["left_knee"][2] - 0.4
    assert place["right_ankle"][1] < 0.1
    assert place["right_wrist"][2] > place["right_shoulder"][2] + 0.5
    assert place["left_wrist"][2] < place["left_shoulder"][2] + 0.1


def test_a_cycle_is_repeated_and_goes_on_from_where_it_came_to(tmp_path: Path) -> None:
    write_humanoid(tmp_path / "humanoid3d_walk.txt", frames=31, step=0.04)
    clip = clip_of("deepmimic", tmp_path, "walk")
    joints, fps = read_clip("deepmimic", tmp_path, clip)
    assert clip.loops
    assert (len(joints) - 1) / fps >= LOOP_SECONDS
    steps = np.diff(joints[:, 0, 2])
    np.testing.assert_allclose(steps, steps[0], atol=1e-9)
    assert steps[0] > 0.03


def test_rotations_of_a_small_figure_become_a_person(tmp_path: Path) -> None:
    up = [0.0, 0.0, HALF, HALF]  # x, y, z, w: the left arm from level to straight up
    tracks = [("upperarm.l", "rotation", [0.0, 1.0], [[0, 0, 0, 1], up], "LINEAR")]
    write_rig(tmp_path / "Med_Simulation.glb", {"Cheering": tracks})
    joints, fps = read_clip("kaykit", tmp_path, clip_of("kaykit", tmp_path, "Simulation/Cheering"))
    assert fps == 30
    assert joints.shape == (31, 22, 3)
    arm = joints[:, 20] - joints[:, 16]
    np.testing.assert_allclose(arm[0], [np.linalg.norm(arm[0]), 0, 0], atol=1e-6)
    np.testing.assert_allclose(arm[15] / np.linalg.norm(arm[15]), [HALF, HALF, 0], atol=1e-3)
    np.testing.assert_allclose(arm[-1], [0, np.linalg.norm(arm[0]), 0], atol=1e-5)
    assert 0.8 < joints[0, 0, 1] < 1.0  # as tall as a person, standing on the floor
    assert joints[..., 1].min() == 0


def test_a_body_that_lies_is_put_on_the_floor(tmp_path: Path) -> None:
    back = [-HALF, 0.0, 0.0, HALF]  # about x: from upright to lying on the back
    tracks = [
        ("hips", "rotation", [0.0, 1.0], [back, back], "STEP"),
        ("hips", "translation", [0.0, 1.0], [[0, 0.3, 0], [0, 0.3, 0]], "STEP"),
    ]
    write_rig(tmp_path / "Med_Simulation.glb", {"Lie_Down": tracks})
    clip = clip_of("kaykit", tmp_path, "Simulation/Lie_Down")
    joints, _ = read_clip("kaykit", tmp_path, clip)
    assert joints[0, 15, 2] < joints[0, 0, 2] < joints[0, 7, 2]
    assert joints[:, 0, 1].max() < 0.2


def test_a_walk_in_place_is_moved_along_with_the_foot_that_stands(tmp_path: Path) -> None:
    ahead, behind = [-np.sin(0.2), 0, 0, np.cos(0.2)], [np.sin(0.2), 0, 0, np.cos(0.2)]
    raised = [-np.sin(0.6), 0, 0, np.cos(0.6)]  # and forward, far from the floor
    tracks = [
        ("upperleg.l", "rotation", [0, 0.5, 0.7, 1], [ahead, behind, raised, ahead], "LINEAR"),
        ("upperleg.r", "rotation", [0, 0.2, 0.5, 1], [behind, raised, ahead, behind], "LINEAR"),
    ]
    write_rig(tmp_path / "Med_Special.glb", {"Skeletons_Walking": tracks})
    clip = clip_of("kaykit", tmp_path, "Special/Skeletons_Walking")
    joints, _ = read_clip("kaykit", tmp_path, clip)
    cycle = joints[:31]
    assert cycle[-1, 0, 2] - cycle[0, 0, 2] > 0.8
    slides = np.diff(cycle[3:13, 10, 2]), np.diff(cycle[18:28, 11, 2])  # the foot that stands
    assert np.abs(slides).max() * 30 < 0.1


def test_parts_joined_by_a_plus_follow_each_other(tmp_path: Path) -> None:
    up, level = [0.0, 0.0, HALF, HALF], [0.0, 0.0, 0.0, 1.0]
    down = [("upperarm.l", "rotation", [0.0, 1.0], [level, up], "LINEAR")]
    rise = [("upperarm.l", "rotation", [0.0, 1.0], [up, level], "LINEAR")]
    write_rig(tmp_path / "Med_Simulation.glb", {"Lie_Down": down, "Lie_StandUp": rise})
    clip = clip_of("kaykit", tmp_path, "Simulation/Lie_Down+Lie_StandUp")
    joints, _ = read_clip("kaykit", tmp_path, clip)
    assert len(joints) == 61
    np.testing.assert_allclose(joints[0], joints[-1], atol=1e-6)
    assert joints[30, 20, 1] > joints[0, 20, 1] + 0.5


def test_a_t_pose_is_a_t_pose() -> None:
    turns = dict.fromkeys(JOINT_NAMES, np.array([[1.0, 0, 0, 0]]))
    joints = pose(turns, HipPath(np.array([[0.0, 0.4, 0.0]]), leg=0.4))
    np.testing.assert_allclose(joints[0, 1:] - joints[0, list(PARENTS[1:])], REST_OFFSETS[1:])
    np.testing.assert_allclose(joints[0, [16, 18, 20], 1], joints[0, 16, 1])


@pytest.mark.parametrize("pack", PACKS)
def test_every_clip_has_honest_words_for_its_action(pack: Pack) -> None:
    assert pack in MOTION_SOURCES
    for entry in CLIPS[pack].values():
        wordings = PACK_WORDINGS[entry.action]
        assert 3 <= len(wordings) <= 5
        assert len(set(wordings)) == len(wordings)
        assert all("*" in wording for wording in wordings)
        assert mirrored_action(mirrored_action(entry.action)) == entry.action


def test_every_wording_belongs_to_a_clip() -> None:
    used = {entry.action for clips in CLIPS.values() for entry in clips.values()}
    assert used == set(PACK_WORDINGS)


def test_captions_are_plain_sentences(tmp_path: Path) -> None:
    write_humanoid(tmp_path / "humanoid3d_cartwheel.txt")
    captions = clip_of("deepmimic", tmp_path, "cartwheel").captions
    assert captions[:3] == (
        "a person does a cartwheel",
        "someone is doing a cartwheel",
        "the person performs a cartwheel",
    )
    assert 6 <= len(set(captions)) == len(captions) <= 10


def test_verbs_are_spelt_as_they_are_said() -> None:
    assert inflect("*grab it and *scrub it", "progressive") == "grabbing it and scrubbing it"
    assert inflect("*reply", "third") == "replies"
    assert inflect("*sit, *spin, *tiptoe", "gerund") == "sitting, spinning, tiptoeing"


def test_only_clips_whose_files_are_there_are_found(tmp_path: Path) -> None:
    write_humanoid(tmp_path / "humanoid3d_walk.txt")
    assert [clip.name for clip in find_clips("deepmimic", tmp_path)] == ["deepmimic/walk"]


def test_errors_name_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pack named 'mixamo'"):
        find_clips("mixamo", tmp_path)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="expected Med_CombatMelee"):
        find_clips("kaykit", tmp_path)
    (tmp_path / "humanoid3d_walk.txt").write_text("[]")
    walk = clip_of("deepmimic", tmp_path, "walk")
    with pytest.raises(FormatError, match="not a DeepMimic motion"):
        read_clip("deepmimic", tmp_path, walk)
    (tmp_path / "humanoid3d_walk.txt").write_text('{"Frames": [[1, 2]]}')
    with pytest.raises(FormatError, match=r"not \(T, 44\)"):
        read_clip("deepmimic", tmp_path, walk)
    with pytest.raises(InputError, match="the pack kaykit has no clip"):
        read_clip("kaykit", tmp_path, walk)
    (tmp_path / "rig.glb").write_bytes(b"nothing of the kind")
    with pytest.raises(FormatError, match="not a GLB file"):
        RigFile(tmp_path / "rig.glb")
    write_rig(tmp_path / "rig.glb", {})
    with pytest.raises(FormatError, match="no animation 'Bow'"):
        RigFile(tmp_path / "rig.glb").read("Bow")


@pytest.mark.parametrize("pack", PACKS)
def test_the_real_packs_move_on_the_floor(pack: Pack, tmp_path: Path) -> None:
    archive = SHARED / f"{pack}.tar.xz"
    if not archive.is_file():
        pytest.skip(f"no {archive}")
    with tarfile.open(archive) as file:
        file.extractall(tmp_path, filter="data")
    folder = tmp_path / PACKS[pack]
    clips = find_clips(pack, folder)
    assert [clip.name for clip in clips] == sorted(f"{pack}/{name}" for name in CLIPS[pack])
    for clip in clips:
        joints, fps = read_clip(pack, folder, clip)
        assert joints[..., 1].min() == pytest.approx(0, abs=1e-9), clip.name
        moved = np.ptp(joints - joints[:, :1] * (1, 0, 1), axis=0).max()
        assert moved > 0.1, clip.name
        speed = np.linalg.norm(np.diff(joints, axis=0), axis=-1) * fps
        assert speed.max() < 20, clip.name
        assert not clip.loops or len(joints) / fps >= LOOP_SECONDS
        assert np.isfinite(joints_to_features(joints)).all()
