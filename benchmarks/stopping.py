"""What a stopped call still costs: seconds until it stops, and processor time after it was stopped.

    python benchmarks/stopping.py

Each case starts a call that would take long (five descriptions of 12 seconds) and stops it once
some motion tokens are drawn. Counted from then on are the seconds until the engine has ended, and
this process's processor seconds until nothing is computed any more. The first row is the call left
alone. The last is a server of its own, `motion-agent mcp --http`, that gets SIGTERM: until it ends.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from mcp import Client

from motion_agent.mcp import mcp_server
from motion_agent.motion_core.engine import CancelToken, GenerationRequest, Progress, Take
from motion_agent.motion_core.engines import load_engine
from motion_agent.motion_core.limits import DEFAULT_ENGINE, Limits
from motion_agent.motion_core.studio import Studio
from motion_agent.tools import motion_tools

CALL: dict[str, Any] = {
    "descriptions": [
        f"a person {action}" for action in ("walks", "dances", "boxes", "runs", "bows")
    ],
    "seconds": 12,
}
AFTER = 8  # of 60 motion tokens
QUIET = 1.0  # seconds without computing


class Watched:
    """The engine, telling when it draws and when it has ended."""

    def __init__(self, name: str) -> None:
        self._engine = load_engine(name)
        self.drawing, self.over = threading.Event(), threading.Event()

    def generate(
        self,
        requests: Sequence[GenerationRequest],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[Take]:
        def step(done: int, total: int) -> None:
            if done >= AFTER:
                self.drawing.set()
            if progress is not None:
                progress(done, total)

        try:
            return self._engine.generate(requests, progress=step, cancel=cancel)
        finally:
            self.over.set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


Stop = tuple[float, float]
"""This process's processor seconds, and the time, when a call was stopped."""
Case = Callable[[Watched], Awaitable[Stop]]
"""Starts a call and stops it."""


def now() -> Stop:
    return time.process_time(), time.monotonic()


async def alone(engine: Watched) -> Stop:
    call = asyncio.create_task(tool(engine).ainvoke(CALL))
    await asyncio.to_thread(engine.drawing.wait)
    stop = now()
    await call
    return stop


async def cancelled(engine: Watched) -> Stop:
    call = asyncio.create_task(tool(engine).ainvoke(CALL))
    await asyncio.to_thread(engine.drawing.wait)
    call.cancel()
    return now()


async def timed_out(engine: Watched) -> Stop:
    call = asyncio.create_task(tool(engine).ainvoke(CALL))
    await asyncio.to_thread(engine.drawing.wait)
    try:
        await asyncio.wait_for(call, 0.01)
    except TimeoutError:
        return now()
    raise AssertionError("it was over before its time")


async def limited(engine: Watched) -> Stop:
    await tool(engine, Limits(call_seconds=2)).ainvoke(CALL)
    return now()


async def given_up(engine: Watched) -> Stop:
    async with Client(mcp_server(Studio(engine), patience=600)) as client:
        call = asyncio.create_task(client.call_tool("generate_motion", CALL))
        await asyncio.to_thread(engine.drawing.wait)
        call.cancel()
        stop = now()
        await asyncio.to_thread(engine.over.wait)
        return stop


async def closed(engine: Watched) -> Stop:
    async with Client(mcp_server(Studio(engine), patience=0), mode="legacy") as client:
        await client.call_tool("generate_motion", CALL)
        await asyncio.to_thread(engine.drawing.wait)
        stop = now()
    return stop


CASES: dict[str, Case] = {
    "left alone": alone,
    "cancelled with its task": cancelled,
    "timed out by `asyncio.wait_for`": timed_out,
    "stopped by `Limits.call_seconds`": limited,
    "cancelled by an MCP client": given_up,
    "left by an MCP client that closes": closed,
}


def tool(engine: Watched, limits: Limits | None = None) -> Any:
    return motion_tools(studio=Studio(engine, limits=limits))[0]


def measured(engine: Watched, case: Case) -> tuple[float, float]:
    """Return the seconds until the engine ended, and the processor seconds after the stop."""
    engine.drawing.clear()
    engine.over.clear()

    async def run() -> tuple[float, float]:
        begin, stopped = await case(engine)
        await asyncio.to_thread(engine.over.wait)
        return begin, time.monotonic() - stopped

    begin, seconds = asyncio.run(run())
    last = time.process_time()
    while True:
        time.sleep(QUIET)
        now = time.process_time()
        if now - last < 0.02:
            return seconds, last - begin
        last = now


def terminated(name: str) -> tuple[float, float]:
    """Return the seconds until a server with a call under way has ended, and its processor time."""
    with socket.socket() as found, tempfile.TemporaryDirectory() as folder:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
        found.close()
        command = [sys.executable, "-m", "motion_agent", "mcp", "--http", "--port", str(port)]
        command += ["--warm-up", "--patience", "0"]
        environment = {**os.environ, "MOTION_AGENT_ENGINE": name, "MOTION_AGENT_DATA": folder}
        with subprocess.Popen(
            [*command, "--warm-up", "--patience", "0"], env=environment
        ) as server:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            asyncio.run(_start(f"http://127.0.0.1:{port}/mcp"))
            with open(f"/proc/{server.pid}/stat") as stat:
                fields = stat.read().rpartition(")")[2].split()
            spent = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            begin = time.monotonic()
            server.send_signal(signal.SIGTERM)
            server.wait()
            seconds = time.monotonic() - begin
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, total - spent


async def _start(address: str) -> None:
    async with Client(address) as client:
        await client.call_tool("generate_motion", CALL)
        await asyncio.sleep(3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default=DEFAULT_ENGINE)
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES), metavar="CASE")
    arguments = parser.parse_args()
    engine = Watched(arguments.engine)
    tool(engine).invoke({"descriptions": ["a person walks"], "seconds": 1})
    print("| a call is … | seconds until it stops | processor seconds afterwards |")
    print("|---|---|---|")
    for name in arguments.only:
        seconds, spent = measured(engine, CASES[name])
        print(f"| {name} | {seconds:.2f} | {spent:.2f} |", flush=True)
    seconds, spent = terminated(arguments.engine)
    print(f"| at work in a server that gets SIGTERM | {seconds:.2f} | {spent:.2f} |")


if __name__ == "__main__":
    main()
