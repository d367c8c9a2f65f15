"""Joints and motions of files, whatever their format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError, InputError
from ..motion import FEATURES, Motion, check_features, check_joints
from ..skeleton import FPS
from .acclaim import find_asf, parse_amc, parse_asf
from .bvh import parse_bvh
from .gltf import gltf_recording, parse_gltf
from .joint_maps import JointMap, find_joint_map, listed, map_joints, wanted_names
from .npy import read_array
from .npz import unpack_motion
from .placement import Unit, UpAxis, reference_frames, to_metres_y_up
from .recognition import recognise
from .retargeting import retarget

Joints = NDArray[np.float64]

AMC_FPS = 120
"""AMC files do not tell their frame rate; CMU's and HDM05's have this one."""

_SURE = 0.5  # confidence from which on a recognised skeleton is taken
_MAX_BYTES = 1 << 30  # the longest motion allowed has a third of that, in any format


def read_joints(
    path: str | Path,
    *,
    unit: Unit | None = None,
    up: UpAxis | None = None,
    fps: float | None = None,
    joint_map: JointMap | None = None,
    clip: str | None = None,
) -> tuple[Joints, float]:
    """Joints ``(T, 22, 3)`` in metres, y up, and frames per second of a motion file.

    By suffix: ``.bvh``; ``.amc`` with its ``.asf`` beside it (`find_asf`); ``.npy`` with
    HumanML3D's joints or features; ``.npz`` as `save_npz` writes it. The naming of the joints
    is recognised (`joint_maps.JOINT_MAPS`). Bandai-Namco's skeleton has each of the 22 but
    spine1, which is midway from Hips to Spine: that reproduces the reference joints to 0.1 mm.
    A first frame that stands alone, as a T-pose for reference, is left out (not of arrays).

    Args:
        path: the file.
        unit: its unit of length; detected by the length of the legs if not told.
        up: its vertical axis; detected from how the person stands if not told. Arrays are
            taken as metres, y up, unless told otherwise.
        fps: its frame rate, where the file does not tell the right one.
        joint_map: for each of the 22 joints the file's joint or joints; instead of a known one.
        clip: name of an animation in a GLB, glTF or VRM file; the first that moves if not told.
            See `list_clips`.

    GLB, glTF and VRM hold characters of any proportions, so their rotations are put on a human
    skeleton of our own (`retargeting`).

    Raises:
        FormatError: not readable as what its suffix says, joints that are not recognised (they
            are listed), or positions in which nobody could be.
        InputError: no such file, or a suffix that is not known.
    """
    path = Path(path)
    if path.suffix.lower() in GLTF_SUFFIXES:
        with _told_of(path):
            joints, told_fps = _read_gltf(path, clip)
            return joints, fps or told_fps
    reader = _JOINT_READERS.get(path.suffix.lower())
    if reader is None:
        raise _unknown_suffix(path)
    with _told_of(path):
        joints, told_fps = reader(path, joint_map)
        array = path.suffix.lower() in (".npy", ".npz")
        if array:
            unit, up = unit or "m", up or "y"
        joints = check_joints(to_metres_y_up(joints, unit=unit, up=up))
        skipped = 0 if array else reference_frames(joints)
        return joints[skipped:], fps or told_fps


def read_motion(
    path: str | Path,
    *,
    unit: Unit | None = None,
    up: UpAxis | None = None,
    fps: float | None = None,
    joint_map: JointMap | None = None,
    clip: str | None = None,
) -> Motion:
    """The motion in a file: those of `read_joints`, features ``(T, 263)`` taken as they are.

    The arguments are those of `read_joints`; they mean nothing for ``.npz`` and features.

    Raises:
        FormatError: see `read_joints`; or too short to be a motion.
        InputError: no such file, or a suffix that is not known.
    """
    path = Path(path)
    provenance = {"source": path.name}
    with _told_of(path):
        if path.suffix.lower() == ".npz":
            return unpack_motion(path)
        if path.suffix.lower() == ".npy":
            array = _array(path)
            if array.ndim == 2:
                return Motion(check_features(array), provenance=provenance)
    joints, rate = read_joints(path, unit=unit, up=up, fps=fps, joint_map=joint_map, clip=clip)
    with _told_of(path):
        return Motion.from_joints(joints, fps=rate, provenance=provenance)


def list_clips(path: str | Path) -> tuple[str, ...]:
    """Names of the animations in a GLB, glTF or VRM file.

    Raises:
        FormatError: not such a file, or damaged.
        InputError: no such file.
    """
    path = Path(path)
    with _told_of(path):
        return parse_gltf(_bytes(path), path.parent).clips


def load_npz(path: str | Path) -> Motion:
    """The motion that `save_npz` wrote.

    Raises:
        FormatError: not such a file, damaged, or of a later version.
        InputError: no such file.
    """
    with _told_of(Path(path)):
        return unpack_motion(Path(path))


def _read_bvh(path: Path, joint_map: JointMap | None) -> tuple[Joints, float]:
    bvh = parse_bvh(_text(path))
    joint_map = joint_map or find_joint_map(bvh.names)
    names = wanted_names(joint_map, bvh.names)
    indices = [bvh.names.index(name) for name in names]
    return map_joints(bvh.positions(indices), names, joint_map), bvh.fps


def _read_amc(path: Path, joint_map: JointMap | None) -> tuple[Joints, float]:
    frames, degrees = parse_amc(_text(path))
    asf = find_asf(path)
    try:
        skeleton = parse_asf(_text(asf))
        joint_map = joint_map or find_joint_map(skeleton.bones)
        names = wanted_names(joint_map, skeleton.bones)
    except FormatError as error:
        raise FormatError(f"needs its skeleton {asf.name}, which {error}") from error
    positions = skeleton.positions(frames, names, degrees=degrees)
    return map_joints(positions, names, joint_map), AMC_FPS


def _read_npy(path: Path, joint_map: JointMap | None) -> tuple[Joints, float]:
    from ..representation import features_to_joints

    array = _array(path)
    if array.ndim == 2:
        return features_to_joints(check_features(array)).astype(np.float64), FPS
    return check_joints(array), FPS


def _read_npz(path: Path, joint_map: JointMap | None) -> tuple[Joints, float]:
    return unpack_motion(path).joints.astype(np.float64), FPS


def _read_gltf(path: Path, clip: str | None) -> tuple[Joints, float]:
    recording = gltf_recording(parse_gltf(_bytes(path), path.parent), clip)
    found = recognise(recording)
    if found is None or found.confidence < _SURE:
        raise FormatError(f"has no skeleton of a person; its joints: {listed(recording.names)}")
    return check_joints(retarget(recording, found.joints)), recording.fps


_JOINT_READERS: dict[str, Callable[[Path, JointMap | None], tuple[Joints, float]]] = {
    ".bvh": _read_bvh,
    ".amc": _read_amc,
    ".npy": _read_npy,
    ".npz": _read_npz,
}
GLTF_SUFFIXES = (".glb", ".gltf", ".vrm", ".vrma")
READABLE_SUFFIXES = (*_JOINT_READERS, *GLTF_SUFFIXES)


def _bytes(path: Path) -> bytes:
    _check_size(path)
    return path.read_bytes()


def _text(path: Path) -> str:
    _check_size(path)
    # Only names can hold more than ASCII, and HDM05's headers are Latin-1: no cause to fail.
    return path.read_text(encoding="utf-8-sig", errors="replace")


def _array(path: Path) -> NDArray[Any]:
    """A HumanML3D array: ``(T, 22, 3)`` or ``(T, 263)``."""
    size = _check_size(path)
    with path.open("rb") as file:
        array = read_array(file, size)
    if array.size == 0:
        raise FormatError(f"has no frames: it is an array of the shape {array.shape}")
    if array.shape[1:] not in ((22, 3), (FEATURES,)):
        raise FormatError(
            f"holds an array of the shape {array.shape}; HumanML3D's are (frames, 22, 3) "
            f"and (frames, {FEATURES})"
        )
    return array


def _check_size(path: Path) -> int:
    size = path.stat().st_size
    if size > _MAX_BYTES:
        raise FormatError(f"has {size / 1e9:.1f} GB; the limit is {_MAX_BYTES / 1e9:.1f}")
    if size == 0:
        raise FormatError("is empty")
    return size


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    """Errors within name the file, in one line. Overflow is found later, in what it made."""
    try:
        with np.errstate(all="ignore"):
            yield
    except FormatError as error:
        raise FormatError(f"{path} {error}") from error
    except InputError as error:
        raise FormatError(f"{path} cannot be used: {error}") from error
    except FileNotFoundError as error:
        raise InputError(f"there is no file {error.filename or path}") from error
    except OSError as error:
        told = error.filename or path
        raise InputError(f"{told} cannot be read: {error.strerror or error}") from error


def _unknown_suffix(path: Path) -> InputError:
    known = ", ".join(READABLE_SUFFIXES)
    if path.suffix.lower() == ".asf":
        return InputError(f"{path} is a skeleton without motion; give an .amc file beside it")
    return InputError(f"{path} has the suffix {path.suffix!r}; motion is read from {known}")
