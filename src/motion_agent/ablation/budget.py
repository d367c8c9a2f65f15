"""Limits of a run: money, tokens, minutes, and requests to a provider."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..agent_graph.planners import Answer
from ..motion_core.errors import ConfigurationError, MotionAgentError
from ..motion_core.yaml_file import read_yaml
from .strategy import Cell

PRICES = Path(__file__).parent / "prices.yaml"
_MILLION = 1_000_000


class BudgetSpentError(MotionAgentError):
    """A limit of the run was reached; the records stay and the run can be continued."""


@dataclass(frozen=True)
class Prices:
    """Dollars per million tokens.

    Attributes:
        noted: date of the table.
        source: of the prices.
        models: input and output price by planner.
        free: providers that cost nothing.
    """

    noted: str = ""
    source: str = field(default="", kw_only=True)
    models: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    free: frozenset[str] = frozenset()

    @classmethod
    def load(cls, path: Path | str = PRICES) -> Prices:
        """Return the table in a file.

        Raises:
            ConfigurationError: it cannot be read or is not a price table.
        """
        try:
            table = read_yaml(path)
            models = {
                str(name): (float(price[0]), float(price[1]))
                for name, price in table["models"].items()
            }
            source = " ".join(str(table["source"]).split())
            return cls(str(table["noted"]), models, frozenset(table.get("free", ())), source=source)
        except (KeyError, TypeError, ValueError, IndexError) as err:
            raise ConfigurationError(
                f"{path} is not a price table ({err}); it needs 'noted: DATE', 'source: WHERE' and"
                " 'models: {openai:gpt-4o: [2.5, 10]}'"
            ) from err

    def knows(self, planner: str) -> bool:
        """Return whether the price of that planner is known."""
        return planner in self.models or planner.partition(":")[0] in self.free

    def cost(self, planner: str, tokens_in: int | None, tokens_out: int | None) -> float | None:
        """Return the price of tokens in dollars; None if price or token counts are unknown."""
        if planner.partition(":")[0] in self.free:
            return 0.0
        if planner not in self.models or tokens_in is None or tokens_out is None:
            return None
        price_in, price_out = self.models[planner]
        return (tokens_in * price_in + tokens_out * price_out) / _MILLION


@dataclass(frozen=True)
class Limits:
    """What a run may spend; None for no limit.

    Attributes:
        dollars: for the tokens of planners with a known price.
        tokens: of prompts and answers together.
        minutes: of wall-clock time.
        per_minute: questions to one provider.
    """

    dollars: float | None = None
    tokens: int | None = None
    minutes: float | None = None
    per_minute: float | None = None

    def __post_init__(self) -> None:
        for name in ("dollars", "tokens", "minutes", "per_minute"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ConfigurationError(
                    f"{name} is {value}; it must be above 0; omit it for no limit"
                )


class Gatekeeper:
    """Lets questions pass as fast as the provider allows, until a limit is reached.

    Limits are checked before a question, so the last answers may exceed them slightly.

    Args:
        limits: of this run.
        prices: for the limit in dollars.
        clock: seconds, monotonic.
        sleep: waits that many seconds; may raise to abort.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        prices: Prices | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Any] = time.sleep,
    ) -> None:
        self.limits = limits or Limits()
        self.prices = prices or Prices()
        self.dollars = 0.0
        self.tokens = 0
        self.questions = 0
        self._clock = clock
        self._sleep = sleep
        self._began = clock()
        self._next: dict[str, float] = defaultdict(float)
        self._lock = threading.Lock()
        self._stopped: str | None = None

    def stop(self, reason: str) -> None:
        """Stop all further questions."""
        self._stopped = self._stopped or reason

    def enter(self, cell: Cell) -> None:
        """Wait until the provider may be asked.

        Raises:
            BudgetSpentError: a limit is reached, or the run was stopped.
        """
        with self._lock:
            self._check()
            wait = 0.0
            if self.limits.per_minute is not None:
                now = self._clock()
                at = max(self._next[cell.provider], now)
                self._next[cell.provider] = at + 60 / self.limits.per_minute
                wait = at - now
            self.questions += 1
        if wait > 0:
            self._sleep(wait)
            self._check()

    def leave(self, cell: Cell, answer: Answer) -> None:
        """Count the cost of the answer."""
        with self._lock:
            self.tokens += (answer.input_tokens or 0) + (answer.output_tokens or 0)
            cost = self.prices.cost(cell.planner, answer.input_tokens, answer.output_tokens)
            self.dollars += cost or 0.0

    def _check(self) -> None:
        limits = self.limits
        minutes = (self._clock() - self._began) / 60
        if self._stopped is not None:
            raise BudgetSpentError(self._stopped)
        if limits.dollars is not None and self.dollars >= limits.dollars:
            raise BudgetSpentError(f"{self.dollars:.2f} of {limits.dollars:g} dollars are spent")
        if limits.tokens is not None and self.tokens >= limits.tokens:
            raise BudgetSpentError(f"{self.tokens} of {limits.tokens} tokens are spent")
        if limits.minutes is not None and minutes >= limits.minutes:
            raise BudgetSpentError(f"{minutes:.1f} of {limits.minutes:g} minutes are used up")
