"""`BatchingEngine`: calls that come at the same time from many threads become one.

Whoever comes first leads: it takes everything that waits, its own call and those of the others,
and runs them as one `generate` and one `caption`. Who comes meanwhile waits; when the leader is
done, one of those leads next. So nobody waits for company that may not come, a lone call is passed
on as it is, and fifty calls at once are two batches: the first one's, and all the others'.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextvars import Context, copy_context
from itertools import islice
from typing import Any, Generic, TypeVar

from .engine import Coverage, GenerationRequest, MotionEngine, Progress
from .errors import GenerationError, InputError
from .motion import FloatArray

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class BatchingEngine:
    """A `MotionEngine` that runs what comes at the same time as one batch.

    What a call gives does not depend on the others: if a batch fails because of somebody's request
    its calls are run one by one, and only theirs fails. A call that is interrupted (Ctrl-C in the
    thread that leads) takes nobody with it; another one leads and runs the rest again.

    Everything else the engine has (``load``, ``sampling``, …) can be read through this one.

    Args:
        engine: what does the work.
    """

    def __init__(self, engine: MotionEngine) -> None:
        self._engine = engine
        self._changed = threading.Condition()
        self._waiting: list[_Call[Any, Any]] = []
        self._led = False

    @property
    def name(self) -> str:
        return self._engine.name

    def generate(
        self, requests: Sequence[GenerationRequest], *, progress: Progress | None = None
    ) -> list[tuple[int, ...]]:
        """Motion tokens for each request, together with those of other threads.

        Args:
            requests: what to make.
            progress: is told (done, total) of the whole batch. It is called with the context
                variables of this call, maybe in another thread. If it raises, this call does.

        Raises:
            InputError, GenerationError: as the engine says of these requests.
        """
        return self._take_part(_Call(self._engine.generate, requests, progress))

    def caption(self, token_sequences: Sequence[Sequence[int]]) -> list[str]:
        return self._take_part(_Call(self._caption, token_sequences))

    def encode(self, features: FloatArray) -> tuple[int, ...]:
        return self._engine.encode(features)

    def decode(self, tokens: Sequence[int]) -> FloatArray:
        return self._engine.decode(tokens)

    def coverage(self, description: str) -> Coverage:
        return self._engine.coverage(description)

    def __getattr__(self, name: str) -> Any:
        if name == "_engine":  # asked for before __init__, by copy or pickle
            raise AttributeError(name)
        return getattr(self._engine, name)

    def __repr__(self) -> str:
        return f"BatchingEngine({self._engine!r})"

    def _caption(
        self, token_sequences: Sequence[Sequence[int]], *, progress: Progress | None = None
    ) -> list[str]:
        return self._engine.caption(token_sequences)

    def _take_part(self, call: _Call[_Item, _Result]) -> list[_Result]:
        """Wait for a leader to run the call, or lead."""
        batch: list[_Call[Any, Any]] = []
        leads = False
        try:
            with self._changed:
                self._waiting.append(call)
                while self._led and not call.done:
                    self._changed.wait()
                if not call.done:
                    leads = self._led = True
                    batch, self._waiting = self._waiting, []
            for run in dict.fromkeys(each.run for each in batch):
                _run_together([each for each in batch if each.run == run])
                with self._changed:
                    self._changed.notify_all()
        finally:  # also when this thread is interrupted, waiting or leading
            with self._changed:
                if leads:
                    self._led = False
                    self._waiting = [each for each in batch if not each.done] + self._waiting
                    self._changed.notify_all()
                if call in self._waiting:
                    self._waiting.remove(call)
        return call.outcome()


class _Call(Generic[_Item, _Result]):
    """What somebody waits for: items in, as many results or an error out."""

    def __init__(
        self,
        run: Callable[..., list[_Result]],
        items: Sequence[_Item],
        progress: Progress | None = None,
    ) -> None:
        self.run = run
        self.items = list(items)
        self.done = False
        self.context: Context = copy_context()
        self._progress = progress
        self._results: list[_Result] = []
        self._error: BaseException | None = None

    def finish(self, results: list[_Result]) -> None:
        if not self.done:
            self._results, self.done = results, True

    def fail(self, error: BaseException) -> None:
        if not self.done:
            self._error, self.done = error, True

    def tell(self, done: int, total: int) -> None:
        """Tell its progress; it is over for a call whose `progress` raises."""
        if self._progress is None or self.done:
            return
        try:
            self.context.run(self._progress, done, total)
        except Exception as error:
            self.fail(error)

    def run_alone(self) -> None:
        try:
            self.finish(self.run(self.items, progress=self._alone()))
        except Exception as error:
            self.fail(error)

    def outcome(self) -> list[_Result]:
        if self._error is not None:
            raise self._error
        return self._results

    def _alone(self) -> Progress | None:
        progress = self._progress
        if progress is None:
            return None
        return lambda done, total: self.context.run(progress, done, total)


class _NobodyWaits(Exception):
    """Every call of the batch is over: no more work for it."""


def _run_together(calls: list[_Call[Any, Any]]) -> None:
    """Run calls of one kind as one. Each is done then, unless this is interrupted."""
    if len(calls) == 1:
        calls[0].run_alone()
        return

    def tell(done: int, total: int) -> None:
        for call in calls:
            call.tell(done, total)
        if all(call.done for call in calls):
            raise _NobodyWaits

    items = [item for call in calls for item in call.items]
    try:
        results = calls[0].run(items, progress=tell)
        if len(results) != len(items):
            raise GenerationError(f"the engine gave {len(results)} results for {len(items)}")
    except _NobodyWaits:
        return
    except (InputError, GenerationError):  # of one request; which one is found out
        for call in calls:
            if not call.done:
                call.run_alone()
        return
    except Exception as error:  # no weights, no memory: the same for everybody
        for call in calls:
            call.fail(error)
        return
    each = iter(results)
    for call in calls:
        call.finish(list(islice(each, len(call.items))))
