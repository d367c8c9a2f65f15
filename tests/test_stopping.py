"""Work stops when nobody waits for it any more: within one motion token, and alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from fakes import PATIENCE
from langchain_core.messages import HumanMessage
from motionllm_toys import motion_llm

from motion_agent.agent_graph import build_graph
from motion_agent.motion_core.batching import Batcher
from motion_agent.motion_core.engine import CancelToken, GenerationRequest, Progress, Take
from motion_agent.motion_core.errors import Cancelled
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.limits import Limits
from motion_agent.motion_core.motionllm.decoding import MotionPrompt, decode_motions
from motion_agent.motion_core.motionllm.sampling import Sampling
from motion_agent.motion_core.studio import Studio
from motion_agent.tools import motion_tools


class Endless(FakeEngine):
    """Generates until it is cancelled, a step at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.ended = threading.Event(), threading.Event()

    def generate(
        self,
        requests: Sequence[GenerationRequest],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[Take]:
        assert cancel is not None
        self.begun.set()
        try:
            while True:
                cancel.check()
                self.ended.wait(0.001)
        finally:
            self.ended.set()


def test_a_cancelled_row_leaves_the_batch_and_the_others_are_what_they_were() -> None:
    model = motion_llm("llama")
    model.use("t2m")
    cancel = CancelToken()
    ids = [[5, 6, 7, model.motion_start], [8, 9, model.motion_start]]
    rows = [MotionPrompt(row, 1, 8, 8) for row in ids]
    alone = decode_motions(model, rows, Sampling())
    sizes: list[int] = []
    hidden = model.hidden

    def watched(read: Any, *args: Any, **kwargs: Any) -> Any:
        sizes.append(len(read))
        if len(sizes) == 3:
            cancel.cancel()
        return hidden(read, *args, **kwargs)

    model.hidden = watched  # type: ignore[method-assign]
    stopped = MotionPrompt(ids[0], 1, 8, 8, cancel=cancel)
    motions = decode_motions(model, [stopped, rows[1]], Sampling())
    assert sizes == [2, 2, 2, 1, 1, 1, 1, 1]
    assert (len(motions[0]), motions[1]) == (3, alone[1])


def test_requests_of_a_batch_tell_the_engine_that_nobody_waits() -> None:
    seen: list[list[bool]] = []
    stop, begun, gate = CancelToken(), threading.Event(), threading.Event()

    class Watching(FakeEngine):
        def generate(
            self,
            requests: Sequence[GenerationRequest],
            *,
            progress: Progress | None = None,
            cancel: CancelToken | None = None,
        ) -> list[Take]:
            if len(requests) == 1:
                begun.set()
                gate.wait(PATIENCE)
            else:
                stop.cancel()
                seen.append([r.cancel is not None and r.cancel.cancelled for r in requests])
            return super().generate(requests, progress=progress, cancel=cancel)

    batcher = Batcher(Watching())
    results: dict[str, Any] = {}

    def ask(name: str, token: CancelToken | None) -> None:
        try:
            results[name] = batcher.generate([GenerationRequest(f"a person {name}")], cancel=token)
        except Cancelled as err:
            results[name] = err

    threads = [threading.Thread(target=ask, args=("walks", None))]
    threads[0].start()
    begun.wait(PATIENCE)
    for name, token in (("bows", stop), ("kicks", CancelToken())):
        threads.append(threading.Thread(target=ask, args=(name, token)))
        threads[-1].start()
    while batcher.waiting < 2:
        gate.wait(0.001)
    gate.set()
    for thread in threads:
        thread.join()
    assert sorted(seen[0]) == [False, True]
    assert isinstance(results["bows"], Cancelled)
    assert len(results["kicks"][0].tokens) > 1


async def _cancelled(work: Any, engine: Endless) -> None:
    task = asyncio.create_task(work)
    while not engine.begun.is_set():
        await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    while not engine.ended.is_set():
        await asyncio.sleep(0.001)


async def test_a_cancelled_task_stops_a_tool() -> None:
    engine = Endless()
    tool = motion_tools(engine)[0]
    await _cancelled(tool.ainvoke({"descriptions": ["a person walks"]}), engine)


async def test_a_time_out_stops_a_tool() -> None:
    engine = Endless()
    tool = motion_tools(engine)[0]
    call = asyncio.create_task(tool.ainvoke({"descriptions": ["a person walks"]}))
    while not engine.begun.is_set():
        await asyncio.sleep(0.001)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(call, 0.01)
    while not engine.ended.is_set():
        await asyncio.sleep(0.001)


async def test_a_cancelled_task_stops_the_graph() -> None:
    engine = Endless()
    graph = build_graph("offline", studio=Studio(engine))
    await _cancelled(graph.ainvoke({"messages": [HumanMessage("A person walks.")]}), engine)


def test_a_call_that_takes_too_long_is_stopped_and_says_so() -> None:
    engine = Endless()
    tool = motion_tools(engine, limits=Limits(call_seconds=0.1))[0]
    call = {"args": {"descriptions": ["a person walks"]}, "id": "1", "type": "tool_call"}
    message = tool.invoke({"name": tool.name, **call})
    assert message.text == "stopped: a call may take 0.1 s; ask for less at once"
    assert message.artifact["error"]["kind"] == "stopped"
    assert not engine.begun.is_set() or engine.ended.wait(PATIENCE)


def test_a_token_is_set_by_its_parent_and_tells_the_parent_s_reason() -> None:
    parent = CancelToken()
    token = CancelToken(seconds=1000, parent=parent)
    assert not token.cancelled
    parent.cancel()
    with pytest.raises(Cancelled, match=r"^cancelled$"):
        token.check()
