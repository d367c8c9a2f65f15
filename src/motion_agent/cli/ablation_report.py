"""The report of ``motion-agent ablate``, from new answers or from recorded ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..motion_core.errors import InputError
from .console import answer, say, stages

if TYPE_CHECKING:
    from ..ablation import Records, Suite
    from ..ablation.budget import Prices
    from ..ablation.records import Conversation
    from ..ablation.scoring import Only

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


def is_filtered(ctx: typer.Context) -> bool:
    """Return whether an option on the command line selects some of the records."""
    return any(_is_given(ctx, name) for name in _FILTERS)


def selection(
    scenarios: Sequence[str],
    *,
    planners: Sequence[str] = (),
    strategies: Sequence[str],
    temperatures: Sequence[float | None] | None = None,
) -> Only:
    """Return a filter for recorded conversations; rules have no strategy and no temperature."""

    def is_selected(conversation: Conversation) -> bool:
        cell = conversation.cell
        rules = cell.strategy == "rules"
        return (
            conversation.scenario in scenarios
            and (not planners or cell.planner in planners)
            and (rules or cell.strategy in strategies)
            and (rules or temperatures is None or cell.temperature in temperatures)
        )

    return is_selected


def check_replay_options(ctx: typer.Context) -> None:
    """Raise for options about asking, which have no effect on recorded answers."""
    options = [option for name, option in _FOR_ASKING.items() if _is_given(ctx, name)]
    if options:
        raise InputError(
            f"{options[0]} has no effect with --replay, which asks no model; omit one of the two"
        )


def check_replayable(
    records: Records, suite: Suite, out: Path, as_recorded: bool, only: Only | None
) -> None:
    """Raise if there is no selected record, or a stale one."""
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


def report(
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
    """Score the records, write the report's files and print its first tables."""
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
