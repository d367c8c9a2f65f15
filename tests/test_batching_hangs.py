"""`Batcher` with an engine that hangs: the others go on, and nobody waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from batching_toys import Gated, asks, pile_up, pool
from fakes import PATIENCE

from motion_agent.motion_core.batching import Batcher, _let_finish
from motion_agent.motion_core.engine import (
    CancelToken,
    GenerationRequest,
    Progress,
    Take,
)
from motion_agent.motion_core.errors import (
    Cancelled,
    ConfigurationError,
    UnavailableError,
)
from motion_agent.motion_core.fake import FakeEngine

__all__ = ["pool"]  # fixture

HANGS = "a person hangs"
PATIENT = "motion_agent.motion_core.batching._LAST"


class Hanging(Gated):
    """Hangs whenever `HANGS` is among the requests, until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.hung: list[int] = []
        self.end = threading.Event()

    def generate(
        self,
        requests: Sequence[GenerationRequest],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[Take]:
        if any(request.description == HANGS for request in requests):
            self.hung.append(len(requests))
            assert self.end.wait(PATIENCE)
        return super().generate(requests, progress=progress, cancel=cancel)


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    monkeypatch.setattr(PATIENT, 1e9)  # however slow the computer, only what is said here ends
    engine = Hanging()
    yield engine
    engine.go.set()
    engine.end.set()


def lose_patience(batching: Batcher, engine: Hanging) -> None:
    """Once a call hangs, there is no patience any more."""
    while not engine.hung:
        threading.Event().wait(0.001)
    with batching._changed:
        batching._patience = 0.01
        batching._changed.notify_all()


def test_what_waits_behind_a_call_that_hangs_goes_on(
    pool: ThreadPoolExecutor, hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    batching = Batcher(hanging)
    hanging.go.set()
    stuck = pool.submit(batching.generate, asks(HANGS))
    lose_patience(batching, hanging)
    segments = batching.generate(asks("a person walks"))
    assert segments == FakeEngine().generate(asks("a person walks"))
    monkeypatch.setattr(PATIENT, 1)
    lose_patience(batching, hanging)
    with pytest.raises(
        UnavailableError, match=r"hangs: it has reported no progress .*MOTION_AGENT_PATIENCE"
    ):
        stuck.result(timeout=PATIENCE)


def test_the_others_of_a_batch_that_hangs_are_run_without_it(
    pool: ThreadPoolExecutor, hanging: Hanging
) -> None:
    batching = Batcher(hanging)
    texts = ["a person sits", "a person walks", HANGS, "a person bows"]
    calls = [lambda text=text: batching.generate(asks(text)) for text in texts]
    futures = pile_up(pool, hanging, batching, calls)
    lose_patience(batching, hanging)
    for at in (0, 1, 3):
        assert futures[at].result(PATIENCE) == FakeEngine().generate(asks(texts[at]))
    assert not futures[2].done()
    assert hanging.hung == [3, 1]


def test_a_call_that_comes_back_late_is_not_lost(
    pool: ThreadPoolExecutor, hanging: Hanging
) -> None:
    batching = Batcher(hanging)
    hanging.go.set()
    late = pool.submit(batching.generate, asks(HANGS))
    lose_patience(batching, hanging)
    batching.generate(asks("a person walks"))  # that one is left to itself
    hanging.end.set()
    assert late.result(PATIENCE) == FakeEngine().generate(asks(HANGS))


def test_a_caller_is_not_held_by_an_engine_that_hangs(
    pool: ThreadPoolExecutor, hanging: Hanging
) -> None:
    batching, cancel = Batcher(hanging), CancelToken()
    stuck = pool.submit(batching.generate, asks(HANGS), cancel=cancel)
    while not hanging.hung:
        threading.Event().wait(0.001)
    cancel.cancel()
    with pytest.raises(Cancelled):
        stuck.result(PATIENCE)


def test_the_program_does_not_end_under_an_engine_that_stops(
    pool: ThreadPoolExecutor, hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("motion_agent.motion_core.batching._GRACE", PATIENCE)
    cancel = CancelToken()
    hanging.go.set()
    stuck = pool.submit(Batcher(hanging).generate, asks(HANGS), cancel=cancel)
    while not hanging.hung:
        threading.Event().wait(0.001)
    cancel.cancel()
    assert isinstance(stuck.exception(PATIENCE), Cancelled)
    threading.Timer(0.05, hanging.end.set).start()
    _let_finish()
    assert len(hanging.generated) == 1  # it came to its end


def test_an_engine_that_never_comes_back_is_not_asked_for_ever(
    pool: ThreadPoolExecutor, hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PATIENT, 1)
    batching = Batcher(hanging)
    stuck = [pool.submit(batching.generate, asks(HANGS, 0))]
    lose_patience(batching, hanging)
    for seed in range(1, 20):
        stuck.append(pool.submit(batching.generate, asks(HANGS, seed)))
    errors = [future.exception(PATIENCE) for future in stuck]
    assert all(isinstance(error, UnavailableError) for error in errors)
    assert len(hanging.hung) == 16
    assert any("16 calls have not come back" in str(error) for error in errors)


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan"])
def test_patience_is_a_number_of_seconds(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTION_AGENT_PATIENCE", text)
    with pytest.raises(ConfigurationError, match=r"MOTION_AGENT_PATIENCE is .*give seconds"):
        Batcher(FakeEngine())
