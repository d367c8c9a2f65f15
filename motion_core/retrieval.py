"""`RetrievalEngine`: not a model, but the training clip with the nearest caption.

This is the honest baseline of a motion model: a model that cannot beat it has learnt nothing beyond
the data set. Text → motion is the clip whose caption is nearest by the cosine of TF-IDF vectors of
words and word pairs; motion → text is a caption of the training clip whose pose and movement are
nearest. Its takes are features without tokens: the recorded clips, bit for bit.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from .blending import blend_seams
from .choices import PREPARED
from .engine import (
    CancelToken,
    Coverage,
    GenerationRequest,
    Progress,
    Take,
    check_description,
    checked_progress,
)
from .errors import InputError
from .features import movement
from .limits import MAX_SECONDS
from .motion import FloatArray
from .skeleton import FPS

if TYPE_CHECKING:
    from .datasets import Clip, PreparedDataset

DATA_VARIABLE = "MOTION_AGENT_DATA"
NEAR = 1e-6  # similarities this close are equal: the seed chooses among those clips
MAX_FRAMES = round(MAX_SECONDS * FPS)
_HALF_WIDTH = 8  # frames blended on either side of where a clip starts again
_STOP = frozenset(["a", "an", "the", "of", "to", "and", "is", "his", "her", "their", "its", "with"])
_ENDINGS = ("ing", "ed", "es", "s", "ly")


class RetrievalEngine:
    """A `MotionEngine` that looks clips up; see the module's docstring.

    Args:
        dataset: with the training clips to look up.

    Raises:
        InputError: the data set has no training clips.
    """

    device = "cpu"

    def __init__(self, dataset: PreparedDataset) -> None:
        self._dataset = dataset
        self._clips = dataset.split("train")
        if not self._clips:
            raise InputError("the data set has no training clips to look up; prepare it again")
        self._lock = threading.RLock()

    @property
    def name(self) -> str:
        return f"retrieval of {len(self._clips)} clips"

    @property
    def fingerprint(self) -> str:
        """A few hex digits that identify the set of clips."""
        content = json.dumps([[clip.id, *(c.text for c in clip.captions)] for clip in self._clips])
        return hashlib.sha256(content.encode()).hexdigest()[:12]

    def generate(
        self,
        requests: Sequence[GenerationRequest],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[Take]:
        """Return the clip with the nearest caption; the seed draws among equally near ones.

        A requested duration is met by cutting the clip or repeating it.

        Raises:
            InputError: a description is empty or too long, or a duration is impossible.
            Cancelled: `cancel` was set.
        """
        for request in requests:
            _check(request)
        step = checked_progress(progress, cancel)
        takes = []
        for done, request in enumerate(requests, start=1):
            clip = self.nearest_clip(request.description, seed=request.seed, greedy=request.greedy)
            takes.append(Take(features=_fitted(self._dataset.features(clip), request.seconds)))
            if step is not None:
                step(done, len(requests))
        return takes

    def nearest_clip(self, description: str, *, seed: int = 0, greedy: bool = False) -> Clip:
        """Return the training clip with the nearest caption; the first of them if `greedy`.

        A description without known words is equally near to all of them.
        """
        similar = self._texts.similarities(description)
        near = np.flatnonzero(similar >= similar.max() - NEAR)
        clips = sorted({int(self._owners[row]) for row in near})
        choice = 0 if greedy else int(np.random.default_rng(abs(seed)).integers(len(clips)))
        return self._clips[clips[choice]]

    def caption(
        self,
        takes: Sequence[Take],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[str]:
        """Return the first caption of the training clip that moves most alike.

        Raises:
            InputError: a take has no features.
        """
        captions = []
        for take in takes:
            if take.features is None:
                raise InputError("a retrieval engine reads features; decode the tokens first")
            captions.append(self.nearest_caption(take.features))
        return captions

    def coverage(self, description: str) -> Coverage:
        words = [word for word in _words(description) if word not in _STOP]
        unknown = [word for word in words if _stem(word) not in self._texts.terms]
        score = 1 - len(unknown) / len(words) if words else 0.0
        return Coverage(score, tuple(dict.fromkeys(unknown)))

    def warm_up(self) -> None:
        """Index the captions now rather than at the first call."""
        with self._lock:
            _ = self._texts

    def nearest_caption(self, features: FloatArray) -> str:
        """Return the first caption of the training clip that moves most like features (T, 263)."""
        with self._lock:
            known = self._movements
        distances = ((known - self._movement(features)) ** 2).sum(axis=1)  # (clips,)
        return self._clips[int(distances.argmin())].captions[0].text

    def _movement(self, features: FloatArray) -> FloatArray:
        return movement(features, self._dataset.mean, self._dataset.std)

    @cached_property
    def _movements(self) -> FloatArray:  # (clips, 526)
        return np.stack([self._movement(self._dataset.features(clip)) for clip in self._clips])

    @cached_property
    def _texts(self) -> _Texts:
        return _Texts([text for clip in self._clips for text in clip.texts])

    @cached_property
    def _owners(self) -> NDArray[np.int64]:
        """Row of each caption's clip."""
        counts = [len(clip.captions) for clip in self._clips]
        return np.repeat(np.arange(len(counts), dtype=np.int64), counts)


class _Texts:
    """TF-IDF vectors of texts, for the cosine to another text.

    Terms are stems and pairs of neighbouring stems; a term's weight is its count in the text
    times ``log((1 + N) / (1 + n)) + 1``, where n of the N texts have it.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.terms: dict[str, int] = {}
        columns: list[int] = []
        starts = [0]
        for text in texts:
            columns += [self.terms.setdefault(term, len(self.terms)) for term in _terms(text)]
            starts.append(len(columns))
        ones = np.ones(len(columns), dtype=np.float32)
        counts = csr_matrix((ones, columns, starts), shape=(len(texts), len(self.terms)))
        counts.sum_duplicates()
        having = np.bincount(counts.indices, minlength=len(self.terms))
        self._idf = np.log((1 + len(texts)) / (1 + having)) + 1  # (terms,)
        weighted = counts.multiply(self._idf).tocsr()
        lengths = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1))).ravel()
        rows = np.repeat(np.maximum(lengths, 1e-12), np.diff(weighted.indptr))
        weighted.data = weighted.data / rows
        self._vectors: Any = weighted  # (texts, terms), each row of length 1

    def similarities(self, text: str) -> NDArray[np.float64]:
        """Return the cosine to every text, ``(texts,)``."""
        vector = np.zeros(len(self.terms))
        for term in _terms(text):
            column = self.terms.get(term)
            if column is not None:
                vector[column] += self._idf[column]
        length = np.linalg.norm(vector)
        found: NDArray[np.float64] = self._vectors @ (vector / length if length else vector)
        return found


def load_retrieval(data: Path | str | None = None) -> RetrievalEngine:
    """Return the engine of a prepared data set.

    Args:
        data: folder of the data set; None for MOTION_AGENT_DATA, or ``data/prepared``.

    Raises:
        InputError: there is no prepared data set.
    """
    from .datasets.prepared import PreparedDataset

    folder = data or os.environ.get(DATA_VARIABLE) or PREPARED
    return RetrievalEngine(PreparedDataset.load(folder))


def _check(request: GenerationRequest) -> None:
    check_description(request.description)
    if request.seconds is not None and not 0 < request.seconds <= MAX_SECONDS:
        raise InputError(
            f"a duration of {request.seconds} s is impossible; use up to {MAX_SECONDS:g} s"
        )


def _fitted(features: FloatArray, seconds: float | None) -> FloatArray:
    """Return the clip ``(T, 263)`` cut, or repeated with blends, to the requested duration."""
    if seconds is None:
        return features[:MAX_FRAMES]
    count, length = max(1, round(seconds * FPS)), len(features)
    if count <= length:
        return features[:count]
    repeated = np.concatenate([features] * -(-count // length))[:count]
    return blend_seams(repeated, dict.fromkeys(range(length, count, length), _HALF_WIDTH))


def _terms(text: str) -> list[str]:
    stems = [_stem(word) for word in _words(text) if word not in _STOP]
    return stems + [f"{a} {b}" for a, b in pairwise(stems)]


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 2:
            return stem[:-1] if stem[-1] == stem[-2] and stem[-1] not in "ls" else stem
    return word
