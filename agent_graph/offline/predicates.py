"""One clause: its subject, and its predicate as a plain sentence in the simple present."""

from __future__ import annotations

import re

from ...motion_core.verbs import third_person, words_of
from .lexicon import (
    DETERMINERS,
    NUMBER,
    PERSON_NOUNS,
    PLURAL_SUBJECT,
    PRONOUNS,
    base_of,
    guess_base_of_gerund,
    verb_form,
)

DEFAULT_SUBJECT = "a person"
_AUXILIARY = re.compile(
    r"^(?:should|will|can|could|must|may|would|shall|wants?\s+to|has\s+to|needs?\s+to|tries\s+to|"
    r"(?:is|are)\s+going\s+to|decides\s+to|proceeds\s+to|is\s+about\s+to|to)\s+",
    re.IGNORECASE,
)
LEADING_ADVERB = re.compile(
    r"^(?:\w+ly|again|also|just|now|soon|once\s+more|both|all|almost|only)\b,?\s+", re.IGNORECASE
)
_EMPTY_ADVERB = re.compile(
    r"\b(?:also|just|now|immediately\s+after|please|instead|too)\b,?\s*", re.IGNORECASE
)
_PROGRESSIVE = re.compile(
    r"(?:is|are|was|were|starts|begins)\s+((?:\w+ly\s+)?)(\w+ing)\b(.*)", re.IGNORECASE | re.DOTALL
)
PREPOSITIONS = words_of(
    "with to from in on at of by for while as like into onto over under around through between"
    " behind toward towards against without using before after instead"
)
DIRECTIONS = words_of(
    "forward forwards backward backwards up down left right sideways away back out off around"
    " clockwise"
    " counterclockwise anticlockwise counter-clockwise"
)
# "a drunk man": only the last of several such nouns is the person.
_A_PERSON = rf"(?:{PERSON_NOUNS})s?\b(?!\s+(?:{PERSON_NOUNS})\b)"
_VERBAL = words_of("is are has have does do")
_EXERCISE = re.compile(r"(?:jumping\s+jacks?|push-?ups?|sit-?ups?|squats|lunges|crunches)\b", re.I)
AFTER_VERB = (
    DIRECTIONS
    | PREPOSITIONS
    | words_of("slowly quickly the a an his her their its and twice once three")
)


# Which of two: "one", "the other one", "person 2", "both of them".
_OF_TWO = re.compile(
    r"(?:both\s+of\s+(?:them|you)|they\s+both|each\s+of\s+them|the\s+two(?:\s+of\s+them)?|"
    r"one\s+of\s+them|some(?:one|body)\s+else|the\s+(?:first|second|other)(?:\s+one)?|"
    rf"(?:the\s+)?(?:first|second|other|both)\s+(?:{PERSON_NOUNS}|persons|guys|girls|boys)|"
    r"(?:person|actor|character|dancer|figure|man|woman)\s+(?:[12ab]|one|two)|one|another|both|"
    r"each)"
    r"(?=\s+(?P<rest>[a-z].*)|$)",
    re.IGNORECASE | re.DOTALL,
)
_TWO_NAMED = re.compile(
    rf"(?:(?:a|an|the|one)\s+)(?:[\w-]+\s+){{0,3}}?{_A_PERSON}\s+and\s+(?:a|an|the|another|one)\s+"
    rf"(?:[\w-]+\s+){{0,3}}?{_A_PERSON}",
    re.IGNORECASE,
)
_BODY_PART = re.compile(
    r"(?:his|her|their|its|the|both)\s+(?:(?:left|right|upper|lower|two|both|his|her)\s+){0,2}"
    r"(?:arms?|hands?|legs?|feet|foot|knees?|head|body|torso|hips?|shoulders?|elbows?|fists?|"
    r"fingers?)(?=\s+(?P<rest>[a-z]+\b.*))",
    re.IGNORECASE | re.DOTALL,
)


def find_subject(clause: str) -> tuple[str | None, str]:
    """Return the subject of a clause, if stated, and the rest of it."""
    clause = clause.strip()
    for pattern in (_OF_TWO, _BODY_PART):
        special = pattern.match(clause)
        if special is not None:
            rest = special["rest"] or ""
            verb = re.match(r"(?:(?:\w+ly|also|then|should|will|can|must)\s+)*([\w']+)", rest)
            acts = verb is not None and (
                verb[1].lower() in _VERBAL or bool(verb_form(verb[1])) or verb[1].endswith("n't")
            )
            if acts and verb is not None and special[0].lower() in ("one", "another", "each"):
                acts = (verb_form(verb[1]) or ("", "third"))[1] == "third"  # unlike "another kick"
            if acts or (not rest and pattern is _OF_TWO and " " in special[0]):
                return special[0], rest
    both = _TWO_NAMED.match(clause)
    if both is not None:
        return both[0], clause[both.end() :].strip(" ,")
    words = clause.split()
    if not words:
        return None, ""
    first = words[0].lower().strip(",")
    if first in PRONOUNS or first in ("someone", "somebody", "everyone", "everybody"):
        rest = " ".join(words[1:])
        return (first, rest) if rest else (None, clause)
    named = re.match(
        rf"((?:(?:{'|'.join(DETERMINERS)})\s+)?(?:(?!\b{_A_PERSON}\b)[\w'-]+,?\s+){{0,4}}?"
        rf"{_A_PERSON}(?:\s+(?:who|that)\s+is\s+(?:(?:not|very|a\s+bit|really)\s+)*\w+)?)\s*,?"
        r"(?:\s+(.*)|$)",
        clause,
        re.IGNORECASE | re.DOTALL,
    )
    if named and not any(
        base_of(word) and not word.lower().endswith("ing") and word.lower() not in ("box", "back")
        for word in named[1].split()
    ):
        subject = named[1]
        possessive = first in ("his", "her", "their", "its", "my", "your", "our")
        if (
            first not in DETERMINERS
            and not possessive
            and not PLURAL_SUBJECT.search(subject.lower())
        ):
            subject = f"{'an' if first[0] in 'aeiou' else 'a'} {subject}"
        rest = re.sub(r"^(?:that|who|which)\s+(?!is\b)", "", (named[2] or "").strip(), flags=re.I)
        return subject, rest
    if first in DETERMINERS:
        for index in range(2, min(len(words), 6)):
            word = words[index].lower().strip(",.")
            form = verb_form(word)
            before = words[index - 1].lower()
            if before in PREPOSITIONS | DETERMINERS or before.endswith(","):
                break
            if word == "is" or (form and form[1] in ("third", "gerund")):
                return " ".join(words[:index]), " ".join(words[index:])
    return None, clause


def subject_of(description: str) -> str:
    """Return the subject of a description; "a person" if unstated."""
    return find_subject(description)[0] or DEFAULT_SUBJECT


def main_verb(clause: str) -> tuple[str | None, str | None]:
    """Return a clause's main verb as written, and its form; None if it has none."""
    _, predicate = find_subject(clause)
    predicate = _AUXILIARY.sub("", predicate)
    for word in re.findall(r"[\w'-]+", predicate.lower()):
        form = verb_form(word)
        if form:
            return word, form[1]
        if word in PREPOSITIONS:
            break
    words = re.findall(r"[\w'-]+", predicate.lower())
    if words and words[0].endswith("s"):
        return words[0], "third"
    return None, None


def completed(predicate: str, verb: str) -> str:
    """Return a predicate completed with the previous verb: "then right" after "turns left"."""
    words = re.findall(r"[\w'-]+", predicate.lower())
    if _EXERCISE.match(predicate):
        return f"does {predicate}"
    if not words or verb_form(words[0]):
        return predicate
    if words[0] in DETERMINERS:
        return noun_to_action(predicate)
    alone = words[0] in DIRECTIONS or words[0] in PREPOSITIONS or words[0].endswith("ly")
    if verb and alone and not any(base_of(word) for word in words):
        return f"{verb} {predicate}"
    return predicate


def noun_to_action(text: str) -> str:
    """Return a noun as an action: ``a jump`` → ``jumps``, ``a high jump`` → ``does a high jump``;
    other text unchanged.
    """
    many = re.fullmatch(rf"({NUMBER})\s+(?:more\s+)?([a-z]+)", text.strip(), re.IGNORECASE)
    if many and verb_form(many[2]) and many[1].lower() != "one" and many[2] != "steps":
        return f"{third_person(verb_form(many[2])[0])} {many[1]} times"  # type: ignore[index]
    match = re.match(r"(?:a|an|the|some|another|one|one\s+more)\s+(.+)", text.strip(), re.I | re.S)
    if match is None or find_subject(text)[0]:
        return text.strip()
    words = match.group(1).split()
    form = verb_form(words[0].strip(","))
    ends = len(words) == 1 or words[0].endswith(",") or re.fullmatch(NUMBER, words[1].lower())
    if form and (ends or words[1].lower() in AFTER_VERB):
        return " ".join([third_person(form[0]), *words[1:]])
    return f"does {text.strip()}"


def in_present(predicate: str, subject: str) -> str:
    """Return the predicate in the third person of the simple present: "walking" → "walks"."""
    predicate = _EMPTY_ADVERB.sub("", predicate.strip(" ,.!?\n"))
    plural = bool(PLURAL_SUBJECT.search(subject.lower()))
    bare = _AUXILIARY.sub("", predicate)
    progressive = _PROGRESSIVE.match(bare)
    if progressive:
        bare = f"{progressive[1]}{progressive[2]}{progressive[3]}"
    words = bare.split()
    index = 0
    while index < len(words) - 1 and LEADING_ADVERB.fullmatch(words[index] + " "):
        index += 1
    if not words:
        return ""
    word = words[index].lower()
    stem = re.sub(r"[^\w'-]", "", word)
    tail = word[len(stem) :]
    if re.fullmatch(rf"{NUMBER}", stem) and len(words) > index + 1:
        words.insert(index, "take" if plural else "takes")
    elif stem not in ("is", "are", "has"):
        words[index] = _conjugated(stem, plural) + tail
    words = [w[0].lower() + w[1:] if i == 0 and not w.isupper() else w for i, w in enumerate(words)]
    return " ".join(words)


def _conjugated(word: str, plural: bool) -> str:
    form = verb_form(word)
    third = word.endswith("s") and not word.endswith("ss")
    if form is not None:
        base = form[0]
    elif word.endswith("ing") and len(word) > 4 and not word.endswith("thing"):
        base = guess_base_of_gerund(word)
    elif (
        third
        or word.endswith("thing")
        or not word.isalpha()
        or word.endswith("ly")
        or word in AFTER_VERB
    ):
        return word
    else:
        base = word
    return base if plural else third_person(base)
