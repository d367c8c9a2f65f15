"""The training loop shared by the tokenizer, MotionLLM and the matching network."""

from .run import TrainingRun

__all__ = ["TrainingRun"]
