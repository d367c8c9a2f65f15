"""Commands about durations and takes: slower, longer, "three seconds long", "another take"."""

from __future__ import annotations

import re

from .clauses import own_subject
from .draft import Draft, Row
from .lexicon import NUMBER, number
from .references import EVERYTHING, check_words, chosen, unclear
from .wording import CannotDo

_SHORTEST = 0.4  # seconds
_STRETCH = {
    "slow": 1.5, "slower": 1.5, "slowly": 1.5, "long": 1.5, "longer": 1.5,
    "fast": 1 / 1.5, "faster": 1 / 1.5, "quick": 1 / 1.5, "quicker": 1 / 1.5, "quickly": 1 / 1.5,
    "short": 1 / 1.5, "shorter": 1 / 1.5,
}  # fmt: skip
_ADVERBS = {"slow": "slowly", "fast": "quickly", "quic": "quickly"}
_HOW = (
    rf"(?P<more>(?:by )?(?P<by>{NUMBER}) ?(?:s|secs?|seconds?) (?:longer|shorter)|"
    r"(?:(?:(?P<percent>\d{1,3}) ?(?:%|percent)|(?P<much>a bit|a little(?: bit)?|slightly|"
    r"somewhat|much|a lot|way|far|even|very|really|too)) )?"
    r"(?P<how>slow(?:er|ly)?|fast(?:er)?|quick(?:er|ly)?|long(?:er)?|short(?:er)?)|"
    rf"(?P<times>twice|two times|half|{NUMBER} times) (?:as|the) "
    r"(?P<what>long|slow|fast|quick|short|length|duration|speed)|"
    r"at (?P<speed>half|double) (?:the )?speed)"
)
_SPEED = (
    re.compile(
        rf"(?:(?:make|let|do|have|play) )?(?P<ref>.*?) ?\b(?:(?:should|must|shall) )?"
        rf"(?:(?:be|last|go|run|take|happen|move) )?{_HOW}(?: please)?",
        re.IGNORECASE,
    ),
    re.compile(r"(?P<slow>slow) (?P<ref>.+) down|slow down(?: (?P<ref2>.+))?", re.IGNORECASE),
    re.compile(r"(?P<fast>speed) (?P<ref>.+) up|speed up(?: (?P<ref2>.+))?", re.IGNORECASE),
    re.compile(r"(?:shorten|cut short|trim)(?: (?P<ref>.+))?", re.IGNORECASE),
    re.compile(r"(?:lengthen|extend|prolong|stretch out)(?: (?P<ref>.+))?", re.IGNORECASE),
)
_AMOUNT = re.compile(r" (?:a bit|a little(?: bit)?|slightly|somewhat)$", re.IGNORECASE)
_SPEED_OF = {1: "slower", 2: "faster", 3: "shorter", 4: "longer"}
_MORE_SECONDS = re.compile(
    rf"add (?P<by>{NUMBER}) ?(?:s|secs?|seconds?) (?:more )?to (?P<ref>.+)", re.IGNORECASE
)
_TOO = re.compile(
    r"(?P<ref>.+?)(?: is|'s| are)? (?:much |a bit |far |way )?too (?P<how>slow|fast|quick|long|"
    r"short)",
    re.IGNORECASE,
)
_OPPOSITE = {"slow": "faster", "fast": "slower", "quick": "slower", "long": "shorter",
             "short": "longer"}  # fmt: skip
_LENGTH = re.compile(
    rf"(?:(?:make|let|set|have|keep) )?(?P<ref>.*?) ?(?:(?:should|must|shall) )?"
    rf"(?:(?:be|last|take|to|for|go) )*(?:(?:exactly|about|only|just|around) )?"
    rf"(?P<n>{NUMBER}) ?(?:s|secs?|seconds?)(?P<long> long)?|"
    rf"(?P<n2>{NUMBER}) ?(?:s|secs?|seconds?) for (?P<ref2>.+)",
    re.IGNORECASE,
)
_TAKE = re.compile(
    r"(?:(?:do|make|give me|show me|try|take|i want|generate) )?(?:(?:an?other|a (?:new|different)|"
    r"one more) (?:take|version|try|variation|variant|attempt)|again\b|it again\b|try again\b|"
    r"something different)(?: ?(?:of|for|with|on|at)? (?P<ref>.+))?|"
    r"(?:redo|retry|resample|regenerate|re-?generate|vary|re-?roll)(?: (?P<ref2>.+))?",
    re.IGNORECASE,
)


def change_speed(bare: str, draft: Draft) -> bool:
    """Execute commands such as "make the wave slower", "speed it up", "the bow is too long", "twice
    as fast".
    """
    if more := _MORE_SECONDS.fullmatch(bare):
        rows = chosen(more["ref"], draft, it=draft.touched or draft.rows)
        if not rows:
            raise unclear(more["ref"], draft)
        check_words(more["ref"], rows)
        return _by_seconds(draft, rows, number(more["by"].lower()))
    if too := _TOO.fullmatch(bare):
        rows = chosen(too["ref"], draft, it=draft.touched or draft.rows)
        if not rows:
            raise unclear(too["ref"], draft)
        check_words(too["ref"], rows)
        return _stretched(
            draft, rows, _STRETCH[_OPPOSITE[too["how"].lower()]], too["how"], invert=True
        )
    for index, pattern in enumerate(_SPEED):
        match = pattern.fullmatch(bare)
        if match is None:
            continue
        groups = match.groupdict()
        ref = (groups.get("ref") or groups.get("ref2") or "").strip()
        subject = (own_subject(bare) or "").lower()
        if index == 0 and subject.startswith(("a ", "an ", "someone", "somebody")):
            return False
        rows = chosen(ref, draft, it=draft.touched or draft.rows)
        if not rows and re.fullmatch(r"him|her|them|the person", ref, re.IGNORECASE):
            rows = draft.rows
        if not rows:
            if index or re.match(r"(?:make|let|do|have) (?:the|s\d)", bare, re.IGNORECASE):
                raise unclear(ref, draft)
            return False
        if index:
            check_words(_AMOUNT.sub("", ref), rows)
            return _stretched(draft, rows, _STRETCH[_SPEED_OF[index]], _SPEED_OF[index])
        if groups.get("by"):
            check_words(ref, rows)
            longer = match["more"].lower().endswith("longer")
            return _by_seconds(draft, rows, number(match["by"].lower()) * (1 if longer else -1))
        request = bool(re.match(r"(?:make|let|play|have)\b", bare, re.IGNORECASE))
        how = (match["how"] or "").lower()
        if how and not how.endswith("er") and not request and "should" not in bare:
            return False  # "walk slowly" is an action
        check_words(ref, rows)
        return _stretched(draft, rows, _factor(match), how or match["more"])
    return False


def _factor(match: re.Match[str]) -> float:
    if match["how"]:
        factor = _STRETCH[match["how"].lower()]
        much = (match["much"] or "").lower()
        if match["percent"]:
            share = 1 + int(match["percent"]) / 100
            return share if factor > 1 else 1 / share
        if much in ("much", "a lot", "way", "far"):
            return 2.0 if factor > 1 else 0.5
        if much and much not in ("even", "very", "really", "too"):
            return 1.25 if factor > 1 else 0.8
        return factor
    if match["speed"]:
        return 2.0 if match["speed"].lower() == "half" else 0.5
    words, what = match["times"].lower(), match["what"].lower()
    times = {"twice": 2.0, "two times": 2.0, "half": 0.5}.get(words)
    if times is None:
        times = min(number(words.removesuffix(" times")), 1000.0) or 1.0
    return 1 / times if what in ("fast", "quick", "short", "speed") else times


def _stretched(
    draft: Draft, rows: list[Row], factor: float, how: str, *, invert: bool = False
) -> bool:
    durations: dict[int, float] = {}
    for index, row in enumerate(rows):
        now = row.lasts or row.seconds
        adverb = _ADVERBS.get(how.lower()[:4]) if not invert else None
        if now:
            durations[index] = now * factor
        elif adverb:
            draft.change(row, description=_with_adverb(row.description, adverb))
        else:
            raise CannotDo(
                f"I do not know yet how long {row.name} will be. Say a duration, such as “for five"
                " seconds”."
            )
    _set(draft, [(rows[index], seconds) for index, seconds in durations.items()])
    draft.touched = rows
    return True


def _with_adverb(description: str, adverb: str) -> str:
    return description if adverb in description.split() else f"{description} {adverb}"


def _by_seconds(draft: Draft, rows: list[Row], change: float) -> bool:
    change = max(-1000.0, min(change, 1000.0))
    now = [row.lasts or row.seconds for row in rows]
    if not all(now):
        raise CannotDo("I do not know yet how long that will be. Say a duration instead.")
    total = sum(now)
    if total + change < _SHORTEST:
        raise CannotDo(f"It lasts {total:g} s; nothing would be left of it.")
    share = (total + change) / total
    _set(draft, [(row, n * share) for row, n in zip(rows, now, strict=True)])
    draft.touched = rows
    return True


def set_length(bare: str, draft: Draft) -> bool:
    """Execute commands such as "make the wave 3 seconds long", "the walk should last five
    seconds".
    """
    match = _LENGTH.fullmatch(bare)
    if match is None:
        return False
    ref = (match["ref"] or match["ref2"] or "").strip()
    request = re.match(r"(?:make|let|set|keep)\b", bare, re.IGNORECASE)
    obligation = re.search(r"\b(?:should|must|shall)\b", bare, re.IGNORECASE)
    if not (request or obligation or match["ref2"] or match["long"]):
        return False
    rows = chosen(ref, draft, it=draft.touched or draft.rows)
    if not rows:
        raise unclear(ref, draft)
    check_words(ref, rows)
    seconds = min(number((match["n"] or match["n2"]).lower()), 1e6)
    if not seconds:
        raise CannotDo("Nothing can last 0 s. To remove it, say “remove …”.")
    changes: list[tuple[Row, float]] = []
    for person in {row.person for row in rows}:  # two people move at the same time
        own = [row for row in rows if row.person == person]
        durations = [row.lasts or row.seconds for row in own]
        total = sum(durations)
        shares = [k / total for k in durations] if all(durations) else [1 / len(own)] * len(own)
        changes += [(row, seconds * share) for row, share in zip(own, shares, strict=True)]
    _set(draft, changes)
    draft.touched = rows
    return True


def _set(draft: Draft, changes: list[tuple[Row, float]]) -> None:
    changed = False
    for row, seconds in changes:
        wish = max(_SHORTEST, round(seconds, 1))
        if wish == row.seconds and not row.changed:
            continue  # the same duration again would be another take
        draft.change(row, seconds=wish)
        changed = True
    if changes and not changed:
        raise CannotDo("It already lasts that long.")


def another_take(bare: str, draft: Draft) -> bool:
    """Execute commands such as "another take of the bow", "try again"."""
    match = _TAKE.fullmatch(bare)
    if match is None:
        return False
    ref = (match["ref"] or match["ref2"] or "").strip()
    rows = chosen(ref, draft, it=draft.touched or draft.rows)
    if not rows and EVERYTHING.search(ref):
        rows = list(draft.rows)
    if not rows:
        raise unclear(ref, draft)
    check_words(ref, rows)
    for row in rows:
        draft.change(row)
    draft.touched = rows
    return True
