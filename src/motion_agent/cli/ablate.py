"""``motion-agent ablate``: planners, or motion engines, compared in one table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..motion_core.choices import PREPARED
from ..motion_core.errors import InputError
from .console import Json, answer, note, say, stages
from .engines import load_chosen_engine
from .help import HelpfulCommand, HelpfulGroup
from .planning import check_spelling
from .train import Threads, load_dataset

if TYPE_CHECKING:
    from ..ablation import Ablation, Records, Suite
    from ..ablation.budget import Prices
    from ..ablation.records import Conversation
    from ..ablation.scoring import Only

ASK, LIMIT, READ, MOTION = "What is asked", "Limits", "The report", "Motion engines instead"


app = typer.Typer(
    cls=HelpfulGroup,
    rich_markup_mode=None,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command("new-suite", cls=HelpfulCommand)
def make_suite(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="New or empty folder.")],
) -> None:
    """Write a few scenarios to start your own suite with."""
    from ..ablation.new_suite import new_suite

    for path in new_suite(folder):
        say(str(path))
    note(f"ask a planner: motion-agent ablate --planner offline --suite {folder}")


@app.callback()
def ablate(
    ctx: typer.Context,
    planner: Annotated[
        list[str] | None,
        typer.Option(
            help="Planner, such as openai:gpt-4o or file.py:object; repeatable.",
            metavar="NAME",
        ),
    ] = None,
    strategy: Annotated[
        str, typer.Option(help="Any of prompt,ladder,reask,schema,tools.", rich_help_panel=ASK)
    ] = "prompt,ladder,reask,schema,tools",
    temperature: Annotated[
        str, typer.Option(help="Such as 0,0.8; by default the server's own.", rich_help_panel=ASK)
    ] = "",
    repeats: Annotated[
        int, typer.Option(min=1, help="Repetitions, each with the next seed.", rich_help_panel=ASK)
    ] = 1,
    seed: Annotated[
        int, typer.Option(help="Seed for sampling and motion.", rich_help_panel=ASK)
    ] = 0,
    family: Annotated[
        list[str] | None, typer.Option(help="Only this family of scenarios.", rich_help_panel=ASK)
    ] = None,
    scenario: Annotated[
        list[str] | None, typer.Option(help="Only this scenario.", rich_help_panel=ASK)
    ] = None,
    first: Annotated[
        int | None,
        typer.Option(min=1, help="Only the first of each family.", rich_help_panel=ASK),
    ] = None,
    suite: Annotated[
        Path | None, typer.Option(help="Folder of your own scenarios.", rich_help_panel=ASK)
    ] = None,
    engine: Annotated[
        list[str] | None,
        typer.Option(
            "--engine",
            metavar="NAME",
            help=("Motion engine, such as motiongpt:FOLDER; repeatable to compare engines."),
            rich_help_panel=MOTION,
        ),
    ] = None,
    real_motion: Annotated[
        bool,
        typer.Option(
            "--motion",
            help="Generate the motion, which is skipped by default.",
            rich_help_panel=ASK,
        ),
    ] = False,
    replies: Annotated[
        bool,
        typer.Option("--replies", help="Let the model word the replies, too.", rich_help_panel=ASK),
    ] = False,
    short: Annotated[
        bool,
        typer.Option("--short-prompts", help="For small models.", rich_help_panel=ASK),
    ] = False,
    concurrency: Annotated[
        int,
        typer.Option(
            min=1, help="Simultaneous conversations with one provider.", rich_help_panel=LIMIT
        ),
    ] = 1,
    per_minute: Annotated[
        float | None,
        typer.Option(help="Requests per minute to one provider.", rich_help_panel=LIMIT),
    ] = None,
    dollars: Annotated[
        float | None, typer.Option(help="Stop when these dollars are spent.", rich_help_panel=LIMIT)
    ] = None,
    tokens: Annotated[
        int | None, typer.Option(help="Stop when these tokens are spent.", rich_help_panel=LIMIT)
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Stop after this many minutes.", rich_help_panel=LIMIT)
    ] = None,
    prices: Annotated[
        Path | None, typer.Option(help="Price table (YAML).", rich_help_panel=LIMIT)
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Folder of records and report.", rich_help_panel=READ)
    ] = Path("ablation"),
    replay: Annotated[
        bool,
        typer.Option(
            "--replay", help="Score the records again without asking a model.", rich_help_panel=READ
        ),
    ] = False,
    as_recorded: Annotated[
        bool,
        typer.Option(
            "--as-recorded",
            help="With --replay: include records made with other prompts, versions or settings.",
            rich_help_panel=READ,
        ),
    ] = False,
    judge: Annotated[
        str | None,
        typer.Option(help="Model that judges what no program can.", rich_help_panel=READ),
    ] = None,
    motionllm: Annotated[
        list[str] | None,
        typer.Option(
            help="Another name of --engine.",
            metavar="CHECKPOINT",
            rich_help_panel=MOTION,
        ),
    ] = None,
    data: Annotated[
        Path, typer.Option(help="Prepared data set.", rich_help_panel=MOTION)
    ] = PREPARED,
    captions: Annotated[
        Path | None,
        typer.Option(
            help="Text file with a description a line, instead of a data set; no FID.",
            metavar="FILE",
            rich_help_panel=MOTION,
        ),
    ] = None,
    matching: Annotated[
        Path | None, typer.Option(help="Folder of the matching network.", rich_help_panel=MOTION)
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=2, help="Number of clips.", rich_help_panel=MOTION)
    ] = None,
    threads: Threads = 0,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Estimate the cost without asking a model.", rich_help_panel=LIMIT
        ),
    ] = False,
    latex: Annotated[
        bool,
        typer.Option("--latex", help="Print the main table as LaTeX.", rich_help_panel=READ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare planners on a suite of conversations, or motion engines on a data set.

    Answers are kept in the folder: after an interruption, the same command continues.
    """
    if ctx.invoked_subcommand is not None:
        return None
    engines = [*(engine or ()), *(motionllm or ())]
    if motionllm and planner:
        raise InputError("--planner and --motionllm exclude each other; give one")
    if engines and not planner and not replay:
        return _compare_engines(engines, captions or data, matching, out, limit, seed, threads)
    if len(engines) > 1:
        raise InputError("planners are compared with one --engine; give just one, or no --planner")
    from ..ablation import Records, load_suite
    from ..ablation.budget import PRICES, Limits, Prices
    from ..ablation.runner import Ablation
    from ..ablation.scenario import SUITE
    from ..ablation.strategy import cells_of

    whole = load_suite(suite or SUITE)
    table = Prices.load(prices or PRICES)
    records = Records(out)
    if replay:
        _check_replay_options(ctx)
        ids = {s.id for s in whole.choose(families=family or (), ids=scenario or (), first=first)}
        ways = {*_names(strategy), "rules"}
        warmth = set(_temperatures(temperature)) if temperature else None

        def is_selected(conversation: Conversation) -> bool:
            cell = conversation.cell
            return (
                conversation.scenario in ids
                and (not planner or cell.planner in planner)
                and cell.strategy in ways
                and (warmth is None or cell.strategy == "rules" or cell.temperature in warmth)
            )

        chosen_ones = is_selected if _is_filtered(ctx) else None
        _check_replayable(records, whole, out, as_recorded, chosen_ones)
        _report(
            records,
            whole,
            out,
            table,
            judge,
            as_recorded=as_recorded,
            latex=latex,
            only=chosen_ones,
        )
    else:
        if not planner:
            raise InputError("give at least one --planner, or --replay for recorded answers")
        if as_recorded:
            raise InputError("--as-recorded needs --replay")
        for name in planner:
            check_spelling(name)
        experiment = Ablation(
            suite=whole.choose(families=family or (), ids=scenario or (), first=first),
            cells=cells_of(planner, _names(strategy), _temperatures(temperature)),
            repeats=repeats,
            seed=seed,
            concurrency=concurrency,
            limits=Limits(dollars, tokens, minutes, per_minute),
            prices=table,
            replies=replies,
            short=short or None,
        )
        if dry_run:
            return _tell_costs(experiment, records)
        _open_planners(experiment)
        engine_name = engines[0] if engines else os.environ.get("MOTION_AGENT_ENGINE")
        failure = _ask(experiment, records, engine_name or ("motionllm" if real_motion else None))
        if failure is None or records.conversations:
            _report(records, whole, out, table, judge, latex=latex)
        if failure is not None:
            raise failure
    return None


_FILTERS = ("planner", "strategy", "temperature", "family", "scenario", "first")
_FOR_ASKING = {
    "seed": "--seed",
    "repeats": "--repeats",
    "engine": "--engine",
    "real_motion": "--motion",
    "replies": "--replies",
    "short": "--short-prompts",
    "dry_run": "--dry-run",
}


def _is_given(ctx: typer.Context, name: str) -> bool:
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _is_filtered(ctx: typer.Context) -> bool:
    return any(_is_given(ctx, name) for name in _FILTERS)


def _check_replay_options(ctx: typer.Context) -> None:
    """Raise for options about asking, which have no effect on recorded answers."""
    options = [option for name, option in _FOR_ASKING.items() if _is_given(ctx, name)]
    if options:
        raise InputError(
            f"{options[0]} has no effect with --replay, which asks no model; omit one of the two"
        )


def _check_replayable(
    records: Records, suite: Suite, out: Path, as_recorded: bool, only: Only | None
) -> None:
    """Raise if some records are stale."""
    from ..ablation import score

    if not any(only is None or only(found) for found in records.conversations.values()):
        of_these = "" if only is None else " of these"
        raise InputError(f"there are no recorded conversations{of_these} in {out}; run some first")
    stale = {} if as_recorded else score(records, suite, only=only).stale
    if stale:
        counts = "; ".join(f"{parts}: {count}" for parts, count in stale.items())
        raise InputError(
            f"conversations in {out} are stale (changed since: {counts}); run again without"
            " --replay, or give --as-recorded"
        )


def _open_planners(experiment: Ablation) -> None:
    """Open each planner once, so that a wrong name or a missing key is reported first."""
    from ..ablation.strategy import open_planner

    for cell in experiment.cells:
        open_planner(cell, seed=experiment.seed, short=experiment.short)


def _ask(experiment: Ablation, records: Records, engine: str | None) -> BaseException | None:
    """Ask whatever is not on record; raise what ended it early, unless that was a limit."""
    from ..ablation import run

    shared_engine = load_chosen_engine(engine, None) if engine else None
    try:
        with stages() as progress:
            result = run(experiment, records, engine=shared_engine, progress=progress)
    except KeyboardInterrupt as err:
        note("interrupted; this reports what is done, the same command continues")
        return err
    for cell, reason in result.failures.items():
        note(f"{cell}: given up: {reason}", style="yellow")
    if result.stopped is not None:
        note(f"stopped: {result.stopped}; the same command continues", style="yellow")
    dollars = f", {result.dollars:.2f} dollars" if result.dollars else ""
    note(f"{result.done} of {result.expected} conversations, {result.tokens} tokens{dollars}")
    return result.error


def _report(
    records: Records,
    suite: Suite,
    out: Path,
    prices: Prices,
    judge: str | None,
    *,
    as_recorded: bool = False,
    latex: bool = False,
    only: Only | None = None,
) -> None:
    from ..ablation import score, write_report
    from ..ablation.latex import to_latex
    from ..ablation.report import table_to_markdown
    from ..ablation.tables import make_tables

    scores = score(records, suite, as_recorded=as_recorded, only=only)
    if judge is not None:
        from ..ablation.judge import judge_turns
        from ..agent_graph.providers import open_model

        with stages() as progress:
            model = open_model(judge, temperature=0)
            judge_turns(model, judge, scores.turns, records, progress=progress)
    paths = write_report(records, suite, out, scores=scores, prices=prices)
    tables = make_tables(records, scores, prices)
    if latex:
        say(to_latex(tables))
    else:
        for shown in tables.tables[:2]:
            say(f"## {shown.title}\n\n{table_to_markdown(shown)}\n")
        for path in paths:
            say(str(path))
    answer(
        {
            "facts": tables.facts,
            "tables": [
                {"title": t.title, "rows": [dict(zip(t.head, row, strict=True)) for row in t.rows]}
                for t in tables.tables
            ],
            "files": [str(path) for path in paths],
        }
    )


def _tell_costs(experiment: Ablation, records: Records) -> None:
    from dataclasses import asdict

    from ..ablation.cost import estimates, in_words

    costs = estimates(experiment, records)
    for line in in_words(costs):
        say(line)
    answer({"estimates": [{**asdict(e), "cell": e.cell.name} for e in costs]})


def _compare_engines(
    names: list[str],
    source: Path,
    matching: Path | None,
    out: Path,
    limit: int | None,
    seed: int,
    threads: int,
) -> None:
    is_text = source.is_file()
    dataset = None if is_text else load_dataset(source, threads)
    from ..ablation.motionllm import (
        engine_table,
        measure_engines,
        measure_on_captions,
        write_engine_report,
    )
    from ..ablation.report import table_to_markdown
    from ..motion_core.evaluation import EvaluationOptions, MatchingNetwork
    from ..motion_core.motionllm.checkpoint import DEFAULT_CHECKPOINT
    from ..motion_core.retrieval import load_retrieval

    # Of the measured data set, not the default one.
    engines = [
        load_retrieval(source) if name == "retrieval" and dataset is not None else name
        for name in names
    ]
    network = MatchingNetwork.load(matching or DEFAULT_CHECKPOINT)
    options = EvaluationOptions(limit=limit, seed=seed, captions=False)
    with stages() as progress:
        if dataset is None:
            texts = [line.strip() for line in source.read_text("utf-8").splitlines()]
            captions = [text for text in texts if text]
            rows = measure_on_captions(
                engines, captions, network, options=options, progress=progress
            )
        else:
            rows = measure_engines(engines, dataset, network, options=options, progress=progress)
    what = "captions" if dataset is None else "clips"
    count = f"{limit} {what}" if limit else f"all {what}"
    of = f"{source}" if dataset is None else f"the test split of {source}"
    facts = (f"{count} of {of}, seed {seed}",)
    paths = write_engine_report(rows, out, facts)
    say(table_to_markdown(engine_table(rows)))
    for path in paths:
        say(str(path))


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _temperatures(text: str) -> list[float | None]:
    try:
        temperatures: list[float | None] = [float(part) for part in _names(text)]
    except ValueError as err:
        raise InputError(f"--temperature is {text!r}; give numbers such as 0,0.8") from err
    return temperatures or [None]
