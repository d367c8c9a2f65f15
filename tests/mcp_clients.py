"""A served studio, and what clients of the MCP server do."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import uvicorn
from fakes import PATIENCE
from mcp import Client

from motion_agent.mcp import mcp_server
from motion_agent.mcp.http import Door, http_app
from motion_agent.motion_core.studio import Studio

TOKENS = {"token-of-ann-0123456789": "ann", "token-of-ben-0123456789": "ben"}


def post(address: str, **message: Any) -> httpx.Response:
    return httpx.post(address, **message, timeout=PATIENCE)


@contextmanager
def served(studio: Studio, **door: Any) -> Iterator[str]:
    """Serve on loopback in a thread; yield the address."""
    app = http_app(mcp_server(studio, pictures=False, patience=PATIENCE), Door(**door))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        # No connection is closed for being idle: that would meet a request of a slow client.
        config = uvicorn.Config(app, log_level="error", timeout_keep_alive=int(PATIENCE))
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            assert thread.is_alive()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
        finally:
            server.should_exit = True
            thread.join()


@asynccontextmanager
async def client_of(address: str, token: str) -> AsyncIterator[Client]:
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(address, http_client=http)) as client,
    ):
        yield client


async def make(client: Client, text: str, **more: Any) -> Any:
    return await client.call_tool("generate_motion", {"descriptions": [text], **more})


async def make_edit_caption_export(client: Client) -> str:
    """What a user does; returns the id of the edited motion."""
    result = await make(client, "a person walks")
    first = result.structured_content["motion_id"]
    arguments = {"motion": first, "operation": "insert", "description": "a person bows"}
    edited = await client.call_tool("edit_motion", arguments)
    motion_id = str(edited.structured_content["motion_id"])
    caption = await client.call_tool("caption_motion", {"motion": motion_id})
    assert "walks, then bows" in caption.content[0].text
    written = await client.call_tool("export_motion", {"motion": motion_id, "file": "bow.bvh"})
    assert written.structured_content["files"] == ["bow.bvh"]
    found = await client.read_resource("workspace://bow.bvh")
    assert found.contents[0].text.startswith("HIERARCHY")
    return motion_id
