"""How near a description is in meaning to the training captions: `KnownCaptions`.

The meaning of words is learnt from the captions themselves: words that stand among the same words
are near. Counts of stems within `_WINDOW` words, as positive pointwise mutual information, are
reduced to 64 dimensions (Levy and Goldberg, "Neural Word Embedding as Implicit Matrix
Factorization", 2014). A caption is the mean of its words, rare words counting more.

    nearness of a clause = cosine to the nearest training caption x share of its words known
    nearness of a description = that of its farthest clause
    score = a logistic of the nearness, fitted to held-out captions and to requests beyond the data

No backbone is needed: a look-up in some hundred kilobytes.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ..atomic import replacing
from ..engine import Coverage
from ..errors import InputError, IntegrityError
from ..features import FloatArray
from ..json_text import parse_json
from .beyond import BEYOND
from .vocabulary import content_words, stem

FILE = "coverage.safetensors"
_WIDTH = 64
_WINDOW = 4
_CLAUSES = re.compile(r"[,;.:!?]|\b(?:and then|then|while|before|after)\b", re.IGNORECASE)
_FORMAT = "motion-agent known captions 1"


@dataclass(frozen=True)
class KnownCaptions:
    """What training knew; see the head of this file.

    Attributes:
        stems: of the words of the training captions, in order.
        words: a unit vector (W, D) for each.
        rarity: weight (W,) of each in a caption: log of the inverse share of captions that have it.
        captions: unit vectors (C, D) of the training captions.
        slope: of the logistic.
        middle: nearness that scores one half.
    """

    stems: tuple[str, ...]
    words: FloatArray
    rarity: FloatArray
    captions: FloatArray
    slope: float
    middle: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rows", {name: row for row, name in enumerate(self.stems)})

    @classmethod
    def learn(
        cls, captions: Iterable[str], held_out: Iterable[str], beyond: Sequence[str] = BEYOND
    ) -> KnownCaptions:
        """Learn what these training captions cover.

        Args:
            captions: of the training clips.
            held_out: human captions of other clips; if there are none, the training captions.
            beyond: requests that the data cannot answer.

        Raises:
            InputError: the captions have no words.
        """
        texts = tuple(dict.fromkeys(captions))
        documents = [[stem(word) for word in content_words(text)] for text in texts]
        documents = [document for document in documents if document]
        having = Counter(name for document in documents for name in set(document))
        if not having:
            raise InputError("the training captions have no words; prepare the data set again")
        stems = tuple(sorted(having))
        share = np.array([(1 + having[name]) / (1 + len(documents)) for name in stems])
        rarity = np.maximum(-np.log(share), 0.1).astype(np.float32)
        known = cls(
            stems,
            _word_vectors(documents, stems),
            rarity,
            np.zeros((0, _WIDTH), dtype=np.float32),
            1.0,
            0.0,
        )
        vectors = np.stack([known.meaning(known._rows_of(document)) for document in documents])
        vectors = np.unique(np.rint(vectors * 127).astype(np.int8), axis=0)
        known = cls(stems, known.words, rarity, _unit(vectors), 1.0, 0.0)
        inside = [known.nearness(text) for text in tuple(held_out) or texts[:500]]
        slope, middle = _logistic(inside, [known.nearness(text) for text in beyond])
        return cls(stems, known.words, rarity, known.captions, slope, middle)

    def coverage(self, description: str) -> Coverage:
        """Return how well training covers the description, and its unknown words.

        Unknown words are reported if the score is below one half, those in another script always.
        If all words are known but not their combination, they are the words of the clause farthest
        from all captions.
        """
        score = 1 / (1 + math.exp(-self.slope * (self.nearness(description) - self.middle)))
        foreign = [word for word in content_words(description) if not _is_latin(word)]
        if foreign:
            return Coverage(0.0, tuple(dict.fromkeys(foreign)))
        if score >= 0.5:
            return Coverage(score)
        words = content_words(description)
        unknown = [word for word in words if stem(word) not in self._known]
        if not unknown:
            clauses = [clause for clause in _CLAUSES.split(description) if content_words(clause)]
            unknown = content_words(min(clauses, key=self._near, default=""))
        return Coverage(score, tuple(dict.fromkeys(unknown)))

    def nearness(self, description: str) -> float:
        """Return a nearness from 0 (nothing known) to 1 (a training caption)."""
        clauses = [clause for clause in _CLAUSES.split(description) if content_words(clause)]
        return min((self._near(clause) for clause in clauses), default=0.0)

    def rows(self, text: str) -> list[int]:
        """Return the rows in `stems` of a text's words."""
        return self._rows_of([stem(word) for word in content_words(text)])

    def meaning(self, rows: Sequence[int] | NDArray[np.int32]) -> FloatArray:
        """Return the unit vector (D,) of a text with these words."""
        total = (self.rarity[rows, None] * self.words[rows]).sum(axis=0)
        vector: FloatArray = total / max(float(np.linalg.norm(total)), 1e-9)
        return vector

    def save(self, folder: Path) -> None:
        """Write ``coverage.safetensors``: int8 vectors, with everything else in its header."""
        header = {
            "format": _FORMAT,
            "stems": json.dumps(self.stems),
            "slope": repr(self.slope),
            "middle": repr(self.middle),
        }
        arrays: dict[str, Any] = {
            "words": np.rint(self.words * 127).astype(np.int8),
            "captions": np.rint(self.captions * 127).astype(np.int8),
            "rarity": self.rarity.astype(np.float16),
        }
        with replacing(folder / FILE) as path:
            save_file(arrays, path, metadata=header)

    @classmethod
    def load(cls, folder: Path) -> KnownCaptions:
        """Load ``coverage.safetensors``.

        Raises:
            IntegrityError: the file is damaged.
        """
        try:
            with safe_open(folder / FILE, framework="numpy") as file:
                header = file.metadata() or {}
                words, captions, rarity = (
                    file.get_tensor(name) for name in ("words", "captions", "rarity")
                )
            return cls(
                tuple(parse_json(header["stems"])),
                _unit(words),
                rarity.astype(np.float32),
                _unit(captions),
                float(header["slope"]),
                float(header["middle"]),
            )
        except (SafetensorError, OSError, KeyError, ValueError) as err:
            raise IntegrityError(
                f"{folder / FILE} is damaged ({err}); get the checkpoint again"
            ) from err

    @property
    def _known(self) -> dict[str, int]:
        rows: dict[str, int] = vars(self)["_rows"]
        return rows

    def _near(self, clause: str) -> float:
        stems = [stem(word) for word in content_words(clause)]
        rows = self._rows_of(stems)
        if not rows:
            return 0.0
        return float((self.captions @ self.meaning(rows)).max()) * len(rows) / len(stems)

    def _rows_of(self, stems: Sequence[str]) -> list[int]:
        return [self._known[name] for name in stems if name in self._known]


def _is_latin(word: str) -> bool:
    return all(unicodedata.name(letter, "").startswith("LATIN") for letter in word)


def _word_vectors(documents: Sequence[Sequence[str]], stems: Sequence[str]) -> FloatArray:
    """Return unit vectors (W, D) of stems, from which stems occur within `_WINDOW` words of each
    other.
    """
    at = {name: row for row, name in enumerate(stems)}
    counts = np.zeros((len(stems), len(stems)), dtype=np.float32)
    for document in documents:
        rows = [at[name] for name in document]
        for place, row in enumerate(rows):
            for other in rows[max(0, place - _WINDOW) : place]:
                counts[row, other] += 1
                counts[other, row] += 1
    total = counts.sum(axis=1) + 1
    context = total**0.75
    expected = total[:, None] * context / context.sum()
    information = np.log(np.maximum(counts / expected, 1.0))
    np.fill_diagonal(information, information.diagonal() + 0.1)  # a word is near to itself
    left, values, _ = np.linalg.svd(information)
    vectors: FloatArray = left[:, :_WIDTH] * np.sqrt(values[:_WIDTH])
    return _unit(vectors)


def _unit(vectors: NDArray[Any]) -> FloatArray:
    floats = np.asarray(vectors, dtype=np.float32)
    unit: FloatArray = floats / np.maximum(np.linalg.norm(floats, axis=1, keepdims=True), 1e-9)
    return unit


def _logistic(inside: Sequence[float], beyond: Sequence[float]) -> tuple[float, float]:
    """Return slope and middle of the logistic that separates the two sets, equally weighted.

    Newton's method with a little weight decay: two sets that do not overlap stay finite.
    """
    values = np.array([*inside, *beyond])
    truth = np.array([1.0] * len(inside) + [0.0] * len(beyond))
    weight = np.where(truth == 1, 0.5 / len(inside), 0.5 / max(1, len(beyond)))
    design = np.stack([values, np.ones_like(values)], axis=1)
    decay = np.diag([1e-4, 1e-6])
    found = np.zeros(2)
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(design @ found, -30, 30)))
        slope = design.T @ (weight * (truth - chance)) - decay @ found
        curve = (design * (weight * chance * (1 - chance))[:, None]).T @ design + decay
        found += np.clip(np.linalg.solve(curve, slope), -5, 5)
    return float(found[0]), float(-found[1] / found[0]) if found[0] else 0.0
