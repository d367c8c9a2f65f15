"""A skeleton as `recognition` looks at it: lengths, distances and what its names say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .joint_names import NameEvidence
from .recording import Recording

Array = NDArray[np.float64]

_BODY = 8  # joints that a body has at least

NAME_WEIGHT = 4.0
"""How much a name counts against the body's build."""


@dataclass
class SkeletonEvidence:
    """What `recognition` knows of a skeleton.

    Attributes:
        points: ``(F, J, 3)``, some frames.
        distances: ``(J, J)``, mean over the frames.
        looseness: ``(J, J)``, deviation of the distances over their mean.
        bones: ``(J,)``, length of the bone to the parent; of a helper, not more than the parent's.
        reach: ``(J,)``, from a joint along its longest chain to the end.
    """

    recording: Recording
    points: Array
    names: list[NameEvidence]
    children: list[list[int]] = field(init=False)
    distances: Array = field(init=False)
    looseness: Array = field(init=False)
    bones: Array = field(init=False)
    reach: Array = field(init=False)

    def __post_init__(self) -> None:
        parents = self.recording.parents
        count = len(parents)
        self.children = [[] for _ in range(count)]
        for joint, parent in enumerate(parents):
            if parent >= 0:
                self.children[parent].append(joint)
        gaps = np.linalg.norm(self.points[:, :, None] - self.points[:, None], axis=-1)
        self.distances = gaps.mean(axis=0)
        self.looseness = gaps.std(axis=0) / np.maximum(self.distances, 1e-9)
        self.bones = np.array(
            [
                self.distances[joint, parent] if parent >= 0 else 0
                for joint, parent in enumerate(parents)
            ]
        )
        for joint, parent in enumerate(parents):  # a sword in a hand makes no longer arm
            if self.names[joint].other == "helper" and parent >= 0 and self.bones[parent] > 0:
                self.bones[joint] = min(self.bones[joint], self.bones[parent])
        self.reach = np.zeros(count)
        below = np.ones(count)  # joints from here on
        for joint in reversed(range(count)):
            if (parent := parents[joint]) >= 0:
                # What carries a whole body and is longer than that is no bone, but its path.
                path = below[joint] >= _BODY and self.bones[joint] > self.reach[joint]
                way = self.reach[joint] + (0 if path else self.bones[joint])
                self.reach[parent] = max(self.reach[parent], way)
                below[parent] += below[joint]

    def chain(self, joint: int) -> list[int]:
        """Return a joint and what hangs on it, always along the longest way."""
        chain = [joint]
        while self.children[chain[-1]]:
            chain.append(
                max(self.children[chain[-1]], key=lambda each: self.bones[each] + self.reach[each])
            )
        return chain

    def way(self, top: int, below: int) -> list[int]:
        """Return joints from `top`, exclusive, to `below`; empty where it is not above."""
        found = []
        while below >= 0 and below != top:
            found.append(below)
            below = self.recording.parents[below]
        return found[::-1] if below == top else []

    def named(self, joints: Sequence[int], part: str) -> Array:
        return np.array([self.names[joint].score(part) for joint in joints])


def deviation(value: Array | float, usual: float, spread: float, most: float) -> Array:
    """Return the squared deviation in units of the spread, `most` at most."""
    return np.minimum(((np.asarray(value) - usual) / spread) ** 2, most)


def unit_vectors(vectors: Array) -> Array:
    """Return the vectors, each of length one."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12))
