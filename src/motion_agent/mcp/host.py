"""`Host`: the five tools over MCP, and two for long calls.

Tools, schemas and messages come from `motion_agent.tools`. This adds what is MCP's: annotations,
structured output, pictures, links, progress, and an answer in time.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import PurePath
from typing import Any, TypeVar

import mcp_types as types
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError
from starlette.requests import Request

from ..motion_core.errors import MotionAgentError
from ..motion_core.store import is_motion_id
from ..motion_core.studio import Studio
from ..prompts import load_prompt
from ..tools.artifacts import artifact, failure
from ..tools.messages import failure_text, one_line, wrong_arguments
from ..tools.toolbox import motion_tools
from . import resources
from .app import APP
from .arguments import CancelInput, WaitMotionInput
from .jobs import Job, Jobs, Teller

_LOOK = 0.5  # seconds between looks at a connection
_PICTURED = ("generate_motion", "edit_motion")
_READ_ONLY = ("caption_motion", "list_motions", "wait_motion")
_OUTPUT = {
    "type": "object",
    "properties": {
        "tool": {"type": "string"},
        "ok": {"type": "boolean"},
        "status": {"type": "string", "enum": ["done", "working", "failed"]},
        "handle": {"type": ["string", "null"], "description": "for wait_motion and cancel"},
        "motion_id": {"type": ["string", "null"]},
        "files": {"type": "array", "items": {"type": "string"}},
        "resources": {"type": "array", "items": {"type": "string"}},
        "error": {"type": ["object", "null"]},
    },
    "required": ["tool", "ok", "status", "handle", "motion_id", "files", "resources", "error"],
}
_Context = ServerRequestContext[Any, Any]
_Result = TypeVar("_Result")


class Host:
    """The studio, the tools and the jobs that the requests of all clients share.

    Args:
        studio, pictures, links, patience: see `mcp_server`.
    """

    def __init__(self, studio: Studio, pictures: bool, links: bool, patience: float) -> None:
        self.studio = studio
        self.pictures = pictures
        self.links = links
        self.patience = patience
        self.tools: dict[str, BaseTool] = {t.name: t for t in motion_tools(studio=studio)}
        self.jobs = Jobs()

    # ---- tools -----------------------------------------------------------------------------

    async def list_tools(
        self, context: _Context, params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        shown = [_tool(t.name, t.description, t.args_schema) for t in self.tools.values()]
        for name, arguments in (("wait_motion", WaitMotionInput), ("cancel", CancelInput)):
            shown.append(_tool(name, load_prompt(f"tools/{name}"), arguments))
        return types.ListToolsResult(tools=shown)

    async def call_tool(
        self, context: _Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        arguments, user = params.arguments or {}, _user(context)
        try:
            if params.name == "wait_motion":
                request = WaitMotionInput.model_validate(arguments)
                return await self._wait(context, request, user)
            if params.name == "cancel":
                return await self._cancel(CancelInput.model_validate(arguments), user)
        except ValidationError as err:
            return _failed(params.name, "arguments", wrong_arguments(err))
        except MotionAgentError as err:
            return _failed(params.name, "input", failure_text(err, self.studio.of(user)))
        if params.name not in self.tools:
            raise MCPError(types.INVALID_PARAMS, f"there is no tool {one_line(params.name, 60)!r}")
        job = self.jobs.start(self.tools[params.name], arguments, user)
        watch = asyncio.create_task(_cancel_when_gone(context.request, job))
        try:
            result = await self._answer(job, self.patience, context)
        except asyncio.CancelledError:  # the client cancelled it, or is gone
            job.task.cancel()
            raise
        finally:
            watch.cancel()
        if job.task.done():  # the client never gets its handle
            self.jobs.drop(job)
        return result

    async def _wait(
        self, context: _Context, request: WaitMotionInput, user: str | None
    ) -> types.CallToolResult:
        if is_motion_id(request.handle):  # a handle that outlives the server
            motion = await self._thread(partial(self.studio.of(user).find, request.handle))
            line = f"Motion {request.handle} is done, {motion.duration:.1f} s."
            facts = {"motion_id": request.handle, "seconds": round(motion.duration, 2)}
            return await self._success("wait_motion", line, artifact("wait_motion", facts), user)
        seconds = self.patience if request.seconds is None else request.seconds
        return await self._answer(self.jobs.find(request.handle, user), seconds, context)

    async def _cancel(self, request: CancelInput, user: str | None) -> types.CallToolResult:
        job = self.jobs.find(request.handle, user)
        over = job.task.done()
        job.task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait([job.task])
        line = f"{job.handle} had already ended." if over else f"{job.handle} is stopped."
        return _result(line, {**artifact("cancel", {}), **_state("done", job.handle)})

    async def _answer(self, job: Job, seconds: float, context: _Context) -> types.CallToolResult:
        """Return the job's answer, or its handle if it takes longer."""
        try:
            message = await job.wait(seconds, _teller(context))
        except asyncio.CancelledError:
            if not job.task.cancelled():
                raise
            return _failed(job.tool, "stopped", f"{job.handle} was stopped before it finished.")
        if message is None:
            done, total, stage = job.progress
            line = (
                f"{job.tool} is running ({stage} {done}/{total}); its handle is {job.handle}. Call"
                f" wait_motion with it for the answer, or cancel."
            )
            return _result(line, {**artifact(job.tool, {}), **_state("working", job.handle)})
        if message.status == "error":
            return _failed(job.tool, message.artifact["error"]["kind"], message.text)
        return await self._success(job.tool, message.text, message.artifact, job.user, message)

    async def _success(
        self,
        name: str,
        line: str,
        facts: dict[str, Any],
        user: str | None,
        message: ToolMessage | None = None,
    ) -> types.CallToolResult:
        """Return an answer with its picture and links, if any; files appear by name only."""
        names = [PurePath(file).name for file in facts["files"]]
        links = [resources.file_of(file) for file in names]
        motion_id = facts["motion_id"]
        content: list[types.ContentBlock] = []
        if motion_id is not None and name != "export_motion":
            links.append(resources.page_of(motion_id))
            if self.pictures and (name in _PICTURED or message is None):
                content.append(await self._picture(motion_id, user))
        facts = {**facts, "files": names, "resources": [link.uri for link in links]}
        result = _result(line, {**facts, **_state("done", None)})
        content += links if self.links else []
        return result.model_copy(update={"content": [*result.content, *content]})

    async def _picture(self, motion_id: str, user: str | None) -> types.ImageContent:
        from ..motion_core.notebook import show

        motion = self.studio.of(user).store.get(motion_id)
        strip = await self._thread(show(motion).film_strip)
        data = base64.b64encode(strip).decode("ascii")
        return types.ImageContent(data=data, mime_type="image/png")

    # ---- resources -------------------------------------------------------------------------

    async def list_resources(
        self, context: _Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        studio = self.studio.of(_user(context))
        return types.ListResourcesResult(
            resources=await self._thread(partial(resources.listed, studio))
        )

    async def list_resource_templates(
        self, context: _Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        return types.ListResourceTemplatesResult(resource_templates=resources.templates())

    async def read_resource(
        self, context: _Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        studio = self.studio.of(_user(context))
        try:
            read = partial(resources.read, studio, str(params.uri))
            return types.ReadResourceResult(contents=[await self._thread(read)])
        except MotionAgentError as err:
            raise MCPError(types.INVALID_PARAMS, failure_text(err, studio)) from err

    async def _thread(self, work: Callable[[], _Result]) -> _Result:
        result: _Result = await self.studio.run(work)
        return result


def _tool(name: str, description: str, arguments: Any) -> types.Tool:
    read_only = name in _READ_ONLY
    return types.Tool(
        name=name,
        description=description,
        input_schema=arguments.model_json_schema(),
        output_schema=_OUTPUT,
        annotations=types.ToolAnnotations(
            title=name.replace("_", " ").capitalize(),
            read_only_hint=read_only,
            destructive_hint=False,  # nothing existing is changed or overwritten
            idempotent_hint=read_only or name in ("generate_motion", "cancel"),
            open_world_hint=False,
        ),
        _meta={"ui": {"resourceUri": APP}} if name in _PICTURED else None,
    )


async def _cancel_when_gone(request: Any, job: Job) -> None:
    """Cancel a job if its HTTP connection is lost, since nobody would get the answer."""
    if isinstance(request, Request):
        while not await request.is_disconnected():
            await asyncio.sleep(_LOOK)
        job.task.cancel()


def _teller(context: _Context) -> Teller:
    """Return a callback that reports progress to a client that asked; numbers only grow, as MCP
    requires.
    """
    last = -1.0

    async def tell(done: float, total: float, stage: str) -> None:
        nonlocal last
        share = done / total if total else 0.0
        at = {"waiting": 0.0, "load": share}.get(stage, 1.0 + share)
        if at > last:
            last = at
            with suppress(Exception):  # a client that is gone needs no progress
                await context.session.report_progress(at, 2.0, f"{stage} {done}/{total}")

    return tell


def _user(context: _Context) -> str | None:
    """Return the user authenticated by the transport."""
    scope = getattr(context.request, "scope", None) or {}
    user = scope.get("user")
    return user.access_token.client_id or None if isinstance(user, AuthenticatedUser) else None


def _state(status: str, handle: str | None) -> dict[str, Any]:
    return {"status": status, "handle": handle}


def _result(line: str, facts: dict[str, Any]) -> types.CallToolResult:
    return types.CallToolResult(
        content=[types.TextContent(text=line)],
        structured_content={"resources": [], **facts},
        is_error=not facts["ok"],
    )


def _failed(name: str, kind: str, text: str) -> types.CallToolResult:
    return _result(text, {**failure(name, kind, text), **_state("failed", None)})
