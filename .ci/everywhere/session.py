"""A session of FastMCP's client: makes, edits, captions and exports a motion.

    python session.py COMMAND [ARGUMENTS…]       over stdio
    python session.py http://…/mcp               over HTTP, with the bearer token in $TOKEN, if any
    python session.py http://…/mcp --find m-…    captions a motion that is there already

Prints what was called and the first line of each answer; the last line is the id of the motion.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StdioTransport


async def main() -> None:
    """Make, edit, caption and export a motion."""
    first, *rest = sys.argv[1:]
    over_http = first.startswith("http")
    server: Any = first
    if not over_http:
        server = StdioTransport(command=first, args=rest, env=dict(os.environ))
    progress: list[float] = []

    async def hear(done: float, total: float | None, message: str | None) -> None:
        progress.append(done)

    async with Client(server, auth=os.environ.get("TOKEN"), progress_handler=hear) as client:

        async def call(name: str, **arguments: Any) -> Any:
            before = len(progress)
            answer = await client.call_tool(name, arguments)
            assert progress[before:] == sorted(progress[before:])
            print(name, json.dumps(arguments))
            print(f"    {answer.content[0].text[:160]}")
            facts = answer.structured_content
            if facts["status"] == "working":
                return await call("wait_motion", handle=facts["handle"], seconds=20)
            return facts

        if rest[:1] == ["--find"]:
            found = await call("caption_motion", motion=rest[1])
            assert found["motion_id"] == rest[1]
            print(rest[1])
            return
        made = await call("generate_motion", descriptions=["a person walks"])
        bow = {"operation": "insert", "description": "a person bows"}
        edited = await call("edit_motion", motion=made["motion_id"], **bow)
        assert progress
        await call("caption_motion", motion=edited["motion_id"])
        written = await call("export_motion", motion=edited["motion_id"], file="bow.bvh")
        (uri,) = written["resources"]
        contents = (await client.read_resource(uri))[0].text
        print(f"resources/read {uri}")
        print(f"    {contents.splitlines()[0]} … {len(contents)} characters")
        assert contents.startswith("HIERARCHY")
        print(edited["motion_id"])


asyncio.run(main())
