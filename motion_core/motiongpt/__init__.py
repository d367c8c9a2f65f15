"""MotionGPT: a T5 that reads and writes motion tokens, as an engine beside MotionLLM."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .checkpoint import MotionGPTFiles, convert_motiongpt
    from .engine import MotionGPTEngine, load_motiongpt

__all__ = ["MotionGPTEngine", "MotionGPTFiles", "convert_motiongpt", "load_motiongpt"]

_FROM = {
    "MotionGPTEngine": "engine",
    "MotionGPTFiles": "checkpoint",
    "convert_motiongpt": "checkpoint",
    "load_motiongpt": "engine",
}


def __getattr__(name: str) -> Any:
    """Import each name when it is first asked for."""
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_FROM[name]}", __name__), name)
