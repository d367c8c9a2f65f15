"""AMASS-style ``.npz``: a motion as joint rotations and a path, without any body model.

    poses              (T, 66) float64   axis-angle of the 22 joints, root first, radians
    trans              (T, 3) float64    the pelvis, metres, minus `root_offset`
    betas              (16,) zeros       no body shape is known
    gender             "neutral"
    mocap_framerate    20.0
    offsets            (22, 3) float64   of each joint from its parent in the rest pose
    root_offset        (3,) zeros        of the pelvis from `trans`

Mahmood et al., "AMASS" (ICCV 2019). What differs from its files: they hold SMPL+H with 52 joints
(156 numbers, z up); here are the 22 that a motion has, y up. `offsets` are not in theirs: they are
what the rotations turn. The rest pose faces +z with the arms level, palms down, the legs straight
down and the feet flat, close to SMPL's own but not it: rotations of elbows, knees and spine carry
over, and a body put on them stands within some degrees. A rotation is relative to the parent's,
and at rest all are zero.

Recorded motions come back to less than a millimetre. Of a generated one bones change their length
and hips and collars move against the trunk, which rotations alone cannot say: its joints come back
to 7 mm in the mean and some centimetres at worst, 2 mm after `cleaning.clean`
(benchmarks/exports.py). ``.bvh`` and ``.glb`` move such joints, too.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ..atomic import replacing
from ..motion import Motion
from ..placement import Placement
from ..skeleton import FPS, PARENTS
from .kinematics import world_positions
from .posing import solve_pose

_HERE = Placement()


def write_amass(motion: Motion, path: str | Path, *, placement: Placement = _HERE) -> None:
    """Write a motion as rotations of 22 joints, as AMASS names them, atomically.

    Raises:
        UnavailableError: the file cannot be written.
    """
    pose = solve_pose(placement.apply(motion.joints.astype(np.float64)), tolerance=np.inf)
    turns = Rotation.from_matrix(pose.rotations.reshape(-1, 3, 3)).as_rotvec()
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            poses=turns.reshape(len(motion), -1),
            trans=pose.translations[0],
            betas=np.zeros(16),
            gender=np.array("neutral"),
            mocap_framerate=np.array(float(FPS)),
            offsets=pose.offsets,
            root_offset=np.zeros(3),
        )


def amass_joints(
    poses: NDArray[np.float64], trans: NDArray[np.float64], offsets: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Joints ``(T, 22, 3)`` of what `write_amass` wrote, by forward kinematics.

    Args:
        poses: ``(T, 66)`` or more, of which the first 22 joints are used.
        trans: ``(T, 3)``.
        offsets: ``(22, 3)``.
    """
    joints = len(PARENTS)
    matrices = Rotation.from_rotvec(poses[:, : 3 * joints].reshape(-1, 3)).as_matrix()
    turns = matrices.reshape(len(poses), joints, 3, 3)
    return world_positions(
        PARENTS, [trans, *offsets[1:]], [turns[:, joint] for joint in range(joints)]
    )
