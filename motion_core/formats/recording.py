"""A skeleton and how it moves, as any file holds it: what every reader of joint rotations gives.

Names, hierarchy and rest pose are those of the file; which joints are our 22 is recognised later
(`recognition`), from the structure first and the names besides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..memory import check_memory
from .kinematics import ancestors, world_transforms

Array = NDArray[np.float64]

_BLOCK = 1_000_000  # joints times frames that are worked out at once
_BYTES = 8 * 4 * (3 + 9)  # of one: its own translation and rotation and the world's, twice

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
        still: joints that stand in their parents' frames as in the rest pose, which is level.
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
    still: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()

    def positions(self, joints: Sequence[int], frames: slice = slice(None)) -> Array:
        """Return world positions ``(T, len(wanted), 3)`` of the joints with these indices."""
        return self.world(joints, frames)[0]

    def world(self, joints: Sequence[int], frames: slice = slice(None)) -> tuple[Array, Array]:
        """Return world positions ``(T, n, 3)`` and orientations ``(T, n, 3, 3)`` of these
        joints.
        """
        chosen = set(joints)
        chain = [j for j in ancestors(self.parents, joints) if j in chosen or j not in self.still]
        place = {joint: at for at, joint in enumerate(chain)}
        hangs = [self._hangs_on(joint, place) for joint in chain]
        first, end, _ = frames.indices(self.frames)
        count = max(end - first, 0)
        check_memory(
            max(count * len(joints), min(count, _BLOCK) * len(chain)) * _BYTES,
            f"{len(chain)} joints in {count} frames",
        )
        block = max(_BLOCK // len(chain), 1)
        at = [place[joint] for joint in joints]
        found = []
        for start in range(first, max(end, first + 1), block):  # once for no frames, too
            block_frames = slice(start, min(start + block, end))
            local = [self.local(joint, block_frames) for joint in chain]
            positions, turns = world_transforms(
                [parent for parent, _ in hangs],
                [step + offset for (step, _), (_, offset) in zip(local, hangs, strict=True)],
                [turn for _, turn in local],
            )
            found.append((positions[:, at], turns[:, at]))
        return np.concatenate([p for p, _ in found]), np.concatenate([t for _, t in found])

    def _hangs_on(self, joint: int, place: Mapping[int, int]) -> tuple[int, Array]:
        """Return the next joint above in `place`, -1 for none, and the way over those between."""
        offset, above = np.zeros(3), self.parents[joint]
        while above >= 0 and above not in place:
            parent = self.parents[above]
            offset = offset + self.rest[above] - (self.rest[parent] if parent >= 0 else 0)
            above = parent
        return place.get(above, -1), offset


def unique_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names, the second of two alike as ``"name#2"``."""
    count: dict[str, int] = {}
    unique = []
    for name in names:
        count[name] = count.get(name, 0) + 1
        unique.append(name if count[name] == 1 else f"{name}#{count[name]}")
    return tuple(unique)
