"""`ServedEngine`: one engine for a whole process, shared by everything that uses it.

An engine given by name is loaded once, however many studios, agents and toolboxes use it; their
simultaneous requests form one batch. It is dropped when none of them is left.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import cached_property, partial
from typing import TypeVar
from weakref import WeakValueDictionary

from .batching import Batcher
from .engine import CancelToken, MotionEngine, Progress
from .engines import load_engine
from .limits import DEFAULT_ENGINE

VARIABLE = "MOTION_AGENT_ENGINE"
_THREADS = 64  # calls that can wait for the next batch; most of them only wait
_STAGES = 2  # stages of loading: the engine, then its weights
_Result = TypeVar("_Result")

_CANCEL: ContextVar[CancelToken | None] = ContextVar("cancel", default=None)


def current_cancel() -> CancelToken | None:
    """Return the cancel token of the call that this thread is serving, if any."""
    return _CANCEL.get()


@contextmanager
def cancelled_by(cancel: CancelToken | None) -> Iterator[None]:
    """Use `cancel` for all work inside the block."""
    before = _CANCEL.set(cancel)
    try:
        yield
    finally:
        _CANCEL.reset(before)


class ServedEngine:
    """An engine loaded on first use, its batches, and threads to wait in.

    Args:
        source: an engine, or the name of one (`engines.load_engine`).
    """

    def __init__(self, source: MotionEngine | str) -> None:
        self.source = source
        self._engine: MotionEngine | None = None if isinstance(source, str) else source
        self._batcher: Batcher | None = None
        self._warm = False
        self._lock = threading.RLock()

    @property
    def engine(self) -> MotionEngine:
        """The engine.

        Raises:
            ConfigurationError: unknown engine.
            UnavailableError: its weights are unavailable.
        """
        with self._lock:
            if self._engine is None:
                assert isinstance(self.source, str)
                self._engine = load_engine(self.source)
            return self._engine

    @property
    def batcher(self) -> Batcher:
        """Groups simultaneous calls from several threads into one batch."""
        engine = self.engine
        with self._lock:
            if self._batcher is None:
                self._batcher = Batcher(engine)
            return self._batcher

    @cached_property
    def threads(self) -> ThreadPoolExecutor:
        """Threads of asynchronous calls, started when needed."""
        return ThreadPoolExecutor(_THREADS, thread_name_prefix="motion-agent")

    def warm_up(self, progress: Progress | None = None) -> None:
        """Load the engine and its weights now, if they are not loaded.

        Args:
            progress: called with (done, total); never if there is nothing to load.

        Raises:
            ConfigurationError: unknown engine.
            UnavailableError: its weights are unavailable.
        """
        if self._warm:
            return
        tell = progress or _nobody
        load = getattr(self._engine, "warm_up", None)
        if self._engine is not None and load is None:
            self._warm = True
            return
        tell(0, _STAGES)
        with self._lock:
            load = getattr(self.engine, "warm_up", None)
            if not self._warm:
                tell(1, _STAGES)
                if load is not None:
                    load()
                self._warm = True
        tell(_STAGES, _STAGES)

    async def run(self, work: Callable[[], _Result]) -> _Result:
        """Return the result of `work`, run in a thread and stopped if this task is cancelled.

        Raises:
            asyncio.CancelledError: the task was cancelled, for example by a timeout. The thread
                stops at its next motion token.
        """
        cancel = CancelToken(parent=current_cancel())
        context = copy_context()
        context.run(_CANCEL.set, cancel)
        # asyncio's own threads are too few to batch many calls.
        called = partial(context.run, work)
        try:
            return await asyncio.get_running_loop().run_in_executor(self.threads, called)
        except asyncio.CancelledError:
            cancel.cancel()
            raise


def serve_engine(engine: MotionEngine | ServedEngine | str | None = None) -> ServedEngine:
    """Return the process-wide served engine for a name or an engine.

    Args:
        engine: an engine, or a name; None for ``$MOTION_AGENT_ENGINE``, else the default one.
    """
    if isinstance(engine, ServedEngine):
        return engine
    source = (os.environ.get(VARIABLE) or DEFAULT_ENGINE) if engine is None else engine
    with _SERVED_LOCK:
        served = _SERVED.get(_key(source))
        if served is None:
            _SERVED[_key(source)] = served = ServedEngine(source)
        return served


_SERVED: WeakValueDictionary[tuple[object, ...], ServedEngine] = WeakValueDictionary()
_SERVED_LOCK = threading.Lock()


def _key(source: MotionEngine | str) -> tuple[object, ...]:
    """Return an engine's key: its name, the current folder and the environment that it depends
    on.
    """
    if not isinstance(source, str):
        return ("object", id(source))  # lives as long as the entry
    ours = sorted(item for item in os.environ.items() if item[0].startswith("MOTION_AGENT_"))
    return (source, os.getcwd(), *ours)


def _nobody(done: int, total: int) -> None:
    pass
