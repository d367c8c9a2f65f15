"""Which joints of other skeletons are our 22: tables for the namings that are met in the wild.

A table gives for each of `JOINT_NAMES` the source joint, or several whose mean it is. Names are
compared without namespace (``mixamorig:``), case, spaces and underscores. ``"Head End"`` is the
end site below ``Head``.

    table         names as in                            found by
    bandai-namco  Bandai-Namco Research Motiondataset    the reference joints, exact to 0.1 mm
    cmu-acclaim   ASF/AMC of CMU and HDM05               bones; a bone's joint is where it ends
    cmu-bvh       CMU in the BVH form of cgspeed         the same skeleton, joints where bones start
    cc-base       Reallusion characters, ``CC_Base_*``
    mixamo        Mixamo, and the many rigs named alike
    smpl          our own names, as `write_bvh` writes them
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError
from ..skeleton import JOINT_NAMES

JointMap = Mapping[str, str | tuple[str, ...]]


def _both_sides(middle: JointMap, sided: JointMap, left: str, right: str) -> JointMap:
    """`middle`, and `sided` twice: ``{}`` in its values becomes `left` or `right`."""
    table = dict(middle)
    for side, word in (("left", left), ("right", right)):
        for joint, source in sided.items():
            sources = (source,) if isinstance(source, str) else source
            table[f"{side}_{joint}"] = tuple(name.format(word) for name in sources)
    return table


JOINT_MAPS: Mapping[str, JointMap] = {
    # Three spine joints of the source for our four: spine1 is halfway from Hips to Spine.
    "bandai-namco": _both_sides(
        {
            "pelvis": "Hips",
            "spine1": ("Hips", "Spine"),
            "spine2": "Spine",
            "spine3": "Chest",
            "neck": "Neck",
            "head": "Head",
        },
        {
            "hip": "UpperLeg_{}",
            "knee": "LowerLeg_{}",
            "ankle": "Foot_{}",
            "foot": "Toes_{}",
            "collar": "Shoulder_{}",
            "shoulder": "UpperArm_{}",
            "elbow": "LowerArm_{}",
            "wrist": "Hand_{}",
        },
        left="L",
        right="R",
    ),
    # SMPL's spine3 lies lower than the thorax bone's end; clavicles start in the spine here, and
    # SMPL's collars lie halfway to the shoulders; the forearm is the bones radius and wrist.
    "cmu-acclaim": _both_sides(
        {
            "pelvis": "root",
            "spine1": "lowerback",
            "spine2": "upperback",
            "spine3": ("upperback", "thorax"),
            "neck": ("lowerneck", "upperneck"),
            "head": ("upperneck", "head"),
        },
        {
            "hip": "{}hipjoint",
            "knee": "{}femur",
            "ankle": "{}tibia",
            "foot": "{}foot",
            "collar": ("lowerneck", "{}clavicle"),
            "shoulder": "{}clavicle",
            "elbow": "{}humerus",
            "wrist": "{}wrist",
        },
        left="l",
        right="r",
    ),
    "cmu-bvh": _both_sides(
        {
            "pelvis": "Hips",
            "spine1": "Spine",
            "spine2": "Spine1",
            "spine3": ("Spine1", "Neck"),
            "neck": ("Neck1", "Head"),
            "head": ("Head", "Head End"),
        },
        {
            "hip": "{}UpLeg",
            "knee": "{}Leg",
            "ankle": "{}Foot",
            "foot": "{}ToeBase",
            "collar": ("Neck1", "{}Arm"),
            "shoulder": "{}Arm",
            "elbow": "{}ForeArm",
            "wrist": "{}Hand",
        },
        left="Left",
        right="Right",
    ),
    "cc-base": _both_sides(
        {
            "pelvis": "CC_Base_Pelvis",
            "spine1": "CC_Base_Waist",
            "spine2": "CC_Base_Spine01",
            "spine3": "CC_Base_Spine02",
            "neck": "CC_Base_NeckTwist01",
            "head": "CC_Base_Head",
        },
        {
            "hip": "CC_Base_{}_Thigh",
            "knee": "CC_Base_{}_Calf",
            "ankle": "CC_Base_{}_Foot",
            "foot": "CC_Base_{}_ToeBase",
            "collar": "CC_Base_{}_Clavicle",
            "shoulder": "CC_Base_{}_Upperarm",
            "elbow": "CC_Base_{}_Forearm",
            "wrist": "CC_Base_{}_Hand",
        },
        left="L",
        right="R",
    ),
    "mixamo": _both_sides(
        {
            "pelvis": "Hips",
            "spine1": "Spine",
            "spine2": "Spine1",
            "spine3": "Spine2",
            "neck": "Neck",
            "head": "Head",
        },
        {
            "hip": "{}UpLeg",
            "knee": "{}Leg",
            "ankle": "{}Foot",
            "foot": "{}ToeBase",
            "collar": "{}Shoulder",
            "shoulder": "{}Arm",
            "elbow": "{}ForeArm",
            "wrist": "{}Hand",
        },
        left="Left",
        right="Right",
    ),
    "smpl": {name: name for name in JOINT_NAMES},
}


def find_joint_map(names: Iterable[str]) -> JointMap:
    """The first table whose source joints are all among `names`.

    Raises:
        FormatError: no table fits; lists what the best one misses and what the file has.
    """
    given = list(names)
    present = {plain_name(name) for name in given}
    missing = {
        title: [
            f"{joint} ({' + '.join(absent)})"
            for joint, source in table.items()
            if (absent := [name for name in sources(source) if plain_name(name) not in present])
        ]
        for title, table in JOINT_MAPS.items()
    }
    title = min(missing, key=lambda each: len(missing[each]))
    if not missing[title]:
        return JOINT_MAPS[title]
    if len(missing[title]) > len(JOINT_NAMES) // 2:
        problem = "not those of a known skeleton"
    else:
        problem = f"those of {title}, but without {', '.join(missing[title])}"
    raise FormatError(f"has joints that are {problem}; it has: {listed(given)}")


def wanted_names(joint_map: JointMap, names: Iterable[str]) -> list[str]:
    """Those of `names` that `joint_map` needs; the first where two are alike.

    Raises:
        FormatError: the table lacks one of the 22 joints, or names a joint that is not there.
    """
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(plain_name(name), name)
    lacking = [joint for joint in JOINT_NAMES if joint not in joint_map]
    absent = [
        name
        for source in joint_map.values()
        for name in sources(source)
        if plain_name(name) not in first
    ]
    if lacking or absent:
        problem = f"no entry for {', '.join(lacking)}" if lacking else f"{', '.join(absent)}"
        raise FormatError(
            f"does not fit the given joint map: {problem}; it has: {listed(list(first.values()))}"
        )
    needed = {plain_name(name) for joint in JOINT_NAMES for name in sources(joint_map[joint])}
    return [name for plain, name in first.items() if plain in needed]


def map_joints(
    positions: NDArray[np.float64], names: Sequence[str], joint_map: JointMap
) -> NDArray[np.float64]:
    """Joints ``(T, 22, 3)`` from the positions ``(T, len(names), 3)`` of `wanted_names`."""
    index = {plain_name(name): at for at, name in enumerate(names)}
    joints = np.empty((len(positions), len(JOINT_NAMES), 3))
    for at, joint in enumerate(JOINT_NAMES):
        found = [index[plain_name(name)] for name in sources(joint_map[joint])]
        joints[:, at] = positions[:, found].mean(axis=1)
    return joints


def sources(source: str | tuple[str, ...]) -> tuple[str, ...]:
    """The source joints of one table entry."""
    return (source,) if isinstance(source, str) else source


def plain_name(name: str) -> str:
    """The name as it is compared: no namespace, lower case, letters and digits only."""
    bare = re.sub(r"^mixamorig\d*[_:]?", "", name.rpartition(":")[2], flags=re.IGNORECASE)
    return re.sub(r"[^a-z0-9]", "", bare.casefold())


def listed(names: Sequence[str]) -> str:
    """Names as they stand in a message, the first 60 of them."""
    return ", ".join(names[:60]) + (f", … ({len(names)} in all)" if len(names) > 60 else "")
