"""Pairs of a clip and one of its captions, and which of them have the same meaning.

A matching network must not push away what is right: captions of clips with the same label, or of
near-duplicate clips, are not negatives of each other, in training or evaluation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..choices import Kind
from ..datasets.licences import CAPTION_SOURCES

if TYPE_CHECKING:
    from ..datasets import Caption, Clip, PreparedDataset

KINDS: tuple[Kind, ...] = ("people", "descriptions", "labels")
"""All that a table has, in its order."""

UNNAMED = "other"  # the action of clips that no rule could name; each group has its own meaning


@dataclass(frozen=True)
class Pair:
    """A clip and one of its captions.

    Attributes:
        meaning: the clip's label; pairs with the same meaning are not negatives of each other.
        group: of the clip's recording; the same holds within a group.
    """

    clip: Clip
    caption: Caption
    meaning: str
    group: str

    @property
    def kind(self) -> Kind:
        """The caption's kind: who wrote it."""
        if self.caption.source == "labels":
            return "labels"
        return "people" if weight_of(self.caption) >= 1 else "descriptions"


def pairs_of(dataset: PreparedDataset, clips: Iterable[Clip]) -> tuple[Pair, ...]:
    """Return every clip with each of its captions."""
    groups = {recording.id: recording.group for recording in dataset.recordings}
    return tuple(
        Pair(clip, caption, _meaning(clip, group), group)
        for clip in clips
        for group in [groups.get(clip.recording, clip.recording)]
        for caption in clip.captions
    )


def weight_of(caption: Caption) -> float:
    """Return a caption's weight in training; 1 for human ones."""
    source = CAPTION_SOURCES.get(caption.source)
    return 1.0 if source is None else source.weight


def numbers(names: Sequence[str | None]) -> NDArray[np.int64]:
    """Return the index of each name in alphabetical order; -100 for None."""
    at = {name: place for place, name in enumerate(sorted({n for n in names if n is not None}))}
    return np.array([-100 if name is None else at[name] for name in names], dtype=np.int64)


def _meaning(clip: Clip, group: str) -> str:
    return f"{UNNAMED}|{group}" if clip.action == UNNAMED else clip.label
