"""The runner: every planner, with every strategy, through the whole suite.

Each provider has its own threads, so a slow one does not hold up the others. Results are recorded:
an interrupted run (Ctrl-C, a limit, a crash) continues where it stopped.
"""

from __future__ import annotations

import platform
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..agent_graph.planners import Planner
from ..motion_core.engine import MotionEngine
from ..motion_core.errors import ConfigurationError, MotionAgentError, UnexpectedError
from .asking import RecordingPlanner
from .budget import BudgetSpentError, Gatekeeper, Limits, Prices
from .fingerprint import differences, fingerprint, model_in_words, settings_in_words
from .identity import engine_in_words, served_model
from .play import SkippedMotion, play
from .records import Records
from .scenario import Scenario, Suite
from .strategy import OFFLINE, Cell, open_planner

MAX_FAILURES = 3  # consecutive failures until a cell is given up
_DECISIVE = ("cells", "models", "seed", "settings", "engine")  # of a run's fingerprint

Progress = Callable[[str, int, int], None]
OpenPlanner = Callable[[Cell, int], Planner]


@dataclass(frozen=True)
class Ablation:
    """An experiment.

    Attributes:
        suite: the scenarios.
        cells: planners with strategies and temperatures; see `cells_of`.
        repeats: number of repetitions, each with another seed.
        seed: of the first repetition, for sampling and motion.
        concurrency: simultaneous conversations with one provider.
        limits: of the run.
        prices: for the limit in dollars.
        replies: whether the model also words the replies.
        short: use the short prompts; None for the environment's setting.
        models: identity of planners beyond their names; determined by default.
    """

    suite: Suite
    cells: Sequence[Cell]
    repeats: int = 1
    seed: int = 0
    concurrency: int = 1
    limits: Limits = field(default_factory=Limits)
    prices: Prices = field(default_factory=Prices)
    replies: bool = False
    short: bool | None = None
    models: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("repeats", "concurrency"):
            if getattr(self, name) < 1:
                raise ConfigurationError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.limits.dollars is not None:
            for cell in self.cells:
                if not self.prices.knows(cell.planner):
                    raise ConfigurationError(
                        f"no price is known for {cell.planner}, so a limit in dollars cannot be"
                        " kept; add it to the price table, or limit the tokens"
                    )

    @property
    def jobs(self) -> list[_Job]:
        """Every conversation, those about one scenario side by side so that they share answers."""
        return [
            _Job(cell, scenario, repeat)
            for repeat in range(self.repeats)
            for scenario in self.suite
            for cell in self.cells
            if not (cell.planner == OFFLINE and repeat)  # it always answers the same
        ]


@dataclass(frozen=True)
class Result:
    """How a run ended.

    Attributes:
        done: conversations of this experiment on record.
        expected: number of conversations to record.
        stopped: why it ended early, or None.
        failures: reason for giving up a cell, by its name.
        error: of the first abandoned cell, or None.
        tokens: spent in this run.
        dollars: spent in this run, as far as prices are known.
    """

    done: int
    expected: int
    stopped: str | None
    failures: Mapping[str, str]
    tokens: int
    dollars: float
    error: MotionAgentError | None = None


@dataclass(frozen=True)
class _Job:
    cell: Cell
    scenario: Scenario
    repeat: int

    @property
    def name(self) -> tuple[Cell, str, int]:
        return self.cell, self.scenario.id, self.repeat


def run(
    ablation: Ablation,
    records: Records,
    *,
    engine: MotionEngine | None = None,
    open_planner: OpenPlanner | None = None,
    progress: Progress | None = None,
) -> Result:
    """Run everything that is not yet on record with its present fingerprint.

    Ctrl-C ends it like a limit: unfinished conversations are left out, their answers kept, and the
    next run continues from there.

    Args:
        ablation: the experiment.
        records: keep the results.
        engine: makes the motion; by default motion is skipped.
        open_planner: returns the planner of a cell for a seed, instead of `strategy.open_planner`.
        progress: called with (cell, conversations done, total).

    Raises:
        ConfigurationError: unknown planner.
        KeyboardInterrupt: Ctrl-C, after a clean shutdown.
    """
    return _Run(ablation, records, engine or SkippedMotion(), open_planner, progress).go()


class _Run:
    def __init__(
        self,
        ablation: Ablation,
        records: Records,
        engine: MotionEngine,
        opened: OpenPlanner | None,
        progress: Progress | None,
    ) -> None:
        self._ablation = ablation
        self._records = records
        self._engine = engine
        self._open = opened or self._open_planner
        self._progress = progress or (lambda stage, done, total: None)
        self._woken = threading.Event()
        self._gate = Gatekeeper(ablation.limits, ablation.prices, sleep=self._woken.wait)
        self._failures: dict[Cell, MotionAgentError] = {}
        self._in_row: dict[Cell, int] = defaultdict(int)
        self._stopped: str | None = None
        self._settings = settings_in_words(short=ablation.short, replies=ablation.replies)
        self._models = {cell.planner: self._model(cell) for cell in ablation.cells}
        self._facts = _facts(ablation, engine, self._settings, self._models)
        self._jobs = ablation.jobs
        self._todo = [job for job in self._jobs if not self._is_done(job)]
        self._totals: dict[Cell, int] = defaultdict(int)
        self._done: dict[Cell, int] = defaultdict(int)

    def go(self) -> Result:
        last = self._records.runs[-1] if self._records.runs else {}
        if self._todo or any(last.get(name) != self._facts[name] for name in _DECISIVE):
            self._records.add_run(self._facts)
        for job in self._jobs:
            self._totals[job.cell] += 1
            self._done[job.cell] += self._is_done(job)
        for cell, total in self._totals.items():
            self._progress(cell.name, self._done[cell], total)
        pools = {
            provider: ThreadPoolExecutor(self._ablation.concurrency, f"ablate-{provider}")
            for provider in dict.fromkeys(job.cell.provider for job in self._todo)
        }
        futures: dict[Future[None], _Job] = {}
        try:
            for job in self._todo:
                futures[pools[job.cell.provider].submit(self._play, job)] = job
            self._collect(futures)
        except BaseException:  # Ctrl-C too: running conversations must end before the records close
            self._gate.stop("interrupted")
            self._woken.set()
            raise
        finally:
            for pool in pools.values():
                pool.shutdown(wait=True, cancel_futures=True)
        return self._result()

    def _collect(self, futures: dict[Future[None], _Job]) -> None:
        waiting = set(futures)
        while waiting:
            # The timeout keeps Ctrl-C working on every system.
            done, waiting = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in done:
                self._finish(futures[future], future)

    def _finish(self, job: _Job, future: Future[None]) -> None:
        if future.cancelled():
            return
        err = future.exception()
        if err is None:
            if self._is_done(job):
                self._in_row[job.cell] = 0
                self._done[job.cell] += 1
                self._progress(job.cell.name, self._done[job.cell], self._totals[job.cell])
        elif isinstance(err, BudgetSpentError):
            self._stopped = self._stopped or str(err)
            self._gate.stop(str(err))
            self._woken.set()
        elif isinstance(err, MotionAgentError) and not isinstance(err, UnexpectedError):
            self._in_row[job.cell] += 1
            if self._in_row[job.cell] >= MAX_FAILURES or isinstance(err, ConfigurationError):
                self._failures.setdefault(job.cell, err)
        else:
            raise err

    def _play(self, job: _Job) -> None:
        if job.cell in self._failures or self._stopped is not None:
            return
        seed = self._ablation.seed + job.repeat
        planner = RecordingPlanner(
            job.cell,
            self._open(job.cell, seed),
            self._records,
            seed=seed,
            gate=self._gate,
            replies=self._ablation.replies,
            model=self._models[job.cell.planner],
        )
        conversation = play(
            job.scenario,
            planner,
            self._records,
            self._engine,
            repeat=job.repeat,
            seed=seed,
            settings=self._settings,
            model=self._models[job.cell.planner],
        )
        self._records.add_conversation(conversation)

    def _is_done(self, job: _Job) -> bool:
        """Return whether the conversation is on record with its present fingerprint."""
        recorded = self._records.conversations.get(job.name)
        if recorded is None:
            return False
        now = fingerprint(
            job.cell,
            job.scenario,
            seed=self._ablation.seed + job.repeat,
            settings=self._settings,
            engine=self._facts["engine"],
            model=self._models[job.cell.planner],
        )
        return not differences(recorded.fingerprint, now)

    def _model(self, cell: Cell) -> str:
        """Return the planner's identity beyond its name.

        For a server that does not answer now, its last one: it cannot be asked anyway.
        """
        if cell.planner in self._ablation.models:
            return self._ablation.models[cell.planner]
        planner = model_in_words(cell)
        if served := served_model(cell.provider, cell.planner):
            return f"{planner} ({served})"
        known = [run.get("models", {}).get(cell.planner, "") for run in self._records.runs]
        return next((name for name in reversed(known) if name.startswith(f"{planner} (")), planner)

    def _open_planner(self, cell: Cell, seed: int) -> Planner:
        return open_planner(cell, seed=seed, short=self._ablation.short)

    def _result(self) -> Result:
        done = sum(self._is_done(job) for job in self._jobs)
        failures = {cell.name: str(err) for cell, err in self._failures.items()}
        spent = self._gate.tokens, self._gate.dollars
        first = next(iter(self._failures.values()), None)
        return Result(done, len(self._jobs), self._stopped, failures, *spent, first)


def _facts(
    ablation: Ablation, engine: MotionEngine, settings: str, models: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "began": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "suite": ablation.suite.digest,
        "scenarios": [scenario.id for scenario in ablation.suite],
        "cells": [[c.planner, c.strategy, c.temperature] for c in ablation.cells],
        "models": dict(models),
        "repeats": ablation.repeats,
        "seed": ablation.seed,
        "settings": settings,
        "engine": engine_in_words(engine),
        "prices noted": ablation.prices.noted,
    }
