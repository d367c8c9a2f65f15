"""Plain tables of numbers: ``.npy`` features, ``.joints.npy`` positions, ``.csv`` positions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..atomic import replacing
from ..motion import Motion
from ..placement import Placement
from ..skeleton import FPS, JOINT_NAMES

_HERE = Placement()


def save_npy(motion: Motion, path: str | Path) -> None:
    """Write the features ``(T, 263)`` as HumanML3D keeps them, atomically.

    Raises:
        UnavailableError: the file cannot be written.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, motion.features, allow_pickle=False)


def save_joints(motion: Motion, path: str | Path, *, placement: Placement = _HERE) -> None:
    """Write the joints ``(T, 22, 3)``, metres, y up, float32, as ``.npy``, atomically.

    Raises:
        UnavailableError: the file cannot be written.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, placement.apply(motion.joints), allow_pickle=False)


def write_csv(motion: Motion, path: str | Path, *, placement: Placement = _HERE) -> None:
    """Write the joints as a table, atomically: a row a frame, after a row of names.

    Columns: ``seconds``, then ``pelvis_x``, ``pelvis_y``, … in metres, y up.

    Raises:
        UnavailableError: the file cannot be written.
    """
    names = ["seconds", *(f"{joint}_{axis}" for joint in JOINT_NAMES for axis in "xyz")]
    seconds = np.arange(len(motion))[:, None] / FPS
    rows = np.concatenate([seconds, placement.apply(motion.joints).reshape(len(motion), -1)], 1)
    template = ",".join(["%.2f", *["%.5f"] * (len(names) - 1)])
    with replacing(path) as temporary, temporary.open("w", encoding="ascii", newline="\n") as file:
        file.write(",".join(names) + "\n")
        file.writelines(template % tuple(row) + "\n" for row in rows)
