"""Ablation of the motion model: the table of backbones, LoRA ranks and engines.

Table 3 of the paper compares backbones and ranks by trainable parameters, R-precision, FID, MM-Dist
and Diversity. This makes the same table for any checkpoints and engines, measured on the same
captions in the space of one matching network.
"""

from __future__ import annotations

import csv
import io
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..motion_core.atomic import replacing
from ..motion_core.engine import MAX_DESCRIPTION, GenerationRequest, MotionEngine
from ..motion_core.engines import load_engine
from ..motion_core.errors import InputError
from ..motion_core.motion import FloatArray
from ..motion_core.motionllm.checkpoint import Checkpoint
from ..motion_core.skeleton import FPS
from .tables import MISSING, Table

if TYPE_CHECKING:
    from ..motion_core.datasets import PreparedDataset
    from ..motion_core.evaluation import Estimate, EvaluationOptions, MatchingNetwork
    from ..motion_core.evaluation.report import MotionScores

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class EngineRow:
    """A row of the table.

    Attributes:
        engine: its name; ``real motions`` for the clips themselves.
        backbone: of MotionLLM; empty for other engines.
        rank: of the LoRA adapter t2m; None for other engines.
        trainable: parameters trained for text to motion; None if unknown.
        scores: of its motions.
        seconds: time the measurement took.
    """

    engine: str
    backbone: str
    rank: int | None
    trainable: int | None
    scores: MotionScores
    seconds: float


def measure_engines(
    engines: Sequence[MotionEngine | str],
    dataset: PreparedDataset,
    matching: MatchingNetwork,
    *,
    options: EvaluationOptions | None = None,
    progress: Progress | None = None,
) -> list[EngineRow]:
    """Measure each engine; real motions come first.

    Args:
        engines: engines, their names, or folders of MotionLLM checkpoints.
        dataset: to measure on.
        matching: the network whose space is used.
        options: of the measurement; the same for all.
        progress: called with (stage, done, total).

    Raises:
        ConfigurationError: unknown engine.
    """
    rows: list[EngineRow] = []
    for engine in engines:
        opened = load_engine(engine) if isinstance(engine, str) else engine
        found = measure_engine(opened, dataset, matching, options=options, progress=progress)
        rows += found if not rows else found[1:]
    return rows


def measure_on_captions(
    engines: Sequence[MotionEngine | str],
    captions: Sequence[str],
    matching: MatchingNetwork,
    *,
    options: EvaluationOptions | None = None,
    progress: Progress | None = None,
) -> list[EngineRow]:
    """Measure engines without a data set: everything but FID, which needs real motions.

    Args:
        engines: engines, their names, or folders of MotionLLM checkpoints.
        captions: to generate; each is its own label.
        matching: the network whose space is used.
        options: of the measurement; the same for all.
        progress: called with (stage, done, total).

    Raises:
        ConfigurationError: unknown engine.
        InputError: there are fewer than two different captions.
    """
    from ..motion_core.evaluation import EvaluationOptions
    from ..motion_core.evaluation.outputs import Outputs

    options = options or EvaluationOptions()
    texts = list(dict.fromkeys(captions))[: options.limit]
    if len(texts) < 2:
        raise InputError(f"{len(texts)} different captions; give at least 2, one a line")
    seeds = range(options.seed, options.seed + len(texts))
    requests = [
        GenerationRequest(text[:MAX_DESCRIPTION], seed=seed, greedy=options.greedy)
        for text, seed in zip(texts, seeds, strict=True)
    ]
    rows = []
    for engine in engines:
        opened, begin = load_engine(engine) if isinstance(engine, str) else engine, time.monotonic()

        def tell(stage: str, done: int, total: int, name: str = opened.name) -> None:
            if progress is not None:
                progress(f"{name}: {stage}", done, total)

        motions = Outputs(opened, batch=options.batch, progress=tell).motions(requests)
        seconds = time.monotonic() - begin
        rows.append(_row(opened, _scores(texts, motions, matching, options), seconds))
    return rows


def _scores(
    texts: Sequence[str],
    motions: Sequence[FloatArray | None],
    matching: MatchingNetwork,
    options: EvaluationOptions,
) -> MotionScores:
    """Return the scores of motions, one for each text; a missing one counts as a miss of
    R-precision.
    """
    from ..motion_core.evaluation.metrics import diversity, matching_distance, r_precision
    from ..motion_core.evaluation.report import MotionScores

    rows = [row for row, motion in enumerate(motions) if motion is not None]
    present = [motion for motion in motions if motion is not None]
    if len(present) < 2:
        return MotionScores.of_none("generated", failed=len(texts) - len(present))
    captions = matching.embed_captions(list(texts))  # (N, D)
    points = np.zeros_like(captions)
    points[rows] = matching.embed_motions(present)
    precision = r_precision(
        points,
        captions,
        texts,
        candidates=options.candidates,
        repeats=options.repeats,
        seed=options.seed,
    )
    precision.hits[[row for row in range(len(texts)) if row not in set(rows)]] = 0.0
    return MotionScores(
        name="generated",
        r_precision=precision.top,
        fid=None,
        distance=matching_distance(points[rows], captions[rows]),
        diversity=diversity(points[rows], seed=options.seed),
        action=None,
        style=None,
        seconds=float(np.mean([len(motion) / FPS for motion in present])),
        clips=len(present),
        failed=len(texts) - len(present),
    )


def measure_engine(
    engine: MotionEngine,
    dataset: PreparedDataset,
    matching: MatchingNetwork,
    *,
    options: EvaluationOptions | None = None,
    progress: Progress | None = None,
) -> list[EngineRow]:
    """Return the rows of the real motions and of the engine."""
    from ..motion_core.evaluation import evaluate

    def tell(stage: str, done: int, total: int) -> None:
        if progress is not None:
            progress(f"{engine.name}: {stage}", done, total)

    report = evaluate(engine, dataset, matching, options=options, progress=tell)
    scores = {motions.name: motions for motions in report.motions}
    real = EngineRow("real motions", "", None, None, scores["real"], 0.0)
    return [real, _row(engine, scores["generated"], report.seconds)]


def _row(engine: MotionEngine, scores: MotionScores, seconds: float) -> EngineRow:
    checkpoint = getattr(engine, "checkpoint", None)
    backbone, rank, trainable = "", None, None
    if isinstance(checkpoint, Checkpoint):
        backbone = checkpoint.config.backbone
        rank = checkpoint.config.adapters["t2m"].rank
        trainable = trainable_parameters(checkpoint)
    return EngineRow(engine.name, backbone, rank, trainable, scores, seconds)


def trainable_parameters(checkpoint: Checkpoint) -> int:
    """Return the number of parameters of the adapter t2m and of its motion rows in embedding and
    head.

    This is what Table 3 counts: the tokenizer is trained beforehand and the same for all.
    """
    adapter = sum(math.prod(tensor.shape) for tensor in checkpoint.adapter("t2m").values())
    rows = checkpoint.rows()
    return adapter + sum(
        math.prod(tensor.shape) for name, tensor in rows.items() if not name.startswith("m2t")
    )


def engine_table(rows: Sequence[EngineRow]) -> Table:
    """Return the rows as in the paper's Table 3."""
    lines = []
    for row in rows:
        tops = [_percent(top) for top in row.scores.r_precision]
        lines.append(
            (
                row.engine,
                row.backbone or MISSING,
                MISSING if row.rank is None else str(row.rank),
                MISSING if row.trainable is None else f"{row.trainable / 1e6:.1f}M",
                *tops,
                *[MISSING] * (3 - len(tops)),
                MISSING if row.scores.fid is None else f"{row.scores.fid:.3f}",
                _estimate(row.scores.distance),
                _estimate(row.scores.diversity),
            )
        )
    head = (
        *("engine", "backbone", "LoRA rank", "trainable", "R-precision top-1", "top-2", "top-3"),
        *("FID ↓", "MM-Dist ↓", "Diversity"),
    )
    about = (
        "± is half of a 95 % interval. Measured in the space of our own matching network: the"
        " numbers are not comparable with the paper's, which uses other data and another network."
    )
    if any(row.scores.fid is not None for row in rows):
        about += " FID of the real motions is to as many real training motions."
    else:
        about += " FID needs the real motions of a data set and was not measured."
    return Table("Motion engines", head, tuple(lines), about)


def write_engine_report(
    rows: Sequence[EngineRow], folder: Path | str, facts: Sequence[str] = ()
) -> tuple[Path, ...]:
    """Write ``engines.md``, ``engines.csv`` and ``engines.json``.

    Raises:
        UnavailableError: a file cannot be written.
    """
    from .report import table_to_markdown

    table = engine_table(rows)
    lines = "\n".join(f"- {fact}" for fact in facts)
    parts = [f"# {table.title}", *([lines] if lines else []), table.about, table_to_markdown(table)]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([table.head, *table.rows])
    texts = {
        "engines.md": "\n\n".join(parts) + "\n",
        "engines.csv": text.getvalue(),
        "engines.json": json.dumps([asdict(row) for row in rows], indent=1) + "\n",
    }
    for name, content in texts.items():
        with replacing(Path(folder) / name) as path:
            path.write_text(content, encoding="utf-8")
    return tuple(Path(folder) / name for name in texts)


def _percent(estimate: Estimate) -> str:
    if estimate.interval is None:
        return f"{100 * estimate.value:.1f} %"
    return f"{100 * estimate.value:.1f} ± {100 * estimate.interval:.1f} %"


def _estimate(estimate: Estimate | None) -> str:
    return MISSING if estimate is None else str(estimate)
