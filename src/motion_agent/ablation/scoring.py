"""Scores: the checks of every recorded turn, with today's parser and checks.

No model is asked. Every answer is read again; if reading and code are unchanged, the observations
still hold and only the checks are repeated. If the parser or the rest of the agent has changed, the
conversation is played again with its recorded answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from ..agent_graph.plan import Plan
from ..agent_graph.planners import Answer
from ..motion_core.engine import MotionEngine
from ..motion_core.errors import ConfigurationError
from .asking import ReplayingPlanner, reading
from .checks import Evidence, Finding, check_turn
from .fingerprint import (
    Fingerprint,
    differences,
    fingerprint,
    is_same_code,
    model_in_words,
)
from .identity import engine_in_words
from .observation import remember
from .play import SkippedMotion, play
from .python_file import is_python_file
from .records import Conversation, Records, digest
from .scenario import Scenario
from .sense import Sense, sense_of
from .strategy import Cell

Progress = Callable[[str, int, int], None]
Only = Callable[[Conversation], bool]


@dataclass(frozen=True)
class AskScore:
    """One answer of a model.

    Attributes:
        rung: of the ladder that read it, or None.
        cause: why it is not a plan, or None.
        seconds: time it took.
        input_tokens: of the prompt; None if the server does not say.
        output_tokens: of the answer.
    """

    rung: str | None
    cause: str | None
    seconds: float
    input_tokens: int | None
    output_tokens: int | None


@dataclass(frozen=True)
class TurnScore:
    """A turn and the findings of its checks.

    Attributes:
        cell: planner, strategy and temperature.
        scenario: its conversation.
        repeat: number of the repetition.
        number: of the turn in its conversation, from 0.
        asks: the answers, in order; the last decided.
        findings: of all checks.
        seen: the observation; see `observation`.
        plans: the valid plans, in order.
        sense: whether the plans match the request.
    """

    cell: Cell
    scenario: Scenario
    repeat: int
    number: int
    asks: tuple[AskScore, ...]
    findings: tuple[Finding, ...]
    seen: Mapping[str, Any]
    plans: tuple[Plan, ...]
    sense: Sense

    @property
    def name(self) -> tuple[str, int, int]:
        """The turn's key in paired comparisons."""
        return self.scenario.id, self.number, self.repeat

    @property
    def request(self) -> str:
        """The person's words."""
        return self.scenario.turns[self.number].say

    @property
    def valid_first(self) -> bool:
        """Whether the first answer was a valid plan."""
        return bool(self.asks) and self.asks[0].cause is None

    @property
    def valid(self) -> bool:
        """Whether there was a valid plan in the end."""
        return bool(self.asks) and self.asks[-1].cause is None

    @property
    def passed(self) -> bool:
        """Whether all checks passed."""
        return self.valid and all(finding.passed for finding in self.findings)

    def of(self, *aspects: str) -> list[Finding]:
        """Return the findings about the plan, an edit or the answer."""
        return [finding for finding in self.findings if finding.aspect in aspects]


@dataclass(frozen=True)
class Scores:
    """All scores, and how they were obtained.

    Attributes:
        turns: in the order of the suite, whatever the order in which they were recorded.
        replayed: conversations played again because an answer is read differently today.
        missing: answers that today's parser would have requested but are not on record.
        unknown: recorded conversations of scenarios that the suite no longer has.
        stale: number of conversations left out because something they depend on has changed, by
            what has changed.
        changed: the same for conversations that were scored nevertheless, as recorded.
        fingerprints: of the scored conversations, each once.
    """

    turns: tuple[TurnScore, ...]
    replayed: int = 0
    missing: int = 0
    unknown: int = 0
    stale: Mapping[str, int] = field(default_factory=dict)
    changed: Mapping[str, int] = field(default_factory=dict)
    fingerprints: tuple[Fingerprint, ...] = ()


def score(
    records: Records,
    suite: Iterable[Scenario],
    *,
    engine: MotionEngine | None = None,
    replay: bool = False,
    as_recorded: bool = False,
    only: Only | None = None,
    progress: Progress | None = None,
) -> Scores:
    """Score every recorded conversation; no model is asked.

    Stale conversations are left out: those with another seed, version, prompt, schema, engine or
    setting than their planner's latest run would have today, or of a scenario that has changed.

    Args:
        records: of the experiment.
        suite: the scenarios, with today's checks.
        engine: for replays; skipped motion by default.
        replay: play all conversations again, even those whose answers are read as before.
        as_recorded: score stale conversations too, unless their scenario has changed.
        only: selects conversations; all by default.
        progress: called with (stage, done, total).
    """
    scenarios = {scenario.id: scenario for scenario in suite}
    conversations = [c for c in _in_order(records, list(scenarios)) if only is None or only(c)]
    engine = engine or SkippedMotion()
    here = engine_in_words(engine)
    turns: list[TurnScore] = []
    replayed = missing = unknown = 0
    stale: Counter[str] = Counter()
    changed: Counter[str] = Counter()
    origins: dict[str, Fingerprint] = {}
    for done, conversation in enumerate(conversations, start=1):
        scenario = scenarios.get(conversation.scenario)
        if scenario is None or len(scenario.turns) != len(conversation.turns):
            unknown += 1
            continue
        if parts := changes(conversation, scenario, records):
            reason = ", ".join(parts)
            old = "fingerprint" in parts and _says_the_same(conversation, scenario, records)
            if not as_recorded or ({"scenario", "fingerprint"} & set(parts) and not old):
                stale[reason] += 1
                continue
            changed[reason] += 1
        origin = conversation.fingerprint
        reads_as_then = _read_as_then(conversation, records)
        if replay or not reads_as_then or not is_same_code(origin):
            if origin.get("engine", here) == here:
                conversation, lost = _played_again(conversation, scenario, records, engine)
                replayed, missing = replayed + 1, missing + lost
            elif as_recorded and reads_as_then:
                changed["code"] += 1
            else:  # another engine would make other motions with other captions
                stale["code; its engine is not available"] += 1
                continue
        origins.setdefault(digest(sorted(origin.items())), origin)
        turns += _scores(conversation, scenario, records)
        if progress is not None:
            progress("scoring", done, len(conversations))
    known = tuple(origins.values())
    return Scores(tuple(turns), replayed, missing, unknown, dict(stale), dict(changed), known)


def changes(conversation: Conversation, scenario: Scenario, records: Records) -> list[str]:
    """Return what would differ if the latest run of this cell were repeated today.

    The agent's own code does not count when a language model answered, because today's code reads
    its answers again. For the offline planner it does.
    """
    cell, old = conversation.cell, conversation.fingerprint
    run = next((r for r in reversed(records.runs) if _names(r, cell)), None)
    seed = old.get("seed", "0") if run is None else str(run["seed"] + conversation.repeat)
    now = fingerprint(
        cell,
        scenario,
        seed=int(seed),
        settings=old.get("settings", "") if run is None else run.get("settings", ""),
        engine=old.get("engine", "") if run is None else run["engine"],
        model=_model(cell, old) if run is None else _model(cell, run.get("models", {})),
    )
    parts = differences(old, now)
    return [part for part in parts if part != "code" or cell.strategy == "rules"]


def _model(cell: Cell, models: Mapping[str, Any]) -> str:
    """Return the planner's identity beyond its name: its file today, else as recorded."""
    known = str(models.get(cell.planner, models.get("model", "")))
    if is_python_file(cell.planner):
        with suppress(ConfigurationError):  # the file is gone: assume no change
            return model_in_words(cell)
    return known


def _says_the_same(conversation: Conversation, scenario: Scenario, records: Records) -> bool:
    """Return whether a model was asked what the scenario says; for records without fingerprints."""
    for turn, seen in zip(scenario.turns, conversation.turns, strict=True):
        questions = [records.exchanges[ask["exchange"]].asked for ask in seen["asks"]]
        texts = [records.messages[ids[-1]][1] for ids in questions if ids]
        if not texts or not all(turn.say.strip() in text for text in texts):
            return False
    return True


def _names(run: Mapping[str, Any], cell: Cell) -> bool:
    return any(Cell(*fields) == cell for fields in run["cells"])


def _in_order(records: Records, scenarios: list[str]) -> list[Conversation]:
    """Return the conversations in an order independent of when they were recorded."""
    listed = [Cell(*cell) for run in records.runs for cell in run["cells"]]
    cells = {cell: place for place, cell in reversed(list(enumerate(listed)))}
    places = {scenario: place for place, scenario in enumerate(scenarios)}

    def place(conversation: Conversation) -> tuple[int, int, int]:
        cell = cells.get(conversation.cell, len(cells))
        return places.get(conversation.scenario, -1), conversation.repeat, cell

    return sorted(records.conversations.values(), key=place)


def _read_as_then(conversation: Conversation, records: Records) -> bool:
    return all(
        reading(_answer(records, conversation.cell, ask)).digest == ask["read"]
        for turn in conversation.turns
        for ask in turn["asks"]
    )


def _answer(records: Records, cell: Cell, ask: Mapping[str, Any]) -> Answer:
    return replace(records.exchanges[ask["exchange"]].answer, ladder=cell.how.ladder)


def _played_again(
    conversation: Conversation, scenario: Scenario, records: Records, engine: MotionEngine
) -> tuple[Conversation, int]:
    turns = [
        [records.exchanges[ask["exchange"]] for ask in turn["asks"]] for turn in conversation.turns
    ]
    planner = ReplayingPlanner(conversation.cell, turns)
    again = play(scenario, planner, records, engine, repeat=conversation.repeat)
    return again, planner.missing


def _scores(
    conversation: Conversation, scenario: Scenario, records: Records
) -> Iterable[TurnScore]:
    before = conversation.before["motions"]
    known = {key: dict(ids) for key, ids in conversation.before.get("known", {}).items()}
    for number, (turn, seen) in enumerate(zip(scenario.turns, conversation.turns, strict=True)):
        asks, plans = [], []
        for ask in seen["asks"]:
            answer = _answer(records, conversation.cell, ask)
            if ask["cause"] is None:
                plan = reading(answer).plan
                plans += [plan] if plan is not None else []
            spent = answer.seconds, answer.input_tokens, answer.output_tokens
            asks.append(AskScore(ask["rung"], ask["cause"], *spent))
        if not (asks and asks[-1].cause is None):
            plans = []
        evidence = Evidence(
            plans=plans,
            motions=seen["motions"],
            current=seen["current"],
            before=before,
            known=known,
            reply=seen["reply"],
            files=seen["files"],
        )
        findings = tuple(check_turn(turn.expect, evidence))
        facts = conversation.cell, scenario, conversation.repeat, number
        sense = sense_of(turn.say, turn.expect, findings, plans)
        yield TurnScore(*facts, tuple(asks), findings, seen, tuple(plans), sense)
        before = seen["motions"]
        remember(known, before)
