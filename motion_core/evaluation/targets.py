"""The numbers that a default checkpoint is to reach, beside those that an engine reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .captions import CaptionScores
from .metrics import Estimate, RPrecision

if TYPE_CHECKING:
    from ..tokenizer import TokenizerReport


@dataclass(frozen=True)
class Target:
    """A number to reach and the one that was reached (None: not measured)."""

    name: str
    wanted: float
    reached: float | None
    unit: str = " %"
    at_most: bool = False

    @property
    def met(self) -> bool | None:
        """Whether it was reached; None if it was not measured."""
        if self.reached is None:
            return None
        return self.reached <= self.wanted if self.at_most else self.reached >= self.wanted


def generation_target(real: RPrecision, generated: RPrecision) -> Target:
    """Top-3 R-precision of generated motions in per cent of that of real motions."""
    ceiling = real.top[-1].value
    return Target(
        "R-precision top-3 of generated motions, share of that of real motions",
        85,
        100 * generated.top[-1].value / ceiling if ceiling else None,
    )


def caption_targets(captions: CaptionScores | None) -> tuple[Target, Target]:
    """Captions that name the right action and the right style."""
    action, style = (captions.action, captions.style) if captions else (None, None)
    return (
        Target("captions that name the right action", 85, _percent(action)),
        Target("captions that name the right style", 60, _percent(style)),
    )


def tokenizer_targets(report: TokenizerReport | None) -> tuple[Target, Target, Target]:
    """Local joint error, drift of the root path, and use of the codebook."""
    overall = report.overall if report else None
    return (
        Target(
            "tokenizer: local joint error",
            30,
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


def _percent(share: Estimate | None) -> float | None:
    return None if share is None else 100 * share.value
