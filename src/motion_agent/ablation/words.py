"""Sets of words to look for in a description: ``walk|stroll|step back``.

A word stands for all its forms, two words for both with at most two words between them, and an
entry ending in ``*`` for all words with that prefix. ``*`` alone is any word. The lemmatiser is a
table of irregular verbs and a handful of endings: enough for the verbs of human movement, and the
same on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_GAP = 2  # words allowed between the two of a pair
_IRREGULAR = {
    "ran": "run", "sat": "sit", "stood": "stand", "lay": "lie", "laid": "lie", "lying": "lie",
    "lain": "lie", "fell": "fall", "fallen": "fall", "threw": "throw", "thrown": "throw",
    "went": "go", "gone": "go", "goes": "go", "bent": "bend", "swung": "swing", "swam": "swim",
    "rose": "rise", "risen": "rise", "got": "get", "gotten": "get", "knelt": "kneel",
    "drank": "drink", "drunk": "drink", "ate": "eat", "eaten": "eat", "took": "take",
    "taken": "take", "shook": "shake", "shaken": "shake", "crept": "creep", "wept": "weep",
    "hung": "hang", "caught": "catch", "struck": "strike", "fought": "fight", "held": "hold",
    "froze": "freeze", "frozen": "freeze", "woke": "wake", "spun": "spin", "leapt": "leap",
    "made": "make", "hid": "hide", "is": "be", "are": "be", "was": "be", "were": "be",
    "feet": "foot", "knees": "knee", "tying": "tie", "dying": "die", "seated": "seat",
}  # fmt: skip
_KEPT = {"across", "towards", "press", "toss", "cross", "pass", "this", "less", "bus", "is", "as"}


@lru_cache(maxsize=65536)
def _lemmas(text: str) -> tuple[str, ...]:
    """Return each word with all its possible base forms, joined by ``/``."""
    words = re.findall(r"[^\W_]+(?:[-'’.][^\W_]+)*", text.lower())
    found: list[str] = []
    for word in words:
        found.append("/".join(dict.fromkeys(_forms(word))))
        if "-" in word:  # "push-up" matches as one word and as two
            found += ["/".join(dict.fromkeys(_forms(part))) for part in word.split("-")]
    return tuple(found)


def _forms(word: str) -> list[str]:
    word = word.replace("’", "'").removesuffix("'s")
    forms = [word]
    if word in _IRREGULAR:
        forms.append(_IRREGULAR[word])
    if word in _KEPT:
        return forms
    for ending, put in (("ies", "y"), ("es", ""), ("s", ""), ("ied", "y")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            forms.append(word[: -len(ending)] + put)
    for ending in ("ing", "ed"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 1:
            forms += [stem, stem + "e"]
            if len(stem) > 2 and stem[-1] == stem[-2]:
                forms.append(stem[:-1])
    if word.endswith("ily"):
        forms.append(word[:-3] + "y")
    elif word.endswith("ly") and len(word) > 4:
        forms.append(word[:-2])
    return forms


@lru_cache(maxsize=4096)
def _entries(words: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(entry.lower().split()) for entry in words.split("|") if entry.strip())


def find_words(words: str, text: str, start: int = 0) -> int | None:
    """Return the position in the text of the first matching word.

    Args:
        words: a set such as ``walk|step back``.
        text: a description or an answer.
        start: index of the first word to search; "push-up" counts as three, itself and its parts.

    Returns:
        The index of the word, or None.
    """
    lemmas = _lemmas(text)
    for position in range(start, len(lemmas)):
        for entry in _entries(words):
            if _stands_at(entry, lemmas, position):
                return position
    return None


def has_words(words: str, text: str) -> bool:
    """Return whether the text contains one of the words."""
    return find_words(words, text) is not None


def in_order(sets: Sequence[str], texts: Sequence[str]) -> list[int | None]:
    """Return, for each set of words in order, the index of the text that contains it.

    Each search starts after the previous match; a set that is not found leaves the position
    unchanged.
    """
    at, word = 0, 0
    places: list[int | None] = []
    for words in sets:
        place: int | None = None
        for number in range(at, len(texts)):
            position = find_words(words, texts[number], word if number == at else 0)
            if position is not None:
                place, at, word = number, number, position + 1
                break
        places.append(place)
    return places


def _stands_at(entry: tuple[str, ...], found: Sequence[str], position: int) -> bool:
    if not _same(entry[0], found[position]):
        return False
    for word in entry[1:]:
        near = range(position + 1, min(position + 2 + _GAP, len(found)))
        nearest = next((i for i in near if _same(word, found[i])), None)
        if nearest is None:
            return False
        position = nearest
    return True


def _same(word: str, forms: str) -> bool:
    if word.endswith("*"):
        return any(form.startswith(word[:-1]) for form in forms.split("/"))
    return word in forms.split("/")
