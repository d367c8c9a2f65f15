"""MotionLLM: a causal LM that translates text into motion tokens and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .assembly import TrainingClip, assemble_checkpoint
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
    "TrainingClip",
    "assemble_checkpoint",
    "load_checkpoint",
    "load_motionllm",
    "peft_model",
    "replace_adapter",
    "save_adapter",
    "train_motionllm",
]

__getattr__ = lazy_names(
    __name__,
    {
        "assembly": "TrainingClip assemble_checkpoint",
        "checkpoint": "Checkpoint load_checkpoint",
        "engine": "MotionLLMEngine load_motionllm",
        "model": "Direction MotionLLM",
        "peft_adapter": "peft_model replace_adapter save_adapter",
        "sampling": "Sampling",
        "train": "MotionLLMTraining train_motionllm",
    },
)
