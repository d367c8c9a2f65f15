"""What words refer to: "the second wave", "s2", "the jump" to segments; "motion 1" to motions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...motion_core.timeline import Timeline
from ...motion_core.verbs import words_of
from ..task import Task
from .draft import Draft, Row
from .lexicon import NUMBER, ORDINALS, base_of, number
from .predicates import main_verb
from .wording import CannotDo, quoted

IT = re.compile(r"(?:it|that|this|them|those|these|him|her)(?:\s+one)?", re.IGNORECASE)
EVERYTHING = re.compile(
    r"\b(?:all(?!\s+(?:the\s+)?\w+s\b)|everything|whole|entire|motion|animation|all\s+of\s+(?:it|"
    r"them)|"
    r"all\s+(?:the\s+)?(?:segments|steps|parts))\b",
    re.IGNORECASE,
)
_LATEST = re.compile(r"the\s+last(?:\s+(?:one|step|part|segment|bit|action))?|last", re.IGNORECASE)
_ORDINAL = "|".join(ORDINALS)
_PERSON = re.compile(
    r"\s*\b(?:(?:of|by|for|from)\s+)?(?:the\s+)?(?:(?P<one>first|1st)|(?P<two>second|2nd|other))\s+"
    r"(?:person|one's|man|woman|dancer|guy|actor|character|figure)(?:'s)?\b|"
    r"\s*\b(?:(?:of|by|for|from)\s+)?person\s+(?P<n>[12])(?:'s)?\b",
    re.IGNORECASE,
)
_POINTING = re.compile(
    rf"s\d+|#?\d+|{_ORDINAL}|{NUMBER}|a|an|the|this|that|these|those|my|his|her|their|its|he|she|they|"
    r"it|him|them|of|and|or|also|too|please|one|ones|other|another|every|everything|each|both|all|"
    r"any|whole|entire|motion|animation|sequence|step|steps|segment|segments|part|parts|action|"
    r"actions|move|moves|movement|bit|bits|thing|number|no|next|but|penultimate|again|where|when|"
    r"which|do|does|doing|is|are|be|by|for|from|with|in|at|last|first|two|person|persons|people|man|"
    r"woman|guy|dancer|actor|character|figure|someone|somebody|there|here|just|only|second|third",
    re.IGNORECASE,
)
_LESS = {"make", "do", "take", "get", "put", "go", "let", "be"}
_NO_CONTENT = words_of(
    "that this part segment step with where when motion first last second third again they them"
    " more then"
)


def referred(text: str, draft: Draft) -> list[Row]:
    """Return the rows that words such as "s2", "the second one", "the jump and the bow" refer to.

    Raises:
        CannotDo: the words are ambiguous.
    """
    text = text.lower().strip(" .,!?")
    whole = _rows(text, draft)
    if whole or (" and " not in text and "," not in text):
        return whole
    found: list[Row] = []
    for part in re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", text):
        rows = _rows(part, draft)
        if not rows:
            return []
        found += [row for row in rows if row not in found]
    return [row for row in draft.rows if row in found]


def chosen(text: str, draft: Draft, *, it: Sequence[Row]) -> list[Row]:
    """Return the rows like `referred`; "it" and empty text mean `it`, "everything" all rows."""
    text = text.strip(" .,!?")
    if not text or IT.fullmatch(text):
        return list(it)
    return referred(text, draft) or (list(draft.rows) if EVERYTHING.search(text) else [])


def unclear(text: str, draft: Draft) -> CannotDo:
    """Return the reply when words refer to no segment."""
    return CannotDo(
        f"I do not know which segment {quoted(text.strip(), 60)} is."
        f" There are: {draft.segment_names()}."
    )


def check_words(text: str, rows: Sequence[Row]) -> None:
    """Check that every word of a reference is used, to refer to a row or to describe one.

    Raises:
        CannotDo: some words are unused, so the edit would be a guess.
    """
    described = {word for row in rows for word in _plain_words(row.description)}
    verbs = {base for word in described if (base := base_of(word))}
    strange = [
        word
        for word in _plain_words(_PERSON.sub(" ", text))
        if not _POINTING.fullmatch(word)
        and word not in described
        and base_of(word) not in verbs
        and not any(len(word) > 3 and other.startswith(word[:-1]) for other in described)
    ]
    if strange:
        words = " and ".join(quoted(word) for word in dict.fromkeys(strange))
        raise CannotDo(
            f"I do not understand {words} in {quoted(text.strip(), 60)}, so I changed nothing."
        )


def _plain_words(text: str) -> list[str]:
    return [word.removesuffix("'s") for word in re.findall(r"[\w#'-]+", text.lower())]


def _rows(text: str, draft: Draft) -> list[Row]:
    if " and " in text and re.search(r"\bs\d+\b.* and .*\bs\d+\b", text):
        return _of_ids(text, draft)
    if " and " in text or "," in text:
        return []
    ids = _of_ids(text, draft)
    if ids or re.search(r"\bs\d+\b", text):
        return ids
    rows = draft.rows
    person = _PERSON.search(text)
    if person:
        rows = draft.rows_of(1 if person["one"] or person["n"] == "1" else 2)
        text = (text[: person.start()] + " " + text[person.end() :]).strip(" '")
        if not text or text == "the":
            return rows
    if EVERYTHING.search(text) and not person:
        return []
    return _by_words(text, rows)


def _of_ids(text: str, draft: Draft) -> list[Row]:
    ids = re.findall(r"\bs\d+\b", text)
    return [row for row in draft.rows if row.source in ids]


def _by_words(text: str, rows: list[Row]) -> list[Row]:
    last_few = re.search(rf"\b(last|first)\s+({NUMBER})\b(?!\s*(?:one|s\b))", text)
    if last_few and last_few[2] != "one":
        count = int(min(number(last_few[2]), 1000))
        return rows[-count:] if last_few[1] == "last" and count else rows[:count]
    counted = re.search(
        rf"\b(?:step|segment|part|number|no|action)\.?\s*#?({NUMBER})\b|#(\d+)", text
    )
    if counted:
        index = int(min(number(counted[1] or counted[2]), 1000)) - 1
        return [rows[index]] if 0 <= index < len(rows) else []
    place = _place(text)
    fitting = _fitting(text, rows)
    if place is not None:
        of = fitting or ([] if _named_verbs(text) else rows)
        return [of[place]] if -len(of) <= place < len(of) else []
    if len(fitting) > 1 and not re.search(r"\b(?:all|both|every|each|any)\b|\w+s\b(?<!ss)", text):
        positions = [rows.index(row) for row in fitting]
        repeated = len({row.description for row in fitting}) == 1
        if not repeated or positions[-1] - positions[0] != len(positions) - 1:
            there = ", ".join(row.name for row in fitting)
            raise CannotDo(f"Which one do you mean with {quoted(text, 60)}? There are: {there}.")
    return fitting


def _place(text: str) -> int | None:
    if re.search(
        r"\b(?:second|2nd|next)\s+to\s+(?:the\s+)?last\b|\blast\s+but\s+one\b|\bpenultimate\b", text
    ):
        return -2
    for word in re.findall(rf"\b(?:{_ORDINAL})\b", text):
        place = ORDINALS[word]
        return place - 1 if place > 0 else place
    return None


def _named_verbs(text: str) -> set[str]:
    words = [w for w in re.findall(r"[a-z']+", text) if w not in ORDINALS]
    words = [w for w in words if w not in ("step", "part", "segment", "action", "move", "one")]
    verbs = {base for word in words if (base := base_of(word))}
    return verbs - _LESS if len(verbs) > 1 else verbs


def _fitting(text: str, rows: list[Row]) -> list[Row]:
    verbs = _named_verbs(text)
    if verbs:
        fitting = [row for row in rows if base_of(main_verb(row.description)[0] or "") in verbs]
        fitting = fitting or [row for row in rows if verbs & _verbs(row.description)]
        return _best(text, fitting)
    content = _content(text)
    return _best(text, [row for row in rows if content & _content(row.description)])


def _best(text: str, rows: list[Row]) -> list[Row]:
    """Return the rows that share the most words with the text."""
    if len(rows) < 2:
        return rows
    content = _content(text)
    shared = [len(content & _content(row.description)) for row in rows]
    return [row for row, count in zip(rows, shared, strict=True) if count == max(shared)]


def _content(text: str) -> set[str]:
    return set(re.findall(r"[a-z]{4,}", text.lower())) - _NO_CONTENT


def _verbs(description: str) -> set[str]:
    words = re.findall(r"[a-z']+", description.lower())
    return {base for word in words if (base := base_of(word))}


# ---- motions -------------------------------------------------------------------------------

FILE = re.compile(r"[\w./\\-]+\.(?:npz|npy|bvh|amc)\b|\bm-[0-9a-f]{6,12}\b", re.IGNORECASE)


def motion_named(text: str, task: Task) -> Timeline | None:
    """Return the motion that words such as "the first motion" or its name refer to."""
    text = text.strip(" .,!?\"'")
    name = re.sub(r"^(?:the|my|our)\s+", "", text.lower())
    motions = in_order(task)
    for timeline in motions:
        if name in (timeline.name.lower(), *timeline.motions.values()):
            return timeline
    bare = re.sub(r"\s*\b(?:motions?|one|animations?|number|no\.?|clip)\b\s*|#", " ", name).strip()
    if bare in ("previous", "other", "earlier", "old") and task.others:
        return task.others[-1]
    if bare in ("last", "latest", "newest") and motions:
        return motions[-1]
    if bare in ("current", "this") and task.timeline.segments:
        return task.timeline
    index = ORDINALS.get(bare)
    if index is None and re.fullmatch(NUMBER, bare) and number(bare) < 1000:
        index = int(number(bare))
        numbered = [t for t in motions if t.name.lower() == f"motion {index}"]
        if numbered:
            return numbered[0]
    if index is not None and 0 < index <= len(motions):
        return motions[index - 1]
    return None


def in_order(task: Task) -> list[Timeline]:
    """Return all motions of the conversation, oldest first, by the numbers in their names."""
    if not task.timeline.name and not task.timeline.segments:
        return list(task.others)

    def agreeing(place: int) -> tuple[int, int]:
        order = [*task.others[:place], task.timeline, *task.others[place:]]
        fits = sum(t.name == f"motion {i}" for i, t in enumerate(order, start=1))
        return fits, place

    place = max(range(len(task.others) + 1), key=agreeing)
    return [*task.others[:place], task.timeline, *task.others[place:]]
