"""Continuations: what comes next in a few sequences, wherever they resemble what was just drawn.

    read      17  4  4 90        the sequence: motion tokens, or words
    follows   17  4  4 90 end    what comes after the first 0, 1, … 4 of them

After "Generalization through Memorization: Nearest Neighbor Language Models",
https://arxiv.org/abs/1911.00172, section 2, with two differences:

- contexts are the last few ids rather than hidden states, so the sequences need no forward pass;
- both distributions are combined by a geometric rather than an arithmetic mean, so an id that
  either finds impossible is rarely drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..features import FloatArray

Ids = NDArray[np.integer[Any]]
Apart = Callable[[Ids, Ids], FloatArray]
"""(contexts (N, reach), context (reach,)), the last id first -> how far apart they are, in nats."""


class Continuations:
    """How a few sequences continue after given ids.

    Args:
        read: ids (T,) of each sequence.
        follows: what comes after the first 0, 1, … T ids of each (T + 1,).
        likeness: of each sequence, in nats.
        apart: compares contexts.
        reach: ids of a context.
        before: the id that stands for what is before a sequence.
        size: of the vocabulary of `follows`.
        least: smallest probability.
        weight: a factor of the weight that `mixed` is given, 0 to 1.
    """

    def __init__(
        self,
        read: Sequence[Ids],
        follows: Sequence[Ids],
        likeness: FloatArray,
        *,
        apart: Apart,
        reach: int,
        before: int,
        size: int,
        least: float = 1e-9,
        weight: float = 1.0,
    ) -> None:
        self.weight = weight
        self._apart, self._size, self._least = apart, size, least
        self._before = [before] * reach
        padded = [np.concatenate([self._before, ids]) for ids in read]
        windows: list[Any] = [np.lib.stride_tricks.sliding_window_view(p, reach) for p in padded]
        self._contexts = np.concatenate(windows)[:, ::-1]  # (N, reach), the last id first
        # Few of the ids ever follow, so all others are left at the least probability.
        self._ids, self._follows = np.unique(np.concatenate(follows), return_inverse=True)  # (N,)
        self._likeness = np.repeat(likeness, [len(ids) for ids in follows])  # (N,)

    def log_probabilities(self, drawn: Sequence[int]) -> FloatArray:
        """Return log-probabilities (size,) of what comes next after these ids, none below the
        least.
        """
        reach = len(self._before)
        last = np.array([*self._before, *drawn[-reach:]][-reach:][::-1])
        scores = self._likeness - self._apart(self._contexts, last)
        counts = np.bincount(self._follows, np.exp(scores - scores.max()))
        logs: FloatArray = np.full(self._size, np.log(self._least), dtype=np.float32)
        logs[self._ids] = np.log(np.maximum(counts / counts.sum(), self._least))
        return logs

    def mixed(self, logits: Tensor, drawn: Sequence[int], weight: float) -> Tensor:
        """Return logits (size,) that take account of what comes next after the ids drawn.

        Args:
            logits: of the model.
            drawn: ids so far.
            weight: of these continuations beside the model, 0 to 1.
        """
        own = torch.log_softmax(logits, -1)
        other = torch.from_numpy(self.log_probabilities(drawn)).to(own)
        return torch.lerp(own, other, weight * self.weight)
