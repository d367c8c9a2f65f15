"""What a plan adds to a request: actions made more often than asked, and actions nobody asked for.

An action is repeated if one person does the same thing in more steps than the request allows. The
suite's actions, counts and timelines allow as many as they name, a duration allows a movement in
timed pieces, and words such as "again" or "several" allow any number. Standing still is never an
addition, and two steps that describe a movement differently (half a circle, the other half) are
not the same.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from ..agent_graph.plan import Step
from .checks import NUMBERS, Finding
from .scenario import Expect
from .words import find_words, has_words

_LENGTH = re.compile(  # durations and distances: their numbers count nothing
    r"\b(\d+([.,]\d+)?[\s-]*|[^\W\d]+[\s-]+)(s|secs?|seconds?|sekunden?|secondes?|segundos?|secondi"
    r"|m|met(er|re)s?|metern?|mètres?|metros?|metri)\b|[\d一二三四五六七八九十半]+[秒米]",
    re.IGNORECASE,
)
_REPEATS = re.compile(
    r"\d|\b(again|repeat\w*|times|once more|twice|thrice|double|several|many|few|over and over"
    r"|on and on|back and forth|up and down|to and fro|in turn|alternat\w*|keeps?|kept|every|long"
    r"|minutes?|two|three|four|five|six|seven|eight|nine|ten|dozen|hundred"
    r"|(ein|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|noch|mehr|paar) ?mals?|wieder\w*"
    r"|mehrere|zwei|drei|vier|fünf|lange|minuten"
    r"|fois|encore|répèt\w*|plusieurs|deux|trois|quatre|cinq|longtemps"
    r"|veces|otra vez|repit\w*|varias|varios|dos|tres|cuatro|cinco|minutos?"
    r"|volte|ancora|ripet\w*|due|tre|quattro|cinque|minut[oi])\b"
    r"|[次再又遍两二三四五六七八九十]|重复|分钟",
    re.IGNORECASE,
)
_STILL = "stand still|stay still|remain still|hold still|still|wait|pause|idle|freeze"
_SUBJECT = re.compile(
    r"^(an?|the)?\s*([\w-]+\s)?(person|man|woman|boy|girl|guy|human|figure|character|someone|somebody"
    r"|he|she|they|it)\s",
    re.IGNORECASE,
)
_SMALL = {"a", "an", "the", "his", "her", "their", "its", "then", "again", "also", "now"}
_CLAUSES = re.compile(r",|;|\band\b|\bthen\b|\bwhile\b|\bbefore\b|\bafter\b|\bwhilst\b", re.I)
# Verbs of whole actions. Those that only prepare or accompany one (raise, bend, reach, stand) and
# words that are nouns as often (head, arm) are left out.
_ACTIONS = (
    "walk|stroll|march|run|jog|sprint|jump|hop|leap|skip|spin|twirl|turn|sit|lie down|fall|wave|bow"
    "|kick|punch|clap|applaud|squat|crouch|stretch|crawl|throw|toss|catch|pick|dance|kneel|drink|eat"
    "|climb|look|point|hug|sing|swim|cry|laugh|cheer|fight|push|pull|roll|scream|shout|read|write"
    "|cook|sleep|smoke|stand up|get up"
)


def repeated_steps(
    request: str, expect: Expect, steps: Sequence[Step], findings: Sequence[Finding]
) -> dict[int, str]:
    """Return the steps that do the same once more than requested: their index, what is wrong.

    Args:
        request: the person's words.
        expect: what was requested.
        steps: those that generate, in order.
        findings: of all checks of the turn.
    """
    groups: dict[tuple[int, tuple[str, ...]], list[int]] = defaultdict(list)
    for index, step in enumerate(steps):
        if not has_words(_STILL, step.description):
            groups[step.person, _essence(step.description)].append(index)
    lasts = expect.seconds and not any(f.fault == "wrong_duration" for f in findings)
    repeated = {}
    for indices in groups.values():
        first = steps[indices[0]]
        allowed = _allowed(request, expect, first)
        in_pieces = lasts and all(steps[index].seconds for index in indices)
        if allowed is None or in_pieces:
            continue
        for index in indices[allowed:]:
            much = "once" if allowed == 1 else f"{allowed} times"
            repeated[index] = f"{first.description!r} was asked for {much}"
    return repeated


def added_actions(request: str, expect: Expect, steps: Sequence[Step]) -> Iterator[str]:
    """Yield the actions that a step combines with a requested one although nobody asked for them.

    A request that leaves the number of steps open may be told in any actions.
    """
    asked = _asked(expect)
    most = expect.steps[1] if expect.steps else None
    if not asked or not (expect.nothing_else or (most is not None and most <= len(asked))):
        return
    for step in steps:
        if not any(has_words(words, step.description) for words in asked):
            continue  # the whole step is not what was asked
        for clause in _CLAUSES.split(step.description):
            if any(has_words(words, clause) for words in asked):
                continue
            place = find_words(_ACTIONS, clause)
            if place is not None and not _says(request, clause):
                yield f"nobody asked for {clause.strip()!r} in {step.description!r}"


def _allowed(request: str, expect: Expect, step: Step) -> int | None:
    """Return how many steps may repeat an action of this person; None for any number."""
    times = [n for words, n in expect.times.items() if has_words(words, step.description)]
    places = Counter(_expected_at(expect, step))
    named = max(places.values(), default=1)
    if times:
        count = max(times)
        numbers = f"{NUMBERS.get(count, str(count))}|{count}"
        counted = count > 1 and has_words(numbers, step.description)
        return named if counted else max(named, count)
    if _REPEATS.search(_LENGTH.sub(" ", request)):
        return None
    return named


def _expected_at(expect: Expect, step: Step) -> list[int]:
    """Return the position in the description at which each requested action is found."""
    found = (find_words(words, step.description) for words in _asked(expect, step.person))
    return [place for place in found if place is not None]


def _asked(expect: Expect, person: int | None = None) -> list[str]:
    """Return the words of all requested actions; of a person, those that the person may do."""
    people: list[str] = []
    for who, actions in expect.people.items():
        people += actions if person in (None, who) else ()
    for who, items in (expect.timeline or {}).items():
        people += [i.words for i in items if i.words and person in (None, who)]
    more = expect.nothing_else if isinstance(expect.nothing_else, tuple) and not person else ()
    return [*expect.actions, *people, *(expect.shows if person is None else ()), *more]


def _essence(description: str) -> tuple[str, ...]:
    """Return the words that say what is done, without who does it."""
    text = _SUBJECT.sub("", description.lower().strip())
    return tuple(word for word in re.findall(r"[^\W_]+", text) if word not in _SMALL)


def _says(request: str, clause: str) -> bool:
    """Return whether the request has the action of this clause."""
    return any(has_words(word, clause) and has_words(word, request) for word in _ACTIONS.split("|"))
