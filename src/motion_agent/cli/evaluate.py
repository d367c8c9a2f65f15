"""``motion-agent evaluate``: an engine's scores on held-out clips."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast, get_args

import typer

from ..motion_core.choices import PREPARED, Kind, Split
from .console import Json, answer, say, say_markdown, stages, working
from .engines import CheckpointFolder, EngineName, load_chosen_engine
from .motions import check_there
from .prepared import Threads, load_dataset

if TYPE_CHECKING:
    from ..motion_core.engine import MotionEngine
    from ..motion_core.evaluation.motion_files import Space
    from ..motion_core.evaluation.motion_files_report import MotionFilesReport
    from ..motion_core.published_data import PublishedDataset

OTHERS = "Outputs of any model"
BEGIN, END = "<!-- evaluation -->", "<!-- /evaluation -->"


def evaluate(
    engine: EngineName = None,
    checkpoint: CheckpointFolder = None,
    data: Annotated[Path, typer.Option(metavar="FOLDER", help="Prepared data set.")] = PREPARED,
    matching: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Matching network; by default the checkpoint's."),
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder for evaluation.md and .json.")
    ] = Path("report"),
    split: Annotated[Literal[Split, "all"], typer.Option(help="Clips to measure on.")] = "test",
    limit: Annotated[
        int | None, typer.Option(min=2, help="Number of clips for each kind of captions.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Descriptions generated at a time.")] = 32,
    seed: Annotated[int, typer.Option(help="Seed for captions, sampling and candidates.")] = 0,
    greedy: Annotated[
        bool, typer.Option("--greedy", help="Always take the most probable token.")
    ] = False,
    match_length: Annotated[
        bool, typer.Option("--match-length", help="Request motions as long as the real clips.")
    ] = False,
    kind: Annotated[
        Kind | None, typer.Option(help="Captions to measure on; by default all.")
    ] = None,
    no_captions: Annotated[
        bool, typer.Option("--no-captions", help="Measure only motions.")
    ] = False,
    multimodality: Annotated[
        int, typer.Option(min=0, metavar="N", help="Also 10 takes each of N captions.")
    ] = 0,
    captions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Measure these captions of any model instead (.jsonl, or one a line).",
            rich_help_panel=OTHERS,
        ),
    ] = None,
    references: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Human captions of the same motions, if not in --captions or --data.",
            rich_help_panel=OTHERS,
        ),
    ] = None,
    motions: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Measure these motions of any model instead, named as the samples of --data.",
            rich_help_panel=OTHERS,
        ),
    ] = None,
    t2m: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="T2M evaluators and GloVe files, as used for published tables.",
            rich_help_panel=OTHERS,
        ),
    ] = None,
    sequences: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Target captions of the composed motions in --motions (JSON, as FlowMDM's).",
            rich_help_panel=OTHERS,
        ),
    ] = None,
    generations: Annotated[
        int,
        typer.Option(
            min=1,
            help="Motions that the engine generates for each sample of a HumanML3D folder.",
            rich_help_panel=OTHERS,
        ),
    ] = 1,
    repeats: Annotated[
        int,
        typer.Option(
            min=1, help="Repetitions with new captions and batches.", rich_help_panel=OTHERS
        ),
    ] = 20,
    bert_score: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Folder or name of BERTScore's model, such as roberta-large.",
            rich_help_panel=OTHERS,
        ),
    ] = None,
    card: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Model card in which the report replaces the marked part."
        ),
    ] = None,
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Measure generated motions and captions on held-out clips.

    With --captions or --motions, measure the outputs of any model. With a HumanML3D folder as
    --data, measure as published tables do.
    """
    if captions is not None:
        return _measure_captions(captions, references, data, split, bert_score, out)
    if motions is not None:
        chosen = matching or checkpoint
        how = {"split": _one_split(split), "draws": repeats, "seed": seed}
        if sequences is not None:
            return _measure_joins(motions, sequences, data, t2m, chosen, out, how)
        return _measure_motions(motions, data, t2m, chosen, out, how)
    if (data / "new_joint_vecs").is_dir():
        published = _needed_data(data)
        space = _space(t2m, matching or checkpoint, published)
        return _measure_engine(
            load_chosen_engine(engine, checkpoint),
            published,
            space,
            out,
            generations=generations,
            batch=batch,
            match_length=match_length,
            captions=not no_captions,
            bert_score=bert_score,
            how={"split": _one_split(split), "draws": repeats, "seed": seed},
        )
    if card is not None:
        marked(card)
    dataset = load_dataset(data, threads)
    from ..motion_core.evaluation import EvaluationOptions, MatchingNetwork
    from ..motion_core.evaluation import evaluate as measure
    from ..motion_core.evaluation.bert_score import BertScore
    from ..motion_core.evaluation.pairs import KINDS
    from ..motion_core.motionllm.checkpoint import DEFAULT_CHECKPOINT

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
        kinds=(kind,) if kind else KINDS,
    )
    loaded = load_chosen_engine(engine, checkpoint)
    model = None if bert_score is None else BertScore(bert_score)
    with stages() as progress:
        report = measure(
            loaded, dataset, network, options=options, bert_score=model, progress=progress
        )
    paths = report.save(out)
    say_markdown(report.to_markdown())
    if card is not None:
        write_into_card(card, report.to_markdown())
    for path in paths:
        say(str(path))
    answer({"report": json.loads(report.to_json()), "files": [str(path) for path in paths]})
    return None


def _measure_captions(
    captions: Path,
    references: Path | None,
    data: Path,
    split: str,
    bert_score: str | None,
    out: Path,
) -> None:
    check_there(captions)
    from ..motion_core.evaluation.bert_score import BertScore
    from ..motion_core.evaluation.caption_files import read_captions, score_captions

    dataset = None if references is not None else _published(data)
    outputs = read_captions(captions, references, data=dataset, split=_one_split(split))
    with working("comparing captions"):
        model = None if bert_score is None else BertScore(bert_score)
        report = score_captions(outputs, source=captions.name, model=model)
    paths = report.save(out)
    say_markdown(report.to_markdown())
    for path in paths:
        say(str(path))
    answer({"report": json.loads(report.to_json()), "files": [str(path) for path in paths]})


def _measure_engine(
    engine: MotionEngine,
    data: PublishedDataset,
    space: Space,
    out: Path,
    *,
    generations: int,
    batch: int,
    match_length: bool,
    captions: bool,
    bert_score: str | None,
    how: Any,
) -> None:
    """Measure both directions on a HumanML3D split, through the same files as any other model."""
    from ..motion_core.evaluation.bert_score import BertScore
    from ..motion_core.evaluation.caption_files import read_captions, score_captions
    from ..motion_core.evaluation.motion_files import score_motions
    from ..motion_core.evaluation.published_outputs import caption_motions, generate_motions

    split = how["split"]
    model = None if bert_score is None else BertScore(bert_score)
    with stages() as progress:
        folder = generate_motions(
            engine,
            data,
            out,
            split=split,
            generations=generations,
            batch=batch,
            seed=how["seed"],
            match_length=match_length,
            progress=progress,
        )
        file = (
            caption_motions(engine, data, out, split=split, batch=batch, progress=progress)
            if captions
            else None
        )
    report = score_motions(folder, data, space, **how)
    paths = [*report.save(out)]
    say_markdown(report.to_markdown())
    report_json: dict[str, Any] = {"motions": json.loads(report.to_json())}
    if file is not None:
        caption_report = score_captions(
            read_captions(file, data=data, split=split), source=engine.name, model=model
        )
        paths += caption_report.save(out)
        say_markdown(caption_report.to_markdown())
        report_json["captions"] = json.loads(caption_report.to_json())
    for path in paths:
        say(str(path))
    answer({"report": report_json, "files": [str(path) for path in paths]})


def _measure_motions(
    motions: Path, data: Path, t2m: Path | None, matching: Path | None, out: Path, how: Any
) -> None:
    check_there(motions)
    from ..motion_core.evaluation.motion_files import score_motions

    dataset = _needed_data(data)
    space = _space(t2m, matching, dataset)
    with working("measuring motions"):
        report = score_motions(motions, dataset, space, **how)
    _tell(report, out)


def _measure_joins(
    motions: Path,
    sequences: Path,
    data: Path,
    t2m: Path | None,
    matching: Path | None,
    out: Path,
    how: Any,
) -> None:
    check_there(motions)
    check_there(sequences)
    from ..motion_core.evaluation.motion_files import score_joins
    from ..motion_core.published_data import read_sequences

    dataset = _published(data)
    space = None if dataset is None else _space(t2m, matching, dataset)
    parts = read_sequences(sequences)
    with working("measuring joins"):
        report = score_joins(motions, parts, data=dataset, space=space, split=how["split"])
    _tell(report, out)


def _tell(report: MotionFilesReport, out: Path) -> None:
    paths = report.save(out)
    say_markdown(report.to_markdown())
    for path in paths:
        say(str(path))
    answer({"report": json.loads(report.to_json()), "files": [str(path) for path in paths]})


def _space(t2m: Path | None, matching: Path | None, data: PublishedDataset) -> Space:
    """Return the T2M evaluators if given, else our own network: never both in one table."""
    from ..motion_core.errors import InputError
    from ..motion_core.evaluation.motion_files import own_space, t2m_space
    from ..motion_core.features import FEATURES
    from ..motion_core.motionllm.checkpoint import DEFAULT_CHECKPOINT

    if t2m is not None:
        check_there(t2m)
        return t2m_space(t2m)
    if data.layout.features != FEATURES:
        raise InputError(
            f"our matching network is of HumanML3D's {FEATURES} features, {data.layout.name} has "
            f"{data.layout.features}; give --t2m with its T2M evaluators"
        )
    return own_space(matching or DEFAULT_CHECKPOINT)


def _needed_data(data: Path) -> PublishedDataset:
    from ..motion_core.errors import InputError

    dataset = _published(data)
    if dataset is None:
        raise InputError(
            f"{data} has no folder new_joint_vecs; give --data the folder of HumanML3D or KIT-ML"
        )
    return dataset


def _published(data: Path) -> PublishedDataset | None:
    """Return the HumanML3D or KIT-ML folder, if it is one."""
    from ..motion_core.published_data import PublishedDataset

    return PublishedDataset(data) if (data / "new_joint_vecs").is_dir() else None


def _one_split(split: str) -> Split:
    from ..motion_core.errors import InputError

    for known in get_args(Split):
        if split == known:
            return cast("Split", known)
    raise InputError("--split all is for prepared data sets; give train, validation or test")


def marked(card: Path) -> tuple[str, str, str]:
    """Split the text of a model card at its two evaluation marks.

    Raises:
        InputError: there is no such file, or it lacks a mark.
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
