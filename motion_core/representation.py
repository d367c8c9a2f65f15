"""22 joints ↔ 263 features, exactly as HumanML3D defines them (Guo et al., CVPR 2022).

    column    what, per frame                                               shape
    0         root angular velocity about y (half angle, see below)         1
    1:3       root linear velocity x, z, in the body's own direction        2
    3         root height                                                   1
    4:67      positions of joints 1…21, root x z removed, facing +z         21 × 3
    67:193    rotations of joints 1…21 relative to their parents, 6-D       21 × 6
    193:259   velocities of all 22 joints, in the body's own direction      22 × 3
    259:263   foot contacts: left ankle, left toe, right ankle, right toe   4

Column 0 holds ``arcsin(y)`` of the quaternion from one frame's facing to the next: half the
turn in radians per frame, as the reference code stores it. Velocities need a next frame, so
``T + 1`` joints give ``T`` features.

Source: `motion_representation.py`, `common/skeleton.py` and `recover_from_ric` of the HumanML3D
code, whose quirks are kept if published features depend on them.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import rotations
from .errors import InputError
from .features import MAX_FRAMES, FloatArray, check_joints
from .skeleton import (
    FPS,
    KINEMATIC_CHAINS,
    LEFT_FOOT,
    LEFT_RIGHT_PAIRS,
    PARENTS,
    REST_DIRECTIONS,
    RIGHT_FOOT,
    TARGET_OFFSETS,
)
from .smoothing import gaussian

CONTACT_THRESHOLD = 0.002  # squared metres a foot may move per frame while on the ground
_SMOOTHING = 20  # frames, sigma of the Gaussian over the facing direction
_LEG = (5, 8)  # knee and ankle, whose bones set the scale
_UP = np.array([0.0, 1.0, 0.0])
_FORWARD = np.array([0.0, 0.0, 1.0])
_IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])
# The joint that each rotation is relative to: the parent, except that every chain, the arms' too,
# starts with the root.
_STARTS = {chain[1] for chain in KINEMATIC_CHAINS}
_TURNS_WITH = [0 if joint in _STARTS else parent for joint, parent in enumerate(PARENTS)]

Joints = NDArray[np.float64]


def joints_to_features(joints: NDArray[Any], *, floor: float | None = None) -> FloatArray:
    """Return features ``(T - 1, 263)`` of joints ``(T, 22, 3)``, metres, y up, 20 fps.

    The person is first given the standard skeleton, put on the floor at the origin and
    turned to face +z in the first frame.

    Args:
        joints: positions.
        floor: height of the floor in `joints`; None for the lowest joint of all frames, as in
            HumanML3D. A known floor keeps stairs and platforms above it.

    Raises:
        InputError: the joints have another shape, fewer than 2 frames, values that are not finite
            or absurd, or legs without length.
    """
    positions = check_joints(joints)
    if len(positions) < 2:
        raise InputError("one frame is no motion; at least 2 frames are needed")
    if floor is not None:
        positions = positions - [0.0, floor, 0.0]
    positions = _place_at_origin(_retarget(positions), on_floor=floor is not None)

    quaternions = _inverse_kinematics(positions, smooth=True)  # (T, 22, 4)
    facing = quaternions[:, 0]  # (T, 4)
    step = positions[1:] - positions[:-1]  # (T-1, 22, 3)
    turn = rotations.multiply(facing[1:], rotations.conjugate(facing[:-1]))
    root_velocity = rotations.rotate(facing[1:], step[:, 0])

    local = positions.copy()
    local[..., [0, 2]] -= positions[:, :1, [0, 2]]
    local = rotations.rotate(facing[:, None], local)

    frames = len(positions) - 1
    moved = (step**2).sum(-1)  # (T-1, 22)
    features = np.concatenate(
        [
            np.arcsin(np.clip(turn[:, 2:3], -1, 1)),
            root_velocity[:, [0, 2]],
            local[:-1, 0, 1:2],
            local[:-1, 1:].reshape(frames, 63),
            rotations.to_cont6d(quaternions[:-1, 1:]).reshape(frames, 126),
            rotations.rotate(facing[:-1, None], step).reshape(frames, 66),
            moved[:, [*LEFT_FOOT, *RIGHT_FOOT]] < CONTACT_THRESHOLD,
        ],
        axis=1,
    )
    return features.astype(np.float32)


def features_to_root(features: NDArray[Any]) -> tuple[Joints, Joints]:
    """Return the root's path: half the facing angle ``(..., T)`` and positions ``(..., T, 3)``.

    The path starts at the origin facing +z; a frame's velocities lead to the next frame.
    """
    values = np.asarray(features, dtype=np.float64)
    half_angle = np.zeros(values.shape[:-1])
    half_angle[..., 1:] = np.cumsum(values[..., :-1, 0], axis=-1)
    step = np.zeros((*values.shape[:-1], 3))
    step[..., 1:, [0, 2]] = values[..., :-1, 1:3]
    step = rotations.rotate(rotations.about_y(-2 * half_angle), step)
    root = np.cumsum(step, axis=-2)
    root[..., 1] = values[..., 3]
    return half_angle, root


def features_to_joints(features: NDArray[Any]) -> FloatArray:
    """Return joints ``(..., T, 22, 3)`` of features ``(..., T, 263)``, from columns 0:67."""
    values = np.asarray(features, dtype=np.float64)
    half_angle, root = features_to_root(values)
    local = values[..., 4:67].reshape(*values.shape[:-1], 21, 3)
    joints = rotations.rotate(rotations.about_y(-2 * half_angle)[..., None, :], local)
    joints[..., [0, 2]] += root[..., None, [0, 2]]
    return np.concatenate([root[..., None, :], joints], axis=-2).astype(np.float32)


def resample(joints: NDArray[Any], *, fps: float) -> Joints:
    """Resample joints ``(T, 22, 3)`` from `fps` frames per second to 20 fps by linear
    interpolation.

    Raises:
        InputError: the frame rate is not between 1 and 1000.
    """
    positions = check_joints(joints)
    if not 1 <= fps <= 1000:
        raise InputError(f"{fps} frames per second is impossible; expected 1 to 1000")
    if fps == FPS or len(positions) == 1:
        return positions
    frames = int((len(positions) - 1) * FPS / fps + 1e-6) + 1
    if frames > MAX_FRAMES + 1:
        raise InputError(f"the motion has {frames} frames at {FPS} fps; the limit is {MAX_FRAMES}")
    time = np.minimum(np.arange(frames) * (fps / FPS), len(positions) - 1)  # in source frames
    before = np.minimum(time.astype(int), len(positions) - 2)
    share = (time - before)[:, None, None]
    between: Joints = positions[before] * (1 - share) + positions[before + 1] * share
    return between


def mirror_joints(joints: NDArray[Any]) -> NDArray[Any]:
    """Return the mirror image of a motion: left and right swapped, x negated."""
    order = np.arange(joints.shape[-2])
    for left, right in LEFT_RIGHT_PAIRS:
        order[[left, right]] = right, left
    mirrored: NDArray[Any] = joints[..., order, :] * np.array([-1, 1, 1], dtype=joints.dtype)
    return mirrored


def _retarget(positions: Joints) -> Joints:
    """Return the same poses on the standard skeleton, the path scaled by the leg lengths."""
    leg = sum(
        float(np.linalg.norm(positions[0, joint] - positions[0, PARENTS[joint]])) for joint in _LEG
    )
    if leg < 1e-3:
        raise InputError(f"the right leg is {leg:.4f} m long in the first frame; not a person")
    scale = float(np.linalg.norm(TARGET_OFFSETS[list(_LEG)], axis=1).sum()) / leg
    quaternions = _inverse_kinematics(positions, smooth=False)
    return _forward_kinematics(quaternions, positions[:, 0] * scale)


def _place_at_origin(positions: Joints, *, on_floor: bool) -> Joints:
    """Put the lowest joint on the floor and the first root above the origin, facing +z."""
    positions = positions.copy()
    if not on_floor:
        positions[..., 1] -= positions[..., 1].min()
    positions[..., [0, 2]] -= positions[0, 0, [0, 2]]
    first = positions[0]
    across = rotations.normalize(first[2] - first[1] + first[17] - first[16])
    forward = rotations.normalize(rotations.cross(_UP, across))
    return rotations.rotate(rotations.between(forward, _FORWARD), positions)


def _inverse_kinematics(positions: Joints, *, smooth: bool) -> Joints:
    """Return rotations ``(T, 22, 4)`` of each joint relative to its parent; the root's is the
    facing.
    """
    # The reference confuses the left and right hips here, so hips and shoulders pull against each
    # other. Published features depend on it.
    across = positions[:, 1] - positions[:, 2] + positions[:, 17] - positions[:, 16]
    forward = rotations.cross(_UP, rotations.normalize(across))
    if smooth:
        forward = gaussian(forward, _SMOOTHING)
    root = rotations.between(rotations.normalize(forward), _FORWARD)
    root[0] = _IDENTITY  # as in the reference, although smoothing has turned the first frame

    bones = rotations.normalize(positions[:, 1:] - positions[:, list(PARENTS[1:])])
    world = np.concatenate([root[:, None], rotations.between(REST_DIRECTIONS[1:], bones)], axis=1)
    above = rotations.conjugate(world[:, _TURNS_WITH[1:]])
    return np.concatenate([root[:, None], rotations.multiply(above, world[:, 1:])], axis=1)


def _forward_kinematics(quaternions: Joints, root: Joints) -> Joints:
    """Return positions ``(T, 22, 3)`` of the standard skeleton in these rotations."""
    world = quaternions.copy()
    for link in zip_longest(*(chain[1:] for chain in KINEMATIC_CHAINS)):
        joints = [joint for joint in link if joint is not None]
        above = [_TURNS_WITH[joint] for joint in joints]
        world[:, joints] = rotations.multiply(world[:, above], quaternions[:, joints])
    positions = np.empty((len(root), 22, 3))
    positions[:, 0] = root
    positions[:, 1:] = rotations.rotate(world[:, 1:], TARGET_OFFSETS[1:])
    for joint, parent in enumerate(PARENTS[1:], start=1):
        positions[:, joint] += positions[:, parent]
    return positions
