"""`evaluate`: how good are an engine's motions and captions on clips it was not trained on?

    python -m motion_agent.motion_core.evaluation --data data/prepared --out report

For every test clip that is not mirrored one of its captions is drawn. The engine makes a motion
from it; the clip itself, and the clip after encoding and decoding, stand beside it, measured with
the same captions and the same candidates. Captions are made from the tokens of the clips.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..engine import MAX_DESCRIPTION, GenerationRequest, MotionEngine, Take, TokenEngine
from ..errors import ConfigurationError, InputError
from ..motion import FloatArray
from ..skeleton import FPS
from .captions import CaptionScores, score_captions, share
from .matching import MatchingNetwork
from .metrics import (
    CANDIDATES,
    REPEATS,
    Estimate,
    RPrecision,
    diversity,
    fid,
    matching_distance,
    multimodality,
    r_precision,
)
from .outputs import Outputs, Stages
from .recognition import Recogniser
from .report import ActionScores, CaptionSummary, MotionScores, Report
from .targets import caption_targets, generation_target, tokenizer_targets

if TYPE_CHECKING:
    from ..datasets import Clip, PreparedDataset
    from ..datasets.prepared import Split
    from ..tokenizer import TokenizerReport


@dataclass(frozen=True)
class EvaluationOptions:
    """How `evaluate` measures.

    Attributes:
        split: "test" or "train".
        limit: measure on this many clips, drawn at random; None for all.
        batch: descriptions or motions that the engine gets at a time.
        seed: of captions, sampling and candidates.
        repeats: draws of the candidates.
        candidates: captions that a motion is compared with.
        match_length: ask for motions as long as the real ones; else the engine decides.
        greedy: take the most probable token each time.
        captions: measure captions too.
        multimodality: captions of which several motions are made; 0 leaves it out.
        takes: motions of each of these.

    Raises:
        ConfigurationError: a number with which nothing can be measured.
    """

    split: Split = "test"
    limit: int | None = None
    batch: int = 32
    seed: int = 0
    repeats: int = REPEATS
    candidates: int = CANDIDATES
    match_length: bool = False
    greedy: bool = False
    captions: bool = True
    multimodality: int = 0
    takes: int = 10

    def __post_init__(self) -> None:
        least = {"batch": 1, "repeats": 1, "candidates": 2, "multimodality": 0, "takes": 2}
        if self.limit is not None:
            least["limit"] = 2
        for name, smallest in least.items():
            if getattr(self, name) < smallest:
                raise ConfigurationError(
                    f"{name} is {getattr(self, name)}; give at least {smallest}"
                )


def evaluate(
    engine: MotionEngine,
    dataset: PreparedDataset,
    matching: MatchingNetwork,
    *,
    options: EvaluationOptions | None = None,
    progress: Stages | None = None,
) -> Report:
    """Measures an engine on a split of a prepared data set.

    Raises:
        InputError: the split has no clip to measure, or clips of one label only.
        GenerationError: the engine gave no motion for a caption.
    """
    options, begin = options or EvaluationOptions(), time.monotonic()
    outputs = Outputs(engine, batch=options.batch, progress=progress)
    trial = _Trial(dataset, matching, options)
    real = trial.real_motions()
    real_takes = outputs.encode(real)
    sets = {"real": real}
    if isinstance(engine, TokenEngine):
        sets["reconstructed"] = outputs.decode([Take(take.tokens) for take in real_takes])
    sets["generated"] = outputs.motions(trial.requests())
    points = {name: matching.embed_motions(motions) for name, motions in sets.items()}
    found = {name: trial.r_precision(points[name]) for name in sets}
    # Real motions would be at distance 0 of themselves; other real motions tell more.
    references = dict.fromkeys(sets, points["real"]) | {"real": trial.training_points()}
    scores = tuple(
        trial.scores(name, sets[name], points[name], found[name], references[name]) for name in sets
    )
    captions = trial.score_captions(outputs.captions(real_takes)) if options.captions else None
    tokenizer = _measure_tokenizer(engine, dataset, options.split)
    candidates = found["real"].candidates
    return Report(
        engine=engine.name,
        setting=trial.setting(candidates),
        motions=scores,
        captions=_summary(captions) if captions else None,
        multimodality=trial.multimodality(outputs) if options.multimodality else None,
        actions=trial.by_action(found["real"], found["generated"], captions),
        tokenizer=tokenizer,
        targets=(
            generation_target(found["real"], found["generated"]),
            *caption_targets(captions),
            *tokenizer_targets(tokenizer),
        ),
        notes=_notes(candidates, options.candidates),
        seconds=time.monotonic() - begin,
    )


class _Trial:
    """The clips, one caption of each, and what can be measured against them."""

    def __init__(
        self, dataset: PreparedDataset, matching: MatchingNetwork, options: EvaluationOptions
    ) -> None:
        self.dataset, self.matching, self.options = dataset, matching, options
        self.clips = _choose(dataset, options.split, options.limit, options.seed)
        self.labels = [clip.label for clip in self.clips]
        if len(set(self.labels)) < 2:
            raise InputError(
                f"all clips of the {options.split} split have the label {self.labels[0]!r}; "
                "measuring needs at least 2 labels"
            )
        rng = np.random.default_rng(options.seed)
        self.descriptions = [_describe(clip, rng) for clip in self.clips]
        self.caption_points = matching.embed_captions(self.descriptions)
        self.recogniser = Recogniser(matching, dataset.split("train"))

    def real_motions(self) -> list[FloatArray]:
        return [self.dataset.features(clip) for clip in self.clips]

    def requests(self) -> list[GenerationRequest]:
        options = self.options
        return [
            GenerationRequest(
                description,
                seed=options.seed + number,
                seconds=clip.length / FPS if options.match_length else None,
                greedy=options.greedy,
            )
            for number, (description, clip) in enumerate(
                zip(self.descriptions, self.clips, strict=True)
            )
        ]

    def training_points(self) -> FloatArray:
        clips = _choose(self.dataset, "train", len(self.clips), self.options.seed)
        return self.matching.embed_motions([self.dataset.features(clip) for clip in clips])

    def r_precision(self, points: FloatArray) -> RPrecision:
        return r_precision(
            points,
            self.caption_points,
            self.labels,
            candidates=self.options.candidates,
            repeats=self.options.repeats,
            seed=self.options.seed,
        )

    def scores(
        self,
        name: str,
        motions: Sequence[FloatArray],
        points: FloatArray,
        found: RPrecision,
        reference: FloatArray,
    ) -> MotionScores:
        recognised = list(zip(self.recogniser.recognise(points), self.clips, strict=True))
        return MotionScores(
            name=name,
            r_precision=found.top,
            fid=fid(reference, points),
            distance=matching_distance(points, self.caption_points),
            diversity=diversity(points, seed=self.options.seed),
            action=share([said == clip.action for (said, _), clip in recognised]),
            style=share([said == clip.style for (_, said), clip in recognised if clip.style]),
            seconds=float(np.mean([len(motion) / FPS for motion in motions])),
        )

    def score_captions(self, captions: Sequence[str]) -> CaptionScores:
        from ..datasets import labels_in_caption

        return score_captions(
            captions,
            [(clip.action, clip.style) for clip in self.clips],
            [clip.captions for clip in self.clips],
            labels_in_caption,
        )

    def multimodality(self, outputs: Outputs) -> Estimate:
        """Several takes of some of the captions, each take with its own seed."""
        options = self.options
        rows = np.random.default_rng(options.seed).permutation(len(self.clips))
        rows = rows[: options.multimodality]
        requests = [
            GenerationRequest(self.descriptions[row], seed=options.seed + take)
            for row in rows
            for take in range(options.takes)
        ]
        motions = outputs.motions(requests, of="several takes")
        points = self.matching.embed_motions(motions).reshape(len(rows), options.takes, -1)
        return multimodality(points, seed=options.seed)

    def by_action(
        self, real: RPrecision, generated: RPrecision, captions: CaptionScores | None
    ) -> tuple[ActionScores, ...]:
        rows: dict[str, list[int]] = {}
        for row, clip in enumerate(self.clips):
            rows.setdefault(clip.action, []).append(row)
        return tuple(
            ActionScores(
                action=action,
                clips=len(at),
                real=Estimate.of_mean(real.hits[at, -1]),
                generated=Estimate.of_mean(generated.hits[at, -1]),
                caption_action=share([captions.action_right[r] for r in at]) if captions else None,
                caption_style=share([captions.style_right[r] for r in at]) if captions else None,
            )
            for action, at in sorted(rows.items())
        )

    def setting(self, candidates: int) -> dict[str, str | int | float]:
        options = self.options
        return {
            "split": options.split,
            "clips": len(self.clips),
            "labels": len(set(self.labels)),
            "candidates": candidates,
            "draws of candidates": options.repeats,
            "seed": options.seed,
            "tokens": "most probable" if options.greedy else "sampled",
            "length": "of the real clip" if options.match_length else "decided by the engine",
        }


def _choose(
    dataset: PreparedDataset, split: Split, limit: int | None, seed: int
) -> tuple[Clip, ...]:
    """The clips of a split that are not mirrored, or `limit` of them in the same order."""
    clips = [clip for clip in dataset.split(split) if not clip.mirrored]
    if not clips:
        raise InputError(f"the {split} split has no clips to measure; prepare the data set again")
    if limit is None or limit >= len(clips):
        return tuple(clips)
    drawn = np.random.default_rng(seed).permutation(len(clips))[:limit]
    return tuple(clips[row] for row in sorted(drawn.tolist()))


def _describe(clip: Clip, rng: np.random.Generator) -> str:
    """One caption of the clip, cut where the engine would refuse it for its length."""
    return clip.captions[rng.integers(len(clip.captions))][:MAX_DESCRIPTION]


def _summary(captions: CaptionScores) -> CaptionSummary:
    return CaptionSummary(captions.action, captions.style, Estimate.of_mean(captions.rouge_l))


def _measure_tokenizer(
    engine: MotionEngine, dataset: PreparedDataset, split: Split
) -> TokenizerReport | None:
    """None for an engine that shows no tokenizer of ours."""
    from ..tokenizer import MotionTokenizer, evaluate_tokenizer

    tokenizer = getattr(engine, "tokenizer", None)
    if not isinstance(tokenizer, MotionTokenizer):
        return None
    return evaluate_tokenizer(tokenizer, dataset, split)


def _notes(candidates: int, wanted: int) -> tuple[str, ...]:
    if candidates == wanted:
        return _NOTES
    return (
        f"The clips have only {candidates} labels, so a motion has {candidates} candidate "
        f"captions instead of {wanted}: R-precision is easier here than with {wanted}.",
        *_NOTES,
    )


_NOTES = (
    "± is half of a 95 % confidence interval: over the clips; for Diversity over draws of pairs; "
    "for MultiModality over the captions.",
    "All is measured in the space of a matching network trained on this data set; the numbers "
    "cannot be compared with those of another network.",
    "The candidates of a motion have distinct labels (action and style), so the same action in "
    "other styles is among them.",
    "The recognised action and style are those of the training label whose captions are nearest "
    "to the motion; styles are counted over clips that have one.",
    "Captions were generated from class labels, except CMU's own descriptions.",
    "FID is to the real motions; that of the real motions is to as many real training motions, "
    "which the matching network has seen.",
)
