"""Nearest neighbours: how training motions with similar captions continue, as a second opinion.

    description         a person kicks with the left foot
    nearest captions    kicks with left leg · a man kicks · …               `_CLIPS` clips
    what came next      wherever the tokens before it resemble those just drawn

    log p = (1 - w) log p(t2m) + w log p(neighbours),    w = weight x similarity of the nearest

After "Generalization through Memorization: Nearest Neighbor Language Models",
https://arxiv.org/abs/1911.00172, section 2, but

- only clips with similar captions are searched, as in ReMoDiffuse
  (https://arxiv.org/abs/2304.01116);
- contexts are compared by codebook vectors rather than by hidden states, so the clips need no
  forward pass;
- the two distributions are combined by a geometric rather than an arithmetic mean, so a token that
  either finds impossible is rarely drawn.

The similarity of two captions is the mean of two cosines: between their bags of words, and between
their meanings in `KnownCaptions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ..atomic import replacing
from ..errors import InputError, IntegrityError
from .known_captions import KnownCaptions
from .model import END

FILE = "neighbours.safetensors"
_CLIPS = 16
_CONTEXT = np.array([1.0, 0.6, 0.4, 0.25], dtype=np.float32)  # weights, from the last token back
_SOFTNESS = 0.15  # how far contexts may differ, in mean squared distances between codes
_SHARPNESS = 4  # a clip counts by this power of its similarity, relative to the nearest clip's
_LEAST = 1e-9  # smallest probability

Floats = NDArray[np.float32]
Tokens = NDArray[np.int16]


@dataclass(frozen=True)
class Neighbours:
    """Motion tokens of the captioned training clips.

    Attributes:
        motions: tokens (T,) of each clip.
        captions: the words (W,) of each caption, each once, as rows of `KnownCaptions.stems`.
        owners: the clip (C,) of each caption.
    """

    motions: tuple[Tokens, ...]
    captions: tuple[NDArray[np.int32], ...]
    owners: NDArray[np.int32]

    @classmethod
    def of(cls, known: KnownCaptions, clips: Iterable[tuple[Sequence[str], Tokens]]) -> Neighbours:
        """Return the neighbours that these clips make; captions with no known word are left out.

        Args:
            known: of the same captions.
            clips: captions and motion tokens of each.

        Raises:
            InputError: no caption has a known word.
        """
        motions: list[Tokens] = []
        captions: list[NDArray[np.int32]] = []
        owners: list[int] = []
        for texts, tokens in clips:
            rows = [np.unique(known.rows(text)).astype(np.int32) for text in texts]
            captions += [row for row in rows if row.size]
            owners += [len(motions) for row in rows if row.size]
            motions.append(tokens)
        if not captions:
            raise InputError("no caption of the clips has a known word; give their own captions")
        return cls(tuple(motions), tuple(captions), np.array(owners, dtype=np.int32))

    def save(self, folder: Path) -> None:
        """Write ``neighbours.safetensors``."""
        arrays = {
            "tokens": _small(np.concatenate(self.motions)),
            "lengths": _small(np.array([len(motion) for motion in self.motions])),
            "words": _small(np.concatenate(self.captions)),
            "counts": _small(np.array([len(caption) for caption in self.captions])),
            "owners": _small(self.owners),
        }
        with replacing(folder / FILE) as path:
            save_file(arrays, path)

    @classmethod
    def load(cls, folder: Path, *, codes: int, words: int) -> Neighbours:
        """Load ``neighbours.safetensors``.

        Args:
            folder: of the checkpoint.
            codes: size of its codebook.
            words: number of stems in its `KnownCaptions`.

        Raises:
            IntegrityError: the file is damaged, or of another checkpoint.
        """
        try:
            arrays = {
                name: part.astype(np.int32) for name, part in load_file(folder / FILE).items()
            }
            motions = _split(arrays["tokens"], arrays["lengths"], codes)
            captions = _split(arrays["words"], arrays["counts"], words)
            owners = arrays["owners"]
            if owners.shape != (len(captions),) or not _are_below(owners, len(motions)):
                raise ValueError("a caption belongs to no clip")
        except (SafetensorError, OSError, KeyError, ValueError) as err:
            raise IntegrityError(
                f"{folder / FILE} is damaged ({err}); get the checkpoint again"
            ) from err
        return cls(tuple(part.astype(np.int16) for part in motions), captions, owners)


def _small(numbers: NDArray[Any]) -> NDArray[Any]:
    """Return non-negative integers as 16-bit ones, or wider if they do not fit."""
    return numbers.astype(np.promote_types(np.uint16, np.min_scalar_type(numbers.max())))


def _are_below(numbers: NDArray[np.int32], limit: int) -> bool:
    return bool(numbers.min() >= 0 and numbers.max() < limit)


def _split(
    flat: NDArray[np.int32], lengths: NDArray[np.int32], below: int
) -> tuple[NDArray[np.int32], ...]:
    if flat.ndim != 1 or lengths.ndim != 1 or not lengths.size or lengths.min() < 1:
        raise ValueError("an array is empty or has the wrong shape")
    if lengths.sum() != len(flat) or not _are_below(flat, below):
        raise ValueError("lengths or values do not match")
    return tuple(np.split(flat, np.cumsum(lengths)[:-1]))


class NearestMotions:
    """Finds the training motions whose captions are nearest to a description.

    Args:
        neighbours: the motions and captions to search.
        known: of the same checkpoint.
        codebook: vectors (codes, D) of its tokenizer.
    """

    def __init__(self, neighbours: Neighbours, known: KnownCaptions, codebook: Floats) -> None:
        self._neighbours, self._known = neighbours, known
        # The last row, the mean of all codes, stands for the time before a motion begins.
        vectors = np.concatenate([codebook - codebook.mean(0), np.zeros_like(codebook[:1])])
        squares = (vectors**2).sum(1)
        distances = squares[:, None] + squares - 2 * vectors @ vectors.T
        self._distances: Floats = distances / max(float(distances[:-1, :-1].mean()), 1e-9)

    def continuations(self, description: str) -> Continuations | None:
        """Return how motions with the nearest captions continue; None without a known word."""
        rows = np.unique(self._known.rows(description)).astype(np.int32)
        similar = self._similarities(rows)
        if not rows.size or similar.max() <= 0:
            return None
        motions = self._neighbours.motions
        best = np.zeros(len(motions), dtype=np.float32)
        np.maximum.at(best, self._neighbours.owners, similar)
        nearest = np.argsort(-best, kind="stable")[:_CLIPS]
        return Continuations([motions[i] for i in nearest], best[nearest], self._distances)

    def _similarities(self, rows: NDArray[np.int32]) -> Floats:
        """Return the similarity (C,) of each caption to a description with these words."""
        known = self._known
        words, starts, lengths, meanings = self._captions
        shared = np.zeros(len(known.stems), dtype=np.float32)
        shared[rows] = known.rarity[rows] ** 2
        length = max(float(np.linalg.norm(known.rarity[rows])), 1e-9)
        common = np.add.reduceat(shared[words], starts) / (lengths * length)
        similarities: Floats = (common + meanings @ known.meaning(rows)) / 2
        return similarities

    @cached_property
    def _captions(self) -> tuple[NDArray[np.int32], NDArray[np.int64], Floats, Floats]:
        """Words of all captions, and each caption's first word, norm and meaning."""
        captions, known = self._neighbours.captions, self._known
        words = np.concatenate(captions)
        starts = np.cumsum([0, *(len(caption) for caption in captions[:-1])])
        rarity = known.rarity[words]
        meanings = np.add.reduceat(rarity[:, None] * known.words[words], starts)
        meanings /= np.maximum(np.linalg.norm(meanings, axis=1, keepdims=True), 1e-9)
        return words, starts, np.sqrt(np.add.reduceat(rarity**2, starts)), meanings


class Continuations:
    """How a few motions continue after given tokens.

    Args:
        motions: tokens (T,) of each.
        similarities: of each caption to the description, the nearest first.
        distances: (codes + 1, codes + 1) between codes; the last row and column stand for the time
            before a motion begins.

    Attributes:
        similarity: of the nearest caption.
    """

    def __init__(self, motions: Sequence[Tokens], similarities: Floats, distances: Floats) -> None:
        reach = len(_CONTEXT)
        self.similarity = float(similarities[0])
        self._distances, self._before = distances, [len(distances) - 1] * reach
        padded = [np.concatenate([self._before, motion]) for motion in motions]
        windows: list[Any] = [np.lib.stride_tricks.sliding_window_view(p, reach) for p in padded]
        self._keys = np.concatenate(windows)[:, ::-1]  # (N, reach), the last token first
        self._next = np.concatenate([[*(motion + 1), END] for motion in motions])  # (N,)
        clips = _SHARPNESS * np.log(np.maximum(similarities / similarities[0], _LEAST))
        self._clips = np.repeat(clips, [len(motion) + 1 for motion in motions])  # (N,)

    def log_probabilities(self, drawn: Sequence[int]) -> Floats:
        """Return log-probabilities (1 + codes,) of the end and of each code after these tokens."""
        last = [*self._before, *drawn][-len(_CONTEXT) :][::-1]
        apart = self._distances[self._keys, last] @ _CONTEXT
        scores = self._clips - apart / _SOFTNESS
        counts = np.bincount(
            self._next, np.exp(scores - scores.max()), minlength=len(self._distances)
        )
        logs: Floats = np.log(np.maximum(counts / counts.sum(), _LEAST)).astype(np.float32)
        return logs
