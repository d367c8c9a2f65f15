"""Who does what: the clauses of a request as actions of one or two people.

"Two people face each other; one bows and the other waves."
→ 1: a person bows · 2: a person waves · face to face
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from .clauses import Clause, clauses_of
from .lexicon import (
    DETERMINERS,
    FEMALE,
    GENERIC,
    MALE,
    NUMBER,
    PERSON_NOUNS,
    PLURAL_SUBJECT,
    PRONOUNS,
    base_of,
    singular,
)
from .placing import place_in, without_each_other
from .predicates import DEFAULT_SUBJECT, DIRECTIONS, PREPOSITIONS, completed, in_present
from .wording import CannotDo, quoted

LONGEST_PART = 10.0  # seconds; longer actions become several segments
USUAL = 3.0  # assumed duration in seconds of an action that the other person waits for
MOST_PARTS = 1000  # repetitions of one action; the limit of a plan is far lower
_TOTAL = re.compile(
    rf"[\s,(]*\b(?:(?:in|for|about|around|lasting|and|it|should|shall|last|take|takes|lasts)\s+)*"
    rf"(?P<n>{NUMBER})\s*(?:seconds?|secs?|s)\s+(?:long\s+)?(?:in\s+(?:all|total)|altogether|"
    r"overall|"
    r"total)\b\)?",
    re.IGNORECASE,
)
_COMES = re.compile(  # "there is somebody": shown by what they do
    r"((?:second|another|other)\s+\w+)\s+(?:joins(?:\s+(?:in|him|her|them))?|appears|"
    r"arrives)\s+(?:and|who)\s+",
    re.IGNORECASE,
)
_NO_VERBS = DETERMINERS | (PREPOSITIONS - {"like"}) | DIRECTIONS - {"back", "left"} | {
    "nothing", "something", "anything", "everything", "and", "or", "but", "that", "if", "who",
}  # fmt: skip
_TOGETHER = re.compile(r"\s*,?\s*\b(?:at\s+the\s+same\s+time|simultaneously)\b\s*,?", re.IGNORECASE)


@dataclass(frozen=True)
class Action:
    """One action of a request: its description, its duration if stated, and its person."""

    description: str
    seconds: float = 0.0
    person: int = 1


_KINDS = {"he": (FEMALE, "a man"), "she": (MALE, "a woman")}  # the other kind, the name


@dataclass
class Cast:
    """The one or two people of a motion.

    Attributes:
        names: of each person in descriptions, such as "a tired man".
        last: the person of the last clause.
    """

    names: dict[int, str] = field(default_factory=dict)
    last: tuple[int, ...] = (1,)
    one_seen: bool = False  # "one jumps, one sits": the second "one" is the other person
    pronoun: str = ""  # "he waves, she bows": two people, of whom nothing else is said

    def name(self, person: int) -> str:
        """Return the person's name in descriptions."""
        return self.names.get(person, DEFAULT_SUBJECT)

    def meant(self, subject: str | None) -> tuple[int, ...]:
        """Return the people that a subject refers to, adding a new one to the cast.

        Raises:
            CannotDo: there would be more than two.
        """
        self.last = self._meant(subject)
        return self.last

    def known(self, word: str) -> int | None:
        """Return the person of the cast that a word refers to, without changing the cast."""
        word = word.lower().strip()
        if found := _numbered(word):
            return found
        if "other" in word.split() and "each" not in word:
            return 3 - self.last[0] if len(self.last) == 1 else None
        if word in ("he", "him", "his", "she", "her", "hers"):
            kind = MALE if word.startswith("h") and word not in ("her", "hers") else FEMALE
            fitting = [p for p, name in self.names.items() if name.split()[-1] in kind]
            return fitting[0] if len(fitting) == 1 else None
        noun = word.split()[-1] if word else ""
        fitting = [p for p, name in self.names.items() if name.split()[-1] == noun]
        return fitting[0] if len(fitting) == 1 and noun not in GENERIC else None

    def _meant(self, subject: str | None) -> tuple[int, ...]:
        if subject is None:
            return self.last
        phrase = subject.lower().strip()
        words = phrase.split()
        if phrase in PRONOUNS:
            if phrase in ("they", "we"):
                return (1, 2) if len(self.names) == 2 else self.last
            if phrase in _KINDS and not self.names:
                return self._by_pronoun(phrase)
            found = self.known(phrase) or self._of_the_other_kind(phrase)
            return (found,) if found else self.last
        if words[0] in ("both", "each") or phrase in ("they both", "the two", "the two of them"):
            self._fill(words)
            return (1, 2)
        pair = re.fullmatch(r"(.+?)\s+and\s+(.+)", phrase)
        if pair and not PLURAL_SUBJECT.search(phrase):
            self.names.update({1: _phrase(pair[1]), 2: _phrase(pair[2])})
            return (1, 2)
        if words[0] in ("three", "four", "five", "six", "several", "many"):
            if PLURAL_SUBJECT.search(phrase):
                raise CannotDo(
                    f"I can move two people at most, not “{subject}”. Tell me what one or two do."
                )
            return self._named(subject)
        if words[0] == "two" or (words[:2] == ["the", "two"]):
            one = singular(" ".join(words[words.index("two") + 1 :]) or "people")
            self.names = {1: f"{_article(one)} {one}", 2: f"{_article(one)} {one}"}
            return (1, 2)
        if words[0] in ("a", "the") and words[1:2] in (["couple"], ["pair"]):
            self.names = {1: DEFAULT_SUBJECT, 2: DEFAULT_SUBJECT}
            return (1, 2)
        if phrase == "one":
            again = self.one_seen and self.last == (1,) and 2 in self.names
            self.one_seen = True
            return (2,) if again else (1,)
        if found := _numbered(phrase):
            self._introduce(found, words)
            return (found,)
        if words[1:] == ["else"]:
            words = ["another", "person"]
        if words[0] == "another" or words[:2] == ["the", "other"]:
            person = 3 - self.last[0] if len(self.last) == 1 else 2
            person = 2 if words[0] == "another" and 2 not in self.names else person
            self._introduce(person, words)
            return (person,)
        return self._named(subject)

    def _by_pronoun(self, pronoun: str) -> tuple[int, ...]:
        """Return who "he" is where nobody was named; the second pronoun makes two people."""
        if self.pronoun in ("", pronoun):
            self.pronoun = pronoun
            return self.last
        self.names = {1: _KINDS[self.pronoun][1], 2: _KINDS[pronoun][1]}
        return (2,)

    def _of_the_other_kind(self, pronoun: str) -> int | None:
        """Return whether "A man bows and she waves" is about somebody else."""
        if pronoun not in _KINDS or list(self.names) != [1]:
            return None
        others, name = _KINDS[pronoun]
        if self.names[1].split()[-1] not in others:
            return None
        self.names[2] = name
        return 2

    def _named(self, subject: str) -> tuple[int, ...]:
        phrase = _phrase(subject)
        noun = phrase.split()[-1].lower()
        definite = subject.lower().startswith("the ")
        for person, name in self.names.items():
            if name.lower() == phrase.lower():
                return (person,)
        if 1 not in self.names:
            self.names[1] = phrase
            return (1,)
        if noun in GENERIC and " who " not in phrase:
            return self.last if len(self.last) == 1 else (1,)
        same = [p for p, name in self.names.items() if name.split()[-1] == noun]
        if definite and same:
            return (same[0],) if len(same) == 1 else self.last
        if definite and base_of(noun) and not re.fullmatch(PERSON_NOUNS, noun):
            raise CannotDo(f"I do not understand {quoted(subject, 40)} here: who is that?")
        if 2 not in self.names:
            self.names[2] = phrase
            return (2,)
        if len(same) == 1:
            return (same[0],)
        raise CannotDo(
            f"I can move two people at most: {self.names[1]} and {self.names[2]} are already there,"
            f" so there is no place for “{subject}”."
        )

    def _fill(self, words: Sequence[str]) -> None:
        noun = singular(words[-1]) if len(words) > 1 and words[-1] not in ("them", "you") else ""
        for person in (1, 2):
            name = f"{_article(noun)} {noun}" if noun and noun not in ("person",) else ""
            self.names.setdefault(person, name or self.name(1))

    def _introduce(self, person: int, words: Sequence[str]) -> None:
        if person in self.names:
            return
        noun = re.sub(
            r"^(?:the|an?|another|one|first|second|other|1st|2nd|\s)+", "", " ".join(words)
        )
        noun = re.sub(r"^ones?\b|\b(?:[12ab]|one|two|of them)$", "", noun).strip()
        if not re.search(rf"\b(?:{PERSON_NOUNS})$", noun):
            noun = ""
        name = f"{_article(noun)} {noun}" if noun else ""
        if not name or noun in GENERIC:
            name = self.name(1) if person == 2 and not noun else DEFAULT_SUBJECT
        self.names[person] = name


@dataclass(frozen=True)
class Scene:
    """The content of a request.

    Attributes:
        actions: of each person, in time order.
        placement: θ, x, z of person 2; empty if unstated.
        denied: whether an action was negated.
        cast: the people.
    """

    actions: tuple[Action, ...]
    placement: tuple[float, ...]
    denied: bool
    cast: Cast


def scene_of(text: str, cast: Cast | None = None, placement: Sequence[float] = ()) -> Scene:
    """Return the scene in a request, with subjects carried over and pronouns resolved.

    Args:
        text: the request.
        cast: the people already present; not modified.
        placement: where person 2 stands now.

    Raises:
        CannotDo: more than two people.
    """
    total = _TOTAL.search(text)
    if total:
        text = f"{text[: total.start()]} {text[total.end() :]}"
    text = _COMES.sub(r"\1 ", text)
    cast = cast or Cast()
    clauses, style = clauses_of(text)
    people = _with_everybody(cast, clauses)
    stage = Cast(dict(people.names if people.pronoun else cast.names), cast.last)
    alone = not cast.names
    actions: list[Action] = []
    place: tuple[float, ...] = ()
    verb, denied = "", False
    for clause in clauses:
        owner = _body_part(clause.subject)
        movers = stage.last if owner else stage.meant(clause.subject)
        if clause.denied:
            denied = True
            continue
        predicate = clause.predicate
        if len(people.names) > 1:
            placed = place_in(predicate, movers, people.known, place or placement)
            place = placed.placement or place
            if placed.placement and not placed.rest.strip(" ,.") and not owner:
                continue
            predicate = without_each_other(placed.rest)
        if clause.later and alone and not owner:
            actions += _waits(actions, movers, stage)
        for person in movers:
            subject = f"{stage.name(person)}'s {owner}" if owner else stage.name(person)
            phrase = in_present(completed(predicate, verb), subject)
            if phrase.split(" ")[0].strip(",") in _NO_VERBS:
                raise CannotDo(
                    f"I do not understand {quoted(predicate, 60)}. Say it with a verb, such as"
                    " “a person turns around”."
                )
            if phrase:
                actions += _repeated(f"{subject} {phrase}{style}", clause, person)
        verb = in_present(completed(predicate, verb), DEFAULT_SUBJECT).split(" ")[0] or verb
    actions = _joined(actions, text)
    if total and actions:
        share = float(_number(total["n"])) / len(actions)
        actions = [Action(a.description, round(share, 2), a.person) for a in actions]
    return Scene(tuple(actions), place, denied, stage)


def _waits(actions: Sequence[Action], movers: Sequence[int], stage: Cast) -> list[Action]:
    """Add waiting for people who move "then", because both timelines begin at 0."""
    lasts = {
        person: sum(a.seconds or USUAL for a in actions if a.person == person) for person in (1, 2)
    }
    return [
        Action(
            f"{stage.name(person)} stands still",
            round(lasts[3 - person] - lasts[person], 2),
            person,
        )
        for person in movers
        if len(movers) == 1 and USUAL / 2 < lasts[3 - person] - lasts[person] <= 2 * LONGEST_PART
    ]


def _with_everybody(cast: Cast, clauses: Sequence[Clause]) -> Cast:
    people = Cast(dict(cast.names), cast.last)
    for clause in clauses:
        if not _body_part(clause.subject):
            people.meant(clause.subject)
    people.last = (1,)
    return people


def _joined(actions: list[Action], text: str) -> list[Action]:
    """Join "walks and waves at the same time" into one action of one person, not two."""
    if len(actions) < 2 or not _TOGETHER.search(text):
        return actions
    people = {a.person for a in actions}
    if len(people) > 1 or re.search(r"\bthen\b", text, re.IGNORECASE):
        return [_plainly(a) for a in actions]
    subject = next((s for s in [_common_subject(actions)] if s), None)
    if subject is None:
        return [_plainly(a) for a in actions]
    predicates = [_plainly(a).description.removeprefix(subject).strip() for a in actions]
    phrase = " and ".join(dict.fromkeys(predicates))
    seconds = max(a.seconds for a in actions)
    return [Action(f"{subject} {phrase} at the same time", seconds, actions[0].person)]


def _plainly(action: Action) -> Action:
    description = _TOGETHER.sub("", action.description).strip()
    return Action(description, action.seconds, action.person)


def _common_subject(actions: Sequence[Action]) -> str | None:
    first = actions[0].description.split()
    shared = 0
    while all(a.description.split()[: shared + 1] == first[: shared + 1] for a in actions):
        shared += 1
        if shared == len(first):
            return None
    return " ".join(first[:shared]) or None


def _body_part(subject: str | None) -> str:
    if subject is None:
        return ""
    match = re.fullmatch(
        r"(?:his|her|their|its|the|both)\s+(?P<part>(?:[a-z]+\s+){0,2}(?:arms?|hands?|legs?|feet|"
        r"foot|"
        r"knees?|head|body|torso|hips?|shoulders?|elbows?|fists?|fingers?))",
        subject.lower(),
    )
    return match["part"] if match else ""


def _repeated(description: str, clause: Clause, person: int) -> list[Action]:
    parts = max(1, math.ceil(min(clause.seconds, LONGEST_PART * MOST_PARTS) / LONGEST_PART))
    many = min(parts * clause.times, MOST_PARTS)
    return [Action(description, round(min(clause.seconds / parts, 1e6), 2), person)] * many


def _numbered(phrase: str) -> int | None:
    if re.fullmatch(
        r"(?:the\s+)?(?:first|1st)(?:\s+.+)?|one|one\s+of\s+them|\w+\s+(?:1|a|one)", phrase
    ):
        return 1
    if re.fullmatch(r"(?:the\s+|a\s+)?(?:second|2nd)(?:\s+.+)?|\w+\s+(?:2|b|two)", phrase):
        return 2
    return None


def _phrase(subject: str) -> str:
    """Return a subject as it begins a description; "the person" counts as unspecified."""
    subject = subject.strip()
    if subject.isupper() and len(subject) > 1:
        subject = subject.lower()
    words = (subject[0].lower() + subject[1:]).split()
    if words[0] == "the" and words[-1] in GENERIC:
        words[0] = _article(words[1])
    if words[0] == "one" and len(words) > 1:
        words[0] = _article(words[1])
    if words[0] == "another" and len(words) > 1:
        words[0] = _article(words[1])
    return " ".join(words)


def _article(noun: str) -> str:
    return "an" if noun[:1].lower() in "aeiou" and noun else "a"


def _number(text: str) -> float:
    from .lexicon import number

    return number(text.lower())
