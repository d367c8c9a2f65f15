"""Planners that record their answers, and planners that answer from the record.

Both are `Planner`s, so the measured agent is the one that users run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ..agent_graph.answers import read_answer
from ..agent_graph.describing import describe_situation
from ..agent_graph.plan import InvalidPlanError, Plan, validate_plan
from ..agent_graph.planners import Answer, ChatPlanner, Planner, Task
from ..motion_core.errors import ConfigurationError
from .fingerprint import asking, model_in_words
from .records import Exchange, Records, digest
from .strategy import Cell

_NOT_RECORDED = "no further answer was recorded for this turn"


class Gate(Protocol):
    """What every question to a model must pass: rate limit and budget."""

    def enter(self, cell: Cell) -> None:
        """Wait for a turn; raise when the budget is spent."""
        ...

    def leave(self, cell: Cell, answer: Answer) -> None:
        """Count the cost of an answer."""
        ...


@dataclass
class Script:
    """Fixed plans, for the motions that exist before the conversation starts."""

    plans: list[dict[str, Any]] = field(default_factory=list)

    def next(self) -> Answer | None:
        """Return the next plan."""
        return Answer(plan=validate_plan(self.plans.pop(0))) if self.plans else None


class ExperimentPlanner:
    """A planner of an experiment.

    Attributes:
        asks: keys of the exchanges of the current turn, in order.
        script: plans made before the model is asked.
    """

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.name = cell.planner
        self.tries = cell.how.tries
        self.script = Script()
        self.asks: list[str] = []

    def begin_turn(self) -> None:
        """Start a new turn of the conversation."""
        self.asks = []

    def ask(self, task: Task) -> Answer:
        answer = self.script.next()
        if answer is not None:
            return answer
        answer = replace(self._answer(task), ladder=self.cell.how.ladder)
        read = reading(answer)
        if read.plan is None and not answer.ladder:
            # No later stage may correct JSON that this strategy does not.
            return replace(answer, text="", problem=read.error)
        return answer

    def reply(self, request: str, facts: str) -> str | None:
        return None  # template replies, from the plan's own reasoning: they are what is measured

    def _answer(self, task: Task) -> Answer:
        raise NotImplementedError


class RecordingPlanner(ExperimentPlanner):
    """Asks a planner and records every exchange; an exchange on record is not repeated.

    Args:
        cell: the strategy and settings.
        planner: the one to ask.
        records: keep the exchanges.
        seed: for sampling, part of the exchange's key.
        gate: rate limit and budget.
        replies: whether the model also words the replies.
        model: identity beyond its name; see `fingerprint.model_in_words`.
    """

    def __init__(
        self,
        cell: Cell,
        planner: Planner,
        records: Records,
        *,
        seed: int,
        gate: Gate,
        replies: bool = False,
        model: str | None = None,
    ) -> None:
        super().__init__(cell)
        self._model = model_in_words(cell) if model is None else model
        self._planner = planner
        self._records = records
        self._seed = seed
        self._gate = gate
        self._replies = replies

    def _answer(self, task: Task) -> Answer:
        try:
            messages = planner_messages(self._planner, task)
        except ConfigurationError as err:  # it does not fit into the model's window
            messages = [("human", f"{describe_situation(task)}\n\n{task.request}")]
            return self._known(task, messages, Answer("", problem=str(err)))
        return self._known(task, messages, None)

    def _known(self, task: Task, messages: list[tuple[str, str]], fixed: Answer | None) -> Answer:
        how = self.cell.how
        request = self._planner.sends(task) if isinstance(self._planner, ChatPlanner) else None
        question = digest(messages), asking(self.cell, model=self._model, request=request)
        key = digest(
            self.cell.planner,
            how.form,
            self.cell.temperature,
            self._seed,
            len(task.failed),
            question,
        )
        with self._records.asking(key):
            if key not in self._records.exchanges:
                answer = fixed or self._ask(task)
                name = self.cell.planner
                self._records.add_exchange(key, name, how.form, messages, answer)
            self.asks.append(key)
            return self._records.exchanges[key].answer

    def _ask(self, task: Task) -> Answer:
        self._gate.enter(self.cell)
        try:
            answer = self._planner.ask(task)
        except ConfigurationError as err:
            if "window" not in str(err):
                raise
            answer = Answer("", problem=str(err))  # too long a prompt is the model's limit
        self._gate.leave(self.cell, answer)
        return answer

    def reply(self, request: str, facts: str) -> str | None:
        if not self._replies or not self.asks:
            return None
        messages = [("system", facts), ("human", request)]
        question = digest(messages), asking(self.cell, model=self._model, request="reply")
        key = digest("reply", self.cell.planner, self.cell.temperature, self._seed, question)
        with self._records.asking(key):
            if key not in self._records.exchanges:
                self._gate.enter(self.cell)
                answer = Answer(self._planner.reply(request, facts) or "")
                self._gate.leave(self.cell, answer)
                self._records.add_exchange(key, self.cell.planner, "reply", messages, answer)
            return self._records.exchanges[key].answer.text or None


class ReplayingPlanner(ExperimentPlanner):
    """Replays a turn's recorded answers in order, without asking anybody.

    Args:
        cell: the recorded strategy and settings.
        turns: the recorded exchanges of each turn.

    Attributes:
        missing: how often the answers ran out, because today's parser would have asked again.
    """

    def __init__(self, cell: Cell, turns: Sequence[Sequence[Exchange]]) -> None:
        super().__init__(cell)
        self._turns = [list(turn) for turn in turns]
        self._left: list[Exchange] = []
        self.missing = 0

    def begin_turn(self) -> None:
        super().begin_turn()
        self._left = self._turns.pop(0) if self._turns else []

    def _answer(self, task: Task) -> Answer:
        if not self._left:
            self.missing += 1
            return Answer("", problem=_NOT_RECORDED)
        exchange = self._left.pop(0)
        self.asks.append(exchange.key)
        return exchange.answer


def planner_messages(planner: Planner, task: Task) -> list[tuple[str, str]]:
    """Return the messages that a planner sends for a task, as (role, text).

    Raises:
        ConfigurationError: they exceed the model's window.
    """
    if isinstance(planner, ChatPlanner):
        return [(message.type, message.text) for message in planner.messages(task)]
    history = [(message.type, message.text) for message in task.history if message.text]
    return [*history, ("human", f"{describe_situation(task)}\n\n{task.request}")]


@dataclass(frozen=True)
class Reading:
    """How an answer is read today: a plan and its rung, or what is wrong with it."""

    plan: Plan | None = None
    rung: str | None = None
    cause: str | None = None
    error: str | None = None

    @property
    def digest(self) -> str:
        """What distinguishes it from every other reading."""
        plan = None if self.plan is None else self.plan.model_dump(mode="json")
        return digest(plan, self.rung, self.cause, self.error)


def reading(answer: Answer) -> Reading:
    """Read an answer, with or without the ladder as the answer says."""
    try:
        parsed = read_answer(answer)
    except InvalidPlanError as err:
        return Reading(cause=err.cause, error=str(err))
    return Reading(parsed.plan, parsed.rung)
