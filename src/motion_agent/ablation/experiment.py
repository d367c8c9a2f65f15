"""An ablation from Python, with planners given by name, as chat models, or your own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from langchain_core.language_models import BaseChatModel

from ..agent_graph.planners import Planner
from ..agent_graph.providers import provider_of
from ..motion_core.engine import MotionEngine
from ..motion_core.errors import ConfigurationError
from .budget import Limits, Prices
from .identity import identity_of
from .latex import to_latex
from .records import Records
from .report import table_to_markdown, to_markdown, write_report
from .runner import Ablation, Progress, Result, run
from .scenario import Suite, load_suite
from .scoring import Scores, score
from .strategy import OFFLINE, STRATEGIES, Cell, cells_of, open_planner, planner_of
from .tables import Tables, make_tables

PlannerLike = str | BaseChatModel | Planner


@dataclass(frozen=True, repr=False)
class Report:
    """The result of an ablation; a notebook shows its first tables.

    Attributes:
        result: how the run ended.
        records: every question and answer.
        scores: of every turn.
        tables: the numbers and their tables.
        suite: the scenarios.
    """

    result: Result
    records: Records
    scores: Scores
    tables: Tables
    suite: Suite

    def to_markdown(self) -> str:
        """Return the whole report."""
        return to_markdown(self.tables)

    def to_latex(self) -> str:
        """Return the main table for a paper; it needs the LaTeX package `booktabs`."""
        return to_latex(self.tables)

    def write(self, folder: Path | str) -> tuple[Path, ...]:
        """Write the same files as the command; see `write_report`."""
        return write_report(self.records, self.suite, folder, scores=self.scores)

    def __repr__(self) -> str:
        return f"<Report: {len(self.tables.summaries)} planners, {len(self.scores.turns)} turns>"

    def _repr_markdown_(self) -> str:
        return "\n\n".join(
            f"**{table.title}**\n\n{table_to_markdown(table)}" for table in self.tables.tables[:2]
        )


def ablate(
    planners: Sequence[PlannerLike] | Mapping[str, PlannerLike],
    *,
    strategies: Sequence[str] | None = None,
    temperatures: Sequence[float | None] = (None,),
    suite: Suite | Path | str | None = None,
    first: int | None = None,
    repeats: int = 1,
    seed: int = 0,
    limits: Limits | None = None,
    engine: MotionEngine | None = None,
    out: Path | str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Run planners through the suite and score their plans.

    Args:
        planners: names such as ``openai:gpt-4o``, ``file.py:object``, chat models, or planners; a
            mapping gives their names in the tables.
        strategies: how plans are requested; by default with the provider's JSON schema if it
            supports one, else in words with re-asks.
        temperatures: for sampling; None for the model's own.
        suite: the scenarios, or a folder of them; the built-in one by default.
        first: use only this many scenarios of each family.
        repeats: number of repetitions, each with the next seed.
        seed: of the first repetition.
        limits: of tokens, dollars and minutes.
        engine: makes the motion; by default motion is skipped.
        out: folder of the records; in memory by default. Recorded exchanges are not repeated.
        progress: called with (cell, conversations done, total).

    Raises:
        ConfigurationError: unknown planner, or two planners share a name.
        UnavailableError: a planner needs a key that is not set.
    """
    named = _named(planners)
    chosen = suite if isinstance(suite, Suite) else load_suite(suite) if suite else load_suite()
    chosen = chosen.choose(first=first)
    cells = [
        cell
        for name, planner in named.items()
        for cell in _cells(name, planner, strategies, temperatures)
    ]

    def opened(cell: Cell, seed: int) -> Planner:
        planner = named[cell.planner]
        if isinstance(planner, str):
            return open_planner(Cell(planner, cell.strategy, cell.temperature), seed=seed)
        return planner_of(planner, cell, seed=seed)

    for cell in cells:
        opened(cell, seed)  # report errors before anybody is asked
    records = Records(out)
    models = {
        name: f"{name} {identity_of(planner)}"
        for name, planner in named.items()
        if not isinstance(planner, str)
    }
    experiment = Ablation(chosen, cells, repeats, seed, limits=limits or Limits(), models=models)
    result = run(experiment, records, engine=engine, open_planner=opened, progress=progress)
    scores = score(records, chosen)
    return Report(result, records, scores, make_tables(records, scores, Prices.load()), chosen)


def _named(
    planners: Sequence[PlannerLike] | Mapping[str, PlannerLike],
) -> dict[str, PlannerLike]:
    if isinstance(planners, Mapping):
        return dict(planners)
    if isinstance(planners, str):
        raise ConfigurationError(f"planners is the string {planners!r}; give a list of planners")
    named = {name_of(planner): planner for planner in planners}
    if len(named) < len(planners):
        names = [name_of(planner) for planner in planners]
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigurationError(
            f"two planners are called {twice!r}; give a mapping of names to planners"
        )
    return named


def name_of(planner: PlannerLike) -> str:
    """Return a planner's name in the tables: ``openai:gpt-4o`` for a ChatOpenAI of that model."""
    if isinstance(planner, str):
        return planner
    if not isinstance(planner, BaseChatModel):
        return planner.name
    model = getattr(planner, "model_name", None) or getattr(planner, "model", None)
    kind = type(planner).__name__
    provider = kind.removeprefix("Chat").lower() if kind.startswith("Chat") else kind
    return f"{provider}:{model}" if isinstance(model, str) else kind


def _cells(
    name: str,
    planner: PlannerLike,
    strategies: Sequence[str] | None,
    temperatures: Sequence[float | None],
) -> list[Cell]:
    if planner == OFFLINE or not isinstance(planner, str | BaseChatModel):
        return [Cell(name, "rules")]
    if strategies is None:
        if isinstance(planner, str):
            has_schema = planner.partition(":")[0] in ("openai", "ollama")
        else:
            has_schema = provider_of(planner) is not None
        strategies = ["schema" if has_schema else "reask"]
    return list(cells_of([name], strategies or tuple(STRATEGIES), temperatures))
