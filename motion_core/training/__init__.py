"""The training loop that the tokenizer, MotionLLM and the matching network share."""

from .atomic import atomic_path
from .run import TrainingRun

__all__ = ["TrainingRun", "atomic_path"]
