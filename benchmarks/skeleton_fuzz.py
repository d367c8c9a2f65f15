"""Synthetic skeletons of every kind, imported and compared with the truth.

    python benchmarks/skeleton_fuzz.py [--first 0] [--count 5000] [--seed 0] [--show 5]

Each is a person walking, standing or sitting down, written as BVH with random names or those of a
program, another order of rotations, unit, vertical axis, rest pose, rate and proportions, with
fingers, helpers and faces added, and sometimes with joints left out. The result is compared with
the known joints, turned about the vertical and scaled to the same legs.

It prints how many were imported within 1 cm, how many less accurately, how many refused, and how
many were misread: a mean error of more than 6 cm without a refusal. Every misread one is printed.
"""

from __future__ import annotations

import argparse
import string
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from motion_agent.motion_core.errors import FormatError
from motion_agent.motion_core.formats import read_joints
from motion_agent.motion_core.formats.bvh_styles import BVH_STYLES
from motion_agent.motion_core.formats.kinematics import world_positions
from motion_agent.motion_core.formats.posing import solve_pose, standard_offsets
from motion_agent.motion_core.skeleton import JOINT_NAMES, LEFT_RIGHT_PAIRS, PARENTS

Array = NDArray[np.float64]

CLOSE, WRONG = 0.01, 0.06  # metres
_UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254, "ft": 0.3048}
_SPARE = ("spine1", "spine2", "neck", "left_collar", "right_collar", "left_foot", "right_foot")


@dataclass(frozen=True)
class Skeleton:
    """One synthetic file and its ground truth."""

    text: str
    joints: Array
    fps: float
    complete: bool
    kind: str


def person(random: np.random.Generator, frames: int) -> Array:
    """Return joints ``(T, 22, 3)`` of a person who walks, or stands and moves, at 20 fps."""
    offsets = standard_offsets() * random.uniform(0.9, 1.1)
    for left, right in LEFT_RIGHT_PAIRS:
        length = random.uniform(0.88, 1.12)
        offsets[left] *= length
        offsets[right] = offsets[left] * [-1, 1, 1]
    for joint in (3, 6, 9, 12, 15):
        offsets[joint] *= random.uniform(0.85, 1.15)
    time = np.arange(frames) / 20
    speed = random.choice([0.0, 0.6, 1.3])
    phase = 2 * np.pi * random.uniform(0.7, 1.1) * time
    swing = random.uniform(0.2, 0.5) * (1 if speed else 0.3)
    sit = random.uniform(0, 1.2) if speed == 0 and random.random() < 0.4 else 0.0
    angles = np.zeros((frames, 22, 3))  # about x, y, z
    for side, sign, hip, knee, ankle, shoulder, elbow in (
        (0, 1, 1, 4, 7, 16, 18),
        (1, -1, 2, 5, 8, 17, 19),
    ):
        wave = np.sin(phase + np.pi * side)
        angles[:, hip, 0] = -swing * wave - sit
        angles[:, knee, 0] = 0.25 + swing * (1 - np.cos(phase + np.pi * side)) * 0.6 + 1.6 * sit
        angles[:, ankle, 0] = -0.15 * wave - 0.5 * sit
        angles[:, shoulder, 2] = -sign * random.uniform(1.0, 1.4)
        angles[:, shoulder, 0] = swing * wave
        angles[:, elbow, 1] = -sign * (0.35 + 0.25 * np.sin(phase))
    angles[:, 3:13:3, 0] = 0.04 + 0.03 * np.sin(phase)[:, None]
    angles[:, 15, 1] = 0.3 * np.sin(0.5 * phase)
    turns = Rotation.from_euler("zyx", angles[..., ::-1].reshape(-1, 3)).as_matrix()
    turns = turns.reshape(frames, 22, 3, 3)
    root = np.zeros((frames, 3))
    root[:, 2] = speed * time
    joints = world_positions(PARENTS, [root, *offsets[1:]], [turns[:, j] for j in range(22)])
    joints[..., 1] -= joints[..., 1].min(axis=1, keepdims=True) - 0.02
    return joints


def synthetic(random: np.random.Generator) -> Skeleton:
    """Return a random skeleton."""
    fps = float(random.choice([24, 30, 60, 100, 120]))
    seconds = random.uniform(1.0, 2.0)
    joints = person(random, int(seconds * 20) + 2)
    times = np.arange(int(seconds * fps)) / fps * 20
    before = np.minimum(times.astype(int), len(joints) - 2)
    share = (times - before)[:, None, None]
    joints = joints[before] * (1 - share) + joints[before + 1] * share
    dropped = _dropped(random)
    pose = solve_pose(joints, tolerance=np.inf)
    for name in dropped:  # a joint that is left out does not move by itself
        pose.rotations[:, JOINT_NAMES.index(name)] = np.eye(3)
    joints = world_positions(
        PARENTS,
        [pose.translations[0], *pose.offsets[1:]],
        [pose.rotations[:, joint] for joint in range(22)],
    )
    names = list(JOINT_NAMES)
    parents = list(PARENTS)
    offsets = [*pose.offsets]
    turns = [pose.rotations[:, joint] for joint in range(22)]
    root = pose.translations[0]
    style = str(random.choice(["random", "random", "random", *BVH_STYLES]))
    _add_joints(random, names, parents, offsets, turns)
    labels = _labels(random, names, style)
    order = "".join(random.permutation(list("xyz")))
    if random.random() < 0.3:  # a rest pose that no person has
        rest = [Rotation.random(None, random).as_matrix() for _ in names]
        offsets = [
            rest[parent].T @ offset if parent >= 0 else offset
            for offset, parent in zip(offsets, parents, strict=True)
        ]
        turns = [
            (rest[parent].T if parent >= 0 else np.eye(3)) @ turn @ own
            for turn, parent, own in zip(turns, parents, rest, strict=True)
        ]
    axes = Rotation.from_euler("x", random.choice([0, 0, 0, 90, -90, 180]), degrees=True)
    axes = axes * Rotation.from_euler("y", random.uniform(0, 360), degrees=True)
    turns[0] = axes.as_matrix() @ turns[0]
    root = axes.apply(root + np.array([random.uniform(-3, 3), 0, random.uniform(-3, 3)]))
    unit = str(random.choice(list(_UNITS)))
    keep = [name not in dropped for name in names]
    text = _bvh(labels, parents, offsets, turns, root, keep, order, 1 / _UNITS[unit], fps)
    kind = f"{style}, {unit}, {order}{', without ' + ' '.join(sorted(dropped)) if dropped else ''}"
    return Skeleton(text, joints, fps, not dropped, kind)


def _dropped(random: np.random.Generator) -> set[str]:
    if random.random() < 0.75:
        return set()
    found = set(map(str, random.choice(_SPARE, random.integers(1, 3), replace=False)))
    for part in ("collar", "foot"):  # on both sides or none
        if {f"left_{part}", f"right_{part}"} & found:
            found |= {f"left_{part}", f"right_{part}"}
    return found


def _add_joints(
    random: np.random.Generator,
    names: list[str],
    parents: list[int],
    offsets: list[Array],
    turns: list[Array],
) -> None:
    still = np.broadcast_to(np.eye(3), turns[0].shape)

    def add(name: str, parent: int, offset: Array) -> int:
        names.append(name)
        parents.append(parent)
        offsets.append(np.asarray(offset, dtype=float))
        turns.append(still)
        return len(names) - 1

    if random.random() < 0.5:
        fingers = int(random.integers(1, 6))
        for side, wrist, sign in (("left", 20, 1), ("right", 21, -1)):
            for finger in range(fingers):
                at = add(f"{side}_finger{finger}", wrist, [sign * 0.08, 0, 0.02 * (finger - 2)])
                at = add(f"{side}_finger{finger}b", at, [sign * 0.035, 0, 0])
                add(f"{side}_finger{finger}c", at, [sign * 0.025, 0, 0])
    if random.random() < 0.6:
        for foot in (10, 11):
            add(f"{JOINT_NAMES[foot]}_end", foot, [0, 0, 0.07])
    if random.random() < 0.6:
        add("head_end", 15, [0, 0.18, 0])
    if random.random() < 0.3:
        for side in (1, -1):
            add("left_eye" if side > 0 else "right_eye", 15, [0.03 * side, 0.06, 0.08])
        add("jaw", 15, [0, 0.0, 0.06])
    if random.random() < 0.3:  # helpers along the bones, beside the joints
        for joint in (1, 2, 16, 17):
            child = next(at for at, parent in enumerate(parents) if parent == joint)
            add(f"{JOINT_NAMES[joint]}_twist", joint, offsets[child] / 2)


def _labels(random: np.random.Generator, names: list[str], style: str) -> list[str]:
    if style != "random":
        ours = dict(zip(JOINT_NAMES, BVH_STYLES[style].names, strict=True))
        prefix = str(random.choice(["", "", "Actor01:", "Character1_"]))
        return [prefix + ours.get(name, name) for name in names]
    letters = list(string.ascii_letters)
    return [
        "".join(random.choice(letters, random.integers(3, 9))) + str(at)
        for at, _ in enumerate(names)
    ]


def _bvh(
    labels: list[str],
    parents: list[int],
    offsets: list[Array],
    turns: list[Array],
    root: Array,
    keep: list[bool],
    order: str,
    scale: float,
    fps: float,
) -> str:
    """Return the file; a joint that is left out merges with its parent, and its children move
    up.
    """
    lines = ["HIERARCHY"]
    columns: list[Array] = []

    def write(joint: int, indent: str, offset: Array, turn: Array) -> None:
        title = "ROOT" if parents[joint] < 0 else "JOINT"
        lines.extend((f"{indent}{title} {labels[joint]}", f"{indent}{{"))
        lines.append(f"{indent}  OFFSET " + " ".join(f"{v * scale:.6f}" for v in offset))
        places = "Xposition Yposition Zposition " if parents[joint] < 0 else ""
        kinds = places + " ".join(f"{axis.upper()}rotation" for axis in order)
        lines.append(f"{indent}  CHANNELS {len(kinds.split())} {kinds}")
        if parents[joint] < 0:
            columns.append(root * scale)
        angles = Rotation.from_matrix(turn).as_euler(order.upper(), degrees=True)
        columns.append(angles)
        below(joint, indent + "  ", np.eye(3)[None], np.zeros(3))
        if not any(parent == joint for parent in parents):
            lines.extend((f"{indent}  End Site", f"{indent}  {{"))
            lines.append(f"{indent}    OFFSET 0 {0.05 * scale:.6f} 0")
            lines.append(f"{indent}  }}")
        lines.append(f"{indent}}}")

    def below(joint: int, indent: str, turn: Array, place: Array) -> None:
        for child, parent in enumerate(parents):
            if parent != joint:
                continue
            if keep[child]:
                write(child, indent, place + turn[0] @ offsets[child], turn @ turns[child])
            else:  # its bone is rigid with its parent's
                below(child, indent, turn @ turns[child], place + turn[0] @ offsets[child])

    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # gimbal lock
        write(0, "", np.zeros(3), turns[0])
    rows = np.concatenate(columns, axis=1)
    lines += ["MOTION", f"Frames: {len(rows)}", f"Frame Time: {1 / fps:.7f}"]
    lines += [" ".join(f"{value:.5f}" for value in row) for row in rows]
    return "\n".join(lines) + "\n"


def mean_error(found: Array, truth: Array) -> float:
    """Return metres between joints ``(T, 22, 3)``, turned about y, moved and scaled to the same
    legs.
    """
    if found.shape != truth.shape:
        return float("inf")

    def leg(joints: Array) -> float:
        bones = joints[:, [4, 5, 7, 8]] - joints[:, [1, 2, 4, 5]]
        return float(np.median(np.linalg.norm(bones, axis=-1)))

    found = found * (leg(truth) / leg(found))
    found, truth = (each - each.mean(axis=(0, 1), keepdims=True) for each in (found, truth))
    a, b = found[..., 0] + 1j * found[..., 2], truth[..., 0] + 1j * truth[..., 2]
    turn = (np.conj(a) * b).sum()
    a = a * turn / max(abs(turn), 1e-12)
    found = np.stack([a.real, found[..., 1], a.imag], axis=-1)
    return float(np.linalg.norm(found - truth, axis=-1).mean())


def measure(numbers: range, seed: int, show: int) -> Counter[str]:
    """Return the outcomes of these skeletons; a number and a seed are always the same one."""
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.bvh"
        for number in numbers:
            skeleton = synthetic(np.random.default_rng([seed, number]))
            path.write_text(skeleton.text)
            which = "complete" if skeleton.complete else "joints left out"
            try:
                joints, _ = read_joints(path)
            except FormatError as refusal:
                outcome, detail = "refused", str(refusal)[-160:]
            else:
                error = mean_error(joints, skeleton.joints)
                outcome = "close" if error < CLOSE else "wrong" if error > WRONG else "rough"
                detail = f"{100 * error:.1f} cm"
            outcomes[f"{which}: {outcome}"] += 1
            if (outcome != "close" and skeleton.complete and show > 0) or outcome == "wrong":
                show -= outcome != "wrong"
                print(f"{number}: {outcome} ({detail}): {skeleton.kind}", flush=True)
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--first", type=int, default=0, help="number of the first skeleton")
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=5, help="number of failures to print")
    arguments = parser.parse_args()
    numbers = range(arguments.first, arguments.first + arguments.count)
    outcomes = measure(numbers, arguments.seed, arguments.show)
    for which in ("complete", "joints left out"):
        total = sum(number for key, number in outcomes.items() if key.startswith(which))
        print(f"{which}: {total}")
        for outcome in ("close", "rough", "refused", "wrong"):
            number = outcomes[f"{which}: {outcome}"]
            print(f"  {outcome:8} {number:6} {100 * number / max(total, 1):6.2f} %")


if __name__ == "__main__":
    main()
