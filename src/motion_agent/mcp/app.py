"""The viewer as an MCP App: a page that a chat program shows beside an answer."""

from __future__ import annotations

from importlib.resources import files

APP = "ui://motion-agent/player"
APP_TYPE = "text/html;profile=mcp-app"


def app_page() -> str:
    """Return the page."""
    return files(__package__).joinpath("app.html").read_text(encoding="utf-8")
