"""A character's file with a motion as its one animation; all else in it stays as it is.

Pictures that lie beside the file come into it, and so do several buffers, so that the result can
be opened anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ..motion import Motion
from ..skeleton import FPS
from .glb import quaternions
from .gltf import Gltf, node_parts, skeleton_nodes
from .gltf_file import GltfFile
from .gltf_images import image_bytes, image_kind
from .recording import Recording

Array = NDArray[np.float64]


def pack_character(
    gltf: Gltf,
    rest: Recording,
    turns: Mapping[int, Array],
    places: Mapping[int, Array],
    motion: Motion,
) -> bytes:
    """Return the file in its rest pose with one animation.

    Args:
        gltf: the character's file.
        rest: its `rest_skeleton`.
        turns: of joints that turn, relative to their parents, ``(T, 3, 3)``.
        places: of joints that move, in the world, ``(T, 3)``.
        motion: whose animation it is.
    """
    file = _opened(gltf)
    nodes, scales = skeleton_nodes(gltf)
    _rest(file, rest, nodes, scales)
    name = "; ".join(segment.description for segment in motion.segments) or motion.id
    animation: dict[str, Any] = {"name": name, "channels": [], "samplers": []}
    times = file.add_array(np.arange(len(motion)) / FPS, bounds=True)
    for joint, where in places.items():
        below = _below(rest, scales, joint, where)
        file.add_channel(animation, times, nodes[joint], "translation", below)
    for joint, turn in turns.items():
        file.add_channel(animation, times, nodes[joint], "rotation", quaternions(turn))
    file.json["animations"] = [animation]
    return file.packed()


def _opened(gltf: Gltf) -> GltfFile:
    """Return the file with one buffer that also holds its pictures."""
    tree: dict[str, Any] = deepcopy(dict(gltf.json))
    binary, starts = bytearray(), []
    for buffer in gltf.buffers:
        binary += b"\0" * (-len(binary) % 4)
        starts.append(len(binary))
        binary += buffer
    for view in tree.get("bufferViews", ()):
        view["byteOffset"] = starts[view["buffer"]] + view.get("byteOffset", 0)
        view["buffer"] = 0
    file = GltfFile(tree, bytes(binary))
    for image in tree.get("images", ()):
        if "bufferView" in image:
            continue
        data = image_bytes(gltf, image)
        if data is not None and (kind := image_kind(data)):
            image.pop("uri")
            image |= {"bufferView": file.add_view(data), "mimeType": kind}
    return file


def _rest(file: GltfFile, rest: Recording, nodes: list[int], scales: list[float]) -> None:
    """Put the skeleton into its rest pose: nodes are often saved in mid-motion."""
    assert rest.rest_turns is not None
    for joint, number in enumerate(nodes):
        node = file.json["nodes"][number]
        if "matrix" in node:  # which cannot be animated
            parts = zip(("translation", "rotation", "scale"), node_parts(node), strict=True)
            node |= {path: part.tolist() for path, part in parts}
            del node["matrix"]
        parent = rest.parents[joint]
        if parent >= 0:
            own = Rotation.from_matrix(rest.rest_turns[parent].T @ rest.rest_turns[joint])
            node["rotation"] = own.as_quat().tolist()
            node["translation"] = _below(rest, scales, joint, rest.rest[joint]).tolist()


def _below(rest: Recording, scales: list[float], joint: int, where: Array) -> Array:
    """Return world positions in the frame of a joint's node, whose parent is at rest."""
    parent = rest.parents[joint]
    if parent < 0:
        return where
    assert rest.rest_turns is not None
    return np.asarray((where - rest.rest[parent]) @ rest.rest_turns[parent] / scales[parent])
