"""BVH (Biovision hierarchy): reading.

A joint's place in its parent's frame is its OFFSET, or where it has position channels, their
values instead; its rotation is the product of its rotation channels from left to right.
Bandai-Namco's files give every joint position and rotation channels, most others only the root.

Programs write BVH in many ways, and what can be read in one way only is read: keywords in any case,
comments, several roots, frames over several lines, a frame more or fewer than promised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError
from ..motion import MAX_FRAMES
from ..rotations import euler_matrices
from .recording import Recording, unique_names

Array = NDArray[np.float64]

_CHANNELS = {f"{axis}{kind}" for axis in "xyz" for kind in ("position", "rotation")}
_HIERARCHY = re.compile(r"^[ \t]*HIERARCHY\b", re.MULTILINE | re.IGNORECASE)
_MOTION = re.compile(r"^[ \t]*MOTION[ \t\r]*$", re.MULTILINE | re.IGNORECASE)
_COMMENT = re.compile(r"^[ \t]*(#|//|;).*$", re.MULTILINE)
_KEYWORDS = {"hierarchy", "root", "joint", "end", "offset", "channels"}
_MAX_JOINTS = 2000
_MAX_HIERARCHY = 2_000_000  # characters; a joint has some 200
_MAX_NUMBER = 60  # characters; float64 needs 25 at most
_RATES = {24, 25, 30, 48, 50, 60, 72, 90, 100, 120, 144, 200, 240}  # frame times that are rates


@dataclass(frozen=True)
class Bvh:
    """A parsed file, in its own units.

    Attributes:
        names: of the joints, parents first; an end site is called ``"<its joint> End"``.
        parents: index of each joint's parent, -1 for a root.
        offsets: ``(J, 3)``.
        channels: per joint, for example ``("xposition", …, "zrotation", …)``.
        values: ``(T, C)``, all channels of all joints in order; rotations in degrees.
        frame_time: as the file tells it, which may be wrong.
        notes: what was odd about the file.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Array
    channels: tuple[tuple[str, ...], ...]
    values: Array
    frame_time: float
    notes: tuple[str, ...] = ()

    @property
    def fps(self) -> float:
        """Frames per second.

        Raises:
            FormatError: the frame time is that of no recording.
        """
        time = self.frame_time
        if 1 < time <= 200 and time not in _RATES:
            time /= 1000  # milliseconds: nobody records a frame in so many seconds
        if not 0.001 <= time <= 1:
            raise FormatError(
                f"has a frame time of {self.frame_time} s; expected 0.001 to 1; "
                "say the frames per second (--fps)"
            )
        # Files round 1/30 to 0.0333333: the nearest whole rate is what was meant.
        rate = 1 / time
        return round(rate) if abs(rate - round(rate)) < 2e-4 * rate else rate

    def recording(self, fps: float | None = None) -> Recording:
        """Return the skeleton and its motion; at `fps` where the file's frame time is wrong."""
        first = np.cumsum([0, *map(len, self.channels)])  # column where a joint's channels start
        notes = self.notes
        if fps is None and self.frame_time > 1:
            notes = (*notes, f"the frame time {self.frame_time:g} was taken as milliseconds")

        def local(joint: int, frames: slice) -> tuple[Array, Array]:
            columns = slice(first[joint], first[joint + 1])
            return _local(self.offsets[joint], self.channels[joint], self.values[frames, columns])

        rest = self.offsets.copy()
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                rest[joint] += rest[parent]
        return Recording(
            names=self.names,
            parents=self.parents,
            local=local,
            frames=len(self.values),
            fps=self.fps if fps is None else fps,
            rest=rest,
            still=frozenset(at for at, names in enumerate(self.channels) if not names),
            ends=frozenset(at for at, name in enumerate(self.names) if name.endswith(" End")),
            notes=notes,
        )


def _local(offset: Array, channels: tuple[str, ...], values: Array) -> tuple[Array, Array]:
    """Return the transform of a joint's channels: translation ``(T, 3)`` and rotation ``(T, 3,
    3)``.
    """
    translation = np.tile(offset, (len(values), 1))
    turning = [at for at, channel in enumerate(channels) if channel.endswith("rotation")]
    for at in set(range(len(channels))).difference(turning):
        translation[:, "xyz".index(channels[at][0])] = values[:, at]
    axes = "".join(channels[at][0] for at in turning).lower()
    return translation, euler_matrices(axes, np.radians(values[:, turning]))


def parse_bvh(text: str) -> Bvh:
    """Return the hierarchy and channel values of a BVH file's text.

    Raises:
        FormatError: not BVH, or truncated, or its parts do not agree.
    """
    text = text.replace("\0", "")
    if "#" in text or "//" in text or ";" in text:
        text = _COMMENT.sub("", text)
    if not _HIERARCHY.match(text.lstrip()):
        raise FormatError("is not BVH: it does not begin with HIERARCHY")
    hierarchy, *rest = _MOTION.split(text, maxsplit=1)
    if not rest:
        raise FormatError("is truncated: it has no MOTION section")
    if len(hierarchy) > _MAX_HIERARCHY:
        raise FormatError(f"has a HIERARCHY of {len(hierarchy)} characters; not a person")
    names, parents, offsets, channels = _parse_hierarchy(hierarchy)
    values, frame_time, notes = _parse_motion(rest[0], sum(map(len, channels)))
    return Bvh(
        names=unique_names(names),
        parents=tuple(parents),
        offsets=np.array(offsets),
        channels=tuple(channels),
        values=values,
        frame_time=frame_time,
        notes=notes,
    )


def _parse_hierarchy(
    text: str,
) -> tuple[list[str], list[int], list[list[float]], list[tuple[str, ...]]]:
    names: list[str] = []
    parents: list[int] = []
    offsets: list[list[float]] = []
    channels: list[tuple[str, ...]] = []
    open_joints: list[int] = []
    for number, words in _statements(text):
        place = f"in line {number} {' '.join(words)[:80]!r}"
        match words:
            case ["HIERARCHY"] if not open_joints:
                pass
            case ["ROOT" | "JOINT" | "END" as kind, *title] if title:
                if (kind == "ROOT") == bool(open_joints):
                    raise FormatError(f"has {place} out of place")
                parents.append(open_joints[-1] if open_joints else -1)
                names.append(f"{names[parents[-1]]} End" if kind == "END" else " ".join(title))
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
                    raise FormatError(f"has {place}, which are no channels of BVH")
                channels[open_joints[-1]] = lowered
            case _:
                raise FormatError(f"has {place}, which is not BVH")
    if not names:
        raise FormatError("has no joints")
    if open_joints or not all(offsets):
        raise FormatError("is damaged: a joint is not closed, or has no OFFSET")
    return names, parents, offsets, channels


def _statements(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and words of each statement; braces are statements of their own."""
    for number, line in enumerate(text.splitlines(), start=1):
        for part in re.split(r"([{}])", line):
            if words := part.split():
                keyword = words[0].upper() if words[0].lower() in _KEYWORDS else words[0]
                yield number, [keyword, *words[1:]]


def _parse_motion(text: str, columns: int) -> tuple[Array, float, tuple[str, ...]]:
    """Return values ``(T, columns)``, the frame time, and what was odd."""
    lines = [line for line in text.splitlines() if line and not line.isspace()]
    heads = [line.partition(":") for line in lines[:2]]
    if [head.strip().lower() for head, _, _ in heads] != ["frames", "frame time"]:
        raise FormatError("is truncated: MOTION has no 'Frames:' and 'Frame Time:' lines")
    count = _number(heads[0][2], "its line Frames")
    frame_time = _number(heads[1][2], "its line Frame Time")
    rows = lines[2:]
    notes: list[str] = []
    if not rows or columns == 0:
        raise FormatError("has 0 frames; expected at least 1")
    if sum(map(len, rows)) > (columns + 1) * _MAX_NUMBER * max(len(rows), count):
        raise FormatError(f"has {sum(map(len, rows))} characters for {count:.0f} frames")
    if len(rows) == count and len(rows[0].split()) == len(rows[-1].split()) == columns:
        values = _numbers(rows)
    else:
        values, notes = _streamed(rows, count, columns)
    if values.shape[1] != columns:
        raise FormatError(f"has {values.shape[1]} numbers per frame; its channels are {columns}")
    if len(values) > MAX_FRAMES:
        raise FormatError(f"has {len(values)} frames; expected 1 to {MAX_FRAMES}")
    if not np.isfinite(values).all():
        frame = int(np.flatnonzero(~np.isfinite(values).all(axis=1))[0])
        raise FormatError(f"holds NaN or infinity in frame {frame}")
    return values, frame_time, tuple(notes)


def _streamed(rows: list[str], count: float, columns: int) -> tuple[Array, list[str]]:
    """Return the values of rows that are not frames: wrapped, joined, or of another count.

    Raises:
        FormatError: they can be read in several ways, or in none.
    """
    widths = [len(row.split()) for row in rows]
    notes: list[str] = []
    if sum(widths) == count * columns:
        return _numbers([" ".join(rows)]).reshape(-1, columns), notes
    if widths[-1] < columns and all(width == columns for width in widths[:-1]) and widths[:-1]:
        notes.append("its last frame is incomplete and was left out")
        rows, widths = rows[:-1], widths[:-1]
    if len(set(widths)) > 1:
        raise FormatError(
            f"is damaged or truncated: {count:.0f} frames declared, {sum(widths)} numbers found"
            f" for {columns} channels"
        )
    if count != len(rows) and widths[0] == columns:
        notes.append(f"{count:.0f} frames declared, {len(rows)} found")
    return _numbers(rows), notes


def _numbers(rows: list[str]) -> Array:
    try:
        return np.loadtxt(rows, ndmin=2, comments=None)
    except ValueError as error:
        raise FormatError(f"holds frames that are not numbers: {error}") from error


def _number(word: str, where: str) -> float:
    try:
        value = float(word)
    except ValueError as error:
        raise FormatError(f"has {word.strip()[:40]!r} in {where}, where a number is due") from error
    if not np.isfinite(value):
        raise FormatError(f"has {word.strip()} in {where}, where a number is due")
    return value
