"""The training loop shared by the tokenizer, MotionLLM and the matching network."""

from .processes import Processes
from .run import TrainingRun

__all__ = ["Processes", "TrainingRun"]
