"""Spinners and bars in a terminal; imported only when needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class Tell(Protocol):
    """Changes a spinner's text; with a total it becomes a bar with the time left."""

    def __call__(self, line: str, done: int = 0, total: int = 0) -> None: ...


class _OnlyCounted(ProgressColumn):
    """A column that is empty until the total is known."""

    def __init__(self, column: ProgressColumn) -> None:
        super().__init__()
        self._column = column
        self.max_refresh = column.max_refresh

    def render(self, task: Task) -> Text:
        return self._column(task) if task.total else Text()  # type: ignore[return-value]


@contextmanager
def live(title: str, console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """Show one line during the work, then remove it."""
    left = TextColumn("left")
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        *map(_OnlyCounted, (BarColumn(bar_width=24), TimeRemainingColumn(), left)),
    )
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as bars:
        task = bars.add_task(title, total=None)

        def tell(line: str, done: int, total: int) -> None:
            if total and not bars.tasks[0].total:
                bars.reset(task, total=total)  # its timer starts now
            bars.update(task, description=line, completed=done, total=total or None)

        yield tell


@contextmanager
def live_stages(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar for each stage; they stay on screen."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("left"),
    )
    with Progress(*columns, console=console, redirect_stdout=False) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield tell
