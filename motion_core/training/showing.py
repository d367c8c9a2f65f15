"""How far a training has come: a bar in a terminal or notebook, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from ..notebook import Bar, in_notebook

_BETWEEN_LINES = 30.0  # seconds


class Shown(Protocol):
    """What tells how far a training has come."""

    def update(self, step: int, values: Mapping[str, float]) -> None: ...


def say(line: str) -> None:
    """Print a line to stderr."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def showing(title: str, first: int, steps: int, *, shown: bool = True) -> Iterator[Shown]:
    """Yield a progress bar in a terminal or notebook, a line every half minute elsewhere."""
    if not shown:
        yield _Nothing()
        return
    if in_notebook():
        yield _InNotebook(Bar(title, steps, first))
        return
    if not sys.stderr.isatty():
        yield _Lines(title, first, steps)
        return
    from rich import progress
    from rich.console import Console

    bar = progress.Progress(
        progress.TextColumn(title),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TextColumn("left"),
        progress.TimeRemainingColumn(),
        progress.TextColumn("{task.fields[values]}"),
        console=Console(stderr=True),
    )
    with bar:
        yield _Bar(bar, bar.add_task(title, total=steps, completed=first, values=""))


class _Nothing:
    def update(self, step: int, values: Mapping[str, float]) -> None:
        pass


class _Bar:
    def __init__(self, bar: Any, task: Any) -> None:
        self._bar, self._task = bar, task

    def update(self, step: int, values: Mapping[str, float]) -> None:
        self._bar.update(self._task, completed=step, values=_values_line(values))


class _InNotebook:
    def __init__(self, bar: Bar) -> None:
        self._bar = bar

    def update(self, step: int, values: Mapping[str, float]) -> None:
        self._bar.update(step, _values_line(values))


class _Lines:
    def __init__(self, title: str, first: int, steps: int) -> None:
        self._title, self._first, self._steps = title, first, steps
        self._begin = self._last = time.monotonic()

    def update(self, step: int, values: Mapping[str, float]) -> None:
        now = time.monotonic()
        if now - self._last < _BETWEEN_LINES and step < self._steps:
            return
        self._last = now
        rate = (step - self._first) / max(now - self._begin, 1e-9)
        left = int((self._steps - step) / rate)
        say(
            f"{self._title}: step {step}/{self._steps}, {rate:.2f} steps/s, "
            f"{left // 60}:{left % 60:02d} left, {_values_line(values)}"
        )


def _values_line(values: Mapping[str, float]) -> str:
    return " ".join(f"{name} {value:.4g}" for name, value in values.items())
