"""Trains the matching network on a prepared data set.

Takes are set aside from the training split (with their mirrored copies); the weights that match
those best are kept. The test split is never looked at.

Loss, over all pairs of a batch whose labels differ (d: Euclidean distance in the joint space):

    margin       d(own)² + mean over others of max(0, m - d)²     Hadsell et al. 2006, as in T2M
    contrast     cross-entropy of the own caption among the others' (InfoNCE), both directions
    recognition  cross-entropy of two linear heads that name the action and the style of a motion;
                 they are thrown away afterwards (without: held-out top-1 of 83 instead of 88 %)
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import ConfigurationError, InputError
from ..training import TrainingRun
from .matching import MatchingConfig, MatchingNetwork, pad_motions, pad_words
from .metrics import r_precision
from .words import Vocabulary

if TYPE_CHECKING:
    from ..datasets import Clip, PreparedDataset


@dataclass(frozen=True)
class MatchingTraining:
    """How the matching network is trained.

    Attributes:
        steps: optimiser steps of the whole training.
        batch: clips of one step.
        learning_rate: at its peak; it rises over the first 5 % and falls as a cosine.
        weight_decay: of AdamW.
        margin: distance that other captions are pushed to.
        contrast: weight of the InfoNCE term.
        recognition: weight of the heads.
        shortest_crop: share of a clip that is at least read; crops start anywhere.
        longest_crop: frames that are at most read; a few long clips would make all others wait.
        unknown_words: share of the captions' words that are read as unknown.
        validation: share of the training takes that is set aside.
        validate_every: steps between two looks at them.
        seed: of everything that is drawn.
    """

    steps: int = 1400
    batch: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    margin: float = 10.0
    contrast: float = 10.0
    recognition: float = 1.0
    shortest_crop: float = 0.7
    longest_crop: int = 120
    unknown_words: float = 0.03
    validation: float = 0.08
    validate_every: int = 100
    seed: int = 0


def train_matching(
    dataset: PreparedDataset,
    out: Path | str,
    *,
    options: MatchingTraining | None = None,
    network: MatchingNetwork | None = None,
) -> MatchingNetwork:
    """Trains, or goes on training, in the folder `out`, and writes ``matching.safetensors`` there.

    Args:
        dataset: a prepared data set.
        out: folder of the weights, the state for resuming, the log and its curves.
        options: how to train.
        network: another size or start than the default; a resumed training takes its state.

    Returns:
        The network with the weights that matched the set-aside takes best.

    Raises:
        InputError: the training split has no clips or fewer than two labels.
        KeyboardInterrupt: after the state was saved.
    """
    options = options or MatchingTraining()
    training, held_out = split_takes(dataset.split("train"), options.validation, options.seed)
    if len({clip.label for clip in training}) < 2:
        raise InputError(
            f"the training split has {len(training)} clips of fewer than 2 labels; "
            "prepare a data set with several actions"
        )
    if network is None:
        torch.manual_seed(options.seed)
        network = new_network(dataset)
    trainer = _Trainer(dataset, network, options, training)
    best: dict[str, Any] = {"score": -1.0, "weights": {}}

    def state() -> dict[str, Any]:
        return {
            "config": sorted(vars(network.config).items()),
            "weights": network.state_dict(),
            "heads": trainer.heads.state_dict(),
            "optimizer": trainer.optimizer.state_dict(),
            "best": best,
        }

    def load(kept: dict[str, Any]) -> None:
        if kept["config"] != sorted(vars(network.config).items()):
            raise ConfigurationError(
                f"{out} holds a training of another network or other data; choose another folder"
            )
        network.load_state_dict(kept["weights"])
        trainer.heads.load_state_dict(kept["heads"])
        trainer.optimizer.load_state_dict(kept["optimizer"])
        best.update(kept["best"])

    run = TrainingRun(out, steps=options.steps, title="matching network", save=state)
    run.resume(load)
    for step in run:
        losses = trainer.step(step)
        last = step + 1 == options.steps
        if held_out and ((step + 1) % options.validate_every == 0 or last):
            losses["held_out_top1"], losses["held_out_top3"] = top = validate(
                network, dataset, held_out, seed=options.seed
            )
            if sum(top) >= best["score"]:
                best.update(score=sum(top), weights=copy.deepcopy(network.state_dict()))
        if step % 10 == 0 or len(losses) > 4:
            run.log(**losses)
    if best["weights"]:
        network.load_state_dict(best["weights"])
    network.save(out)
    return network.eval()


def new_network(dataset: PreparedDataset, **sizes: Any) -> MatchingNetwork:
    """An untrained network with the words, names and statistics of a data set.

    `sizes` are fields of `MatchingConfig`.
    """
    clips = dataset.split("train")
    if not clips:
        raise InputError("the data set has no training clips; prepare it again")
    captions = [caption for clip in clips for caption in clip.captions]
    config = MatchingConfig(
        words=Vocabulary.from_captions(captions).words,
        **sizes,
    )
    return MatchingNetwork(config, mean=dataset.mean, std=dataset.std)


def split_takes(
    clips: Sequence[Clip], share: float, seed: int
) -> tuple[tuple[Clip, ...], tuple[Clip, ...]]:
    """Clips to train on and clips set aside, with all of a take on one side.

    Of the takes set aside only the clips that are not mirrored are returned. A label keeps at
    least one take to train on.
    """
    takes: dict[str, list[Clip]] = {}
    for clip in clips:
        takes.setdefault(_take(clip), []).append(clip)
    left = {clip.label: 0 for clip in clips}
    for members in takes.values():
        left[members[0].label] += 1
    aside: set[str] = set()
    for name in np.random.default_rng(seed).permutation(sorted(takes)).tolist():
        label = takes[name][0].label
        if len(aside) < share * len(takes) and left[label] > 1:
            aside.add(name)
            left[label] -= 1
    training = tuple(clip for clip in clips if _take(clip) not in aside)
    return training, tuple(c for c in clips if _take(c) in aside and not c.mirrored)


def validate(
    network: MatchingNetwork, dataset: PreparedDataset, clips: Sequence[Clip], *, seed: int = 0
) -> tuple[float, float]:
    """R-precision top-1 and top-3 of real clips, one caption each."""
    if len({clip.label for clip in clips}) < 2:
        return 0.0, 0.0
    rng = np.random.default_rng(seed)
    captions = [clip.captions[rng.integers(len(clip.captions))] for clip in clips]
    motions = network.embed_motions([dataset.features(clip) for clip in clips])
    labels = [clip.label for clip in clips]
    found = r_precision(motions, network.embed_captions(captions), labels, seed=seed)
    return found.top[0].value, found.top[-1].value


class _Trainer:
    """One optimiser step at a time; what a step draws depends on the seed and its number only."""

    def __init__(
        self,
        dataset: PreparedDataset,
        network: MatchingNetwork,
        options: MatchingTraining,
        clips: Sequence[Clip],
    ) -> None:
        self._dataset, self._network, self._options = dataset, network, options
        self._clips = clips
        self._labels = _indices([clip.label for clip in clips])
        self._actions = _indices([clip.action for clip in clips])
        self._styles = _indices([clip.style for clip in clips])
        self._chances = _chances(dataset, clips)
        self.heads = nn.ModuleDict(
            {
                "action": nn.Linear(network.config.space, _count(self._actions)),
                "style": nn.Linear(network.config.space, _count(self._styles)),
            }
        )
        self._parameters = [*network.parameters(), *self.heads.parameters()]
        self.optimizer = torch.optim.AdamW(
            self._parameters, lr=options.learning_rate, weight_decay=options.weight_decay
        )

    def step(self, number: int) -> dict[str, float]:
        options, network = self._options, self._network
        rng = np.random.default_rng((options.seed, number))
        rows = rng.choice(len(self._clips), size=options.batch, p=self._chances)
        network.train()
        motions = network.motion_points(*pad_motions([self._crop(row, rng) for row in rows]))
        captions = network.caption_points(*pad_words([self._caption(row, rng) for row in rows]))

        labels = self._labels[rows]
        margin, contrast = matching_losses(motions, captions, labels, margin=options.margin)
        action = _cross_entropy(self.heads["action"](motions), self._actions[rows])
        style = _cross_entropy(self.heads["style"](motions), self._styles[rows])
        loss = margin + options.contrast * contrast + options.recognition * (action + style)

        rate = options.learning_rate * _schedule(number, options.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self.optimizer.step()
        return {
            "loss": loss.item(),
            "margin": margin.item(),
            "contrast": contrast.item(),
            "recognition": (action + style).item(),
        }

    def _crop(self, row: int, rng: np.random.Generator) -> NDArray[np.float32]:
        features = self._dataset.features(self._clips[row])
        length = int(np.ceil(len(features) * rng.uniform(self._options.shortest_crop, 1.0)))
        length = min(length, self._options.longest_crop)
        begin = rng.integers(len(features) - length + 1)
        return features[begin : begin + length]

    def _caption(self, row: int, rng: np.random.Generator) -> list[int]:
        captions = self._clips[row].captions
        vocabulary = self._network.vocabulary
        ids = vocabulary.encode(captions[rng.integers(len(captions))])
        unknown = rng.random(len(ids)) < self._options.unknown_words
        return [
            other if forget else known
            for known, other, forget in zip(ids, vocabulary.forget(ids), unknown, strict=True)
        ]


def matching_losses(
    motions: Tensor, captions: Tensor, labels: Tensor, *, margin: float
) -> tuple[Tensor, Tensor]:
    """Margin and InfoNCE losses of points (B, D), of which equal rows belong together.

    Pairs of one label in different rows count neither as own nor as other.
    """
    squared = (motions[:, None] - captions[None]).square().sum(-1)  # (B, B)
    distance = (squared + 1e-8).sqrt()
    other = labels[:, None] != labels[None]
    push = (margin - distance).clamp_min(0).square()
    margin_loss = squared.diagonal().mean() + (push * other).sum() / other.sum().clamp_min(1)

    own = torch.eye(len(labels), dtype=torch.bool)
    logits = (-distance).masked_fill(~(other | own), -torch.inf)
    rows = torch.arange(len(labels))
    contrast = (F.cross_entropy(logits, rows) + F.cross_entropy(logits.T, rows)) / 2
    return margin_loss, contrast


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """0 where no row has a target (-100)."""
    if bool((targets < 0).all()):
        return logits.sum() * 0.0
    return F.cross_entropy(logits, targets, ignore_index=-100)


def _schedule(step: int, steps: int) -> float:
    warm = max(1, steps // 20)
    if step < warm:
        return (step + 1) / warm
    return float(0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * (step - warm) / max(1, steps - warm))))


def _chances(dataset: PreparedDataset, clips: Sequence[Clip]) -> NDArray[np.float64]:
    """The data set's class-balanced chances, of these clips alone."""
    chance_of = dict(
        zip((clip.id for clip in dataset.split("train")), dataset.weights("train"), strict=True)
    )
    chances: NDArray[np.float64] = np.array([chance_of[clip.id] for clip in clips])
    chances /= chances.sum()
    return chances


def _indices(names: Sequence[str | None]) -> Tensor:
    """Numbers of names in alphabetical order; -100 for None."""
    at = {name: index for index, name in enumerate(sorted({n for n in names if n is not None}))}
    return torch.tensor([-100 if name is None else at[name] for name in names])


def _count(indices: Tensor) -> int:
    """Outputs that a head for these needs; at least one, or torch warns."""
    return max(1, int(indices.max()) + 1)


def _take(clip: Clip) -> str:
    """What the clip was cut from: windows and mirrored copies add to its id after a colon."""
    return clip.id.split(":")[0]
