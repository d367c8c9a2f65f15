"""Ctrl-C while an agent works.

LangGraph runs the work in a thread of its own, where Ctrl-C does not reach, and waits for its end.
So the engine is told, which asks between two motion tokens whether to go on.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..motion_core.engine import GenerationRequest, MotionEngine, Progress

_asked_to_stop = threading.Event()


@contextmanager
def stoppable() -> Iterator[None]:
    """Within, Ctrl-C also stops the `StoppableEngine`s (in the main thread only)."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        _asked_to_stop.set()
        before(number, frame)

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        _asked_to_stop.clear()


class StoppableEngine:
    """A `MotionEngine` that Ctrl-C stops between two tokens, whatever thread it works in.

    Args:
        engine: what does the work; everything else it has can be read through this one.
    """

    def __init__(self, engine: MotionEngine) -> None:
        self._engine = engine

    def generate(
        self, requests: Sequence[GenerationRequest], *, progress: Progress | None = None
    ) -> list[tuple[int, ...]]:
        def tell(done: int, total: int) -> None:
            if _asked_to_stop.is_set():
                raise KeyboardInterrupt
            if progress is not None:
                progress(done, total)

        return self._engine.generate(requests, progress=tell)

    def __getattr__(self, name: str) -> Any:
        if name == "_engine":  # asked for before __init__, by copy or pickle
            raise AttributeError(name)
        return getattr(self._engine, name)
