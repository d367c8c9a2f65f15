"""Nearest neighbours: how training clips with similar captions, or similar motion, go on.

    description        a person kicks with the left foot
    nearest captions   kicks with left leg · a man kicks · …         16 clips
    continuations      what came next in their motion tokens, a second opinion beside t2m

    motion             17 4 4 90 …
    nearest motions    by mean and spread of their features           16 clips
    continuations      what came next in their captions, a second opinion beside m2t

    takes              17 4 4 90 … · 17 3 8 25 …
    fitting            how similar their captions are to the description, to keep the best take

Only clips with similar captions or motion are searched, as in ReMoDiffuse
(https://arxiv.org/abs/2304.01116). The similarity of two captions is the mean of two cosines:
between their bags of words, and between their meanings in `KnownCaptions`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from ..features import FloatArray
from .continuations import Continuations, Ids
from .known_captions import KnownCaptions
from .model import END
from .neighbours import Neighbours

_CLIPS = 16
_CONTEXT = np.array([1, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2], np.float32)  # last token first
_SOFTNESS = 0.15  # how far contexts may differ, in mean squared distances between codes
_SHARPNESS = 4  # a clip counts by this power of its similarity, relative to the nearest clip's
_LEAST = 1e-9

_WORDS = 3  # last text tokens by which captions are compared
_WORD = 2.0  # nats for each of them that matches, from the last one back
_SHARPNESS_OF_MOTION = 8  # nats for the median clip's squared distance
_SHARPNESS_OF_TAKES = 32  # likewise, where takes are chosen
_LEAST_OF_WORDS = 1e-5  # smallest probability: m2t may say what no neighbour says


class NearestClips:
    """Finds the training clips that are nearest to a description or a motion.

    Args:
        neighbours: the clips to search.
        known: of the same checkpoint.
        codebook: vectors (codes, D) of its tokenizer.
    """

    def __init__(self, neighbours: Neighbours, known: KnownCaptions, codebook: FloatArray) -> None:
        self._neighbours, self._known = neighbours, known
        # The last row, the mean of all codes, stands for the time before a motion begins.
        vectors = np.concatenate([codebook - codebook.mean(0), np.zeros_like(codebook[:1])])
        squares = (vectors**2).sum(1)
        distances = squares[:, None] + squares - 2 * vectors @ vectors.T
        self._distances: FloatArray = distances / max(float(distances[:-1, :-1].mean()), 1e-9)

    def motions(self, description: str) -> Continuations | None:
        """Return how motions with the nearest captions continue, or None if no word is known.

        What follows is numbered as t2m's logits are: 0 is the end, 1 + k the code k.
        """
        similar = self._similar(description)  # (clips,)
        if similar.max() <= 0:
            return None
        nearest = np.argsort(-similar, kind="stable")[:_CLIPS]
        read = [self._neighbours.motions[clip] for clip in nearest]
        relative = similar[nearest] / similar[nearest[0]]
        return Continuations(
            read,
            [np.array([*(motion + 1), END]) for motion in read],
            _SHARPNESS * np.log(np.maximum(relative, _LEAST)),
            apart=partial(_codes_apart, self._distances),
            reach=len(_CONTEXT),
            before=len(self._distances) - 1,
            size=len(self._distances),
            weight=float(similar[nearest[0]]),
        )

    def captions(
        self, movement: FloatArray, ids: Callable[[str], Sequence[int]], vocabulary: int
    ) -> Continuations | None:
        """Return how captions of the most similar motions continue, or None if there are none.

        Args:
            movement: of the motion, as in `features.movement`.
            ids: gives the ids of a caption, the end of text among them.
            vocabulary: number of ids.
        """
        sentences, owners = self._neighbours.sentences, self._neighbours.speakers
        if not sentences:
            return None
        apart = self._neighbours.apart(movement)  # (clips,)
        spoken = np.unique(owners)
        nearest = spoken[np.argsort(apart[spoken], kind="stable")[:_CLIPS]]
        usual = max(float(np.median(apart[spoken])), 1e-9)
        said: list[Ids] = []
        likeness: list[float] = []
        for clip in nearest:
            own = [np.array(ids(sentences[row])) for row in np.flatnonzero(owners == clip)]
            said += own
            nats = -_SHARPNESS_OF_MOTION * float(apart[clip] - apart[nearest[0]]) / usual
            likeness += [nats - float(np.log(len(own)))] * len(own)
        return Continuations(
            [sentence[:-1] for sentence in said],
            said,
            np.array(likeness, dtype=np.float32),
            apart=_words_apart,
            reach=_WORDS,
            before=-1,
            size=vocabulary,
            least=_LEAST_OF_WORDS,
        )

    def fitting(self, description: str, movements: Sequence[FloatArray]) -> list[float] | None:
        """Return for each motion how similar to a description the captions of like motions are.

        The mean over all clips, of which those that move alike count most (Nadaraya-Watson
        regression). None without a known word.

        Args:
            description: what the motions are to show.
            movements: of the motions, as in `features.movement`.
        """
        similar = self._similar(description)
        if similar.max() <= 0:
            return None
        found: list[float] = []
        for movement in movements:
            apart = self._neighbours.apart(movement)  # (clips,)
            usual = max(float(np.median(apart)), 1e-9)
            found.append(float(np.average(similar, weights=_kernel(apart / usual))))
        return found

    def _similar(self, description: str) -> FloatArray:
        """Return the similarity (clips,) of the nearest caption of each clip; 0 without a known
        word.
        """
        best = np.zeros(len(self._neighbours.motions), dtype=np.float32)
        rows = np.unique(self._known.rows(description)).astype(np.int32)
        if rows.size:
            np.maximum.at(best, self._neighbours.owners, self._similarities(rows))
        return best

    def _similarities(self, rows: NDArray[np.int32]) -> FloatArray:
        """Return the similarity (C,) of each caption to a description with these words."""
        known = self._known
        words, starts, lengths, meanings = self._captions
        shared = np.zeros(len(known.stems), dtype=np.float32)
        shared[rows] = known.rarity[rows] ** 2
        length = max(float(np.linalg.norm(known.rarity[rows])), 1e-9)
        common = np.add.reduceat(shared[words], starts) / (lengths * length)
        similarities: FloatArray = (common + meanings @ known.meaning(rows)) / 2
        return similarities

    @cached_property
    def _captions(self) -> tuple[NDArray[np.int32], NDArray[np.int64], FloatArray, FloatArray]:
        """Words of all captions, and each caption's first word, norm and meaning."""
        captions, known = self._neighbours.captions, self._known
        words = np.concatenate(captions)
        starts = np.cumsum([0, *(len(caption) for caption in captions[:-1])])
        rarity = known.rarity[words]
        meanings = np.add.reduceat(rarity[:, None] * known.words[words], starts)
        meanings /= np.maximum(np.linalg.norm(meanings, axis=1, keepdims=True), 1e-9)
        return words, starts, np.sqrt(np.add.reduceat(rarity**2, starts)), meanings


def _kernel(apart: FloatArray) -> FloatArray:
    weights: FloatArray = np.exp(-_SHARPNESS_OF_TAKES * (apart - apart.min()))
    return weights


def _codes_apart(distances: FloatArray, contexts: Ids, last: Ids) -> FloatArray:
    apart: FloatArray = distances[contexts, last] @ _CONTEXT / _SOFTNESS
    return apart


def _words_apart(contexts: Ids, last: Ids) -> FloatArray:
    same = np.logical_and.accumulate(contexts == last, axis=1).sum(axis=1)
    apart: FloatArray = (-_WORD * same).astype(np.float32)
    return apart
