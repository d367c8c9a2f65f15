"""The paper's Table 5, reproduced for the planners of an experiment.

The two turns are the scenario `mixed-paper-table-5` of the suite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..motion_core.yaml_file import read_yaml
from .scoring import TurnScore
from .summary import by_cell

SCENARIO = "mixed-paper-table-5"
_PAPER = Path(__file__).parent / "paper_table_5.yaml"
MAX_ANSWER = 300  # characters


@dataclass(frozen=True)
class Row:
    """One planner's result for the two turns.

    Attributes:
        planner: its name and strategy.
        steps: descriptions of the first turn; empty without a valid plan.
        answer: reply of the second turn; empty without a valid plan.
        verdicts: whether each turn passed its checks; empty for the paper's rows, whose plans were
            judged by its authors.
    """

    planner: str
    steps: tuple[str, ...]
    answer: str
    verdicts: tuple[bool, ...] = ()


def paper_rows() -> list[Row]:
    """Return the rows of the paper, in our words."""
    table = read_yaml(_PAPER)
    return [Row(r["planner"], tuple(r["steps"]), r["answer"]) for r in table["rows"]]


def our_rows(turns: Sequence[TurnScore]) -> list[Row]:
    """Return a row for each cell whose first repetition of the scenario is recorded."""
    rows = []
    for cell, scored in by_cell(turns).items():
        both = [t for t in scored if t.scenario.id == SCENARIO and t.repeat == 0]
        if len(both) != 2:
            continue
        first, second = sorted(both, key=lambda turn: turn.number)
        steps = tuple(
            step.description for plan in first.plans for step in plan.steps_of("generate_motion")
        )
        answer = str(second.seen["reply"])[:MAX_ANSWER] if second.valid else ""
        rows.append(Row(cell.name, steps, answer, (first.passed, second.passed)))
    return rows
