"""From the scores of turns to the numbers of a table."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from .budget import Prices
from .scoring import TurnScore
from .statistics import Paired, Share, percentile
from .strategy import STRATEGIES, Cell

# Comparisons within a planner: each mechanism with the one it extends.
_STEPS = (("prompt", "ladder"), ("ladder", "reask"), ("reask", "schema"), ("schema", "tools"))
MAX_PAIRS = 60  # comparisons between planners


@dataclass(frozen=True)
class CellSummary:
    """The numbers of one cell.

    Attributes:
        cell: planner, strategy and temperature.
        turns: number of scored turns.
        valid_first: turns whose first answer was a valid plan.
        valid: turns with a valid plan in the end.
        sensible: turns whose plan matches the request; see `sense`.
        partly: turns whose plan matches half of the request or more.
        passed: turns that passed all checks.
        plan: turns whose plan is as requested, of those with such checks.
        edit: turns that changed what they should and nothing else, of those with a motion.
        answer: turns whose reply says what it must, of those with a question.
        families: `passed` of each family.
        attempts: mean number of answers a turn.
        tokens_in: mean of a turn; None if the server does not say.
        tokens_out: mean of a turn.
        p50: median seconds of a turn, all its answers together.
        p95: the same, 95th percentile.
        dollars: for a thousand turns; None if the price is unknown.
        rungs: how often each rung of the ladder read the deciding answer.
        causes: why answers were not plans, with counts.
        faults: of failed checks, with counts.
    """

    cell: Cell
    turns: int
    valid_first: Share
    valid: Share
    sensible: Share
    partly: Share
    passed: Share
    plan: Share
    edit: Share
    answer: Share
    families: Mapping[str, Share]
    attempts: float
    tokens_in: float | None
    tokens_out: float | None
    p50: float
    p95: float
    dollars: float | None
    rungs: Mapping[str, int]
    causes: Mapping[str, int]
    faults: Mapping[str, int]


@dataclass(frozen=True)
class Comparison:
    """Two cells compared on the turns that both have."""

    first: Cell
    second: Cell
    valid: Paired
    sensible: Paired
    passed: Paired


def by_cell(turns: Sequence[TurnScore]) -> dict[Cell, list[TurnScore]]:
    """Return the turns of each cell, planners in order of appearance, their strategies in
    theirs.
    """
    found: dict[Cell, list[TurnScore]] = defaultdict(list)
    for turn in turns:
        found[turn.cell].append(turn)
    planners = list(dict.fromkeys(cell.planner for cell in found))
    names = list(STRATEGIES)

    def place(cell: Cell) -> tuple[int, float, int]:
        way = names.index(cell.strategy) if cell.strategy in names else -1
        return planners.index(cell.planner), cell.temperature or 0.0, way

    return {cell: found[cell] for cell in sorted(found, key=place)}


def summarise(cell: Cell, turns: Sequence[TurnScore], prices: Prices) -> CellSummary:
    """Return the numbers of a cell."""
    families: dict[str, list[TurnScore]] = defaultdict(list)
    for turn in turns:
        families[turn.scenario.family].append(turn)
    asks = [ask for turn in turns for ask in turn.asks]
    seconds = [sum(ask.seconds for ask in turn.asks) for turn in turns]
    costs = [prices.cost(cell.planner, ask.input_tokens, ask.output_tokens) for ask in asks]
    known = [cost for cost in costs if cost is not None]
    dollars = None
    if turns and len(known) == len(costs):
        dollars = 1000 * sum(known) / len(turns)
    return CellSummary(
        cell=cell,
        turns=len(turns),
        valid_first=_share(turns, lambda turn: turn.valid_first),
        valid=_share(turns, lambda turn: turn.valid),
        sensible=_share(turns, _makes_sense),
        partly=_share(turns, lambda turn: turn.sense.verdict == "partly"),
        passed=_share(turns, lambda turn: turn.passed),
        plan=_aspect(turns, "plan"),
        edit=_aspect([t for t in turns if _asks_for_edit(t)], "edit"),
        answer=_aspect(turns, "answer"),
        families={name: _share(scores, lambda t: t.passed) for name, scores in families.items()},
        attempts=fmean(len(turn.asks) for turn in turns) if turns else 0.0,
        tokens_in=_tokens([ask.input_tokens for ask in asks], len(turns)),
        tokens_out=_tokens([ask.output_tokens for ask in asks], len(turns)),
        p50=percentile(seconds, 50),
        p95=percentile(seconds, 95),
        dollars=dollars,
        rungs=Counter(turn.asks[-1].rung for turn in turns if turn.valid and turn.asks[-1].rung),
        causes=Counter(ask.cause for ask in asks if ask.cause),
        faults=Counter(f.fault for turn in turns for f in turn.findings if f.fault),
    )


def comparisons(cells: Mapping[Cell, Sequence[TurnScore]]) -> list[Comparison]:
    """Return the comparisons: each mechanism with the one before it, and planners with each other
    under the same strategy.
    """
    pairs = [
        (first, second)
        for first, second in combinations(cells, 2)
        if (first.planner, first.temperature) == (second.planner, second.temperature)
        and (first.strategy, second.strategy) in _STEPS
    ]
    pairs += [
        (first, second)
        for first, second in combinations(cells, 2)
        if first.planner != second.planner
        and (
            (first.strategy, first.temperature) == (second.strategy, second.temperature)
            or "rules" in (first.strategy, second.strategy)
        )
    ]
    return [_compared(a, b, cells[a], cells[b]) for a, b in pairs[:MAX_PAIRS]]


def _compared(
    first: Cell, second: Cell, ours: Sequence[TurnScore], theirs: Sequence[TurnScore]
) -> Comparison:
    other = {turn.name: turn for turn in theirs}
    pairs = [(turn, other[turn.name]) for turn in ours if turn.name in other]
    clusters = [turn.scenario.id for turn, _ in pairs]
    return Comparison(
        first,
        second,
        Paired.of([(a.valid, b.valid) for a, b in pairs], clusters),
        Paired.of([(_makes_sense(a), _makes_sense(b)) for a, b in pairs], clusters),
        Paired.of([(a.passed, b.passed) for a, b in pairs], clusters),
    )


def _makes_sense(turn: TurnScore) -> bool:
    return turn.sense.verdict == "sensible"


def _asks_for_edit(turn: TurnScore) -> bool:
    expect = turn.scenario.turns[turn.number].expect
    return expect.timeline is not None or expect.unchanged


def _aspect(turns: Sequence[TurnScore], aspect: str) -> Share:
    checked = [turn for turn in turns if any(f.check != "others" for f in turn.of(aspect))]
    return _share(checked, lambda turn: all(f.passed for f in turn.of(aspect)))


def _share(turns: Sequence[TurnScore], right: Callable[[TurnScore], bool]) -> Share:
    return Share.of([right(turn) for turn in turns], [turn.scenario.id for turn in turns])


def _tokens(counts: Sequence[int | None], turns: int) -> float | None:
    known = [count for count in counts if count is not None]
    return sum(known) / turns if known and turns else None
