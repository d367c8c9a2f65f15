"""BVH (Biovision hierarchy): reading.

A joint's place in its parent's frame is its OFFSET, or where it has position channels, their
values instead; its rotation is the product of its rotation channels from left to right.
Bandai-Namco's files give every joint position and rotation channels, most others only the root.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError
from ..motion import MAX_FRAMES
from .kinematics import ancestors, turn, world_positions

Array = NDArray[np.float64]

_CHANNELS = {f"{axis}{kind}" for axis in "xyz" for kind in ("position", "rotation")}
_MOTION = re.compile(r"^[ \t]*MOTION[ \t\r]*$", re.MULTILINE)
_MAX_JOINTS = 2000
_MAX_HIERARCHY = 2_000_000  # characters; a joint has some 200
_MAX_NUMBER = 60  # characters; float64 needs 25 at most


@dataclass(frozen=True)
class Bvh:
    """A parsed file, in its own units.

    Attributes:
        names: of the joints, parents first; an end site is called ``"<its joint> End"``.
        parents: index of each joint's parent, -1 for the root.
        offsets: ``(J, 3)``.
        channels: per joint, for example ``("xposition", …, "zrotation", …)``.
        values: ``(T, C)``, all channels of all joints in order; rotations in degrees.
        frame_time: seconds.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Array
    channels: tuple[tuple[str, ...], ...]
    values: Array
    frame_time: float

    @property
    def fps(self) -> float:
        # Files round 1/30 to 0.0333333: the nearest whole rate is what was meant.
        rate = 1 / self.frame_time
        return round(rate) if abs(rate - round(rate)) < 2e-4 * rate else rate

    def positions(self, wanted: Sequence[int]) -> Array:
        """World positions ``(T, len(wanted), 3)`` of the joints with these indices."""
        chain = ancestors(self.parents, wanted)
        place = {joint: at for at, joint in enumerate(chain)}
        first = np.cumsum([0, *map(len, self.channels)])  # column where a joint's channels start
        translations, rotations = [], []
        for joint in chain:
            translation = np.tile(self.offsets[joint], (len(self.values), 1))
            rotation = np.broadcast_to(np.eye(3), (len(self.values), 3, 3))
            for column, channel in enumerate(self.channels[joint], start=first[joint]):
                axis = "xyz".index(channel[0])
                if channel.endswith("position"):
                    translation[:, axis] = self.values[:, column]
                else:
                    rotation = turn(rotation, axis, np.radians(self.values[:, column]))
            translations.append(translation)
            rotations.append(rotation)
        parents = [place.get(self.parents[joint], -1) for joint in chain]
        found = world_positions(parents, translations, rotations)
        return found[:, [place[joint] for joint in wanted]]


def parse_bvh(text: str) -> Bvh:
    """The hierarchy and channel values of a BVH file's text.

    Raises:
        FormatError: not BVH, or truncated, or its parts do not agree.
    """
    if not text.lstrip().startswith("HIERARCHY"):
        raise FormatError("is not BVH: it does not begin with HIERARCHY")
    hierarchy, *rest = _MOTION.split(text, maxsplit=1)
    if not rest:
        raise FormatError("is truncated: it has no MOTION section")
    if len(hierarchy) > _MAX_HIERARCHY:
        raise FormatError(f"has a HIERARCHY of {len(hierarchy)} characters; not a person")
    motion = rest[0]
    names, parents, offsets, channels = _parse_hierarchy(hierarchy)
    values, frame_time = _parse_motion(motion, sum(map(len, channels)))
    return Bvh(tuple(names), tuple(parents), np.array(offsets), tuple(channels), values, frame_time)


def _parse_hierarchy(
    text: str,
) -> tuple[list[str], list[int], list[list[float]], list[tuple[str, ...]]]:
    names: list[str] = []
    parents: list[int] = []
    offsets: list[list[float]] = []
    channels: list[tuple[str, ...]] = []
    open_joints: list[int] = []
    for number, words in _statements(text):
        told = f"in line {number} {' '.join(words)[:80]!r}"
        match words:
            case ["HIERARCHY"] if not names:
                pass
            case ["ROOT" | "JOINT" | "End" as kind, *title] if title:
                if (kind == "ROOT") != (not names) or (names and not open_joints):
                    raise FormatError(f"has {told} out of place")
                parents.append(open_joints[-1] if open_joints else -1)
                names.append(f"{names[parents[-1]]} End" if kind == "End" else " ".join(title))
                offsets.append([])
                channels.append(())
                if len(names) > _MAX_JOINTS:
                    raise FormatError(f"has more than {_MAX_JOINTS} joints; not a person")
            case ["{"] if names:
                open_joints.append(len(names) - 1)
            case ["}"] if open_joints:
                open_joints.pop()
            case ["OFFSET", x, y, z] if open_joints:
                offsets[open_joints[-1]] = [_number(word, f"line {number}") for word in (x, y, z)]
            case ["CHANNELS", count, *title] if open_joints:
                lowered = tuple(word.lower() for word in title)
                if count != str(len(lowered)) or not _CHANNELS.issuperset(lowered):
                    raise FormatError(f"has {told}, which are no channels of BVH")
                channels[open_joints[-1]] = lowered
            case _:
                raise FormatError(f"has {told}, which is not BVH")
    if not names:
        raise FormatError("has no joints")
    if open_joints or not all(offsets):
        raise FormatError("is damaged: a joint is not closed, or has no OFFSET")
    return names, parents, offsets, channels


def _statements(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and words of each statement; braces are statements of their own."""
    for number, line in enumerate(text.splitlines(), start=1):
        for part in re.split(r"([{}])", line):
            if words := part.split():
                yield number, ["End", *words[1:]] if words[0].lower() == "end" else words


def _parse_motion(text: str, columns: int) -> tuple[Array, float]:
    """Values ``(T, columns)`` and seconds per frame."""
    lines = [line for line in text.splitlines() if line and not line.isspace()]
    heads = [line.partition(":") for line in lines[:2]]
    if [head.strip().lower() for head, _, _ in heads] != ["frames", "frame time"]:
        raise FormatError("is truncated: MOTION has no 'Frames:' and 'Frame Time:' lines")
    told = _number(heads[0][2], "its line Frames")
    frame_time = _number(heads[1][2], "its line Frame Time")
    if not 0.001 <= frame_time <= 1:
        raise FormatError(f"has a frame time of {frame_time} s; expected 0.001 to 1")
    rows = lines[2:]
    if told != len(rows):
        raise FormatError(f"is damaged or truncated: {told:.0f} frames told, {len(rows)} there")
    if not 0 < len(rows) <= MAX_FRAMES:
        raise FormatError(f"has {len(rows)} frames; expected 1 to {MAX_FRAMES}")
    if max(map(len, rows)) > (columns + 1) * _MAX_NUMBER:
        raise FormatError(f"has a frame of {max(map(len, rows))} characters for {columns} numbers")
    try:
        values = np.loadtxt(rows, ndmin=2, comments=None)
    except ValueError as error:
        raise FormatError(f"holds frames that are not numbers: {error}") from error
    if values.shape[1] != columns:
        raise FormatError(f"has {values.shape[1]} numbers per frame; its channels are {columns}")
    if not np.isfinite(values).all():
        frame = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        raise FormatError(f"holds NaN or infinity in frame {frame}")
    return values, frame_time


def _number(word: str, where: str) -> float:
    try:
        value = float(word)
    except ValueError as error:
        raise FormatError(f"has {word.strip()[:40]!r} in {where}, where a number is due") from error
    if not np.isfinite(value):
        raise FormatError(f"has {word.strip()} in {where}, where a number is due")
    return value
