"""Table 5 of the paper, made again for the planners of an experiment.

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
    """What a planner made of the two turns.

    Attributes:
        planner: who, and how it was asked.
        steps: descriptions of the first turn; empty without a valid plan.
        answer: words of the second turn; empty without a valid plan.
        verdicts: whether each turn passed its checks; empty for the paper's rows, whose plans were
            judged by its authors.
    """

    planner: str
    steps: tuple[str, ...]
    answer: str
    verdicts: tuple[bool, ...] = ()


def paper_rows() -> list[Row]:
    """The rows of the paper, in our words."""
    table = read_yaml(_PAPER)
    return [Row(r["planner"], tuple(r["steps"]), r["answer"]) for r in table["rows"]]


def our_rows(turns: Sequence[TurnScore]) -> list[Row]:
    """A row for each cell whose first repetition of the scenario is recorded."""
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
