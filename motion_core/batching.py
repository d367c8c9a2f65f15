"""`Batcher`: calls that come at the same time from many threads become one.

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

from .engine import (
    CancelToken,
    GenerationRequest,
    MotionEngine,
    Progress,
    Take,
    caption_takes,
)
from .errors import Cancelled, GenerationError, InputError

_LOOK = 0.1  # seconds after which a waiting call looks whether it was cancelled
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Batcher:
    """Runs what comes to an engine at the same time as one batch.

    What a call returns does not depend on the others: if a batch fails because of somebody's
    request its calls are run one by one, and only theirs fails. A call that is interrupted (Ctrl-C
    in the thread that leads) takes nobody with it; another one leads and runs the rest again.

    Args:
        engine: does the work.
    """

    def __init__(self, engine: MotionEngine) -> None:
        self._engine = engine
        self._changed = threading.Condition()
        self._waiting: list[_Call[Any, Any]] = []
        self._led = False

    @property
    def waiting(self) -> int:
        """How many calls wait for the next batch."""
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
            requests: what to make.
            progress: is told (done, total) of the whole batch. It is called with the context
                variables of this call, maybe in another thread. If it raises, this call does.
            cancel: ends this call; the batch goes on for the others.

        Raises:
            InputError, GenerationError: as the engine says of these requests.
            Cancelled: `cancel` was set meanwhile.
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
        """Wait for a leader to run the call, or lead."""
        batch: list[_Call[Any, Any]] = []
        leads = False
        try:
            with self._changed:
                self._waiting.append(call)
                while self._led and not call.over:
                    self._changed.wait(None if call.cancel is None else _LOOK)
                if not call.over:
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
        cancel: CancelToken | None = None,
    ) -> None:
        self.run = run
        self.items = list(items)
        self.done = False
        self.cancel = cancel
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

    @property
    def over(self) -> bool:
        """Whether nobody waits for the results: they are there, or the call was cancelled."""
        if not self.done and self.cancel is not None and self.cancel.cancelled:
            self.fail(Cancelled("cancelled"))
        return self.done

    def tell(self, done: int, total: int) -> None:
        """Tell its progress; a call whose `progress` raises is over."""
        if self.over or self._progress is None:
            return
        try:
            self.context.run(self._progress, done, total)
        except Exception as error:
            self.fail(error)

    def run_alone(self) -> None:
        try:
            results = self.run(self.items, progress=self._alone(), cancel=self.cancel)
            self.finish(results)
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


class _NobodyWaits(CancelToken):
    """Set once every call of a batch is over."""

    def __init__(self, calls: Sequence[_Call[Any, Any]]) -> None:
        super().__init__()
        self._calls = calls

    @property
    def cancelled(self) -> bool:
        return all(call.over for call in self._calls)


def _run_together(calls: list[_Call[Any, Any]]) -> None:
    """Run calls of one kind as one. Each is done then, unless this is interrupted."""
    if len(calls) == 1:
        calls[0].run_alone()
        return

    cancel = _NobodyWaits(calls)

    def tell(done: int, total: int) -> None:
        for call in calls:
            call.tell(done, total)
        cancel.check()

    items = [item for call in calls for item in call.items]
    try:
        results = calls[0].run(items, progress=tell, cancel=cancel)
        if len(results) != len(items):
            raise GenerationError(f"the engine gave {len(results)} results for {len(items)}")
    except Cancelled:
        for call in calls:
            if not call.over:  # the engine stopped, though somebody waits
                call.run_alone()
        return
    except (InputError, GenerationError):  # of one request; which one is found out
        for call in calls:
            if not call.over:
                call.run_alone()
        return
    except Exception as error:  # no weights, no memory: the same for everybody
        for call in calls:
            call.fail(error)
        return
    each = iter(results)
    for call in calls:
        call.finish(list(islice(each, len(call.items))))
