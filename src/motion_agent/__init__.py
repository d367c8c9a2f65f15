"""motion-agent: any LLM can make, read and edit 3D human motion.

Nothing heavy is imported until one of the names below is first used, so that
``import motion_agent`` and ``motion-agent --help`` load neither torch nor LangChain.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agent_graph import MotionAgent as MotionAgent
    from .motion_core.engines import load_engine as load_engine
    from .motion_core.formats import read_motion as read_motion
    from .motion_core.motion import Motion as Motion
    from .tools import call_tool as call_tool
    from .tools import motion_tools as motion_tools
    from .tools import motion_tools_schema as motion_tools_schema

    __version__: str

_HOMES = {
    "Motion": ".motion_core.motion",
    "MotionAgent": ".agent_graph",
    "load_engine": ".motion_core.engines",
    "call_tool": ".tools",
    "motion_tools": ".tools",
    "motion_tools_schema": ".tools",
    "read_motion": ".motion_core.formats",
}

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


def __getattr__(name: str) -> Any:  # PEP 562
    if name == "__version__":
        value: Any = _version()
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name], __name__), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("motion-agent")
    except PackageNotFoundError:  # used from a checkout through the symlinks
        return "0+uninstalled"
