"""`mcp_server`: a server of the official SDK around a `Host`.

Clients give up on a server that does not answer `initialize` soon. So this module imports little
beside the SDK; LangChain, NumPy and the rest load in a thread meanwhile, and the first request for
tools or resources waits for them.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import anyio
from mcp.server.lowlevel import Server

from ..prompts import load_prompt
from .app import APP_TYPE

if TYPE_CHECKING:
    from ..motion_core.studio import Studio
    from .host import Host

PATIENCE = 4.0
"""Seconds that a request waits for a motion before it answers with a handle: the OpenAI Agents SDK
gives up after five unless it is told otherwise."""

_REQUESTS = (
    "list_tools",
    "call_tool",
    "list_resources",
    "list_resource_templates",
    "read_resource",
)


def mcp_server(
    studio: Studio | Callable[[], Studio],
    *,
    pictures: bool = True,
    links: bool = False,
    patience: float = PATIENCE,
) -> Server[Any]:
    """Return a server of the official SDK for a studio.

    Args:
        studio: engine, store and workspace, or a function that returns them, called in a thread
            when the first client comes. An authenticated request sees only its user's data
            (`Studio.of`).
        pictures: show a small film strip of each new motion.
        links: link the motion and the files in the answer, for chat programs. Clients that pass all
            content on to a language model may fail on links, as LangChain's does with OpenAI's.
        patience: seconds that a request waits for its motion before it returns a handle.
    """
    opening = _Opening(partial(_open, studio, pictures, links, patience))
    server: Server[Any] = Server(
        "motion-agent",
        version=_version(),
        title="motion-agent",
        instructions=load_prompt("mcp/instructions"),
        lifespan=opening.lifespan,
        **{f"on_{name}": opening.handler(name) for name in _REQUESTS},
    )
    server.extensions = {"io.modelcontextprotocol/ui": {"mimeTypes": [APP_TYPE]}}
    return server


class _Opening:
    """A host that opens in a thread when the first client comes.

    Args:
        make: returns the host; takes seconds.
    """

    def __init__(self, make: Callable[[], Host]) -> None:
        self._make = make
        self._made: Future[Host] = Future()
        self._made.set_running_or_notify_cancel()  # a client that leaves cannot cancel it
        self._begun = threading.Lock()
        self._clients = 0

    async def host(self) -> Host:
        """Return the host once it is open."""
        if self._begun.acquire(blocking=False):
            # A daemon: the process does not wait for this thread when it ends.
            threading.Thread(target=self._open, name="motion-agent opens", daemon=True).start()
        return await asyncio.wrap_future(self._made)

    def _open(self) -> None:
        try:
            self._made.set_result(self._make())
        except BaseException as err:
            self._made.set_exception(err)

    def handler(self, name: str) -> Any:
        """Return the handler of a request: the host's method of that name."""

        async def handle(context: Any, params: Any) -> Any:
            return await getattr(await self.host(), name)(context, params)

        return handle

    @asynccontextmanager
    async def lifespan(self, server: Server[Any]) -> AsyncIterator[dict[str, Any]]:
        """Open the host, and stop running jobs when the last transport ends.

        Raises:
            BaseExceptionGroup: with the error of a host that cannot be opened.
        """
        self._clients += 1
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self.host)
                yield {}
                group.cancel_scope.cancel()
        finally:
            self._clients -= 1
            if not self._clients and self._made.done() and self._made.exception() is None:
                with anyio.CancelScope(shield=True):
                    await self._made.result().jobs.cancel_all()


def _open(
    studio: Studio | Callable[[], Studio], pictures: bool, links: bool, patience: float
) -> Host:
    from .host import Host

    return Host(studio() if callable(studio) else studio, pictures, links, patience)


def _version() -> str:
    try:
        return version("motion-agent")
    except PackageNotFoundError:
        return "0"
