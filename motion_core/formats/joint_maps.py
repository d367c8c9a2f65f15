"""Which joints of a file are our 22: said by a person, known of a data set, or recognised.

A map gives for each of `JOINT_NAMES` the file's joint, or several whose mean it is. What a map
leaves out is recognised (`recognition`), and what a skeleton does not have is put where people
have it: spine joints between those there are, collars half way to the shoulders, toes ahead of
the ankles.

    known set     found by                               why it is not left to recognition
    bandai-namco  Bandai-Namco Research Motiondataset    the reference joints, exact to 0.1 mm
    cmu-acclaim   ASF/AMC of CMU and HDM05               means; a bone's joint is where it ends
    cmu-bvh       CMU in the BVH form of cgspeed         the same skeleton, the same means
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError, InputError
from ..json_text import parse_json
from ..skeleton import JOINT_NAMES
from .recognition import recognise
from .recording import Recording

Array = NDArray[np.float64]

JointMap = Mapping[str, str | tuple[str, ...]]

_SURE = 0.5  # confidence from which on a recognised skeleton is taken
_LIMBS = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
_NEEDED = {"pelvis", *(f"{side}_{part}" for side in ("left", "right") for part in _LIMBS)}


def _both_sides(middle: JointMap, sided: JointMap, left: str, right: str) -> JointMap:
    """Return `middle`, and `sided` twice with ``{}`` in its values replaced by `left` and
    `right`.
    """
    table = dict(middle)
    for side, word in (("left", left), ("right", right)):
        for joint, source in sided.items():
            sources = (source,) if isinstance(source, str) else source
            table[f"{side}_{joint}"] = tuple(name.format(word) for name in sources)
    return table


KNOWN_SETS: Mapping[str, JointMap] = {
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
}
# Joints that tell a set from others whose joints have the same names.
_MARKS = {"cmu-bvh": ("LHipJoint", "RHipJoint", "LowerBack")}


@dataclass(frozen=True)
class ChosenMap:
    """The map by which a recording is read.

    Attributes:
        joints: the file's joints for ours; ours that the file does not have are left out.
        source: the known set, ``"recognised"`` or ``"given"``.
        confidence: 0 to 1 that these are the joints.
        notes: what the names and the body disagree on.
    """

    joints: JointMap
    source: str
    confidence: float = 1.0
    notes: tuple[str, ...] = ()

    def as_json(self) -> str:
        """Return the map as a file for `read_map`."""
        return json.dumps(
            {
                name: list(found)
                if not isinstance(found, str) and len(found) > 1
                else sources(found)[0]
                for name in JOINT_NAMES
                if (found := self.joints.get(name))
            },
            indent=2,
        )


def choose_map(
    recording: Recording, joint_map: JointMap | None = None, *, sure: bool = True
) -> ChosenMap:
    """Choose the map for a recording: the given one, a known set's, or a recognised one.

    Joints missing from a given map are recognised.

    Args:
        recording: a skeleton in motion.
        joint_map: the user's map of its joints.
        sure: whether to refuse an uncertain map.

    Raises:
        FormatError: the given map does not fit, or no person is recognised for sure; it tells the
            map that would have been used and how to give one.
    """
    if joint_map is not None:
        joint_map = _fitting(joint_map, recording.names)
        single = {ours: source[0] for ours, source in joint_map.items() if len(source) == 1}
        recording = replace(recording, roles={**recording.roles, **single})
    elif (title := _known(recording.names)) is not None:
        return ChosenMap(KNOWN_SETS[title], title)
    elif set(recording.roles) >= _NEEDED:
        return ChosenMap(dict(recording.roles), "given")
    found = recognise(recording)
    joints: dict[str, str | tuple[str, ...]] = {}
    if found is not None:
        joints = {ours: recording.names[joint] for ours, joint in found.joints.items()}
    joints |= joint_map or {}
    chosen = ChosenMap(
        joints,
        "given" if joint_map else "recognised",
        found.confidence if found else 0.0,
        found.doubts if found else (),
    )
    lacking = [name for name in JOINT_NAMES if name in _NEEDED and name not in joints]
    if joint_map is not None and not lacking:
        return chosen
    if found is None or (sure and (lacking or found.confidence < _SURE)):
        raise FormatError(_refusal(recording.names, chosen))
    return chosen


def read_map(path: Path) -> JointMap:
    """Read a map from a JSON file: ``{"pelvis": "Hips", "spine1": ["Hips", "Spine"], …}``.

    Raises:
        InputError: no such file, not JSON, or not a map.
    """
    try:
        tree = parse_json(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise InputError(f"there is no file {path}") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no joint map: {error}") from error
    if not isinstance(tree, dict) or not tree:
        raise InputError(f'{path} is no joint map, such as {{"pelvis": "Hips", "left_hip": …}}')
    unknown = sorted(set(tree) - set(JOINT_NAMES))
    if unknown:
        raise InputError(
            f"{path} maps {', '.join(map(str, unknown[:5]))}; ours are {', '.join(JOINT_NAMES)}"
        )
    joints: dict[str, str | tuple[str, ...]] = {}
    for ours, source in tree.items():
        names = [source] if isinstance(source, str) else source
        if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
            raise InputError(
                f"{path} maps {ours} to {str(source)[:60]}; give a name or a list of them"
            )
        joints[ours] = tuple(names)
    return joints


def map_joints(recording: Recording, joints: JointMap) -> Array:
    """Return joints ``(T, 22, 3)`` of a recording, in its own units and axes."""
    places = {plain_name(name): at for at, name in reversed(list(enumerate(recording.names)))}
    exact = {name: at for at, name in enumerate(recording.names)}

    def place(name: str) -> int:
        return exact[name] if name in exact else places[plain_name(name)]

    indices = {ours: [place(name) for name in sources(source)] for ours, source in joints.items()}
    order = sorted({at for found in indices.values() for at in found})
    column = {at: number for number, at in enumerate(order)}
    positions = recording.positions(order)
    found = {
        ours: positions[:, [column[at] for at in these]].mean(axis=1)
        if len(these) > 1
        else positions[:, column[these[0]]]
        for ours, these in indices.items()
    }
    complete(found)
    return np.stack([found[name] for name in JOINT_NAMES], axis=1)


def complete(found: dict[str, Array]) -> None:
    """Put those of our joints that a skeleton does not have where people have them."""
    pelvis, shoulders = found["pelvis"], (found["left_shoulder"] + found["right_shoulder"]) / 2
    leg = _length(found["left_hip"], found["left_knee"]) + _length(
        found["left_knee"], found["left_ankle"]
    )
    if "head" not in found and "neck" not in found:
        found["neck"] = shoulders + 0.13 * (shoulders - pelvis)
    if "neck" not in found:
        found["neck"] = shoulders + 0.5 * (found["head"] - shoulders)
    if "spine3" not in found:
        found["spine3"] = pelvis + 0.62 * (found["neck"] - pelvis)
    if "spine2" not in found:
        below, share = (found["spine1"], 0.6) if "spine1" in found else (pelvis, 0.72)
        found["spine2"] = below + share * (found["spine3"] - below)
    if "spine1" not in found:
        found["spine1"] = (pelvis + found["spine2"]) / 2
    if "head" not in found:
        up = found["neck"] - found["spine3"]
        found["head"] = found["neck"] + 0.13 * leg * up / _length(found["neck"], found["spine3"])
    across = found["left_hip"] - found["right_hip"]
    for side in ("left", "right"):
        if f"{side}_collar" not in found:
            found[f"{side}_collar"] = (found["neck"] + found[f"{side}_shoulder"]) / 2
        if f"{side}_foot" not in found:
            shin = found[f"{side}_ankle"] - found[f"{side}_knee"]
            ahead = np.cross(shin, across)
            toes = 0.9 * _unit(ahead) + 0.42 * _unit(shin)
            found[f"{side}_foot"] = found[f"{side}_ankle"] + 0.17 * leg * toes


def sources(source: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return the source joints of one entry of a map."""
    return (source,) if isinstance(source, str) else source


def plain_name(name: str) -> str:
    """Return a name for comparison: no namespace, lower case, letters and digits only."""
    bare = re.sub(r"^mixamorig\d*[_:]?", "", name.rpartition(":")[2], flags=re.IGNORECASE)
    return re.sub(r"[^a-z0-9]", "", bare.casefold())


def listed(names: Sequence[str]) -> str:
    """Return the first 60 names for a message."""
    return ", ".join(names[:60]) + (f", … ({len(names)} in all)" if len(names) > 60 else "")


def _known(names: Iterable[str]) -> str | None:
    """Return the known set whose joints are all among `names`."""
    present = {plain_name(name) for name in names}
    for title, table in KNOWN_SETS.items():
        needed = [name for source in table.values() for name in sources(source)]
        if present.issuperset(plain_name(name) for name in (*needed, *_MARKS.get(title, ()))):
            return title
    return None


def _fitting(joint_map: JointMap, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return a given map with the file's own names.

    Raises:
        FormatError: it names a joint that does not exist.
    """
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(plain_name(name), name)
    exact = set(names)
    absent = [
        name
        for source in joint_map.values()
        for name in sources(source)
        if name not in exact and plain_name(name) not in first
    ]
    if absent:
        raise FormatError(
            f"does not fit the given joint map: {', '.join(absent)}; it has: {listed(names)}"
        )
    return {
        ours: tuple(n if n in exact else first[plain_name(n)] for n in sources(source))
        for ours, source in joint_map.items()
    }


def _refusal(names: Sequence[str], chosen: ChosenMap) -> str:
    if len(chosen.joints) < 8:
        return (
            f"has no skeleton of a person that is recognised; its joints: {listed(names)}; "
            "give a map of them (--map FILE)"
        )
    pairs = ", ".join(f"{ours}={'+'.join(sources(s))}" for ours, s in chosen.joints.items())
    return (
        f"has joints that are recognised with a confidence of {chosen.confidence:.2f} only: {pairs}"
        "; correct this map (--print-map) and give it (--map FILE)"
    )


def _length(a: Array, b: Array) -> Array:
    return np.asarray(np.linalg.norm(a - b, axis=-1, keepdims=True).mean())


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9))
