"""Animations of a rig in a GLB file: each joint's rotation from the T-pose, per frame.

This supports only what the animation packs use: one buffer in the file, 32-bit floats, LINEAR and
STEP keys, joints in a T-pose unless animated, y up, facing +z. Scales are ignored.

Format: glTF 2.0, Khronos, section 3.11 (animations) and 4 (GLB).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import rotations
from ..errors import FormatError
from ..json_text import parse_json
from ..motion import MAX_FRAMES
from ..regular_file import open_regular

Array = NDArray[np.float64]

FPS = 30.0
_WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}
_IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])


@dataclass(frozen=True)
class RigAnimation:
    """One animation of a rig at 30 fps.

    Attributes:
        turns: for each joint, its world rotation from the T-pose, ``(T, 4)``.
        positions: of each joint in the world, ``(T, 3)``, metres.
        rest: of each joint in the T-pose, ``(3,)``.
    """

    turns: dict[str, Array]
    positions: dict[str, Array]
    rest: dict[str, Array]


class RigFile:
    """A GLB file with a rig and its animations.

    Raises:
        FormatError: it is not a GLB file, or has no animations.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with open_regular(path) as file:
            data = file.read()
        with self._errors_named("is not a GLB file with animations"):
            magic, _, _, length, kind = struct.unpack_from("<4sIII4s", data)
            if magic != b"glTF" or kind != b"JSON":
                raise ValueError("it does not begin as one")
            self._tree: dict[str, Any] = parse_json(data[20 : 20 + length])
            self._binary = data[20 + length + 8 :]
            self._nodes: list[dict[str, Any]] = self._tree["nodes"]
            # Exporters prefix the rig's name: "Rig_Medium|Push_Ups".
            self._animations: dict[str, Any] = {
                each["name"].split("|")[-1]: each for each in self._tree["animations"]
            }
            self._parents: dict[int, int] = {
                child: parent
                for parent, node in enumerate(self._nodes)
                for child in node.get("children", ())
            }

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the file's animations."""
        return tuple(self._animations)

    def read(self, name: str) -> RigAnimation:
        """Read one animation, sampled at 30 fps from its first key to its last.

        Raises:
            FormatError: there is no such animation, or it is damaged.
        """
        if name not in self._animations:
            raise FormatError(f"{self._path} has no animation {name!r}")
        with self._errors_named(f"has a damaged animation {name!r}"):
            return self._read(name)

    @contextmanager
    def _errors_named(self, what: str) -> Iterator[None]:
        """Convert any error of reading a damaged tree of numbers and names to one that names the
        file.

        Raises:
            FormatError: the block raised an error.
        """
        try:
            yield
        except (
            *(struct.error, ValueError, LookupError, TypeError, AttributeError),
            *(OverflowError, RecursionError, FloatingPointError),
        ) as err:
            raise FormatError(f"{self._path} {what}: {str(err)[:100]}") from err

    def _read(self, name: str) -> RigAnimation:
        animation = self._animations[name]
        samplers = animation["samplers"]
        keys = [self._values(sampler["input"])[:, 0] for sampler in samplers]
        start, end = min(times[0] for times in keys), max(times[-1] for times in keys)
        if not 0 <= (end - start) * FPS < MAX_FRAMES:
            raise ValueError(f"it lasts {end - start:g} s")
        time = start + np.arange(round((end - start) * FPS) + 1) / FPS  # (T,)
        tracks: dict[tuple[int, str], Array] = {}
        for channel in animation["channels"]:
            node, path = channel["target"]["node"], channel["target"]["path"]
            sampler = samplers[channel["sampler"]]
            if path in ("rotation", "translation"):
                values = self._values(sampler["output"])
                step = sampler.get("interpolation") == "STEP"
                tracks[node, path] = _sampled(keys[channel["sampler"]], values, time, step=step)
        moved, rest = self._world(tracks), self._world({})
        names = {index: node.get("name", str(index)) for index, node in enumerate(self._nodes)}
        turns = {
            names[index]: rotations.multiply(turn, rotations.conjugate(rest[index][0]))
            for index, (turn, _) in moved.items()
        }
        frames = (len(time), 3)
        return RigAnimation(
            {joint: np.broadcast_to(turn, (len(time), 4)) for joint, turn in turns.items()},
            {names[index]: np.broadcast_to(at, frames) for index, (_, at) in moved.items()},
            {names[index]: at[0] for index, (_, at) in rest.items()},
        )

    def _values(self, accessor: int) -> Array:
        """Return an accessor's numbers ``(count, width)``; quaternions as w, x, y, z."""
        entry = self._tree["accessors"][accessor]
        view = self._tree["bufferViews"][entry["bufferView"]]
        width = _WIDTHS[entry["type"]]
        start = view.get("byteOffset", 0) + entry.get("byteOffset", 0)
        values = np.frombuffer(self._binary, "<f4", entry["count"] * width, start)
        values = values.reshape(-1, width).astype(np.float64)
        return values[:, [3, 0, 1, 2]] if width == 4 else values

    def _world(self, tracks: dict[tuple[int, str], Array]) -> dict[int, tuple[Array, Array]]:
        """Return rotation ``(T, 4)`` and position ``(T, 3)`` of each node; T is 1 if nothing
        moves.
        """
        world: dict[int, tuple[Array, Array]] = {}

        def place(index: int) -> tuple[Array, Array]:
            if index not in world:
                node = self._nodes[index]
                turn = np.array([node.get("rotation", [0, 0, 0, 1])], np.float64)[:, [3, 0, 1, 2]]
                at = np.array([node.get("translation", [0, 0, 0])], np.float64)
                turn = rotations.normalize(tracks.get((index, "rotation"), turn))
                at = tracks.get((index, "translation"), at)
                if index in self._parents:
                    above, origin = place(self._parents[index])
                    turn = rotations.multiply(above, turn)
                    at = origin + rotations.rotate(above, at)
                world[index] = turn, at
            return world[index]

        for index in range(len(self._nodes)):
            place(index)
        return world


def _sampled(keys: Array, values: Array, time: Array, *, step: bool) -> Array:
    """Return values ``(T, width)`` at times between their keys."""
    if len(keys) == 1:
        return np.repeat(values, len(time), axis=0)
    before = np.clip(np.searchsorted(keys, time + 1e-6, side="right") - 1, 0, len(keys) - 2)
    share = np.clip((time - keys[before]) / (keys[before + 1] - keys[before]), 0, 1)
    if step:
        share = np.floor(share + 1e-4)
    if values.shape[1] == 4:
        return slerp(values[before], values[before + 1], share[:, None])
    mixed: Array = values[before] * (1 - share[:, None]) + values[before + 1] * share[:, None]
    return mixed


def slerp(first: Array, second: Array, share: Array | float) -> Array:
    """Interpolate rotations on the shortest way from `first` to `second`, both ``(..., 4)``."""
    cosine = (first * second).sum(-1, keepdims=True)
    second = np.where(cosine < 0, -second, second)
    angle = np.arccos(np.clip(np.abs(cosine), 0, 1))
    sine = np.where(angle > 1e-5, np.sin(angle), 1.0)
    mixed = np.where(
        angle > 1e-5,
        (np.sin((1 - share) * angle) * first + np.sin(share * angle) * second) / sine,
        first + share * (second - first),
    )
    return np.asarray(rotations.normalize(mixed))
