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

import math
import pickle
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch

from ..atomic import replacing
from ..errors import ConfigurationError, IntegrityError
from .log import TrainingLog, draw_curves
from .processes import Processes
from .showing import say, showing

State = dict[str, Any]
_FORMAT = "motion-agent training state 1"


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
        self._log = TrainingLog(self.folder / "log.csv", writes=self._processes.leads)
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
        progress = showing(self.title, self.step, self.steps, shown=self._processes.leads)
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
                say(
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
        draw_curves(self._log.rows, self.title, self.folder / "curves.png")

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
