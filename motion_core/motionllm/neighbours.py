"""`Neighbours`: what decoding looks up about the training clips, in ``neighbours.safetensors``.

Motion tokens and captions of each clip, and what its motion is found by; `nearest` searches them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from ..atomic import replacing
from ..errors import InputError, IntegrityError
from ..features import FloatArray
from .known_captions import KnownCaptions

FILE = "neighbours.safetensors"
_AXES = 32  # of movements; 92 % of their variance in the shipped checkpoint

Tokens = NDArray[np.int16]


@dataclass(frozen=True)
class TrainingClip:
    """A captioned clip of the training split.

    Attributes:
        captions: all of them.
        sentences: all but the motion source's own terse descriptions; captions may follow them.
        features: of its motion, (T, 263).
    """

    captions: Sequence[str]
    sentences: Sequence[str]
    features: FloatArray


@dataclass(frozen=True)
class Neighbours:
    """Motion tokens and captions of the training clips.

    Attributes:
        motions: tokens (T,) of each clip.
        captions: the words (W,) of each caption, each once, as rows of `KnownCaptions.stems`.
        owners: the clip (C,) of each caption.
        sentences: captions to learn from, as they were written.
        speakers: the clip (S,) of each sentence.
        centre: mean movement (M,).
        axes: principal axes (K, M) of the movements.
        places: of the clips along them, (clips, K).
    """

    motions: tuple[Tokens, ...]
    captions: tuple[NDArray[np.int32], ...]
    owners: NDArray[np.int32]
    sentences: tuple[str, ...]
    speakers: NDArray[np.int32]
    centre: FloatArray
    axes: FloatArray
    places: FloatArray

    @classmethod
    def of(
        cls,
        known: KnownCaptions,
        clips: Sequence[TrainingClip],
        tokens: Sequence[Tokens],
        movements: FloatArray,
    ) -> Neighbours:
        """Return the neighbours that these clips make; captions with no known word are left out.

        Args:
            known: of the same captions.
            clips: at least one.
            tokens: motion tokens (T,) of each.
            movements: of the motions of these tokens, (clips, M), as in `features.movement`.

        Raises:
            InputError: no caption has a known word.
        """
        captions: list[NDArray[np.int32]] = []
        owners: list[int] = []
        for clip, each in enumerate(clips):
            rows = [np.unique(known.rows(text)).astype(np.int32) for text in each.captions]
            captions += [row for row in rows if row.size]
            owners += [clip for row in rows if row.size]
        if not captions:
            raise InputError("no caption of the clips has a known word; give their own captions")
        said = [
            (" ".join(text.split()), clip)
            for clip, each in enumerate(clips)
            for text in each.sentences
            if any(letter.isalnum() for letter in text)
        ]
        centre = movements.mean(axis=0)
        axes = np.linalg.svd(movements - centre, full_matrices=False)[2][:_AXES]
        return cls(
            tuple(tokens),
            tuple(captions),
            np.array(owners, dtype=np.int32),
            tuple(text for text, _ in said),
            np.array([clip for _, clip in said], dtype=np.int32),
            centre,
            axes,
            (movements - centre) @ axes.T,
        )

    def apart(self, movement: FloatArray) -> FloatArray:
        """Return how far the motion of each clip is from a movement (M,): squared, (clips,)."""
        place = self.axes @ (movement - self.centre)
        apart: FloatArray = ((self.places - place) ** 2).sum(axis=1)
        return apart

    def save(self, folder: Path) -> None:
        """Write ``neighbours.safetensors``."""
        text = "\n".join(self.sentences).encode()
        arrays = {
            "tokens": _small(np.concatenate(self.motions)),
            "lengths": _small(np.array([len(motion) for motion in self.motions])),
            "words": _small(np.concatenate(self.captions)),
            "counts": _small(np.array([len(caption) for caption in self.captions])),
            "owners": _small(self.owners),
            "sentences": np.frombuffer(text, dtype=np.uint8),
            "speakers": _small(self.speakers),
            "centre": self.centre,
            "axes": self.axes.astype(np.float16),
            "places": self.places.astype(np.float16),
        }
        with replacing(folder / FILE) as path:
            save_file(arrays, path)

    @classmethod
    def load(cls, folder: Path, *, codes: int, words: int) -> Neighbours:
        """Load ``neighbours.safetensors``.

        Args:
            folder: of the checkpoint.
            codes: size of its codebook.
            words: number of stems in its `KnownCaptions`.

        Raises:
            IntegrityError: the file is damaged, or of another checkpoint.
        """
        try:
            arrays = load_file(folder / FILE)
            motions = _split(arrays["tokens"], arrays["lengths"], codes)
            captions = _split(arrays["words"], arrays["counts"], words)
            sentences = arrays["sentences"].tobytes().decode().splitlines()
            owners = _owners(arrays["owners"], len(captions), len(motions))
            speakers = _owners(arrays["speakers"], len(sentences), len(motions))
            centre, axes, places = (
                arrays[name].astype(np.float32) for name in ("centre", "axes", "places")
            )
            if (
                axes.ndim != 2
                or axes.shape[1:] != centre.shape
                or places.shape != (len(motions), len(axes))
            ):
                raise ValueError("movements and clips do not match")
            if not all(np.isfinite(part).all() for part in (centre, axes, places)):
                raise ValueError("a movement holds NaN or infinity")
        except (SafetensorError, OSError, KeyError, ValueError) as err:
            raise IntegrityError(
                f"{folder / FILE} is damaged ({err}); get the checkpoint again"
            ) from err
        return cls(
            tuple(part.astype(np.int16) for part in motions),
            captions,
            owners,
            tuple(sentences),
            speakers,
            centre,
            axes,
            places,
        )


def _small(numbers: NDArray[Any]) -> NDArray[Any]:
    """Return non-negative integers as 16-bit ones, or wider if they do not fit."""
    largest = numbers.max(initial=0)
    return numbers.astype(np.promote_types(np.uint16, np.min_scalar_type(largest)))


def _owners(numbers: NDArray[Any], count: int, clips: int) -> NDArray[np.int32]:
    owners = numbers.astype(np.int32)
    if owners.shape != (count,) or not _are_below(owners, clips):
        raise ValueError("a caption names a clip that does not exist")
    return owners


def _are_below(numbers: NDArray[np.int32], limit: int) -> bool:
    return bool((numbers >= 0).all() and (numbers < limit).all())


def _split(flat: NDArray[Any], lengths: NDArray[Any], below: int) -> tuple[NDArray[np.int32], ...]:
    flat, lengths = flat.astype(np.int32), lengths.astype(np.int32)
    if flat.ndim != 1 or lengths.ndim != 1 or not lengths.size or lengths.min() < 1:
        raise ValueError("an array is empty or has the wrong shape")
    if lengths.sum() != len(flat) or not _are_below(flat, below):
        raise ValueError("lengths or values do not match")
    return tuple(np.split(flat, np.cumsum(lengths)[:-1]))
