"""The server over stdio, for the one client that started it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator
from typing import Any

import anyio
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

_AHEAD = 100  # lines read before the server asks for them
_GRACE = 5.0  # seconds after a signal that running work has to stop
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


def serve_stdio(server: Server[Any]) -> None:
    """Serve until the client leaves or a signal ends it.

    Args:
        server: from `mcp_server`.

    Raises:
        KeyboardInterrupt: a signal ended it.
    """
    try:
        signalled = anyio.run(_serve, server)
    except BaseExceptionGroup as group:
        error = _first(group)
        if isinstance(error, BrokenPipeError):  # the client has left
            return
        raise error from None
    if signalled:
        raise KeyboardInterrupt


async def _serve(server: Server[Any]) -> bool:
    """Serve; return whether a signal ended it."""
    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            if sys.platform != "win32":  # which has no handlers in event loops; Ctrl-C works
                group.start_soon(_cancel_at_signal, scope)
            async with stdio_server(_Stdin()) as (read, write):
                await server.run(read, write, server.create_initialization_options())
        group.cancel_scope.cancel()
    return scope.cancelled_caught


async def _cancel_at_signal(scope: anyio.CancelScope) -> None:
    numbers = (getattr(signal, name) for name in _SIGNALS)
    heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    with anyio.open_signal_receiver(*heard) as signals:
        async for _ in signals:
            # A thread that loads weights, or writes to a client that does not read, may not end.
            last = threading.Timer(_GRACE, os._exit, [128 + signal.SIGINT])
            last.daemon = True
            last.start()
            scope.cancel()
            return


class _Stdin(anyio.AsyncFile[str]):
    """The lines of stdin, read in a thread that nobody waits for.

    The SDK's own reader cannot be interrupted: after a signal, the process would stay until the
    client writes a line or leaves. As with the SDK's, whatever else reads stdin reads nothing.
    """

    def __init__(self) -> None:
        super().__init__(os.fdopen(os.dup(0), encoding="utf-8", errors="replace"))
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)

    async def __aiter__(self) -> AsyncIterator[str]:
        loop = asyncio.get_running_loop()
        lines: asyncio.Queue[str | None] = asyncio.Queue()
        room = threading.Semaphore(_AHEAD)

        def read() -> None:
            try:
                for line in self.wrapped:
                    room.acquire()
                    loop.call_soon_threadsafe(lines.put_nowait, line)
                loop.call_soon_threadsafe(lines.put_nowait, None)
            except RuntimeError:  # the loop is closed
                pass

        threading.Thread(target=read, name="motion-agent reads", daemon=True).start()
        while (line := await lines.get()) is not None:
            room.release()
            yield line


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
