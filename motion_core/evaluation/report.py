"""What an evaluation found, as Markdown for people and JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..atomic import replacing
from .metrics import Estimate
from .targets import Target

if TYPE_CHECKING:
    from ..tokenizer import TokenizerReport


@dataclass(frozen=True)
class MotionScores:
    """Scores of one set of motions, one motion for each caption.

    Attributes:
        name: "real", "reconstructed" or "generated".
        r_precision: top-1, top-2, top-3.
        fid: to the real motions of the split; for these themselves to as many training motions.
        distance: MM-Dist to the captions.
        diversity: distance of random pairs.
        action: share whose action is recognised: that of the label whose captions are nearest.
        style: the same for styles, of the clips that have one; None without such clips.
        seconds: mean duration.
    """

    name: str
    r_precision: tuple[Estimate, ...]
    fid: float
    distance: Estimate
    diversity: Estimate
    action: Estimate | None
    style: Estimate | None
    seconds: float


@dataclass(frozen=True)
class CaptionSummary:
    """Captions of the real motions: shares of right actions and styles, ROUGE-L."""

    action: Estimate | None
    style: Estimate | None
    rouge_l: Estimate


@dataclass(frozen=True)
class ActionScores:
    """One row of the table per action: top-3 R-precision, and captions that name the label."""

    action: str
    clips: int
    real: Estimate
    generated: Estimate
    caption_action: Estimate | None
    caption_style: Estimate | None


@dataclass(frozen=True)
class Report:
    """All that `evaluate` measured.

    Attributes:
        engine: name of the engine.
        setting: how it was measured: clips, labels, candidates, seed and so on.
        motions: scores of real, reconstructed and generated motions.
        captions: scores of the captions; None if they were left out.
        multimodality: distance of motions made from one caption; None if it was left out.
        actions: the table per action.
        tokenizer: numbers of the engine's tokenizer on the same split; None if left out.
        targets: thresholds and what was reached.
        notes: what a reader must know to read the numbers.
        seconds: how long the evaluation took.
    """

    engine: str
    setting: Mapping[str, str | int | float]
    motions: tuple[MotionScores, ...]
    captions: CaptionSummary | None = None
    multimodality: Estimate | None = None
    actions: tuple[ActionScores, ...] = ()
    tokenizer: TokenizerReport | None = None
    targets: tuple[Target, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    def to_json(self) -> str:
        """Everything, as a JSON object."""
        values = asdict(self)
        for told, target in zip(values["targets"], self.targets, strict=True):
            told["met"] = target.met
        return json.dumps(values, indent=2, ensure_ascii=False) + "\n"

    def to_markdown(self) -> str:
        """Tables; ± is the half width of a 95 % confidence interval."""
        parts = [f"# Evaluation of {self.engine}", self._setting()]
        if self.targets:
            parts += ["## Targets", _table(_TARGET_HEAD, [_target(t) for t in self.targets])]
        parts += ["## Text to motion", _table(_MOTION_HEAD, [_motions(m) for m in self.motions])]
        if self.multimodality is not None:
            parts.append(f"MultiModality of generated motions: {_told(self.multimodality)}")
        if self.captions is not None:
            parts += ["## Motion to text", _table(_CAPTION_HEAD, [_captions(self.captions)])]
        if self.tokenizer is not None:
            parts += ["## Tokenizer", self.tokenizer.to_markdown().strip()]
        if self.actions:
            parts += ["## By action", _table(_ACTION_HEAD, [_action(a) for a in self.actions])]
        if self.notes:
            parts += ["## Notes", "\n".join(f"- {note}" for note in self.notes)]
        return "\n\n".join(parts) + "\n"

    def save(self, folder: Path | str) -> tuple[Path, Path]:
        """Writes ``evaluation.md`` and ``evaluation.json``; returns their paths."""
        paths = Path(folder) / "evaluation.md", Path(folder) / "evaluation.json"
        for path, text in zip(paths, (self.to_markdown(), self.to_json()), strict=True):
            with replacing(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
        return paths

    def _setting(self) -> str:
        told = [f"{name}: {value}" for name, value in self.setting.items()]
        return "; ".join([*told, f"{self.seconds:.0f} s"])


_MISSING = "–"
_TARGET_HEAD = ("target", "wanted", "reached", "")
_MOTION_HEAD = (
    *("motions", "R-precision top-1", "top-2", "top-3", "FID ↓", "MM-Dist ↓", "Diversity"),
    *("recognised action", "recognised style", "mean seconds"),
)
_CAPTION_HEAD = ("right action", "right style", "ROUGE-L")
_ACTION_HEAD = (
    *("action", "clips", "real top-3", "generated top-3"),
    *("caption names action", "caption names style"),
)


def _target(target: Target) -> Sequence[str]:
    sign = "≤" if target.at_most else "≥"
    reached = "not measured" if target.reached is None else f"{target.reached:.2f}{target.unit}"
    verdict = {True: "met", False: "missed", None: ""}[target.met]
    return target.name, f"{sign} {target.wanted:g}{target.unit}", reached, verdict


def _motions(scores: MotionScores) -> Sequence[str]:
    tops = [_percent(top) for top in scores.r_precision]
    return (
        *(scores.name, *tops, *[_MISSING] * (3 - len(tops)), f"{scores.fid:.3f}"),
        *(_told(scores.distance), _told(scores.diversity)),
        *(_percent(scores.action), _percent(scores.style), f"{scores.seconds:.1f}"),
    )


def _captions(scores: CaptionSummary) -> Sequence[str]:
    return _percent(scores.action), _percent(scores.style), _told(scores.rouge_l)


def _action(row: ActionScores) -> Sequence[str]:
    shares = (row.real, row.generated, row.caption_action, row.caption_style)
    return row.action, str(row.clips), *(_percent(share, interval=False) for share in shares)


def _percent(share: Estimate | None, *, interval: bool = True) -> str:
    if share is None:
        return _MISSING
    if share.interval is None or not interval:
        return f"{100 * share.value:.1f} %"
    return f"{100 * share.value:.1f} ± {100 * share.interval:.1f} %"


def _told(estimate: Estimate) -> str:
    if estimate.interval is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} ± {estimate.interval:.3f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
