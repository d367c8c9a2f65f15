"""Durations in a request: "for two seconds", "half a minute", and "rest for six" without a unit."""

from __future__ import annotations

import re

from .lexicon import NUMBER, number

_UNIT = r"(?:seconds?|secs?|s|minutes?|mins?)"
DURATION = re.compile(
    rf"\s*\(?\b(?:for|in|over|of|lasting|during)?\s*(?:about\s+|around\s+|roughly\s+|some\s+)?"
    rf"(?P<n>{NUMBER}|half\s+an?|(?!as\b)an?|a\s+few|a\s+couple\s+of)[\s-]*"
    rf"(?P<unit>{_UNIT})\b"
    r"(?!\s+(?:person|one|man|woman|people|time|take|motion|dancer|actor)\b)"
    r"(?:\s+long)?\)?",
    re.IGNORECASE,
)
_END = r"(?=\s*(?:$|[,;:!?)\n]|\.(?!\d)|(?:and|then|before|after|while|but)\b))"
_WITHOUT_UNIT = re.compile(
    rf"\bfor\s+(?:(?:about|around|exactly|a\s+count\s+of)\s+)?{NUMBER}{_END}"
    rf"|\b(?:(?:wait|pause|rest|freeze)s?|lasts|(?:should|must|shall)\s+last)\s+{NUMBER}{_END}",
    re.IGNORECASE,
)
_AND_A_HALF = (
    re.compile(rf"\b(?P<n>{NUMBER})\s+and\s+a\s+half\b", re.IGNORECASE),
    re.compile(rf"\b(?P<n>{NUMBER}|an?)\s+(?P<unit>{_UNIT})\s+and\s+a\s+half\b", re.IGNORECASE),
)
_STATED = re.compile(rf"(?:{NUMBER}|\ban?|\bfew)[\s-]*({_UNIT})\b", re.IGNORECASE)
_STILLNESS = re.compile(
    r"\b(?:hold|holds|holding|(?:rest|stand|stay|wait|remain|keep|stop|relax|plank|hang|float"
    r"|linger|sleep|kneel|crouch|squat|meditate?|balance?|pause?|poise?|pose?|freeze?|hover|idle?)"
    r"(?:s|es|ing)?|(?:sit|sits|sitting|lie|lies|lying)|still|motionless|last)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[,;:!?\n]|\.(?!\d)|\b(?:and|then|before|after|while|but)\b", re.IGNORECASE)


def with_units(text: str) -> str:
    """Return the text with halves as decimals and the unit after a number that means a duration.

    "Rest for six" means seconds, as does "run for six" beside another duration, whose unit it
    shares: "walk for two minutes, then run for one".
    """
    for pattern in _AND_A_HALF:
        text = pattern.sub(_decimal, text)

    def add(match: re.Match[str]) -> str:
        before = text[: match.start()]
        stated = _STATED.findall(before) or _STATED.findall(text)
        clause = _CLAUSE.split(text[: match.end()])[-1]
        if not stated and not _STILLNESS.search(clause):
            return match[0]
        if re.search(r"\b(?:table|room|bench)\s*$", before, re.IGNORECASE):
            return match[0]
        minutes = bool(stated) and stated[-1].lower().startswith("min")
        words = re.sub(r"\ba\s+count\s+of\s+", "", match[0], flags=re.IGNORECASE)
        return f"{words} {'minutes' if minutes else 'seconds'}"

    return _WITHOUT_UNIT.sub(add, text)


def _decimal(match: re.Match[str]) -> str:
    count = match["n"].lower()
    unit = match.groupdict().get("unit")
    value = (1.0 if count in ("a", "an") else number(count)) + 0.5
    return f"{value:g} {unit}" if unit else f"{value:g}"


def seconds_of(match: re.Match[str]) -> float:
    """Return the duration in a match of `DURATION`, in seconds."""
    words = " ".join(match["n"].lower().split())
    value = {"a": 1.0, "an": 1.0, "half a": 0.5, "half an": 0.5, "a few": 3.0, "a couple of": 2.0}
    amount = value[words] if words in value else number(words)
    return amount * (60 if match["unit"].lower().startswith("min") else 1)
