"""GLB: a skinned mannequin that moves, for Blender, game engines and web pages.

One file holds one or two people. Each has a skeleton of nodes (named as our joints) under a node
with its placement, and one skin. One animation moves all of them: programs play one at a time, so
with two the second person would stand still. Names, captions and segments are `extras` of each
person's node, and of the animation as a list, ``{"motions": […]}``:

    {"motion": "m-3fa9c1", "seconds": 4.0, "provenance": {…},
     "segments": [{"id": "s1", "description": "a person bows", "start": 0.0, "end": 4.0, …}]}

Format: glTF 2.0, Khronos; metres, y up, facing +z, as it wants them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ..atomic import replacing
from ..motion import Motion
from ..placement import Placement
from ..skeleton import FPS, JOINT_NAMES, PARENTS
from .gltf_file import BYTE, FLOAT, INT, SHORT, GltfFile
from .posing import CHILDREN, Pose, rest_positions, solve_pose
from .skin import fitted_skin

_VERTICES, _INDICES = 34962, 34963  # what a buffer view is for
_LINEAR_CLAMPED = {"magFilter": 9729, "minFilter": 9729, "wrapS": 33071, "wrapT": 33071}


def write_glb(
    motion: Motion | Sequence[Motion],
    path: str | Path,
    *,
    placements: Sequence[Placement] | None = None,
) -> None:
    """Write one or several people as binary glTF, atomically.

    Args:
        motion: one motion, or one for each person.
        path: the file to write.
        placements: where each person stands; all at the origin if not told.

    Raises:
        UnavailableError: the file cannot be written.
    """
    data = packed_glb([motion] if isinstance(motion, Motion) else motion, placements)
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def packed_glb(motions: Sequence[Motion], placements: Sequence[Placement] | None = None) -> bytes:
    """Return what `write_glb` writes."""
    file = _File()
    for number, each in enumerate(motions):
        file.add_person(number, each, placements[number] if placements else Placement())
    file.name_animation(motions)
    return file.packed()


class _File(GltfFile):
    """Mannequins that move."""

    def __init__(self) -> None:
        super().__init__(
            {
                "asset": {"version": "2.0", "generator": "motion-agent"},
                "scene": 0,
                "scenes": [{"nodes": []}],
                "animations": [{"name": "", "samplers": [], "channels": []}],
            }
        )

    def add_person(self, number: int, motion: Motion, placement: Placement) -> None:
        person = f"person {number + 1}"
        pose = solve_pose(motion.joints.astype(np.float64))
        first = len(self.json.get("nodes", ())) + 1  # node of the pelvis
        half = math.radians(placement.theta) / 2
        root = {
            "name": person,
            "translation": [placement.x, 0.0, placement.z],
            "rotation": [0.0, math.sin(half), 0.0, math.cos(half)],
            "children": [first],
            "extras": motion_extras(motion),
        }
        self.json["scenes"][0]["nodes"].append(self.add("nodes", root))
        for joint, name in enumerate(JOINT_NAMES):
            node: dict[str, Any] = {"name": name, "translation": pose.offsets[joint].tolist()}
            if CHILDREN[joint]:
                node["children"] = [first + child for child in CHILDREN[joint]]
            self.add("nodes", node)
        body = {"name": f"{person} body", "mesh": self._mesh(number, pose)}
        body["skin"] = self._skin(pose, first)
        self.json["scenes"][0]["nodes"].append(self.add("nodes", body))
        self._animate(len(motion), pose, first)

    def name_animation(self, motions: Sequence[Motion]) -> None:
        """Tell in the animation whose motions it holds."""
        captions = [
            "; ".join(segment.description for segment in motion.segments) or motion.id
            for motion in motions
        ]
        animation = self.json["animations"][0]
        animation["name"] = " | ".join(captions)
        animation["extras"] = {"motions": [motion_extras(motion) for motion in motions]}

    def _mesh(self, number: int, pose: Pose) -> int:
        skin = fitted_skin(pose.offsets)
        sides = np.stack([skin.sides, np.full_like(skin.sides, 0.5)], axis=-1)
        attributes = {
            "POSITION": self.add_array(skin.vertices, FLOAT, _VERTICES, bounds=True),
            "NORMAL": self.add_array(skin.normals, FLOAT, _VERTICES),
            "TEXCOORD_0": self.add_array(sides, FLOAT, _VERTICES),
            "JOINTS_0": self.add_array(np.where(skin.weights > 0, skin.joints, 0), BYTE, _VERTICES),
            "WEIGHTS_0": self.add_array(skin.weights, FLOAT, _VERTICES),
        }
        kind = SHORT if len(skin.vertices) < 65535 else INT
        primitive = {
            "attributes": attributes,
            "indices": self.add_array(skin.triangles.ravel(), kind, _INDICES),
            "material": self._material(number),
        }
        return self.add("meshes", {"name": "mannequin", "primitives": [primitive]})

    def _material(self, number: int) -> int:
        if "samplers" not in self.json:
            self.add("samplers", _LINEAR_CLAMPED)
        view = self.add_view(_colours(number))
        image = self.add("images", {"bufferView": view, "mimeType": "image/png"})
        texture = self.add("textures", {"source": image, "sampler": 0})
        look = {
            "baseColorTexture": {"index": texture},
            "metallicFactor": 0.0,
            "roughnessFactor": 0.6,
        }
        return self.add("materials", {"name": f"person {number + 1}", "pbrMetallicRoughness": look})

    def _skin(self, pose: Pose, first: int) -> int:
        inverse = np.tile(np.eye(4), (len(PARENTS), 1, 1))
        inverse[:, 3, :3] = -rest_positions(pose.offsets)  # transposed: glTF goes by columns
        skin = {
            "skeleton": first,
            "joints": list(range(first, first + len(PARENTS))),
            "inverseBindMatrices": self.add_array(inverse, FLOAT),
        }
        return self.add("skins", skin)

    def _animate(self, frames: int, pose: Pose, first: int) -> None:
        """Add channels for one person, whose pelvis is the node `first`."""
        times = self.add_array(np.arange(frames) / FPS, FLOAT, bounds=True)
        animation = self.json["animations"][0]

        for joint, translation in pose.translations.items():
            self.add_channel(animation, times, first + joint, "translation", translation)
        for joint, children in enumerate(CHILDREN):
            if children:
                turns = quaternions(pose.rotations[:, joint])
                self.add_channel(animation, times, first + joint, "rotation", turns)


def motion_extras(motion: Motion) -> dict[str, Any]:
    """Return what is known of a motion, as JSON values."""
    return {
        "motion": motion.id,
        "seconds": motion.duration,
        "segments": [
            {
                "id": segment.id,
                "description": segment.description,
                "start": start / FPS,
                "end": end / FPS,
                "seed": segment.seed,
            }
            for segment, start, end in motion.segment_frames()
        ],
        "provenance": dict(motion.provenance),
    }


def quaternions(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return unit quaternions ``(T, 4)``, x y z w, each on the side of the one before."""
    values = Rotation.from_matrix(matrices).as_quat()
    turned = np.where((values[1:] * values[:-1]).sum(axis=-1) < 0, -1.0, 1.0)
    values[1:] *= np.cumprod(turned)[:, None]
    return np.asarray(values)


def _colours(number: int) -> bytes:
    """Return a picture from the colour of left limbs over that of the trunk to that of right
    ones.
    """
    from PIL import Image

    from ..rendering.palette import PALETTES, rgb

    people = PALETTES["light"].people
    colours = people[number % len(people)]
    share = np.linspace(0, 1, 64)
    share = 0.5 * np.clip((share - 0.1) / 0.3, 0, 1) + 0.5 * np.clip((share - 0.6) / 0.3, 0, 1)
    stops = np.stack([rgb(colours[side]) for side in ("left", "body", "right")])
    row = np.stack([np.interp(share, [0, 0.5, 1], stop) for stop in stops.T], axis=-1)
    png = BytesIO()
    picture = np.rint(row).astype(np.uint8)[None].repeat(2, axis=0)
    Image.fromarray(picture).save(png, "PNG")
    return png.getvalue()
