"""An LLM's judgement of what no program can decide. Off by default, and reported separately.

Only turns with a question (`judge:` in the suite) and a valid plan are judged. Verdicts are
recorded, so that each question is asked once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage

from ..agent_graph.parsing import without_thoughts
from ..agent_graph.providers import explain_failure
from ..prompts import load_prompt
from .fingerprint import model_in_words
from .identity import served_model
from .records import Records, digest
from .scoring import TurnScore
from .strategy import Cell

Progress = Callable[[str, int, int], None]


def judge_turns(
    judge: BaseChatModel,
    name: str,
    turns: Sequence[TurnScore],
    records: Records,
    *,
    progress: Progress | None = None,
) -> int:
    """Have the turns that have a question judged, and record the verdicts.

    Args:
        judge: the model; preferably at temperature 0, and not one of the judged.
        name: of the judge.
        turns: of the experiment.
        records: keep the verdicts.
        progress: called with (stage, done, total).

    Returns:
        The number of questions asked.

    Raises:
        MotionAgentError: it cannot be asked.
    """
    instructions = load_prompt("judge")
    chosen = _judged(turns)
    count, model = 0, _model_of(name)
    for done, turn in enumerate(chosen, start=1):
        question = question_of(turn)
        cell = turn.cell
        key = judgement_key(name, turn, model)
        if key not in records.judgements:
            try:
                message = judge.invoke([SystemMessage(instructions), HumanMessage(question)])
            except Exception as err:
                raise explain_failure(err, name) from err
            text = without_thoughts(str(message.text))
            who = {"planner": cell.planner, "strategy": cell.strategy}
            records.add_judgement(
                {
                    "key": key,
                    "judge": name,
                    "model": model,
                    **who,
                    "temperature": cell.temperature,
                    "scenario": turn.scenario.id,
                    "turn": turn.number,
                    "repeat": turn.repeat,
                    "verdict": verdict_of(text),
                    "text": text,
                }
            )
            count += 1
        if progress is not None:
            progress("judging", done, len(chosen))
    return count


def judgement_key(judge: str, turn: TurnScore, model: str | None = None) -> str:
    """Return the key of a judgement: the judge, its prompt and the turn.

    Args:
        judge: its name.
        turn: with the judged plan.
        model: the judge's identity beyond its name; None for its present one.
    """
    instructions, question = load_prompt("judge"), question_of(turn)
    model = _model_of(judge) if model is None else model
    return digest("judge", judge, model, instructions, question, turn.cell.name, turn.name)


def current_judgements(turns: Sequence[TurnScore], records: Records) -> list[dict[str, Any]]:
    """Return the recorded judgements of exactly these turns and plans.

    Only those of each judge's latest model.
    """
    recorded = records.judgements
    judges = {each["judge"]: each.get("model", "") for each in recorded.values()}
    keys = {judgement_key(name, t, model) for name, model in judges.items() for t in _judged(turns)}
    return [judgement for key, judgement in recorded.items() if key in keys]


def _judged(turns: Sequence[TurnScore]) -> list[TurnScore]:
    return [t for t in turns if t.valid and t.scenario.turns[t.number].judge]


def _model_of(judge: str) -> str:
    cell = Cell(judge, "judge")
    return f"{model_in_words(cell)} {served_model(cell.provider, judge)}".strip()


def question_of(turn: TurnScore) -> str:
    """Return the question to the judge about a turn."""
    steps = [s.description for p in turn.plans for s in p.steps_of("generate_motion")]
    planned = "\n".join(f"{number}. {step}" for number, step in enumerate(steps, start=1))
    parts = [f"The person said: {turn.request}"]
    parts.append(f"Planned motion:\n{planned}" if steps else f"Answer: {turn.seen['reply']}")
    parts.append(f"Question: {turn.scenario.turns[turn.number].judge}")
    return "\n\n".join(parts)


def verdict_of(text: str) -> bool | None:
    """Return the yes or no in the last line; None if it has neither."""
    lines = [line for line in text.splitlines() if line.strip()]
    last = re.findall(r"[a-z]+", lines[-1].lower()) if lines else []
    if last == ["yes"]:
        return True
    return False if last == ["no"] else None
