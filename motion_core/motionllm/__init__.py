"""MotionLLM: a causal LM that translates text into motion tokens and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .assembly import assemble_checkpoint
    from .checkpoint import Checkpoint, load_checkpoint
    from .engine import MotionLLMEngine, load_motionllm
    from .model import Direction, MotionLLM
    from .neighbours import TrainingClip
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
        "assembly": "assemble_checkpoint",
        "checkpoint": "Checkpoint load_checkpoint",
        "engine": "MotionLLMEngine load_motionllm",
        "model": "Direction MotionLLM",
        "neighbours": "TrainingClip",
        "peft_adapter": "peft_model replace_adapter save_adapter",
        "sampling": "Sampling",
        "train": "MotionLLMTraining train_motionllm",
    },
)
