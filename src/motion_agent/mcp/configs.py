"""Client configurations that start the server, and a check that it would answer."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal

ClientName = Literal["claude", "cursor", "vscode"]
PLACES: dict[ClientName, str] = {
    "claude": "Claude Desktop: claude_desktop_config.json (Settings, Developer, Edit Config)",
    "cursor": "Cursor: .cursor/mcp.json in a project, or ~/.cursor/mcp.json",
    "vscode": "VS Code: .vscode/mcp.json in a project",
}


def client_config(
    client: ClientName,
    options: Sequence[str] = (),
    *,
    environment: Mapping[str, str] | None = None,
    url: str | None = None,
) -> str:
    """Return the configuration of a client as JSON text.

    Args:
        client: its name.
        options: of ``motion-agent mcp``.
        environment: the server's environment variables.
        url: of a running server; None if the client starts its own.
    """
    entry: dict[str, Any]
    if url is not None:
        entry = {"url": url} if client == "cursor" else {"type": "http", "url": url}
    else:
        installed = shutil.which("motion-agent")
        command = [installed] if installed else [sys.executable, "-m", "motion_agent"]
        entry = {"command": command[0], "args": [*command[1:], "mcp", "--links", *options]}
        if client == "vscode":
            entry = {"type": "stdio", **entry}
        if environment:
            entry["env"] = dict(environment)
    key = "servers" if client == "vscode" else "mcpServers"
    return json.dumps({key: {"motion-agent": entry}}, indent=2)


def spoken_tools() -> list[str]:
    """Return the names of the tools announced to a client, without generating or keeping
    anything.
    """
    import anyio
    from mcp import Client

    from ..motion_core.fake import FakeEngine
    from ..motion_core.studio import Studio
    from .server import mcp_server

    async def speak() -> list[str]:
        async with Client(mcp_server(Studio(FakeEngine()))) as client:
            await client.call_tool("list_motions", {})
            return [tool.name for tool in (await client.list_tools()).tools]

    return anyio.run(speak)
