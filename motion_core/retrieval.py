"""`RetrievalEngine`: no model at all, but the training clip whose caption is nearest.

The honest baseline of a motion model: whoever cannot beat it has learnt nothing that the data set
would not give by itself. Text → motion is the clip whose caption is nearest by the cosine of TF-IDF
vectors of words and word pairs; motion → text is a caption of the training clip whose pose and
movement are nearest. Tokens, encoding and decoding are those of a checkpoint's motion tokenizer, so
that everything above the engine, and every metric, is the same.
"""

from __future__ import annotations

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

from .engine import MAX_DESCRIPTION, Coverage, GenerationRequest, Progress
from .errors import InputError
from .motion import FRAMES_PER_TOKEN, FloatArray, check_features
from .skeleton import FPS

if TYPE_CHECKING:
    from .datasets import Clip, PreparedDataset
    from .tokenizer import MotionTokenizer

DATA_VARIABLE = "MOTION_AGENT_DATA"
NEAR = 1e-6  # similarities that differ by less are the same: the seed chooses among those clips
MIN_TOKENS, MAX_TOKENS = 1, 100
_STOP = frozenset(["a", "an", "the", "of", "to", "and", "is", "his", "her", "their", "its", "with"])
_ENDINGS = ("ing", "ed", "es", "s", "ly")


class RetrievalEngine:
    """A `MotionEngine` that looks up; see the head of this file.

    Args:
        dataset: its training clips are what is looked up.
        tokenizer: makes tokens of them.

    Raises:
        InputError: the data set has no training clips.
    """

    def __init__(self, dataset: PreparedDataset, tokenizer: MotionTokenizer) -> None:
        self.tokenizer = tokenizer
        self._dataset = dataset
        self._clips = dataset.split("train")
        if not self._clips:
            raise InputError("the data set has no training clips to look up; prepare it again")
        self._lock = threading.RLock()
        self._tokens: dict[str, tuple[int, ...]] = {}

    @property
    def name(self) -> str:
        return f"retrieval of {len(self._clips)} clips"

    def generate(
        self, requests: Sequence[GenerationRequest], *, progress: Progress | None = None
    ) -> list[tuple[int, ...]]:
        """Tokens of the clip with the nearest caption; the seed draws among equally near ones.

        A wished duration is kept by cutting the clip, or repeating it from its beginning.

        Raises:
            InputError: an empty or too long description, or a duration that cannot be made.
        """
        for request in requests:
            _check(request)
        made = []
        for done, request in enumerate(requests, start=1):
            clip = self.nearest_clip(request.description, seed=request.seed, greedy=request.greedy)
            made.append(_fitted(self._tokens_of(clip), request.seconds))
            if progress is not None:
                progress(done, len(requests))
        return made

    def nearest_clip(self, description: str, *, seed: int = 0, greedy: bool = False) -> Clip:
        """The training clip with the nearest caption; the first of them if `greedy`.

        A description without a known word is as near to all of them.
        """
        similar = self._texts.similarities(description)
        near = np.flatnonzero(similar >= similar.max() - NEAR)
        clips = sorted({int(self._owners[row]) for row in near})
        choice = 0 if greedy else int(np.random.default_rng(abs(seed)).integers(len(clips)))
        return self._clips[clips[choice]]

    def caption(self, token_sequences: Sequence[Sequence[int]]) -> list[str]:
        """The first caption of the training clip that moves most alike."""
        return [self._caption(self.decode(tokens)) for tokens in token_sequences]

    def encode(self, features: FloatArray) -> tuple[int, ...]:
        return tuple(self.tokenizer.encode(check_features(features)))

    def decode(self, tokens: Sequence[int]) -> FloatArray:
        if not len(tokens):
            raise InputError("there are no motion tokens to decode")
        return self.tokenizer.decode(tokens)

    def coverage(self, description: str) -> Coverage:
        words = [word for word in _words(description) if word not in _STOP]
        unknown = [word for word in words if _stem(word) not in self._texts.terms]
        score = 1 - len(unknown) / len(words) if words else 0.0
        return Coverage(score, tuple(dict.fromkeys(unknown)))

    def load(self) -> None:
        """Index the captions now rather than at the first call."""
        with self._lock:
            _ = self._texts

    def _tokens_of(self, clip: Clip) -> tuple[int, ...]:
        with self._lock:
            if clip.id not in self._tokens:
                self._tokens[clip.id] = self.encode(self._dataset.features(clip))
            return self._tokens[clip.id]

    def _caption(self, features: FloatArray) -> str:
        with self._lock:
            known = self._movements
        wanted = self._movement(features)
        distances = ((known - wanted) ** 2).sum(axis=1)  # (clips,)
        return self._clips[int(distances.argmin())].captions[0]

    def _movement(self, features: FloatArray) -> FloatArray:
        """Mean and spread of the normalised features over time, ``(526,)``."""
        normal = (features - self._dataset.mean) / self._dataset.std
        told: FloatArray = np.concatenate([normal.mean(axis=0), normal.std(axis=0)])
        return told.astype(np.float32)

    @cached_property
    def _movements(self) -> FloatArray:  # (clips, 526)
        return np.stack([self._movement(self._dataset.features(clip)) for clip in self._clips])

    @cached_property
    def _texts(self) -> _Texts:
        return _Texts([caption for clip in self._clips for caption in clip.captions])

    @cached_property
    def _owners(self) -> NDArray[np.int64]:
        """Row of the clip of each caption."""
        counts = [len(clip.captions) for clip in self._clips]
        return np.repeat(np.arange(len(counts), dtype=np.int64), counts)


class _Texts:
    """TF-IDF vectors of texts, for the cosine to another text.

    Terms are stems and pairs of neighbouring stems; the weight of one is its count in the text
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
        """Cosine to every text, ``(texts,)``."""
        vector = np.zeros(len(self.terms))
        for term in _terms(text):
            column = self.terms.get(term)
            if column is not None:
                vector[column] += self._idf[column]
        length = np.linalg.norm(vector)
        found: NDArray[np.float64] = self._vectors @ (vector / length if length else vector)
        return found


def load_retrieval(data: Path | str | None = None) -> RetrievalEngine:
    """The engine of a prepared data set, with the default checkpoint's tokenizer.

    Args:
        data: folder of the data set; None for MOTION_AGENT_DATA, or ``data/prepared``.

    Raises:
        InputError: there is no prepared data set.
    """
    from .datasets.prepared import DEFAULT_FOLDER, PreparedDataset
    from .motionllm.checkpoint import load_checkpoint
    from .motionllm.engine import DEFAULT_CHECKPOINT

    folder = data or os.environ.get(DATA_VARIABLE) or DEFAULT_FOLDER
    dataset = PreparedDataset.load(folder)
    return RetrievalEngine(dataset, load_checkpoint(DEFAULT_CHECKPOINT).tokenizer())


def _check(request: GenerationRequest) -> None:
    if not request.description.strip():
        raise InputError("a description is empty; say what the person does")
    if len(request.description) > MAX_DESCRIPTION:
        raise InputError(
            f"a description has {len(request.description)} characters; the limit is"
            f" {MAX_DESCRIPTION}"
        )
    longest = MAX_TOKENS * FRAMES_PER_TOKEN / FPS
    if request.seconds is not None and not 0 < request.seconds <= longest:
        raise InputError(f"{request.seconds} s cannot be made; give up to {longest:g} s")


def _fitted(tokens: tuple[int, ...], seconds: float | None) -> tuple[int, ...]:
    if seconds is None:
        return tokens[:MAX_TOKENS]
    count = max(MIN_TOKENS, round(seconds * FPS / FRAMES_PER_TOKEN))
    return (tokens * (count // len(tokens) + 1))[:count]


def _terms(text: str) -> list[str]:
    stems = [_stem(word) for word in _words(text) if word not in _STOP]
    return stems + [f"{a} {b}" for a, b in pairwise(stems)]


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 2:
            return stem[:-1] if stem[-1] == stem[-2] and stem[-1] not in "ls" else stem
    return word
