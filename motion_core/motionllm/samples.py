"""Training samples: clips as motion tokens with captions, in batches of similar length.

Notable:
- each clip is tokenised from four start frames (0 to 3), since a shift by less than a token
  gives other tokens for the same motion;
- the clip, its caption, start frame and crop are drawn anew each time;
- some motion tokens that the model reads (not those it is to predict) are replaced by near or
  random ones, so that it learns to go on after a mistake of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..atomic import replacing
from ..motion import FRAMES_PER_TOKEN, FloatArray
from .model import END, IGNORE, Direction, MotionLLM
from .prompt import SECONDS_PER_TOKEN, PromptFormat

if TYPE_CHECKING:
    from ..datasets import PreparedDataset
    from ..tokenizer import MotionTokenizer

Tokens = NDArray[np.int16]
_POOL = 16  # batches that are sorted by length together
_ENCODED_AT_ONCE = 64  # motions


@dataclass(frozen=True)
class TokenisedClip:
    """What training needs to know of a clip: its captions, and its tokens from 4 start frames."""

    captions: tuple[str, ...]
    tokens: tuple[Tokens, ...]
    probability: float


@dataclass(frozen=True)
class Sample:
    """One sequence. `targets[i]` is what follows `ids[: i + 1]`, or `IGNORE`."""

    ids: list[int]
    targets: list[int]


@dataclass(frozen=True)
class Augmentation:
    """How training samples vary.

    Attributes:
        noise: share of the read motion tokens that are replaced.
        crop: share of samples in which a part of the clip is taken (at least 60 %).
        stated: share of t2m samples whose prompt tells the duration.
        longest: motion tokens; longer clips are always cropped.
        balance: share drawn by class-balanced weights rather than uniformly.
        power: of those weights, see `PreparedDataset.weights`; 0 draws all actions alike.
    """

    noise: float = 0.08
    crop: float = 0.0
    stated: float = 0.3
    longest: int = 60
    balance: float = 0.5
    power: float = 0.5


class SampleMaker:
    """Turns clips into samples of one direction.

    Args:
        model: gives the ids of motion tokens.
        prompt: the checkpoint's prompt format.
        near: (codes, k) for each code the most similar ones.
    """

    def __init__(
        self,
        model: MotionLLM,
        prompt: PromptFormat,
        direction: Direction,
        near: NDArray[np.int64],
        augmentation: Augmentation,
    ) -> None:
        self.model, self.prompt, self.direction = model, prompt, direction
        self.near, self.augmentation = near, augmentation

    def t2m(self, caption: str, read: Tokens, told: Tokens, seconds: float | None) -> Sample:
        """Description, then motion: the loss is on the motion tokens and </Motion>."""
        stated = seconds if self.prompt.states_duration else None
        prompt = self.prompt.description(caption, stated)
        ids = [*prompt, self.model.motion_start, *self.model.token_ids(read)]
        targets = [IGNORE] * len(prompt) + [1 + int(token) for token in told] + [END]
        return Sample(ids, targets)

    def m2t(self, caption: str, read: Tokens) -> Sample:
        """Motion, then description: the loss is on the caption and the end of text."""
        before, after = self.prompt.around_motion()
        answer = self.prompt.answer(caption)
        motion = [self.model.motion_start, *self.model.token_ids(read), self.model.motion_end]
        ids = [*before, *motion, *after, *answer[:-1]]
        targets = [IGNORE] * (len(ids) - len(answer)) + answer
        return Sample(ids, targets)

    def draw(self, clip: TokenisedClip, random: np.random.Generator) -> Sample:
        """A training sample: caption, start frame, crop, noise and duration at random."""
        settings = self.augmentation
        caption = clip.captions[random.integers(len(clip.captions))]
        tokens = self._crop(clip.tokens[random.integers(len(clip.tokens))], random)
        read = self._disturb(tokens, random)
        if self.direction == "m2t":
            return self.m2t(caption, read)
        stated = random.random() < settings.stated
        return self.t2m(caption, read, tokens, len(tokens) * SECONDS_PER_TOKEN if stated else None)

    def plain(self, clip: TokenisedClip) -> Sample:
        """The sample for validation: first caption and start frame, nothing disturbed."""
        tokens = clip.tokens[0][: self.augmentation.longest]
        if self.direction == "m2t":
            return self.m2t(clip.captions[0], tokens)
        return self.t2m(clip.captions[0], tokens, tokens, None)

    def _crop(self, tokens: Tokens, random: np.random.Generator) -> Tokens:
        longest = min(len(tokens), self.augmentation.longest)
        if random.random() < self.augmentation.crop:
            longest = int(random.integers(max(1, int(0.6 * longest)), longest + 1))
        start = int(random.integers(len(tokens) - longest + 1))
        return tokens[start : start + longest]

    def _disturb(self, tokens: Tokens, random: np.random.Generator) -> Tokens:
        hit = random.random(len(tokens)) < self.augmentation.noise
        if not hit.any():
            return tokens
        near = self.near[tokens, random.integers(self.near.shape[1], size=len(tokens))]
        anything = random.integers(len(self.near), size=len(tokens))
        other = np.where(random.random(len(tokens)) < 0.75, near, anything)
        disturbed: Tokens = np.where(hit, other, tokens).astype(np.int16)
        return disturbed


class TrainingBatches:
    """(ids, targets), both (batch, T), for each step; a function of seed and step alone.

    Samples are drawn in pools, sorted by length and cut into batches, so that little is padding.
    """

    def __init__(
        self, clips: Sequence[TokenisedClip], maker: SampleMaker, *, batch: int, seed: int
    ) -> None:
        self._clips, self._maker, self._batch, self._seed = clips, maker, batch, seed
        # Partly balanced by class, partly as the data are: rare actions are seen, common ones too.
        balance = maker.augmentation.balance
        weights = np.array([clip.probability for clip in clips])
        self._weights = balance * weights / weights.sum() + (1 - balance) / len(clips)
        self._pool: tuple[int, list[tuple[Tensor, Tensor]]] = (-1, [])

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        number, place = divmod(step, _POOL)
        if self._pool[0] != number:
            self._pool = (number, self._fill(number))
        return self._pool[1][place]

    def _fill(self, number: int) -> list[tuple[Tensor, Tensor]]:
        random = np.random.default_rng([self._seed, number])
        drawn = random.choice(len(self._clips), size=self._batch * _POOL, p=self._weights)
        samples = [self._maker.draw(self._clips[i], random) for i in drawn]
        samples.sort(key=lambda sample: len(sample.ids))
        order = random.permutation(_POOL) * self._batch
        return [collate(samples[i : i + self._batch]) for i in order]


def collate(samples: Sequence[Sample]) -> tuple[Tensor, Tensor]:
    """(ids, targets), each (B, T), padded on the right with id 0 and `IGNORE`."""
    longest = max(len(sample.ids) for sample in samples)
    ids = torch.zeros(len(samples), longest, dtype=torch.long)
    targets = torch.full((len(samples), longest), IGNORE, dtype=torch.long)
    for row, sample in enumerate(samples):
        ids[row, : len(sample.ids)] = torch.tensor(sample.ids)
        targets[row, : len(sample.targets)] = torch.tensor(sample.targets)
    return ids, targets


def nearest_codes(codebook: Tensor, k: int = 8) -> NDArray[np.int64]:
    """(codes, k): for each code the k most similar others."""
    distance = torch.cdist(codebook.float(), codebook.float())
    distance.fill_diagonal_(float("inf"))
    return distance.topk(min(k, len(codebook) - 1), largest=False).indices.numpy()


def tokenise(
    dataset: PreparedDataset,
    tokenizer: MotionTokenizer,
    split: Any,
    keep: Path | None = None,
    *,
    power: float = 0.5,
) -> list[TokenisedClip]:
    """Every clip of `split` with its tokens from 4 start frames (1 for the test split).

    Args:
        dataset: a prepared one.
        tokenizer: gives the tokens.
        split: "train" or "test".
        keep: a file that keeps the tokens for the next training on the same data and tokenizer.
        power: of the weights to draw them with, see `PreparedDataset.weights`.
    """
    clips = dataset.split(split)
    offsets = range(FRAMES_PER_TOKEN if split == "train" else 1)
    mark = _fingerprint(dataset, tokenizer, split)
    if keep is not None and keep.is_file():
        with np.load(keep, allow_pickle=False) as kept:
            if str(kept["mark"]) == mark:
                flat, lengths = kept["tokens"], kept["lengths"]
                parts = np.split(flat, np.cumsum(lengths)[:-1])
                return _gather(dataset, split, parts, len(offsets), power)
    shifted = []
    for clip in clips:
        features = dataset.features(clip)
        shifted += [features[min(o, max(0, len(features) - FRAMES_PER_TOKEN)) :] for o in offsets]
    parts = encode_many(tokenizer, shifted)
    if keep is not None:
        with replacing(keep) as path, path.open("wb") as file:
            lengths = np.array([len(part) for part in parts])
            np.savez(file, mark=mark, tokens=np.concatenate(parts), lengths=lengths)
    return _gather(dataset, split, parts, len(offsets), power)


@torch.no_grad()
def encode_many(tokenizer: MotionTokenizer, motions: Sequence[FloatArray]) -> list[Tokens]:
    """What `tokenizer.encode` gives for each motion, faster: equal lengths at once."""
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
            some = members[first : first + _ENCODED_AT_ONCE]
            batch = torch.from_numpy(np.stack([motions[i][:frames] for i in some]))
            vectors = tokenizer.encode_vectors(batch.to(tokenizer.mean.device))  # (b, n, d)
            codes = tokenizer.quantizer.nearest(vectors.flatten(0, 1)).view(len(some), -1)
            for i, row in zip(some, codes.cpu().numpy(), strict=True):
                parts[i] = row.astype(np.int16)
    return parts


def _gather(
    dataset: PreparedDataset, split: Any, parts: Sequence[Tokens], offsets: int, power: float
) -> list[TokenisedClip]:
    weights = dataset.weights(split, power=power)
    return [
        TokenisedClip(
            clip.captions, tuple(parts[i * offsets : (i + 1) * offsets]), float(weights[i])
        )
        for i, clip in enumerate(dataset.split(split))
    ]


def _fingerprint(dataset: PreparedDataset, tokenizer: MotionTokenizer, split: str) -> str:
    digest = hashlib.sha256(split.encode())
    for tensor in tokenizer.state_dict().values():
        digest.update(tensor.detach().float().cpu().numpy().tobytes())
    for clip in dataset.split(split):  # type: ignore[arg-type]
        digest.update(f"{clip.id} {clip.start} {clip.length}\n".encode())
    return digest.hexdigest()
