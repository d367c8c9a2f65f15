"""A prepared data set as motion tokens: what `samples` draws from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..atomic import replacing
from ..datasets.licences import CAPTION_SOURCES
from ..motion import FRAMES_PER_TOKEN, FloatArray
from .samples import TokenisedClip, Tokens, TrainingData

if TYPE_CHECKING:
    from ..choices import Split
    from ..datasets import Clip, PreparedDataset, Recording
    from ..tokenizer import MotionTokenizer

_ENCODED_AT_ONCE = 64  # motions


def tokenise(
    dataset: PreparedDataset,
    tokenizer: MotionTokenizer,
    split: Split,
    keep: Path | None = None,
    *,
    power: float = 0.5,
    wordings: Iterable[str] = (),
) -> TrainingData:
    """Return every clip and recording of `split` with its tokens from 4 start frames.

    Clips are encoded for themselves: their first and last tokens know nothing of the motion
    around them, as when a motion is generated. Of other splits than training one start frame is
    enough, and the recordings are left out.

    Args:
        dataset: a prepared one.
        tokenizer: gives the tokens.
        split: its name.
        keep: a file that keeps the tokens for the next training on the same data and tokenizer.
        power: of the weights to draw them with, see `PreparedDataset.weights`.
        wordings: captions without motion; by default those of the clips.
    """
    training = split == "train"
    offsets = range(FRAMES_PER_TOKEN if training else 1)
    clips = dataset.split(split)
    motions: list[Clip | Recording] = [*clips, *(dataset.motions(split) if training else ())]
    parts = _encoded(dataset, tokenizer, motions, offsets, keep)
    groups = [tuple(parts[i : i + len(offsets)]) for i in range(0, len(parts), len(offsets))]
    weights = dataset.weights(split, power=power) if clips else np.zeros(0)
    return TrainingData(
        clips=[
            TokenisedClip(
                clip.texts,
                tuple(CAPTION_SOURCES[caption.source].weight for caption in clip.captions),
                tokens,
                float(weight),
            )
            for clip, tokens, weight in zip(clips, groups, weights, strict=False)
        ],
        recordings=groups[len(clips) :],
        wordings=tuple(wordings) or tuple(sorted({text for clip in clips for text in clip.texts})),
    )


def _encoded(
    dataset: PreparedDataset,
    tokenizer: MotionTokenizer,
    motions: Sequence[Clip | Recording],
    offsets: range,
    keep: Path | None,
) -> list[Tokens]:
    mark = "" if keep is None else _fingerprint(dataset, motions, tokenizer, len(offsets))
    if keep is not None and keep.is_file():
        with np.load(keep, allow_pickle=False) as kept:
            if str(kept["mark"]) == mark:
                return np.split(kept["tokens"], np.cumsum(kept["lengths"])[:-1])
    shifted = []
    for motion in motions:
        features = dataset.features(motion)
        shifted += [features[min(o, max(0, len(features) - FRAMES_PER_TOKEN)) :] for o in offsets]
    parts = encode_many(tokenizer, shifted)
    if keep is not None:
        with replacing(keep) as path, path.open("wb") as file:
            lengths = np.array([len(part) for part in parts])
            np.savez(file, mark=mark, tokens=np.concatenate(parts), lengths=lengths)
    return parts


@torch.no_grad()
def encode_many(tokenizer: MotionTokenizer, motions: Sequence[FloatArray]) -> list[Tokens]:
    """Return what `tokenizer.encode` gives for each motion, faster: equal lengths at once."""
    by_length: dict[int, list[int]] = {}
    for i, features in enumerate(motions):
        by_length.setdefault(len(features) // FRAMES_PER_TOKEN * FRAMES_PER_TOKEN, []).append(i)
    parts: list[Tokens] = [np.zeros(0, np.int16)] * len(motions)
    for frames, members in by_length.items():
        if frames == 0:
            for i in members:
                parts[i] = np.array(tokenizer.encode(motions[i]), dtype=np.int16)
            continue
        for first in range(0, len(members), _ENCODED_AT_ONCE):
            rows = members[first : first + _ENCODED_AT_ONCE]
            batch = torch.from_numpy(np.stack([motions[i][:frames] for i in rows]))
            vectors = tokenizer.encode_vectors(batch.to(tokenizer.mean.device))  # (b, n, d)
            codes = tokenizer.quantizer.nearest(vectors.flatten(0, 1)).view(len(rows), -1)
            for i, row in zip(rows, codes.cpu().numpy(), strict=True):
                parts[i] = row.astype(np.int16)
    return parts


def _fingerprint(
    dataset: PreparedDataset,
    motions: Sequence[Clip | Recording],
    tokenizer: MotionTokenizer,
    offsets: int,
) -> str:
    digest = hashlib.sha256(str(offsets).encode())
    for tensor in tokenizer.state_dict().values():
        digest.update(tensor.detach().float().cpu().numpy().tobytes())
    for motion in motions:
        digest.update(f"{motion.id} {motion.length}\n".encode())
        digest.update(np.ascontiguousarray(dataset.features(motion)).data)
    return digest.hexdigest()
