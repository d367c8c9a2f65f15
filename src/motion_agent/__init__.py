"""motion-agent: any LLM can make, read and edit 3D human motion.

Nothing heavy is imported until one of the names below is first used, so that
``import motion_agent`` and ``motion-agent --help`` load neither torch nor LangChain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .motion_core.lazy import lazy_names

if TYPE_CHECKING:
    from .agent_graph import MotionAgent as MotionAgent
    from .motion_core.engines import load_engine as load_engine
    from .motion_core.formats import read_motion as read_motion
    from .motion_core.motion import Motion as Motion
    from .tools import call_tool as call_tool
    from .tools import motion_tools as motion_tools
    from .tools import motion_tools_schema as motion_tools_schema

    __version__: str

__all__ = [
    "Motion",
    "MotionAgent",
    "__version__",
    "call_tool",
    "load_engine",
    "motion_tools",
    "motion_tools_schema",
    "read_motion",
]

_find = lazy_names(
    __name__,
    {
        "agent_graph": "MotionAgent",
        "motion_core.engines": "load_engine",
        "motion_core.formats": "read_motion",
        "motion_core.motion": "Motion",
        "tools": "call_tool motion_tools motion_tools_schema",
    },
)


def __getattr__(name: str) -> Any:
    return _version() if name == "__version__" else _find(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("motion-agent")
    except PackageNotFoundError:  # used from a checkout through the symlinks
        return "0+uninstalled"
