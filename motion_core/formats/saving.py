"""Motions to files, by suffix."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import InputError
from ..motion import Motion
from .atomic import replacing
from .bvh_writing import write_bvh
from .npz import save_npz


def save_npy(motion: Motion, path: str | Path) -> None:
    """Write the features ``(T, 263)`` as HumanML3D keeps them, atomically.

    Raises:
        UnavailableError: the file cannot be written.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, motion.features, allow_pickle=False)


_WRITERS = {".npz": save_npz, ".npy": save_npy, ".bvh": write_bvh}
WRITABLE_SUFFIXES = tuple(_WRITERS)


def save_motion(motion: Motion, path: str | Path) -> None:
    """Write a motion: ``.npz`` with all that is known of it, ``.npy`` features, ``.bvh``.

    Raises:
        InputError: another suffix.
        UnavailableError: the file cannot be written.
    """
    writer = _WRITERS.get(Path(path).suffix.lower())
    if writer is None:
        known = ", ".join(WRITABLE_SUFFIXES)
        raise InputError(f"{path} does not end in one of {known}, as which a motion is saved")
    writer(motion, path)
