"""Tool calls that outlive the request that started them.

Clients wait for seconds, a motion may take minutes. So a call is a job; a request waits for it for
a while and then returns the job's handle. Jobs belong to one process; their motions are in the
motion store and survive it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool

from ..motion_core.errors import InputError
from ..tools.motion_tool import progress_to

_KEPT = 50  # finished jobs of a user whose answers can still be fetched
Teller = Callable[[float, float, str], Awaitable[None]]
"""Called with (done, total, what is being done)."""


class Job:
    """One call of a tool.

    Attributes:
        handle: ``j-`` and hex digits that nobody can guess.
        user: the caller.
        task: ends with the tool's message.
        progress: (done, total, stage) of its present work.
    """

    def __init__(self, tool: BaseTool, arguments: dict[str, Any], user: str | None) -> None:
        self.handle = f"j-{secrets.token_hex(6)}"
        self.user = user
        self.tool = tool.name
        self.progress = (0, 0, "waiting")
        self.moved = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.task: asyncio.Task[ToolMessage] = asyncio.create_task(self._run(tool, arguments))

    async def _run(self, tool: BaseTool, arguments: dict[str, Any]) -> ToolMessage:
        call = {"name": tool.name, "args": arguments, "id": self.handle, "type": "tool_call"}
        config: Any = {"configurable": {"user": self.user}} if self.user else None
        try:
            with progress_to(self._hear):
                message = await tool.ainvoke(call, config)
        finally:
            self.moved.set()
        assert isinstance(message, ToolMessage)
        return message

    def _hear(self, facts: dict[str, Any]) -> None:
        """Record progress; called from the working thread."""
        self.progress = (facts["done"], facts["total"], facts["stage"])
        self._loop.call_soon_threadsafe(self.moved.set)

    async def wait(self, seconds: float, tell: Teller) -> ToolMessage | None:
        """Return its message if it ends within that many seconds, reporting progress meanwhile."""
        end = self._loop.time() + seconds
        while not self.task.done() and (left := end - self._loop.time()) > 0:
            try:
                # `wait_for` of Python 3.11 loses a cancellation that comes with progress.
                async with asyncio.timeout(left):
                    await self.moved.wait()
            except TimeoutError:
                break
            self.moved.clear()
            if not self.task.done():
                done, total, stage = self.progress
                await tell(done, total, stage)
                await asyncio.wait([self.task], timeout=min(0.1, max(left, 0.0)))
        return self.task.result() if self.task.done() else None


class Jobs:
    """Jobs of a server by handle; users cannot see each other's."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, Job] = OrderedDict()

    def start(self, tool: BaseTool, arguments: dict[str, Any], user: str | None) -> Job:
        """Start a tool call."""
        job = Job(tool, arguments, user)
        self._jobs[job.handle] = job
        done = [each for each in self._jobs.values() if each.user == user and each.task.done()]
        for each in done[: max(0, len(done) - _KEPT)]:
            self.drop(each)
        return job

    def drop(self, job: Job) -> None:
        """Forget a job whose handle nobody needs."""
        self._jobs.pop(job.handle, None)

    def find(self, handle: str, user: str | None) -> Job:
        """Return the job with that handle.

        Raises:
            InputError: this user has no such job.
        """
        job = self._jobs.get(handle)
        if job is None or job.user != user:
            raise InputError(
                f"there is no job {handle[:40]!r}; it may have ended long ago, or the server was"
                " restarted. list_motions shows the motions"
            )
        return job

    async def cancel_all(self) -> None:
        """Stop all running jobs."""
        tasks = [job.task for job in self._jobs.values() if not job.task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
