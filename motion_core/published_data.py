"""HumanML3D and KIT-ML in their authors' layout, and sequences for composition.

    new_joint_vecs/000021.npy   features (T, 263) at 20 fps, KIT-ML's (T, 251) at 12.5 fps
    texts/000021.txt            lines of  caption#word/POS word/POS …#from#to
    train.txt, val.txt, test.txt    names, one a line
    Mean.npy, Std.npy           of the features

A caption whose ``from`` and ``to`` are not both 0 describes only that part, in seconds, and becomes
a sample of its own. Samples have 40 (KIT-ML: 24) to 199 frames and are cut to a multiple of 4, as
in the authors' own loaders. Unusable data is counted by name and reason, see `Samples.left_out`.

Source: https://github.com/EricGuo5513/HumanML3D and, for the rules, ``data/dataset.py`` of
https://github.com/EricGuo5513/text-to-motion.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .errors import FormatError, InputError
from .formats.npy import map_npy, read_npy
from .json_text import parse_json
from .motion import FloatArray

PublishedSplit = Literal["train", "validation", "test"]
_SPLIT_FILES: dict[PublishedSplit, str] = {
    "train": "train.txt",
    "validation": "val.txt",
    "test": "test.txt",
}
_TOO_LONG = 200  # frames; samples are shorter
_UNIT = 4
_NAMED = 20


@dataclass(frozen=True)
class Layout:
    """The skeleton and frame rate of a data set.

    Attributes:
        name: of the data set.
        joints: of its skeleton; a frame has 12 times as many features less one.
        fps: frames per second.
        shortest: minimum frames of a sample.
    """

    name: str
    joints: int
    fps: float
    shortest: int

    @property
    def features(self) -> int:
        """Number of features per frame."""
        return 12 * self.joints - 1


HUMANML3D = Layout("HumanML3D", 22, 20.0, 40)
KIT_ML = Layout("KIT-ML", 21, 12.5, 24)
LAYOUTS = (HUMANML3D, KIT_ML)


@dataclass(frozen=True)
class TaggedCaption:
    """A caption and its words with their parts of speech, ``("walk/VERB", …)``."""

    text: str
    tokens: tuple[str, ...]

    @property
    def words(self) -> str:
        """The tokens without their tags, as a sentence: the "tokenised" reference."""
        return " ".join(token.rpartition("/")[0] or token for token in self.tokens)


@dataclass(frozen=True)
class Sample:
    """A motion, or a part of one, with its captions.

    Attributes:
        id: name of the motion, with ``#2`` and so on for a part.
        motion: name of the motion.
        start, length: frames of the part; the length is a multiple of 4.
        captions: at least one.
    """

    id: str
    motion: str
    start: int
    length: int
    captions: tuple[TaggedCaption, ...]


@dataclass(frozen=True)
class Samples:
    """The samples of a split, and the data left out.

    Attributes:
        split: its name.
        samples: in the order of the split file.
        left_out: ``(name, reason)`` of each motion or caption that is not a sample.
    """

    split: PublishedSplit
    samples: tuple[Sample, ...]
    left_out: tuple[tuple[str, str], ...]

    @property
    def reasons(self) -> dict[str, int]:
        """Count of each reason."""
        return dict(Counter(reason for _, reason in self.left_out).most_common())


def left_out_lines(left_out: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return a line for each reason: how many, and the names of the first twenty."""
    names: dict[str, list[str]] = {}
    for name, reason in left_out:
        names.setdefault(reason, []).append(name)
    return tuple(
        f"left out: {len(own)} × {reason}: {', '.join(own[:_NAMED])}"
        + (" …" if len(own) > _NAMED else "")
        for reason, own in sorted(names.items(), key=lambda item: -len(item[1]))
    )


class PublishedDataset:
    """A folder in the authors' layout; motions stay on disk.

    Attributes:
        folder: of the data set.
        layout: HumanML3D's or KIT-ML's.
        mean, std: of the features.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        if not (self.folder / "new_joint_vecs").is_dir():
            raise InputError(
                f"{folder} is no HumanML3D or KIT-ML data set: it has no folder new_joint_vecs"
            )
        self.mean, self.std = self._array("Mean.npy"), self._array("Std.npy")
        layouts = [layout for layout in LAYOUTS if (layout.features,) == self.mean.shape]
        if not layouts or self.std.shape != self.mean.shape:
            raise FormatError(
                f"{self.folder}: Mean.npy and Std.npy have the shapes {self.mean.shape} and "
                f"{self.std.shape}; (263,) of HumanML3D or (251,) of KIT-ML are read"
            )
        self.layout = layouts[0]

    def split(self, name: PublishedSplit) -> Samples:
        """Read the samples of a split, opening every motion once.

        Raises:
            InputError: there is no such split file.
        """
        path = self.folder / _SPLIT_FILES[name]
        try:
            names = path.read_text(encoding="utf-8").split()
        except OSError as err:
            raise InputError(f"cannot read the split file {path}: {err.strerror or err}") from err
        except UnicodeDecodeError as err:
            raise FormatError(f"{path} is no text; get the data set again") from err
        samples: list[Sample] = []
        left_out: list[tuple[str, str]] = []
        for motion in dict.fromkeys(names):
            for found in self._read(motion):
                if isinstance(found, Sample):
                    samples.append(found)
                else:
                    left_out.append(found)
        return Samples(name, tuple(samples), tuple(left_out))

    def features(self, sample: Sample) -> FloatArray:
        """Return features ``(T, 263)`` or ``(T, 251)`` float32 of a sample, not normalised.

        Raises:
            FormatError: the file has changed or is damaged.
        """
        motion = self._motion(sample.motion)
        part = np.asarray(motion[sample.start : sample.start + sample.length], dtype=np.float32)
        if len(part) != sample.length:
            raise FormatError(f"{self._path(sample.motion)} has changed; read the split again")
        return part

    def motion(self, name: str) -> FloatArray:
        """Return all frames of a motion, on disk, not normalised.

        Raises:
            InputError: there is no such motion.
            FormatError: it is damaged.
        """
        return self._motion(name)

    # ---- reading ---------------------------------------------------------------------------

    def _read(self, name: str) -> Iterator[Sample | tuple[str, str]]:
        try:
            motion = self._motion(name)
        except (InputError, FormatError) as err:
            yield name, str(err)
            return
        try:
            lines = (self.folder / "texts" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            yield name, "no captions"
            return
        whole: list[TaggedCaption] = []
        parts: list[tuple[int, int, TaggedCaption]] = []
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            caption = _caption(line)
            if caption is None:
                yield f"{name}, line {number}", "a damaged line of captions"
            elif caption[1:] == (0.0, 0.0):
                whole.append(caption[0])
            else:
                begin, end = (int(second * self.layout.fps) for second in caption[1:])
                parts.append((begin, min(end, len(motion)), caption[0]))
        if not whole and not parts:
            yield name, "no captions"
        if whole:
            yield self._sample(name, name, 0, len(motion), tuple(whole))
        for number, (begin, end, text) in enumerate(parts, 2 if whole else 1):
            yield self._sample(f"{name}#{number}", name, begin, end, (text,))

    def _sample(
        self, name: str, motion: str, begin: int, end: int, captions: tuple[TaggedCaption, ...]
    ) -> Sample | tuple[str, str]:
        frames = end - begin
        if frames < self.layout.shortest:
            return name, f"shorter than {self.layout.shortest} frames"
        if frames >= _TOO_LONG:
            return name, f"{_TOO_LONG} frames or more"
        return Sample(name, motion, begin, frames // _UNIT * _UNIT, captions)

    def _path(self, name: str) -> Path:
        if Path(name).name != name:
            raise FormatError(f"{name!r} is no name of a motion")
        return self.folder / "new_joint_vecs" / f"{name}.npy"

    def _motion(self, name: str) -> FloatArray:
        path = self._path(name)
        try:
            motion: FloatArray = map_npy(path)
        except FileNotFoundError as err:
            raise InputError("no motion file") from err
        except (OSError, ValueError) as err:
            raise FormatError("a damaged motion file") from err
        if motion.ndim != 2 or motion.shape[1] != self.layout.features:
            raise FormatError(f"features of the shape {motion.shape}")
        if not np.isfinite(motion).all():
            raise FormatError("NaN or infinity in the motion")
        return motion

    def _array(self, name: str) -> FloatArray:
        try:
            values = read_npy(self.folder / name)
        except OSError as err:
            raise InputError(f"cannot read {self.folder / name}: {err.strerror or err}") from err
        except ValueError as err:
            raise FormatError(f"{self.folder / name} is damaged; get the data set again") from err
        features: FloatArray = values.astype(np.float32)
        return features


@dataclass(frozen=True)
class CaptionSequence:
    """The descriptions of a composed motion, in order.

    Attributes:
        id: of the sequence.
        captions: in order.
        frames: of each.
    """

    id: str
    captions: tuple[str, ...]
    frames: tuple[int, ...]

    @property
    def joins(self) -> tuple[int, ...]:
        """First frames of the following parts."""
        return tuple(int(at) for at in np.cumsum(self.frames)[:-1])


def read_sequences(path: Path | str) -> tuple[CaptionSequence, ...]:
    """Read sequences for the composition metrics, in FlowMDM's form.

    A JSON list of ``{"id": "0", "text": ["walk", …], "lengths": [60, …]}``.

    Raises:
        InputError: there is no such file.
        FormatError: it is damaged, or a sequence has different numbers of lengths and captions.
    """
    try:
        rows = parse_json(Path(path).read_text(encoding="utf-8"))
    except OSError as err:
        raise InputError(f"cannot read {path}: {err.strerror or err}") from err
    except ValueError as err:
        raise FormatError(f"{path} holds no JSON ({str(err)[:80]})") from err
    if not isinstance(rows, list):
        raise FormatError(f"{path} holds no list of sequences")
    return tuple(_sequence(row, number, path) for number, row in enumerate(rows))


def _sequence(row: Any, number: int, path: Path | str) -> CaptionSequence:
    try:
        captions, frames = row["text"], [int(length) for length in row["lengths"]]
        if len(captions) != len(frames) or not captions or min(frames) < 1:
            raise ValueError(f"{len(captions)} captions and {len(frames)} lengths")
        if not all(isinstance(caption, str) and caption.strip() for caption in captions):
            raise ValueError("a caption that is no text")
        return CaptionSequence(str(row.get("id", number)), tuple(captions), tuple(frames))
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        raise FormatError(f"{path}: sequence {number} is damaged ({err})") from err


def _caption(line: str) -> tuple[TaggedCaption, float, float] | None:
    """Parse caption, start and end in seconds; None for a line of another form."""
    parts = line.strip().split("#")
    if len(parts) != 4 or not parts[0].strip():
        return None
    try:
        times = [float(part) for part in parts[2:]]
    except ValueError:
        return None
    begin, end = (0.0 if math.isnan(time) else time for time in times)
    if begin < 0 or end < begin or math.isinf(end):
        return None
    return TaggedCaption(parts[0].strip(), tuple(parts[1].split())), begin, end
