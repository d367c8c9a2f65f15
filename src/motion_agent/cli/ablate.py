"""``motion-agent ablate``: planners, or motion engines, compared in one table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..motion_core.choices import PREPARED
from ..motion_core.errors import InputError
from .ablation_engines import compare_engines
from .ablation_report import check_replay_options, check_replayable, is_filtered, report, selection
from .console import Json, answer, note, say, stages
from .engines import load_chosen_engine
from .help import HelpfulCommand, HelpfulGroup
from .planning import check_spelling
from .prepared import Threads

if TYPE_CHECKING:
    from ..ablation import Ablation, Records

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
        return compare_engines(engines, captions or data, matching, out, limit, seed, threads)
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
        check_replay_options(ctx)
        scenarios = whole.choose(families=family or (), ids=scenario or (), first=first)
        only = (
            selection(
                [s.id for s in scenarios],
                planners=planner or (),
                strategies=_names(strategy),
                temperatures=_temperatures(temperature) if temperature else None,
            )
            if is_filtered(ctx)
            else None
        )
        check_replayable(records, whole, out, as_recorded, only)
        report(records, whole, out, table, judge, as_recorded=as_recorded, latex=latex, only=only)
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
            report(records, whole, out, table, judge, latex=latex)
        if failure is not None:
            raise failure
    return None


def _open_planners(experiment: Ablation) -> None:
    """Open each planner once, so that a wrong name or a missing key is reported first."""
    from ..ablation.strategy import open_planner

    for cell in experiment.cells:
        open_planner(cell, seed=experiment.seed, short=experiment.short)


def _ask(experiment: Ablation, records: Records, engine: str | None) -> BaseException | None:
    """Ask whatever is not on record; return what ended it early, unless that was a limit."""
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


def _tell_costs(experiment: Ablation, records: Records) -> None:
    from dataclasses import asdict

    from ..ablation.cost import estimates, in_words

    costs = estimates(experiment, records)
    for line in in_words(costs):
        say(line)
    answer({"estimates": [{**asdict(e), "cell": e.cell.name} for e in costs]})


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _temperatures(text: str) -> list[float | None]:
    try:
        temperatures: list[float | None] = [float(part) for part in _names(text)]
    except ValueError as err:
        raise InputError(f"--temperature is {text!r}; give numbers such as 0,0.8") from err
    return temperatures or [None]
