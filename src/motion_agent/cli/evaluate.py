"""``motion-agent evaluate``: the table of an engine on clips it was not trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from ..motion_core.choices import PREPARED, Split
from .console import Json, answer, say, say_markdown, stages
from .engines import CheckpointFolder, EngineName, load_chosen_engine
from .train import Threads, load_dataset

BEGIN, END = "<!-- evaluation -->", "<!-- /evaluation -->"


def evaluate(
    engine: EngineName = None,
    checkpoint: CheckpointFolder = None,
    data: Annotated[Path, typer.Option(metavar="FOLDER", help="Prepared data set.")] = PREPARED,
    matching: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Of the matching network, if not the checkpoint."),
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="For evaluation.md and .json.")
    ] = Path("report"),
    split: Annotated[Literal[Split, "all"], typer.Option(help="Clips to measure on.")] = "test",
    limit: Annotated[
        int | None, typer.Option(min=2, help="Clips of each kind of captions.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Descriptions at a time.")] = 32,
    seed: Annotated[int, typer.Option(help="Of captions, sampling and candidates.")] = 0,
    greedy: Annotated[bool, typer.Option("--greedy", help="Most probable tokens.")] = False,
    match_length: Annotated[
        bool, typer.Option("--match-length", help="Ask for motions as long as the real clips.")
    ] = False,
    no_captions: Annotated[
        bool, typer.Option("--no-captions", help="Measure motions alone.")
    ] = False,
    multimodality: Annotated[
        int, typer.Option(min=0, metavar="N", help="Also 10 takes each of N captions.")
    ] = 0,
    card: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Model card whose marked part the report replaces."),
    ] = None,
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Measure generated motions and captions on held-out clips."""
    if card is not None:
        marked(card)
    dataset = load_dataset(data, threads)
    from ..motion_core.evaluation import EvaluationOptions, MatchingNetwork
    from ..motion_core.evaluation import evaluate as measure
    from ..motion_core.motionllm.engine import DEFAULT_CHECKPOINT

    network = MatchingNetwork.load(matching or checkpoint or DEFAULT_CHECKPOINT)
    options = EvaluationOptions(
        split=split,
        limit=limit,
        batch=batch,
        seed=seed,
        greedy=greedy,
        match_length=match_length,
        captions=not no_captions,
        multimodality=multimodality,
    )
    loaded = load_chosen_engine(engine, checkpoint)
    with stages() as progress:
        report = measure(loaded, dataset, network, options=options, progress=progress)
    paths = report.save(out)
    say_markdown(report.to_markdown())
    if card is not None:
        write_into_card(card, report.to_markdown())
    for path in paths:
        say(str(path))
    answer({"report": json.loads(report.to_json()), "files": [str(path) for path in paths]})


def marked(card: Path) -> tuple[str, str, str]:
    """The text of a model card before, between and after its two evaluation marks.

    Raises:
        InputError: there is no such file, or it has not both marks.
    """
    from ..motion_core.errors import InputError

    try:
        text = card.read_text(encoding="utf-8")
    except OSError as err:
        raise InputError(f"cannot read the model card {card}: {err.strerror}") from err
    before, begin, rest = text.partition(BEGIN)
    between, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"the model card {card} needs the two lines {BEGIN} and {END}")
    return before, between, after


def write_into_card(card: Path, report: str) -> None:
    """Put the tables of a report between the marks, one level of headings deeper."""
    before, _, after = marked(card)
    lines = [f"#{line}" if line.startswith("## ") else line for line in report.splitlines()]
    body = "\n".join(lines[1:] if lines[0].startswith("# ") else lines).strip()
    from ..motion_core.atomic import replacing

    with replacing(card) as path:
        path.write_text(f"{before}{BEGIN}\n\n{body}\n\n{END}{after}", encoding="utf-8")
