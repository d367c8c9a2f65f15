"""What an ablation will cost, estimated in advance: calls, tokens, dollars, hours.

Prompts are counted by their characters, an answer has the typical length of a plan, and a call
takes as long as in the folder's records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..agent_graph.planners import Planner, Task
from ..motion_core.errors import ConfigurationError
from .asking import planner_messages
from .records import Records
from .runner import Ablation, OpenPlanner
from .statistics import percentile
from .strategy import OFFLINE, Cell, open_planner

_CHARACTERS = 3.5  # English characters per token
_ANSWER = 120  # tokens of a plan of three steps with its reasoning
_SECONDS = 3.0  # of a call if none is recorded


@dataclass(frozen=True)
class Estimate:
    """The estimated cost of a cell.

    Attributes:
        cell: planner, strategy and temperature.
        calls: at least; one a turn.
        most_calls: if every turn uses all its tries.
        tokens_in: of the prompts, for `calls`.
        tokens_out: of the answers, for `calls`.
        dollars: for these; None if the price is unknown.
        hours: for these, in sequence.
        measured: whether the hours come from this planner's records.
    """

    cell: Cell
    calls: int
    most_calls: int
    tokens_in: int
    tokens_out: int
    dollars: float | None
    hours: float
    measured: bool


def estimates(
    ablation: Ablation, records: Records, *, opened: OpenPlanner | None = None
) -> list[Estimate]:
    """Return an estimate for each cell; recorded exchanges are counted too.

    Raises:
        ConfigurationError: unknown planner.
        UnavailableError: a planner needs a key that is not set.
    """
    costs = []
    for cell in ablation.cells:
        if opened is None:
            planner = open_planner(cell, seed=ablation.seed, short=ablation.short)
        else:
            planner = opened(cell, ablation.seed)
        sizes = _prompt_sizes(ablation, planner)
        repeats = 1 if cell.planner == OFFLINE else ablation.repeats
        calls = len(sizes) * repeats
        is_rules = cell.planner == OFFLINE
        tokens_in = 0 if is_rules else sum(sizes) * repeats
        tokens_out = 0 if is_rules else _ANSWER * calls
        seconds = _seconds(records, cell)
        a_call = 0.0 if is_rules else _SECONDS if seconds is None else seconds
        costs.append(
            Estimate(
                cell,
                calls,
                calls * cell.how.tries,
                tokens_in,
                tokens_out,
                ablation.prices.cost(cell.planner, tokens_in, tokens_out),
                calls * a_call / 3600,
                seconds is not None,
            )
        )
    return costs


def in_words(found: Sequence[Estimate]) -> list[str]:
    """Return a line for each cell, one for the total, and one for planners without a known
    price.
    """
    lines = []
    for e in found:
        price = "price not known" if e.dollars is None else f"{e.dollars:.2f} dollars"
        guessed = "" if e.measured or not e.hours else f" (assuming {_SECONDS:g} s a call)"
        lines.append(
            f"{e.cell.name}: {e.calls} calls ({e.most_calls} with every re-ask), about"
            f" {e.tokens_in} tokens in, {e.tokens_out} out, {price}, {e.hours:.1f} hours{guessed}"
        )
    known = sum(e.dollars or 0 for e in found)
    calls, tokens = sum(e.calls for e in found), sum(e.tokens_in + e.tokens_out for e in found)
    hours = sum(e.hours for e in found)
    lines.append(f"all: {calls} calls, {tokens} tokens, {known:.2f} dollars, {hours:.1f} hours")
    unpriced = sorted({e.cell.planner for e in found if e.dollars is None})
    if unpriced:
        lines.append(f"no price is known for: {', '.join(unpriced)}; add it with --prices FILE")
    return lines


def _prompt_sizes(ablation: Ablation, planner: Planner) -> list[int]:
    sizes = []
    for scenario in ablation.suite:
        for turn in scenario.turns:
            try:
                messages = planner_messages(planner, Task(turn.say))
            except ConfigurationError:  # too long for the model's window: it is not even sent
                messages = []
            characters = sum(len(text) for _, text in messages)
            sizes.append(round(characters / _CHARACTERS))
    return sizes


def _seconds(records: Records, cell: Cell) -> float | None:
    times = [
        exchange.answer.seconds
        for exchange in records.exchanges.values()
        if (exchange.planner, exchange.form) == (cell.planner, cell.how.form)
    ]
    return percentile(times, 50) if times else None
