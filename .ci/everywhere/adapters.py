"""langchain-mcp-adapters: our server's tools in `create_agent`, with a scripted model.

python adapters.py COMMAND [ARGUMENTS…]   or   python adapters.py http://…/mcp
"""

import asyncio
import json
import os
import sys
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_mcp_adapters.client import MultiServerMCPClient


class Scripted(BaseChatModel):
    """Makes a motion, edits it, says what it shows, exports it, and ends."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any) -> Any:
        done = [m for m in messages if isinstance(m, ToolMessage)]
        words = " ".join(m.text for m in done).replace(",", " ").split()
        ids = [word for word in words if word.startswith("m-")]
        calls = [
            ("generate_motion", {"descriptions": ["a person walks"]}),
            *(
                [
                    (
                        "edit_motion",
                        {"motion": ids[0], "operation": "insert", "description": "a person bows"},
                    ),
                    ("caption_motion", {"motion": ids[-1]}),
                    ("export_motion", {"motion": ids[-1], "file": "bow.bvh"}),
                ]
                if ids
                else []
            ),
        ]
        message = AIMessage("There you are.")
        if len(done) < 4:
            name, arguments = calls[len(done)]
            call = {"name": name, "args": arguments, "id": str(len(done)), "type": "tool_call"}
            message = AIMessage("", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=message)])


async def main() -> None:
    """Run the agent and print its transcript."""
    first, *rest = sys.argv[1:]
    connection: Any = {
        "transport": "stdio",
        "command": first,
        "args": rest,
        "env": dict(os.environ),
    }
    if first.startswith("http"):
        connection = {"transport": "streamable_http", "url": first}
    tools = await MultiServerMCPClient({"motion": connection}).get_tools()
    agent = create_agent(Scripted(), tools)
    answer = await agent.ainvoke({"messages": [("user", "Somebody walks, then bows.")]})
    tool_messages = [m for m in answer["messages"] if isinstance(m, ToolMessage)]
    for message in tool_messages:
        print(f"  {message.name}: {json.dumps(message.text[:150])}")
    assert len(tool_messages) == 4 and all(message.status == "success" for message in tool_messages)
    assert "walks, then bows" in tool_messages[2].text and "bow" in tool_messages[3].text
    print(f"langchain-mcp-adapters: {connection['transport']}: four tools in create_agent")


asyncio.run(main())
