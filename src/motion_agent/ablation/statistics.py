"""The few statistics of the report: shares with intervals, paired comparison, percentiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Z_95 = 1.959963984540054  # of the normal distribution, for 95 % between -z and z


@dataclass(frozen=True)
class Share:
    """So many of so many, with the Wilson score interval of 95 %.

    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    Unlike ±1.96 standard errors it is right for few cases and near 0 and 1.
    """

    count: int
    total: int

    @property
    def value(self) -> float:
        """The share itself; 0 of nothing is 0."""
        return self.count / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end; everything where there is nothing."""
        if not self.total:
            return 0.0, 1.0
        n, p, z2 = self.total, self.value, Z_95**2
        middle = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = Z_95 / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        low, high = max(middle - half, 0.0), min(middle + half, 1.0)
        # At the ends the formula gives 0 and 1 but for rounding.
        return (0.0 if self.count == 0 else low), (1.0 if self.count == n else high)

    @classmethod
    def of(cls, values: Sequence[bool]) -> Share:
        """The share of true values."""
        return cls(sum(values), len(values))

    def __str__(self) -> str:
        if not self.total:
            return "–"
        low, high = self.interval
        return f"{100 * self.value:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"


@dataclass(frozen=True)
class Paired:
    """Two ways compared on the same turns.

    Attributes:
        both: turns that both did right.
        only_first: that the first alone did right.
        only_second: that the second alone did right.
        neither: that neither did right.
    """

    both: int
    only_first: int
    only_second: int
    neither: int

    @classmethod
    def of(cls, pairs: Sequence[tuple[bool, bool]]) -> Paired:
        """From (first is right, second is right) of each turn."""
        counts = [0, 0, 0, 0]
        for first, second in pairs:
            counts[0 if first and second else 1 if first else 2 if second else 3] += 1
        return cls(*counts)

    @property
    def total(self) -> int:
        """Turns that were compared."""
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def p(self) -> float:
        """Two-sided p of McNemar's exact test: the binomial test of the turns that differ.

        McNemar, Psychometrika 12 (1947). It takes the turns as independent; repetitions of one
        scenario are not, so with repeats it is too small.
        """
        n, k = self.only_first + self.only_second, min(self.only_first, self.only_second)
        if n == 0:
            return 1.0
        tail: float = sum(math.comb(n, i) for i in range(k + 1)) / 2**n
        return min(1.0, 2 * tail)


def percentile(values: Sequence[float], q: float) -> float:
    """The q-th percentile (0 to 100), linear between neighbours; 0 of nothing."""
    if not values:
        return 0.0
    ordered = sorted(values)
    place = (len(ordered) - 1) * q / 100
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def mean(values: Sequence[float]) -> float:
    """The mean; 0 of nothing."""
    return sum(values) / len(values) if values else 0.0
