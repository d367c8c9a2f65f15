"""The motion tokenizer: a VQ-VAE between features and motion tokens, its training, its report."""

from .checkpoint import load_tokenizer, save_tokenizer
from .model import MotionTokenizer, Reconstruction, TokenizerConfig
from .report import TokenizerReport, evaluate_tokenizer
from .train import TokenizerTraining, train_tokenizer

__all__ = [
    "MotionTokenizer",
    "Reconstruction",
    "TokenizerConfig",
    "TokenizerReport",
    "TokenizerTraining",
    "evaluate_tokenizer",
    "load_tokenizer",
    "save_tokenizer",
    "train_tokenizer",
]
