"""`Batcher`: what comes at once runs as one, and nobody pays for somebody else."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from batching_toys import Gated, asks, batching, engine, pile_up, pool
from fakes import PATIENCE

from motion_agent.motion_core.batching import Batcher
from motion_agent.motion_core.engine import (
    CancelToken,
    GenerationRequest,
    Take,
)
from motion_agent.motion_core.errors import (
    Cancelled,
    GenerationError,
    InputError,
    UnavailableError,
)
from motion_agent.motion_core.fake import FakeEngine

__all__ = ["batching", "engine", "pool"]  # fixtures

Takes = list[Take]


def test_fifty_calls_at_once_are_two_batches(
    pool: ThreadPoolExecutor, engine: Gated, batching: Batcher
) -> None:
    def call(seed: int) -> Callable[[], Takes]:
        return lambda: batching.generate(asks("a person walks", seed))

    futures = pile_up(pool, engine, batching, [call(seed) for seed in range(50)])
    results = [future.result() for future in futures]
    assert [len(batch) for batch in engine.generated] == [1, 49]
    assert results == [FakeEngine().generate(asks("a person walks", seed)) for seed in range(50)]


def test_a_lone_call_is_passed_on_as_it_is() -> None:
    engine = FakeEngine()
    progress: list[tuple[int, int]] = []
    requests = [GenerationRequest("a person walks", 1), GenerationRequest("a person bows", 2)]
    segments = Batcher(engine).generate(requests, progress=lambda *at: progress.append(at))
    assert segments == FakeEngine().generate(requests)
    assert engine.generated == [tuple(requests)]
    assert progress == [(1, 2), (2, 2)]


def test_results_do_not_depend_on_who_else_asks(
    pool: ThreadPoolExecutor, engine: Gated, batching: Batcher
) -> None:
    requests = [
        asks("a person walks"),
        [*asks("a person bows", 3), *asks("a person kicks", 4), *asks("a person walks")],
        [],
        asks("a person walks"),
    ]
    calls = [lambda each=each: batching.generate(each) for each in requests]
    results = [f.result() for f in pile_up(pool, engine, batching, calls)]
    assert results == [FakeEngine().generate(each) for each in requests]
    assert [len(batch) for batch in engine.generated] == [1, 4]


def test_captions_and_motions_are_one_call_each(
    pool: ThreadPoolExecutor, engine: Gated, batching: Batcher
) -> None:
    walk, bow = (FakeEngine().generate(asks(text))[0] for text in ("walk", "bow"))
    calls: list[Callable[[], Any]] = [lambda: batching.generate(asks("a person sits"))]
    for _ in range(5):
        calls.append(lambda: batching.generate(asks("a person walks")))
        calls.append(lambda: batching.caption([walk, bow]))
    results = [f.result() for f in pile_up(pool, engine, batching, calls)]
    assert [len(batch) for batch in engine.generated] == [1, 5]
    assert engine.captioned == [10]
    assert results[2] == results[-1] == ["a person walks", "a person bows"]


def test_one_wrong_request_fails_alone(
    pool: ThreadPoolExecutor, engine: Gated, batching: Batcher
) -> None:
    texts = ["a person walks", "a person bows", " ", "a person kicks", "x" * 301]
    calls = [lambda text=text: batching.generate(asks(text)) for text in texts]
    futures = pile_up(pool, engine, batching, calls)
    for at in (0, 1, 3):
        assert futures[at].result() == FakeEngine().generate(asks(texts[at]))
    with pytest.raises(InputError, match="a description is empty"):
        futures[2].result()
    with pytest.raises(InputError, match="301 characters"):
        futures[4].result()


@pytest.mark.parametrize("error", [UnavailableError("no network"), MemoryError("no memory")])
def test_what_is_no_request_s_fault_is_not_tried_again(
    pool: ThreadPoolExecutor,
    engine: Gated,
    batching: Batcher,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    calls = [lambda: batching.generate(asks("a person walks"))] * 5
    tries: list[int] = []

    def fail(self: FakeEngine, requests: Sequence[GenerationRequest], **_: Any) -> Takes:
        tries.append(len(requests))
        raise error

    monkeypatch.setattr(FakeEngine, "generate", fail)
    for future in pile_up(pool, engine, batching, calls):
        with pytest.raises(type(error), match="no "):
            future.result()
    assert tries == [1, 4]


def test_an_engine_that_forgets_a_result_is_told_of(
    pool: ThreadPoolExecutor,
    engine: Gated,
    batching: Batcher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = FakeEngine.generate

    def forgetful(self: FakeEngine, requests: Sequence[GenerationRequest], **kw: Any) -> Takes:
        segments = whole(self, requests, **kw)
        return segments if len(requests) == 1 else segments[:-1]

    monkeypatch.setattr(FakeEngine, "generate", forgetful)
    calls = [lambda: batching.generate(asks("a person walks"))] * 4
    assert len({f.result()[0] for f in pile_up(pool, engine, batching, calls)}) == 1


def test_everybody_hears_of_progress_in_their_own_context(
    pool: ThreadPoolExecutor, engine: Gated, batching: Batcher
) -> None:
    who = contextvars.ContextVar("who", default=-1)
    heard: list[tuple[int, int, int]] = []

    def call(number: int) -> Callable[[], Takes]:
        def run() -> Takes:
            who.set(number)
            return batching.generate(
                asks("a person walks", number),
                progress=lambda done, total: heard.append((who.get(), done, total)),
            )

        return lambda: contextvars.Context().run(run)

    for future in pile_up(pool, engine, batching, [call(number) for number in range(4)]):
        future.result()
    assert heard[0] == (0, 1, 1)
    assert sorted(heard[1:]) == [(who, done, 3) for who in (1, 2, 3) for done in (1, 2, 3)]


def test_a_progress_that_raises_ends_only_its_own_call(
    pool: ThreadPoolExecutor, engine: Gated, batching: Batcher
) -> None:
    def stop(done: int, total: int) -> None:
        raise GenerationError("enough")

    calls = [
        lambda: batching.generate(asks("a person walks")),
        lambda: batching.generate(asks("a person bows"), progress=stop),
        lambda: batching.generate(asks("a person kicks")),
    ]
    _, bow, kick = pile_up(pool, engine, batching, calls)
    with pytest.raises(GenerationError, match="enough"):
        bow.result()
    assert kick.result() == FakeEngine().generate(asks("a person kicks"))


def test_a_batch_that_nobody_waits_for_is_stopped(
    pool: ThreadPoolExecutor, engine: Gated, batching: Batcher
) -> None:
    heard: list[int] = []

    def stop(done: int, total: int) -> None:
        heard.append(done)
        raise GenerationError("enough")

    ends = [lambda: batching.generate(asks("a person bows"), progress=stop)] * 2
    futures = pile_up(
        pool, engine, batching, [lambda: batching.generate(asks("a person walks")), *ends]
    )
    for future in futures[1:]:
        with pytest.raises(GenerationError, match="enough"):
            future.result()
    assert heard == [1, 1]
    assert batching.generate(asks("a person sits"))  # and it goes on working


def test_an_interrupted_leader_loses_nobody(
    pool: ThreadPoolExecutor, engine: Gated, batching: Batcher
) -> None:
    engine.interrupt_first = KeyboardInterrupt
    calls = [lambda seed=seed: batching.generate(asks("a person walks", seed)) for seed in range(9)]
    futures = pile_up(pool, engine, batching, calls)
    with pytest.raises(KeyboardInterrupt):
        futures[0].result()
    for seed, future in enumerate(futures[1:], start=1):
        assert future.result() == FakeEngine().generate(asks("a person walks", seed))
    assert [len(batch) for batch in engine.generated] == [8]


def test_the_rest_of_an_interrupted_batch_is_run_again(
    pool: ThreadPoolExecutor,
    engine: Gated,
    batching: Batcher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = FakeEngine.generate
    interrupted: list[int] = []

    def interrupt(self: FakeEngine, requests: Sequence[GenerationRequest], **kw: Any) -> Takes:
        if len(requests) > 1 and not interrupted:
            interrupted.append(len(requests))
            raise KeyboardInterrupt
        return whole(self, requests, **kw)

    monkeypatch.setattr(FakeEngine, "generate", interrupt)
    calls = [lambda seed=seed: batching.generate(asks("a person walks", seed)) for seed in range(9)]
    futures = pile_up(pool, engine, batching, calls)
    stopped = [f for f in futures if isinstance(f.exception(), KeyboardInterrupt)]
    assert interrupted == [8]
    assert len(stopped) == 1
    for seed, future in enumerate(futures):
        if future not in stopped:
            assert future.result() == FakeEngine().generate(asks("a person walks", seed))


def test_an_interrupted_wait_leaves_the_queue(
    pool: ThreadPoolExecutor,
    engine: Gated,
    batching: Batcher,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leader = pool.submit(batching.generate, asks("a person walks"))
    assert engine.began.wait(PATIENCE)

    wait, here = batching._changed.wait, threading.current_thread()

    def interrupted(*seconds: Any) -> bool:
        if threading.current_thread() is here:  # the other one waits for its result
            raise KeyboardInterrupt
        return wait(*seconds)

    with monkeypatch.context() as patch:
        patch.setattr(batching._changed, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            batching.generate(asks("a person bows"))
    engine.go.set()
    leader.result()
    batching.generate(asks("a person sits"))
    assert [r.description for batch in engine.generated for r in batch] == [
        "a person walks",
        "a person sits",
    ]


def test_a_cancelled_call_ends_and_the_others_go_on(
    pool: ThreadPoolExecutor, engine: Gated, batching: Batcher
) -> None:
    cancel = CancelToken()
    calls = [
        lambda: batching.generate(asks("a person walks")),
        lambda: batching.generate(asks("a person bows"), cancel=cancel),
        lambda: batching.generate(
            asks("a person kicks"), progress=lambda done, total: cancel.cancel()
        ),
    ]
    _, bow, kick = pile_up(pool, engine, batching, calls)
    with pytest.raises(Cancelled):
        bow.result()
    assert kick.result() == FakeEngine().generate(asks("a person kicks"))


def test_a_call_that_is_cancelled_while_it_waits_does_not_wait_on(
    pool: ThreadPoolExecutor, engine: Gated, batching: Batcher
) -> None:
    cancel = CancelToken()
    first = pool.submit(batching.generate, asks("a person walks"))
    assert engine.began.wait(PATIENCE)
    second = pool.submit(batching.generate, asks("a person bows"), cancel=cancel)
    cancel.cancel()
    with pytest.raises(Cancelled):
        second.result(timeout=PATIENCE)
    assert not first.done()
    engine.go.set()
    assert first.result() == FakeEngine().generate(asks("a person walks"))


def test_many_rounds_of_many_threads_lose_nothing(pool: ThreadPoolExecutor) -> None:
    engine = FakeEngine(delay=0.0005)
    batching = Batcher(engine)
    requests = [asks("a person walks", seed) for seed in range(600)]
    results = list(pool.map(batching.generate, requests))
    plain = FakeEngine()
    assert results == [plain.generate(each) for each in requests]
    batches = [len(batch) for batch in engine.generated]
    assert sum(batches) == 600
    assert len(batches) < 200


def test_all_batches_have_one_thread_which_ends_with_the_batcher() -> None:
    threads: list[threading.Thread] = []

    class Noting(FakeEngine):
        def generate(self, requests: Sequence[GenerationRequest], **control: Any) -> list[Take]:
            threads.append(threading.current_thread())
            return super().generate(requests, **control)

    def ask(batcher: Batcher) -> None:
        for _ in range(5):
            with ThreadPoolExecutor(4) as pool:
                for _ in range(4):
                    pool.submit(batcher.generate, asks("walks"))

    ask(Batcher(Noting()))
    assert len(threads) > 4
    assert len(set(threads)) == 1
    threads[0].join(PATIENCE)
    assert not threads[0].is_alive()
