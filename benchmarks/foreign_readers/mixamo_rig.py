"""A character as Mixamo has them: names with colons, pictures, several materials, a smile."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from motion_agent import Motion
from motion_agent.motion_core.formats.bvh_styles import BVH_STYLES
from motion_agent.motion_core.formats.gltf import parse_gltf
from motion_agent.motion_core.formats.gltf_file import GltfFile
from motion_agent.motion_core.formats.gltf_images import image_bytes
from motion_agent.motion_core.skeleton import JOINT_NAMES


def write(path: Path, motion: Motion) -> Path:
    """Write our mannequin as such a character, and one of its pictures beside it.

    Its second material has a picture that is turned and moved (KHR_texture_transform); one picture
    is inside, one beside the file, one in its JSON, and one is missing.
    """
    mannequin = motion.export(path.parent / "mannequin.glb")
    found = parse_gltf(mannequin.read_bytes(), path.parent)
    mannequin.unlink()
    tree: dict[str, Any] = json.loads(json.dumps(found.json))
    names = dict(zip(JOINT_NAMES, BVH_STYLES["mixamo"].names, strict=True))
    for node in tree["nodes"]:
        node["name"] = names.get(node["name"], node["name"])
    picture = image_bytes(found, tree["images"][0])
    assert picture is not None
    (path.parent / "Textures").mkdir(exist_ok=True)
    (path.parent / "Textures" / "my coat.png").write_bytes(picture)
    inline = "data:image/png;base64," + base64.b64encode(picture).decode()
    tree["images"] += [{"uri": "Textures/my%20coat.png"}, {"uri": inline}, {"uri": "absent.png"}]
    tree["textures"] += [{"source": 1}, {"source": 2}]
    moved = {"offset": [0.25, 0.5], "rotation": 0.3, "scale": [0.5, 2.0]}
    look = {"index": 1, "extensions": {"KHR_texture_transform": moved}}
    tree["materials"].append({"name": "coat", "pbrMetallicRoughness": {"baseColorTexture": look}})
    tree["extensionsUsed"] = ["KHR_texture_transform"]
    mesh = tree["meshes"][0]
    positions = mesh["primitives"][0]["attributes"]["POSITION"]
    mesh["primitives"][0]["targets"] = [{"POSITION": positions}]
    mesh["primitives"].append({**mesh["primitives"][0], "material": 1})
    mesh |= {"weights": [0.0], "extras": {"targetNames": ["smile"]}}
    path.write_bytes(GltfFile(tree, found.buffers[0]).packed())
    return path
