"""Where time goes: named stages, which cost nothing unless somebody counts.

    with stage("weights"):
        ...

The seconds of a stage are its own: those of a stage inside it, also in another thread that runs
with its context, are counted there alone.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

IMPORTS = "imports"


@dataclass
class Seconds:
    """Elapsed seconds, processor seconds of all threads, and how often a stage ran."""

    elapsed: float = 0.0
    processor: float = 0.0
    times: int = 0

    def add(self, elapsed: float, processor: float) -> None:
        self.elapsed += elapsed
        self.processor += processor


class Stages:
    """Stages that have run, in the order in which they first ended.

    Attributes:
        seconds: of each stage.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, Seconds] = {}
        self._begin = time.perf_counter()
        self._before = time.process_time()
        self._lock = threading.Lock()

    def total(self) -> Seconds:
        """Return the seconds since counting began, with the processor's since Python began."""
        elapsed = time.perf_counter() - self._begin
        return Seconds(elapsed + self._before, time.process_time(), 1)

    def rest(self) -> Seconds:
        """Return what no stage has."""
        rest = self.total()
        for own in self.seconds.values():
            rest.add(-own.elapsed, -own.processor)
        return rest

    def _end(self, name: str, whole: Seconds, inside: Seconds, outer: Seconds | None) -> None:
        with self._lock:
            own = self.seconds.setdefault(name, Seconds())
            own.add(whole.elapsed - inside.elapsed, whole.processor - inside.processor)
            own.times += 1
            if outer is not None:
                outer.add(whole.elapsed, whole.processor)


_counting: Stages | None = None
_inside: ContextVar[Seconds | None] = ContextVar("inside", default=None)


def count_stages() -> Stages:
    """Count from now on, in the whole process; returns what is counted."""
    global _counting
    _counting = Stages()
    return _counting


def peak_memory() -> int | None:
    """Return the most bytes that this process has had in memory; None where it is not known."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def stop_counting() -> None:
    """Count no longer."""
    global _counting
    _counting = None


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Count the seconds of what is done inside under `name`."""
    stages = _counting
    if stages is None:
        yield
        return
    outer, inside = _inside.get(), Seconds()
    token = _inside.set(inside)
    begin, processor = time.perf_counter(), time.process_time()
    try:
        yield
    finally:
        _inside.reset(token)
        whole = Seconds(time.perf_counter() - begin, time.process_time() - processor)
        stages._end(name, whole, inside, outer)
