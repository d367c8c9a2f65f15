"""Three animation packs as training data: single clips with our own captions.

    clips = find_clips("mesh2motion", folder)
    joints, fps = read_clip("mesh2motion", folder, clips[0])

- deepmimic: motion capture on a humanoid of 15 joints, ``humanoid3d_{clip}.txt`` (MIT)
- mesh2motion: hand-keyed clips on two rigs of human proportions, GLB (CC0)
- kaykit: hand-keyed clips on a small figure with a big head, GLB (CC0)

Clips are left out if they show a weapon or magic that the body alone does not convey, do not move,
are too short to see, or walk unlike any person (`pack_clips` lists those used; every clip was
inspected). Clips that walk in place are moved along so that standing feet do not slide.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .. import rotations
from ..cleaning import bend_leg
from ..errors import InputError
from .captions import inflect
from .pack_clips import CLIPS, ClipEntry
from .pack_rigs import deepmimic_joints, rig_joints
from .pack_wordings import PACK_WORDINGS
from .rig_animations import FPS, RigFile

Array = NDArray[np.float64]
Pack = Literal["deepmimic", "mesh2motion", "kaykit"]

LOOP_SECONDS = 2.5
"""How long a repeated cycle lasts at least."""

_FEET = (7, 10, 8, 11)  # ankles and balls
_SUPPORTS = (*_FEET, 4, 5, 20, 21)  # joints that may stand on the floor: feet, knees, hands
_ARMS = (18, 19, 20, 21)  # elbows and wrists
_HANDS, _LEGS = (20, 21), (4, 5, 7, 8, 10, 11)
_LOW = 0.03  # metres above the lowest joint that still count as standing
# Thickness of the body around each of our 22 joints in metres: how high they lie on the floor.
_RADII = np.array(
    [
        *(0.10, 0.09, 0.09, 0.11, 0.05, 0.05, 0.11, 0.06, 0.06, 0.11, 0.02, 0.02),
        *(0.07, 0.08, 0.08, 0.10, 0.07, 0.07, 0.05, 0.05, 0.04, 0.04),
    ]
)
_MESH2MOTION_FILES = {"base": "m2m-base-20250810", "addon": "m2m-addon-20260322"}
# Sentences about a person, with the verb's form.
_SENTENCES = (
    ("a person {}", "third"),
    ("someone is {}", "progressive"),
    ("the person {}", "third"),
    ("a man {}", "third"),
    ("a person is {}", "progressive"),
)


@dataclass(frozen=True)
class PackClip:
    """One clip of a pack.

    Attributes:
        pack: the pack.
        name: unique and stable: ``mesh2motion/addon/Pushup``.
        action: a short verb phrase in base form, the same for clips of the same action.
        captions: plain sentences about what the body does.
        loops: whether the clip is one cycle of a continuing action.
    """

    pack: Pack
    name: str
    action: str
    captions: tuple[str, ...]
    loops: bool


def find_clips(pack: Pack, folder: Path) -> list[PackClip]:
    """Return the clips of a pack whose files are in the folder, in the order of their names.

    Raises:
        InputError: unknown pack, or the folder has no files of it.
    """
    entries = _entries(pack)
    clips = [
        PackClip(pack, f"{pack}/{name}", entry.action, _captions(entry.action), entry.loops)
        for name, entry in sorted(entries.items())
        if _file(pack, folder, name).is_file()
    ]
    if not clips:
        expected = _file(pack, folder, next(iter(entries))).name
        raise InputError(f"no files of {pack} in {folder}; expected {expected} and others")
    return clips


def read_clip(pack: Pack, folder: Path, clip: PackClip) -> tuple[Array, float]:
    """Return joints ``(T, 22, 3)`` of a clip and its frames per second.

    Metres, y up, the floor at 0, the standard skeleton; a cycle is repeated for at least
    `LOOP_SECONDS`.

    Raises:
        InputError: the pack has no such clip.
        FormatError: a file cannot be read in its expected format.
    """
    name = clip.name.removeprefix(f"{pack}/")
    entry = _entries(pack).get(name)
    if entry is None:
        raise InputError(f"the pack {pack} has no clip {clip.name!r}")
    path = _file(pack, folder, name)
    if pack == "deepmimic":
        joints, fps = deepmimic_joints(path)
    else:
        rig, fps = RigFile(path), FPS
        parts = [rig_joints(rig.read(part)) for part in name.split("/")[1].split("+")]
        joints = np.concatenate([parts[0], *(part[1:] for part in parts[1:])])
    if pack == "kaykit" and not entry.airborne:
        joints = _put_down(joints, entry)
    step = _stride(joints) if entry.travels else np.zeros(3)
    if entry.loops:
        joints = _repeated(joints, -(-round(LOOP_SECONDS * fps) // (len(joints) - 1)))
    along = joints + (np.arange(len(joints))[:, None] * step)[:, None]
    return along - [0, along[..., 1].min(), 0], fps


def _entries(pack: str) -> dict[str, ClipEntry]:
    if pack not in CLIPS:
        raise InputError(f"no pack named {pack!r}; there are: {', '.join(CLIPS)}")
    return CLIPS[pack]


def _file(pack: str, folder: Path, name: str) -> Path:
    first = name.split("/")[0]
    match pack:
        case "deepmimic":
            return folder / f"humanoid3d_{name}.txt"
        case "mesh2motion":
            return folder / f"{_MESH2MOTION_FILES[first]}.glb"
        case _:
            return folder / f"Med_{first}.glb"


def _captions(action: str) -> tuple[str, ...]:
    """Return each wording as two sentences."""
    captions = []
    for number, wording in enumerate(PACK_WORDINGS[action]):
        for turn in (2 * number, 2 * number + 1):
            sentence, form = _SENTENCES[turn % len(_SENTENCES)]
            captions.append(sentence.format(inflect(wording, form)))
    return tuple(captions)


def _put_down(joints: Array, entry: ClipEntry) -> Array:
    """Return joints with the body on the floor in each frame, and no hand below it.

    The original height of a sitting or lying body is meaningless: it is scaled from a figure half
    as tall whose trunk is as thick as its legs are long.
    """
    if entry.lying:
        return _lain_down(joints)
    if entry.on_hands:
        joints = _tilted(joints)
    heights = joints[..., 1] - _RADII  # (T, 22)
    bears = np.ones(len(_RADII), dtype=bool)
    bears[list(_ARMS)] = entry.on_hands
    down = joints - heights[:, bears].min(axis=1)[:, None, None] * (0, 1, 0)
    if not entry.on_hands:
        down[:, _ARMS, 1] = np.maximum(down[:, _ARMS, 1], _RADII[list(_ARMS)])
    return np.asarray(down)


def _tilted(joints: Array) -> Array:
    """Return joints of a body facing +z, pitched so that hands and legs are down together."""
    frames = np.arange(len(joints))
    heights = joints[..., 1] - _RADII
    hand, leg = (
        joints[frames, np.array(part)[heights[:, part].argmin(axis=1)]] for part in (_HANDS, _LEGS)
    )
    pitch = np.arctan2(hand[:, 1] - leg[:, 1], hand[:, 2] - leg[:, 2])  # (T,)
    zero = np.zeros_like(pitch)
    turn = np.stack([np.cos(pitch / 2), np.sin(pitch / 2), zero, zero], axis=-1)
    return np.asarray(rotations.rotate(turn[:, None], joints))


def _lain_down(joints: Array) -> Array:
    """Return joints with the pelvis on the floor in each frame, and the knees up where the feet
    stand.
    """
    joints = joints - (joints[:, :1] - _RADII[0]) * (0, 1, 0)
    for leg in ((1, 4, 7, 10), (2, 5, 8, 11)):
        hip, knee, ankle, ball = (joints[:, joint].copy() for joint in leg)
        sunk = np.minimum(joints[:, leg[2:], 1] - _RADII[list(leg[2:])], 0).min(axis=1)
        raised = ankle - sunk[:, None] * (0, 1, 0)
        joints[:, leg[1]], joints[:, leg[2]] = bend_leg(hip, knee, ankle, raised)
        joints[:, leg[3]] = joints[:, leg[2]] + (ball - ankle)
    return joints


def _stride(joints: Array) -> Array:
    """Return the velocity per frame ``(3,)`` at which standing joints do not slide."""
    low = joints[:, list(_SUPPORTS)]
    steps = np.diff(low, axis=0)  # (T-1, 8, 3)
    heights = np.maximum(low[1:, :, 1], low[:-1, :, 1])
    stands = heights < np.minimum.reduce(heights, axis=(0, 1)) + _LOW
    return np.array([0.0, 0.0, -np.median(steps[stands][:, 2])])


def _repeated(joints: Array, times: int) -> Array:
    """Return a cycle repeated `times`, each continuing where the previous one ended.

    A cycle that does not quite close is warped over its whole length until it does.
    """
    if times < 2:
        return joints
    way = (joints[-1, 0] - joints[0, 0]) * (1, 0, 1)
    gap = joints[0] + way - joints[-1]  # (22, 3)
    joints = joints + np.linspace(0, 1, len(joints))[:, None, None] * gap
    cycles = [joints[:-1] + number * way for number in range(times)]
    return np.concatenate([*cycles, joints[-1:] + (times - 1) * way])
