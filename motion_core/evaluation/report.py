"""The results of an evaluation, as Markdown for people and JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..choices import Kind
from .metrics import Estimate
from .report_files import save_report, table

if TYPE_CHECKING:
    from ..tokenizer import TokenizerReport
    from .targets import Target


@dataclass(frozen=True)
class MotionScores:
    """Scores of one set of motions, one motion for each caption.

    Attributes:
        name: "real", "reconstructed", "generated" or "retrieval".
        r_precision: top-1, top-2, top-3; empty if nothing could be measured.
        fid: to the real motions of the split; for those themselves, to as many training motions.
        distance: MM-Dist to the captions.
        diversity: distance of random pairs.
        action: share whose action is recognised, by the label with the nearest captions.
        style: the same for styles, of clips that have one; None without such clips.
        seconds: mean duration.
        clips: number of motions for FID, MM-Dist and Diversity.
        failed: captions without a motion, which are misses of R-precision.
    """

    name: str
    r_precision: tuple[Estimate, ...]
    fid: float | None
    distance: Estimate | None
    diversity: Estimate | None
    action: Estimate | None
    style: Estimate | None
    seconds: float
    clips: int = 0
    failed: int = 0

    @classmethod
    def of_none(cls, name: str, *, failed: int) -> MotionScores:
        """Return scores for a set with too few motions to measure."""
        return cls(name, (), None, None, None, None, None, 0.0, failed=failed)


@dataclass(frozen=True)
class CaptionScores:
    """Scores of captions of the real motions: R-precision against these, and word by word.

    Attributes:
        name: "own", "generated" or "nearest training clip".
        r_precision: top-1, top-2, top-3.
        rouge_l: mean over the clips; None if a clip has no other caption.
        bleu_4, bleu_1: of all clips together.
        cider: CIDEr-D, mean over the clips.
        bert_score: F1, mean over the clips; None without a model.
    """

    name: str
    r_precision: tuple[Estimate, ...]
    rouge_l: Estimate | None
    bleu_4: float | None
    bleu_1: float | None = None
    cider: Estimate | None = None
    bert_score: Estimate | None = None


@dataclass(frozen=True)
class Breakdown:
    """R-precision top-3 of each set of motions, broken down by one property of clip or caption.

    Attributes:
        by: "source", "actions" (how many the caption names) or "action".
        clips: number of clips by value.
        top3: by value, the estimate of each set.
    """

    by: str
    clips: Mapping[str, int]
    top3: Mapping[str, Mapping[str, Estimate]]


@dataclass(frozen=True)
class KindScores:
    """Everything measured for one kind of captions.

    Attributes:
        kind: "people", "descriptions" or "labels".
        clips: number measured, each with one caption.
        candidates: number of captions that a motion is compared with.
        motions: scores of real, reconstructed, generated and retrieved motions.
        captions: scores of the clips' own captions, the engine's and the nearest clips'.
        breakdowns: by source, by number of actions and by action.
    """

    kind: Kind
    clips: int
    candidates: int
    motions: tuple[MotionScores, ...]
    captions: tuple[CaptionScores, ...] = ()
    breakdowns: tuple[Breakdown, ...] = ()


@dataclass(frozen=True)
class Report:
    """The results of `evaluate`.

    Attributes:
        engine: name of the engine.
        setting: split, seed and so on.
        kinds: tables for each kind of captions; human ones first, if any.
        multimodality: distance of motions for one caption; None if skipped.
        tokenizer: scores of the engine's tokenizer on the same split; None if skipped.
        targets: thresholds and values reached, for the first kind.
        notes: explanations needed to read the numbers.
        seconds: duration of the evaluation.
    """

    engine: str
    setting: Mapping[str, str | int | float]
    kinds: tuple[KindScores, ...]
    multimodality: Estimate | None = None
    tokenizer: TokenizerReport | None = None
    targets: tuple[Target, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def motions(self) -> tuple[MotionScores, ...]:
        """Scores of the motions for the first kind of captions."""
        return self.kinds[0].motions

    def to_json(self) -> str:
        """Return everything as a JSON object."""
        values = asdict(self)
        for row, target in zip(values["targets"], self.targets, strict=True):
            row["met"] = target.met
        return json.dumps(values, indent=2, ensure_ascii=False) + "\n"

    def to_markdown(self) -> str:
        """Return tables; ± is the half width of a 95 % confidence interval."""
        parts = [f"# Evaluation of {self.engine}", self._setting()]
        if self.targets:
            parts += ["## Targets", table(_TARGET_HEAD, [_target(t) for t in self.targets])]
        for kind in self.kinds:
            parts += _kind(kind)
        if self.multimodality is not None:
            parts.append(f"MultiModality of generated motions: {_number(self.multimodality)}")
        if self.tokenizer is not None:
            parts += ["## Tokenizer", self.tokenizer.to_markdown().strip()]
        if self.notes:
            parts += ["## Notes", "\n".join(f"- {note}" for note in self.notes)]
        return "\n\n".join(parts) + "\n"

    def save(self, folder: Path | str) -> tuple[Path, Path]:
        """Write ``evaluation.md`` and ``evaluation.json``; return their paths."""
        return save_report(self, folder, "evaluation")

    def _setting(self) -> str:
        facts = [f"{name}: {value}" for name, value in self.setting.items()]
        return "; ".join([*facts, f"{self.seconds:.0f} s"])


_MISSING = "–"
_TITLES: Mapping[Kind, str] = {
    "people": "Captions by people",
    "descriptions": "Descriptions of the sources",
    "labels": "Class labels",
}
_BREAKDOWNS = {
    "source": "source of the motion",
    "actions": "actions in the caption",
    "action": "action",
}
_TARGET_HEAD = ("target", "goal", "reached", "")
_CAPTION_HEAD = (
    "captions",
    "R-precision top-1",
    "top-2",
    "top-3",
    "ROUGE-L",
    "BLEU-4",
    "BLEU-1",
    "CIDEr-D",
)


def _kind(kind: KindScores) -> list[str]:
    title = f"## {_TITLES[kind.kind]}: {kind.clips} clips, {kind.candidates} candidates"
    head = ("text to motion", *(scores.name for scores in kind.motions))
    parts = [title, table(head, _motion_rows(kind.motions))]
    if kind.captions:
        bert = any(row.bert_score for row in kind.captions)
        caption_head = (*_CAPTION_HEAD, *(("BERTScore F1",) if bert else ()))
        rows = [_captions(row)[: len(caption_head)] for row in kind.captions]
        parts.append(table(caption_head, rows))
    for breakdown in kind.breakdowns:
        if len(breakdown.clips) > 1:
            names = tuple(scores.name for scores in kind.motions if scores.r_precision)
            head = (f"top-3 by {_BREAKDOWNS[breakdown.by]}", "clips", *names)
            parts.append(table(head, _breakdown(breakdown, names)))
    return parts


def _motion_rows(motions: Sequence[MotionScores]) -> list[Sequence[str]]:
    tops = max(len(scores.r_precision) for scores in motions)
    rows: list[Sequence[str]] = [
        (
            f"R-precision top-{top + 1}",
            *(_percent(m.r_precision[top] if m.r_precision else None) for m in motions),
        )
        for top in range(tops)
    ]
    fids = (_MISSING if m.fid is None else f"{m.fid:.3f} of {m.clips}" for m in motions)
    rows += [
        ("FID ↓ and its clips", *fids),
        ("MM-Dist ↓", *(_number(m.distance) for m in motions)),
        ("Diversity", *(_number(m.diversity) for m in motions)),
        ("recognised action", *(_percent(m.action) for m in motions)),
    ]
    if any(m.style for m in motions):
        rows.append(("recognised style", *(_percent(m.style) for m in motions)))
    rows.append(("mean seconds", *(f"{m.seconds:.1f}" for m in motions)))
    if any(m.failed for m in motions):
        rows.append(("failed", *(str(m.failed) for m in motions)))
    return rows


def _captions(scores: CaptionScores) -> Sequence[str]:
    tops = [_percent(top) for top in scores.r_precision]
    tops += [_MISSING] * (3 - len(tops))
    bleus = [_MISSING if b is None else f"{b:.3f}" for b in (scores.bleu_4, scores.bleu_1)]
    others = (_number(scores.cider), _number(scores.bert_score))
    return scores.name, *tops, _number(scores.rouge_l), *bleus, *others


def _breakdown(breakdown: Breakdown, names: Sequence[str]) -> list[Sequence[str]]:
    return [
        (value, str(clips), *(_percent(breakdown.top3[value].get(name)) for name in names))
        for value, clips in breakdown.clips.items()
    ]


def _target(target: Target) -> Sequence[str]:
    sign = "≤" if target.at_most else "≥"
    reached = "not measured" if target.reached is None else f"{target.reached:.2f}{target.unit}"
    verdict = {True: "met", False: "missed", None: ""}[target.met]
    return target.name, f"{sign} {target.goal:g}{target.unit}", reached, verdict


def _percent(share: Estimate | None) -> str:
    if share is None:
        return _MISSING
    if share.interval is None:
        return f"{100 * share.value:.1f} %"
    return f"{100 * share.value:.1f} ± {100 * share.interval:.1f} %"


def _number(estimate: Estimate | None) -> str:
    return _MISSING if estimate is None else str(estimate)
