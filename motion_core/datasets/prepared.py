"""`PreparedDataset`: a folder of features, captions and a split, ready to train on.

- ``features.npy``: (frames of all clips, 263) float16, memory-mapped
- ``clips.jsonl``: one `Clip` a line
- ``mean.npy``, ``std.npy``: (263,) float32, of the training clips
- ``dataset.json``: version, sources with licences, counts
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError, InputError
from ..motion import FEATURES, FloatArray

VERSION = 1
DEFAULT_FOLDER = Path("data/prepared")
MAX_WEIGHT = 10.0  # times the mean: how much more often than average a clip may be drawn

Split = Literal["train", "test"]


@dataclass(frozen=True)
class Clip:
    """One motion of a prepared data set.

    Attributes:
        id: stable and unique: ``source/file``, ``:2`` for a window, ``:mirrored`` for a mirror.
        style: None for a neutral one.
        actor: None where the source does not tell.
        take: the source's own number; all clips cut from one take are on one side of the split.
        captions: generated from the labels, or the source's own description.
        start: first row in ``features.npy``.
        length: frames.
    """

    id: str
    source: str
    action: str
    style: str | None
    actor: str | None
    take: str
    mirrored: bool
    split: Split
    captions: tuple[str, ...]
    start: int
    length: int

    @property
    def label(self) -> str:
        """``action`` or ``action|style``."""
        return self.action if self.style is None else f"{self.action}|{self.style}"


class PreparedDataset:
    """A prepared data set; its features stay on disk."""

    def __init__(
        self,
        clips: tuple[Clip, ...],
        features: NDArray[Any],
        mean: FloatArray,
        std: FloatArray,
        description: dict[str, Any],
    ) -> None:
        self.clips = clips
        self.mean = mean
        self.std = std
        self.description = description
        self._features = features

    @classmethod
    def load(cls, folder: str | Path = DEFAULT_FOLDER) -> PreparedDataset:
        """The data set in that folder.

        Raises:
            InputError: there is none.
            FormatError: files that are damaged, do not fit each other, or of another version.
        """
        folder = Path(folder)
        if not (folder / "dataset.json").is_file():
            raise InputError(
                f"no prepared data set in {folder}; make one with `motion-agent data prepare`"
            )
        try:
            description = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
            if description.get("version") != VERSION:
                raise FormatError(
                    f"{folder} has version {description.get('version')} of prepared data sets, "
                    f"this program reads {VERSION}; prepare it again"
                )
            with (folder / "clips.jsonl").open(encoding="utf-8") as lines:
                clips = tuple(_clip(json.loads(line)) for line in lines)
            features = np.load(folder / "features.npy", mmap_mode="r", allow_pickle=False)
            mean = np.load(folder / "mean.npy", allow_pickle=False)
            std = np.load(folder / "std.npy", allow_pickle=False)
        except (OSError, ValueError, KeyError, TypeError) as err:
            if isinstance(err, FormatError):
                raise
            raise FormatError(f"the prepared data set {folder} is damaged: {err}") from err
        last = max((clip.start + clip.length for clip in clips), default=0)
        if features.ndim != 2 or features.shape[1] != FEATURES or len(features) < last:
            raise FormatError(
                f"{folder}/features.npy has the shape {features.shape}, the clips need "
                f"({last}, {FEATURES}); prepare it again"
            )
        if mean.shape != (FEATURES,) or std.shape != (FEATURES,):
            raise FormatError(f"mean.npy or std.npy in {folder} has a wrong shape; prepare again")
        return cls(clips, features, mean, std, description)

    def features(self, clip: Clip) -> FloatArray:
        """Features ``(T, 263)`` float32 of a clip, not normalised."""
        return np.asarray(self._features[clip.start : clip.start + clip.length], dtype=np.float32)

    def split(self, name: Split) -> tuple[Clip, ...]:
        """The clips of "train" or "test".

        Raises:
            InputError: another name.
        """
        if name not in ("train", "test"):
            raise InputError(f"no split named {name!r}; there are train and test")
        return self._splits[name]

    def weights(self, name: Split, *, power: float = 0.5) -> NDArray[np.float64]:
        """Probabilities ``(clips,)`` with which to draw each clip of a split in training.

        Actions are drawn in proportion to the square root of their clips, and so are the styles
        within an action: rare classes come up more often than they are, without being learnt by
        heart. No clip is drawn more than `MAX_WEIGHT` times as often as the average one.

        Args:
            name: ``"train"`` or ``"test"``.
            power: of the number of clips; 0 draws every action equally often, 1 every clip.

        Raises:
            InputError: the split has no clips.
        """
        clips = self.split(name)
        if not clips:
            raise InputError(f"the data set has no {name} clips")
        actions = Counter(clip.action for clip in clips)
        labels = Counter((clip.action, clip.style) for clip in clips)
        within: dict[str, float] = defaultdict(float)
        for (action, _), count in labels.items():
            within[action] += count**power
        weights: NDArray[np.float64] = np.array(
            [
                actions[clip.action] ** power
                / (within[clip.action] * labels[clip.action, clip.style] ** (1 - power))
                for clip in clips
            ]
        )
        weights = np.minimum(weights, MAX_WEIGHT * weights.mean())
        probabilities: NDArray[np.float64] = weights / weights.sum()
        return probabilities

    @cached_property
    def _splits(self) -> dict[str, tuple[Clip, ...]]:
        return {
            name: tuple(clip for clip in self.clips if clip.split == name)
            for name in ("train", "test")
        }

    def __len__(self) -> int:
        return len(self.clips)

    def __repr__(self) -> str:
        train, test = len(self.split("train")), len(self.split("test"))
        actions = len({clip.action for clip in self.clips})
        return f"<PreparedDataset: {train} train and {test} test clips of {actions} actions>"


def _clip(values: dict[str, Any]) -> Clip:
    return Clip(**{**values, "captions": tuple(values["captions"])})
