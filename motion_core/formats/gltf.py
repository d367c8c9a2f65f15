"""GLB, glTF and VRM: reading the skeleton and one animation.

Format: glTF 2.0, Khronos; metres, y up. VRM 0 and 1 (files of characters, and ``.vrma``, files of
their animation) are glTF that say which node is which bone of a person.

Nodes may be scaled, rigs out of Blender by 100 and more: a scale goes into the translations below
it. The rest pose is that in which the skin was bound, for nodes are often saved in mid-motion.
"""

from __future__ import annotations

import base64
import binascii
import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ..errors import FormatError, InputError
from ..json_text import parse_json
from ..memory import check_memory
from ..regular_file import open_regular
from .gltf_animation import GltfAnimation
from .kinematics import world_transforms
from .recording import Recording, unique_names
from .vrm import vrm_roles

Array = NDArray[np.float64]

_COMPONENTS = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_SIZES = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_MAX_NODES = 20_000
_UNREADABLE = {"EXT_meshopt_compression", "KHR_meshopt_compression"}


@dataclass(frozen=True)
class Gltf:
    """A file's JSON and its buffers.

    Attributes:
        json: as it is in the file.
        buffers: their bytes, in order.
        folder: where it is.
    """

    json: Mapping[str, Any]
    buffers: Sequence[bytes]
    folder: Path

    @property
    def nodes(self) -> Sequence[Mapping[str, Any]]:
        nodes: Sequence[Mapping[str, Any]] = self.json.get("nodes", ())
        return nodes

    @property
    def clips(self) -> tuple[str, ...]:
        """Names of the animations; of one without a name, its number."""
        return unique_names(
            [str(each.get("name", at)) for at, each in enumerate(self.json.get("animations", ()))]
        )

    def array(self, accessor: int) -> Array:
        """Return the values of an accessor, ``(count, n)``.

        Raises:
            FormatError: it points outside the file, or is compressed.
        """
        entry = self.json["accessors"][accessor]
        size, kind = _SIZES[entry["type"]], np.dtype(_COMPONENTS[entry["componentType"]])
        if "sparse" in entry or "bufferView" not in entry:
            raise FormatError("holds sparse arrays in its animation, which are not read")
        view = self.json["bufferViews"][entry["bufferView"]]
        start = view.get("byteOffset", 0) + entry.get("byteOffset", 0)
        width = size * kind.itemsize
        stride, count = view.get("byteStride", width), int(entry["count"])
        data = self.buffers[view["buffer"]]
        if (
            count < 1
            or start < 0
            or stride < width
            or start + stride * (count - 1) + width > len(data)
        ):
            raise FormatError("is damaged or truncated: an array of it goes beyond its buffer")
        raw: NDArray[Any] = np.ndarray((count, size), kind, data, start, (stride, kind.itemsize))
        values = raw.astype(np.float64)
        if entry.get("normalized") and kind.kind in "iu":
            values = np.maximum(values / np.iinfo(kind).max, -1.0)
        return values


def parse_gltf(data: bytes, folder: Path) -> Gltf:
    """Parse a ``.glb``, ``.vrm``, ``.vrma`` or ``.gltf`` file.

    Args:
        data: the file's bytes.
        folder: with the buffers of a ``.gltf``.

    Raises:
        FormatError: it is not glTF 2.0, is damaged, or has an unsupported compression.
    """
    binary = None
    if data[:4] == b"glTF":
        data, binary = _chunks(data)
    try:
        tree = parse_json(data)
    except ValueError as error:
        raise FormatError(f"is not glTF: {str(error)[:100]}") from error
    version = tree.get("asset", {}).get("version", "") if isinstance(tree, dict) else None
    if version is None or not str(version).startswith("2"):
        raise FormatError(f"is not glTF 2.0, but of the version {version!r}")
    if compressed := _UNREADABLE.intersection(tree.get("extensionsRequired", ())):
        raise FormatError(f"needs {', '.join(compressed)}, which is not read; save it without")
    buffers = [_buffer(entry, binary, folder) for entry in tree.get("buffers", ())]
    return Gltf(tree, buffers, folder)


def gltf_recording(gltf: Gltf, clip: str | None = None) -> Recording:
    """Return the skeleton and one animation.

    Args:
        gltf: a parsed file.
        clip: the animation's name, or its end after ``|``; by default the first that moves.

    Raises:
        FormatError: there is no animation, or it is damaged.
        InputError: there is no animation of this name.
    """
    try:
        return _recording(gltf, clip)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, RecursionError) as error:
        if isinstance(error, FormatError | InputError):
            raise
        raise FormatError(f"is damaged: {type(error).__name__} {error}") from error


def rest_skeleton(gltf: Gltf) -> Recording:
    """Return the skeleton in its rest pose: a recording of one frame.

    Raises:
        FormatError: there are no nodes, or they are damaged.
    """
    try:
        return _Nodes(gltf).recording({}, 1, 1.0)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, RecursionError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"is damaged: {type(error).__name__} {error}") from error


def skeleton_nodes(gltf: Gltf) -> tuple[list[int], list[float]]:
    """Return the node of each joint of `rest_skeleton`, and the scale of what hangs on it."""
    nodes = _Nodes(gltf)
    scales: list[float] = []
    for node, parent in zip(nodes.order, nodes.parents, strict=True):
        _, _, scale = node_parts(gltf.nodes[node])
        scales.append((scales[parent] if parent >= 0 else 1.0) * float(np.abs(scale).mean()))
    return nodes.order, scales


def node_matrix(node: Mapping[str, Any]) -> Array:
    """Return the transform ``(4, 4)`` of a node relative to its parent."""
    if "matrix" in node:
        return np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
    translation, rotation, scale = node_parts(node)
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_quat(rotation).as_matrix() * scale
    matrix[:3, 3] = translation
    return matrix


def _recording(gltf: Gltf, clip: str | None) -> Recording:
    clips = gltf.clips
    if not clips:
        raise FormatError("holds no animation, only a character")
    animations = [
        GltfAnimation(gltf.array, entry)
        for entry in (
            gltf.json["animations"]
            if clip is None
            else [gltf.json["animations"][_find_clip(clips, clip)]]
        )
    ]
    animation = next((each for each in animations if each.moves), animations[0])
    fps, frames = animation.rate()
    return _Nodes(gltf).recording(animation.sampled(np.arange(frames) / fps), frames, fps)


def _find_clip(clips: Sequence[str], clip: str) -> int:
    ends = [name.rpartition("|")[2] for name in clips]
    for names, target in (
        (clips, clip),
        (ends, clip),
        ([name.casefold() for name in ends], clip.casefold()),
    ):
        if target in names:
            return list(names).index(target)
    raise InputError(f"has no animation {clip!r}; it has {', '.join(clips[:60])}")


class _Nodes:
    """The nodes of a file that make up its skeleton, parents first."""

    def __init__(self, gltf: Gltf) -> None:
        self.gltf = gltf
        if not 0 < len(gltf.nodes) <= _MAX_NODES:
            raise FormatError(f"has {len(gltf.nodes)} nodes; expected 1 to {_MAX_NODES}")
        above = {
            child: at for at, node in enumerate(gltf.nodes) for child in node.get("children", ())
        }
        self.order: list[int] = []
        ready = [at for at in range(len(gltf.nodes)) if at not in above]
        while ready:
            at = ready.pop()
            self.order.append(at)
            ready += reversed(gltf.nodes[at].get("children", ()))
            if len(self.order) > len(gltf.nodes):
                raise FormatError("is damaged: its nodes go in a circle")
        self.order = [at for at in self.order if "mesh" not in gltf.nodes[at] or _parts(gltf, at)]
        place = {node: at for at, node in enumerate(self.order)}
        self.parents = tuple(place.get(above.get(node, -1), -1) for node in self.order)

    def recording(
        self, moved: Mapping[tuple[int, str], Array], frames: int, fps: float
    ) -> Recording:
        """Return the skeleton as animated by `moved`, values by node and path."""
        translations: list[Array] = []
        rotations: list[Array] = []
        scales: list[Array] = []
        for node, parent in zip(self.order, self.parents, strict=True):
            parts = node_parts(self.gltf.nodes[node])
            translation, rotation, scale = (
                moved.get((node, path), part[None])
                for path, part in zip(("translation", "rotation", "scale"), parts, strict=True)
            )
            above = scales[parent] if parent >= 0 else np.ones(1)
            translations.append(above[:, None] * translation)
            turns = Rotation.from_quat(rotation).as_matrix()
            rotations.append(np.broadcast_to(turns, (frames, 3, 3)))
            scales.append(above * np.abs(scale).mean(axis=-1))

        def local(joint: int, part: slice) -> tuple[Array, Array]:
            translation = translations[joint]
            if len(translation) > 1:
                translation = translation[part]
            return translation, rotations[joint][part]

        rest, turns = self._rest()
        names = unique_names(
            [str(self.gltf.nodes[node].get("name", f"node {node}")) for node in self.order]
        )
        roles = vrm_roles(self.gltf.json)
        return Recording(
            names=names,
            parents=self.parents,
            local=local,
            frames=frames,
            fps=fps,
            rest=rest,
            rest_turns=turns,
            roles={
                roles[node]: name
                for node, name in zip(self.order, names, strict=True)
                if node in roles
            },
        )

    def _rest(self) -> tuple[Array, Array]:
        """Return world positions ``(J, 3)`` and orientations ``(J, 3, 3)`` in the bind pose."""
        default = _saved_pose(self.gltf, self.order, self.parents)
        bound: dict[int, Array] = {}
        for skin in self.gltf.json.get("skins", ()):
            if "inverseBindMatrices" not in skin:
                continue
            inverse = self.gltf.array(skin["inverseBindMatrices"]).reshape(-1, 4, 4)
            for joint, matrix in zip(skin["joints"], inverse, strict=False):
                if abs(np.linalg.det(matrix)) > 1e-12:
                    bound.setdefault(joint, np.asarray(np.linalg.inv(matrix.T), dtype=np.float64))
        positions, turns = default
        known = [at for at, node in enumerate(self.order) if node in bound]
        if not known:
            return default
        # The bind pose stands in the mesh's own frame: the top joint, which seldom moves, says
        # how that lies in the scene.
        top = known[0]
        lead, _ = _rigid(bound[self.order[top]])
        scale = float(np.ptp(positions[known], axis=0).max())
        apart = np.stack([bound[self.order[at]][:3, 3] for at in known])
        scale /= max(float(np.ptp(apart, axis=0).max()), 1e-12)
        into = turns[top] @ lead.T
        positions, turns = positions.copy(), turns.copy()
        origin, start = positions[top].copy(), bound[self.order[top]][:3, 3]
        for at in known:
            turn, _ = _rigid(bound[self.order[at]])
            turns[at] = into @ turn
            positions[at] = origin + scale * into @ (bound[self.order[at]][:3, 3] - start)
        for at, parent in enumerate(self.parents):  # joints without a skin hang on those with one
            if at not in known and parent >= 0:
                move = turns[parent] @ default[1][parent].T
                turns[at] = move @ default[1][at]
                positions[at] = positions[parent] + move @ (default[0][at] - default[0][parent])
        return positions, turns


def _saved_pose(gltf: Gltf, order: Sequence[int], parents: Sequence[int]) -> tuple[Array, Array]:
    """Return world positions and orientations of the nodes as saved."""
    translations: list[Array] = []
    rotations: list[Array] = []
    scales: list[float] = []
    for node, parent in zip(order, parents, strict=True):
        translation, rotation, scale = node_parts(gltf.nodes[node])
        above = scales[parent] if parent >= 0 else 1.0
        translations.append(above * translation)
        rotations.append(Rotation.from_quat(rotation).as_matrix()[None])
        scales.append(above * float(np.abs(scale).mean()))
    positions, turns = world_transforms(parents, translations, rotations)
    return positions[0], turns[0]


def node_parts(node: Mapping[str, Any]) -> tuple[Array, Array, Array]:
    """Return translation, rotation as quaternion x y z w, and scale of a node."""
    if "matrix" in node:
        matrix = np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
        turn, scale = _rigid(matrix)
        return matrix[:3, 3], Rotation.from_matrix(turn).as_quat(), np.full(3, scale)
    return (
        np.array(node.get("translation", (0, 0, 0)), dtype=np.float64).reshape(3),
        np.array(node.get("rotation", (0, 0, 0, 1)), dtype=np.float64).reshape(4),
        np.array(node.get("scale", (1, 1, 1)), dtype=np.float64).reshape(3),
    )


def _rigid(matrix: Array) -> tuple[Array, float]:
    """Return the rotation ``(3, 3)`` nearest to a matrix ``(4, 4)``, and its mean scale."""
    u, sizes, vt = np.linalg.svd(matrix[:3, :3])
    u[:, 2] *= np.sign(np.linalg.det(u @ vt))
    return u @ vt, float(sizes.mean())


def _parts(gltf: Gltf, node: int) -> bool:
    """Return whether a node with a mesh also carries other nodes."""
    return bool(gltf.nodes[node].get("children"))


def _chunks(data: bytes) -> tuple[bytes, bytes | None]:
    """Return the JSON and binary chunks of a GLB."""
    if len(data) < 20 or struct.unpack_from("<I", data, 4)[0] != 2:
        raise FormatError("is not GLB of version 2, or truncated")
    if struct.unpack_from("<I", data, 8)[0] > len(data):
        raise FormatError("is damaged or truncated: its header says it is longer")
    chunks: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(data):
        length, kind = struct.unpack_from("<I4s", data, at)
        chunks.setdefault(kind, data[at + 8 : at + 8 + length])
        at += 8 + length
    if b"JSON" not in chunks:
        raise FormatError("is damaged: it has no JSON chunk")
    return chunks[b"JSON"], chunks.get(b"BIN\0")


def _buffer(entry: Mapping[str, Any], binary: bytes | None, folder: Path) -> bytes:
    uri = entry.get("uri")
    if uri is None:
        if binary is None:
            raise FormatError("is damaged or truncated: it has no binary chunk")
        return binary
    if not isinstance(uri, str):
        raise FormatError("is damaged: a buffer's uri is no text")
    if uri.startswith("data:"):
        try:
            return base64.b64decode(uri.partition(",")[2], validate=True)
        except binascii.Error as error:
            raise FormatError(f"is damaged: a buffer in it is no base64 ({error})") from error
    if Path(uri).name != uri or "\\" in uri or ":" in uri:
        raise FormatError(f"names the buffer {uri[:80]!r}; only files beside it are read")
    with open_regular(folder / uri) as file:
        check_memory(os.fstat(file.fileno()).st_size, f"the buffer {uri[:80]!r}")
        return file.read()
