"""The report of an experiment: Markdown, LaTeX, tidy CSV and one self-contained HTML page."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..motion_core.atomic import replacing
from .budget import Prices
from .latex import to_latex
from .page import make_page, what_came
from .records import Records
from .scenario import Suite
from .scoring import Scores, TurnScore, score
from .tables import Table, Tables, make_tables

MAX_FAILURES = 12  # failures of a cell on the page; turns.csv has all of them


def write_report(
    records: Records,
    suite: Suite,
    folder: Path | str,
    *,
    scores: Scores | None = None,
    prices: Prices | None = None,
) -> tuple[Path, ...]:
    """Write the report: Markdown, LaTeX, HTML, and CSV of cells, comparisons and turns.

    A file ``about.md`` in the folder goes at the top, for example to describe the models.

    Args:
        records: of the experiment.
        suite: the scenarios, with today's checks.
        folder: of the report.
        scores: of the records; None to compute them.
        prices: for the costs.

    Returns:
        The written files.

    Raises:
        UnavailableError: a file cannot be written.
    """
    folder = Path(folder)
    note = folder / "about.md"
    about = note.read_text(encoding="utf-8") if note.is_file() else ""
    scores = scores or score(records, suite)
    tables = make_tables(records, scores, prices or Prices.load())
    texts = {
        "report.md": to_markdown(tables, about),
        "failures.md": failures_to_markdown(tables),
        "cells.csv": cells_to_csv(tables),
        "comparisons.csv": comparisons_to_csv(tables),
        "table.tex": to_latex(tables),
        "turns.csv": turns_to_csv(scores.turns),
        "report.html": make_page(tables, about, MAX_FAILURES),
    }
    for name, text in texts.items():
        with replacing(folder / name) as path:
            path.write_text(text, encoding="utf-8")
    return tuple(folder / name for name in texts)


def to_markdown(tables: Tables, about: str = "") -> str:
    """Return the report as Markdown."""
    parts = ["# Planner ablation"]
    if about:
        parts.append(about.strip())
    parts.append("\n".join(f"- {fact}" for fact in tables.facts))
    for table in tables.tables:
        parts.append(f"## {table.title}")
        if table.about:
            parts.append(table.about)
        parts.append(table_to_markdown(table))
    parts.append(
        "What failed, to read: [failures.md](failures.md). Every turn: [turns.csv](turns.csv)."
    )
    return "\n\n".join(parts) + "\n"


def table_to_markdown(table: Table) -> str:
    """Return a table's rows as Markdown."""
    lines = [table.head, ["---"] * len(table.head), *table.rows]
    return "\n".join(f"| {' | '.join(_cell(text) for text in line)} |" for line in lines)


def failures_to_markdown(tables: Tables) -> str:
    """Return the first failed turns of each cell: request, plan and faults."""
    parts = [
        "# Failures to read",
        f"The first {MAX_FAILURES} of each, in the order of the suite; all are in"
        " [turns.csv](turns.csv).",
    ]
    for cell, turns in tables.failures.items():
        parts.append(f"## {cell.name}: {len(turns)} failed")
        for turn in turns[:MAX_FAILURES]:
            lines = [f"**{turn.scenario.id}**, turn {turn.number + 1}: {_quoted(turn.request)}", ""]
            lines += [f"- {line}" for line in what_came(turn)]
            parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


SHARES = ("valid_first", "valid", "sensible", "partly", "passed", "plan", "edit", "answer")
NUMBERS = ("attempts", "tokens_in", "tokens_out", "p50", "p95", "dollars")


def cells_to_csv(tables: Tables) -> str:
    """Return tidy CSV with a row for each measure of a cell; a share has its count, total and 95 %
    interval.

    Measures are the shares, ``family:NAME`` (all checks of a family), the means of a turn, and the
    counts of each ``rung:``, ``cause:`` and ``fault:``.
    """
    head = [*("planner", "strategy", "temperature", "measure", "value", "count", "total")]
    head += ["low", "high"]
    rows: list[list[object]] = []
    for s in tables.summaries:
        who = [s.cell.planner, s.cell.strategy, s.cell.temperature]
        shares = [(name, getattr(s, name)) for name in SHARES]
        shares += [(f"family:{family}", share) for family, share in s.families.items()]
        for name, share in shares:
            values: list[object] = ["", share.count, share.total, "", ""]
            if share.total:
                low, high = share.interval
                values = [_rounded(share.value), share.count, share.total]
                values += [_rounded(low), _rounded(high)]
            rows.append([*who, name, *values])
        rows += [[*who, name, _rounded(getattr(s, name)), "", "", "", ""] for name in NUMBERS]
        for kind, counts in (("rung", s.rungs), ("cause", s.causes), ("fault", s.faults)):
            for name, count in sorted(counts.items()):
                rows.append([*who, f"{kind}:{name}", "", count, s.turns, "", ""])
    return _csv(head, rows)


def comparisons_to_csv(tables: Tables) -> str:
    """Return a row for each paired comparison: effect with interval, p, and p corrected for their
    number.
    """
    head = [
        *("first", "second", "measure", "turns", "only_first", "only_second"),
        *("effect", "low", "high", "p", "p_corrected"),
    ]
    rows: list[list[object]] = []
    for row in tables.pairs:
        low, high = row.paired.interval
        rows.append(
            [
                *(row.first.name, row.second.name, row.measure, row.paired.total),
                *(row.paired.only_first, row.paired.only_second, _rounded(row.paired.effect)),
                *(_rounded(low), _rounded(high), f"{row.paired.p:.6g}", f"{row.corrected:.6g}"),
            ]
        )
    return _csv(head, rows)


def turns_to_csv(turns: Sequence[TurnScore]) -> str:
    """Return a row for each turn."""
    head = [
        *("planner", "strategy", "temperature", "scenario", "family", "turn", "repeat"),
        *(
            "valid_first",
            "valid",
            "passed",
            "sense",
            "answers",
            "seconds",
            "tokens_in",
            "tokens_out",
        ),
        *("rung", "faults", "reply"),
    ]
    rows = []
    for turn in turns:
        faults = [f"{f.check}: {f.fault}" for f in turn.findings if f.fault]
        spent_in = sum(ask.input_tokens or 0 for ask in turn.asks)
        spent_out = sum(ask.output_tokens or 0 for ask in turn.asks)
        rows.append(
            [
                *(turn.cell.planner, turn.cell.strategy, turn.cell.temperature),
                *(turn.scenario.id, turn.scenario.family, turn.number + 1, turn.repeat),
                *(int(turn.valid_first), int(turn.valid), int(turn.passed)),
                *(turn.sense.verdict, len(turn.asks)),
                *(_rounded(sum(ask.seconds for ask in turn.asks)), spent_in, spent_out),
                *(turn.asks[-1].rung if turn.asks else None, "; ".join(faults)),
                " ".join(str(turn.seen["reply"]).split())[:300],
            ]
        )
    return _csv(head, rows)


def _csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return f"“{line if len(line) <= 200 else line[:200] + '…'}”"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
