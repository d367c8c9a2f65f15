"""Evaluation: a text-motion matching network, the metrics measured with it, and the report."""

from .evaluate import EvaluationOptions, evaluate
from .matching import MatchingConfig, MatchingNetwork
from .matching_training import MatchingTraining, train_matching
from .metrics import (
    Estimate,
    RPrecision,
    diversity,
    fid,
    matching_distance,
    multimodality,
    r_precision,
)
from .report import Report
from .targets import Target

__all__ = [
    "Estimate",
    "EvaluationOptions",
    "MatchingConfig",
    "MatchingNetwork",
    "MatchingTraining",
    "RPrecision",
    "Report",
    "Target",
    "diversity",
    "evaluate",
    "fid",
    "matching_distance",
    "multimodality",
    "r_precision",
    "train_matching",
]
