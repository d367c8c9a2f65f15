"""Where two people stand: phrases such as "two metres in front of her" as (θ, x, z) of person 2.

Person 1 stands at the origin and faces +z, so +x is to the left.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...motion_core.placement import FACE_TO_FACE
from .lexicon import NUMBER, PERSON_NOUNS, number

_UNITS = {"m": 1.0, "cm": 0.01, "f": 0.3048, "s": 0.75, "p": 0.75}  # a step is 75 cm
_DISTANCE = (
    rf"(?P<n>{NUMBER}|half\s+an?|an?|a\s+couple\s+of)\s*"
    r"(?P<unit>metres?|meters?|m|centimetres?|centimeters?|cm|feet|foot|ft|steps?|paces?)\b"
)
_OTHER = (
    r"(?:(?:to\s+|at\s+|from\s+|of\s+)?(?P<target>each\s+other|one\s+another|him|her|them|"
    r"(?:person|actor|dancer)\s+(?:[12ab]|one|two)|"
    rf"(?:the|an?)\s+(?:(?:first|second|other)(?:\s+(?:one|{PERSON_NOUNS}))?|"
    rf"(?:[\w-]+\s+)?(?:{PERSON_NOUNS}))))"
)
_STAND = (
    r"(?:(?:(?:also|now|then|both|always|just)\s+)*"
    r"(?:is|are|be|stands?|standing|stays?|moves?|comes?|goes?|gets?|"
    r"placed|positioned|put|place|has|have|should|must|will|can|to|"
    r"himself|herself|themselves|their|his|her|a|bit|little|much|while|and|about|around|at|"
    r"distance|of|apart|away|from|in|with|far|right|directly|just|exactly|there|him|them|it|"
    r"by)\s*)*"
)
# Phrases about the place, in the order in which they are tried.
_RELATIONS = tuple(
    (name, re.compile(rf"\b(?:{pattern})", re.IGNORECASE))
    for name, pattern in (
        ("back", r"back[\s-]+to[\s-]+back|with\s+their\s+backs\s+to\s+each\s+other|"
                 r"(?:fac|look|turn)(?:es?|ed|ing)?\s+away\s+from\s+(?:each\s+other|"
                 r"one\s+another)"),
        ("away", rf"(?:facing|faces?|turn(?:s|ed|ing)?|look(?:s|"
        rf"ing)?)\s+away(?:\s+from\s+{_OTHER})?\b"),
        ("front", rf"in\s+front(?:\s+{_OTHER}|\s*$)"),
        (
            "face",
            rf"face[\s-]+to[\s-]+face|(?:facing|faces?|turn(?:s|ed)?\s+to(?:wards?)?|opposite|"
            rf"across\s+from)\s+{_OTHER.replace('target', 'faced')}",
        ),
        ("behind", rf"behind(?:\s+{_OTHER}|\s*$)"),
        ("left", rf"(?:to|on|at)?\s*(?:the\s+|his\s+|her\s+)?left\s+(?:side\s+)?{_OTHER}|"
                 r"(?:to|on|at)\s+(?P<whose>his|her|their)\s+left(?:\s+side)?\b"),
        ("right", rf"(?:to|on|at)?\s*(?:the\s+|his\s+|her\s+)?right\s+(?:side\s+)?{_OTHER}|"
                  r"(?:to|on|at)\s+(?P<whose>his|her|their)\s+right(?:\s+side)?\b"),
        (
            "beside",
            rf"side[\s-]+by[\s-]+side|shoulder\s+to\s+shoulder|(?:next|close)\s+{_OTHER}|"
            rf"(?:beside|alongside)\s+{_OTHER.replace('target', 'beside')}",
        ),
        ("closer", rf"(?:closer|nearer)(?:\s+together)?(?:\s+{_OTHER})?"),
        ("farther", rf"(?:farther|further)\s*(?:away|apart|off|back)?(?:\s+{_OTHER})?"),
        ("apart", rf"(?:apart|at\s+a\s+distance\s+of|away\s+{_OTHER}|"
                  rf"from\s+{_OTHER.replace('target', 'apart')})\b"),
        ("towards", rf"to(?:wards?)?\s+{_OTHER}"),
    )
)  # fmt: skip
_NEAR = {"front": FACE_TO_FACE.z, "face": FACE_TO_FACE.z, "towards": 3.0}

WhoIs = Callable[[str], int | None]
"""Which person a word such as "her" or "the second one" means; None if it does not say."""


@dataclass(frozen=True)
class Placed:
    """A clause with its words about the place removed.

    Attributes:
        placement: θ, x, z of person 2, or empty.
        rest: the predicate without the place; empty if nothing is left.
    """

    placement: tuple[float, ...]
    rest: str


def place_in(
    predicate: str, movers: Sequence[int], who_is: WhoIs, current: Sequence[float] = ()
) -> Placed:
    """Return a clause with the place of one or both of two people taken out.

    Args:
        predicate: the clause's predicate.
        movers: the people it is about.
        who_is: resolves a word to a person.
        current: the placement so far; face to face if empty.
    """
    relations: dict[str, re.Match[str]] = {}
    rest = predicate
    for name, pattern in _RELATIONS:
        if name == "towards" and not re.match(r"\s*(?:walk|run|come|move|go|step|jog)", predicate):
            continue
        found = pattern.search(rest)
        if found and not (
            name in ("apart", "closer", "farther", "towards") and "back" in relations
        ):
            relations[name] = found
            rest = f"{rest[: found.start()]} {rest[found.end() :]}"
    distance = None
    if relations or re.search(r"\b(?:apart|away)\b", predicate):
        measured = re.search(
            rf",?\s*(?:\bat\s+)?{_DISTANCE}(?:\s+(?:away|apart)\b)?", rest, re.IGNORECASE
        )
        if measured and "forward" not in rest[measured.end() :]:
            distance = _metres(measured)
            rest = f"{rest[: measured.start()]} {rest[measured.end() :]}"
    if not relations:
        return Placed((), predicate)
    target = next(
        (_target(match, who_is) for match in relations.values() if _target(match, who_is)), 0
    )
    mover = 3 - target if target else (movers[0] if len(movers) == 1 else 2)
    if "towards" in relations:
        kept = predicate.replace(relations["towards"][0], "forward")
        return Placed(_placement(relations, distance, mover, current), kept)
    rest = " ".join(rest.strip(" ,").split())
    if re.fullmatch(_STAND, rest + " ", re.IGNORECASE):
        rest = ""
    if rest and "away" in relations and "apart" not in relations:
        rest = rest.strip()
    return Placed(_placement(relations, distance, mover, current), rest)


def _target(match: re.Match[str], who_is: WhoIs) -> int | None:
    groups = match.groupdict()
    word = next((groups[k] for k in ("target", "faced", "beside", "apart") if groups.get(k)), None)
    if word is None and groups.get("whose"):
        word = {"his": "him", "her": "her", "their": "them"}[groups["whose"].lower()]
    return None if word is None else who_is(word.lower())


def _metres(match: re.Match[str]) -> float:
    words = " ".join(match["n"].lower().split())
    lengths = {"half a": 0.5, "half an": 0.5, "a": 1.0, "an": 1.0, "a couple of": 2.0}
    amount = lengths[words] if words in lengths else number(words)
    unit = match["unit"].lower()
    scale = _UNITS["cm"] if unit.startswith("c") else _UNITS[unit[0]]
    return min(amount * scale, 1e6)


def _placement(
    relations: dict[str, re.Match[str]],
    distance: float | None,
    mover: int,
    current: Sequence[float],
) -> tuple[float, ...]:
    theta, x, z = current or (FACE_TO_FACE.theta, FACE_TO_FACE.x, FACE_TO_FACE.z)
    name = next(iter(relations))
    side = 1.0 if mover == 2 else -1.0
    far = distance if distance is not None else _NEAR.get(name, 1.0)
    if "back" in relations:
        theta, x, z = 180.0, 0.0, -far
    elif "behind" in relations:
        theta, x, z = (180.0 if "away" in relations else 0.0), 0.0, -far * side
    elif "left" in relations or "right" in relations:
        theta, x, z = 0.0, far * side * (1.0 if "left" in relations else -1.0), 0.0
    elif "front" in relations or "face" in relations or "towards" in relations:
        theta, x, z = (0.0 if "away" in relations else 180.0), 0.0, far
    elif "beside" in relations:
        theta, x, z = 0.0, far, 0.0
    elif "closer" in relations or "farther" in relations:
        now = math.hypot(x, z)
        step = distance if distance is not None else now / 2
        target = max(0.3, now - step if "closer" in relations else now + step)
        x, z = (x * target / now, z * target / now) if now else (0.0, target)
    elif "apart" in relations and distance is not None:
        now = math.hypot(x, z)
        x, z = (x * distance / now, z * distance / now) if now else (0.0, distance)
    elif "away" in relations:
        theta = 0.0 if theta == 180.0 else 180.0
    else:
        return ()
    return tuple(round(value, 2) + 0.0 for value in (theta, x, z))


def without_each_other(predicate: str) -> str:
    """Return a predicate of two people as each of them does it: "bow to each other" → "bow"."""
    predicate = re.sub(
        r"\bperson\s+(?:[12ab]|one|two)\b", "another person", predicate, flags=re.IGNORECASE
    )
    return re.sub(
        r"\s*\b(?:(?:to|at|with|for|towards?|from|against|on|around|past)\s+)?"
        r"(?:each\s+other|one\s+another)(?:'s)?(?=\W|$)(?!\s+(?:hands?|arms?|shoulders?))",
        "",
        predicate,
        flags=re.IGNORECASE,
    ).strip()
