"""From a sentence to single actions, by rules: what the offline planner knows of English.

    "A tired person walks forward, then waves with both hands, then bows."
    → a tired person walks forward · a tired person waves with both hands · a tired person bows

Subjects are carried over, pronouns resolved, "before" and "after" put in time order.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from .lexicon import (
    DETERMINERS,
    NUMBER,
    PERSON_NOUNS,
    PRONOUNS,
    THINGS,
    base_of,
    number,
    verb_form,
)
from .predicates import (
    AFTER_VERB,
    DEFAULT_SUBJECT,
    LEADING_ADVERB,
    PREPOSITIONS,
    completed,
    find_subject,
    in_present,
    main_verb,
    resolved,
)

LONGEST_PART = 10.0  # seconds; what shall last longer becomes several segments


@dataclass(frozen=True)
class Action:
    """One action of a request: a description, and its duration where one was named."""

    description: str
    seconds: float = 0.0


@dataclass(frozen=True)
class _Clause:
    subject: str | None
    predicate: str
    seconds: float = 0.0
    times: int = 1


_OPENINGS = re.compile(
    r"^(?:(?:please|ok(?:ay)?|hey|hi|hello|so|well|now)[,!]?\s+)*"
    r"(?:(?:(?:can|could|would|will)\s+you\s+(?:please\s+)?|i(?:'d|\s+would)?\s+(?:like|want|love)\s+"
    r"(?:you\s+)?(?:to\s+(?:see\s+)?)?|let(?:'s|\s+us)?\s+(?:see\s+)?|please\s+|let\s+me\s+see\s+)?"
    r"(?:(?:generate|create|make|show|animate|render|produce|give|build|draw|visuali[sz]e|simulate|"
    r"see|need|have)\s+(?:me\s+|us\s+)?)?"
    r"(?:(?:a|an|the|one|some|another)\s+(?:new\s+|short\s+|3d\s+|human\s+)*(?:motion|animation|"
    r"video|clip|movement|sequence|scene)\s*(?:of|where|in\s+which|with|for|that\s+shows|showing|"
    r":)?\s*)?)",
    re.IGNORECASE,
)
_MAKE = re.compile(
    r"^(?:let|make|have)\s+(?P<who>him|her|them|it|(?:a|an|the)\s+(?:[\w-]+\s+){0,3}?"
    rf"(?:{PERSON_NOUNS}))\s+(?P<rest>.+)",
    re.IGNORECASE | re.DOTALL,
)
_SENTENCE_END = re.compile(r"(?:[.!?](?=\s|$|[\"'])|;|\n)+\s*")
_NUMBERED = re.compile(r"(?:^|\n|\s)(?:step\s+)?\d{1,2}[.):]\s+|(?:^|\n)\s*[-*•]\s+", re.IGNORECASE)
_THEN = re.compile(
    r"\s*[,:]?\s*(?:\b(?:and|but),?\s+)?\b(?:then|afterwards?|after\s+(?:that|this)|thereafter|"
    r"after\s+(?:a|an|one)\s+(?:\w+\s+)?(?:pause|moment|while|second|break)|"
    r"next(?!\s+to)|finally|lastly|subsequently|later(?:\s+on)?|followed\s+by|before\s+finally)\b"
    r"\s*,?\s*|\s*(?:->|→|\+)\s*",
    re.IGNORECASE,
)
_JOIN = re.compile(r"\s*,\s*(?:and\s+|but\s+)?|\s+(?:and|but|&)\s+", re.IGNORECASE)
_FIRST = re.compile(
    r"^(?:first(?:ly)?|to\s+start|to\s+begin\s+with|at\s+first|initially)\b\s*,?\s*", re.IGNORECASE
)
_SECONDS = re.compile(
    rf"\s*\(?\b(?:for|in|over|lasting|during)?\s*(?:about\s+|around\s+|roughly\s+|some\s+)?"
    rf"(?P<n>{NUMBER}|half\s+an?|an?|a\s+few|a\s+couple\s+of)[\s-]*"
    r"(?P<unit>seconds?|secs?|s|minutes?|mins?)\b(?:\s+long)?\)?",
    re.IGNORECASE,
)
_TIMES = re.compile(
    rf"\s*\b(?:(?P<word>twice|thrice)|(?P<n>{NUMBER})\s*(?:times|x|×)|x\s*(?P<x>\d+))(?!\w)"
    r"(?:\s+in\s+a\s+row)?",
    re.IGNORECASE,
)
_STYLE = re.compile(
    r"^(?:in\s+(?:a|an|the)\s+.*\b(?:way|manner|style|mood|fashion)|(?:like|as)\s+(?:a|an)\s+[\w\s-]+|"
    r"\w+ly)$",
    re.IGNORECASE,
)
_MODAL_FIRST = re.compile(
    r"^(?:can|could|should|will|would)\s+(?=(?:an?|the|some|one|two|he|she|it|they)\b)",
    re.IGNORECASE,
)


def split_actions(text: str, subject: str | None = None) -> list[Action]:
    """The single actions of a request, in time order.

    Args:
        text: the request.
        subject: who moves where the request does not say; a person by default.
    """
    clauses, style = _clauses(text)
    current = subject or DEFAULT_SUBJECT
    actions: list[Action] = []
    verb = ""
    for clause in clauses:
        current = resolved(clause.subject, current)
        predicate = in_present(completed(clause.predicate, verb), current)
        if not predicate:
            continue
        verb = predicate.split()[0]
        description = f"{current} {predicate}{style}"
        actions += _repeated(description, clause.seconds, clause.times)
    return actions


def has_action(text: str) -> bool:
    """Whether the text says that somebody does something: a subject or a known verb."""
    words = re.findall(r"[a-z']+", text.lower())
    return any(base_of(word) for word in words) or bool(find_subject(text)[0])


def own_subject(text: str) -> str | None:
    """The subject that the first clause of the text names itself, or None."""
    clauses, _ = _clauses(text)
    return clauses[0].subject if clauses else None


def _clauses(text: str) -> tuple[list[_Clause], str]:
    text = " \n".join(line.strip() for line in text.strip().strip("\"'“”").splitlines())
    text, style = _opened(text), ""
    clauses: list[_Clause] = []
    for sentence in _SENTENCE_END.split(_NUMBERED.sub("\n", text)):
        sentence = sentence.strip(' ,.:"“”')
        if not sentence:
            continue
        pieces = [piece.strip(" ,") for piece in _THEN.split(sentence)]
        for piece in filter(None, pieces):
            piece, found = _style_prefix(_FIRST.sub("", piece))
            style = style or found
            clauses += _ordered(piece)
    return clauses, style


def _opened(text: str) -> str:
    """The text without "please make a motion of …"; "make him jump" keeps its meaning."""
    make = _MAKE.match(re.sub(r"^(?:please|now|and)\s+", "", text, flags=re.I))
    if make is None:
        rest = _OPENINGS.sub("", text, count=1)
        text = rest if rest.strip() else text
        make = _MAKE.match(text)
    text = _MODAL_FIRST.sub("", text)
    if make is not None:
        who = make["who"].lower()
        who = {"him": "he", "her": "she", "them": "they", "it": "it"}.get(who, make["who"])
        text = f"{who} {make['rest']}"
    return text


def _style_prefix(piece: str) -> tuple[str, str]:
    head, comma, rest = piece.partition(",")
    if comma and _STYLE.match(head.strip()) and rest.strip():
        return rest.strip(), " " + head.strip()[0].lower() + head.strip()[1:]
    return piece, ""


def _ordered(piece: str) -> list[_Clause]:
    """Clauses of a piece without "then": before, after, while, commas, and."""
    lead = re.match(r"(before|after|while|as)\s+(.+?),\s*(.+)", piece, re.I | re.S)
    if lead and _acts(lead[2]):
        word, other, main = lead[1].lower(), lead[2], lead[3]
        if word in ("while", "as"):
            return _coordinated(f"{main} {word} {_strip_subject(other, word)}")
        return _around(main, other, other_first=word == "after")
    for word in re.finditer(r"\s*,?\s*\b(before|after)\s+", piece, re.IGNORECASE):
        main, other = piece[: word.start()], piece[word.end() :]
        if main.strip() and _acts(other):
            return _around(main, other, other_first=word[1].lower() == "after")
    return _coordinated(piece)


def _around(main: str, other: str, *, other_first: bool) -> list[_Clause]:
    first, second = _ordered(main), _ordered(other)
    # "sits down after walking": the one who walks is named only in the main clause.
    subject = next((c.subject for c in first if c.subject), None)
    if second and subject and (second[0].subject or "it").lower() in PRONOUNS:
        second = [replace(second[0], subject=subject), *second[1:]]
    return second + first if other_first else first + second


def _coordinated(piece: str) -> list[_Clause]:
    """Split at commas and "and" where a new action begins."""
    parts: list[str] = []
    start = 0
    for join in _JOIN.finditer(piece):
        left, right = piece[start : join.start()], piece[join.end() :]
        if _begins_action(left, right):
            parts.append(left)
            start = join.end()
    parts.append(piece[start:])
    return [_clause(part) for part in parts if part.strip(" ,.")]


def _begins_action(left: str, right: str) -> bool:
    right = LEADING_ADVERB.sub("", right.strip(), count=1)
    words = re.findall(r"[\w'-]+", right.lower())
    if not words or not left.strip():
        return False
    subject, rest = find_subject(right)
    if subject and rest:
        return True
    if words[0] in DETERMINERS or words[0] in PREPOSITIONS:
        return False
    main, form = main_verb(left)
    found = verb_form(words[0])
    left_words = re.findall(r"[\w'-]+", left.lower())
    if found is None:
        follows = len(words) == 1 or words[1] in AFTER_VERB
        third = words[0].endswith("s") and words[0] not in THINGS and not words[0].endswith("ss")
        return form == "third" and third and follows and len(words[0]) > 3
    if left_words[-1] != main and verb_form(left_words[-1]) and form != "gerund":
        last = verb_form(left_words[-1])
        if last and last[1] == found[1]:
            return False  # "throws kicks and punches": things, not actions
    if words[0] in THINGS and form != "base":
        return len(words) > 1 and words[1] in AFTER_VERB and words[0] == "steps"
    return form is None or found[1] == form or (form == "past" and found[1] == "third")


def _clause(part: str) -> _Clause:
    part = part.strip(" ,.\n")
    seconds, times = 0.0, 1
    found = _SECONDS.search(part)
    if found and not re.search(r"\bwhile\b|\bevery\b", part[: found.start()]):
        seconds = _seconds(found)
        part = (part[: found.start()] + " " + part[found.end() :]).strip(" ,")
    count = _TIMES.search(part)
    if count:
        exact = {"twice": 2.0, "thrice": 3.0}.get((count["word"] or "").lower())
        value = exact if exact is not None else number((count["n"] or count["x"]).lower())
        if value == int(value) and value >= 1:
            times = int(value)
            part = (part[: count.start()] + " " + part[count.end() :]).strip(" ,")
    subject, predicate = find_subject(part)
    return _Clause(subject, predicate, seconds, times)


def _seconds(match: re.Match[str]) -> float:
    told = " ".join(match["n"].lower().split())
    value = {"a": 1.0, "an": 1.0, "half a": 0.5, "half an": 0.5, "a few": 3.0, "a couple of": 2.0}
    amount = value[told] if told in value else number(told)
    return amount * (60 if match["unit"].lower().startswith("min") else 1)


def _strip_subject(clause: str, word: str) -> str:
    subject, rest = find_subject(clause)
    return rest if subject and word == "while" and rest.split()[0].endswith("ing") else clause


def _acts(clause: str) -> bool:
    """Whether words after "before" or "after" are an action, not a thing or a time."""
    clause = LEADING_ADVERB.sub("", clause.strip(), count=1)
    words = re.findall(r"[\w'-]+", clause.lower())
    if not words:
        return False
    subject, rest = find_subject(clause)
    if subject and rest:
        return bool(base_of(rest.split()[0].strip(",").lower())) or rest.startswith(("is ", "has "))
    return words[0].endswith("ing") and len(words[0]) > 4


def _repeated(description: str, seconds: float, times: int) -> list[Action]:
    parts = max(1, math.ceil(seconds / LONGEST_PART))
    return [Action(description, round(seconds / parts, 2))] * (parts * times)
