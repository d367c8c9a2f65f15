"""MotionLLM: a causal LM that translates text into motion tokens and back."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..stages import IMPORTS, stage

if TYPE_CHECKING:
    from .assembly import assemble_checkpoint
    from .checkpoint import Checkpoint, load_checkpoint
    from .engine import MotionLLMEngine, load_motionllm
    from .model import Direction, MotionLLM
    from .peft_adapter import peft_model, replace_adapter, save_adapter
    from .sampling import Sampling
    from .train import MotionLLMTraining, train_motionllm

__all__ = [
    "Checkpoint",
    "Direction",
    "MotionLLM",
    "MotionLLMEngine",
    "MotionLLMTraining",
    "Sampling",
    "assemble_checkpoint",
    "load_checkpoint",
    "load_motionllm",
    "peft_model",
    "replace_adapter",
    "save_adapter",
    "train_motionllm",
]

_FROM = {
    "Checkpoint": "checkpoint",
    "Direction": "model",
    "MotionLLM": "model",
    "MotionLLMEngine": "engine",
    "MotionLLMTraining": "train",
    "Sampling": "sampling",
    "assemble_checkpoint": "assembly",
    "load_checkpoint": "checkpoint",
    "load_motionllm": "engine",
    "peft_model": "peft_adapter",
    "replace_adapter": "peft_adapter",
    "save_adapter": "peft_adapter",
    "train_motionllm": "train",
}


def __getattr__(name: str) -> Any:
    """Import each name when it is first asked for: the engine does not need the
    trainer.
    """
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with stage(IMPORTS):
        return getattr(import_module(f".{_FROM[name]}", __name__), name)
