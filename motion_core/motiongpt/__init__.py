"""MotionGPT: a T5 that reads and writes motion tokens, as an engine beside MotionLLM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .checkpoint import MotionGPTFiles, convert_motiongpt
    from .engine import MotionGPTEngine, load_motiongpt

__all__ = ["MotionGPTEngine", "MotionGPTFiles", "convert_motiongpt", "load_motiongpt"]

__getattr__ = lazy_names(
    __name__,
    {
        "checkpoint": "MotionGPTFiles convert_motiongpt",
        "engine": "MotionGPTEngine load_motiongpt",
    },
)
