"""Training samples: motion tokens with captions, or motion alone, in batches of similar length.

    captioned   Text: a person bows / Motion: <Motion> 17 4 … </Motion>      t2m, m2t the other way
    free        Text: / Motion: <Motion> 17 4 …                              a window of a recording
    gap         Before: … / After: … / Motion: <Motion> … </Motion>          what lies between
    wording     Motion: / Text: a person bows                                captions without motion

Notable:
- captions are scarce, motion is not: `free` and `gap` teach what motion is from every recording,
  and a description can be left out later for guidance;
- each motion is tokenised from four start frames (0 to 3), since a shift by less than a token
  gives other tokens for the same motion;
- clip, caption, wording, start frame and crop are drawn anew each time;
- some motion tokens that the model reads (not those it is to predict) are replaced by near or
  random ones, so that it learns to go on after a mistake of its own; in some t2m samples most of
  them are, so that it has to look at the description (T2M-GPT, https://arxiv.org/abs/2301.06052,
  section 3.3, corrupts up to half). What came before says so much about a token that the
  description is hardly heeded otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .model import END, IGNORE, Direction, MotionLLM
from .prompt import SECONDS_PER_TOKEN, PromptFormat
from .rewording import reword

Tokens = NDArray[np.int16]
_POOL = 16  # batches that are sorted by length together
NEAR = 0.75  # share of the replaced tokens whose place a similar one takes


@dataclass(frozen=True)
class TokenisedClip:
    """What training needs to know of a clip: its captions, and its tokens from 4 start frames.

    Attributes:
        captions: their texts.
        weights: how often each caption is drawn, relative to the others.
        tokens: of the clip, one array a start frame.
        probability: of drawing the clip.
    """

    captions: tuple[str, ...]
    weights: tuple[float, ...]
    tokens: tuple[Tokens, ...]
    probability: float


@dataclass(frozen=True)
class TrainingData:
    """What one direction learns from.

    Attributes:
        clips: with captions.
        recordings: tokens of whole recordings, each from 4 start frames.
        wordings: captions without motion.
    """

    clips: Sequence[TokenisedClip]
    recordings: Sequence[tuple[Tokens, ...]] = ()
    wordings: Sequence[str] = ()


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
        corrupt: share of captioned t2m samples in which 20 to 90 % of them are, by any others.
        crop: share of samples in which a part of the clip is taken (at least 60 %).
        stated: share of t2m samples whose prompt tells the duration.
        longest: motion tokens; longer clips are always cropped.
        balance: share drawn by class-balanced weights rather than by caption weight alone.
        power: of those weights, see `PreparedDataset.weights`; 0 draws all actions alike.
        reworded: share of captions whose subject or tense is changed.
        unsaid: share of a caption's words that t2m is not told, drawn anew each time, so that a
            few captions, seen often, are not learnt by heart.
        free: share of samples that are windows without a caption (t2m), or captions without
            motion (m2t).
        gap: share of samples that are gaps to fill (t2m).
        context: motion tokens shown on each side of a gap, at most.
        longest_gap: motion tokens.
    """

    noise: float = 0.1
    corrupt: float = 0.5
    crop: float = 0.1
    stated: float = 0.3
    longest: int = 60
    balance: float = 0.3
    power: float = 0.5
    reworded: float = 0.5
    unsaid: float = 0.0
    free: float = 0.15
    gap: float = 0.25
    context: int = 16
    longest_gap: int = 12


class SampleMaker:
    """Turns clips into samples of one direction.

    Args:
        model: gives the ids of motion tokens.
        prompt: the checkpoint's prompt format.
        direction: t2m or m2t.
        near: (codes, k) for each code the most similar ones.
        augmentation: how samples vary.
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

    # ---- the kinds of samples --------------------------------------------------------------

    def t2m(self, caption: str, read: Tokens, target: Tokens, seconds: float | None) -> Sample:
        """Return description, then motion; the loss is on the motion tokens and </Motion>."""
        stated = seconds if self.prompt.states_duration else None
        return self._motion_after(self.prompt.description(caption, stated), read, target)

    def free(self, read: Tokens, target: Tokens) -> Sample:
        """Return motion after an empty description; the window may be incomplete, so no end is
        learnt.
        """
        sample = self._motion_after(self.prompt.description(""), read, target)
        return Sample(sample.ids, [*sample.targets[:-1], IGNORE])

    def gap(self, before: Tokens, read: Tokens, target: Tokens, after: Tokens) -> Sample:
        """Return what lies between two stretches of motion, of which one may be empty."""
        return self._motion_after(
            gap_prompt(self.model, self.prompt, before.tolist(), after.tolist(), len(target)),
            read,
            target,
        )

    def m2t(self, caption: str, read: Tokens | None) -> Sample:
        """Return motion, then description; the loss is on the caption and the end of text."""
        before, after = self.prompt.around_motion()
        answer = self.prompt.answer(caption)
        motion = [] if read is None else self.model.motion_ids(read)
        ids = [*before, *motion, *after, *answer[:-1]]
        return Sample(ids, [IGNORE] * (len(ids) - len(answer)) + answer)

    def _motion_after(self, prompt: list[int], read: Tokens, target: Tokens) -> Sample:
        ids = [*prompt, self.model.motion_start, *self.model.token_ids(read)]
        targets = [IGNORE] * len(prompt) + [1 + int(token) for token in target] + [END]
        return Sample(ids, targets)

    # ---- drawing ---------------------------------------------------------------------------

    def draw(self, clip: TokenisedClip, random: np.random.Generator) -> Sample:
        """Return a captioned sample: caption, wording, start frame, crop, noise, duration at
        random.
        """
        settings = self.augmentation
        caption = clip.captions[_draw(clip.weights, random)]
        if random.random() < settings.reworded:
            caption = reword(caption, random)
        tokens = self._crop(clip.tokens[random.integers(len(clip.tokens))], random)
        if self.direction == "m2t":
            return self.m2t(caption, self._disturb(tokens, random))
        if settings.unsaid:
            caption = without_words(caption, settings.unsaid, random)
        corrupt = random.random() < settings.corrupt
        share = random.uniform(0.2, 0.9) if corrupt else settings.noise
        read = self._disturb(tokens, random, share, near=0.1 if corrupt else NEAR)
        stated = random.random() < settings.stated
        return self.t2m(caption, read, tokens, len(tokens) * SECONDS_PER_TOKEN if stated else None)

    def draw_free(self, recording: tuple[Tokens, ...], random: np.random.Generator) -> Sample:
        """Return a window of a recording, without a caption."""
        tokens = recording[random.integers(len(recording))]
        count = min(len(tokens), self.augmentation.longest)
        start = int(random.integers(len(tokens) - count + 1))
        window = tokens[start : start + count]
        return self.free(self._disturb(window, random), window)

    def draw_gap(self, recording: tuple[Tokens, ...], random: np.random.Generator) -> Sample:
        """Return a gap in a recording; in a tenth of them one side is missing."""
        settings = self.augmentation
        tokens = recording[random.integers(len(recording))]
        longest = min(settings.longest_gap, len(tokens))
        count = int(random.integers(1, longest + 1))
        start = int(random.integers(len(tokens) - count + 1))
        reach = random.integers(1, settings.context + 1, size=2)
        reach[random.integers(2)] *= random.random() >= 0.1
        before = tokens[max(0, start - int(reach[0])) : start]
        after = tokens[start + count : start + count + int(reach[1])]
        target = tokens[start : start + count]
        return self.gap(
            self._disturb(before, random),
            self._disturb(target, random),
            target,
            self._disturb(after, random),
        )

    def plain(self, clip: TokenisedClip) -> Sample:
        """Return the sample for validation: first caption and start frame, nothing disturbed."""
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

    def _disturb(
        self,
        tokens: Tokens,
        random: np.random.Generator,
        share: float | None = None,
        near: float = NEAR,
    ) -> Tokens:
        hit = random.random(len(tokens)) < (self.augmentation.noise if share is None else share)
        if not hit.any():
            return tokens
        similar = self.near[tokens, random.integers(self.near.shape[1], size=len(tokens))]
        anything = random.integers(len(self.near), size=len(tokens))
        other = np.where(random.random(len(tokens)) < near, similar, anything)
        disturbed: Tokens = np.where(hit, other, tokens).astype(np.int16)
        return disturbed


def without_words(caption: str, share: float, random: np.random.Generator) -> str:
    """Return the caption with that share of its words left out, on average; never all of them."""
    words = caption.split()
    said = [word for word in words if random.random() >= share]
    return " ".join(said or words)


def gap_prompt(
    model: MotionLLM, prompt: PromptFormat, before: Sequence[int], after: Sequence[int], count: int
) -> list[int]:
    """Return ids of the in-filling prompt for `count` tokens, up to, not including, <Motion>."""
    first, middle, last = prompt.around_gap(count * SECONDS_PER_TOKEN)
    return [*first, *model.motion_ids(before), *middle, *model.motion_ids(after), *last]


class TrainingBatches:
    """(ids, targets), both (batch, T), for each step; a function of seed and step alone.

    Samples are drawn in pools, sorted by length and cut into batches, so that little is padding.

    Args:
        data: what to draw from.
        maker: makes samples of it.
        batch: samples a step.
        seed: of everything that is drawn.
        motion_first: steps whose samples have no captions.
    """

    def __init__(
        self,
        data: TrainingData,
        maker: SampleMaker,
        *,
        batch: int,
        seed: int,
        motion_first: int = 0,
    ) -> None:
        self._data, self._maker, self._batch, self._seed = data, maker, batch, seed
        self._motion_first = motion_first
        # Partly balanced by class, partly as the captions are: rare actions are seen, and what
        # people wrote about counts for more than labels.
        balance = maker.augmentation.balance
        weights = np.array([clip.probability for clip in data.clips])
        people = np.array([max(clip.weights) for clip in data.clips])
        self._weights = balance * weights / weights.sum() + (1 - balance) * people / people.sum()
        lengths = np.array([len(recording[0]) for recording in data.recordings], dtype=np.float64)
        self._reach = lengths / lengths.sum() if len(lengths) else lengths
        self._pool: tuple[int, list[tuple[Tensor, Tensor]]] = (-1, [])

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        number, place = divmod(step, _POOL)
        if self._pool[0] != number:
            self._pool = (number, self._fill(number))
        return self._pool[1][place]

    def _fill(self, number: int) -> list[tuple[Tensor, Tensor]]:
        random = np.random.default_rng([self._seed, number])
        count = self._batch * _POOL
        free, gap = self._shares(number * _POOL < self._motion_first)
        frees, gaps = random.multinomial(count, [free, gap, 1 - free - gap])[:2]
        samples = [self._free(random) for _ in range(frees)]
        samples += self._from_recordings(self._maker.draw_gap, gaps, random)
        drawn = random.choice(len(self._data.clips), size=count - len(samples), p=self._weights)
        samples += [self._maker.draw(self._data.clips[i], random) for i in drawn]
        samples.sort(key=lambda sample: len(sample.ids))
        order = random.permutation(_POOL) * self._batch
        return [collate(samples[i : i + self._batch]) for i in order]

    def _shares(self, motion_alone: bool) -> tuple[float, float]:
        """Return the shares of samples without captions and of gaps."""
        settings = self._maker.augmentation
        if self._maker.direction == "m2t":
            return (settings.free if self._data.wordings else 0.0), 0.0
        if not self._data.recordings:
            return 0.0, 0.0
        return (0.5, 0.5) if motion_alone else (settings.free, settings.gap)

    def _free(self, random: np.random.Generator) -> Sample:
        if self._maker.direction == "m2t":
            wording = self._data.wordings[int(random.integers(len(self._data.wordings)))]
            return self._maker.m2t(wording, None)
        return self._from_recordings(self._maker.draw_free, 1, random)[0]

    def _from_recordings(
        self,
        draw: Callable[[tuple[Tokens, ...], np.random.Generator], Sample],
        count: int,
        random: np.random.Generator,
    ) -> list[Sample]:
        if not count:
            return []
        rows = random.choice(len(self._reach), size=count, p=self._reach)
        return [draw(self._data.recordings[row], random) for row in rows]


def collate(samples: Sequence[Sample]) -> tuple[Tensor, Tensor]:
    """Collate to (ids, targets), each (B, T), padded on the right with id 0 and `IGNORE`."""
    longest = max(len(sample.ids) for sample in samples)
    ids = torch.zeros(len(samples), longest, dtype=torch.long)
    targets = torch.full((len(samples), longest), IGNORE, dtype=torch.long)
    for row, sample in enumerate(samples):
        ids[row, : len(sample.ids)] = torch.tensor(sample.ids)
        targets[row, : len(sample.targets)] = torch.tensor(sample.targets)
    return ids, targets


def nearest_codes(codebook: Tensor, k: int = 8) -> NDArray[np.int64]:
    """Return (codes, k): for each code, the k most similar others."""
    distance = torch.cdist(codebook.float(), codebook.float())
    distance.fill_diagonal_(float("inf"))
    return distance.topk(min(k, len(codebook) - 1), largest=False).indices.numpy()


def _draw(weights: Sequence[float], random: np.random.Generator) -> int:
    shares = np.cumsum(weights)
    return int(np.searchsorted(shares, random.random() * shares[-1], side="right"))
