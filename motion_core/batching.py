"""`Batcher`: simultaneous calls from many threads run as one.

The calls that wait when the engine is free become one batch: one `generate`, or one `caption`.
Later calls wait for the next. So no call waits for others that may not come, a single call is
passed on unchanged, and fifty simultaneous calls are two batches: the first call, and all the
others.

Batches run in a thread of their own, so that a hanging engine holds up no caller. A batch that
reports no progress for a while is abandoned: waiting calls proceed, and its calls run again one by
one, because a single request may cause the hang. The first result counts.
"""

from __future__ import annotations

import atexit
import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextvars import Context, copy_context
from dataclasses import replace
from functools import partial
from itertools import islice
from queue import SimpleQueue
from typing import Any, Generic, TypeVar
from weakref import WeakSet, finalize

from .engine import (
    CancelToken,
    GenerationRequest,
    MotionEngine,
    Progress,
    Take,
    caption_takes,
)
from .errors import Cancelled, ConfigurationError, GenerationError, InputError, UnavailableError

VARIABLE = "MOTION_AGENT_PATIENCE"
PATIENCE = 60.0  # seconds without progress after which others no longer wait for a batch
_LAST = 10  # times as long, after which the call itself ends
_MOST_HANGING = 16  # batches that never returned, beyond which no more are started
_LOOK = 0.1  # seconds between a waiting call's checks for cancellation
_LEAST = 0.001  # seconds to wait
_GRACE = 2.0  # seconds that engines get to stop when the program ends
_WORKERS: WeakSet[_Worker] = WeakSet()
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Batcher:
    """Runs simultaneous calls to an engine as one batch.

    A call's result does not depend on the others: if one request makes a batch fail, its calls run
    one by one, and only that one fails. An interrupted call (Ctrl-C in the waiting thread) does not
    affect the others.

    Args:
        engine: does the work.
        patience: seconds without progress before others stop waiting for a batch; after ten times
            as many a call ends. None for $MOTION_AGENT_PATIENCE, else 60.
    """

    def __init__(self, engine: MotionEngine, *, patience: float | None = None) -> None:
        self._engine = engine
        self._patience = _patience() if patience is None else patience
        self._changed = threading.Condition()
        self._waiting: list[_Call[Any, Any]] = []
        self._current: _Batch | None = None
        self._hanging = 0  # abandoned batches that have not returned
        self._worker: _Worker | None = None

    @property
    def waiting(self) -> int:
        """Number of calls waiting for the next batch."""
        return len(self._waiting)

    def generate(
        self,
        requests: Sequence[GenerationRequest],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[Take]:
        """Return a take for each request, generated together with those of other threads.

        Args:
            requests: to generate.
            progress: called with (done, total) of the whole batch, with the context variables of
                this call, maybe in another thread. If it raises, so does this call.
            cancel: ends this call; the batch continues for the others.

        Raises:
            InputError, GenerationError: as raised by the engine.
            UnavailableError: the engine does not return.
            Cancelled: `cancel` was set.
        """
        return self._take_part(_Call(self._engine.generate, requests, progress, cancel))

    def caption(
        self,
        takes: Sequence[Take],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[str]:
        """Return a sentence for each take, written together with those of other threads."""
        return self._take_part(_Call(self._caption, takes, progress, cancel))

    def _caption(self, takes: Sequence[Take], **control: Any) -> list[str]:
        return caption_takes(self._engine, takes, **control)

    def _take_part(self, call: _Call[_Item, _Result]) -> list[_Result]:
        """Wait for the results; whichever call finds the engine free starts the next batch."""
        with self._changed:
            self._waiting.append(call)
            try:
                while not call.over:
                    self._leave_what_hangs(call)
                    if self._current is None and self._waiting:
                        self._begin(self._next_batch())
                    if not call.over:
                        self._changed.wait(self._seconds_to_wait(call))
            except BaseException as error:  # Ctrl-C in this thread: another starts the next batch
                call.fail(error)
                self._changed.notify_all()
                raise
            finally:
                if call in self._waiting:
                    self._waiting.remove(call)
        return call.outcome()

    def _next_batch(self) -> list[_Call[Any, Any]]:
        """Return the first call and all others of its kind; a call that may hang runs alone."""
        first = self._waiting[0]
        calls = [first]
        if not first.alone:
            calls = [each for each in self._waiting if each.run == first.run and not each.alone]
        self._waiting = [each for each in self._waiting if each not in calls]
        return calls

    def _begin(self, calls: list[_Call[Any, Any]]) -> None:
        if self._hanging >= _MOST_HANGING:
            for call in calls:
                call.fail(self._hangs(f"{self._hanging} calls have not come back"))
            self._changed.notify_all()
            return
        batch = self._current = _Batch(calls)
        for call in calls:
            call.batch = batch
        if self._worker is None:
            self._worker = _Worker()
            finalize(self, self._worker.end).atexit = False
        self._worker.begin(partial(calls[0].context.copy().run, self._work, batch))

    def _work(self, batch: _Batch) -> None:
        again: list[_Call[Any, Any]] = []
        try:
            batch.run()
        except BaseException as error:  # an interrupted engine ends one call
            again = batch.unfinished()
            if again:
                again.pop(0).fail(error)
        with self._changed:
            if self._current is batch:
                self._current = None
                self._waiting = again + self._waiting
            else:
                self._hanging -= 1
            self._changed.notify_all()

    def _leave_what_hangs(self, call: _Call[Any, Any]) -> None:
        """Stop waiting for a batch without progress, and end one that is stuck for good.

        The calls of an abandoned batch run last and alone.
        """
        if (current := self._current) is not None and current.silent >= self._patience:
            self._current = None
            self._hanging += 1
            if self._worker is not None:
                self._worker.end()
                self._worker = None
            if len(current.calls) > 1:
                left = current.unfinished()
                for each in left:
                    each.alone = True
                self._waiting += left
        silent = 0.0 if call.batch is None or call in self._waiting else call.batch.silent
        if silent >= _LAST * self._patience:
            call.fail(self._hangs(f"it has reported no progress for {silent:.0f} s"))

    def _seconds_to_wait(self, call: _Call[Any, Any]) -> float | None:
        """Return seconds until the next check is due."""
        ends = [] if call.cancel is None else [_LOOK]
        if self._current is not None:
            ends.append(self._patience - self._current.silent)
        if call.batch is not None:
            ends.append(_LAST * self._patience - call.batch.silent)
        return max(min(ends), _LEAST) if ends else None

    def _hangs(self, why: str) -> UnavailableError:
        return UnavailableError(
            f"the engine {self._engine.name} hangs: {why}. Restart it; if it is merely slow, set"
            f" {VARIABLE} to more than {self._patience:g} seconds"
        )


class _Worker:
    """A thread that runs one batch after the other.

    C libraries keep the memory that a thread has freed for that thread's next use, so a new thread
    for each batch would make the process grow with the number of callers.
    """

    def __init__(self) -> None:
        self._batches: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self.idle = threading.Event()
        threading.Thread(target=self._run, name="motion-engine", daemon=True).start()
        atexit.unregister(_let_finish)
        atexit.register(_let_finish)
        _WORKERS.add(self)

    def begin(self, run: Callable[[], None]) -> None:
        """Run a batch after those that began before it."""
        self.idle.clear()
        self._batches.put(run)

    def end(self) -> None:
        """End the thread after its present batch."""
        self._batches.put(None)

    def _run(self) -> None:
        while (run := self._batches.get()) is not None:
            run()
            del run  # and with it the engine, which may be dropped
            if self._batches.empty():
                self.idle.set()
        self.idle.set()


class _Call(Generic[_Item, _Result]):
    """One caller's wait: items in, as many results or an error out."""

    def __init__(
        self,
        run: Callable[..., list[_Result]],
        items: Sequence[_Item],
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> None:
        self.run = run
        self.items = list(items)
        self.done = False
        self.cancel = cancel
        self.context: Context = copy_context()
        self.batch: _Batch | None = None  # its present or last batch
        self.alone = False  # it was in a batch that hung
        self._progress = progress
        self._results: list[_Result] = []
        self._error: BaseException | None = None

    def finish(self, results: list[_Result]) -> None:
        if not self.done:
            self._results, self.done = results, True

    def fail(self, error: BaseException) -> None:
        if not self.done:
            self._error, self.done = error, True

    @property
    def over(self) -> bool:
        """Whether nobody waits any more: the results are there, or the call was cancelled."""
        if not self.done and self.cancel is not None and self.cancel.cancelled:
            self.fail(Cancelled(self.cancel.reason))
        return self.done

    def tell(self, done: int, total: int) -> None:
        """Report progress; a call whose `progress` raises is over."""
        if self.over or self._progress is None:
            return
        try:
            self.context.run(self._progress, done, total)
        except Exception as error:
            self.fail(error)

    def outcome(self) -> list[_Result]:
        if self._error is not None:
            raise self._error
        return self._results


class _Batch:
    """Calls of one kind that run as one batch.

    Attributes:
        calls: its original calls.
    """

    def __init__(self, calls: list[_Call[Any, Any]]) -> None:
        self.calls = calls
        self._heard = time.monotonic()

    @property
    def silent(self) -> float:
        """Seconds since the engine last reported progress."""
        return time.monotonic() - self._heard

    def unfinished(self) -> list[_Call[Any, Any]]:
        """Return the calls that still wait for this batch, without those being run again."""
        left = len(self.calls) > 1
        return [call for call in self.calls if not (call.over or (left and call.alone))]

    def run(self) -> None:
        """Run the calls, which are done afterwards unless this is interrupted or abandoned."""
        calls = self.unfinished()
        if len(calls) < 2:
            for call in calls:
                self._run_alone(call)
            return
        try:
            items = [item for call in calls for item in _stoppable(call)]
            results = self._run(calls, items)
            if len(results) != len(items):
                raise GenerationError(f"the engine gave {len(results)} results for {len(items)}")
        except (Cancelled, InputError, GenerationError):
            # One request failed, and which one is to be found out; or it stopped although a call
            # waits.
            for call in calls:
                if call in self.unfinished():
                    self._run_alone(call)
            return
        except Exception as error:  # no weights, no memory: the same for every call
            for call in self.unfinished():
                call.fail(error)
            return
        each = iter(results)
        for call in calls:
            call.finish(list(islice(each, len(call.items))))

    def _run_alone(self, call: _Call[Any, Any]) -> None:
        try:
            call.finish(self._run([call], call.items))
        except Exception as error:
            if call in self.unfinished():
                call.fail(error)

    def _run(self, calls: list[_Call[Any, Any]], items: list[Any]) -> list[Any]:
        cancel = _NobodyWaits(calls)
        self._heard = time.monotonic()

        def tell(done: int, total: int) -> None:
            self._heard = time.monotonic()
            for call in calls:
                if call.batch is self:
                    call.tell(done, total)
            cancel.check()

        return calls[0].run(items, progress=tell, cancel=cancel)


class _NobodyWaits(CancelToken):
    """An event that is set once every call of a batch is over."""

    def __init__(self, calls: Sequence[_Call[Any, Any]]) -> None:
        super().__init__()
        self._calls = calls

    @property
    def cancelled(self) -> bool:
        return all(call.over for call in self._calls)


def _stoppable(call: _Call[_Item, Any]) -> Iterator[_Item]:
    """Yield the call's items; requests among them tell the engine when nobody waits any more."""
    over = _NobodyWaits([call])
    for item in call.items:
        if isinstance(item, GenerationRequest) and call.cancel is not None:
            yield replace(item, cancel=over)
        else:
            yield item


def _let_finish() -> None:
    """Wait a moment for engines that were told to stop, before Python exits under them."""
    end = time.monotonic() + _GRACE
    for worker in list(_WORKERS):
        worker.idle.wait(max(end - time.monotonic(), 0))


def _patience() -> float:
    text = os.environ.get(VARIABLE) or str(PATIENCE)
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < 1e9:
        raise ConfigurationError(f"{VARIABLE} is {text[:20]!r}; give seconds, such as 300")
    return seconds
