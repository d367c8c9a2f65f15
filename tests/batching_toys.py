"""An engine behind a gate, and calls that pile up before it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from fakes import PATIENCE

from motion_agent.motion_core.batching import Batcher
from motion_agent.motion_core.engine import (
    CancelToken,
    GenerationRequest,
    Progress,
    Take,
)
from motion_agent.motion_core.fake import FakeEngine


class Gated(FakeEngine):
    """Its first call waits until it is let go, so that others pile up behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.began = threading.Event()
        self.go = threading.Event()
        self.captioned: list[int] = []
        self.interrupt_first: type[BaseException] | None = None

    def generate(
        self,
        requests: Sequence[GenerationRequest],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[Take]:
        first = not self.began.is_set()
        self.began.set()
        assert self.go.wait(PATIENCE)
        if first and self.interrupt_first:
            raise self.interrupt_first
        return super().generate(requests, progress=progress, cancel=cancel)

    def caption(self, takes: Sequence[Take], **control: Any) -> list[str]:
        self.captioned.append(len(takes))
        return super().caption(takes, **control)


@pytest.fixture
def engine() -> Iterator[Gated]:
    engine = Gated()
    yield engine
    engine.go.set()


@pytest.fixture
def batching(engine: Gated) -> Batcher:
    return Batcher(engine)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(64) as threads:
        yield threads


def asks(description: str, seed: int = 0) -> list[GenerationRequest]:
    return [GenerationRequest(description, seed)]


def pile_up(
    pool: ThreadPoolExecutor,
    engine: Gated,
    batching: Batcher,
    calls: Sequence[Callable[[], Any]],
) -> list[Future[Any]]:
    """Start the first call; the others when it runs, and it goes on when they all wait."""
    futures = [pool.submit(calls[0])]
    assert engine.began.wait(PATIENCE)
    futures += [pool.submit(call) for call in calls[1:]]
    while batching.waiting < len(calls) - 1:
        threading.Event().wait(0.001)
    engine.go.set()
    return futures
