"""Strategies: how a plan is requested and read, each with one more mechanism than the last.

    prompt   the form in words, one try, the answer must be bare JSON
    ladder   the same, read by the parsing ladder
    reask    up to two more tries with the error shown
    schema   the provider's JSON Schema with the request as well
    tools    native tool calling in the schema's place

`prompt`, `ladder` and `reask` start with the same question, so they share its answer: their
difference is the mechanism's benefit and not luck.
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
    """One way of requesting a plan.

    Attributes:
        name: of the strategy.
        form: how the plan's form is requested.
        ladder: whether malformed JSON may be read.
        tries: number of attempts.
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
    """One column of the experiment: a planner with a strategy and a temperature.

    Attributes:
        planner: string such as ``openai:gpt-4o``.
        strategy: its name; ``rules`` for a planner that is not a language model.
        temperature: None for the server's own.
    """

    planner: str
    strategy: str
    temperature: float | None = None

    @property
    def name(self) -> str:
        """Its name, such as ``openai:gpt-4o, schema, 0.8``."""
        warmth = "" if self.temperature is None else f", {self.temperature:g}"
        return f"{self.planner}, {self.strategy}{warmth}"

    @property
    def provider(self) -> str:
        """The provider: the part before the colon."""
        return self.planner.partition(":")[0]

    @property
    def how(self) -> Strategy:
        """The strategy; the offline planner's asks once and reads anything that is a plan."""
        return STRATEGIES.get(self.strategy, Strategy(self.strategy, "prompt", True, 1))


def cells_of(
    planners: Sequence[str],
    strategies: Sequence[str] = tuple(STRATEGIES),
    temperatures: Sequence[float | None] = (None,),
) -> tuple[Cell, ...]:
    """Return all combinations; the offline planner has neither strategy nor temperature.

    Raises:
        ConfigurationError: unknown strategy, or nothing to combine.
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
    """Return the planner of a cell, seeded if its provider accepts a seed.

    Args:
        cell: planner, strategy and temperature.
        seed: for sampling.
        short: use the short prompts; None for the environment's setting.

    Raises:
        ConfigurationError: unknown planner, or it does not support the strategy.
        UnavailableError: it needs a key that is not set.
    """
    if cell.planner == OFFLINE:
        return make_planner(OFFLINE)
    planner = object_of(cell.planner)
    model = open_model(cell.planner, temperature=cell.temperature) if planner is None else planner
    return planner_of(model, cell, seed=seed, short=short)


def planner_of(
    model: BaseChatModel | Planner, cell: Cell, *, seed: int, short: bool | None = None
) -> Planner:
    """Return a chat model as the planner of a cell; a planner is returned unchanged.

    Raises:
        ConfigurationError: it does not support the strategy.
    """
    if not isinstance(model, BaseChatModel):
        return make_planner(model)
    settings: dict[str, Any] = {"seed": seed, "temperature": cell.temperature}
    fields = type(model).model_fields
    changed = {k: v for k, v in settings.items() if k in fields and v is not None}
    how = cell.how
    return ChatPlanner(
        model.model_copy(update=changed),
        name=cell.planner,
        strategy=how.form,
        short=short,
        ladder=how.ladder,
        tries=how.tries,
    )
