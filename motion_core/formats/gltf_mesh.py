"""The skinned mesh of a character in a GLB or VRM, as its rest pose has it.

Of materials the colour is kept, with the texture's at each vertex: what pictures of a moving person
need, not a renderer's whole look.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from ..errors import FormatError
from .gltf import Gltf, node_matrix, skeleton_nodes
from .gltf_images import image_bytes
from .recording import Recording

Array = NDArray[np.float64]

_MAX_VERTICES = 500_000
_MAX_PIXELS = 1 << 26
_TRIANGLES = 4  # the mode of a primitive


@dataclass(frozen=True)
class CharacterMesh:
    """A character's surface at rest, in the axes of its file.

    Attributes:
        vertices: ``(V, 3)``.
        triangles: ``(F, 3)``.
        joints: ``(V, 4)``, joints of its `rest_skeleton`.
        weights: ``(V, 4)``; rows sum to one.
        colours: ``(V, 3)`` 0 to 255.
    """

    vertices: Array
    triangles: NDArray[np.int64]
    joints: NDArray[np.int64]
    weights: Array
    colours: NDArray[np.uint8]


def character_mesh(gltf: Gltf, rest: Recording) -> CharacterMesh:
    """Return the mesh of a character.

    Args:
        gltf: its file.
        rest: the `rest_skeleton` of the file.

    Raises:
        FormatError: no mesh that hangs on the skeleton, or damaged.
    """
    try:
        return _mesh(gltf, rest)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"is damaged: {type(error).__name__} {error}") from error


def _mesh(gltf: Gltf, rest: Recording) -> CharacterMesh:
    order, scales = skeleton_nodes(gltf)
    place = {node: joint for joint, node in enumerate(order)}
    above = {child: at for at, node in enumerate(gltf.nodes) for child in node.get("children", ())}
    parts: list[CharacterMesh] = []
    pictures: dict[int, NDArray[np.uint8]] = {}
    for at, node in enumerate(gltf.nodes):
        if "mesh" not in node:
            continue
        for primitive in gltf.json["meshes"][node["mesh"]]["primitives"]:
            if primitive.get("mode", _TRIANGLES) != _TRIANGLES:
                continue
            points = gltf.array(primitive["attributes"]["POSITION"])
            if "skin" in node and "JOINTS_0" in primitive["attributes"]:
                posed = _skinned(gltf, rest, gltf.json["skins"][node["skin"]], primitive, place)
            else:
                posed = _carried(gltf, rest, at, points, place, above, scales)
            if posed is not None:
                colours = _colours(gltf, primitive, len(points), pictures)
                parts.append(
                    CharacterMesh(posed[0], _triangles(gltf, primitive), *posed[1:], colours)
                )
            if sum(len(part.vertices) for part in parts) > _MAX_VERTICES:
                raise FormatError(f"has more than {_MAX_VERTICES} vertices; save it with fewer")
    if not parts:
        raise FormatError("has a skeleton and no mesh on it: there is nothing to show")
    starts = np.cumsum([0, *[len(part.vertices) for part in parts]])
    return CharacterMesh(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate([p.triangles + start for p, start in zip(parts, starts, strict=False)]),
        np.concatenate([part.joints for part in parts]),
        np.concatenate([part.weights for part in parts]),
        np.concatenate([part.colours for part in parts]),
    )


def _skinned(
    gltf: Gltf,
    rest: Recording,
    skin: Mapping[str, Any],
    primitive: Mapping[str, Any],
    place: Mapping[int, int],
) -> tuple[Array, NDArray[np.int64], Array] | None:
    """Return vertices at rest, their joints and weights, of a mesh with a skin."""
    assert rest.rest_turns is not None
    attributes = primitive["attributes"]
    points = gltf.array(attributes["POSITION"])
    bound = np.stack([np.eye(4)] * len(skin["joints"]))
    if "inverseBindMatrices" in skin:
        inverse = gltf.array(skin["inverseBindMatrices"]).reshape(-1, 4, 4)
        bound[: len(inverse)] = np.linalg.inv(np.swapaxes(inverse, 1, 2))[: len(bound)]
    joints = np.array([place[node] for node in skin["joints"]])
    local = gltf.array(attributes["JOINTS_0"]).astype(np.int64)
    weights = gltf.array(attributes["WEIGHTS_0"])
    total = weights.sum(axis=1, keepdims=True)
    weights = np.where(total > 0, weights / np.maximum(total, 1e-9), [1.0, 0, 0, 0])
    u, _, vt = np.linalg.svd(bound[:, :3, :3])
    u[..., 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
    turns = rest.rest_turns[joints] @ np.swapaxes(u @ vt, 1, 2)
    # The bind pose may have another size than the scene: rigs out of Blender by 100.
    apart, there = np.ptp(bound[:, :3, 3], axis=0).max(), np.ptp(rest.rest[joints], axis=0).max()
    scale = float(there / apart) if apart > 1e-9 and there > 1e-9 else 1.0
    moved = np.zeros_like(points)
    for slot in range(weights.shape[1]):
        which = local[:, slot]
        step = points - bound[which, :3, 3]
        posed = scale * (turns[which] @ step[..., None])[..., 0] + rest.rest[joints[which]]
        moved += weights[:, slot, None] * posed
    order = np.argsort(-weights, axis=1, kind="stable")
    return (
        moved,
        np.take_along_axis(joints[local], order, axis=1),
        np.take_along_axis(weights, order, axis=1),
    )


def _carried(
    gltf: Gltf,
    rest: Recording,
    node: int,
    points: Array,
    place: Mapping[int, int],
    above: Mapping[int, int],
    scales: Sequence[float],
) -> tuple[Array, NDArray[np.int64], Array] | None:
    """Return the same of a rigid mesh on a joint, such as a hat; None of other meshes."""
    assert rest.rest_turns is not None
    matrix = np.eye(4)
    while node not in place:
        matrix = node_matrix(gltf.nodes[node]) @ matrix
        if node not in above:
            return None
        node = above[node]
    joint = place[node]
    local = points @ matrix[:3, :3].T + matrix[:3, 3]
    moved = scales[joint] * local @ rest.rest_turns[joint].T + rest.rest[joint]
    joints = np.zeros((len(points), 4), dtype=np.int64)
    joints[:, 0] = joint
    return moved, joints, np.tile([1.0, 0, 0, 0], (len(points), 1))


def _triangles(gltf: Gltf, primitive: Mapping[str, Any]) -> NDArray[np.int64]:
    if "indices" in primitive:
        indices = gltf.array(primitive["indices"]).astype(np.int64).reshape(-1)
    else:
        indices = np.arange(len(gltf.array(primitive["attributes"]["POSITION"])))
    count = len(gltf.array(primitive["attributes"]["POSITION"]))
    if len(indices) % 3 or indices.max() >= count:
        raise FormatError("is damaged: its triangles have corners that are not there")
    return indices.reshape(-1, 3)


def _colours(
    gltf: Gltf,
    primitive: Mapping[str, Any],
    count: int,
    pictures: dict[int, NDArray[np.uint8]],
) -> NDArray[np.uint8]:
    """Return colours ``(V, 3)`` of a primitive's material at its vertices."""
    material: Mapping[str, Any] = {}
    if "material" in primitive:
        material = gltf.json["materials"][primitive["material"]]
    look = material.get("pbrMetallicRoughness", {})
    factor = np.array(look.get("baseColorFactor", (1, 1, 1, 1)), dtype=np.float64)[:3]
    linear = np.broadcast_to(factor, (count, 3))
    if "COLOR_0" in primitive["attributes"]:
        linear = linear * gltf.array(primitive["attributes"]["COLOR_0"])[:, :3]
    shown = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055
    )
    if "baseColorTexture" in look:
        found = _texture(gltf, primitive, look["baseColorTexture"], pictures)
        shown = shown if found is None else shown * (found / 255)
    colours: NDArray[np.uint8] = np.rint(np.clip(shown, 0, 1) * 255).astype(np.uint8)
    return colours


def _texture(
    gltf: Gltf,
    primitive: Mapping[str, Any],
    texture: Mapping[str, Any],
    pictures: dict[int, NDArray[np.uint8]],
) -> NDArray[np.uint8] | None:
    """Return the colours ``(V, 3)`` of a texture at a primitive's vertices."""
    # KHR_texture_transform: offset, then rotation, then scale, as matrices of column vectors.
    transform = texture.get("extensions", {}).get("KHR_texture_transform", {})
    attribute = f"TEXCOORD_{transform.get('texCoord', texture.get('texCoord', 0))}"
    entry = gltf.json["textures"][texture["index"]]
    webp = entry.get("extensions", {}).get("EXT_texture_webp", {})
    source = webp.get("source", entry.get("source"))
    if attribute not in primitive["attributes"] or source is None:
        return None
    if source not in pictures:
        pictures[source] = _picture(gltf, gltf.json["images"][source])
    picture = pictures[source]
    angle = float(transform.get("rotation", 0.0))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    uv = gltf.array(primitive["attributes"][attribute]) * transform.get("scale", (1, 1))
    uv = (uv @ turn.T + transform.get("offset", (0, 0))) % 1.0
    rows = np.minimum((uv[:, 1] * len(picture)).astype(int), len(picture) - 1)
    columns = np.minimum((uv[:, 0] * picture.shape[1]).astype(int), picture.shape[1] - 1)
    colours: NDArray[np.uint8] = picture[rows, columns]
    return colours


def _picture(gltf: Gltf, image: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Return an image of the file, RGB; plain grey where there is none that can be read."""
    data = image_bytes(gltf, image)
    if data is None:
        return np.full((1, 1, 3), 190, dtype=np.uint8)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as picture:
                if picture.width * picture.height > _MAX_PIXELS:
                    raise FormatError(f"has a texture of {picture.width}×{picture.height} pixels")
                pixels: NDArray[np.uint8] = np.asarray(picture.convert("RGB"), dtype=np.uint8)
                return pixels
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError):
        return np.full((1, 1, 3), 190, dtype=np.uint8)
