"""``motion-agent evaluate``: the table of an engine on clips it was not trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .console import say, stages
from .data import PREPARED
from .files import CheckpointFolder, EngineName, load_chosen_engine
from .train import Threads, load_dataset


def evaluate(
    engine: EngineName = None,
    checkpoint: CheckpointFolder = None,
    data: Annotated[Path, typer.Option(help="Prepared data set.")] = PREPARED,
    matching: Annotated[
        Path | None, typer.Option(help="Folder of the matching network, if not the checkpoint's.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for evaluation.md and .json.")] = Path("report"),
    limit: Annotated[int | None, typer.Option(min=2, help="Measure on that many clips.")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Descriptions at a time.")] = 32,
    seed: Annotated[int, typer.Option(help="Of captions, sampling and candidates.")] = 0,
    greedy: Annotated[bool, typer.Option("--greedy", help="Most probable tokens.")] = False,
    match_length: Annotated[
        bool, typer.Option("--match-length", help="Ask for motions as long as the real clips.")
    ] = False,
    multimodality: Annotated[
        int, typer.Option(min=0, metavar="N", help="Also 10 takes each of N captions.")
    ] = 0,
    threads: Threads = 0,
) -> None:
    """Measure generated motions and captions on the test split."""
    dataset = load_dataset(data, threads)
    from ..motion_core.evaluation import EvaluationOptions, MatchingNetwork
    from ..motion_core.evaluation import evaluate as measure

    network = MatchingNetwork.load(matching or checkpoint or _shipped_checkpoint())
    options = EvaluationOptions(
        limit=limit,
        batch=batch,
        seed=seed,
        greedy=greedy,
        match_length=match_length,
        multimodality=multimodality,
    )
    loaded = load_chosen_engine(engine, checkpoint)
    with stages() as progress:
        report = measure(loaded, dataset, network, options=options, progress=progress)
    paths = report.save(out)
    say(report.to_markdown())
    for path in paths:
        say(str(path))


def _shipped_checkpoint() -> Path:
    from .. import motion_core

    return Path(motion_core.__file__).parent / "checkpoints" / "smollm2-135m"
