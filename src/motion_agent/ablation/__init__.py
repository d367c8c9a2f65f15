"""Planner ablation: the same conversations with many planners and strategies, tabulated.

    suite/*.yaml     the requests, and checks that a program can make after each   (scenario, words)
    runner           puts everything to every planner in every way        (strategy, play, budget)
    records.jsonl    every exchange with a model and every conversation    (records, scrubbing)
    scoring          the checks on what happened, repeatable without calls (checks, asking)
    report           tables, intervals, plots, failures to read            (summary, tables, page)
    experiment       the whole from Python: ablate(planners=[model])       (latex, cost)
    motionllm        the same for the motion model: backbones, ranks, engines

Nothing here is loaded by ``import motion_agent``.
"""

from .experiment import Report, ablate
from .records import Records
from .report import write_report
from .runner import Ablation, Result, run
from .scenario import Scenario, Suite, load_suite
from .scoring import Scores, score
from .strategy import STRATEGIES, Cell, cells_of

__all__ = [
    "STRATEGIES",
    "Ablation",
    "Cell",
    "Records",
    "Report",
    "Result",
    "Scenario",
    "Scores",
    "Suite",
    "ablate",
    "cells_of",
    "load_suite",
    "run",
    "score",
    "write_report",
]
