"""Spine, neck and head of a skeleton: what goes up from its hips between its arms."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from .limbs import Limb
from .skeleton_evidence import NAME_WEIGHT, SkeletonEvidence, deviation

Array = NDArray[np.float64]

_LEAST_SPINE = -NAME_WEIGHT / 2
LEAST_COST = _LEAST_SPINE - 2 * NAME_WEIGHT
"""Of a spine, neck and head that are all called so and lie where they should."""


def trunk_column(
    body: SkeletonEvidence,
    hip: int,
    trunk: list[int],
    used: set[int],
    arms: tuple[Limb, Limb],
    leg: float,
) -> tuple[dict[str, int], float] | None:
    """Return the spine, neck and head: the likeliest choice along the trunk and what goes on above
    it.
    """
    shoulders = [limb.joints["shoulder"] for limb in arms]
    middle = body.points[:, shoulders].mean(axis=1)
    best: tuple[dict[str, int], float] | None = None
    for joint in [*trunk[-3:], *([] if trunk else [hip])]:
        below = trunk[: trunk.index(joint) + 1] if joint in trunk else []
        for child in body.children[joint]:
            if child in used or child in trunk:
                continue
            chain = [*below, *body.chain(child)]
            # Hair and hats can be longer than the head: any way up that is called so counts.
            chest = len(below) - 1
            for choice, cost in _necks(body, hip, chain, chest, middle, leg):
                if best is not None and cost + _LEAST_SPINE >= best[1]:
                    continue
                spine, extra = _spine(
                    body, hip, chain, choice.get("neck", choice.get("head")), trunk
                )
                cost += extra + (2.0 if joint != (trunk or [hip])[-1] else 0.0)
                if best is None or cost < best[1]:
                    best = {**spine, **choice}, cost
    return best


def _necks(
    body: SkeletonEvidence, hip: int, chain: list[int], chest: int, shoulders: Array, leg: float
) -> list[tuple[dict[str, int], float]]:
    """Return the choices of neck and head along a chain upwards, each with its cost."""
    along = [hip, *chain]
    heights = np.cumsum([body.distances[a, b] for a, b in pairwise(along)]) / leg
    from_shoulders = (
        np.linalg.norm(body.points[:, chain] - shoulders[:, None], axis=-1).mean(0) / leg
    )
    ends = [joint in body.recording.ends for joint in chain]
    neck_named, head_named = body.named(chain, "neck"), body.named(chain, "head")
    neck_cost = (
        deviation(heights, 0.63, 0.15, 16)
        + deviation(from_shoulders, 0.10, 0.10, 16)
        - NAME_WEIGHT * neck_named
        + 30.0 * np.array(ends)
    )
    head_cost = deviation(heights, 0.76, 0.16, 16) - NAME_WEIGHT * head_named + 3.0 * np.array(ends)
    choices: list[tuple[dict[str, int], float]] = []
    for head in range(max(chest, 0), len(chain)):
        for neck in range(max(chest, 0), head):
            gap = body.distances[chain[neck], chain[head]] / leg
            cost = neck_cost[neck] + head_cost[head] + deviation(gap, 0.12, 0.08, 16)
            cost += 2.0 if neck == chest else 0.0
            choices.append(({"neck": chain[neck], "head": chain[head]}, float(cost)))
        if head > chest:
            choices.append(({"head": chain[head]}, float(head_cost[head]) + 4.0))
            choices.append(({"neck": chain[head]}, float(neck_cost[head]) + 5.0))
    return choices


def _spine(
    body: SkeletonEvidence, hip: int, chain: list[int], above: int | None, trunk: list[int]
) -> tuple[dict[str, int], float]:
    """Return up to three joints of the spine: the chest, and two between it and the hips."""
    assert above is not None
    joints = chain[: chain.index(above)]
    joints = [joint for joint in joints if not body.names[joint].other] or joints
    if not joints:
        return {}, 6.0
    # The arms hang on the chest; where they hang on the neck itself, it is the joint below.
    chest = trunk[-1] if trunk and trunk[-1] in joints else joints[-1]
    lower = joints[: joints.index(chest)]
    found = {"spine3": chest}
    named = -NAME_WEIGHT / 2 * float(body.named([chest], "spine")[0])
    if len(lower) == 1:
        found |= {"spine2": lower[0]}
    elif len(lower) >= 2:
        whole = max(float(body.distances[hip, chest]), 1e-9)
        parts = body.distances[hip, lower] / whole
        scores = body.named(lower, "spine")
        first, second = min(
            combinations(range(len(lower)), 2),
            key=lambda pair: (
                (parts[pair[0]] - 0.35) ** 2
                + (parts[pair[1]] - 0.7) ** 2
                - 0.2 * (scores[pair[0]] + scores[pair[1]])
            ),
        )
        found |= {"spine1": lower[first], "spine2": lower[second]}
    return found, named
