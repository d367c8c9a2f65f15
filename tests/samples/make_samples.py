"""Makes the sample files beside it: a short walk of our own making, as several programs name it.

    python tests/samples/make_samples.py

    walk.npy            (24, 22, 3) joints in metres, 20 fps
    turn.npy            (60, 22, 3) the walk in a curve to the left, with a hop
    walk-mixamo.bvh     cm, 30 fps, Mixamo's names, CRLF line ends, a T-pose as first frame
    walk.asf walk.amc   Acclaim units, 120 fps, CMU's names, degrees

The walk is made of sine waves. The skeletons differ, so that only directions agree.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent

# joint, parent, offset in metres (T-pose, y up, facing +z), Mixamo's name
TREE = [
    ("hips", None, (0.0, 0.0, 0.0), "Hips"),
    ("spine1", "hips", (0.0, 0.11, 0.0), "Spine"),
    ("spine2", "spine1", (0.0, 0.12, 0.0), "Spine1"),
    ("spine3", "spine2", (0.0, 0.11, 0.0), "Spine2"),
    ("neck", "spine3", (0.0, 0.2, 0.0), "Neck"),
    ("head", "neck", (0.0, 0.1, 0.02), "Head"),
]
for _side, _Side, _x in (("l", "Left", 1.0), ("r", "Right", -1.0)):
    TREE += [
        (f"{_side}hip", "hips", (0.09 * _x, -0.06, 0.0), f"{_Side}UpLeg"),
        (f"{_side}knee", f"{_side}hip", (0.0, -0.4, 0.0), f"{_Side}Leg"),
        (f"{_side}ankle", f"{_side}knee", (0.0, -0.4, 0.0), f"{_Side}Foot"),
        (f"{_side}foot", f"{_side}ankle", (0.0, -0.06, 0.13), f"{_Side}ToeBase"),
        (f"{_side}collar", "spine3", (0.06 * _x, 0.13, 0.0), f"{_Side}Shoulder"),
        (f"{_side}shoulder", f"{_side}collar", (0.12 * _x, 0.0, 0.0), f"{_Side}Arm"),
        (f"{_side}elbow", f"{_side}shoulder", (0.27 * _x, 0.0, 0.0), f"{_Side}ForeArm"),
        (f"{_side}wrist", f"{_side}elbow", (0.25 * _x, 0.0, 0.0), f"{_Side}Hand"),
    ]
INDEX = {joint: at for at, (joint, *_) in enumerate(TREE)}
# HumanML3D's 22 joints among these
ORDER = (
    *("hips", "lhip", "rhip", "spine1", "lknee", "rknee", "spine2", "lankle", "rankle"),
    *("spine3", "lfoot", "rfoot", "neck", "lcollar", "rcollar", "head", "lshoulder"),
    *("rshoulder", "lelbow", "relbow", "lwrist", "rwrist"),
)


def angles(time: np.ndarray) -> dict[str, np.ndarray]:
    """Degrees about z, x, y of each joint at these seconds; a step takes half a second."""
    phase = 2 * np.pi * time
    turns = {joint: np.zeros((len(time), 3)) for joint in INDEX}
    for side, sign, offset in (("l", 1.0, 0.0), ("r", -1.0, np.pi)):
        swing = np.sin(phase + offset)
        turns[f"{side}hip"][:, 1] = -25 * swing
        turns[f"{side}knee"][:, 1] = 25 - 25 * np.cos(phase + offset)
        turns[f"{side}ankle"][:, 1] = -8 * swing
        turns[f"{side}shoulder"][:, 0] = -75 * sign
        turns[f"{side}shoulder"][:, 2] = 20 * sign * swing
        turns[f"{side}elbow"][:, 2] = -(25 + 10 * swing) * sign
    turns["spine2"][:, 2] = 8 * np.sin(phase)
    turns["hips"][:, 2] = -5 * np.sin(phase)
    return turns


def root(time: np.ndarray) -> np.ndarray:
    """Metres."""
    bob = 0.9 + 0.015 * np.cos(4 * np.pi * time)
    return np.stack([0.02 * np.sin(2 * np.pi * time), bob, 1.2 * time], axis=1)


def matrix(axis: int, degrees: float) -> np.ndarray:
    """Rotation about one axis."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turned = np.eye(3)
    a, b = [(1, 2), (2, 0), (0, 1)][axis]
    turned[a, a], turned[b, b], turned[a, b], turned[b, a] = c, c, -s, s
    return turned


def joints(time: np.ndarray) -> np.ndarray:
    """Positions ``(T, 22, 3)``, frame by frame and joint by joint, as a textbook has it."""
    turns, path = angles(time), root(time)
    out = np.empty((len(time), len(ORDER), 3))
    for frame in range(len(time)):
        world: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        for joint, parent, offset, _ in TREE:
            z, x, y = turns[joint][frame]
            local = matrix(2, z) @ matrix(0, x) @ matrix(1, y)
            if parent is None:
                world[joint] = path[frame], local
            else:
                start, above = world[parent]
                world[joint] = start + above @ np.array(offset), above @ local
        out[frame] = [world[joint][0] for joint in ORDER]
    return out


def curve(time: np.ndarray) -> np.ndarray:
    """The walk once more, ``(T, 22, 3)``, on a circle of 2 m to the left, with a hop."""
    walked = joints(time)
    out = np.empty_like(walked)
    for frame, along in enumerate(root(time)[:, 2]):
        angle = along / 2  # radians
        turned = matrix(1, float(np.degrees(angle)))
        centre = np.array([2.0, 0.0, 0.0])
        for joint, position in enumerate(walked[frame]):
            out[frame, joint] = centre + turned @ (position - [0, 0, along] - centre)
        out[frame, :, 1] += (
            0.3 * max(0.0, np.sin(np.pi * (time[frame] - 1) / 0.5)) * (1 <= time[frame] <= 1.5)
        )
    return out


def bvh(names: dict[str, str], scale: float, time: np.ndarray, *, t_pose: bool) -> str:
    """A BVH of the walk; lengths divided by `scale`."""
    order: list[str] = []

    def block(joint: str, indent: str) -> list[str]:
        order.append(joint)
        offset = np.array(TREE[INDEX[joint]][2]) / scale
        lines = [
            f"{indent}{'JOINT' if indent else 'ROOT'} {names[joint]}",
            f"{indent}{{",
            f"{indent}\tOFFSET {offset[0]:.5f} {offset[1]:.5f} {offset[2]:.5f}",
            f"{indent}\tCHANNELS "
            + ("6 Xposition Yposition Zposition " if not indent else "3 ")
            + "Zrotation Xrotation Yrotation",
        ]
        below = [child for child, parent, *_ in TREE if parent == joint]
        for child in below:
            lines += block(child, indent + "\t")
        if not below:
            end = f"{indent}\t\tOFFSET 0.00000 {0.1 / scale:.5f} 0.00000"
            lines += [f"{indent}\tEnd Site", f"{indent}\t{{", end, f"{indent}\t}}"]
        return [*lines, f"{indent}}}"]

    lines = ["HIERARCHY", *block("hips", ""), "MOTION"]
    turns, path = angles(time), root(time) / scale
    rows = [np.concatenate([path[f], *(turns[j][f] for j in order)]) for f in range(len(time))]
    if t_pose:
        rows.insert(0, np.zeros_like(rows[0]))
    lines += [f"Frames: {len(rows)}", f"Frame Time: {time[1] - time[0]:.7f}"]
    lines += [" ".join(f"{value:.4f}" for value in row) for row in rows]
    return "\n".join(lines) + "\n"


# CMU's bones: name, parent, the joint where it starts and the one where it ends
CMU = [
    ("lowerback", "root", "hips", "spine1"),
    ("upperback", "lowerback", "spine1", "spine2"),
    ("thorax", "upperback", "spine2", "spine3"),
    ("lowerneck", "thorax", "spine3", "neck"),
    ("upperneck", "lowerneck", None, None),
    ("head", "upperneck", "neck", "head"),
]
for _s in "lr":
    CMU += [
        (f"{_s}hipjoint", "root", "hips", f"{_s}hip"),
        (f"{_s}femur", f"{_s}hipjoint", f"{_s}hip", f"{_s}knee"),
        (f"{_s}tibia", f"{_s}femur", f"{_s}knee", f"{_s}ankle"),
        (f"{_s}foot", f"{_s}tibia", f"{_s}ankle", f"{_s}foot"),
        (f"{_s}clavicle", "thorax", f"{_s}collar", f"{_s}shoulder"),
        (f"{_s}humerus", f"{_s}clavicle", f"{_s}shoulder", f"{_s}elbow"),
        (f"{_s}radius", f"{_s}humerus", f"{_s}elbow", f"{_s}wrist"),
        (f"{_s}wrist", f"{_s}radius", None, None),
    ]
# Bones that end at none of our joints
NO_JOINT = {"upperneck": (0, 0.05, 0), "lwrist": (0.05, 0, 0), "rwrist": (-0.05, 0, 0)}
UNIT = 0.0254 / 0.45


def acclaim(time: np.ndarray) -> tuple[str, str]:
    """ASF and AMC of the walk: what a joint turns in BVH, the bone that starts there turns here."""
    asf = [
        *(":version 1.10", ":name walk", ":units", "  mass 1.0", "  length 0.45", "  angle deg"),
        *(":documentation", "  made by make_samples.py", ":root", "  order TX TY TZ RX RY RZ"),
        *("  axis XYZ", "  position 0 0 0", "  orientation 0 0 0", ":bonedata"),
    ]
    for number, (bone, _, _, end) in enumerate(CMU, start=1):
        offset = np.array(TREE[INDEX[end]][2] if end else NO_JOINT[bone])
        length = float(np.linalg.norm(offset))
        direction = offset / length
        asf += ["  begin", f"    id {number}", f"    name {bone}"]
        asf += [f"    direction {direction[0]:.6f} {direction[1]:.6f} {direction[2]:.6f}"]
        asf += [f"    length {length / UNIT:.6f}", "    axis 0 0 0 YXZ"]
        if end:
            asf += ["    dof ry rx rz", "    limits (-180.0 180.0)"]
            asf += ["           (-180.0 180.0)", "           (-180.0 180.0)"]
        asf += ["  end"]
    asf += [":hierarchy", "  begin"]
    for above in ["root", *(bone for bone, *_ in CMU)]:
        below = [bone for bone, parent, *_ in CMU if parent == above]
        if below:
            asf.append(f"    {above} {' '.join(below)}")
    asf.append("  end")

    turns, path = angles(time), root(time) / UNIT
    amc = ["#!OML:ASF walk.asf", ":FULLY-SPECIFIED", ":DEGREES"]
    for frame in range(len(time)):
        z, x, y = turns["hips"][frame]
        # XYZ turns about x first, our joints about y; the hips turn about y only
        assert z == x == 0
        amc += [str(frame + 1), "root " + " ".join(f"{v:.6g}" for v in [*path[frame], 0, y, 0])]
        for bone, _, start, end in CMU:
            if end:
                own = turns[start][frame] if start != "hips" else np.zeros(3)
                amc.append(f"{bone} {own[2]:.6g} {own[1]:.6g} {own[0]:.6g}")
    return "\n".join(asf) + "\n", "\n".join(amc) + "\n"


def main() -> None:
    """Write all samples."""
    np.save(FOLDER / "walk.npy", joints(np.arange(24) / 20).astype(np.float32))
    np.save(FOLDER / "turn.npy", curve(np.arange(60) / 20).astype(np.float32))
    mixamo = {joint: f"mixamorig:{name}" for joint, _, _, name in TREE}
    text = bvh(mixamo, 0.01, np.arange(36) / 30, t_pose=True)
    (FOLDER / "walk-mixamo.bvh").write_bytes(text.replace("\n", "\r\n").encode())
    asf, amc = acclaim(np.arange(60) / 120)
    (FOLDER / "walk.asf").write_text(asf)
    (FOLDER / "walk.amc").write_text(amc)


if __name__ == "__main__":
    main()
