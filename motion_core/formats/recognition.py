"""Which joints of any skeleton are our 22: by its structure first, by its names besides.

A person's skeleton branches twice: in the pelvis into two legs and the trunk, in the chest into
two arms and the neck. Every pair of like branches is tried as legs and every other as arms; along
each the joints are chosen that divide it as a limb is divided, keep their distance while the body
moves, and are called so. What fits best is the person. All costs are squared deviations from how
people are built, so a sum of some 20 terms of about 1 is what a real skeleton has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations, pairwise, product

import numpy as np
from numpy.typing import NDArray

from .joint_names import NameEvidence, Side, read_names
from .kinematics import ancestors
from .limbs import ALIKE, Limb, limb_pairs
from .recording import Recording
from .skeleton_evidence import SkeletonEvidence, deviation, unit_vectors
from .spine import LEAST_COST, trunk_column

Array = NDArray[np.float64]

_SAMPLES = 12  # frames that are looked at
_MAX_BRANCHES = 10  # of a joint that are looked at, the longest
_SIDES: Mapping[str, Side] = {"left": "left", "right": "right"}
_BODY = 15  # joints that another person in the file has at least
_SURELY_AHEAD = 0.7  # cosine between left by the feet and across the body
_BELIED = (
    "its names swap left and right: sides were taken from where knees and toes point; "
    "if the file is mirrored instead, keep its names (--map)"
)
_DOUBTFUL, _SLOPE = 40.0, 8.0  # the cost at which it is as likely a person as not


@dataclass(frozen=True)
class Recognition:
    """Which joints of a recording are ours.

    Attributes:
        joints: index of the file's joint for each of ours that was found.
        confidence: 0 to 1.
        doubts: what speaks against it, in words.
    """

    joints: dict[str, int]
    confidence: float
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Limbs:
    """Legs and arms on a trunk, before its spine and head are found."""

    pelvis: int
    legs: tuple[Limb, Limb]
    arms: tuple[Limb, Limb]
    trunk: list[int]
    cost: float


@dataclass(frozen=True)
class _Person:
    pelvis: int
    legs: tuple[Limb, Limb]
    arms: tuple[Limb, Limb]
    column: dict[str, int]
    cost: float


def recognise(recording: Recording) -> Recognition | None:
    """Return our joints in a recording; None if no person is found."""
    step = max(1, recording.frames // _SAMPLES)
    points = recording.positions(range(len(recording.names)), slice(0, None, step))
    names = read_names(recording.names)
    for ours, name in recording.roles.items():
        side, _, part = ours.rpartition("_")
        parts = {"spine" if part.startswith("spine") else part: 1.0}
        names[recording.names.index(name)] = NameEvidence(_SIDES.get(side), parts)
    body = SkeletonEvidence(recording, points, names)
    best = _best_person(body)
    if best is None:
        return None
    joints = {"pelvis": _pelvis(body, best), **best.column}
    doubts: dict[str, None] = {}
    for legs_or_arms in (best.legs, best.arms):
        sides, belied = _sides(body, best, legs_or_arms)
        if belied:
            doubts[_BELIED] = None
        for side, limb in zip(sides, legs_or_arms, strict=True):
            joints.update({f"{side}_{part}": joint for part, joint in limb.joints.items()})
    _attach_feet(body, joints)
    if others := _other_people(recording, joints.values()):
        doubts[
            f"it holds more than one skeleton: the one of {recording.names[joints['pelvis']]} was "
            f"read; to read {', '.join(others)}, give a map (--map)"
        ] = None
    confidence = float(1 / (1 + np.exp((best.cost - _DOUBTFUL) / _SLOPE)))
    # Somebody of odd build, each of whose joints is called what it is, is a person all the same.
    agreeing = [_agrees(body.names[joint], ours) for ours, joint in joints.items()]
    confidence = max(confidence, 0.95 * sum(agreeing) / len(agreeing))
    return Recognition(joints, confidence, tuple(doubts))


def _agrees(name: NameEvidence, ours: str) -> bool:
    side, _, part = ours.rpartition("_")
    part = "spine" if part.startswith("spine") else part
    return name.score(part) >= 0.5 and (not side or name.side == side)


def _other_people(recording: Recording, joints: Iterable[int]) -> list[str]:
    """Return the first joints of skeletons beside the one that these joints are of."""
    parents, chosen = recording.parents, set(joints)
    above = set(ancestors(parents, chosen))
    sizes: Counter[int] = Counter()
    for joint in range(len(parents)):
        way = [joint]
        while parents[way[-1]] >= 0 and parents[way[-1]] not in above:
            way.append(parents[way[-1]])
        if parents[way[-1]] not in chosen and not chosen.intersection(way) and joint not in above:
            sizes[way[-1]] += 1
    return [recording.names[top] for top, size in sizes.items() if size >= _BODY]


def _attach_feet(body: SkeletonEvidence, joints: dict[str, int]) -> None:
    """Attach feet that hang on the root, for inverse kinematics, to their shins."""
    names = body.names
    for side in ("left", "right"):
        knee, ankle = joints[f"{side}_knee"], joints[f"{side}_ankle"]
        if names[ankle].other is None:
            continue
        feet = [
            joint
            for joint, name in enumerate(names)
            if name.side == side
            and name.score("ankle") > 0.5
            and body.distances[joint, ankle] < 0.35 * body.distances[knee, ankle]
        ]
        if feet:
            joints[f"{side}_ankle"] = min(feet, key=lambda joint: body.distances[joint, ankle])
            joints.pop(f"{side}_foot", None)


def _best_person(body: SkeletonEvidence) -> _Person | None:
    """Return the likeliest person in the skeleton, or None."""
    pairs = _pairs(body)
    legs, arms = limb_pairs(body, pairs, "leg"), limb_pairs(body, pairs, "arm")
    joined = [_join(body, *lower, *upper) for lower, upper in product(legs, arms)]
    best: _Person | None = None
    for each in sorted(filter(None, joined), key=lambda each: each.cost):
        if best is not None and each.cost + LEAST_COST >= best.cost:
            break  # no spine and head can make up for it
        used = {limb.branch for limb in (*each.legs, *each.arms)}
        leg = (each.legs[0].length + each.legs[1].length) / 2
        found = trunk_column(body, each.pelvis, each.trunk, used, each.arms, leg)
        if found is not None and (best is None or each.cost + found[1] < best.cost):
            best = _Person(each.pelvis, each.legs, each.arms, found[0], each.cost + found[1])
    return best


def _pairs(body: SkeletonEvidence) -> list[tuple[int, int, int]]:
    """Return joints with two branches of much the same length: ``(joint, branch, branch)``."""
    least = 0.12 * float(body.reach.max())
    found = []
    for joint, children in enumerate(body.children):
        ways = {child: float(body.bones[child] + body.reach[child]) for child in children}
        long = sorted((child for child in children if ways[child] > least), key=lambda c: -ways[c])
        for first, second in combinations(long[:_MAX_BRANCHES], 2):
            if ways[first] < 1.5 * ways[second] and body.names[first].side in (
                None,
                *({"left", "right"} - {body.names[second].side}),
            ):
                found.append((joint, first, second))
    return found


def _join(
    body: SkeletonEvidence,
    hip: int,
    legs: tuple[Limb, Limb],
    chest: int,
    arms: tuple[Limb, Limb],
) -> _Limbs | None:
    """Return legs and arms with the trunk that joins them, or None without one."""
    used = {limb.branch for limb in (*legs, *arms)}
    if len(used) < 4:
        return None
    leg = (legs[0].length + legs[1].length) / 2
    arm = (arms[0].length + arms[1].length) / 2
    parents = body.recording.parents
    # The trunk may turn up before it turns down: legs and spine on one root.
    top, turned = hip, []
    while top >= 0 and not (body.way(top, chest) or top == chest):
        top = parents[top]
        turned.append(top)
    if top < 0:
        return None
    trunk = [
        *[each for each in turned if body.distances[each, hip] > 0.03 * leg],
        *body.way(top, chest),
    ]
    if used & set(trunk) or hip in _below(body, arms) or chest in _below(body, legs):
        return None
    sides = {(limb.side or "?") for limb in legs}, {(limb.side or "?") for limb in arms}
    cost = sum(limb.cost for limb in (*legs, *arms))
    cost += sum(
        np.log(a / b) ** 2 / ALIKE**2
        for pair in (legs, arms)
        for a, b in zip(pair[0].lengths, pair[1].lengths, strict=True)
    )
    cost += sum(20.0 for each in sides if len(each) == 1 and "?" not in each)
    cost += float(deviation(np.log(arm / leg / 0.64), 0.0, 0.25, 36))
    along = [hip, *trunk]
    length = sum(body.distances[a, b] for a, b in pairwise(along))
    cost += float(deviation(length / leg, 0.48, 0.18, 36))
    return _Limbs(hip, legs, arms, trunk, cost)


def _below(body: SkeletonEvidence, limbs: tuple[Limb, Limb]) -> set[int]:
    return {joint for limb in limbs for joint in body.chain(limb.branch)}


def _pelvis(body: SkeletonEvidence, person: _Person) -> int:
    """Return where the legs meet, or a joint close by that is called so."""
    leg = person.legs[0].length
    near = [person.pelvis]
    parent = body.recording.parents[person.pelvis]
    while parent >= 0 and body.distances[parent, person.pelvis] < 0.2 * leg:
        near.append(parent)
        parent = body.recording.parents[parent]
    near += [
        each
        for each in body.children[person.pelvis]
        if body.distances[each, person.pelvis] < 0.15 * leg
    ]
    scores = body.named(near, "pelvis")
    sure = [joint for joint, score in zip(near, scores, strict=True) if score >= 1]
    return person.pelvis if not sure or scores[0] >= 1 else sure[0]


def _sides(
    body: SkeletonEvidence, person: _Person, pair: tuple[Limb, Limb]
) -> tuple[tuple[Side, Side], bool]:
    """Return which of two limbs is left, as they are called, and whether the feet belie it.

    Where the names say nothing, and where toes and knees leave no doubt, it is as these point.
    """
    first, second = pair[0].side, pair[1].side
    left, evidence = _left_by_feet(body, person, pair)
    belied = False
    if first or second:
        called = first == "left" or (first is None and second == "right")
        belied = called != left and evidence > _SURELY_AHEAD and not body.recording.roles
        left = called != belied
    return (("left", "right") if left else ("right", "left")), belied


def _left_by_feet(
    body: SkeletonEvidence, person: _Person, pair: tuple[Limb, Limb]
) -> tuple[bool, float]:
    """Return whether the first of two limbs is left of where toes and knees point, and how surely.

    It is not sure at all unless toes and knees point the same way.
    """
    points = body.points
    toes, knees = np.zeros_like(points[:, 0]), np.zeros_like(points[:, 0])
    for limb in person.legs:  # toes point ahead, and knees bend there
        hip, knee, ankle = (points[:, limb.joints[part]] for part in ("hip", "knee", "ankle"))
        knees += knee - (hip + ankle) / 2
        if "foot" in limb.joints:
            toes += points[:, limb.joints["foot"]] - ankle
    top = person.column.get("neck", person.column.get("head", person.pelvis))
    up = points[:, top] - points[:, person.pelvis]
    starts = [next(iter(limb.joints.values())) for limb in pair]
    across = points[:, starts[0]] - points[:, starts[1]]

    def leftness(forward: Array) -> float:
        along = unit_vectors(np.cross(up, forward)) * unit_vectors(across)
        return float(np.median(along.sum(-1)))

    left = float(np.median((np.cross(up, toes + knees) * across).sum(-1))) > 0
    sign = 1 if left else -1
    bend = float(np.median((np.cross(up, knees) * across).sum(-1)))
    return left, sign * leftness(toes) if sign * bend > 0 else 0.0
