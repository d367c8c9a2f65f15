"""The checks of a turn: what a program can verify of its plan, motions and reply.

Every failed check names its fault, so that tables distinguish a missing step from a wrong order:

    invalid_format      there is no valid plan
    missing_step        a requested action is in no step
    wrong_order         it is in the wrong place
    invented_step       a step that was not requested
    touched_segment     a segment that should stay has other tokens, or is gone
    untouched_segment   a segment that should change or go is unchanged
    …
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..agent_graph.plan import Plan
from ..motion_core.placement import FACE_TO_FACE, as_placement
from .observation import Seen, segments_of
from .scenario import Expect
from .timeline_check import check_timeline
from .words import find_words, has_words, in_order

Aspect = Literal["plan", "edit", "answer"]

NUMBERS = {
    1: "once|one|single", 2: "twice|two|2|double|pair", 3: "three|3|thrice|triple", 4: "four|4",
    5: "five|5", 6: "six|6", 7: "seven|7", 8: "eight|8", 9: "nine|9", 10: "ten|10",
}  # fmt: skip
SECONDS_OFF = 0.5  # seconds of deviation from the requested duration, or a tenth of it
METRES_OFF = 0.3
DEGREES_OFF = 30.0


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        check: field of `Expect`.
        aspect: what it concerns: the plan, an edit of a motion, the answer.
        fault: None if it passed.
        detail: what was wrong, in words.
    """

    check: str
    aspect: Aspect
    fault: str | None = None
    detail: str = ""

    @property
    def passed(self) -> bool:
        """Whether the check passed."""
        return self.fault is None


@dataclass(frozen=True)
class Evidence:
    """The input of a turn's checks.

    Attributes:
        plans: the valid plans of the turn, in order.
        motions: all motions after the turn, by key; see `observation`.
        current: key of the current one.
        before: all motions before the turn.
        known: digest of the tokens of every earlier segment, by motion and id.
        reply: to the person.
        files: written files.
    """

    plans: Sequence[Plan]
    motions: Mapping[str, Any]
    current: str
    before: Mapping[str, Any]
    known: Mapping[str, Mapping[str, str]]
    reply: str
    files: Sequence[str]

    @property
    def generated(self) -> list[tuple[int, str]]:
        """Person and description of every step that generates."""
        return [
            (step.person, step.description)
            for plan in self.plans
            for step in plan.steps_of("generate_motion")
        ]

    @property
    def segments(self) -> list[Seen]:
        """Segments of the current motion."""
        return segments_of(self.motions.get(self.current, {}))


def check_turn(expect: Expect, evidence: Evidence) -> list[Finding]:
    """Return the findings of all checks of this turn, passed and failed.

    Without a valid plan every check fails: an unreadable answer keeps no segment.
    """
    names = [name for name in _CHECKS if _is_set(getattr(expect, name))]
    if not evidence.plans:
        none = "no valid plan"
        return [Finding(name, _ASPECTS.get(name, "plan"), "invalid_format", none) for name in names]
    findings = []
    for name in names:
        faults = list(_CHECKS[name](expect, evidence))
        aspect = _ASPECTS.get(name, "plan")
        findings += [Finding(name, aspect, *fault) for fault in faults] or [Finding(name, aspect)]
    findings.append(_others_stay(evidence))
    return findings


_Faults = Iterator[tuple[str, str]]


def _tools(expect: Expect, evidence: Evidence) -> _Faults:
    used = {step.tool for plan in evidence.plans for step in plan.plan}
    for tool in expect.tools:
        if tool not in used:
            yield "missing_tool", f"{tool} was not used"


def _steps(expect: Expect, evidence: Evidence) -> _Faults:
    assert expect.steps is not None
    count, (least, most) = len(evidence.generated), expect.steps
    if count < least:
        yield "missing_step", f"{count} generated steps, at least {least} are needed"
    elif count > most:
        yield "invented_step", f"{count} generated steps, at most {most} were asked for"


def _actions(expect: Expect, evidence: Evidence) -> _Faults:
    yield from _ordered(expect.actions, [description for _, description in evidence.generated])


def _shows(expect: Expect, evidence: Evidence) -> _Faults:
    for words in expect.shows:
        if not any(has_words(words, description) for _, description in evidence.generated):
            yield "missing_step", f"{_short(words)!r} is in no description"


def _people(expect: Expect, evidence: Evidence) -> _Faults:
    for person, actions in expect.people.items():
        texts = [description for who, description in evidence.generated if who == person]
        if not texts:
            yield "missing_person", f"person {person} does nothing"
        else:
            yield from _ordered(actions, texts)


def _ordered(actions: Sequence[str], texts: Sequence[str]) -> _Faults:
    for words, place in zip(actions, in_order(actions, texts), strict=True):
        if place is None and any(has_words(words, text) for text in texts):
            yield "wrong_order", f"{_short(words)!r} is not where it belongs"
        elif place is None:
            yield "missing_step", f"no step for {_short(words)!r}"


def _nothing_else(expect: Expect, evidence: Evidence) -> _Faults:
    more = expect.nothing_else if isinstance(expect.nothing_else, tuple) else ()
    expected = [*expect.actions, *(w for actions in expect.people.values() for w in actions), *more]
    for _, description in evidence.generated:
        if not any(has_words(words, description) for words in expected):
            yield "invented_step", f"nobody asked for {description!r}"


def _without(expect: Expect, evidence: Evidence) -> _Faults:
    for words in expect.without:
        for _, description in evidence.generated:
            if has_words(words, description):
                yield "forbidden_action", f"{_short(words)!r} is in {description!r}"


def _seconds(expect: Expect, evidence: Evidence) -> _Faults:
    for words, wished in expect.seconds.items():
        which = [s for s in evidence.segments if words == "all" or has_words(words, s.description)]
        total = sum(segment.seconds for segment in which)
        if abs(total - wished) > max(SECONDS_OFF, wished / 10):
            yield "wrong_duration", f"{total:g} s for {_short(words)!r}, requested were {wished:g}"


def _times(expect: Expect, evidence: Evidence) -> _Faults:
    for words, count in expect.times.items():
        texts = [text for _, text in evidence.generated if has_words(words, text)]
        numbers = f"{NUMBERS.get(count, str(count))}|{count}"
        if len(texts) != count and not any(find_words(numbers, text) is not None for text in texts):
            yield "wrong_count", f"{_short(words)!r} does not appear {count} times"


def _placement(expect: Expect, evidence: Evidence) -> _Faults:
    assert expect.placement is not None
    motion = evidence.motions.get(evidence.current, {})
    if not any(segment.person == 2 for segment in evidence.segments):
        yield "missing_person", "there is no second person"
        return
    place = as_placement(motion["placement"]) if motion["placement"] else FACE_TO_FACE
    expected = expect.placement
    if expected.apart is not None:
        apart = math.hypot(place.x, place.z)
        if abs(apart - expected.apart) > METRES_OFF:
            yield "wrong_placement", f"{apart:.2g} m apart, requested were {expected.apart:g}"
    if expected.theta is not None:
        off = abs((place.theta - expected.theta + 180) % 360 - 180)
        if off > DEGREES_OFF:
            yield (
                "wrong_placement",
                f"turned by {place.theta:g}°, requested were {expected.theta:g}°",
            )


def _timeline(expect: Expect, evidence: Evidence) -> _Faults:
    assert expect.timeline is not None
    known = evidence.known.get(evidence.current, {})
    for person, items in expect.timeline.items():
        segments = [segment for segment in evidence.segments if segment.person == person]
        if not any(segment.person == 2 for segment in evidence.segments):
            segments = evidence.segments if person == 1 else []
        yield from check_timeline(items, segments, known)
    if 2 not in expect.timeline and 2 not in expect.people:
        for segment in evidence.segments:
            if segment.person == 2:
                yield "invented_step", f"nobody asked for a second person: {segment.description!r}"


def _unchanged(expect: Expect, evidence: Evidence) -> _Faults:
    for key, motion in evidence.before.items():
        if segments_of(motion) != segments_of(evidence.motions.get(key, {})):
            yield "touched_segment", f"{motion['name']} was changed"
    for key in evidence.motions.keys() - evidence.before.keys():
        yield "invented_step", f"{evidence.motions[key]['name']} was made"


def _no_motion(expect: Expect, evidence: Evidence) -> _Faults:
    for _, description in evidence.generated:
        yield "invented_step", f"nobody asked for {description!r}"
    yield from _unchanged(expect, evidence)


def _motions(expect: Expect, evidence: Evidence) -> _Faults:
    if len(evidence.motions) != expect.motions:
        yield "wrong_motion", f"there are {len(evidence.motions)} motions, not {expect.motions}"


def _current(expect: Expect, evidence: Evidence) -> _Faults:
    name = evidence.motions.get(evidence.current, {}).get("name", "")
    if name.lower() != (expect.current or "").lower():
        yield "wrong_motion", f"the current motion is {name!r}, not {expect.current!r}"


def _exports(expect: Expect, evidence: Evidence) -> _Faults:
    written = {file.rpartition(".")[2].lower() for file in evidence.files}
    for suffixes in expect.exports:
        if not written & set(suffixes.split("|")):
            yield "missing_file", f"no {suffixes} was written"


def _says(expect: Expect, evidence: Evidence) -> _Faults:
    for words in expect.says:
        found = re.search(r"\w", evidence.reply) if words == "*" else None
        if found is None and not has_words(words, evidence.reply):
            yield "missing_answer", f"the answer does not name {_short(words)!r}"


def _says_not(expect: Expect, evidence: Evidence) -> _Faults:
    for text in expect.says_not:
        if text.lower() in evidence.reply.lower():
            yield "wrong_answer", f"the answer has {text!r}"


def _others_stay(evidence: Evidence) -> Finding:
    """Check that a turn changes no motion but the current one."""
    for key, motion in evidence.before.items():
        now = evidence.motions.get(key)
        if key != evidence.current and now is not None and segments_of(now) != segments_of(motion):
            return Finding("others", "edit", "touched_segment", f"{motion['name']} was changed")
    return Finding("others", "edit")


def _is_set(value: Any) -> bool:
    return value is not None and value is not False and value != () and value != {}


def _short(words: str) -> str:
    return words if len(words) <= 30 else f"{words[:27]}…"


_CHECKS: dict[str, Callable[[Expect, Evidence], _Faults]] = {
    "tools": _tools,
    "steps": _steps,
    "actions": _actions,
    "shows": _shows,
    "people": _people,
    "nothing_else": _nothing_else,
    "without": _without,
    "seconds": _seconds,
    "times": _times,
    "placement": _placement,
    "timeline": _timeline,
    "unchanged": _unchanged,
    "no_motion": _no_motion,
    "motions": _motions,
    "current": _current,
    "exports": _exports,
    "says": _says,
    "says_not": _says_not,
}

_ASPECTS: dict[str, Aspect] = {
    "timeline": "edit",
    "unchanged": "edit",
    "motions": "edit",
    "current": "edit",
    "says": "answer",
    "says_not": "answer",
}
