"""AMASS and the SMPL family's ``.npz``: a motion as joint rotations and a path.

Written, at 60 frames per second (three for each of ours, so that loaders which thin out to 30 or
20 find theirs):

    poses               (T, 156) float64   axis-angle of SMPL+H's 52 joints, root first, radians;
                                           zeros for the hands
    trans               (T, 3) float64     the pelvis, metres, minus `root_offset`
    betas               (16,) zeros        no body shape is known
    dmpls               (T, 8) zeros
    gender              "neutral"
    mocap_framerate     60.0               and as `mocap_frame_rate`, as SMPL-X files call it
    surface_model_type  "smplh"
    offsets             (22, 3) float64    of each joint from its parent in the rest pose
    root_offset         (3,) zeros         of the pelvis from `trans`

Mahmood et al., "AMASS" (ICCV 2019), whose files are z up; these are y up. `offsets` are not in
theirs: they are what the rotations turn. The rest pose faces +z with the arms level, palms down,
the legs straight down and the feet flat, close to SMPL's own but not it: rotations of elbows, knees
and spine carry over, and a body put on them stands within some degrees.

Read: these, AMASS's own (``poses`` of 22 joints or more, or ``root_orient`` with ``pose_body``),
and what has the same names, with rotations as `smpl_rotations` reads them. SMPL's body model is
licensed and not needed: files without `offsets` are put on the standard skeleton of our own, so
limbs have its lengths.

Recorded motions come back to less than a millimetre. Of a generated one bones change their length
and hips and collars move against the trunk, which rotations alone cannot say: joints come back as
close as one skeleton allows, 18 mm in the mean for a motion of the shipped checkpoint
(benchmarks/exports.py).
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation, Slerp

from ..atomic import replacing
from ..errors import FormatError
from ..motion import MAX_FRAMES, Motion
from ..placement import Placement
from ..skeleton import FPS, PARENTS
from .body import metres_of
from .kinematics import world_positions
from .npy import read_array
from .posing import solve_rigid_pose, standard_offsets
from .smpl_rotations import axis_angles

_HERE = Placement()
_JOINTS = len(PARENTS)
_SMPLH = 52  # joints of SMPL+H
_ROOTLESS = 69  # numbers of SMPL's 23 joints without the root
_STEPS = 3  # frames written for each of ours
_FASTEST = 13.0  # metres per second of somebody's hips
_RATES = ("mocap_framerate", "mocap_frame_rate", "fps", "framerate")
_MAX_BYTES = MAX_FRAMES * 165 * 8 + 10_000  # of one array

Array = NDArray[np.float64]


def write_amass(motion: Motion, path: str | Path, *, placement: Placement = _HERE) -> None:
    """Write a motion as rotations of SMPL+H's joints, as AMASS names them, atomically.

    Raises:
        UnavailableError: the file cannot be written.
    """
    pose = solve_rigid_pose(placement.apply(motion.joints.astype(np.float64)))
    turns, trans = _densified(pose.rotations, pose.translations[0])
    poses = np.zeros((len(trans), 3 * _SMPLH))
    poses[:, : 3 * _JOINTS] = turns.reshape(len(trans), -1)
    rate = np.array(float(FPS * _STEPS))
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            poses=poses,
            trans=trans,
            betas=np.zeros(16),
            dmpls=np.zeros((len(trans), 8)),
            gender=np.array("neutral"),
            mocap_framerate=rate,
            mocap_frame_rate=rate,
            surface_model_type=np.array("smplh"),
            offsets=pose.offsets,
            root_offset=np.zeros(3),
        )


def amass_joints(poses: Array, trans: Array, offsets: Array) -> Array:
    """Return joints ``(T, 22, 3)`` of poses of the SMPL family, by forward kinematics.

    Args:
        poses: ``(T, 66)`` or more, of which the first 22 joints are used.
        trans: ``(T, 3)``.
        offsets: ``(22, 3)``.
    """
    matrices = Rotation.from_rotvec(poses[:, : 3 * _JOINTS].reshape(-1, 3)).as_matrix()
    turns = matrices.reshape(len(poses), _JOINTS, 3, 3)
    return world_positions(
        PARENTS, [trans, *offsets[1:]], [turns[:, joint] for joint in range(_JOINTS)]
    )


def is_amass(path: Path) -> bool:
    """Return whether an ``.npz`` holds poses of the SMPL family instead of our own motion."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError):
        return False  # whoever reads it as ours says what is wrong with it
    return "version.npy" not in names and bool(
        names & {"poses.npy", "pose_body.npy", "body_pose.npy"}
    )


@dataclass(frozen=True)
class Amass:
    """What a file of the SMPL family holds.

    Attributes:
        poses: ``(T, 66)``, axis-angle in radians.
        trans: ``(T, 3)``, metres.
        offsets: ``(22, 3)``, of the joints from their parents at rest.
        fps: frames per second.
        notes: what was odd about it, and how it was read.
    """

    poses: Array
    trans: Array
    offsets: Array
    fps: float
    notes: tuple[str, ...] = ()


def unpack_amass(path: Path, fps: float | None = None, unit: str | None = None) -> Amass:
    """Return what a file holds.

    Args:
        path: of the file.
        fps: frames per second, where the person says them.
        unit: of its path, where the person says it.

    Raises:
        FormatError: damaged, or its arrays do not agree.
        InputError: an unknown unit.
        OSError: it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _unpacked(archive, fps, unit)
    except FormatError:
        raise
    except (
        *(zipfile.BadZipFile, zlib.error, struct.error, EOFError),
        *(NotImplementedError, RuntimeError, ValueError, TypeError, OverflowError),
    ) as error:
        raise FormatError(f"is damaged, or not AMASS's .npz: {error}") from error


def _unpacked(archive: zipfile.ZipFile, said: float | None, unit: str | None) -> Amass:
    names = {name.removesuffix(".npy") for name in archive.namelist()}

    def array(*choices: str) -> Array | None:
        name = next((choice for choice in choices if choice in names), None)
        if name is None:
            return None
        info = archive.getinfo(f"{name}.npy")
        if info.file_size > _MAX_BYTES:
            raise FormatError(f"has {info.file_size} bytes of {name}; the limit is {_MAX_BYTES}")
        with archive.open(info) as file:
            values = read_array(file, info.file_size).astype(np.float64)
        if not np.isfinite(values).all():
            raise FormatError(f"holds NaN or infinity in {name}")
        return values

    poses = array("poses")
    body = array("pose_body", "body_pose") if poses is None else None
    if poses is not None and poses.size == len(poses) * _ROOTLESS:
        body = poses
    if body is not None:
        root = array("root_orient", "global_orient")
        if root is None:
            raise FormatError("has the body's poses, but not the root's (root_orient)")
        frames = max(len(body), len(root))
        poses = np.concatenate([root.reshape(frames, -1), body.reshape(frames, -1)], axis=1)
    if poses is None:
        raise FormatError("is not AMASS's: it has no poses")
    if poses.ndim > 2 and len(poses) == 1 and poses.shape[-1] >= 3 * _JOINTS:
        poses = poses[0]  # a batch of one
    poses, notes = axis_angles(poses.reshape(len(poses), -1))
    if len(poses) > MAX_FRAMES:
        raise FormatError(f"has {len(poses)} frames; the limit is {MAX_FRAMES}")
    trans = array("trans", "transl")
    if trans is None:
        trans = np.zeros((len(poses), 3))
        notes = (*notes, "it has no path (trans); the person moves on the spot")
    trans = trans.reshape(-1, 3)
    if len(trans) != len(poses):
        raise FormatError(f"has {len(poses)} frames of poses and {len(trans)} of trans")
    offsets = array("offsets")
    if offsets is None or offsets.shape != (_JOINTS, 3):
        offsets = standard_offsets()
    rate = array(*_RATES)
    if said is None and rate is None:
        notes = (*notes, "it says no frame rate; 30 frames per second were taken (see --fps)")
    fps = said or (30.0 if rate is None else float(rate.ravel()[0]))
    if not 1 <= fps <= 1000:
        raise FormatError(f"says {fps} frames per second; expected 1 to 1000 (--fps)")
    trans = trans * (metres_of(unit) if unit is not None else 1.0)
    _check_path(trans, fps)
    return Amass(poses[:, : 3 * _JOINTS], trans, offsets, fps, notes)


def _check_path(trans: Array, fps: float) -> None:
    """Check that somebody could move on a path, in some unit; which one, the feet tell (`footing`).

    Raises:
        FormatError: nobody could.
    """
    if len(trans) < 3:
        return
    speed = float(np.percentile(np.linalg.norm(np.diff(trans, axis=0), axis=-1), 90)) * fps
    if speed * 0.001 > _FASTEST / 2:
        raise FormatError(f"has a path of {speed:.0f} m/s, on which nobody moves")


def _densified(rotations: Array, trans: Array) -> tuple[Array, Array]:
    """Return axis-angles ``(T', 22, 3)`` and path ``(T', 3)`` at three times the frame rate."""
    frames = len(trans)
    if frames == 1:
        return Rotation.from_matrix(rotations[0]).as_rotvec()[None], trans
    times, dense = np.arange(frames), np.arange(_STEPS * (frames - 1) + 1) / _STEPS
    turns = np.stack(
        [
            Slerp(times, Rotation.from_matrix(rotations[:, joint]))(dense).as_rotvec()
            for joint in range(_JOINTS)
        ],
        axis=1,
    )
    path = np.stack([np.interp(dense, times, column) for column in trans.T], axis=-1)
    return turns, path
