"""Random windows of a data set's recordings, for training the tokenizer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import InputError
from ..motion import FRAMES_PER_TOKEN


class FeatureClip(Protocol):
    """The attributes of a clip that are needed here."""

    @property
    def action(self) -> str: ...

    @property
    def mirrored(self) -> bool: ...

    @property
    def length(self) -> int: ...


class FeatureDataset(Protocol):
    """The interface of `PreparedDataset` that is needed here."""

    @property
    def mean(self) -> NDArray[Any]: ...

    @property
    def std(self) -> NDArray[Any]: ...

    def motions(self, split: Any, /) -> Sequence[Any]: ...

    def features(self, clip: Any, /) -> NDArray[Any]: ...


class Windows:
    """Draws windows of `frames` frames from the recordings of a split.

    A recording's probability mixes two distributions: every frame equally often, and every action
    in proportion to the square root of its frames. A recording shorter than a window is drawn
    whole; its last frame is repeated and marked as padding. All features are on the device in half
    precision, as a prepared data set stores them.

    Args:
        dataset: with the recordings.
        split: its name.
        frames: length of a window, a multiple of 4.
        balance: share of the class-balanced distribution, 0 to 1.
        device: of the windows.

    Raises:
        InputError: the split has no recordings, or the length is not a multiple of 4.
    """

    def __init__(
        self,
        dataset: FeatureDataset,
        split: str,
        *,
        frames: int = 64,
        balance: float = 0.5,
        device: torch.device | str = "cpu",
    ) -> None:
        if frames < FRAMES_PER_TOKEN or frames % FRAMES_PER_TOKEN:
            raise InputError(f"windows have {frames} frames; give a multiple of {FRAMES_PER_TOKEN}")
        if not 0 <= balance <= 1:
            raise InputError(f"balance is {balance}; give a share from 0 to 1")
        motions = dataset.motions(split)
        if not motions:
            raise InputError(f"the data set has no motion in its {split} split")
        self.frames = frames
        self._features = torch.from_numpy(
            np.concatenate([dataset.features(motion).astype(np.float16) for motion in motions])
        ).to(device)  # (N, 263)
        self._lengths = np.array([motion.length for motion in motions])
        self._starts = np.cumsum(self._lengths) - self._lengths
        by_action: dict[str, int] = defaultdict(int)
        for motion in motions:
            by_action[motion.action] += motion.length
        rare = np.array([by_action[motion.action] ** -0.5 for motion in motions])
        balanced = self._lengths * rare
        mixed = (
            balance * balanced / balanced.sum()
            + (1 - balance) * self._lengths / self._lengths.sum()
        )
        self._reach = np.cumsum(mixed) / mixed.sum()

    def __len__(self) -> int:
        """Return the number of recordings."""
        return len(self._lengths)

    def draw(self, count: int, generator: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Draw `count` windows: ``(count, frames, 263)`` float32, and a bool mask of valid
        frames.
        """
        chosen = np.searchsorted(self._reach, generator.random(count), side="right")
        chosen = np.minimum(chosen, len(self) - 1)
        lengths = self._lengths[chosen]
        free = np.maximum(lengths - self.frames, 0) + 1  # possible starts of a window
        starts = (generator.random(count) * free).astype(np.int64)
        steps = np.arange(self.frames)
        inside = starts[:, None] + steps < lengths[:, None]  # (count, frames)
        rows = self._starts[chosen, None] + np.minimum(
            starts[:, None] + steps, lengths[:, None] - 1
        )
        device = self._features.device
        index = torch.from_numpy(rows).to(device, non_blocking=True)
        valid = torch.from_numpy(inside).to(device, non_blocking=True)
        return self._features[index].float(), valid
