"""`evaluate`: the quality of an engine's motions and captions on held-out clips.

    motion-agent evaluate --data data/prepared --out report

Human captions, the sources' descriptions and class labels are measured separately. One caption of
each kind is drawn for every clip that is not mirrored. Four motions are compared for it, with the
same candidates: the clip itself, the clip after encoding and decoding, the engine's motion, and the
training clip with the nearest caption. The engine's captions of the clips are compared with those
of the training clips that move most alike.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..choices import Kind
from ..engine import MAX_DESCRIPTION, GenerationRequest, MotionEngine, Take, TokenEngine
from ..errors import ConfigurationError, InputError
from ..motion import FloatArray
from ..retrieval import RetrievalEngine
from ..skeleton import FPS
from .bert_score import BertScore
from .matching import MatchingNetwork
from .metrics import CANDIDATES, REPEATS, Estimate, RPrecision, multimodality
from .outputs import Outputs, Stages
from .pairs import KINDS
from .recognition import Recogniser
from .report import CaptionScores, KindScores, MotionScores, Report
from .targets import targets_of
from .trial import Measure, Motions, Trial, trials_of

if TYPE_CHECKING:
    from ..choices import Split
    from ..datasets import Clip, PreparedDataset
    from ..tokenizer import TokenizerReport

LONGEST = 240  # most frames of a measured clip; captions of longer ones say little about each part


@dataclass(frozen=True)
class EvaluationOptions:
    """Settings of `evaluate`.

    Attributes:
        split: "train", "validation", "test" or "all".
        limit: measure on this many clips of each kind of captions, drawn at random; None for all.
        batch: descriptions or motions given to the engine at a time.
        seed: for captions, sampling and candidates.
        repeats: draws of the candidates.
        candidates: number of captions that a motion is compared with.
        match_length: request motions as long as the real ones; else the engine decides.
        greedy: take the most probable token each time.
        captions: measure captions too.
        multimodality: number of captions with several motions each; 0 to skip it.
        takes: motions for each of these captions.
        kinds: kinds of captions to measure on.

    Raises:
        ConfigurationError: a number is too small to measure anything.
    """

    split: Split | Literal["all"] = "test"
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
    kinds: tuple[Kind, ...] = KINDS

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
    bert_score: BertScore | None = None,
    progress: Stages | None = None,
) -> Report:
    """Measure an engine on a split of a prepared data set; failed generations count as misses.

    What is not measured is named in the notes, with what it needs.

    Raises:
        InputError: the split has no clip to measure, or clips of only one label.
    """
    options, begin = options or EvaluationOptions(), time.monotonic()
    trials = _trials(dataset, matching, options, bert_score)
    run = _Run(engine, dataset, trials, options, progress)
    kinds = tuple(run.measure(trial) for trial in trials)
    tokenizer = _measure_tokenizer(engine, dataset, options.split)
    return Report(
        engine=engine.name,
        setting=_setting(options),
        kinds=kinds,
        multimodality=run.multimodality(trials[0]) if options.multimodality else None,
        tokenizer=tokenizer,
        targets=targets_of(kinds[0], tokenizer),
        notes=(*_notes(kinds, options.candidates), *_not_run(options, bert_score)),
        seconds=time.monotonic() - begin,
    )


class _Run:
    """The motions and captions of one evaluation; each clip is read, encoded and captioned once."""

    def __init__(
        self,
        engine: MotionEngine,
        dataset: PreparedDataset,
        trials: Sequence[Trial],
        options: EvaluationOptions,
        progress: Stages | None,
    ) -> None:
        self._dataset, self._options = dataset, options
        self._outputs = Outputs(engine, batch=options.batch, progress=progress)
        self._lookup = RetrievalEngine(dataset)
        clips = {clip.id: clip for trial in trials for clip in trial.clips}
        self.real = {name: dataset.features(clip) for name, clip in clips.items()}
        takes = self._outputs.encode(list(self.real.values()))
        self.reconstructed: dict[str, FloatArray] = {}
        if isinstance(engine, TokenEngine):
            decoded = self._outputs.decode([Take(take.tokens) for take in takes])
            self.reconstructed = dict(zip(clips, decoded, strict=True))
        self.captions: dict[str, dict[str, str]] = {}
        if options.captions:
            nearest = [self._lookup.nearest_caption(motion) for motion in self.real.values()]
            self.captions["generated"] = dict(
                zip(clips, self._outputs.captions(takes), strict=True)
            )
            self.captions["nearest training clip"] = dict(zip(clips, nearest, strict=True))

    def measure(self, trial: Trial) -> KindScores:
        """Return all tables of one kind of captions."""
        names = [clip.id for clip in trial.clips]
        requests = self._requests(trial)
        retrieved = [
            self._lookup.nearest_clip(request.description, seed=request.seed)
            for request in requests
        ]
        sets: dict[str, Motions] = {
            "real": self.real,
            **({"reconstructed": self.reconstructed} if self.reconstructed else {}),
            "generated": dict(
                zip(names, self._outputs.motions(requests, of=f"for {trial.kind}"), strict=True)
            ),
            "retrieval": {
                name: self._dataset.features(clip)[:LONGEST]
                for name, clip in zip(names, retrieved, strict=True)
            },
        }
        network = trial.measure.network
        real = network.embed_motions([self.real[name] for name in names])
        # Real motions would be at distance 0 from themselves; training motions tell more.
        training = _choose(self._dataset, "train", len(names), self._options.seed)
        known = network.embed_motions([self._dataset.features(clip) for clip in training])
        scores: list[MotionScores] = []
        found: dict[str, RPrecision] = {}
        for name, motions in sets.items():
            row, precision = trial.scores(name, motions, known if name == "real" else real)
            scores.append(row)
            if precision is not None:
                found[name] = precision
        captions: list[CaptionScores] = []
        if self.captions:
            captions = [
                trial.human_scores(found["real"]),
                *(trial.caption_scores(name, texts, real) for name, texts in self.captions.items()),
            ]
        return KindScores(
            kind=trial.kind,
            clips=len(names),
            candidates=found["real"].candidates,
            motions=tuple(scores),
            captions=tuple(captions),
            breakdowns=trial.breakdowns(found),
        )

    def multimodality(self, trial: Trial) -> Estimate | None:
        """Generate several takes of some captions, each take with its own seed."""
        options = self._options
        rows = np.random.default_rng(options.seed).permutation(len(trial.pairs))
        requests = [
            GenerationRequest(
                trial.pairs[row].caption.text[:MAX_DESCRIPTION], seed=options.seed + take
            )
            for row in rows[: options.multimodality]
            for take in range(options.takes)
        ]
        motions = self._outputs.motions(requests, of="of several takes")
        takes = [motions[at : at + options.takes] for at in range(0, len(motions), options.takes)]
        found = [[motion for motion in own if motion is not None] for own in takes]
        whole = [own for own in found if len(own) == options.takes]
        if not whole:
            return None
        points = trial.measure.network.embed_motions([motion for own in whole for motion in own])
        return multimodality(points.reshape(len(whole), options.takes, -1), seed=options.seed)

    def _requests(self, trial: Trial) -> list[GenerationRequest]:
        options = self._options
        return [
            GenerationRequest(
                pair.caption.text[:MAX_DESCRIPTION],
                seed=options.seed + number,
                seconds=pair.clip.length / FPS if options.match_length else None,
                greedy=options.greedy,
            )
            for number, pair in enumerate(trial.pairs)
        ]


def _trials(
    dataset: PreparedDataset,
    matching: MatchingNetwork,
    options: EvaluationOptions,
    bert_score: BertScore | None,
) -> tuple[Trial, ...]:
    clips = _choose(dataset, options.split, None, options.seed)
    measure = Measure(
        matching,
        Recogniser(matching, dataset.split("train")),
        options.candidates,
        options.repeats,
        options.seed,
        bert_score,
    )
    return trials_of(dataset, clips, measure, kinds=options.kinds, limit=options.limit)


def _choose(
    dataset: PreparedDataset, split: Split | Literal["all"], limit: int | None, seed: int
) -> tuple[Clip, ...]:
    """Return the clips of a split that can be measured, or `limit` of them in the same order.

    Raises:
        InputError: there are none.
    """
    clips = [c for c in dataset.split(split) if not c.mirrored and c.length <= LONGEST]
    if not clips:
        raise InputError(f"the {split} split has no clips to measure; prepare the data set again")
    if limit is None or limit >= len(clips):
        return tuple(clips)
    drawn = np.random.default_rng(seed).permutation(len(clips))[:limit]
    return tuple(clips[row] for row in sorted(drawn.tolist()))


def _setting(options: EvaluationOptions) -> dict[str, str | int | float]:
    return {
        "split": options.split,
        "draws of candidates": options.repeats,
        "seed": options.seed,
        "tokens": "most probable" if options.greedy else "sampled",
        "length": "of the real clip" if options.match_length else "decided by the engine",
    }


def _measure_tokenizer(
    engine: MotionEngine, dataset: PreparedDataset, split: Split | Literal["all"]
) -> TokenizerReport | None:
    """Return the tokenizer's scores; None for an engine without our tokenizer."""
    from ..tokenizer import MotionTokenizer, evaluate_tokenizer

    tokenizer = getattr(engine, "tokenizer", None)
    if not isinstance(tokenizer, MotionTokenizer) or split == "all":
        return None
    return evaluate_tokenizer(tokenizer, dataset, split)


def _notes(kinds: Sequence[KindScores], candidates: int) -> tuple[str, ...]:
    fewer = [kind for kind in kinds if kind.candidates < candidates]
    return (
        *(
            f"A motion for {kind.kind} has {kind.candidates} candidate captions instead of"
            f" {candidates} because labels are few: R-precision is easier there."
            for kind in fewer
        ),
        *_NOTES,
    )


def _not_run(options: EvaluationOptions, bert_score: BertScore | None) -> tuple[str, ...]:
    needs = {
        "MultiModality": None if options.multimodality else "--multimodality N",
        "Captions": None if options.captions else "to be run without --no-captions",
        "BERTScore": None if bert_score else "--bert-score MODEL, such as roberta-large",
        "R-precision, FID, MM-Dist and Diversity of published tables": (
            "--t2m FOLDER with the T2M evaluators, and a HumanML3D folder as --data"
        ),
        "Transition FID and jerk of joins": "composed --motions and their --sequences",
    }
    return tuple(f"{name}: not run: needs {what}." for name, what in needs.items() if what)


_NOTES = (
    "± is half of a 95 % confidence interval: over the clips; for Diversity over draws of pairs; "
    "for MultiModality over the captions.",
    "Everything is measured in the space of a matching network trained on this data set; the"
    " numbers are not comparable with another network's. If real motions reach less than 50 %"
    " top-3, they are meaningless.",
    "The candidates of a motion have distinct labels and are not of the motion's own group of "
    "near-duplicates: the same action in other styles is among them, the same motion is not.",
    f"Clips longer than {LONGEST / FPS:g} s and mirrored copies are not measured.",
    "Retrieval answers with the training clip whose caption is nearest, as it was recorded; on "
    "training clips it finds the clip itself. A failed generation counts as a miss.",
    "The recognised action and style are those of the training label whose captions are nearest "
    "to the motion; styles are counted over clips that have one.",
    'Actions of a caption: its parts between "and", "then", "while", "before", "after" and '
    "punctuation that hold a verb of motion.",
    "FID is to the real motions; that of the real motions is to as many real training motions, "
    "which the matching network has seen. Compare FIDs of the same number of clips only.",
    "ROUGE-L, BLEU and CIDEr-D of the clips' own captions are against the other captions of the "
    "clip.",
)
