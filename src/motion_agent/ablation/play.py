"""Playing a scenario: the agent that users run, with a planner of the experiment."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..agent_graph.agent import MotionAgent
from ..motion_core.engine import CancelToken, GenerationRequest, MotionEngine, Progress, Take
from ..motion_core.fake import FakeEngine
from ..motion_core.motion import Motion
from ..motion_core.studio import Studio
from ..motion_core.timeline import Timeline
from .asking import ExperimentPlanner, Reading, reading
from .fingerprint import fingerprint, model_in_words, settings_in_words
from .identity import engine_in_words
from .observation import motions_of, observe, remember
from .records import Conversation, Records
from .scenario import EarlierTurn, Scenario, TwoPeople
from .strategy import Cell

_THREAD = "scenario"


class SkippedMotion(FakeEngine):
    """Motion generation skipped: tokens without a model, and the description as the caption.

    This measures the planner alone: a motion's caption is its own description.
    """

    name = "skipped"

    def __init__(self) -> None:
        super().__init__()
        self._descriptions: dict[tuple[int, ...], str] = {}
        self._writing = threading.Lock()

    def generate(
        self,
        requests: Sequence[GenerationRequest],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[Take]:
        takes = super().generate(requests, progress=progress, cancel=cancel)
        with self._writing:
            for request, take in zip(requests, takes, strict=True):
                self._descriptions[take.tokens] = request.description
        return takes

    def caption(
        self,
        takes: Sequence[Take],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[str]:
        return [self._described(take) for take in takes]

    def _described(self, take: Take) -> str:
        """Return the descriptions of the segments behind the tokens."""
        texts: list[str] = []
        tokens, at = take.tokens, 0
        while at < len(tokens):
            ends = range(len(tokens), at, -1)
            end = next((e for e in ends if tokens[at:e] in self._descriptions), None)
            if end is None:
                return super().caption([take])[0]
            texts.append(self._descriptions[tokens[at:end]])
            at = end
        return ", then ".join(texts)


def play(
    scenario: Scenario,
    planner: ExperimentPlanner,
    records: Records,
    engine: MotionEngine,
    *,
    repeat: int = 0,
    seed: int = 0,
    settings: str | None = None,
    model: str | None = None,
) -> Conversation:
    """Play a scenario to its end.

    Args:
        scenario: the conversation.
        planner: plans it.
        records: hold the exchanges that `planner` refers to.
        engine: makes the motion, or skips it.
        repeat: number of the repetition.
        seed: of the motion.
        settings: for the fingerprint; see `fingerprint.settings_in_words`.
        model: for the fingerprint; see `fingerprint.model_in_words`.

    Raises:
        MotionAgentError: the planner is unavailable, or the budget is spent.
    """
    with tempfile.TemporaryDirectory(prefix="motion-agent-ablation-") as folder:
        studio = Studio(engine, workspace=folder)
        for name, shows in scenario.files.items():
            motion = studio.render(Timeline().insert(shows, seed=0)).motions[1]
            studio.export([Motion(motion.features, tokens=motion.tokens)], name)
        agent = MotionAgent(planner, engine=engine, workspace=folder, seed=seed, repair_seams=False)
        before: dict[str, Any] = {"motions": {}, "current": "", "known": {}}
        for earlier in scenario.given:
            request, plan = _earlier_turn(earlier)
            planner.script.plans.append(plan)
            agent.run(request, _THREAD)
            before["motions"], before["current"] = motions_of(agent, _THREAD)
            remember(before["known"], before["motions"])
        turns = []
        for turn in scenario.turns:
            planner.begin_turn()
            result = agent.run(turn.say, _THREAD)
            asks = [(key, _reading(records, planner.cell, key)) for key in planner.asks]
            turns.append(observe(agent, _THREAD, result, asks))
    settings_words = settings_in_words() if settings is None else settings
    origin = fingerprint(
        planner.cell,
        scenario,
        seed=seed,
        settings=settings_words,
        engine=engine_in_words(engine),
        model=model_in_words(planner.cell) if model is None else model,
    )
    return Conversation(planner.cell, scenario.id, repeat, before, tuple(turns), origin)


def _reading(records: Records, cell: Cell, key: str) -> Reading:
    return reading(replace(records.exchanges[key].answer, ladder=cell.how.ladder))


def _earlier_turn(earlier: EarlierTurn) -> tuple[str, dict[str, Any]]:
    """Return the person's words and the plan for it."""
    if isinstance(earlier, TwoPeople):
        steps = [_step(line, 1) for line in earlier.first] + [
            _step(line, 2) for line in earlier.second
        ]
        first, second = ", then ".join(earlier.first), ", then ".join(earlier.second)
        request = f"Person 1: {first}. Person 2: {second}."
        return request, {"reasoning": "", "plan": steps, "placement": list(earlier.placement)}
    steps = [_step(line, 1) for line in earlier]
    new = [line for line in earlier if not line.startswith("keep ")]
    request = ", then ".join(new)
    if len(new) < len(earlier):
        request = f"at the end: {request}"
    return request, {"reasoning": "", "plan": steps, "placement": []}


def _step(line: str, person: int) -> dict[str, Any]:
    if line in ("undo", "redo"):
        return {"tool": line}
    if line.startswith("keep "):
        return {"tool": "keep_segment", "segment": line.removeprefix("keep ")}
    return {"tool": "generate_motion", "description": line, "person": person}
