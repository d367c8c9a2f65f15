"""FBX, binary and ASCII: reading the skeleton and one animation, through `ufbx`.

`ufbx` (github.com/ufbx, MIT) reads every version of the format in a single C file; its Python
package is an extra: ``pip install motion-agent[fbx]``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ..errors import ConfigurationError, FormatError, InputError
from ..motion import MAX_FRAMES
from .recording import Recording, unique_names

Array = NDArray[np.float64]


def fbx_clips(data: bytes) -> tuple[str, ...]:
    """Names of the animations in an FBX file."""
    return unique_names(
        [stack.name or str(at) for at, stack in enumerate(_scene(data).anim_stacks)]
    )


def fbx_recording(data: bytes, clip: str | None = None) -> Recording:
    """The skeleton and one animation of an FBX file, in metres, y up.

    Args:
        data: the file's bytes.
        clip: the animation's name; the longest if not told.

    Raises:
        FormatError: not FBX, damaged, or without animation.
        InputError: there is no animation of this name.
        ConfigurationError: `ufbx` is not installed.
    """
    import ufbx

    scene = _scene(data)
    stacks = list(scene.anim_stacks)
    if not stacks:
        raise FormatError("holds no animation, only a character")
    if clip is not None:
        names = fbx_clips(data)
        ends = [name.rpartition("|")[2] for name in names]
        if clip not in names and clip not in ends:
            raise InputError(f"has no animation {clip!r}; it has {', '.join(names[:60])}")
        stack = stacks[names.index(clip) if clip in names else ends.index(clip)]
    else:
        stack = max(stacks, key=lambda each: each.time_end - each.time_begin)
    fps = float(scene.settings.frames_per_second or 30)
    fps = fps if 10 <= fps <= 240 else 30.0
    frames = int((stack.time_end - stack.time_begin) * fps + 1e-3) + 1
    if not 1 <= frames <= MAX_FRAMES:
        raise FormatError(f"has {frames} frames; expected 1 to {MAX_FRAMES}")
    nodes = _skeleton(scene)
    place = {node.element_id: at for at, node in enumerate(nodes)}
    parents = tuple(
        place.get(node.parent.element_id, -1) if node.parent is not None else -1 for node in nodes
    )
    times = stack.time_begin + np.arange(frames) / fps
    moves = [
        [ufbx.evaluate_transform(stack.anim, node, float(time)) for time in times] for node in nodes
    ]
    translations, rotations = _scaled(moves, parents)

    def local(joint: int, part: slice) -> tuple[Array, Array]:
        return translations[joint][part], rotations[joint][part]

    rest, turns = _rest(scene, nodes)
    return Recording(
        names=unique_names([node.name or f"node {at}" for at, node in enumerate(nodes)]),
        parents=parents,
        local=local,
        frames=frames,
        fps=fps,
        rest=rest,
        rest_turns=turns,
    )


def _scene(data: bytes) -> Any:
    try:
        import ufbx
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "FBX is read with the package ufbx, which is not installed: "
            "pip install motion-agent[fbx]; or convert the file to GLB, as Blender does"
        ) from error
    try:
        return ufbx.load_memory(
            data,
            target_axes=ufbx.axes_right_handed_y_up,
            target_unit_meters=1.0,
            ignore_geometry=False,
        )
    except ufbx.Error as error:
        raise FormatError(f"is not FBX, or damaged: {str(error)[:120]}") from error


def _skeleton(scene: Any) -> list[Any]:
    """Nodes without meshes, lights and cameras of their own, parents first."""
    nodes = [node for node in scene.nodes if node.mesh is None and not node.is_root]
    nodes = [node for node in nodes if node.light is None and node.camera is None]
    return sorted(nodes, key=lambda node: node.node_depth)


def _scaled(moves: list[list[Any]], parents: tuple[int, ...]) -> tuple[list[Array], list[Array]]:
    """Translations ``(T, 3)`` with the scales above them, and rotations ``(T, 3, 3)``."""
    translations: list[Array] = []
    rotations: list[Array] = []
    scales: list[Array] = []
    for steps, parent in zip(moves, parents, strict=True):
        places = np.array([(t.translation.x, t.translation.y, t.translation.z) for t in steps])
        turns = np.array([(t.rotation.x, t.rotation.y, t.rotation.z, t.rotation.w) for t in steps])
        sizes = np.abs([(t.scale.x, t.scale.y, t.scale.z) for t in steps]).mean(axis=1)
        above = scales[parent] if parent >= 0 else np.ones(len(steps))
        translations.append(above[:, None] * places)
        rotations.append(Rotation.from_quat(turns).as_matrix())
        scales.append(above * sizes)
    return translations, rotations


def _rest(scene: Any, nodes: list[Any]) -> tuple[Array, Array]:
    """World positions ``(J, 3)`` and orientations ``(J, 3, 3)`` in the bind pose."""
    bound = {
        cluster.bone_node.element_id: cluster.bind_to_world
        for cluster in scene.skin_clusters
        if cluster.bone_node is not None
    }
    matrices = np.array(
        [_matrix(bound.get(node.element_id, node.node_to_world)) for node in nodes]
    )  # (J, 3, 4)
    u, _, vt = np.linalg.svd(matrices[:, :, :3])
    u[..., 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
    return matrices[:, :, 3], u @ vt


def _matrix(matrix: Any) -> list[list[float]]:
    return [[getattr(matrix, f"m{row}{column}") for column in range(4)] for row in range(3)]
