"""`TrainingRun`: a loop over training steps that can be killed at any time and continued.

    run = TrainingRun("runs/tokenizer", steps=4000, title="tokenizer", save=lambda: {...})
    run.resume(load)                    # load(state) is called when the folder holds a state
    for step in run:
        ...
        run.log(loss=0.31, lr=2e-4)

The folder holds ``state.pt`` (atomic: the last complete state), ``log.csv`` (one row a logged step;
rows of steps lost in a kill are dropped on resume) and ``curves.png`` (if matplotlib is installed).
A resumed run repeats the uninterrupted one bit for bit if `save` returns everything that the steps
change; the global random states of torch, NumPy and Python are saved here.
"""

from __future__ import annotations

import csv
import math
import pickle
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import numpy as np
import torch

from ..atomic import replacing
from ..errors import ConfigurationError, IntegrityError, UnavailableError
from ..notebook import Bar, in_notebook
from .processes import Processes

State = dict[str, Any]
_FORMAT = "motion-agent training state 1"
_SECONDS_BETWEEN_LINES = 30.0


class TrainingRun:
    """Iterates over the remaining steps, saving the state on the way.

    Args:
        folder: of state, log and curves; created if it is missing.
        steps: number of steps of the whole training.
        title: of the training; a state with another title is refused.
        save: returns the state after the steps so far: tensors, numbers, strings, lists and dicts.
        every_seconds: time between saves.
        processes: that run these steps together; the first one alone writes, and all stop together.

    Ctrl-C and SIGTERM finish the running step, save, and raise KeyboardInterrupt; a second one
    stops at once and keeps the last saved state.

    Raises:
        UnavailableError: the folder cannot be written to.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        steps: int,
        save: Callable[[], State],
        title: str = "training",
        every_seconds: float = 180.0,
        processes: Processes | None = None,
    ) -> None:
        if steps < 1:
            raise ConfigurationError(f"{title}: steps is {steps}; give at least 1")
        self.folder = Path(folder)
        self.steps = steps
        self.title = title
        self.step = 0
        """The running step; after the loop, the number of steps that are done."""
        self.seconds = 0.0
        """Time spent in the steps so far, over all resumed runs."""
        self._save = save
        self._every_seconds = every_seconds
        self._interrupted = False
        self._processes = processes or Processes()
        self._log = _Log(self.folder / "log.csv", writes=self._processes.leads)
        if self._processes.leads:
            with replacing(self.state_path.with_name(".writable")):
                pass  # fail now rather than at the first save
            self.state_path.with_name(".writable").unlink(missing_ok=True)

    @property
    def state_path(self) -> Path:
        return self.folder / "state.pt"

    def resume(self, load: Callable[[State], None]) -> int:
        """Call `load` with the saved state, if there is one; return the first step to run.

        Raises:
            IntegrityError: ``state.pt`` is damaged.
            ConfigurationError: it is the state of another training.
        """
        if not self.state_path.exists():
            return 0
        state = _read_state(self.state_path)
        if state["title"] != self.title:
            raise ConfigurationError(
                f"{self.state_path} is the state of {state['title']!r}, not of {self.title!r}; "
                "choose another folder"
            )
        load(state["state"])
        self.step = int(state["step"])
        self.seconds = float(state["seconds"])
        _set_random_state(state["random"])
        return self.step

    def __iter__(self) -> Iterator[int]:
        self._log.open(first_step=self.step)
        self._interrupted = False
        last_save = time.monotonic()
        progress = _progress(self.title, self.step, self.steps, shown=self._processes.leads)
        with _stop_signals(self._interrupt), progress as show:
            while self.step < self.steps:
                begin = time.monotonic()
                yield self.step
                self.step += 1
                now = time.monotonic()
                self.seconds += now - begin
                show.update(self.step, self._log.last)
                if self._processes.any(self._interrupted):
                    self._interrupted = True
                    break
                if now - last_save >= self._every_seconds:
                    self.save_now()
                    last_save = time.monotonic()
        self.save_now()
        if self._interrupted and self.step < self.steps:
            if self._processes.leads:
                _say(
                    f"{self.title}: stopped after step {self.step} of {self.steps}; "
                    f"saved in {self.state_path}, the same command continues"
                )
            raise KeyboardInterrupt

    def log(self, **values: float) -> None:
        """Add a row for the running step to ``log.csv``.

        Raises:
            ConfigurationError: a value is NaN or infinite: the training has diverged.
        """
        for name, value in values.items():
            if not math.isfinite(value):
                raise ConfigurationError(
                    f"{self.title}: {name} is {value} at step {self.step}; "
                    "lower the learning rate or look for broken training data"
                )
        self._log.add(self.step, {name: float(value) for name, value in values.items()})

    def save_now(self) -> None:
        """Write ``state.pt`` and ``curves.png``; call this between steps only."""
        if not self._processes.leads:
            return
        state = {
            "format": _FORMAT,
            "title": self.title,
            "step": self.step,
            "seconds": self.seconds,
            "random": _random_state(),
            "state": self._save(),
        }
        self._log.flush()
        with replacing(self.state_path) as path:
            torch.save(state, path)
        _draw_curves(self._log.rows, self.title, self.folder / "curves.png")

    def _interrupt(self) -> None:
        if self._interrupted:
            raise KeyboardInterrupt
        self._interrupted = True


# State ------------------------------------------------------------------------------------


def _read_state(path: Path) -> State:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, KeyError, ValueError, pickle.UnpicklingError) as err:
        reason = str(err).splitlines()[0] if str(err) else type(err).__name__
        raise IntegrityError(
            f"{path} is damaged ({reason[:120]}); delete it to start the training again"
        ) from err
    if not isinstance(state, dict) or state.get("format") != _FORMAT:
        raise IntegrityError(
            f"{path} is not a training state; delete it to start the training again"
        )
    return state


def _random_state() -> State:
    name, keys, position, has_gauss, cached = tuple(np.random.get_state())
    return {
        "torch": torch.get_rng_state(),
        "python": random.getstate(),
        "numpy": [str(name), torch.from_numpy(np.array(keys, dtype=np.int64)), position],
        "numpy_gauss": [int(has_gauss), float(cached)],
    }


def _set_random_state(state: Mapping[str, Any]) -> None:
    torch.set_rng_state(state["torch"])
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    name, keys, position = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, *state["numpy_gauss"]))


# Signals ----------------------------------------------------------------------------------


@contextmanager
def _stop_signals(interrupt: Callable[[], None]) -> Iterator[None]:
    """Make Ctrl-C and SIGTERM call `interrupt` inside this block (main thread only)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(_signal: int, _frame: FrameType | None) -> None:
        interrupt()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# Progress ---------------------------------------------------------------------------------


class _Shown(Protocol):
    def update(self, step: int, values: Mapping[str, float]) -> None: ...


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def _progress(title: str, first: int, steps: int, *, shown: bool = True) -> Iterator[_Shown]:
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
        if now - self._last < _SECONDS_BETWEEN_LINES and step < self._steps:
            return
        self._last = now
        rate = (step - self._first) / max(now - self._begin, 1e-9)
        left = int((self._steps - step) / rate)
        _say(
            f"{self._title}: step {step}/{self._steps}, {rate:.2f} steps/s, "
            f"{left // 60}:{left % 60:02d} left, {_values_line(values)}"
        )


def _values_line(values: Mapping[str, float]) -> str:
    return " ".join(f"{name} {value:.4g}" for name, value in values.items())


# Log and curves ---------------------------------------------------------------------------


class _Log:
    """The file ``log.csv``: step, then a column for each logged name."""

    def __init__(self, path: Path, *, writes: bool = True) -> None:
        self.path, self._writes = path, writes
        self.rows: list[dict[str, float]] = []
        self._columns: list[str] = ["step"]
        self._unwritten: list[dict[str, float]] = []
        self._last_write = 0.0

    @property
    def last(self) -> Mapping[str, float]:
        row = self.rows[-1] if self.rows else {}
        return {name: value for name, value in row.items() if name != "step"}

    def open(self, *, first_step: int) -> None:
        """Keep the rows of steps before `first_step` and drop the rest."""
        self.rows, self._columns = [], ["step"]
        if first_step > 0 and self.path.exists():
            with self.path.open(newline="") as file:
                for read in csv.DictReader(file):
                    row = _parse_row(read)
                    if row is not None and row["step"] < first_step:
                        self.rows.append(row)
                        self._columns += [name for name in row if name not in self._columns]
        self._rewrite()

    def add(self, step: int, values: dict[str, float]) -> None:
        row = {"step": step, **values}
        self.rows.append(row)
        new = [name for name in row if name not in self._columns]
        if new:
            self._columns += new
            self._rewrite()
            return
        self._unwritten.append(row)
        if time.monotonic() - self._last_write > 1.0:
            self.flush()

    def flush(self) -> None:
        if not self._unwritten or not self._writes:
            return
        try:
            with self.path.open("a", newline="") as file:
                csv.DictWriter(file, self._columns).writerows(self._unwritten)
        except OSError as err:
            raise UnavailableError(f"cannot write {self.path}: {err.strerror or err}") from err
        self._unwritten.clear()
        self._last_write = time.monotonic()

    def _rewrite(self) -> None:
        if not self._writes:
            return
        with replacing(self.path) as path, path.open("w", newline="") as file:
            writer = csv.DictWriter(file, self._columns)
            writer.writeheader()
            writer.writerows(self.rows)
        self._unwritten.clear()
        self._last_write = time.monotonic()


def _parse_row(read: Mapping[str, str | None]) -> dict[str, float] | None:
    """Parse a row; return None for the torn last line that a kill can leave."""
    try:
        row = {name: float(text) for name, text in read.items() if text}
    except ValueError:
        return None
    if "step" not in row:
        return None
    return {**row, "step": int(row["step"])}


def _draw_curves(rows: list[dict[str, float]], title: str, path: Path) -> None:
    """Draw a small plot over the steps for each logged name."""
    names = list(dict.fromkeys(name for row in rows for name in row if name != "step"))
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return
    if not names or len(rows) < 3:
        return
    across = min(3, len(names))
    down = math.ceil(len(names) / across)
    figure = Figure(figsize=(4.2 * across, 2.6 * down), layout="tight")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    for index, name in enumerate(names):
        points = [(row["step"], row[name]) for row in rows if name in row]
        axes = figure.add_subplot(down, across, index + 1)
        axes.plot(*zip(*points, strict=True), linewidth=0.9)
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelsize=7)
        if all(value > 0 for _, value in points):
            axes.set_yscale("log")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
