"""BVH as other programs expect it: names of joints, order of rotations, unit of length."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..choices import BvhUnit
from ..errors import InputError
from ..skeleton import JOINT_NAMES


@dataclass(frozen=True)
class BvhStyle:
    """How a BVH file is written.

    Attributes:
        names: theirs for each of `JOINT_NAMES`, in that order.
        order: of the rotations of every joint, from left to right: readers of research code take
            the first joint's for all.
        unit: metres suit Blender; most other programs take BVH as centimetres.
    """

    names: tuple[str, ...] = JOINT_NAMES
    order: str = "zxy"
    unit: BvhUnit = "m"

    def __post_init__(self) -> None:
        if sorted(self.order) != ["x", "y", "z"]:
            raise InputError(f"{self.order!r} is no order of rotations; give one such as zxy")


def _named(middle: str, sided: str, left: str, right: str, prefix: str = "") -> tuple[str, ...]:
    """Return names in our order: of the trunk from the pelvis to the head, of a side from hip to
    wrist.
    """
    trunk = dict(
        zip(("pelvis", "spine1", "spine2", "spine3", "neck", "head"), middle.split(), strict=True)
    )
    parts = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")
    for side, word in (("left", left), ("right", right)):
        for part, name in zip(parts, sided.split(), strict=True):
            trunk[f"{side}_{part}"] = name.format(word)
    return tuple(prefix + trunk[name] for name in JOINT_NAMES)


_MIXAMO = "{0}UpLeg {0}Leg {0}Foot {0}ToeBase {0}Shoulder {0}Arm {0}ForeArm {0}Hand"

BVH_STYLES: Mapping[str, BvhStyle] = {
    "plain": BvhStyle(),
    "mixamo": BvhStyle(
        _named("Hips Spine Spine1 Spine2 Neck Head", _MIXAMO, "Left", "Right", "mixamorig:"),
        unit="cm",
    ),
    "three": BvhStyle(  # Mixamo's names as three.js keeps them: it leaves out colons
        _named("Hips Spine Spine1 Spine2 Neck Head", _MIXAMO, "Left", "Right", "mixamorig"),
        unit="cm",
    ),
    "cmu": BvhStyle(
        _named("Hips LowerBack Spine Spine1 Neck1 Head", _MIXAMO, "Left", "Right"),
        order="zyx",
        unit="cm",
    ),
    "lafan1": BvhStyle(
        _named(
            "Hips Spine Spine1 Spine2 Neck Head",
            _MIXAMO.replace("ToeBase", "Toe"),
            "Left",
            "Right",
        ),
        order="zyx",
        unit="cm",
    ),
    "unreal": BvhStyle(
        _named(
            "pelvis spine_01 spine_02 spine_03 neck_01 head",
            "thigh_{0} calf_{0} foot_{0} ball_{0} clavicle_{0} upperarm_{0} lowerarm_{0} hand_{0}",
            "l",
            "r",
        ),
        unit="cm",
    ),
}
"""By name: our own joints in metres, and those of other programs."""


def bvh_style(name: str, *, order: str | None = None, unit: str | None = None) -> BvhStyle:
    """Return the style of this name, with another order or unit where one is given.

    Raises:
        InputError: a name, order or unit that there is not.
    """
    if name not in BVH_STYLES:
        raise InputError(f"unknown BVH style {name!r}; there are {', '.join(BVH_STYLES)}")
    style = BVH_STYLES[name]
    if unit is not None and unit not in ("m", "cm"):
        raise InputError(f"BVH is written in m or cm, not in {unit!r}")
    return BvhStyle(
        style.names,
        order.lower() if order else style.order,
        "cm" if unit == "cm" else "m" if unit == "m" else style.unit,
    )
