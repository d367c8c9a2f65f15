"""From a sentence to clauses: the offline planner's rules of English.

    "A tired person walks forward, then waves with both hands, then bows."
    → (a tired person) walks forward · waves with both hands · bows

"before" and "after" are put in time order; negated clauses are marked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from .durations import DURATION, seconds_of
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
from .predicates import AFTER_VERB, LEADING_ADVERB, PREPOSITIONS, find_subject, main_verb

LOOKED_AT = 300  # characters of a clause that are matched to classify it
_DEEPEST = 12  # nesting of "before" and "after"


@dataclass(frozen=True)
class Clause:
    """One clause of a request.

    Attributes:
        subject: its subject; empty if unstated.
        predicate: the rest, verbatim.
        seconds: the stated duration, or 0.
        times: number of repetitions.
        denied: whether it is negated.
        later: whether it follows the previous clause, as after "then".
    """

    subject: str | None
    predicate: str
    seconds: float = 0.0
    times: int = 1
    denied: bool = False
    later: bool = False


_OPENINGS = re.compile(
    r"^(?:(?:please|ok(?:ay)?|hey|hi|hello|so|well|now)[,!]?\s+)*"
    r"(?:(?:(?:can|could|would|will)\s+you\s+(?:please\s+)?|i(?:'d|\s+would)?\s+(?:like|want|"
    r"love)\s+"
    r"(?:you\s+)?(?:to\s+(?:see\s+)?)?|let(?:'s|\s+us)?\s+(?:see\s+)?|please\s+|let\s+me\s+see\s+)?"
    r"(?:(?:generate|create|make|show|animate|render|produce|give|build|draw|visuali[sz]e|simulate|"
    r"see|need|have)(?:\s*:)?\s+(?:me\s+|us\s+)?(?:how\s+)?)?"
    r"(?:(?:a|an|the|one|some|another)\s+(?:new\s+|short\s+|3d\s+|human\s+)*(?:motion|animation|"
    r"video|clip|movement|sequence|scene)\s*(?:of|where|in\s+which|with|for|that\s+shows|showing|"
    r":)?\s*)?)",
    re.IGNORECASE,
)
_MAKE = re.compile(
    r"^(?:let|make|have)\s+(?P<who>him|her|them|it|both(?:\s+of\s+them)?|person\s+[12]|"
    r"(?:one|the\s+other(?:\s+one)?|(?:a|an|the|another)\s+(?:(?!of\b|with\b|"
    r"where\b)[\w-]+\s+){0,3}?"
    rf"(?:{PERSON_NOUNS})))\s+(?P<rest>.+)",
    re.IGNORECASE | re.DOTALL,
)
_WHO = {"one": "one of them", "him": "he", "her": "she", "them": "they"}
_SENTENCE_END = re.compile(r"(?:[.!?](?=\s|$|[\"'])|;|\n)+\s*")
_NUMBERED = re.compile(r"(?:^|\n|\s)(?:step\s+)?\d{1,2}[.):]\s+|(?:^|\n)\s*[-*•]\s+", re.IGNORECASE)
_PAUSE = rf"(?:an?|one|a\s+few|some|{NUMBER})\s+(?:\w+\s+)?(?:pause|moment|while|break|seconds?)"
_THEN = re.compile(
    r"\s*[,:]?\s*(?:\b(?:and|but),?\s+)?\b(?:then|afterwards?|after\s+(?:that|this)|thereafter|"
    rf"after\s+{_PAUSE}|"
    r"next(?!\s+to)|finally|lastly|subsequently|later(?:\s+on)?|followed\s+by|before\s+finally)\b"
    r"\s*,?\s*|\s*(?:->|→|\+)\s*",
    re.IGNORECASE,
)
_JOIN = re.compile(
    r"\s*,\s*(?:(?:and|but|or|nor|while|whereas)\s+)?|\s*:\s+|\s+(?:and|but|or|nor|&|whereas)\s+",
    re.IGNORECASE,
)
_WHILE_OTHER = re.compile(r"\s*,?\s+(?:while|whereas|as)\s+(?=(.{3,80}))", re.IGNORECASE)
_FIRST = re.compile(
    r"^(?:first(?:ly)?|to\s+start|to\s+begin\s+with|at\s+first|initially)\b\s*,?\s*"
    r"(?!(?:one|person|man|woman)\b)|^(?:second|third|fourth|fifth|sixth)(?:ly)?\s*,\s*",
    re.IGNORECASE,
)
_TIMES = re.compile(
    rf"\s*\b(?:(?P<word>twice|thrice|once(?!\s+more))|(?P<n>{NUMBER})\s*(?:times|x|×)|"
    rf"x\s*(?P<x>\d{{1,9}}))(?!\w)"
    r"(?!\s+as\b)(?:\s+(?:in\s+a\s+row|more))?",
    re.IGNORECASE,
)
MOST_TIMES = 1000  # higher counts are capped at this; the limit of a plan is far lower
_STYLE = re.compile(
    r"^(?:in\s+(?:a|an|the)\s+.*\b(?:way|manner|style|mood|fashion)|(?:like|as)\s+(?:a|"
    r"an)\s+[\w\s-]+|"
    r"\w+ly)$",
    re.IGNORECASE,
)
_MODAL_FIRST = re.compile(
    r"^(?:can|could|should|will|would)\s+(?=(?:an?|the|some|one|two|he|she|it|they)\b)",
    re.IGNORECASE,
)
_NOT = r"(?:do|does|did|is|are|was|were|can|could|should|shall|will|would|must|has|have)"
_DENIED = re.compile(
    rf"^(?:(?:\w+ly|also|just|still|please|to)\s+)?(?:{_NOT}\s+(?:\w+ly\s+)?(?:not|never|"
    r"no\s+longer)|"
    rf"(?:{_NOT[3:-1]}|wo|ca)n't|cannot|never|not|no\s+longer|neither|nor|no\s+(?=\w+ing\b)|"
    r"refuses?\s+to|avoids?)\b",
    re.IGNORECASE,
)
_DENIED_MANNER = re.compile(
    r"\s*,?\s*\b(?:without|instead\s+of|rather\s+than|but\s+not|and\s+not)\s+(?:\w+ly\s+)?"
    r"(?:\w+ing\b|(?:a|any|the|his|her)\s+\w+).*$",
    re.IGNORECASE | re.DOTALL,
)
_LEAD = re.compile(  # the comma may be missing before a pronoun
    r"(before|after|while|as)\s+([^,]+?)(?:,\s*|\s+(?=(?:he|she|they)\s))(.+)", re.I | re.S
)
_WHEN = "until|when|if|because|since|although|whenever|unless"
# Negations that deny no action.
_TURNED_ROUND = (
    (re.compile(rf"\b(?:{_NOT}\s+not|{_NOT}n't|never)\s+stops?\s+(?=\w+ing\b)", re.I), "keeps "),
    (re.compile(rf"\b(?:{_NOT}\s+not|{_NOT}n't|never)\s+forgets?\s+to\s+", re.I), ""),
    (re.compile(r"\bnot\s+only\b", re.I), ""),
    (re.compile(r"\b(he|she|it)'s\b", re.I), r"\1 is"),
    (re.compile(r"\b(they)'re\b", re.I), r"\1 are"),
    (re.compile(r"\b(he|she|it|they)'ll\b", re.I), r"\1 will"),
    (re.compile(r"[\s,]*\bin\s+(?:this|that)\s+order\b", re.I), ""),
    (re.compile(r"^((?:two|a\s+couple|both)\b[\w ]{0,30}):\s+", re.I), r"\1. "),
    (re.compile(r"\bbut\s+also\b", re.I), "and"),
    (
        re.compile(r"\banything\s+(?:but|except)\s+(?=\w+ing\b)", re.I),
        "without ",
    ),
    (
        re.compile(
            r"^((?:instead\s+of|rather\s+than)\s[^,.;]{1,40}?)\s+(?=(?:he|she|they)\s)", re.I
        ),
        r"\1, ",
    ),
    (re.compile(r",\s*who\s+(is\s+(?:\w+\s+)?\w+)\s*,\s*", re.I), r" who \1 "),
    (
        re.compile(
            r"\b((?:person\s+(?:[12ab]|one|two)|the\s+(?:first|second|other)(?:\s+\w+)?))\s*:\s*",
            re.I,
        ),
        r"\1 ",
    ),
    (
        re.compile(
            rf"(?:^|(?<=[.!?;]))\s*({_WHEN})\s+((?:he|she|they|it)\s+[^,.;]{{1,80}}?)\s*(?:,\s*|"
            r"\s+(?=(?:he|"
            r"she|they)\s))([^,.;]+)",
            re.I,
        ),
        r" \3 \1 \2",
    ),
    (re.compile(r"[\"(\[{]|(?<!\d)[)\]}]"), " "),
    (re.compile(r"\bnever\s*mind\b[\s,.!]*", re.I), ""),
)


def has_action(text: str) -> bool:
    """Return whether the text mentions an action: a subject or a known verb."""
    words = re.findall(r"[a-z']+", text.lower())
    return any(base_of(word) for word in words) or bool(find_subject(text)[0])


def own_subject(text: str) -> str | None:
    """Return the subject that the first clause of the text states itself, or None."""
    clauses, _ = clauses_of(text)
    return clauses[0].subject if clauses else None


def clauses_of(text: str) -> tuple[list[Clause], str]:
    """Return the clauses of a request in time order, and the manner that applies to all of them."""
    text = text.lower() if text.isupper() else text
    for pattern, plainly in _TURNED_ROUND:
        text = pattern.sub(plainly, text)
    text = " \n".join(line.strip() for line in text.strip().strip("\"'").splitlines())
    text, style = _opened(text), ""
    clauses: list[Clause] = []
    for sentence in _SENTENCE_END.split(_NUMBERED.sub("\n", text)):
        sentence = sentence.strip(' ,.:"')
        if not sentence:
            continue
        pieces = [piece.strip(" ,") for piece in _THEN.split(sentence)]
        for place, piece in enumerate(pieces):
            piece, found = _style_prefix(_FIRST.sub("", piece))
            style = style or found
            parts = _ordered(piece) if piece else []
            if parts and place:
                parts[0] = replace(parts[0], later=True)
            clauses += parts
    return clauses, style


def _opened(text: str) -> str:
    """Return the text without "please make a motion of …"; "make him jump" is kept."""
    make = _MAKE.match(re.sub(r"^(?:please|now|and)\s+", "", text, flags=re.I))
    if make is None:
        rest = _OPENINGS.sub("", text, count=1)
        text = rest if rest.strip() else text
        make = _MAKE.match(text)
    text = _MODAL_FIRST.sub("", text)
    return text if make is None else _without_make(make[0])


def _without_make(text: str) -> str:
    """Return "make him jump" as "he jump"."""
    make = _MAKE.match(text)
    return text if make is None else f"{_WHO.get(make['who'].lower(), make['who'])} {make['rest']}"


def _style_prefix(piece: str) -> tuple[str, str]:
    head, comma, rest = piece.partition(",")
    if comma and len(head) < LOOKED_AT and _STYLE.match(head.strip()) and rest.strip():
        return rest.strip(), " " + head.strip()[0].lower() + head.strip()[1:]
    return piece, ""


def _ordered(piece: str, depth: int = 0) -> list[Clause]:
    """Split a piece without "then" into clauses, at before, after, while, commas, and."""
    if depth < _DEEPEST:
        lead = _LEAD.match(piece)
        if lead and _acts(lead[2]):
            word, other, main = lead[1].lower(), lead[2], lead[3]
            if word in ("while", "as"):
                return _coordinated(f"{main} {word} {_strip_subject(other, word)}")
            return _around(main, other, depth, other_first=word == "after")
        for word in re.finditer(r"\s*,?\s*\b(before|after)\s+", piece, re.IGNORECASE):
            main, other = piece[: word.start()], piece[word.end() :]
            if main.strip() and _acts(other):
                return _around(main, other, depth, other_first=word[1].lower() == "after")
    return _coordinated(piece)


def _around(main: str, other: str, depth: int, *, other_first: bool) -> list[Clause]:
    first, second = _ordered(main, depth + 1), _ordered(other, depth + 1)
    # "sits down after walking": the subject is stated only in the main clause.
    subject = next((c.subject for c in first if c.subject), None)
    if second and subject and (second[0].subject or "it").lower() in PRONOUNS:
        second = [replace(second[0], subject=subject), *second[1:]]
    return second + first if other_first else first + second


def _coordinated(piece: str) -> list[Clause]:
    """Split at commas and "and" where a new action begins."""
    parts: list[tuple[str, str]] = []
    start, joined = 0, ""
    joins = [*_JOIN.finditer(piece), *_WHILE_OTHER.finditer(piece)]
    for join in sorted(joins, key=lambda join: join.start()):
        left = piece[start : join.start()]
        right = piece[join.end() : join.end() + LOOKED_AT]
        word = join[0].strip(" ,").lower()
        begins = _other_acts if word in ("while", "whereas", "as") else _begins_action
        counter = word == "but" and re.match(r"[\w']+", right)
        if (counter and left.strip() and verb_form(counter[0])) or (
            start <= join.start() and begins(left[:LOOKED_AT] + left[LOOKED_AT:][-60:], right)
        ):
            parts.append((joined, left))
            start, joined = join.end(), word
    parts.append((joined, piece[start:]))
    clauses: list[Clause] = []
    for word, part in parts:
        if not part.strip(" ,."):
            continue
        clause = _clause(part)
        if clauses and clauses[-1].denied and not clause.denied and clause.subject is None:
            # "does not wave and bow": the negation covers both.
            first = re.match(r"[\w']+", clause.predicate)
            form = verb_form(first[0]) if first else None
            covered = word == "nor" or form is None or form[1] in ("base", "gerund")
            contrast = re.match(r"\s*(?:just|only|simply|instead|rather)\b", part, re.IGNORECASE)
            if word not in ("but", "whereas") and covered and not contrast:
                clause = replace(clause, denied=True)
        clauses.append(clause)
    return clauses


def _other_acts(left: str, right: str) -> bool:
    """Return whether "while …" is about somebody else: "one bows while the other waves"."""
    subject, rest = find_subject(right)
    if not subject or not rest or subject.lower() in PRONOUNS or not left.strip():
        return False
    word = re.match(r"[\w']+", rest)
    return bool(word and (base_of(word[0]) or word[0] in ("is", "are")))


def _begins_action(left: str, right: str) -> bool:
    right = LEADING_ADVERB.sub("", right.strip(), count=1)
    words = re.findall(r"[\w'-]+", right.lower())
    if not words or not left.strip():
        return False
    if _DENIED.match(right):
        return True
    left_subject, left_rest = find_subject(left)
    if left_subject and not left_rest:
        return False  # "a man and a woman dance"
    if _DENIED.match(left_rest) and verb_form(words[0]):
        return True
    subject, rest = find_subject(right)
    if subject and rest:
        # "a tall, thin man" is one man.
        adjectives = re.fullmatch(r"(?:an?|the)(?:\s+[\w-]+){1,2}", left.strip(), re.IGNORECASE)
        return not adjectives or main_verb(left)[0] is not None
    if words[0] in DETERMINERS or words[0] in PREPOSITIONS:
        return False
    main, form = main_verb(left)
    if form == "gerund" and re.match(r"(?:is|are)\b", left_rest):
        forms = {"third", "gerund"}
    else:
        forms = {form or ""}
    found = verb_form(words[0])
    left_words = re.findall(r"[\w'-]+", left.lower())
    if found is None:
        follows = len(words) == 1 or words[1] in AFTER_VERB
        third = words[0].endswith("s") and words[0] not in THINGS and not words[0].endswith("ss")
        return "third" in forms and third and follows and len(words[0]) > 3
    if not left_words:
        return False
    a_thing = len(left_words) > 1 and left_words[-2] in DETERMINERS | {"his", "her", "their"}
    with_object = len(words) > 1 and words[1] in (
        "it",
        "him",
        "them",
        "the",
        "a",
        "an",
        "his",
        "her",
    )
    bare_last = left_words[-1] != main and not a_thing and not with_object
    if bare_last and verb_form(left_words[-1]) and form != "gerund":
        last = verb_form(left_words[-1])
        if last and last[1] == found[1]:
            return False  # "throws kicks and punches": things, not actions
    if words[0] in THINGS and form != "base":
        return len(words) > 1 and words[1] in AFTER_VERB and words[0] == "steps"
    return form is None or found[1] in forms or (form == "past" and found[1] == "third")


def _clause(part: str) -> Clause:
    part = _without_make(
        re.sub(r"[\s,]+(?:and|but|or)$", "", part.strip(" ,.\n"), flags=re.IGNORECASE)
    )
    seconds, times = 0.0, 1
    match = DURATION.search(part)
    if match and not re.search(r"\bwhile\b|\bevery\b", part[: match.start()]):
        seconds = seconds_of(match)
        part = _cut_out(part, match)
    count = _TIMES.search(part)
    if count:
        exact = {"once": 1.0, "twice": 2.0, "thrice": 3.0}.get((count["word"] or "").lower())
        value = exact if exact is not None else number((count["n"] or count["x"]).lower())
        value = min(value, float(MOST_TIMES))
        if value == int(value) and value >= 1:
            times = int(value)
            part = _cut_out(part, count)
    subject, predicate = find_subject(part)
    denied = bool(_DENIED.match(predicate))
    if not denied:
        predicate = _DENIED_MANNER.sub("", predicate)
    return Clause(subject, predicate, seconds, times, denied)


def _cut_out(text: str, match: re.Match[str]) -> str:
    rest = text[match.end() :]
    return (text[: match.start()] + ("" if rest.startswith(",") else " ") + rest).strip(" ,")


def _strip_subject(clause: str, word: str) -> str:
    subject, rest = find_subject(clause)
    return rest if subject and word == "while" and rest.split()[0].endswith("ing") else clause


def _acts(clause: str) -> bool:
    """Return whether the words after "before" or "after" are an action, not a thing or a time."""
    clause = LEADING_ADVERB.sub("", clause[:LOOKED_AT].strip(), count=1)
    words = re.findall(r"[\w'-]+", clause.lower())
    if not words:
        return False
    subject, rest = find_subject(clause)
    if subject and rest:
        return bool(base_of(rest.split()[0].strip(",").lower())) or rest.startswith(("is ", "has "))
    return words[0].endswith("ing") and len(words[0]) > 4
