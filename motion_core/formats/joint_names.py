"""What the names of joints say: evidence for `recognition`, never a condition.

A name is cut into words (``mixamorig:LeftForeArm`` → left, fore, arm; ``J_Bip_L_LowerLeg`` → l,
lower, leg). Words that most names of a file begin with say nothing. What is left names a side and
a part of the body, or two of them where programs differ: ``LeftShoulder`` is our collar in Mixamo
and our shoulder in Xsens, ``LeftLeg`` our knee or our hip.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

Side = Literal["left", "right"]

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_LEFT = {"left", "l", "lft", "lt", "links"}
_RIGHT = {"right", "r", "rgt", "rt", "rechts"}
_SIDES: Mapping[str, Side] = {
    **dict.fromkeys(_LEFT, "left"),
    **dict.fromkeys(_RIGHT, "right"),
}

# Parts of the body by the words of a name put together; 1 is sure, less is one of several.
_PARTS: Mapping[str, Mapping[str, float]] = {
    word: parts
    for words, parts in (
        ("hips pelvis cog", {"pelvis": 1.0}),
        ("hip", {"pelvis": 0.8, "hip": 1.0}),
        ("root body center centre", {"pelvis": 0.3}),
        ("upleg upperleg thigh upperthigh femur legupper", {"hip": 1.0}),
        ("knee lowleg lowerleg shin calf tibia leglower crus", {"knee": 1.0}),
        ("leg", {"knee": 0.6, "hip": 0.5}),
        ("ankle", {"ankle": 1.0}),
        ("foot", {"ankle": 0.9, "foot": 0.4}),
        ("toe toes toebase ball forefoot", {"foot": 1.0}),
        ("collar clavicle clav scapula collarbone", {"collar": 1.0}),
        ("shoulder shldr", {"collar": 0.7, "shoulder": 0.7}),
        ("uparm upperarm humerus bicep armupper", {"shoulder": 1.0}),
        ("arm", {"shoulder": 0.8, "elbow": 0.3}),
        ("elbow forearm lowarm lowerarm radius ulna armlower", {"elbow": 1.0}),
        ("wrist", {"wrist": 1.0}),
        ("hand fist", {"wrist": 0.9}),
        ("spine abdomen waist torso back lowerback upperback lumbar belly", {"spine": 1.0}),
        ("chest thorax upperchest ribs ribcage abdomenupper abdomenlower", {"spine": 1.0}),
        ("neck lowerneck cervical", {"neck": 1.0}),
        ("upperneck", {"neck": 0.5}),
        ("head skull", {"head": 1.0}),
    )
    for word in words.split()
}
_ENDS = frozenset(("end", "nub", "tip", "top", "site", "leaf", "effector", "null", "dummy"))
_HELPERS = frozenset(
    re.findall(
        r"\w+",
        """thumb index middle ring pinky pinkie finger fingers little metacarpal palm carpal mid
        fthumb findex fmiddle fring fpinky
        twist roll ik pole target poletarget ctrl control helper attach socket slot handslot hold
        ear eye eyes jaw tongue teeth lip brow cheek nose hair breast bust muscle tail wing
        skirt cloth cape weapon prop camera light heel""",
    )
)
_NOT_OF_A_JOINT = frozenset(
    ("def", "org", "mch", "jnt", "joint", "bone", "bip", "bind", "skin", "base", "sk")
)


@dataclass(frozen=True)
class NameEvidence:
    """What one name says.

    Attributes:
        side: of the body; none of the trunk.
        parts: our parts (``hip``, ``knee``, … ``spine``), 1 where sure.
        other: ``"helper"`` (fingers too) or ``"end"`` of a bone, and none of the 22.
        number: in the name; 0 if there is none.
    """

    side: Side | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    other: Literal["helper", "end"] | None = None
    number: int = 0

    def score(self, part: str) -> float:
        """Score a name from -2 (it says something else) over 0 (nothing) to 1 (it is this part)."""
        if part in self.parts:
            return self.parts[part]
        if self.other:
            return -2.0 if self.other == "helper" else -0.5
        return -1.0 if self.parts else 0.0


def read_names(names: Sequence[str]) -> list[NameEvidence]:
    """Return what each of a file's names says."""
    cut = [_words(name) for name in names]
    openings = Counter(words[0] for words in cut if len(words) > 1)
    shared = {
        word
        for word, count in openings.items()
        if count > 0.6 * len(names) and word not in _SIDES and word not in _PARTS
    }
    read = [
        _read([word for at, word in enumerate(words) if at or word not in shared]) for words in cut
    ]
    # A letter in a name is a side where the other side has the same name.
    sided = {(evidence.side, words) for evidence, words in read}
    opposite: Mapping[Side, Side] = {"left": "right", "right": "left"}
    return [
        evidence
        if evidence.side is None or (opposite[evidence.side], words) in sided
        else replace(evidence, side=None)
        for evidence, words in read
    ]


def _words(name: str) -> list[str]:
    bare = re.split(r"[:|/]", name)[-1]
    words = [word.lower() for word in _WORDS.findall(re.sub(r"#\d+$", "", bare))]
    return [word for word in words if word not in _NOT_OF_A_JOINT or len(words) == 1] or words


def _read(words: Sequence[str]) -> tuple[NameEvidence, tuple[str, ...]]:
    """Return what a name says, and its words without the side."""
    letters = [word for word in words if not word.isdigit()]
    number = next((int(word[-6:]) for word in words if word.isdigit()), 0)
    side = next((_SIDES[word] for word in letters if word in _SIDES), None)
    rest = [word for word in letters if word not in _SIDES]
    if side is None and rest:  # lShldr is cut by its capital; lfemur and lhipjoint are not
        for start, each in (("left", "left"), ("right", "right"), ("l", "left"), ("r", "right")):
            tail = rest[0].removeprefix(start)
            if tail != rest[0] and any(tail.startswith(part) for part in _PARTS):
                side, rest = _SIDES[each], [tail, *rest[1:]]
                break
    key = (*rest, str(number))
    if any(word in _HELPERS for word in rest):
        return NameEvidence(side, other="helper", number=number), key
    if any(word in _ENDS for word in rest):
        return NameEvidence(side, other="end", number=number), key
    whole = "".join(rest)
    for text in (whole, whole.removesuffix("joint"), whole.removesuffix("base"), *rest[::-1]):
        if text in _PARTS:
            parts = dict(_PARTS[text])
            if text == "hip":
                parts = {"hip": 1.0} if side else {"pelvis": 1.0}
            return NameEvidence(side, parts, number=number), key
    return NameEvidence(side, number=number), key
