"""The results of `evaluate --motions`, as Markdown for people and JSON for machines."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .composition import Smoothness
from .metrics import Estimate
from .report_files import save_report, table

TOPS = 3  # of R-precision


@dataclass(frozen=True)
class SetScores:
    """Scores of a set of motions; intervals are over generations, or over the draws if there is
    one.

    Attributes:
        name: "real", "own length" or "cut to the real length".
        r_precision: top-1, top-2, top-3.
        fid: to the real motions; None for the real motions themselves.
        distance: MM-Dist.
        diversity: of random pairs.
        multimodality: over the generations; None with fewer than two.
        failed: missing motions in all generations.
    """

    name: str
    r_precision: tuple[Estimate, ...]
    fid: Estimate | None
    distance: Estimate
    diversity: Estimate
    multimodality: Estimate | None
    failed: int


@dataclass(frozen=True)
class MotionFilesReport:
    """All measurements of a folder of motions.

    Attributes:
        source: the folder.
        space: name of the networks.
        samples: number in the split.
        generations: number of subfolders, or 1.
        candidates: motions of a batch.
        sets: real motions, and the folder's under both protocols.
        not_run: unmeasured metrics, with what each needs.
        left_out: motions and captions of the split that are no samples, a line for each reason.
        smoothness: of the joins; None without sequences.
        transition_fid: of windows around the joins to windows of real motion.
    """

    source: str
    space: str
    samples: int
    generations: int
    candidates: int
    sets: tuple[SetScores, ...] = ()
    not_run: dict[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    smoothness: Smoothness | None = None
    transition_fid: float | None = None

    def to_json(self) -> str:
        """Return everything as a JSON object."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    def to_markdown(self) -> str:
        """Return a table with a row for each metric, and one for the joins."""
        parts = [f"# Motions of {self.source}"]
        if self.sets:
            parts.append(
                f"{self.samples} samples, {self.generations} generations, {self.candidates} motions"
                f" a batch; measured by {self.space}."
            )
            head = ["", *(s.name for s in self.sets)]
            rows = [
                *([f"R-precision top-{k + 1}", *(_cell(s.r_precision[k]) for s in self.sets)]
                  for k in range(TOPS)),
                ["FID ↓", *(_cell(s.fid) for s in self.sets)],
                ["MM-Dist ↓", *(_cell(s.distance) for s in self.sets)],
                ["Diversity", *(_cell(s.diversity) for s in self.sets)],
                ["MultiModality", *(_cell(s.multimodality) for s in self.sets)],
                ["failed", *(str(s.failed) for s in self.sets)],
            ]  # fmt: skip
            parts.append(table(head, rows))
        if self.smoothness is not None:
            smooth = self.smoothness
            transition = "–" if self.transition_fid is None else f"{self.transition_fid:.3f}"
            rows = [
                ["peak jerk ↓", f"{smooth.peak_jerk:.4f}"],
                ["area under the jerk ↓", f"{smooth.area:.4f}"],
                ["transition FID ↓", transition],
                ["joins, and those too near an end", f"{smooth.joins}, {smooth.left_out}"],
            ]
            parts.append(table(["joins", f"windows of {len(smooth.curve) + 3} frames"], rows))
        if self.left_out:
            parts.append("\n".join(f"- {line}" for line in self.left_out))
        if self.not_run:
            parts.append("\n".join(f"- {name}: {why}" for name, why in self.not_run.items()))
        parts.append("± is half of a 95 % interval over generations; with one, over the draws.")
        return "\n\n".join(parts) + "\n"

    def save(self, folder: Path | str) -> tuple[Path, Path]:
        """Write ``motions.md`` and ``motions.json``."""
        return save_report(self, folder, "motions")


def _cell(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    interval = "" if estimate.interval is None else f" ± {estimate.interval:.3f}"
    return f"{estimate.value:.3f}{interval}"
