"""Strategies: how a plan is asked for and read, each with one mechanism more than the last.

    prompt   the form in words, one try, the answer must be bare JSON
    ladder   the same, read by the parsing ladder
    reask    up to two more tries with the error shown
    schema   the provider's JSON Schema with the request as well
    tools    native tool calling in the schema's place

`prompt`, `ladder` and `reask` put the same question at first, so they share its answer: what they
differ by is what the mechanism buys and not the luck of the draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel

from ..agent_graph.planners import ChatPlanner, Planner, make_planner
from ..agent_graph.providers import open_model
from ..motion_core.errors import ConfigurationError
from .python_file import object_of

TRIES = 3
OFFLINE = "offline"

Form = Literal["prompt", "schema", "tools"]


@dataclass(frozen=True)
class Strategy:
    """One way of asking.

    Attributes:
        name: of the strategy.
        form: how the plan's form is asked for.
        ladder: whether the form of an answer may be repaired.
        tries: how often it is asked before it is given up.
    """

    name: str
    form: Form
    ladder: bool
    tries: int


STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        Strategy("prompt", "prompt", ladder=False, tries=1),
        Strategy("ladder", "prompt", ladder=True, tries=1),
        Strategy("reask", "prompt", ladder=True, tries=TRIES),
        Strategy("schema", "schema", ladder=True, tries=TRIES),
        Strategy("tools", "tools", ladder=True, tries=TRIES),
    )
}


@dataclass(frozen=True)
class Cell:
    """One column of the experiment: a planner, asked in one way, at one temperature.

    Attributes:
        planner: string such as ``openai:gpt-4o``.
        strategy: name of it; ``rules`` for a planner that is no language model.
        temperature: None for the server's own.
    """

    planner: str
    strategy: str
    temperature: float | None = None

    @property
    def name(self) -> str:
        """``openai:gpt-4o, schema, 0.8``."""
        warmth = "" if self.temperature is None else f", {self.temperature:g}"
        return f"{self.planner}, {self.strategy}{warmth}"

    @property
    def provider(self) -> str:
        """Whose server is asked: what stands before the colon."""
        return self.planner.partition(":")[0]

    @property
    def how(self) -> Strategy:
        """The strategy; that of the rules asks once and reads all that is a plan."""
        return STRATEGIES.get(self.strategy, Strategy(self.strategy, "prompt", True, 1))


def cells_of(
    planners: Sequence[str],
    strategies: Sequence[str] = tuple(STRATEGIES),
    temperatures: Sequence[float | None] = (None,),
) -> tuple[Cell, ...]:
    """Return all combinations; the offline planner has neither strategy nor temperature.

    Raises:
        ConfigurationError: there is no such strategy, or nothing is combined.
    """
    for name in strategies:
        if name not in STRATEGIES:
            raise ConfigurationError(
                f"there is no strategy {name!r}; there are {', '.join(STRATEGIES)}"
            )
    cells = [
        cell
        for planner in planners
        for cell in (
            [Cell(OFFLINE, "rules")]
            if planner == OFFLINE
            else [Cell(planner, s, t) for t in temperatures for s in strategies]
        )
    ]
    if not cells:
        raise ConfigurationError("give at least one planner, strategy and temperature")
    return tuple(dict.fromkeys(cells))


def open_planner(cell: Cell, *, seed: int, short: bool | None = None) -> Planner:
    """Return the planner of a cell, seeded where its provider takes a seed.

    Args:
        cell: what to ask.
        seed: of the sampling.
        short: use the short prompts; None asks the environment.

    Raises:
        ConfigurationError: unknown planner, or it cannot do what the strategy needs.
        UnavailableError: it needs a key that is not set.
    """
    if cell.planner == OFFLINE:
        return make_planner(OFFLINE)
    found = object_of(cell.planner)
    model = open_model(cell.planner, temperature=cell.temperature) if found is None else found
    return planner_of(model, cell, seed=seed, short=short)


def planner_of(
    model: BaseChatModel | Planner, cell: Cell, *, seed: int, short: bool | None = None
) -> Planner:
    """Return a chat model as the planner of a cell; a planner stays as it is.

    Raises:
        ConfigurationError: it cannot do what the strategy needs.
    """
    if not isinstance(model, BaseChatModel):
        return make_planner(model)
    known: dict[str, Any] = {"seed": seed, "temperature": cell.temperature}
    fields = type(model).model_fields
    changed = {k: v for k, v in known.items() if k in fields and v is not None}
    how = cell.how
    return ChatPlanner(
        model.model_copy(update=changed),
        name=cell.planner,
        strategy=how.form,
        short=short,
        ladder=how.ladder,
        tries=how.tries,
    )
