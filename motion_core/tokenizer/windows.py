"""Random windows of a data set's clips, as the tokenizer trains on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import InputError
from ..motion import FEATURES, FRAMES_PER_TOKEN


class FeatureClip(Protocol):
    """The part of a clip that is needed here."""

    @property
    def action(self) -> str: ...

    @property
    def mirrored(self) -> bool: ...

    @property
    def length(self) -> int: ...


class FeatureDataset(Protocol):
    """The part of `PreparedDataset` that is needed here."""

    @property
    def mean(self) -> NDArray[Any]: ...

    @property
    def std(self) -> NDArray[Any]: ...

    def split(self, split: Any, /) -> Sequence[Any]: ...

    def features(self, clip: Any, /) -> NDArray[Any]: ...

    def weights(self, split: Any, /) -> NDArray[Any]: ...


class Windows:
    """Draws windows of `frames` frames from the clips of a split.

    A clip is drawn with a probability that mixes two wishes: every frame equally often, and every
    class equally often (the data set's weights). A clip shorter than a window is drawn whole; its
    last frame is repeated and marked as padding.

    Args:
        dataset: where the clips are.
        split: ``"train"`` or ``"test"``.
        frames: length of a window, a multiple of 4.
        balance: share of the class-balanced wish, 0 to 1.

    Raises:
        InputError: no clips in the split, or a length that is no multiple of 4.
    """

    def __init__(
        self, dataset: FeatureDataset, split: str, *, frames: int = 64, balance: float = 0.5
    ) -> None:
        if frames < FRAMES_PER_TOKEN or frames % FRAMES_PER_TOKEN:
            raise InputError(f"a window of {frames} frames cannot be; give a multiple of 4")
        if not 0 <= balance <= 1:
            raise InputError(f"balance is {balance}; give a share from 0 to 1")
        clips = dataset.split(split)
        if not clips:
            raise InputError(f"the data set has no clips in its {split} split")
        self.frames = frames
        self._dataset = dataset
        self._clips = clips
        lengths = np.array([clip.length for clip in clips], dtype=np.float64)
        balanced = np.asarray(dataset.weights(split), dtype=np.float64)
        mixed = balance * balanced / balanced.sum() + (1 - balance) * lengths / lengths.sum()
        self._reach = np.cumsum(mixed) / mixed.sum()

    def __len__(self) -> int:
        """Number of clips."""
        return len(self._clips)

    def draw(self, count: int, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
        """`count` windows ``(count, frames, 263)`` float32 and where they are valid, bool."""
        windows = np.empty((count, self.frames, FEATURES), dtype=np.float32)
        valid = np.ones((count, self.frames), dtype=bool)
        chosen = np.searchsorted(self._reach, generator.random(count), side="right")
        for row, index in enumerate(np.minimum(chosen, len(self._clips) - 1)):
            clip = self._dataset.features(self._clips[index])
            if len(clip) > self.frames:
                start = generator.integers(len(clip) - self.frames + 1)
                windows[row] = clip[start : start + self.frames]
            else:
                windows[row, : len(clip)] = clip
                windows[row, len(clip) :] = clip[-1]
                valid[row, len(clip) :] = False
        return torch.from_numpy(windows), torch.from_numpy(valid)
