"""Which joints of any skeleton are our 22: by its structure first, by its names besides.

A person's skeleton branches twice: in the pelvis into two legs and the trunk, in the chest into
two arms and the neck. Every pair of like branches is tried as legs and every other as arms; along
each the joints are chosen that divide it as a limb is divided, keep their distance while the body
moves, and are called so. What fits best is the person. All costs are squared deviations from how
people are built, so a sum of some 20 terms of about 1 is what a real skeleton has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise, product

import numpy as np
from numpy.typing import NDArray

from .joint_names import NameEvidence, Side, read_names
from .recording import Recording
from .skeleton_evidence import SkeletonEvidence, deviation, unit_vectors

Array = NDArray[np.float64]

_SAMPLES = 12  # frames that are looked at
_NAME = 4.0  # how much a name counts against the body's build
_TOP = 4  # choices along a limb that are kept
_MAX_BRANCHES = 10  # of a joint that are looked at, the longest
_ALIKE = 0.08  # how much, as a logarithm, the lengths of left and right differ
_SIDES: Mapping[str, Side] = {"left": "left", "right": "right"}
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
class _Limb:
    """A leg or an arm as it was found: joints from the trunk outwards, and its cost."""

    joints: dict[str, int]
    cost: float
    lengths: tuple[float, float]
    side: Side | None
    branch: int

    @property
    def length(self) -> float:
        return sum(self.lengths)


@dataclass(frozen=True)
class _Person:
    pelvis: int
    legs: tuple[_Limb, _Limb]
    arms: tuple[_Limb, _Limb]
    column: dict[str, int]
    cost: float


def recognise(recording: Recording) -> Recognition | None:
    """Our joints in a recording; none where no person is found."""
    step = max(1, recording.frames // _SAMPLES)
    points = recording.positions(range(len(recording.names)), slice(0, None, step))
    names = read_names(recording.names)
    for ours, name in recording.roles.items():
        side, _, part = ours.rpartition("_")
        said = {"spine" if part.startswith("spine") else part: 1.0}
        names[recording.names.index(name)] = NameEvidence(_SIDES.get(side), said)
    body = SkeletonEvidence(recording, points, names)
    people = sorted(_people(body), key=lambda person: person.cost)
    if not people:
        return None
    best = people[0]
    joints = {"pelvis": _pelvis(body, best), **best.column}
    for legs_or_arms in (best.legs, best.arms):
        for side, limb in zip(_sides(body, best, legs_or_arms), legs_or_arms, strict=True):
            joints.update({f"{side}_{part}": joint for part, joint in limb.joints.items()})
    _attach_feet(body, joints)
    confidence = float(1 / (1 + np.exp((best.cost - _DOUBTFUL) / _SLOPE)))
    # Somebody of odd build, each of whose joints is called what it is, is a person all the same.
    agreeing = [_agrees(body.names[joint], ours) for ours, joint in joints.items()]
    confidence = max(confidence, 0.95 * sum(agreeing) / len(agreeing))
    return Recognition(joints, confidence)


def _agrees(name: NameEvidence, ours: str) -> bool:
    side, _, part = ours.rpartition("_")
    part = "spine" if part.startswith("spine") else part
    return name.score(part) >= 0.5 and (not side or name.side == side)


def _attach_feet(body: SkeletonEvidence, joints: dict[str, int]) -> None:
    """Feet that hang on the root, for inverse kinematics, instead of on their shins."""
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


def _people(body: SkeletonEvidence) -> list[_Person]:
    """Every way to see a person in the skeleton."""
    pairs = _pairs(body)
    people = []
    legs = [pair for each in pairs for pair in _limb_pairs(body, *each, kind="leg")]
    arms = [pair for each in pairs for pair in _limb_pairs(body, *each, kind="arm")]
    for lower, upper in product(legs, arms):
        (hip, leg), (chest, arm) = lower, upper
        if {leg[0].branch, leg[1].branch} & {arm[0].branch, arm[1].branch}:
            continue
        people += _joined(body, hip, leg, chest, arm)
    return people


def _pairs(body: SkeletonEvidence) -> list[tuple[int, int, int]]:
    """Joints with two branches of much the same length: ``(joint, branch, branch)``."""
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


def _limb_pairs(
    body: SkeletonEvidence, joint: int, first: int, second: int, *, kind: str
) -> list[tuple[int, tuple[_Limb, _Limb]]]:
    """The likeliest two legs or arms in a pair of branches, with the joint they hang on."""
    limbs = [_limbs(body, joint, branch, kind) for branch in (first, second)]
    best: tuple[float, tuple[_Limb, _Limb]] | None = None
    for left, right in product(*limbs):
        unlike = sum(np.log(a / b) ** 2 for a, b in zip(left.lengths, right.lengths, strict=True))
        if set(left.joints) != set(right.joints):
            unlike += 0.05
        cost = left.cost + right.cost + unlike / _ALIKE**2
        if best is None or cost < best[0]:
            best = cost, (left, right)
    return [(joint, best[1])] if best else []


def _limbs(body: SkeletonEvidence, trunk: int, branch: int, kind: str) -> list[_Limb]:
    """The likeliest ways to find a leg's or an arm's joints along a branch."""
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
        - _NAME * np.asarray(named)
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
            _Limb(
                found,
                price + extra,
                (float(first[row]), float(second[row])),
                sides.pop() if len(sides) == 1 else None,
                branch,
            )
        )
    return limbs


def _foot(body: SkeletonEvidence, knee: int, ankle: int, leg: float) -> tuple[int | None, float]:
    """The ball of a foot among what hangs on its ankle, and the cost of it; perhaps none."""
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
            - _NAME * body.names[joint].score("foot")
        )
        if cost < best[1]:
            best = joint, cost
    return best


def _collar(
    body: SkeletonEvidence, trunk: int, above: Sequence[int], shoulder: int, arm: float
) -> tuple[int | None, float]:
    """The collar among the joints between the trunk and a shoulder; perhaps none."""
    best: tuple[int | None, float] = None, 3.0
    for joint in above:
        cost = float(
            deviation(body.distances[joint, shoulder] / arm, 0.25, 0.12, 16)
            - _NAME * body.names[joint].score("collar")
        )
        if cost < best[1]:
            best = joint, cost
    return best


def _joined(
    body: SkeletonEvidence,
    hip: int,
    legs: tuple[_Limb, _Limb],
    chest: int,
    arms: tuple[_Limb, _Limb],
) -> list[_Person]:
    """Legs and arms as those of one person, if a trunk and a head go with them."""
    leg = (legs[0].length + legs[1].length) / 2
    arm = (arms[0].length + arms[1].length) / 2
    parents = body.recording.parents
    # The trunk may turn up before it turns down: legs and spine on one root.
    top, turned = hip, []
    while top >= 0 and not (body.way(top, chest) or top == chest):
        top = parents[top]
        turned.append(top)
    if top < 0:
        return []
    trunk = [
        *[each for each in turned if body.distances[each, hip] > 0.03 * leg],
        *body.way(top, chest),
    ]
    used = {limb.branch for limb in (*legs, *arms)}
    if used & set(trunk) or hip in _below(body, arms) or chest in _below(body, legs):
        return []
    sides = {(limb.side or "?") for limb in legs}, {(limb.side or "?") for limb in arms}
    cost = sum(limb.cost for limb in (*legs, *arms))
    cost += sum(
        np.log(a / b) ** 2 / _ALIKE**2
        for pair in (legs, arms)
        for a, b in zip(pair[0].lengths, pair[1].lengths, strict=True)
    )
    cost += sum(20.0 for each in sides if len(each) == 1 and "?" not in each)
    cost += float(deviation(np.log(arm / leg / 0.64), 0.0, 0.25, 36))
    along = [hip, *trunk]
    length = sum(body.distances[a, b] for a, b in pairwise(along))
    cost += float(deviation(length / leg, 0.48, 0.18, 36))
    column = _column(body, hip, trunk, used, arms, leg)
    if column is None:
        return []
    return [_Person(hip, legs, arms, column[0], cost + column[1])]


def _below(body: SkeletonEvidence, limbs: tuple[_Limb, _Limb]) -> set[int]:
    return {joint for limb in limbs for joint in body.chain(limb.branch)}


def _column(
    body: SkeletonEvidence,
    hip: int,
    trunk: list[int],
    used: set[int],
    arms: tuple[_Limb, _Limb],
    leg: float,
) -> tuple[dict[str, int], float] | None:
    """Spine, neck and head: the likeliest choice along the trunk and what goes on above it."""
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
    """Choices of neck and head along a way up, each with its cost."""
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
        - _NAME * neck_named
        + 30.0 * np.array(ends)
    )
    head_cost = deviation(heights, 0.76, 0.16, 16) - _NAME * head_named + 3.0 * np.array(ends)
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
    """Up to three joints of the spine: the chest, and two between it and the hips."""
    assert above is not None
    joints = chain[: chain.index(above)]
    joints = [joint for joint in joints if not body.names[joint].other] or joints
    if not joints:
        return {}, 6.0
    # The arms hang on the chest; where they hang on the neck itself, it is the joint below.
    chest = trunk[-1] if trunk and trunk[-1] in joints else joints[-1]
    lower = joints[: joints.index(chest)]
    found = {"spine3": chest}
    named = -_NAME / 2 * float(body.named([chest], "spine")[0])
    if len(lower) == 1:
        found |= {"spine2": lower[0]}
    elif len(lower) >= 2:
        whole = max(float(body.distances[hip, chest]), 1e-9)
        parts = body.distances[hip, lower] / whole
        said = body.named(lower, "spine")
        first, second = min(
            combinations(range(len(lower)), 2),
            key=lambda pair: (
                (parts[pair[0]] - 0.35) ** 2
                + (parts[pair[1]] - 0.7) ** 2
                - 0.2 * (said[pair[0]] + said[pair[1]])
            ),
        )
        found |= {"spine1": lower[first], "spine2": lower[second]}
    return found, named


def _pelvis(body: SkeletonEvidence, person: _Person) -> int:
    """Where the legs meet, or a joint close by that is called so."""
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


def _sides(body: SkeletonEvidence, person: _Person, pair: tuple[_Limb, _Limb]) -> tuple[Side, Side]:
    """Which of two limbs is left: as they are called, else as the feet point."""
    first, second = pair[0].side, pair[1].side
    if first or second:
        left = first == "left" or (first is None and second == "right")
        return ("left", "right") if left else ("right", "left")
    points = body.points
    forward = np.zeros_like(points[:, 0])
    for limb in person.legs:  # toes point ahead, and knees bend there
        hip, knee, ankle = (points[:, limb.joints[part]] for part in ("hip", "knee", "ankle"))
        forward += knee - (hip + ankle) / 2
        if "foot" in limb.joints:
            forward += points[:, limb.joints["foot"]] - ankle
    top = person.column.get("neck", person.column.get("head", person.pelvis))
    up = points[:, top] - points[:, person.pelvis]
    starts = [next(iter(limb.joints.values())) for limb in pair]
    across = points[:, starts[0]] - points[:, starts[1]]
    left = float(np.median((np.cross(up, forward) * across).sum(-1))) > 0
    return ("left", "right") if left else ("right", "left")
