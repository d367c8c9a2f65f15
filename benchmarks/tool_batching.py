"""The gain from batching simultaneous calls of `generate_motion`.

    python benchmarks/tool_batching.py [CALLS]

It times CALLS calls one after the other, from CALLS threads at once and from CALLS coroutines at
once, with the default engine and the same descriptions and seeds; it prints the number of batches,
the ratio of the times, and whether the motions are the same. A warm-up loads the weights.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from motion_agent.motion_core.engine import (
    CancelToken,
    GenerationRequest,
    MotionEngine,
    Progress,
    Take,
)
from motion_agent.motion_core.engines import load_engine
from motion_agent.tools import motion_tools

ACTIONS = ("walks forward", "waves with both hands", "bows", "kicks with the right foot")


class Counting:
    """The engine, recording the sizes of its batches."""

    def __init__(self, engine: MotionEngine) -> None:
        self._engine = engine
        self.batches: list[int] = []

    def generate(
        self,
        requests: Sequence[GenerationRequest],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[Take]:
        self.batches.append(len(requests))
        return self._engine.generate(requests, progress=progress, cancel=cancel)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    engine = Counting(load_engine())
    arguments = [
        {"descriptions": [f"a person {ACTIONS[at % len(ACTIONS)]}"], "seed": at}
        for at in range(calls)
    ]
    motion_tools(engine)[0].invoke(arguments[0])

    def one_by_one(tool: Any) -> list[str]:
        return [tool.invoke(each) for each in arguments]

    def threads(tool: Any) -> list[str]:
        with ThreadPoolExecutor(calls) as pool:
            return list(pool.map(tool.invoke, arguments))

    def coroutines(tool: Any) -> list[str]:
        async def all_at_once() -> list[str]:
            return await asyncio.gather(*(tool.ainvoke(each) for each in arguments))

        return asyncio.run(all_at_once())

    ways: dict[str, Callable[[Any], list[str]]] = {
        "one after the other": one_by_one,
        "threads at once": threads,
        "coroutines at once": coroutines,
    }
    first: tuple[float, list[str]] | None = None
    print(f"{calls} calls of generate_motion, one description each")
    for name, run in ways.items():
        engine.batches.clear()
        tool = motion_tools(engine)[0]  # its own store
        begin = time.perf_counter()
        result = run(tool)
        seconds = time.perf_counter() - begin
        first = first or (seconds, result)
        same = sum(one == other for one, other in zip(result, first[1], strict=True))
        print(
            f"  {name:20} {seconds:6.1f} s  {first[0] / seconds:5.2f} x"
            f"  {len(engine.batches):3} batches  {same}/{calls} motions the same"
        )


if __name__ == "__main__":
    main()
