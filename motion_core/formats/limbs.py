"""Legs and arms of a skeleton: which joints along a branch divide it as a limb is divided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from .joint_names import Side
from .skeleton_evidence import NAME_WEIGHT, SkeletonEvidence, deviation, unit_vectors

ALIKE = 0.08
"""How much, as a logarithm, the lengths of left and right differ."""

_TOP = 4  # choices along a limb that are kept


@dataclass(frozen=True)
class Limb:
    """A leg or an arm as it was found: joints from the trunk outwards, and its cost."""

    joints: dict[str, int]
    cost: float
    lengths: tuple[float, float]
    side: Side | None
    branch: int

    @property
    def length(self) -> float:
        return sum(self.lengths)


def limb_pairs(
    body: SkeletonEvidence, pairs: Sequence[tuple[int, int, int]], kind: str
) -> list[tuple[int, tuple[Limb, Limb]]]:
    """Return for joints with two branches the likeliest two legs or arms in these, if there are."""
    branches = {(joint, branch) for joint, *both in pairs for branch in both}
    limbs = {each: _limbs(body, *each, kind) for each in branches}
    found = []
    for joint, first, second in pairs:
        best: tuple[float, tuple[Limb, Limb]] | None = None
        for left, right in product(limbs[joint, first], limbs[joint, second]):
            unlike = sum(
                np.log(a / b) ** 2 for a, b in zip(left.lengths, right.lengths, strict=True)
            )
            if set(left.joints) != set(right.joints):
                unlike += 0.05
            cost = left.cost + right.cost + unlike / ALIKE**2
            if best is None or cost < best[0]:
                best = cost, (left, right)
        if best is not None:
            found.append((joint, best[1]))
    return found


def _limbs(body: SkeletonEvidence, trunk: int, branch: int, kind: str) -> list[Limb]:
    """Return the likeliest ways to find a leg's or an arm's joints along a branch."""
    chain = body.chain(branch)
    if len(chain) < 3:
        return []
    at = np.array(list(combinations(range(len(chain)), 3)))
    joints = np.array(chain)
    upper, middle, lower = joints[at].T
    first, second = body.distances[upper, middle], body.distances[middle, lower]
    fits = (first > 1e-6 * body.reach[0]) & (second > 1e-6 * body.reach[0]) & (first < 4 * second)
    fits &= second < 4 * first
    if not fits.any():
        return []
    at, upper, middle, lower = at[fits], upper[fits], middle[fits], lower[fits]
    first, second = first[fits], second[fits]
    length = first + second
    along = np.concatenate([[0.0], np.cumsum(body.bones[joints[1:]])])
    bent = np.log(np.maximum((along[at[:, 2]] - along[at[:, 0]]) / length, 1.0))
    loose = body.looseness[upper, middle] + body.looseness[middle, lower]
    after = (along[-1] - along[at[:, 2]]) / length
    from_trunk = body.distances[trunk, upper] / length
    parts = ("hip", "knee", "ankle") if kind == "leg" else ("shoulder", "elbow", "wrist")
    usual_after, usual_start = (0.25, 0.13) if kind == "leg" else (0.32, 0.42)
    scores = [body.named(chain, part) for part in parts]
    named = sum(score[at[:, column]] for column, score in enumerate(scores))
    end = np.array([joint in body.recording.ends for joint in chain])
    cost = (
        deviation(np.log(first / second), 0.0, 0.25, 25)
        + deviation(loose, 0.0, 0.03, 25)
        + deviation(bent, 0.0, 0.05, 16)
        + deviation(after, usual_after, 0.25, 16)
        + deviation(from_trunk, usual_start, 0.15, 9)
        + 2.0 * end[at[:, 2]]
        + 30.0 * (end[at[:, 0]] | end[at[:, 1]])
        - NAME_WEIGHT * np.asarray(named)
    )
    limbs = []
    for row in np.argsort(cost, kind="stable")[:_TOP]:
        found = dict(zip(parts, (int(upper[row]), int(middle[row]), int(lower[row])), strict=True))
        price = float(cost[row])
        if kind == "leg":
            foot, extra = _foot(body, found["knee"], found["ankle"], float(length[row]))
            found |= {} if foot is None else {"foot": foot}
        else:
            collar, extra = _collar(
                body, trunk, chain[: at[row, 0]], found["shoulder"], float(length[row])
            )
            found |= {} if collar is None else {"collar": collar}
        sides = {body.names[joint].side for joint in found.values()} - {None}
        limbs.append(
            Limb(
                found,
                price + extra,
                (float(first[row]), float(second[row])),
                sides.pop() if len(sides) == 1 else None,
                branch,
            )
        )
    return limbs


def _foot(body: SkeletonEvidence, knee: int, ankle: int, leg: float) -> tuple[int | None, float]:
    """Return the ball of a foot below its ankle, or None, and its cost."""
    shin = unit_vectors(body.points[:, ankle] - body.points[:, knee])
    best: tuple[int | None, float] = None, 12.0
    below = list(body.children[ankle])
    for joint in below:
        below += body.children[joint]
        toes = unit_vectors(body.points[:, joint] - body.points[:, ankle])
        if float(np.median((shin * toes).sum(-1))) < -0.4:  # a heel or a marker on the shin
            continue
        cost = float(
            deviation(body.distances[ankle, joint] / leg, 0.17, 0.07, 16)
            + deviation(body.looseness[ankle, joint], 0.0, 0.05, 9)
            + (1.5 if joint in body.recording.ends else 0.0)
            + 3.0 * (len(body.way(ankle, joint)) - 1)  # single toes hang on the ball
            - NAME_WEIGHT * body.names[joint].score("foot")
        )
        if cost < best[1]:
            best = joint, cost
    return best


def _collar(
    body: SkeletonEvidence, trunk: int, above: Sequence[int], shoulder: int, arm: float
) -> tuple[int | None, float]:
    """Return the collar among the joints between trunk and shoulder, or None."""
    best: tuple[int | None, float] = None, 3.0
    for joint in above:
        cost = float(
            deviation(body.distances[joint, shoulder] / arm, 0.25, 0.12, 16)
            - NAME_WEIGHT * body.names[joint].score("collar")
        )
        if cost < best[1]:
            best = joint, cost
    return best
