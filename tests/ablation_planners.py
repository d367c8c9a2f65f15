"""Planners for the tests of the ablation: they answer at once, and always the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from motion_agent.ablation.asking import RecordingPlanner
from motion_agent.ablation.budget import Gatekeeper
from motion_agent.ablation.play import SkippedMotion, play
from motion_agent.ablation.records import Records
from motion_agent.ablation.scenario import load_suite
from motion_agent.ablation.scoring import TurnScore, score
from motion_agent.ablation.strategy import Cell
from motion_agent.agent_graph.planners import Answer, Task

CELL = Cell("test:planner", "ladder")


def make(*descriptions: str, **fields: Any) -> list[dict[str, Any]]:
    """Steps that generate."""
    return [{"tool": "generate_motion", "description": text, **fields} for text in descriptions]


def keep(*segments: str) -> list[dict[str, Any]]:
    """Steps that keep."""
    return [{"tool": "keep_segment", "segment": segment} for segment in segments]


def plan(*steps: dict[str, Any], say: str = "", placement: Sequence[float] = ()) -> str:
    """A plan as a model writes it."""
    return json.dumps({"reasoning": say, "plan": list(steps), "placement": list(placement)})


class Says:
    """A planner that gives these answers, one after the other; exceptions are raised."""

    name = "test:planner"
    tries = 3

    def __init__(self, *answers: str | Answer | BaseException) -> None:
        self.answers = list(answers)
        self.questions = 0

    def ask(self, task: Task) -> Answer:
        self.questions += 1
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, Answer) else Answer(answer)

    def reply(self, request: str, facts: str) -> str | None:
        return "said by the model"


class Moody:
    """A planner whose answer is decided by what it is asked: good, fenced, prose, wrong or cut.

    Args:
        before: called before each answer; may raise, as an interruption does.
    """

    name = "test:moody"
    tries = 3

    def __init__(self, seed: int = 0, before: Any = None) -> None:
        self.seed = seed
        self.before = before or (lambda: None)

    def ask(self, task: Task) -> Answer:
        self.before()
        situation = f"{task.request}|{len(task.failed)}|{self.seed}"
        mood = hashlib.sha256(situation.encode()).digest()[0]
        steps = [{"tool": "keep_segment", "segment": s.id} for s in task.timeline.segments]
        steps += make("a person walks forward", "a person bows")[: 1 + mood % 2]
        good = plan(*steps, say="so it is")
        text = {
            0: good,
            1: f"Here it is:\n```json\n{good}\n```",
            2: "I would rather not write JSON.",
            3: plan({"tool": "keep_segment", "segment": "s77"}),
            4: good[:-7],
        }[mood % 5]
        return Answer(text, seconds=mood / 100, input_tokens=100 + mood, output_tokens=mood)

    def reply(self, request: str, facts: str) -> str | None:
        return None


def scored(
    scenario_id: str, *answers: str | Answer, cell: Cell = CELL, repeat: int = 0
) -> list[TurnScore]:
    """The scores of the turns of a scenario of the suite, where the planner says this."""
    suite = load_suite()
    [scenario] = suite.choose(ids=[scenario_id])
    records = Records()
    planner = RecordingPlanner(cell, Says(*answers), records, seed=0, gate=Gatekeeper())
    records.add_conversation(play(scenario, planner, records, SkippedMotion(), repeat=repeat))
    return list(score(records, suite).turns)


def faults(scenario_id: str, *answers: str | Answer, cell: Cell = CELL) -> set[str]:
    """What the checks of the last turn find."""
    last = scored(scenario_id, *answers, cell=cell)[-1]
    return {finding.fault for finding in last.findings if finding.fault}
