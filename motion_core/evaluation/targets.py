"""Targets for a default checkpoint, beside the values that an engine reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .report import Breakdown, CaptionScores, KindScores, MotionScores

if TYPE_CHECKING:
    from ..tokenizer import TokenizerReport


@dataclass(frozen=True)
class Target:
    """A target and the value reached (None: not measured)."""

    name: str
    goal: float
    reached: float | None
    unit: str = " %"
    at_most: bool = False

    @property
    def met(self) -> bool | None:
        """Whether it was reached; None if it was not measured."""
        if self.reached is None:
            return None
        return self.reached <= self.goal if self.at_most else self.reached >= self.goal


def targets_of(kind: KindScores, tokenizer: TokenizerReport | None) -> tuple[Target, ...]:
    """Return the targets for motions and captions of one kind of captions, and for the
    tokenizer.
    """
    sets = {scores.name: scores for scores in kind.motions}
    real, generated = sets["real"], sets["generated"]
    return (
        Target(
            "R-precision top-3 of real motions; below it the network says nothing",
            50,
            100 * real.r_precision[-1].value,
        ),
        _share_of_real("top-3", 80, generated, real, -1),
        _share_of_real("top-1", 65, generated, real, 0),
        Target(
            "FID of generated motions, times that of reconstructed ones",
            3,
            _ratio(generated.fid, sets["reconstructed"].fid) if "reconstructed" in sets else None,
            "",
            at_most=True,
        ),
        Target(
            "top-3 for captions of two or more actions, above retrieval",
            0,
            _above_retrieval(kind.breakdowns),
            " points",
        ),
        Target(
            "R-precision top-3 of captions, above the nearest training clip's",
            0,
            _above_nearest(kind.captions),
            " points",
        ),
        *tokenizer_targets(tokenizer),
    )


def _share_of_real(
    top: str, goal: float, generated: MotionScores, real: MotionScores, column: int
) -> Target:
    reached = None
    if generated.r_precision:
        reached = _ratio(generated.r_precision[column].value, real.r_precision[column].value)
    return Target(
        f"R-precision {top} of generated motions, share of that of real motions",
        goal,
        None if reached is None else 100 * reached,
    )


def _above_retrieval(breakdowns: Sequence[Breakdown]) -> float | None:
    rows = [b for b in breakdowns if b.by == "actions"]
    values = [value for b in rows for value in b.clips if value != "1"]
    if not values or any("generated" not in rows[0].top3[value] for value in values):
        return None
    clips = sum(rows[0].clips[value] for value in values)
    totals = {
        name: sum(rows[0].clips[value] * rows[0].top3[value][name].value for value in values)
        for name in ("generated", "retrieval")
    }
    return 100 * (totals["generated"] - totals["retrieval"]) / clips


def _above_nearest(captions: Sequence[CaptionScores]) -> float | None:
    top = {scores.name: scores.r_precision[-1].value for scores in captions}
    if not top:
        return None
    return 100 * (top["generated"] - top["nearest training clip"])


def _ratio(value: float | None, of: float | None) -> float | None:
    return value / of if value is not None and of else None


def tokenizer_targets(report: TokenizerReport | None) -> tuple[Target, Target, Target]:
    """Return the tokenizer's targets: local joint error, drift of the root path, use of the
    codebook.
    """
    overall = report.overall if report else None
    return (
        Target(
            "tokenizer: local joint error",
            60,
            overall.mpjpe_mm if overall else None,
            " mm",
            at_most=True,
        ),
        Target(
            "tokenizer: root drift after 5 s, median",
            10,
            overall.drift_cm if overall else None,
            " cm",
            at_most=True,
        ),
        Target("tokenizer: codes in use", 60, 100 * report.codes_used_share if report else None),
    )
