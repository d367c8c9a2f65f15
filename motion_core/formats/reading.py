"""Joints and motions of files, whatever their format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from ..choices import Axis
from ..errors import FormatError, InputError
from ..floor import on_the_floor
from ..motion import Motion, check_features
from ..skeleton import FPS
from .acclaim import find_asf, parse_amc, parse_asf
from .amass import amass_joints, is_amass, unpack_amass
from .arrays import as_features, as_joints
from .axes import even_axes
from .body import Posture, check_build, stand_up
from .bvh import parse_bvh
from .footing import check_sliding, scale_path
from .gltf import gltf_recording, parse_gltf
from .joint_maps import ChosenMap, JointMap, choose_map, map_joints
from .npy import PickledError, read_array
from .npz import unpack_motion
from .pickled import Results, read_results
from .recording import Recording
from .retargeting import retarget

Joints = NDArray[np.float64]

AMC_FPS = 120
"""AMC files do not tell their frame rate; CMU's and HDM05's have this one."""

_MAX_BYTES = 1 << 30  # the longest motion allowed has a third of that, in any format
_MIN_SECONDS = 0.1


class ReadingOptions(TypedDict, total=False):
    """What the person says of a file; it wins over what the file says and over what is seen.

    Attributes:
        unit: of length: m, dm, cm, mm, inch, ft, acclaim, or a number of metres as text; of
            poses of the SMPL family, the path's.
        up: the vertical axis: x, y, z, -x, -y, -z.
        forward: the axis that the person faces at the start.
        fps: frames per second.
        frames: the first frame and the one after the last, counted from 0; None for an end.
        joint_map: for our joints the file's joint or joints; what it leaves out is recognised.
        clip: the animation's name in a GLB, glTF, VRM or FBX file, or the number of a motion in
            an array of several; the first that moves if not told. See `list_clips`.
    """

    unit: str | None
    up: Axis | None
    forward: Axis | None
    fps: float | None
    frames: tuple[int | None, int | None] | None
    joint_map: JointMap | None
    clip: str | None


@dataclass(frozen=True)
class Capture:
    """What was read from a file.

    Attributes:
        joints: ``(T, 22, 3)``, metres, y up.
        fps: frames per second.
        notes: what was odd, and what was put right.
        chosen: which of the file's joints are ours; none of arrays.
    """

    joints: Joints
    fps: float
    notes: tuple[str, ...] = ()
    chosen: ChosenMap | None = None


def read_capture(path: str | Path, **options: Unpack[ReadingOptions]) -> Capture:
    """Return joints, frame rate and notes of a motion file, by its suffix.

    ``.bvh``; ``.amc`` with its ``.asf`` beside it (`find_asf`); ``.glb``, ``.gltf``, ``.vrm`` and
    ``.vrma``; ``.fbx``; ``.npy`` with joints or with HumanML3D's features; ``.npz`` as `save_npz`
    writes it or with the poses of the SMPL family. Skeletons are recognised (`recognition`) and
    made upright people in metres (`body`); characters of GLB, VRM and FBX files may have any
    proportions, so their rotations are put on a human skeleton of our own (`retargeting`).

    Raises:
        FormatError: not readable as what its suffix says, joints that are not recognised (they
            are listed), or positions in which nobody could be.
        InputError: no such file, an unknown suffix, or an option that cannot be.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise _unknown_suffix(path)
    with _naming(path):
        _check_options(options)
        capture = reader(path, options)
        if len(capture.joints) == 0:
            raise FormatError("has no frames there (--frames)")
        return capture


def read_joints(path: str | Path, **options: Unpack[ReadingOptions]) -> tuple[Joints, float]:
    """Return joints ``(T, 22, 3)`` in metres, y up, and frames per second; see `read_capture`."""
    capture = read_capture(path, **options)
    return capture.joints, capture.fps


def read_motion(path: str | Path, **options: Unpack[ReadingOptions]) -> Motion:
    """Return the motion in a file: that of `read_capture`, features ``(T, 263)`` taken as they are.

    What was odd about the file is in its provenance under ``notes``.

    Raises:
        FormatError: see `read_capture`; or too short to be a motion.
        InputError: no such file, an unknown suffix, or an option that cannot be.
    """
    path = Path(path)
    provenance = {"source": path.name}
    with _naming(path):
        if path.suffix.lower() == ".npz" and not is_amass(path):
            return unpack_motion(path)
        if path.suffix.lower() == ".npy":
            features = as_features(_array(path).motions)
            if features is not None:
                features = check_features(features)
                _check_features_build(features)
                return Motion(features, provenance=provenance)
    capture = read_capture(path, **options)
    with _naming(path):
        seconds = len(capture.joints) / capture.fps
        if (len(capture.joints) - 1) * FPS / capture.fps < 1:
            raise FormatError(
                f"is too short: {len(capture.joints)} frames, {seconds:.2f} s; "
                f"at least {_MIN_SECONDS} s are needed"
            )
        motion = Motion.from_joints(capture.joints, fps=capture.fps, provenance=provenance)
        motion, note = on_the_floor(motion)
        notes = [*capture.notes, *([note] if note else [])]
        return motion.with_provenance(notes=notes) if notes else motion


def find_map(
    path: str | Path, *, sure: bool = True, **options: Unpack[ReadingOptions]
) -> ChosenMap:
    """Return which joints of a file are taken as ours, and how sure that is.

    Args:
        path: a file of a skeleton.
        sure: whether a map of which nobody can be sure is refused.
        options: see `ReadingOptions`.

    Raises:
        FormatError: nobody is recognised, or the file is no skeleton.
        InputError: no such file, or an unknown suffix.
    """
    path = Path(path)
    reader = _RECORDINGS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path} holds no named joints; a map is of {', '.join(_RECORDINGS)}")
    with _naming(path):
        return choose_map(reader(path, options), options.get("joint_map"), sure=sure)


def list_clips(path: str | Path) -> tuple[str, ...]:
    """Return names of the animations in a GLB, glTF, VRM or FBX file.

    Raises:
        FormatError: not such a file, or damaged.
        InputError: no such file.
    """
    path = Path(path)
    with _naming(path):
        if path.suffix.lower() == ".fbx":
            from .fbx import fbx_clips

            return fbx_clips(_bytes(path))
        return parse_gltf(_bytes(path), path.parent).clips


def load_npz(path: str | Path) -> Motion:
    """Return the motion that `save_npz` wrote.

    Raises:
        FormatError: not such a file, damaged, or of a later version.
        InputError: no such file.
    """
    with _naming(Path(path)):
        return unpack_motion(Path(path))


def _bvh_recording(path: Path, options: ReadingOptions) -> Recording:
    return parse_bvh(_text(path)).recording(options.get("fps"))


def _amc_recording(path: Path, options: ReadingOptions) -> Recording:
    frames, degrees = parse_amc(_text(path))
    asf = find_asf(path)
    try:
        skeleton = parse_asf(_text(asf))
    except FormatError as error:
        raise FormatError(f"needs its skeleton {asf.name}, which {error}") from error
    return skeleton.recording(frames, options.get("fps") or AMC_FPS, degrees=degrees)


def _gltf_recording(path: Path, options: ReadingOptions) -> Recording:
    return gltf_recording(parse_gltf(_bytes(path), path.parent), options.get("clip"))


def _fbx_recording(path: Path, options: ReadingOptions) -> Recording:
    from .fbx import fbx_recording

    return fbx_recording(_bytes(path), options.get("clip"))


_RECORDINGS: dict[str, Callable[[Path, ReadingOptions], Recording]] = {
    ".bvh": _bvh_recording,
    ".amc": _amc_recording,
    **dict.fromkeys((".glb", ".gltf", ".vrm", ".vrma"), _gltf_recording),
    ".fbx": _fbx_recording,
}
_CHARACTERS = (".glb", ".gltf", ".vrm", ".vrma", ".fbx")


def _read_recording(path: Path, options: ReadingOptions) -> Capture:
    if options.get("clip") and path.suffix.lower() not in _CHARACTERS:
        raise InputError(f"holds one motion; --clip is of {', '.join(_CHARACTERS)} files")
    recording = _RECORDINGS[path.suffix.lower()](path, options)
    chosen = choose_map(recording, options.get("joint_map"))
    recording = replace(recording, notes=(*recording.notes, *chosen.notes))
    fps = options.get("fps") or recording.fps
    if path.suffix.lower() in _CHARACTERS:
        single = {
            ours: recording.names.index(source if isinstance(source, str) else source[0])
            for ours, source in chosen.joints.items()
        }
        try:
            joints, notes = scale_path(_cut(retarget(recording, single), options), fps)
            joints, more = check_sliding(joints, fps)
            return Capture(joints, fps, (*recording.notes, *notes, *more), chosen)
        except FormatError as error:
            recording = replace(recording, notes=(*recording.notes, f"it {error}: places are used"))
    joints = _cut(map_joints(recording, chosen.joints), options)
    return _stood(joints, fps, options, recording.notes, chosen)


def _read_npy(path: Path, options: ReadingOptions) -> Capture:
    from ..representation import features_to_joints

    results = _array(path)
    features = as_features(results.motions)
    if features is not None:
        features = check_features(features)
        _check_features_build(features)
        return Capture(_cut(features_to_joints(features).astype(np.float64), options), FPS)
    joints, notes = as_joints(results.motions, options.get("clip"), results.lengths)
    even, more = even_axes(joints)
    if even is not joints:  # now in metres, whatever the unit was before
        options = {**options, "unit": "m"}
    return _stood(_cut(even, options), options.get("fps") or FPS, options, (*notes, *more))


def _read_npz(path: Path, options: ReadingOptions) -> Capture:
    if not is_amass(path):
        return Capture(_cut(unpack_motion(path).joints.astype(np.float64), options), FPS)
    file = unpack_amass(path, options.get("fps"), options.get("unit"))
    joints = _cut(amass_joints(file.poses, file.trans, file.offsets), options)
    if options.get("unit") is not None:  # it was the path's: rotations have none
        options = {**options, "unit": "m"}
    return _stood(joints, file.fps, options, file.notes)


_READERS: dict[str, Callable[[Path, ReadingOptions], Capture]] = {
    ".bvh": _read_recording,
    ".amc": _read_recording,
    ".npy": _read_npy,
    ".npz": _read_npz,
    **dict.fromkeys(_CHARACTERS, _read_recording),
}
READABLE_SUFFIXES = tuple(_READERS)


def _stood(
    joints: Joints,
    fps: float,
    options: ReadingOptions,
    notes: tuple[str, ...],
    chosen: ChosenMap | None = None,
) -> Capture:
    if len(joints) == 0:
        return Capture(joints, fps)
    posture = Posture(options.get("unit"), options.get("up"), options.get("forward"))
    joints, more = stand_up(joints, fps, posture)
    return Capture(joints, fps, (*notes, *more), chosen)


def _cut(joints: Joints, options: ReadingOptions) -> Joints:
    frames = options.get("frames")
    return joints if frames is None else joints[slice(*frames)]


def _check_options(options: ReadingOptions) -> None:
    fps = options.get("fps")
    if fps is not None and not 1 <= fps <= 1000:
        raise InputError(f"{fps} frames per second cannot be; expected 1 to 1000")


def _check_features_build(features: NDArray[np.float32]) -> None:
    """Check that somebody could move as the features say.

    Raises:
        FormatError: nobody could, as in z-normalised features.
    """
    from ..representation import features_to_joints

    try:
        joints = features_to_joints(features).astype(np.float64)
        check_build(joints)
        height = float(np.median(np.ptp(joints[..., 1], axis=1)))
        step = (
            float(np.percentile(np.linalg.norm(np.diff(joints[:, 0], axis=0), axis=-1), 90))
            if len(joints) > 1
            else 0.0
        )
        if height > 2.6 or step > 1:
            raise FormatError(
                "holds positions in which nobody could be: "
                f"{height:.1f} m high, {step:.1f} m a frame"
            )
    except FormatError as error:
        raise FormatError(
            f"{error}; if a model wrote these features, multiply them by its Std.npy and add its "
            "Mean.npy first"
        ) from error


def _bytes(path: Path) -> bytes:
    _check_size(path)
    return path.read_bytes()


def _text(path: Path) -> str:
    _check_size(path)
    # Only names can hold more than ASCII, and HDM05's headers are Latin-1: no cause to fail.
    return path.read_text(encoding="utf-8-sig", errors="replace")


def _array(path: Path) -> Results:
    size = _check_size(path)
    with path.open("rb") as file:
        try:
            results = Results(read_array(file, size))
        except PickledError:
            results = read_results(file, size)
    if results.motions.size == 0:
        raise FormatError(f"has no frames: it is an array of the shape {results.motions.shape}")
    return results


def _check_size(path: Path) -> int:
    size = path.stat().st_size
    if size > _MAX_BYTES:
        raise FormatError(f"has {size / 1e9:.1f} GB; the limit is {_MAX_BYTES / 1e9:.1f}")
    if size == 0:
        raise FormatError("is empty")
    return size


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the file in errors raised within the block, in one line; overflow is found later."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise InputError(f"{path} is a pipe or a device, and no file")
    try:
        with np.errstate(all="ignore"):
            yield
    except FormatError as error:
        if str(error).startswith(str(path)):
            raise
        raise FormatError(f"{path} {error}") from error
    except InputError as error:
        raise FormatError(f"{path} cannot be used: {error}") from error
    except FileNotFoundError as error:
        raise InputError(f"there is no file {error.filename or path}") from error
    except OSError as error:
        name = error.filename or path
        raise InputError(f"{name} cannot be read: {error.strerror or error}") from error


def _unknown_suffix(path: Path) -> InputError:
    known = ", ".join(READABLE_SUFFIXES)
    if path.suffix.lower() == ".asf":
        return InputError(f"{path} is a skeleton without motion; give an .amc file beside it")
    return InputError(f"{path} has the suffix {path.suffix!r}; motion is read from {known}")
