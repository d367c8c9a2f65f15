"""The tables of a report, as plain rows shared by Markdown, CSV and HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .budget import Prices
from .judge import current_judgements
from .paper_table import Row, our_rows, paper_rows
from .records import Records
from .scoring import Scores, TurnScore
from .statistics import Paired, corrected
from .strategy import OFFLINE, Cell
from .summary import CellSummary, Comparison, by_cell, comparisons, summarise

MISSING = "–"
FAILED = "no valid plan"


@dataclass(frozen=True)
class Table:
    """A table with a title and explanatory notes."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    about: str = ""


@dataclass(frozen=True)
class Pair:
    """One measure of two cells, compared on the turns that both have.

    Attributes:
        first: one cell.
        second: the other.
        measure: what counts as right: ``valid``, ``sensible``, ``all checks``.
        paired: the counts.
        corrected: its p value, corrected for the number of comparisons.
    """

    first: Cell
    second: Cell
    measure: str
    paired: Paired
    corrected: float


@dataclass(frozen=True)
class Tables:
    """The content of a report.

    Attributes:
        summaries: the numbers of each cell, in order.
        tables: of these numbers, in the report's order.
        pairs: the comparisons of cells.
        failures: the turns that failed a check, by cell.
        facts: lines about the experiment.
    """

    summaries: tuple[CellSummary, ...]
    tables: tuple[Table, ...]
    pairs: tuple[Pair, ...]
    failures: dict[Cell, list[TurnScore]]
    facts: tuple[str, ...]


def make_tables(records: Records, scores: Scores, prices: Prices) -> Tables:
    """Return the tables of scored records."""
    cells = by_cell(scores.turns)
    summaries = tuple(summarise(cell, turns, prices) for cell, turns in cells.items())
    tables = [_format(summaries), _quality(summaries), _families(summaries), _costs(summaries)]
    pairs = _pairs(comparisons(cells))
    if pairs:
        tables.append(_compared(pairs))
    tables += [_reasons(summaries), _table_5(our_rows(scores.turns))]
    if judgements := current_judgements(scores.turns, records):
        tables.append(_judged(judgements))
    failures = {cell: [t for t in turns if not t.passed] for cell, turns in cells.items()}
    facts = _facts(records, scores, prices)
    return Tables(summaries, tuple(tables), pairs, failures, facts)


def _format(summaries: Sequence[CellSummary]) -> Table:
    rows = [
        (
            s.cell.name,
            str(s.turns),
            str(s.valid_first),
            str(s.valid),
            str(s.sensible),
            str(s.partly),
            f"{s.attempts:.2f}",
        )
        for s in summaries
    ]
    about = (
        "Turns whose first answer was a valid plan, and turns that had one in the end, with 95 %"
        " Wilson intervals; the turns and repetitions of a scenario count as one cluster."
        " `prompt`, `ladder` and `reask` share the first answers of a conversation; later turns may"
        " differ, for they follow other plans. A plan is sensible if it is what was asked for and"
        " nothing else, partly if at least half of it is: by the checks and not by a judge."
    )
    head = (
        *("planner, strategy, temperature", "turns", "valid at first", "valid"),
        *("sensible", "partly", "answers a turn"),
    )
    return Table("Validity and sense", head, tuple(rows), about)


def _quality(summaries: Sequence[CellSummary]) -> Table:
    rows = [
        (s.cell.name, str(s.passed), str(s.plan), str(s.edit), str(s.answer)) for s in summaries
    ]
    about = (
        "Turns that passed all of their checks; and by what the checks are about: the plan (steps,"
        " order, counts, durations, people), edits (what was to stay has its tokens bit for bit,"
        " what was to change has changed), the words of the answer. A turn without a valid plan"
        " passes none."
    )
    head = ("planner, strategy, temperature", "all checks", "plan", "edit fidelity", "answer")
    return Table("Quality", head, tuple(rows), about)


def _families(summaries: Sequence[CellSummary]) -> Table:
    families = list(dict.fromkeys(f for s in summaries for f in s.families))

    def cell(summary: CellSummary, family: str) -> str:
        share = summary.families.get(family)
        return MISSING if share is None else f"{share.count}/{share.total}"

    rows = [(s.cell.name, *(cell(s, family) for family in families)) for s in summaries]
    head = ("planner, strategy, temperature", *families)
    return Table("Turns that passed all checks, by family", head, tuple(rows))


def _costs(summaries: Sequence[CellSummary]) -> Table:
    rows = [
        (
            s.cell.name,
            _number(s.tokens_in, 0),
            _number(s.tokens_out, 0),
            f"{s.p50:.2f}",
            f"{s.p95:.2f}",
            _number(s.dollars, 2),
        )
        for s in summaries
    ]
    about = "Means and percentiles of a turn, all of its answers together."
    head = (
        *("planner, strategy, temperature", "tokens in", "tokens out"),
        *("seconds p50", "seconds p95", "dollars for 1000 turns"),
    )
    return Table("Tokens, time and cost", head, tuple(rows), about)


def _pairs(compared: Sequence[Comparison]) -> tuple[Pair, ...]:
    pairs = [
        (c, measure, paired)
        for c in compared
        for measure, paired in (
            ("valid", c.valid),
            ("sensible", c.sensible),
            ("all checks", c.passed),
        )
    ]
    p_values = corrected([paired.p for _, _, paired in pairs])
    return tuple(
        Pair(c.first, c.second, measure, paired, p)
        for (c, measure, paired), p in zip(pairs, p_values, strict=True)
    )


def _compared(pairs: Sequence[Pair]) -> Table:
    rows = []
    for pair in pairs:
        paired = pair.paired
        low, high = paired.interval
        effect = f"{100 * paired.effect:+.0f} [{100 * low:+.0f}, {100 * high:+.0f}]"
        counts = str(paired.total), str(paired.only_first), str(paired.only_second)
        who = pair.first.name, pair.second.name, pair.measure
        rows.append((*who, *counts, effect, _p(paired.p), _p(pair.corrected)))
    about = (
        "Turns that both were asked, and those that only one of them did right. The effect is the"
        " first share less the second, in percentage points, with its 95 % interval. p of the exact"
        " sign test on scenarios (McNemar's where each has one turn), two-sided; corrected for the"
        f" {len(rows)} comparisons of this table by Holm's method."
    )
    head = (
        *("first", "second", "right means", "turns", "only first", "only second", "effect"),
        *("p", "p corrected"),
    )
    return Table("Paired comparison", head, tuple(rows), about)


def _reasons(summaries: Sequence[CellSummary]) -> Table:
    rows = [
        (s.cell.name, _counts(s.rungs), _counts(s.causes), _counts(s.faults)) for s in summaries
    ]
    head = (
        *("planner, strategy, temperature", "read by"),
        *("answers that were no plan", "faults that checks found"),
    )
    return Table("What went right and wrong", head, tuple(rows))


def _table_5(rows: Sequence[Row]) -> Table:
    table_rows = [_row(row, "paper") for row in paper_rows()] + [_row(row, "here") for row in rows]
    about = (
        "The two turns of the paper's Table 5 (arXiv:2405.17013v3, appendix A.2): “someone"
        " exercises”, then a question about a motion of slow crawling. The paper's rows are told"
        " in our words; its prompt, its parser and its motions were others, so they are for"
        " orientation and not for comparison."
    )
    head = ("planner", "from", "turn 1: steps", "turn 2: answer", "checks passed")
    return Table("Table 5 of the paper, made again", head, tuple(table_rows), about)


def _row(row: Row, source: str) -> tuple[str, ...]:
    checks = "".join("✓" if passed else "✗" for passed in row.verdicts) or MISSING
    steps = "; ".join(row.steps) or FAILED
    return row.planner, source, steps, row.answer or FAILED, checks


def _judged(judgements: Sequence[Mapping[str, Any]]) -> Table:
    votes: dict[tuple[str, str], list[bool | None]] = {}
    for judgement in judgements:
        cell = Cell(judgement["planner"], judgement["strategy"], judgement["temperature"])
        votes.setdefault((judgement["judge"], cell.name), []).append(judgement["verdict"])
    rows = []
    for (judge, cell_name), verdicts in votes.items():
        clear = [vote for vote in verdicts if vote is not None]
        unclear = str(len(verdicts) - len(clear))
        rows.append((judge, cell_name, f"{sum(clear)}/{len(clear)}", unclear))
    about = (
        "What a language model said to questions that no program can decide. It is no part of any"
        " other number: a judge errs, and may favour plans of its own kind."
    )
    head = ("judge", "planner, strategy, temperature", "yes", "no clear word")
    return Table("An LLM's judgement", head, tuple(rows), about)


def _facts(records: Records, scores: Scores, prices: Prices) -> tuple[str, ...]:
    facts = []
    if records.runs:
        first, last = records.runs[0], records.runs[-1]
        facts.append(
            f"recorded {first['began']} to {last['began']} (begin of the last part), Python"
            f" {last['python']}"
        )
    for part in ("versions", "model", "settings", "engine", "seed"):
        values = list(
            dict.fromkeys(origin[part] for origin in scores.fingerprints if origin.get(part))
        )
        if values:
            facts.append(f"{part}: {'; '.join(values)}")
    played = {(turn.cell, turn.scenario.id, turn.repeat) for turn in scores.turns}
    asks = {ask["exchange"] for turn in scores.turns for ask in turn.seen["asks"]}
    facts.append(
        f"{len(played)} conversations, {len(scores.turns)} turns, {len(asks)} exchanges with a"
        " model"
    )
    for parts, count in scores.stale.items():
        facts.append(f"{count} recorded conversations left out; changed since: {parts}")
    for parts, count in scores.changed.items():
        facts.append(f"**{count} conversations as recorded, though these have changed**: {parts}")
    turn_sets = {frozenset(turn.name for turn in turns) for turns in by_cell(scores.turns).values()}
    if len(turn_sets) > 1:
        facts.append(
            "not all cells have the same turns: their shares are side by side, but only the paired"
            " comparison compares them"
        )
    if scores.replayed:
        facts.append(
            f"{scores.replayed} conversations were played again because their answers are read"
            f" differently today or the agent's code has changed; {scores.missing} answers are"
            " missing"
        )
    if scores.unknown:
        facts.append(f"{scores.unknown} conversations are of scenarios that are not in this suite")
    planners = dict.fromkeys(turn.cell.planner for turn in scores.turns)
    unpriced = [planner for planner in planners if not prices.knows(planner)]
    if prices.noted:
        facts.append(
            f"prices noted {prices.noted}" + f" from {prices.source}" * bool(prices.source)
        )
    if unpriced:
        facts.append(f"no price is known for {', '.join(unpriced)}")
    if any(turn.cell.planner == OFFLINE for turn in scores.turns):
        facts.append("`offline` is no language model: rules that split sentences")
    return tuple(facts)


def _counts(counts: object) -> str:
    assert isinstance(counts, dict)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count}" for name, count in ordered) or MISSING


def _number(value: float | None, digits: int) -> str:
    return MISSING if value is None else f"{value:.{digits}f}"


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"
