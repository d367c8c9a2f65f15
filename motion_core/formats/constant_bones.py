"""Joints moved as little as possible for every bone to keep its length.

BVH, AMASS and characters have rotations only, but in a generated motion bones change length, and
hips and collars move against the trunk. Minimised over the path p, the orientations W of the joints
and the offsets o of a rest pose is

    Σ over frames and joints |p + Σ W_parent(k) o_k - x|²   (k: the bones from the root to joint x)

by Levenberg-Marquardt in each frame for p and W, in turn with linear least squares for o. A pelvis
held where it is would pass its whole error on to the hips, and they to the feet.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..skeleton import PARENTS
from .kinematics import ancestors

Array = NDArray[np.float64]

ROUNDS = 4  # further ones gain some 2 % of the error
_DAMPING = 1e-3  # square metres, against turning: a twist that moves no joint stays as it is
_BLOCK = 256  # frames solved at once
_SAMPLE = 1024  # frames, evenly spread, that decide the offsets

_JOINTS = len(PARENTS)
_TURNING = sorted(set(PARENTS[1:]))  # joints that carry bones
# Bone k ends in joint k; "bone" 0 is the path. `_HANGS[j, k]`: joint j hangs on bone k.
_HANGS = np.zeros((_JOINTS, _JOINTS))
for _joint in range(_JOINTS):
    _HANGS[_joint, ancestors(PARENTS, [_joint])] = 1
# `_CARRIED[g, j, k]`: joint g of `_TURNING` turns bone k, on which joint j hangs.
_CARRIED = np.array([[p == g for p in PARENTS] for g in _TURNING])[:, None] * _HANGS


def constant_bones(joints: Array, world: Array, offsets: Array, *, rounds: int = ROUNDS) -> Array:
    """Return joints ``(T, 22, 3)`` of one skeleton, as close as they come to these.

    Args:
        joints: ``(T, 22, 3)``, metres.
        world: orientations ``(T, 22, 3, 3)`` to start from.
        offsets: ``(22, 3)`` of the rest pose to start from.
        rounds: of path and rotations, then offsets.
    """
    world, path = world.copy(), joints[:, 0].copy()
    sample = sorted(set(np.linspace(0, len(joints) - 1, _SAMPLE).astype(int).tolist()))
    for _ in range(rounds):
        for block in _blocks(len(joints)):
            step = _step(joints[block], _bones(path[block], world[block], offsets))
            path[block] += step[:, 0]
            world[block, _TURNING] = _rotations(step[:, 1:]) @ world[block, _TURNING]
        offsets = _closest_offsets(joints[sample] - path[sample, None], world[sample])
    return np.asarray(_HANGS @ _bones(path, world, offsets))


def _blocks(frames: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, frames, _BLOCK))


def _bones(path: Array, world: Array, offsets: Array) -> Array:
    """Return the path and the bones as they lie in each frame, ``(T, 22, 3)``."""
    bones = (world[:, list(PARENTS)] @ offsets[:, :, None])[..., 0]
    bones[:, 0] = path
    return bones


def _step(joints: Array, bones: Array) -> Array:
    """Return how far to move the root and turn the joints of `_TURNING`, ``(T, 1 + turning, 3)``.

    A turn by the vector w moves what hangs on a bone b by w x b.
    """
    frames, turning = len(joints), len(_TURNING)
    away = (joints - _HANGS @ bones).reshape(frames, 3 * _JOINTS, 1)
    x, y, z = np.moveaxis(np.tensordot(bones, _CARRIED, axes=(1, 2)), 1, 0)  # (T, turning, 22)
    slopes = np.zeros((frames, 1 + turning, 3, _JOINTS, 3))  # of each joint's place
    slopes[:, 0] = np.eye(3)[:, None]
    slopes[:, 1:, 0, :, 1], slopes[:, 1:, 0, :, 2] = -z, y
    slopes[:, 1:, 1, :, 0], slopes[:, 1:, 1, :, 2] = z, -x
    slopes[:, 1:, 2, :, 0], slopes[:, 1:, 2, :, 1] = -y, x
    rows = slopes.reshape(frames, 3 + 3 * turning, 3 * _JOINTS)
    square = rows @ rows.swapaxes(1, 2) + _DAMPING * np.diag([0] * 3 + [1] * (3 * turning))
    return np.asarray(np.linalg.solve(square, rows @ away).reshape(frames, 1 + turning, 3))


def _closest_offsets(places: Array, world: Array) -> Array:
    """Return the offsets ``(22, 3)`` closest to joints ``(T, 22, 3)`` relative to the root."""
    turns = world[:, list(PARENTS[1:])]  # (T, 21, 3, 3)
    system = np.einsum("jk,tkab->tjakb", _HANGS[1:, 1:], turns)
    system = system.reshape(-1, 3 * (_JOINTS - 1))
    found = np.linalg.solve(system.T @ system, system.T @ places[:, 1:].ravel())
    return np.concatenate([np.zeros((1, 3)), found.reshape(-1, 3)])


def _rotations(vectors: Array) -> Array:
    """Return rotation matrices ``(..., 3, 3)`` of rotation vectors (Rodrigues' formula)."""
    angles = np.linalg.norm(vectors, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(vectors / np.maximum(angles[..., 0], 1e-12), -1, 0)
    zero = np.zeros_like(x)
    across = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1)
    across = across.reshape(*x.shape, 3, 3)
    return np.asarray(np.eye(3) + np.sin(angles) * across + (1 - np.cos(angles)) * across @ across)
