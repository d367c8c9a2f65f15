"""How much of a description was in the training captions: words, stems, coverage."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..engine import Coverage

# Words that say who or how the words hang together, but nothing of the motion.
_EMPTY = frozenset(
    re.findall(
        r"\w+",
        """
        a an the and or but then while with without on in at to of from for by into onto as like
        his her their its it this that they he she them him who which is are be being was were has
        have having does do doing done person people man woman someone somebody human figure
        very some there after before next finally first until again also s
        """,
    )
)
_ENDINGS = ("ingly", "edly", "ing", "ily", "ied", "ies", "ed", "ly", "es", "s", "e", "y")
_WORD = re.compile(r"[^\W_]+")


def split_words(text: str) -> list[str]:
    """Return lower-case words without punctuation: "A man's leg, left." -> a, man, s, leg, left."""
    return _WORD.findall(text.lower())


def content_words(text: str) -> list[str]:
    """Return the words that describe a motion, in any script, without numbers."""
    return [word for word in split_words(text) if word.isalpha() and word not in _EMPTY]


def stem(word: str) -> str:
    """Return `walks`, `walking`, `walked` as `walk`; `happily`, `happy` as `happ`; at least 3
    letters.

    Cruder than Porter's: a word is only looked up among a few hundred others.
    """
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)]
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls":  # running, stepping
        word = word[:-1]
    return word


class KnownWords:
    """The stems of the training words."""

    def __init__(self, words: Iterable[str]) -> None:
        self._stems = frozenset(stem(word) for word in words)

    def coverage(self, description: str) -> Coverage:
        """Return the share of the content words that are known; numbers and empty words do not
        count.
        """
        content = content_words(description)
        if not content:
            return Coverage(0.0)
        unknown = [word for word in content if stem(word) not in self._stems]
        return Coverage(1 - len(unknown) / len(content), tuple(dict.fromkeys(unknown)))
