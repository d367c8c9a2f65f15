"""`PreparedDataset`: a folder of features, captions and a split, ready for training.

- ``features.npy``: (frames of all recordings, 263) float16, memory-mapped
- ``recordings.jsonl``: one `Recording` a line: a whole motion, with or without captions
- ``clips.jsonl``: one `Clip` a line: the part of a recording that its captions describe
- ``mean.npy``, ``std.npy``: (263,) float32, of the training recordings
- ``dataset.json``: version, sources and caption sources with licences, counts

The tokenizer and in-filling learn from recordings, t2m and m2t from clips. Clips of one recording
share its rows of ``features.npy`` and may overlap.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..choices import PREPARED, Split
from ..errors import FormatError, InputError
from ..features import FEATURES, KIT_FEATURES
from ..formats.npy import map_npy, read_npy
from ..json_text import parse_json
from ..motion import FloatArray
from ..skeleton import FPS

VERSION = 2
MAX_WEIGHT = 10.0  # maximum frequency of a clip relative to the average

SPLITS: tuple[Split, ...] = get_args(Split)


@dataclass(frozen=True)
class Caption:
    """A caption and its origin: a name in `sources.CAPTION_SOURCES`."""

    text: str
    source: str


@dataclass(frozen=True)
class Recording:
    """One whole motion, original or mirrored.

    Attributes:
        id: stable and unique: ``source/file``, ``:mirrored`` for a mirror.
        group: recordings of one group are near-duplicates and on the same side of the split.
        start: first row in ``features.npy``.
        length: frames.
    """

    id: str
    source: str
    action: str
    group: str
    mirrored: bool
    split: Split
    start: int
    length: int


@dataclass(frozen=True)
class Clip:
    """The part of a recording that its captions describe.

    Attributes:
        id: stable and unique: ``source/file``, ``:2`` for a part, ``:mirrored`` for a mirror.
        recording: id of its recording.
        style: None if neutral.
        actor: None if unknown.
        captions: by people, the source's own description, or generated from labels.
        start: first row in ``features.npy``.
        length: frames.
    """

    id: str
    recording: str
    source: str
    action: str
    style: str | None
    actor: str | None
    mirrored: bool
    split: Split
    captions: tuple[Caption, ...]
    start: int
    length: int

    @property
    def texts(self) -> tuple[str, ...]:
        """The captions' texts."""
        return tuple(caption.text for caption in self.captions)

    @property
    def label(self) -> str:
        """``action`` or ``action|style``."""
        return self.action if self.style is None else f"{self.action}|{self.style}"


class PreparedDataset:
    """A prepared data set; its features stay on disk."""

    def __init__(
        self,
        clips: tuple[Clip, ...],
        recordings: tuple[Recording, ...],
        features: NDArray[Any],
        mean: FloatArray,
        std: FloatArray,
        description: dict[str, Any],
    ) -> None:
        self.clips = clips
        self.recordings = recordings
        self.mean = mean
        self.std = std
        self.description = description
        self._features = features

    @classmethod
    def load(cls, folder: str | Path = PREPARED) -> PreparedDataset:
        """Load the data set in that folder.

        Raises:
            InputError: there is none.
            FormatError: files are damaged, inconsistent or of another version.
        """
        folder = Path(folder)
        if not (folder / "dataset.json").is_file():
            raise InputError(
                f"no prepared data set in {folder}; make one with `motion-agent data prepare`"
            )
        try:
            description = parse_json((folder / "dataset.json").read_text(encoding="utf-8"))
            if description.get("version") != VERSION:
                raise FormatError(
                    f"{folder} has version {description.get('version')} of prepared data sets, "
                    f"this program reads {VERSION}; prepare it again"
                )
            with (folder / "clips.jsonl").open(encoding="utf-8") as lines:
                clips = tuple(_clip(parse_json(line)) for line in lines)
            with (folder / "recordings.jsonl").open(encoding="utf-8") as lines:
                recordings = tuple(Recording(**parse_json(line)) for line in lines)
            features = map_npy(folder / "features.npy")
            mean = read_npy(folder / "mean.npy")
            std = read_npy(folder / "std.npy")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
            if isinstance(err, FormatError):
                raise
            raise FormatError(f"the prepared data set {folder} is damaged: {err}") from err
        parts: tuple[Clip | Recording, ...] = (*clips, *recordings)
        last = max((part.start + part.length for part in parts), default=0)
        width = KIT_FEATURES if mean.shape == (KIT_FEATURES,) else FEATURES
        if features.ndim != 2 or features.shape[1] != width or len(features) < last:
            raise FormatError(
                f"{folder}/features.npy has the shape {features.shape}, the clips need "
                f"({last}, {width}); prepare it again"
            )
        if mean.shape != (width,) or std.shape != (width,):
            raise FormatError(f"mean.npy or std.npy in {folder} has a wrong shape; prepare again")
        return cls(clips, recordings, features, mean, std, description)

    def features(self, part: Clip | Recording) -> FloatArray:
        """Return features ``(T, 263)`` float32 of a clip or a recording, not normalised; KIT-ML's
        are ``(T, 251)``.
        """
        return np.asarray(self._features[part.start : part.start + part.length], dtype=np.float32)

    @property
    def fps(self) -> float:
        """Frames per second: 20, or KIT-ML's 12.5."""
        return float(self.description.get("fps", FPS))

    def split(self, name: Split | Literal["all"]) -> tuple[Clip, ...]:
        """Return the clips of a split, or all of them.

        Raises:
            InputError: unknown split.
        """
        _check_split(name)
        return self.clips if name == "all" else self._splits[name]

    def motions(self, name: Split | Literal["all"]) -> tuple[Recording, ...]:
        """Return the recordings of a split, or all of them.

        Raises:
            InputError: unknown split.
        """
        _check_split(name)
        return tuple(motion for motion in self.recordings if name in ("all", motion.split))

    def weights(self, name: Split, *, power: float = 0.5) -> NDArray[np.float64]:
        """Return the probabilities ``(clips,)`` of drawing each clip of a split in training.

        Actions are drawn in proportion to the square root of their clips, and so are the styles
        within an action: rare classes come up more often than their share, without being memorised.
        No clip is drawn more than `MAX_WEIGHT` times as often as the average one.

        Args:
            name: the split.
            power: exponent of the number of clips; 0 draws every action equally often, 1 every
                clip.

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
        return {name: tuple(clip for clip in self.clips if clip.split == name) for name in SPLITS}

    def __len__(self) -> int:
        return len(self.clips)

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(self.split(name))} {name}" for name in SPLITS)
        actions = len({clip.action for clip in self.clips})
        return f"<PreparedDataset: {counts} clips of {actions} actions>"


def _clip(values: dict[str, Any]) -> Clip:
    captions = tuple(Caption(**caption) for caption in values["captions"])
    return Clip(**{**values, "captions": captions})


def _check_split(name: str) -> None:
    if name not in (*SPLITS, "all"):
        raise InputError(f"unknown split {name!r}; choose one of {', '.join(SPLITS)}, all")
