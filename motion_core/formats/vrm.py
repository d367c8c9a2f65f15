"""VRM: which nodes of a glTF file are which bones of a person.

VRM 0 lists them under ``extensions.VRM.humanoid.humanBones``, VRM 1 and ``.vrma`` as an object
under ``VRMC_vrm`` and ``VRMC_vrm_animation`` (vrm-c/vrm-specification).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MIDDLE = {
    "hips": "pelvis",
    "spine": "spine1",
    "chest": "spine2",
    "upperChest": "spine3",
    "neck": "neck",
    "head": "head",
}
_SIDED = {
    "UpperLeg": "hip",
    "LowerLeg": "knee",
    "Foot": "ankle",
    "Toes": "foot",
    "Shoulder": "collar",
    "UpperArm": "shoulder",
    "LowerArm": "elbow",
    "Hand": "wrist",
}
HUMAN_BONES: Mapping[str, str] = {
    **_MIDDLE,
    **{
        f"{side}{bone}": f"{side}_{ours}"
        for side in ("left", "right")
        for bone, ours in _SIDED.items()
    },
}
"""Our joint for each of VRM's bones, which are also those of Unity's humanoid."""


def vrm_roles(tree: Mapping[str, Any]) -> dict[int, str]:
    """Return our joint for each node that the file declares as a human bone; often none."""
    extensions = tree.get("extensions", {})
    bones: dict[str, Any] = {}
    for title in ("VRM", "VRMC_vrm", "VRMC_vrm_animation"):
        found = extensions.get(title, {}).get("humanoid", {}).get("humanBones", {})
        if isinstance(found, list):
            found = {entry.get("bone"): entry for entry in found}
        bones.update(found)
    roles = {
        entry["node"]: HUMAN_BONES[bone]
        for bone, entry in bones.items()
        if bone in HUMAN_BONES and isinstance(entry.get("node"), int)
    }
    if "spine3" not in roles.values():  # a chest without an upper chest carries the arms
        roles = {node: "spine3" if role == "spine2" else role for node, role in roles.items()}
    return roles
