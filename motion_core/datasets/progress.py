"""Output of the preparation of a data set: a progress bar, and a table at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from .prepared import SPLITS

if TYPE_CHECKING:
    from .prepare import Report

T = TypeVar("T")
_LISTED = 20


def tracked(items: Iterable[T], *, total: int, quiet: bool) -> Iterator[T]:
    """Yield the items, with a progress bar on stderr."""
    columns = (TextColumn("preparing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        task = progress.add_task("preparing", total=total)
        for item in items:
            progress.advance(task)
            yield item


def print_summary(report: Report) -> None:
    """Print counts by source and action, and lists of left-out takes."""
    console = Console()
    dataset = report.dataset
    table = Table(title=f"{len(dataset)} clips, half of them mirrored")
    for column in ("source", "action", "styles", *SPLITS, "minutes"):
        table.add_column(column, justify="left" if column in ("source", "action") else "right")
    keys = sorted({(clip.source, clip.action) for clip in dataset.clips})
    for source, action in keys:
        clips = [c for c in dataset.clips if (c.source, c.action) == (source, action)]
        sides = Counter(clip.split for clip in clips)
        styles = len({clip.style for clip in clips})
        minutes = sum(clip.length for clip in clips) / 1200
        counts = (str(styles), *(str(sides[name]) for name in SPLITS), f"{minutes:.1f}")
        table.add_row(source, action, *counts)
    console.print(table)
    _list(console, "left out", [f"{name}: {why}" for name, why in report.left_out])
    _list(console, "unreadable", [f"{name}: {why}" for name, why in report.unreadable])
    _list(console, "names not understood", list(report.unexplained))


def _list(console: Console, title: str, lines: list[str]) -> None:
    if not lines:
        return
    console.print(f"{title}: {len(lines)}")
    for line in lines[:_LISTED]:
        console.print(f"  {line}", markup=False, highlight=False)
    if len(lines) > _LISTED:
        console.print(f"  … and {len(lines) - _LISTED} more")
