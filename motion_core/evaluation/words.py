"""Words of captions as ids: a vocabulary from the training captions, and buckets for the rest.

Their vectors come from a backbone (`word_vectors`) or are learned from the captions.
A word that is not in the vocabulary takes one of a few buckets by its hash, so that two unknown
words usually differ and no caption is refused.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..errors import InputError
from ..motionllm.vocabulary import split_words as split_words

PADDING = 0
BUCKETS = 32
MAX_WORDS = 64  # of a caption; the rest is ignored


@dataclass(frozen=True)
class Vocabulary:
    """A vocabulary: id 0 is padding, then `BUCKETS` hash buckets, then the known words in order."""

    words: tuple[str, ...]
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ids = {word: index for index, word in enumerate(self.words, 1 + BUCKETS)}
        if len(ids) != len(self.words):
            raise InputError("a vocabulary holds the same word twice; give each once")
        object.__setattr__(self, "_ids", ids)

    @classmethod
    def from_captions(cls, captions: Iterable[str], *, least: int = 2) -> Vocabulary:
        """Return the words that occur in at least `least` of the captions, in alphabetical
        order.
        """
        counts = Counter(word for caption in captions for word in set(split_words(caption)))
        return cls(tuple(sorted(word for word, count in counts.items() if count >= least)))

    def __len__(self) -> int:
        return 1 + BUCKETS + len(self.words)

    def encode(self, caption: str) -> list[int]:
        """Return word ids of a caption, at most `MAX_WORDS`.

        Raises:
            InputError: the caption has no word.
        """
        words = split_words(caption)[:MAX_WORDS]
        if not words:
            raise InputError(f"the caption {caption[:40]!r} has no word; describe a motion")
        return [self._ids.get(word) or bucket(word) for word in words]

    def forget(self, ids: Sequence[int]) -> list[int]:
        """Return the ids as if the words were unknown, to train the buckets."""
        first = 1 + BUCKETS
        return [bucket(self.words[i - first]) if i >= first else i for i in ids]


def bucket(word: str) -> int:
    """Return the bucket of an unknown word; the same on every machine, unlike `hash`."""
    return 1 + zlib.crc32(word.encode()) % BUCKETS
