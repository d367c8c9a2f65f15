"""The action and style that a motion shows: those with the nearest captions.

This complements R-precision: all labels are choices, not 32 candidates.
(Zero-shot classification by captions: Radford et al., "Learning Transferable Visual Models From
Natural Language Supervision", 2021, section 3.1.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .matching import MatchingNetwork

if TYPE_CHECKING:
    from ..datasets import Clip

Labels = tuple[str, str | None]
"""Action and style."""

_CAPTIONS = 40  # captions of each label; more do not change their mean


class Recogniser:
    """Recognises actions and styles by where the captions of each label lie.

    Args:
        network: the matching network.
        clips: with the labels and captions to learn.
    """

    def __init__(self, network: MatchingNetwork, clips: Sequence[Clip]) -> None:
        captions: dict[Labels, dict[str, None]] = {}
        for clip in clips:
            captions.setdefault((clip.action, clip.style), {}).update(dict.fromkeys(clip.texts))
        if not captions:
            raise InputError("there are no clips whose labels could be recognised")
        self.labels = tuple(captions)
        rng = np.random.default_rng(0)
        chosen = [_sample(list(texts), rng) for texts in captions.values()]
        points = network.embed_captions([text for texts in chosen for text in texts])
        ends = np.cumsum([len(texts) for texts in chosen])
        self._points = np.stack([part.mean(axis=0) for part in np.split(points, ends[:-1])])

    def recognise(self, points: NDArray[Any]) -> list[Labels]:
        """Return action and style of each motion, given as points (N, D) of the network."""
        apart = np.linalg.norm(np.asarray(points)[:, None] - self._points[None], axis=-1)
        return [self.labels[index] for index in apart.argmin(axis=1)]


def _sample(texts: list[str], rng: np.random.Generator) -> list[str]:
    return [texts[row] for row in rng.permutation(len(texts))[:_CAPTIONS]]
