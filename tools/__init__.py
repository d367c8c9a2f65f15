"""LangChain tools that make, read and edit motion, for any agent.

    from langchain.agents import create_agent
    from motion_agent.tools import motion_tools

    agent = create_agent("openai:gpt-4o", tools=motion_tools())

Without LangChain, with any client: `motion_tools_schema` and `call_tool`. The engine is loaded when
a tool first needs it.
"""

from __future__ import annotations

from .plain import call_tool, motion_tools_schema
from .toolbox import motion_tools

__all__ = ["call_tool", "motion_tools", "motion_tools_schema"]
