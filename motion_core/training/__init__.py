"""The training loop that the tokenizer, MotionLLM and the matching network share."""

from .run import TrainingRun

__all__ = ["TrainingRun"]
