"""FastMCP's client: makes, edits, captions and exports a motion.

python fastmcp.py COMMAND [ARGUMENTS…]   or   python fastmcp.py http://…/mcp
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

sys.path = [entry for entry in sys.path if entry != str(Path(__file__).parent)]  # its name is ours

from fastmcp import Client  # noqa: E402
from fastmcp.client.transports import StdioTransport  # noqa: E402


async def main() -> None:
    """Speak with the server and print what it says."""
    first, *rest = sys.argv[1:]
    server: Any = first
    if not first.startswith("http"):
        server = StdioTransport(command=first, args=rest, env=dict(os.environ))
    fractions: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        fractions.append(progress)

    async with Client(server, progress_handler=hear) as client:

        async def call(name: str, **arguments: Any) -> Any:
            answer = await client.call_tool(name, arguments)
            print(f"  {name}: {answer.content[0].text[:150]!r}")
            return answer.structured_content

        result = await call("generate_motion", descriptions=["a person walks"])
        bow = {"operation": "insert", "description": "a person bows"}
        edited = await call("edit_motion", motion=result["motion_id"], **bow)
        await call("caption_motion", motion=edited["motion_id"])
        name = f"bow-{'http' if first.startswith('http') else 'stdio'}.bvh"
        written = await call("export_motion", motion=edited["motion_id"], file=name)
        found = await client.read_resource(written["resources"][0])
        assert found[0].text.startswith("HIERARCHY")
    print(f"fastmcp: {'http' if first.startswith('http') else 'stdio'}: progress {fractions}")


asyncio.run(main())
