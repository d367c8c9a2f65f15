"""Training of the matching network on a prepared data set.

The moving average of the weights is validated, and the one that matches the validation split best
is saved. The test split is never used.

Loss over all pairs of a batch with different meanings (`pairs`), where d is Euclidean distance:

    margin       d(own)² + mean over others of max(0, m - d)²     Hadsell et al. 2006, as in T2M
    contrast     cross-entropy of the own caption among all others (InfoNCE), both directions
    recognition  cross-entropy of two linear heads that name action and style of a point, be it
                 of a motion or of a caption; they are discarded afterwards

Human captions are few. To prevent memorising, word vectors are fixed (`word_vectors`), captions are
reworded and lose words, and motions are cropped, mirrored and noisy.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ..errors import ConfigurationError, InputError
from ..motionllm.backbone import DEFAULT_BACKBONE
from ..motionllm.rewording import reword
from ..training import TrainingRun
from .matching import MatchingConfig, MatchingNetwork, pad_motions, pad_words
from .metrics import RPrecision, r_precision
from .pairs import UNNAMED, Pair, numbers, pairs_of, weight_of
from .word_vectors import backbone_words
from .words import Vocabulary, split_words

if TYPE_CHECKING:
    from ..choices import Split
    from ..datasets import Clip, PreparedDataset


@dataclass(frozen=True)
class MatchingTraining:
    """Settings for training the matching network.

    Attributes:
        steps: optimiser steps of the whole training.
        batch: pairs of one step.
        learning_rate: at its peak; it rises over the first 5 % and falls as a cosine.
        weight_decay: of AdamW.
        margin: distance that other captions are pushed to.
        contrast: weight of the InfoNCE term.
        recognition: weight of the heads.
        shortest_crop: smallest share of a clip in a crop; crops start anywhere.
        longest_crop: most frames in a crop; a few long clips would slow all others.
        noise: added to the features, in standard deviations.
        reworded: share of captions that are reworded.
        unknown_words: share of caption words treated as unknown.
        backbone: source of the word vectors; None to learn them from the captions.
        average: share of the averaged weights kept in a step.
        validate_every: steps between validations.
        seed: for everything random.
    """

    steps: int = 3000
    batch: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 0.1
    margin: float = 10.0
    contrast: float = 10.0
    recognition: float = 1.0
    shortest_crop: float = 0.7
    longest_crop: int = 200
    noise: float = 0.1
    reworded: float = 0.5
    unknown_words: float = 0.1
    backbone: str | None = DEFAULT_BACKBONE
    average: float = 0.995
    validate_every: int = 100
    seed: int = 0


def train_matching(
    dataset: PreparedDataset,
    out: Path | str,
    *,
    options: MatchingTraining | None = None,
    network: MatchingNetwork | None = None,
    device: str | None = None,
) -> MatchingNetwork:
    """Train, or continue training, in the folder `out`, and write ``matching.safetensors`` there.

    Args:
        dataset: a prepared data set.
        out: folder of the weights, the state for resuming, the log and its curves.
        options: how to train.
        network: another size or start than the default; a resumed training takes its state.
        device: to train on; None for a GPU if there is one, else the CPU.

    Returns:
        The network, on the CPU, with the weights that matched the validation split best.

    Raises:
        InputError: the training split has no clips or fewer than two labels.
        UnavailableError: the backbone for the word vectors is unavailable.
        KeyboardInterrupt: after saving the state.
    """
    options = options or MatchingTraining()
    training = dataset.split("train")
    if len({clip.label for clip in training}) < 2:
        raise InputError(
            f"the training split has {len(training)} clips of fewer than 2 labels; "
            "prepare a data set with several actions"
        )
    if network is None:
        torch.manual_seed(options.seed)
        network = new_network(dataset, backbone=options.backbone)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    trainer = _Trainer(dataset, network.to(device), options, training)
    averaged = trainer.averaged_network
    held_out = held_out_pairs(dataset, "validation")
    best: dict[str, Any] = {"score": -1.0, "weights": {}}

    def state() -> dict[str, Any]:
        return {
            "config": sorted(vars(network.config).items()),
            "weights": network.state_dict(),
            "averaged": trainer.averaged.state_dict(),
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
        trainer.averaged.load_state_dict(kept["averaged"])
        trainer.heads.load_state_dict(kept["heads"])
        trainer.optimizer.load_state_dict(kept["optimizer"])
        best.update(kept["best"])

    run = TrainingRun(out, steps=options.steps, title="matching network", save=state)
    run.resume(load)
    for step in run:
        losses = trainer.step(step)
        last = step + 1 == options.steps
        if held_out and ((step + 1) % options.validate_every == 0 or last):
            precision = validate(averaged, dataset, held_out, seed=options.seed)
            top = losses["held_out_top1"], losses["held_out_top3"] = _first_and_last(precision)
            if sum(top) >= best["score"]:
                best.update(score=sum(top), weights=copy.deepcopy(averaged.state_dict()))
        if step % 10 == 0 or len(losses) > 4:
            run.log(**losses)
    averaged.load_state_dict(best["weights"] or averaged.state_dict())
    averaged.cpu().save(out)
    return averaged.eval()


def new_network(
    dataset: PreparedDataset, *, backbone: str | None = DEFAULT_BACKBONE, **sizes: Any
) -> MatchingNetwork:
    """Return an untrained network with the words, names and statistics of a data set.

    Args:
        dataset: with the training captions.
        backbone: source of the word vectors; None to learn them from the captions.
        sizes: fields of `MatchingConfig`.

    Raises:
        InputError: the data set has no training clips.
        UnavailableError: the backbone is unavailable.
    """
    clips = dataset.split("train")
    if not clips:
        raise InputError("the data set has no training clips; prepare it again")
    captions = [text for clip in clips for text in clip.texts]
    width = int(sizes.get("word_width", MatchingConfig.word_width))
    if backbone is None:
        words, vectors = Vocabulary.from_captions(captions).words, None
    else:
        own = sorted({word for caption in captions for word in split_words(caption)})
        words, vectors = backbone_words(own, width, backbone=backbone)
    config = MatchingConfig(words=words, **sizes)
    return MatchingNetwork(config, mean=dataset.mean, std=dataset.std, word_vectors=vectors)


def held_out_pairs(dataset: PreparedDataset, split: Split) -> tuple[Pair, ...]:
    """Return the human captions of a split, or all of them if there are none.

    None if the split has fewer than two meanings.
    """
    clips = [clip for clip in dataset.split(split) if not clip.mirrored]
    pairs = pairs_of(dataset, clips)
    pairs = tuple(pair for pair in pairs if pair.kind == "people") or pairs
    return pairs if len({pair.meaning for pair in pairs}) > 1 else ()


def validate(
    network: MatchingNetwork, dataset: PreparedDataset, pairs: Sequence[Pair], *, seed: int = 0
) -> RPrecision:
    """Return the R-precision of real clips and their captions."""
    at = {pair.clip.id: pair.clip for pair in pairs}
    points = network.embed_motions([dataset.features(clip) for clip in at.values()])
    rows = {name: row for row, name in enumerate(at)}
    return r_precision(
        points[[rows[pair.clip.id] for pair in pairs]],
        network.embed_captions([pair.caption.text for pair in pairs]),
        [pair.meaning for pair in pairs],
        groups=[pair.group for pair in pairs],
        seed=seed,
    )


class _Trainer:
    """Runs one optimiser step at a time; its random draws depend only on the seed and the step."""

    def __init__(
        self,
        dataset: PreparedDataset,
        network: MatchingNetwork,
        options: MatchingTraining,
        clips: Sequence[Clip],
    ) -> None:
        self._dataset, self._network, self._options = dataset, network, options
        self.averaged = AveragedModel(network, multi_avg_fn=_average(options.average))
        self.averaged.to(network.device)  # gives each of its copied GRUs one block of memory
        self._pairs = pairs_of(dataset, clips)
        self._meanings = numbers([pair.meaning for pair in self._pairs])
        self._groups = numbers([pair.group for pair in self._pairs])
        actions = [pair.clip.action for pair in self._pairs]
        self._actions = numbers([None if action == UNNAMED else action for action in actions])
        self._styles = numbers([pair.clip.style for pair in self._pairs])
        self._chances = _chances(dataset, clips)
        self.heads = nn.ModuleDict(
            {
                "action": nn.Linear(network.config.space, _count(self._actions)),
                "style": nn.Linear(network.config.space, _count(self._styles)),
            }
        ).to(network.device)
        parameters = [*network.parameters(), *self.heads.parameters()]
        self._parameters = [parameter for parameter in parameters if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self._parameters, lr=options.learning_rate, weight_decay=options.weight_decay
        )

    @property
    def averaged_network(self) -> MatchingNetwork:
        """The network with the moving average of the weights."""
        return cast("MatchingNetwork", self.averaged.module)

    def step(self, number: int) -> dict[str, float]:
        options, network = self._options, self._network
        rng = np.random.default_rng((options.seed, number))
        rows = rng.choice(len(self._pairs), size=options.batch, p=self._chances)
        pairs = [self._pairs[row] for row in rows]
        features, lengths = pad_motions([self._crop(pair.clip, rng) for pair in pairs])
        words, counts = pad_words([self._caption(pair, rng) for pair in pairs])
        network.train()
        motions = network.motion_points(self._noisy(features.to(network.device), number), lengths)
        captions = network.caption_points(words.to(network.device), counts)

        meanings, groups = self._meanings[rows], self._groups[rows]
        other = (meanings[:, None] != meanings) & (groups[:, None] != groups)  # (B, B)
        margin, contrast = matching_losses(
            motions, captions, torch.as_tensor(other).to(network.device), margin=options.margin
        )
        recognition = self._recognition(motions, rows) + self._recognition(captions, rows)
        loss = margin + options.contrast * contrast + options.recognition * recognition

        rate = options.learning_rate * _schedule(number, options.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._parameters, 1.0)
        self.optimizer.step()
        self.averaged.update_parameters(network)
        return {
            "loss": loss.item(),
            "margin": margin.item(),
            "contrast": contrast.item(),
            "recognition": recognition.item(),
        }

    def _recognition(self, points: Tensor, rows: NDArray[np.int64]) -> Tensor:
        action = _cross_entropy(self.heads["action"](points), self._actions[rows])
        return action + _cross_entropy(self.heads["style"](points), self._styles[rows])

    def _crop(self, clip: Clip, rng: np.random.Generator) -> NDArray[np.float32]:
        length = int(np.ceil(clip.length * rng.uniform(self._options.shortest_crop, 1.0)))
        length = min(length, self._options.longest_crop)
        begin = clip.start + int(rng.integers(clip.length - length + 1))
        return self._dataset.features(replace(clip, start=begin, length=length))

    def _noisy(self, features: Tensor, number: int) -> Tensor:
        random = torch.Generator(features.device).manual_seed(self._options.seed + number)
        noise = torch.randn(features.shape, generator=random, device=features.device)
        return features + self._options.noise * noise * self._network.std

    def _caption(self, pair: Pair, rng: np.random.Generator) -> list[int]:
        text = pair.caption.text
        if rng.random() < self._options.reworded:
            text = reword(text, rng)
        vocabulary = self._network.vocabulary
        ids = vocabulary.encode(text)
        unknown = rng.random(len(ids)) < self._options.unknown_words
        return [
            other if forget else known
            for known, other, forget in zip(ids, vocabulary.forget(ids), unknown, strict=True)
        ]


def matching_losses(
    motions: Tensor, captions: Tensor, other: Tensor, *, margin: float
) -> tuple[Tensor, Tensor]:
    """Return the margin and InfoNCE losses of points (B, D), in which equal rows belong together.

    `other` (B, B) marks motions and captions of different rows with different meanings; the
    remaining pairs of different rows count neither as own nor as other.
    """
    squared = (motions[:, None] - captions[None]).square().sum(-1)  # (B, B)
    distance = (squared + 1e-8).sqrt()
    push = (margin - distance).clamp_min(0).square()
    margin_loss = squared.diagonal().mean() + (push * other).sum() / other.sum().clamp_min(1)

    rows = torch.arange(len(other), device=other.device)
    own = rows[:, None] == rows
    logits = (-distance).masked_fill(~(other | own), -torch.inf)
    contrast = (F.cross_entropy(logits, rows) + F.cross_entropy(logits.T, rows)) / 2
    return margin_loss, contrast


def _cross_entropy(logits: Tensor, targets: NDArray[np.int64]) -> Tensor:
    """Return the cross-entropy; 0 if no row has a target (-100)."""
    if (targets < 0).all():
        return logits.sum() * 0.0
    return F.cross_entropy(logits, torch.as_tensor(targets).to(logits.device), ignore_index=-100)


def _schedule(step: int, steps: int) -> float:
    warm = max(1, steps // 20)
    if step < warm:
        return (step + 1) / warm
    return float(0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * (step - warm) / max(1, steps - warm))))


def _chances(dataset: PreparedDataset, clips: Sequence[Clip]) -> NDArray[np.float64]:
    """Return the sampling probability of each pair: its clip's, shared among the clip's captions by
    weight.

    A clip without human captions is drawn less often, by the weight of its captions.
    """
    chance_of = dict(
        zip((clip.id for clip in dataset.split("train")), dataset.weights("train"), strict=True)
    )
    chances: list[float] = []
    for clip in clips:
        weights = [weight_of(caption) for caption in clip.captions]
        scale = chance_of[clip.id] * max(weights) / sum(weights)
        chances += [scale * weight for weight in weights]
    probabilities: NDArray[np.float64] = np.array(chances) / sum(chances)
    return probabilities


def _average(decay: float) -> Callable[..., None]:
    average: Callable[..., None] = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    return average


def _count(indices: NDArray[np.int64]) -> int:
    """Return the number of outputs of a head for these names; at least one, or torch warns."""
    return max(1, int(indices.max()) + 1)


def _first_and_last(found: RPrecision) -> tuple[float, float]:
    return found.top[0].value, found.top[-1].value
