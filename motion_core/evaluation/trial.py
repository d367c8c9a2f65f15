"""`Trial`: clips with one caption of one kind each, and the measurements on them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..choices import Kind
from ..errors import InputError
from ..motion import FloatArray
from ..skeleton import FPS
from .action_count import actions_named
from .bert_score import BertScore
from .captions import bleu, bleu_4, cider, rouge_l, share
from .matching import MatchingNetwork
from .metrics import (
    Estimate,
    RPrecision,
    diversity,
    fid,
    matching_distance,
    r_precision,
)
from .pairs import KINDS, UNNAMED, Pair, pairs_of
from .recognition import Recogniser
from .report import Breakdown, CaptionScores, MotionScores

if TYPE_CHECKING:
    from ..datasets import Clip, PreparedDataset

Motions = Mapping[str, FloatArray | None]
"""Features (T, 263) by the id of the clip whose caption they answer; None where none came out."""


@dataclass(frozen=True)
class Measure:
    """Settings shared by all measurements.

    Attributes:
        network: its space is used.
        recogniser: knows the training labels.
        candidates: number of captions that a motion is compared with.
        repeats: draws of the candidates.
        seed: for the draws.
        bert_score: for captions; None to skip it.
    """

    network: MatchingNetwork
    recogniser: Recogniser
    candidates: int
    repeats: int
    seed: int
    bert_score: BertScore | None = None


class Trial:
    """The measurements of one trial; see the module's docstring.

    Args:
        kind: of the captions.
        pairs: clips, each with its caption.
        measure: settings.
    """

    def __init__(self, kind: Kind, pairs: Sequence[Pair], measure: Measure) -> None:
        self.kind = kind
        self.pairs = tuple(pairs)
        self.measure = measure

    @property
    def clips(self) -> tuple[Clip, ...]:
        """The clips in order."""
        return tuple(pair.clip for pair in self.pairs)

    @cached_property
    def caption_points(self) -> FloatArray:
        """The captions' points, (N, D)."""
        return self.measure.network.embed_captions([pair.caption.text for pair in self.pairs])

    def scores(
        self, name: str, motions: Motions, reference: FloatArray
    ) -> tuple[MotionScores, RPrecision | None]:
        """Return the scores of a set of motions, one for each caption; a missing one counts as a
        miss.

        Args:
            name: of the set.
            motions: by clip id.
            reference: points (M, D) for FID.
        """
        rows = [row for row, pair in enumerate(self.pairs) if motions[pair.clip.id] is not None]
        present = [motion for pair in self.pairs if (motion := motions[pair.clip.id]) is not None]
        if len(present) < 2:
            return MotionScores.of_none(name, failed=len(self.pairs) - len(present)), None
        points = np.zeros_like(self.caption_points)
        points[rows] = self.measure.network.embed_motions(present)
        precision = self.r_precision(points, self.caption_points)
        missing = np.ones(len(points), dtype=bool)
        missing[rows] = False
        precision.hits[missing] = 0.0
        recognised = self.measure.recogniser.recognise(points)
        actions: list[bool | None] = []
        styles: list[bool | None] = []
        for row, (pair, (action, style)) in enumerate(zip(self.pairs, recognised, strict=True)):
            known, clip = not missing[row], pair.clip
            actions.append(None if clip.action == UNNAMED else known and action == clip.action)
            styles.append(None if clip.style is None else known and style == clip.style)
        scores = MotionScores(
            name=name,
            r_precision=precision.top,
            fid=fid(reference, points[rows]),
            distance=matching_distance(points[rows], self.caption_points[rows]),
            diversity=diversity(points[rows], seed=self.measure.seed),
            action=share(actions),
            style=share(styles),
            seconds=float(np.mean([len(motion) / FPS for motion in present])),
            clips=len(present),
            failed=len(self.pairs) - len(present),
        )
        return scores, precision

    def r_precision(self, motions: FloatArray, captions: FloatArray) -> RPrecision:
        """Return the R-precision of points (N, D) of motions and captions in the order of the
        pairs.
        """
        return r_precision(
            motions,
            captions,
            [pair.meaning for pair in self.pairs],
            groups=[pair.group for pair in self.pairs],
            candidates=self.measure.candidates,
            repeats=self.measure.repeats,
            seed=self.measure.seed,
        )

    def caption_scores(
        self, name: str, captions: Mapping[str, str], real: FloatArray
    ) -> CaptionScores:
        """Return the scores of captions, by clip id, of the real motions at points (N, D)."""
        texts = [captions[pair.clip.id] for pair in self.pairs]
        references = [self._references(pair, without=None) for pair in self.pairs]
        points = self.measure.network.embed_captions([text or "nothing" for text in texts])
        return self._caption_scores(name, self.r_precision(real, points).top, texts, references)

    def human_scores(self, real: RPrecision) -> CaptionScores:
        """Return the scores of the clips' own captions, each against the others of its clip."""
        references = [self._references(pair, without=pair) for pair in self.pairs]
        rows = [row for row, others in enumerate(references) if others]
        texts = [self.pairs[row].caption.text for row in rows]
        others = [references[row] for row in rows]
        return self._caption_scores("own", real.top, texts, others)

    def _caption_scores(
        self,
        name: str,
        top: tuple[Estimate, ...],
        texts: Sequence[str],
        references: Sequence[Sequence[str]],
    ) -> CaptionScores:
        if not texts:
            return CaptionScores(name, top, None, None)
        bert = self.measure.bert_score
        said = [text or "nothing" for text in texts]
        return CaptionScores(
            name,
            top,
            rouge_l=_mean_rouge(texts, references),
            bleu_4=bleu_4(texts, references),
            bleu_1=bleu(texts, references, 1),
            cider=Estimate.of_mean(cider(texts, references)),
            bert_score=None if bert is None else Estimate.of_mean(bert.scores(said, references)),
        )

    def breakdowns(self, found: Mapping[str, RPrecision]) -> tuple[Breakdown, ...]:
        """Return the top-3 R-precision of each set by source, by number of actions and by
        action.
        """
        return (
            self._breakdown("source", found, lambda pair: pair.clip.source),
            self._breakdown("actions", found, lambda pair: actions_named(pair.caption.text)),
            self._breakdown("action", found, lambda pair: pair.clip.action),
        )

    def _breakdown(
        self, by: str, found: Mapping[str, RPrecision], name_of: Callable[[Pair], str]
    ) -> Breakdown:
        at: dict[str, list[int]] = {}
        for row, pair in enumerate(self.pairs):
            at.setdefault(name_of(pair), []).append(row)
        return Breakdown(
            by,
            {name: len(rows) for name, rows in sorted(at.items())},
            {
                name: {s: Estimate.of_mean(p.hits[rows, -1]) for s, p in found.items()}
                for name, rows in sorted(at.items())
            },
        )

    def _references(self, pair: Pair, *, without: Pair | None) -> list[str]:
        """Return the captions of the same kind of the pair's clip."""
        kept = [
            caption.text
            for caption in pair.clip.captions
            if Pair(pair.clip, caption, "", "").kind == self.kind
        ]
        if without is not None:
            kept.remove(without.caption.text)
        return kept


def trials_of(
    dataset: PreparedDataset,
    clips: Sequence[Clip],
    measure: Measure,
    *,
    kinds: Collection[Kind] = KINDS,
    limit: int | None,
) -> tuple[Trial, ...]:
    """Return a trial for each kind of captions that at least two labels have.

    Args:
        dataset: of the clips.
        clips: to measure.
        measure: settings.
        kinds: candidate kinds of captions.
        limit: clips of a kind, drawn at random; None for all.

    Raises:
        InputError: no kind has clips of two labels.
    """
    rng = np.random.default_rng(measure.seed)
    trials = []
    pairs = pairs_of(dataset, clips)
    for kind in KINDS:
        by_clip: dict[str, list[Pair]] = {}
        for pair in pairs:
            if pair.kind == kind:
                by_clip.setdefault(pair.clip.id, []).append(pair)
        drawn = [own[rng.integers(len(own))] for own in by_clip.values()]
        if limit is not None and limit < len(drawn):
            drawn = [drawn[row] for row in sorted(rng.permutation(len(drawn))[:limit].tolist())]
        if kind not in kinds:  # drawn anyway: a kind's captions do not depend on the others
            continue
        if len({pair.meaning for pair in drawn}) > 1 and len({pair.group for pair in drawn}) > 1:
            trials.append(Trial(kind, drawn, measure))
    if not trials:
        raise InputError(
            f"{len(clips)} measurable clips with fewer than 2 labels; choose another split"
        )
    return tuple(trials)


def _mean_rouge(texts: Sequence[str], references: Sequence[Sequence[str]]) -> Estimate:
    return Estimate.of_mean(
        [
            max(rouge_l(text, reference) for reference in own)
            for text, own in zip(texts, references, strict=True)
        ]
    )
