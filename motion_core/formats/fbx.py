"""FBX, binary and ASCII: reading the skeleton and one animation, through `ufbx`.

`ufbx` (github.com/ufbx, MIT) reads every version of the format in a single C file; its Python
package is an extra: ``pip install motion-agent[fbx]``. It runs in a process of its own
(`fbx_scene`).
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ..errors import ConfigurationError, FormatError, InputError
from ..isolated import run_script
from ..motion import MAX_FRAMES
from .recording import Recording, unique_names

Array = NDArray[np.float64]

_READER = Path(__file__).with_name("fbx_scene.py")
_SECONDS = 300.0  # after which the reader is stopped


def fbx_clips(data: bytes) -> tuple[str, ...]:
    """Return names of the animations in an FBX file; of one without a name, its number.

    Raises:
        FormatError: not FBX, or damaged.
        ConfigurationError: `ufbx` is not installed.
    """
    return _clip_names(_scene(data, -1))


def fbx_recording(data: bytes, clip: str | None = None) -> Recording:
    """Return the skeleton and one animation of an FBX file, in metres, y up.

    Args:
        data: the file's bytes.
        clip: the animation's name; the longest if not told.

    Raises:
        FormatError: not FBX, damaged, or without animation.
        InputError: there is no animation of this name.
        ConfigurationError: `ufbx` is not installed.
    """
    scene = _scene(data, -1)
    clips = _clip_names(scene)
    if not clips:
        raise FormatError("holds no animation, only a character")
    if clip is not None:
        ends = [name.rpartition("|")[2] for name in clips]
        if clip not in clips and clip not in ends:
            raise InputError(f"has no animation {clip!r}; it has {', '.join(clips[:60])}")
        scene = _scene(data, clips.index(clip) if clip in clips else ends.index(clip))
    parents = tuple(int(parent) for parent in scene["parents"])
    frames = scene["translations"].shape[1] if parents else 0
    if not 1 <= frames <= MAX_FRAMES:
        raise FormatError(f"has {frames} frames of a skeleton; expected 1 to {MAX_FRAMES}")
    translations, rotations = _scaled(scene, parents)

    def local(joint: int, part: slice) -> tuple[Array, Array]:
        return translations[joint][part], rotations[joint][part]

    u, _, vt = np.linalg.svd(scene["rest"][:, :, :3])
    u[..., 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
    names = [str(name) or f"node {at}" for at, name in enumerate(scene["names"])]
    return Recording(
        names=unique_names(names),
        parents=parents,
        local=local,
        frames=frames,
        fps=float(scene["fps"]),
        rest=scene["rest"][:, :, 3],
        rest_turns=u @ vt,
    )


def _clip_names(scene: Mapping[str, NDArray[Any]]) -> tuple[str, ...]:
    return unique_names([str(name) or str(at) for at, name in enumerate(scene["clips"])])


def _scene(data: bytes, number: int) -> Mapping[str, NDArray[Any]]:
    """Return what `fbx_scene` writes of a file and its animation of a number, -1 for the
    longest.
    """
    if importlib.util.find_spec("ufbx") is None:
        raise ConfigurationError(
            "FBX is read with the package ufbx, which is not installed: "
            "pip install motion-agent[fbx]; or convert the file to GLB, as Blender does"
        )
    try:
        done = run_script(_READER, str(number), data=data, seconds=_SECONDS)
    except TimeoutError as error:
        raise FormatError(
            f"takes longer than {_SECONDS:.0f} s to read; convert it to GLB"
        ) from error
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise FormatError(
            "is damaged, or more than ufbx can read; convert it to GLB, as Blender does "
            f"({words[-1][:100] if words else f'it ended with {done.returncode}'})"
        )
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as found:
        scene = {name: found[name] for name in found.files}
    if "error" in scene:
        raise FormatError(str(scene["error"]))
    return scene


def _scaled(
    scene: Mapping[str, NDArray[Any]], parents: tuple[int, ...]
) -> tuple[list[Array], list[Array]]:
    """Return translations ``(T, 3)`` with the scales above them, and rotations ``(T, 3, 3)``."""
    translations: list[Array] = []
    rotations: list[Array] = []
    scales: list[Array] = []
    for joint, parent in enumerate(parents):
        sizes = np.abs(scene["scales"][joint]).mean(axis=1)
        above = scales[parent] if parent >= 0 else np.ones(len(sizes))
        translations.append(above[:, None] * scene["translations"][joint])
        rotations.append(Rotation.from_quat(scene["rotations"][joint]).as_matrix())
        scales.append(above * sizes)
    return translations, rotations
