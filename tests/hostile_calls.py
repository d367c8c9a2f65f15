"""What the tests of hostile input share: calling a tool, and what a refusal must be."""

from __future__ import annotations

import unicodedata
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool

SECRET = "top-secret-8841"


def call(tool: BaseTool, **args: Any) -> ToolMessage:
    message = tool.invoke({"name": tool.name, "args": args, "id": "1", "type": "tool_call"})
    assert isinstance(message, ToolMessage)
    assert_plain(message.text.replace("\n", " "))
    return message


def assert_plain(text: str) -> None:
    assert not [c for c in text if unicodedata.category(c)[0] == "C"]


def refused(message: ToolMessage) -> str:
    assert message.status == "error", message.text
    assert "\n" not in message.text
    assert len(message.text) <= 700
    assert SECRET not in message.text
    return message.text
