"""The MCP server: the tools of `motion_agent.tools` for any agent that speaks MCP.

    motion-agent mcp                    over stdio, for one program on this computer
    motion-agent mcp --http             over streamable HTTP
    motion-agent mcp --print-config …   the configuration for Claude, Cursor or VS Code

From Python, `mcp_server(studio)` returns a server of the official SDK, which needs the extra
``mcp``.
"""

from __future__ import annotations

from .server import mcp_server

__all__ = ["mcp_server"]
