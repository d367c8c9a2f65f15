"""A skeleton and how it moves, as any file holds it: what every reader of joint rotations gives.

Names, hierarchy and rest pose are those of the file; which joints are our 22 is recognised later
(`recognition`), from the structure first and the names besides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .kinematics import ancestors, world_transforms

Array = NDArray[np.float64]

Local = Callable[[int, slice], tuple[Array, Array]]
"""Of one joint in some frames: translation ``(T, 3)`` or ``(3,)`` and rotation ``(T, 3, 3)``,
relative to its parent."""


@dataclass(frozen=True)
class Recording:
    """A skeleton of any file with its motion, in the file's own units and axes.

    Attributes:
        names: of the joints, parents first, no two alike; an end site is ``"<its joint> End"``.
        parents: index of each joint's parent, -1 for a root.
        local: what a joint does, as `Local`.
        frames: how many.
        fps: frames per second.
        rest: world positions ``(J, 3)`` in the rest pose.
        rest_turns: world orientations ``(J, 3, 3)`` in the rest pose; none where all are level.
        ends: joints that only say where a bone ends.
        roles: our joint for some of the file's, where the format itself says so (VRM).
        notes: what was odd about the file and how it was read.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    local: Local
    frames: int
    fps: float
    rest: Array
    rest_turns: Array | None = None
    ends: frozenset[int] = frozenset()
    roles: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def positions(self, wanted: Sequence[int], frames: slice = slice(None)) -> Array:
        """World positions ``(T, len(wanted), 3)`` of the joints with these indices."""
        return self.world(wanted, frames)[0]

    def world(self, wanted: Sequence[int], frames: slice = slice(None)) -> tuple[Array, Array]:
        """World positions ``(T, n, 3)`` and orientations ``(T, n, 3, 3)`` of these joints."""
        chain = ancestors(self.parents, wanted)
        place = {joint: at for at, joint in enumerate(chain)}
        parents = [place.get(self.parents[joint], -1) for joint in chain]
        translations, rotations = zip(*(self.local(each, frames) for each in chain), strict=True)
        positions, turns = world_transforms(parents, translations, rotations)
        at = [place[joint] for joint in wanted]
        return positions[:, at], turns[:, at]


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names, the second of two alike as ``"name#2"``."""
    count: dict[str, int] = {}
    unique = []
    for name in names:
        count[name] = count.get(name, 0) + 1
        unique.append(name if count[name] == 1 else f"{name}#{count[name]}")
    return tuple(unique)
