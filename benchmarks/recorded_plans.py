"""Recorded plans to read: of docs/ablation, of the benchmark of causes, of SmolLM2's answers."""

from __future__ import annotations

import json
import re
from pathlib import Path

from planner_causes import REQUESTS
from planner_sense import PLANNER, show
from weak_planner import RECORDS as WEAK_ANSWERS
from weak_requests import REQUESTS as WEAK_REQUESTS

from motion_agent.ablation import Records, load_suite, score
from motion_agent.ablation.asking import RecordingPlanner
from motion_agent.ablation.budget import Gatekeeper
from motion_agent.ablation.play import SkippedMotion, play
from motion_agent.ablation.scoring import TurnScore
from motion_agent.ablation.strategy import Cell
from motion_agent.agent_graph.plan import Step
from motion_agent.agent_graph.planners import Answer, Task

BOARD = Path(__file__).parent.parent / "docs" / "ablation"
CAUSES = Path(__file__).parent / "planner_answers" / "causes"


class _Repeats:
    """A planner that gives one recorded answer."""

    name, tries = PLANNER, 1

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def ask(self, task: Task) -> Answer:
        return Answer(self.answer)

    def reply(self, request: str, facts: str) -> str | None:
        return None


def turns_of(board: Path = BOARD, causes: Path = CAUSES) -> list[TurnScore]:
    """Return the first turns that have a plan, each plan once."""
    turns = weak_turns()
    turns += score(Records(board), load_suite(), as_recorded=True).turns
    for folder in sorted(causes.iterdir()):
        turns += score(Records(folder), load_suite(REQUESTS), as_recorded=True).turns
    first = [turn for turn in turns if turn.plans and not turn.number]
    return list({show(turn): turn for turn in first}.values())


def weak_turns() -> list[TurnScore]:
    """Return SmolLM2's last answers in benchmarks/planner_answers, checked as the suite's scenarios
    where one has the same request and the same motion.
    """
    scenarios = {s.turns[0].say: s for s in load_suite() if len(s.turns) == 1}
    requests = {request.text: request for request in WEAK_REQUESTS}
    rows = [json.loads(line) for line in WEAK_ANSWERS.read_text("utf-8").splitlines()]
    last = {(row["request"], row["strategy"]): row["text"] for row in rows if not row["truncated"]}
    records = Records()
    for (text, strategy), answer in last.items():
        scenario, segments = scenarios.get(text), requests[text].segments
        if scenario is None or scenario.given != ((segments,) if segments else ()):
            continue
        repeat = ("prompt", "schema").index(strategy)
        planner = RecordingPlanner(
            Cell(PLANNER, "ladder"), _Repeats(answer), records, seed=0, gate=Gatekeeper()
        )
        records.add_conversation(play(scenario, planner, records, SkippedMotion(), repeat=repeat))
    return list(score(records, load_suite(), as_recorded=True).turns)


def in_words(turn: TurnScore) -> str:
    """Return what exists, the request and the plan as text, without planner, id or verdict."""
    lines = [f"   before:  {_earlier(earlier)}" for earlier in turn.scenario.given]
    lines += [f"   file:    {name} ({text})" for name, text in turn.scenario.files.items()]
    lines.append(f"   request: {' / '.join(turn.request.splitlines())}")
    steps = [step for plan in turn.plans for step in plan.plan]
    lines += [f"   step {number}:  {_step(step)}" for number, step in enumerate(steps, start=1)]
    if not any(step.tool == "generate_motion" for step in steps):
        reply = re.sub(r"/\S*ablation-\w+/", "", " ".join(str(turn.seen["reply"]).split()))
        lines += [] if steps else ["   no steps"]
        lines.append(f"   answer:  {reply[:300]}")
    return "\n".join(lines)


def _earlier(earlier: object) -> str:
    if isinstance(earlier, tuple):
        named = (f"s{number} {line}" for number, line in enumerate(earlier, start=1))
        return "; ".join(named)
    return f"person 1: {'; '.join(earlier.first)}; person 2: {'; '.join(earlier.second)}"


def _step(step: Step) -> str:
    if step.tool == "generate_motion":
        text = f"replace {step.segment} by: " if step.segment else "make: "
        text += step.description
    else:
        names = step.segment or step.motion or step.description
        text = " ".join([step.tool.replace("_", " "), names]).strip()
    seconds = f" ({step.seconds:g} s)" if step.seconds else ""
    return text + seconds + (" [done by person 2]" if step.person == 2 else "")
