"""A BVH reader that imitates the one copied by research code, including its errors.

The reader of Holden's motion code, in MoMask as ``visualization/BVH_mod.py``, goes line by line and
assumes much. These assumptions are reimplemented here:

- a joint's name is letters, digits and underscores, with one colon at most; other characters end it
early;
- the order of rotations is that of the first joint, for all joints;
- the last ``CHANNELS`` line gives the number of channels for every joint but the root;
- rows are one frame each, and there are as many as ``Frames:`` says.

Source: github.com/EricGuo5513/momask-codes.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Array = NDArray[np.float64]

_NAME = re.compile(r"\s*(ROOT|JOINT)\s+(\w+:?\w+)")
_OFFSET = re.compile(r"\s*OFFSET\s+([-\d.e]+)\s+([-\d.e]+)\s+([-\d.e]+)")
_AXES = {"Xrotation": "x", "Yrotation": "y", "Zrotation": "z"}


def read(path: Path) -> tuple[list[str], Array, float]:
    """Return names, positions ``(T, J, 3)`` and seconds per frame.

    Raises:
        ValueError: the original would fail.
    """
    names: list[str] = []
    parents: list[int] = []
    offsets: list[list[float]] = []
    order, channels, frames, seconds = "", 0, -1, 0.0
    rows: list[list[float]] = []
    joint, in_end = -1, False
    for line in path.read_text().splitlines():
        words = line.split()
        if "HIERARCHY" in line or "MOTION" in line or "{" in line or not words:
            continue
        if "}" in line:
            in_end, joint = False, joint if in_end else parents[joint]
        elif found := _NAME.match(line):
            names.append(found[2])
            parents.append(joint)
            offsets.append([0.0, 0.0, 0.0])
            joint = len(names) - 1
        elif found := _OFFSET.match(line):
            if not in_end:
                offsets[joint] = [float(value) for value in found.groups()]
        elif words[0] == "CHANNELS":
            channels = int(words[1])
            if not order:
                start = 2 if channels == 3 else 5
                order = "".join(_AXES.get(word, "?") for word in words[start : start + 3])
        elif "End Site" in line:
            in_end = True
        elif words[0] == "Frames:":
            frames = int(words[1])
        elif line.strip().startswith("Frame Time:"):
            seconds = float(words[-1])
        else:
            rows.append([float(word) for word in words])
    if channels not in (3, 6, 9) or sorted(order) != ["x", "y", "z"]:
        raise ValueError(f"too many channels ({channels}), or rotations in the order {order!r}")
    if len(rows) > frames:
        raise ValueError(f"{len(rows)} rows, {frames} frames")
    table = np.array(rows)
    places = np.tile(np.array(offsets), (len(rows), 1, 1))
    if channels == 3:
        places[:, 0] = table[:, :3]
        angles = table[:, 3:].reshape(len(rows), len(names), 3)
    elif channels == 6:
        blocks = table.reshape(len(rows), len(names), 6)
        places, angles = blocks[..., :3], blocks[..., 3:]
    else:
        raise ValueError("nine channels a joint are scaled bones")
    turns = Rotation.from_euler(order.upper(), angles.reshape(-1, 3), degrees=True).as_matrix()
    local = turns.reshape(*angles.shape[:2], 3, 3)
    where, world = np.empty_like(places), np.empty_like(local)
    for at, parent in enumerate(parents):
        if parent < 0:
            where[:, at], world[:, at] = places[:, at], local[:, at]
            continue
        step = (world[:, parent] @ places[:, at, :, None])[..., 0]
        where[:, at], world[:, at] = where[:, parent] + step, world[:, parent] @ local[:, at]
    return names, where, seconds
