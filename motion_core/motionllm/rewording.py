"""The same caption in other words: another subject, or another tense. Nothing is added to it.

    a person walks forward  ->  someone walks forward, the person is walking forward, he walks …

Only the first words are changed, where they are a subject that is understood and a verb in the
third person. A subject with more to say ("an old man", "the zombie") stays.
"""

from __future__ import annotations

import re

import numpy as np

_SUBJECT = re.compile(
    r"^(?:(?:a|the|this) (?:person|human|human being|figure|individual|man|guy|woman)"
    r"|someone|somebody|he|she|person|man|figure)\b\s*",
    re.IGNORECASE,
)
_SUBJECTS = ("a person", "a person", "someone", "the person", "somebody", "a human", "a figure")
_THIRD = re.compile(r"^([a-z]{2,})s\b")
_NO_VERBS = frozenset(["is", "was", "has", "does", "goes", "his", "its", "this", "always", "hands"])
_ENDS_IN_ES = ("ch", "sh", "ss", "x", "zz", "o")
_DOUBLED = re.compile(r"^(?:.*[^aeiou])?[aeiou][bdgmnprt]$")
_SYLLABLES = re.compile(r"[aeiouy]+")


def reword(caption: str, random: np.random.Generator) -> str:
    """Return the caption with another subject, and in half of the cases the other tense."""
    match = _SUBJECT.match(caption)
    if match is None:
        return caption
    rest = caption[match.end() :]
    if random.random() < 0.5:
        rest = other_tense(rest)
    subject = _SUBJECTS[random.integers(len(_SUBJECTS))]
    return f"{subject} {rest}"


def other_tense(predicate: str) -> str:
    """Return ``walks on`` as ``is walking on``; other texts unchanged."""
    third = _THIRD.match(predicate)
    if third is not None and third[0] not in _NO_VERBS:
        return f"is {_gerund(_base(third[1]))}{predicate[third.end() :]}"
    return predicate


def _base(stem: str) -> str:
    """Return a third-person verb without its s: ``walk``, ``cross`` for ``crosse``, ``try``."""
    if stem.endswith("ie") and len(stem) > 3:
        return f"{stem[:-2]}y"
    if stem.endswith("e") and stem[:-1].endswith(_ENDS_IN_ES):
        return stem[:-1]
    return stem


def _gerund(verb: str) -> str:
    if verb.endswith("ie"):
        return f"{verb[:-2]}ying"
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        return f"{verb[:-1]}ing"
    short = len(_SYLLABLES.findall(verb)) == 1
    return f"{verb}{verb[-1] if short and _DOUBLED.match(verb) else ''}ing"
