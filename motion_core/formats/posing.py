"""Joint rotations solved from joint positions: what BVH, GLB and AMASS files hold.

The rest pose is a T-pose facing +z, y up: arms level, feet flat on the floor (so ankle to ball
points down a little), head looking ahead. Bones keep their length (their mean over the frames; a
decoded motion's bones breathe a little). From the pelvis outwards each joint turns

- with several children (pelvis, spine3): as brings them closest to where they are (Kabsch);
- with one child: the shortest way from its parent's orientation that points the bone at where the
  child is, so that no twist is invented;
- hip and shoulder besides about their own bone, so that the knee or elbow they carry bends about
  its hinge; where it is straight, the thigh turns with the foot and the arm not at all;
- without children (head, wrists, feet): not at all.

A bone points from where the joint came to lie, so errors do not add up along a limb. A joint
that would still be too far off somewhere moves as well as turns (`Pose.translations`), unless only
the root may move (`solve_rigid_pose`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import rotations
from ..skeleton import BONE_LENGTHS, PARENTS
from .constant_bones import constant_bones
from .kinematics import world_transforms

Array = NDArray[np.float64]

CHILDREN = tuple(
    tuple(child for child, parent in enumerate(PARENTS) if parent == joint)
    for joint in range(len(PARENTS))
)
TOLERANCE = 0.008  # metres a joint may be off before it gets translations
_EXACT = 0.001  # metres a joint may be off before all are fitted together

_UP, _DOWN = np.array([0.0, 1, 0]), np.array([0.0, -1, 0])
_LEFT, _RIGHT = np.array([1.0, 0, 0]), np.array([-1.0, 0, 0])
# Standing flat-footed the ankle is some 6 cm above the ball of a 14 cm foot.
_TOES = np.array([0.0, -0.42, 0.9075])
# The head joint is in front of the neck joint, 45 degrees up when somebody looks ahead.
_FACE = np.sqrt(0.5) * np.array([0.0, 1, 1])
# Where each bone points in the rest pose. Bones of joints with several children keep their
# own shape, which these only turn upright.
REST_DIRECTIONS: Mapping[int, Array] = {
    **dict.fromkeys((3, 6, 9, 12), _UP),
    **dict.fromkeys((4, 5, 7, 8), _DOWN),
    **dict.fromkeys((10, 11), _TOES),
    **dict.fromkeys((1, 13, 16, 18, 20), _LEFT),
    **dict.fromkeys((2, 14, 17, 19, 21), _RIGHT),
    15: _FACE,
}

# Offsets of the children of pelvis and spine3, about the mean of recorded people.
_BRANCHES = {
    1: (0.061, -0.082, -0.02),
    2: (-0.061, -0.082, -0.02),
    3: (0.0, 0.131, 0.0),
    12: (0.0, 0.219, 0.0),
    13: (0.072, 0.118, -0.012),
    14: (-0.072, 0.118, -0.012),
}


@dataclass(frozen=True)
class _Limb:
    """A bone that twists for the joint below it.

    Attributes:
        upper, middle, lower: joints; `upper` turns the first bone, `middle` is the hinge.
        end: the foot's joint, which tells the twist of a straight leg; none of an arm.
        axis: about which the hinge bends in the rest pose.
    """

    upper: int
    middle: int
    lower: int
    end: int | None
    axis: Array


_LIMBS = {
    limb.upper: limb
    for limb in (
        _Limb(1, 4, 7, 10, _LEFT),
        _Limb(2, 5, 8, 11, _LEFT),
        _Limb(16, 18, 20, None, _DOWN),
        _Limb(17, 19, 21, None, _UP),
    )
}
_FOOT_WEIGHT = 0.3  # of the foot as evidence of the thigh's twist, against the sine of the knee
_CALM = 0.001  # pull towards no twist where nothing tells it
_STIFF = 1.0  # against twisting from one frame to the next


@dataclass(frozen=True)
class Pose:
    """A skeleton and how it moves.

    Attributes:
        offsets: ``(22, 3)``, of each joint from its parent in the rest pose, metres.
        rotations: ``(T, 22, 3, 3)``, of each joint relative to its parent.
        translations: ``(T, 3)`` in the parent's frame, of the root and of joints whose offset
            does not hold.
    """

    offsets: Array
    rotations: Array
    translations: Mapping[int, Array]


def solve_pose(joints: Array, *, tolerance: float = TOLERANCE) -> Pose:
    """Return the skeleton and rotations that come closest to joints ``(T, 22, 3)``.

    Args:
        joints: metres, y up.
        tolerance: metres that a joint may be off before it gets translations; infinite for a
            skeleton of which only the root moves.
    """
    offsets = _rest_offsets(joints)
    world = np.broadcast_to(np.eye(3), (*joints.shape[:2], 3, 3)).copy()
    local = world.copy()
    reached = joints.copy()
    translations = {0: joints[:, 0]}
    for joint, children in enumerate(CHILDREN):
        parent = PARENTS[joint]
        above = world[:, max(parent, 0)]  # of the root: still the identity
        if parent >= 0:
            reached[:, joint] = reached[:, parent] + above @ offsets[joint]
            away = joints[:, joint] - reached[:, joint]
            if np.linalg.norm(away, axis=-1).max() > tolerance:
                reached[:, joint] = joints[:, joint]
                step = (reached[:, joint] - reached[:, parent])[:, None]
                translations[joint] = (step @ above)[:, 0]
        aims = joints[:, list(children)] - reached[:, joint, None]  # (T, children, 3)
        world[:, joint] = above
        if len(children) > 1:
            world[:, joint] = _kabsch(offsets[list(children)], aims)
        elif children:
            bone = rotations.normalize(above @ offsets[children[0]])
            aim = rotations.normalize(aims[:, 0])
            world[:, joint] = _matrices(rotations.between(bone, aim)) @ above
            if joint in _LIMBS:
                angle = _twist(_LIMBS[joint], joints, aim, world[:, joint])
                world[:, joint] = _about(aim, angle) @ world[:, joint]
        if parent >= 0:
            local[:, joint] = np.swapaxes(above, 1, 2) @ world[:, joint]
        else:
            local[:, joint] = world[:, joint]
    return Pose(offsets, local, translations)


def solve_rigid_pose(joints: Array) -> Pose:
    """Return the pose closest to joints ``(T, 22, 3)`` of a skeleton of which only the root moves.

    Joints that no such skeleton can reach are first brought to where it can; see `constant_bones`.
    """
    pose = solve_pose(joints, tolerance=np.inf)
    reached, world = pose_transforms(pose)
    if np.linalg.norm(reached - joints, axis=-1).max() <= _EXACT:
        return pose
    return solve_pose(constant_bones(joints, world, pose.offsets), tolerance=np.inf)


def pose_transforms(pose: Pose) -> tuple[Array, Array]:
    """Return positions ``(T, 22, 3)`` and orientations ``(T, 22, 3, 3)`` of all joints."""
    return world_transforms(
        PARENTS,
        [pose.translations.get(joint, offset) for joint, offset in enumerate(pose.offsets)],
        [pose.rotations[:, joint] for joint in range(len(PARENTS))],
    )


def standard_offsets() -> Array:
    """Return offsets ``(22, 3)`` of the standard skeleton at rest, in metres."""
    offsets = np.zeros((len(PARENTS), 3))
    for joint, direction in REST_DIRECTIONS.items():
        offsets[joint] = _BRANCHES.get(joint, direction * BONE_LENGTHS[joint])
    return offsets


def rest_positions(offsets: Array) -> Array:
    """Return joints ``(22, 3)`` of a skeleton at rest, its pelvis at the origin."""
    positions = np.zeros((len(PARENTS), 3))
    for joint, parent in enumerate(PARENTS[1:], start=1):
        positions[joint] = positions[parent] + offsets[joint]
    return positions


def _twist(limb: _Limb, joints: Array, bone: Array, swung: Array) -> Array:
    """Return the radians ``(T,)`` about unit vectors `bone` ``(T, 3)`` that bring the hinge to its
    axis.

    In each frame the bend tells the angle, the better the deeper it is; between those, angles
    change as little as they can: the minimum of Σ w (a - seen)² + calm a² + stiff (a' - a)².
    """
    lower = rotations.normalize(joints[:, limb.lower] - joints[:, limb.middle])
    side = rotations.cross(bone, lower)
    if limb.end is not None:
        foot = rotations.normalize(joints[:, limb.end] - joints[:, limb.lower])
        side = side + _FOOT_WEIGHT * rotations.cross(-lower, foot)
    axis = swung @ limb.axis
    along, across = (side * axis).sum(-1), (side * rotations.cross(bone, axis)).sum(-1)
    weight = along**2 + across**2
    angle = np.arctan2(across, along)
    diagonal = weight + _CALM
    diagonal[1:] += _STIFF
    diagonal[:-1] += _STIFF
    return _tridiagonal_solution(diagonal, -_STIFF, weight * angle)


def _tridiagonal_solution(diagonal: Array, beside: float, right: Array) -> Array:
    """Return x of M x = `right` ``(T,)``; M has `diagonal` and left and right of it `beside`.

    By Thomas's algorithm, since `scipy.linalg` takes longer to import than a motion takes here.
    """
    pivots, sums = diagonal.tolist(), right.tolist()
    for row in range(1, len(pivots)):
        factor = beside / pivots[row - 1]
        pivots[row] -= factor * beside
        sums[row] -= factor * sums[row - 1]
    solution = [0.0] * len(pivots)
    later = 0.0
    for row in reversed(range(len(pivots))):
        later = solution[row] = (sums[row] - beside * later) / pivots[row]
    return np.array(solution)


def _about(axes: Array, angles: Array) -> Array:
    half = angles[:, None] / 2
    return _matrices(np.concatenate([np.cos(half), np.sin(half) * axes], axis=-1))


def _rest_offsets(joints: Array) -> Array:
    """Return offsets ``(22, 3)`` in the rest pose with the bones' mean lengths."""
    lengths = np.linalg.norm(joints[:, 1:] - joints[:, list(PARENTS[1:])], axis=-1).mean(axis=0)
    offsets = np.zeros((len(PARENTS), 3))
    for joint, length in enumerate(lengths, start=1):
        offsets[joint] = REST_DIRECTIONS[joint] * length
    for joint, children in enumerate(CHILDREN):
        if len(children) > 1:
            aims = joints[:, list(children)] - joints[:, joint, None]
            shape = _mean_shape(aims, offsets[list(children)])
            offsets[list(children)] = shape
    return offsets


def _mean_shape(aims: Array, upright: Array) -> Array:
    """Return the rigid shape ``(children, 3)`` closest to `aims` ``(T, children, 3)``, turned
    upright.
    """
    shape = upright
    for _ in range(5):  # generalised Procrustes; converges in two or three rounds
        turned = _kabsch(shape, aims)
        shape = (aims @ turned).mean(axis=0)  # rows times R = R transposed times columns
    return np.asarray(shape @ _kabsch(shape, upright[None])[0].T)


def _kabsch(points: Array, targets: Array) -> Array:
    """Return rotations ``(T, 3, 3)`` that bring points ``(n, 3)`` closest to targets ``(T, n,
    3)``.
    """
    u, _, vt = np.linalg.svd(np.swapaxes(targets, 1, 2) @ points)
    flip = np.linalg.det(u @ vt)  # -1 where the best fit would be a mirror image
    u[..., 2] *= np.where(flip < 0, -1.0, 1.0)[:, None]
    return np.asarray(u @ vt)


def _matrices(q: Array) -> Array:
    columns = rotations.to_cont6d(q).reshape(*q.shape[:-1], 2, 3)
    first, second = columns[..., 0, :], columns[..., 1, :]
    return np.stack([first, second, rotations.cross(first, second)], axis=-1)
