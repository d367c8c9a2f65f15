"""Many calls at once: few batches, and nobody pays for somebody else."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fakes import PATIENCE
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool

from motion_agent.motion_core.engine import (
    CancelToken,
    GenerationRequest,
    Progress,
    Take,
)
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.tools import motion_tools


def call(tool: BaseTool, **args: Any) -> ToolMessage:
    message = tool.invoke({"name": tool.name, "args": args, "id": "1", "type": "tool_call"})
    assert isinstance(message, ToolMessage)
    return message


class Crowded(FakeEngine):
    """Its first call goes on only when all others wait for it, and `go` is set."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self.calls = calls
        self.waiting: Callable[[], int] = lambda: 0
        self.go = threading.Event()
        self.go.set()

    def generate(
        self,
        requests: Sequence[GenerationRequest],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[Take]:
        end = time.monotonic() + PATIENCE
        while not self.generated and time.monotonic() < end:
            if self.go.is_set() and self.waiting() >= self.calls - 1:
                break
            time.sleep(0.001)
        return super().generate(requests, progress=progress, cancel=cancel)


def crowded(calls: int) -> tuple[Crowded, dict[str, BaseTool]]:
    engine = Crowded(calls)
    tools = {tool.name: tool for tool in motion_tools(engine)}
    studio = tools["generate_motion"].studio  # type: ignore[attr-defined]
    engine.waiting = lambda: studio.batcher.waiting
    return engine, tools


def test_fifty_threads_are_two_batches() -> None:
    engine, tools = crowded(50)

    def one(seed: int) -> str:
        facts = call(tools["generate_motion"], descriptions=["a person walks"], seed=seed).artifact
        return str(facts["motion_id"])

    with ThreadPoolExecutor(50) as pool:
        ids = list(pool.map(one, range(50)))
    assert [len(batch) for batch in engine.generated] == [1, 49]
    alone = motion_tools(FakeEngine())[0]
    for seed in (0, 1, 49):
        facts = call(alone, descriptions=["a person walks"], seed=seed).artifact
        assert facts["motion_id"] == ids[seed]
    assert len(set(ids)) == 50


def test_fifty_coroutines_are_two_batches_whatever_the_event_loop_s_threads() -> None:
    engine, tools = crowded(50)

    async def all_at_once() -> list[ToolMessage]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        calls = [
            tools["generate_motion"].ainvoke(
                {
                    "name": "generate_motion",
                    "args": {"descriptions": ["a person walks"], "seed": seed},
                    "id": str(seed),
                    "type": "tool_call",
                }
            )
            for seed in range(50)
        ]
        return await asyncio.gather(*calls)

    messages = asyncio.run(all_at_once())
    assert [len(batch) for batch in engine.generated] == [1, 49]
    assert [m.status for m in messages] == ["success"] * 50
    assert len({m.artifact["motion_id"] for m in messages}) == 50


def test_one_wrong_call_among_many_fails_alone() -> None:
    engine, tools = crowded(3)
    calls = [["a person walks"], ["\u200b"], ["a person bows"], ["x" * 301], ["a person kicks"]]
    with ThreadPoolExecutor(8) as pool:
        messages = list(
            pool.map(lambda each: call(tools["generate_motion"], descriptions=each), calls)
        )
    statuses = [message.status for message in messages]
    assert statuses == ["success", "error", "success", "error", "success"]
    assert sum(len(batch) for batch in engine.generated) == 3


def test_a_cancelled_coroutine_does_not_stop_the_others() -> None:
    engine, tools = crowded(2)  # one may be cancelled before it waits
    engine.go.clear()

    async def run() -> list[Any]:
        tasks = [
            asyncio.create_task(tools["generate_motion"].ainvoke({"descriptions": [text]}))
            for text in ("a person walks", "a person bows", "a person kicks")
        ]
        while not engine.waiting():
            await asyncio.sleep(0.001)
        tasks[0].cancel()
        engine.go.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, second, third = asyncio.run(run())
    assert isinstance(first, asyncio.CancelledError)
    assert "a person bows" in second
    assert "a person kicks" in third
