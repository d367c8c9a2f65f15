"""The few statistics of the report: shares with intervals, paired comparison, percentiles.

The turns and repetitions of one scenario are correlated: they are one cluster, not independent
cases. Hence our own intervals and tests: SciPy's assume independent cases, for which our tests
compare both.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

Z_95 = 1.959963984540054  # quantile of the normal distribution: 95 % lie between -z and z


@dataclass(frozen=True)
class Share:
    """A count out of a total, with its 95 % Wilson score interval.

    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    Unlike ±1.96 standard errors it is accurate for few cases and near 0 and 1.

    Attributes:
        count: number of successes.
        total: number of cases.
        independent: equivalent number of independent cases; None for all of them.
    """

    count: int
    total: int
    independent: float | None = None

    @property
    def value(self) -> float:
        """The share itself; 0 if there are no cases."""
        return self.count / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end; 0 to 1 if there are no cases."""
        if not self.total:
            return 0.0, 1.0
        n, p, z2 = self.independent or self.total, self.value, Z_95**2
        middle = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = Z_95 / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        low, high = max(middle - half, 0.0), min(middle + half, 1.0)
        # At the ends the formula gives 0 and 1 up to rounding.
        return (0.0 if self.count == 0 else low), (1.0 if self.count == self.total else high)

    @classmethod
    def of(cls, values: Sequence[bool], clusters: Sequence[Hashable] | None = None) -> Share:
        """Return the share of true values.

        Args:
            values: one for each case.
            clusters: the cluster of each case; None if all are independent.
        """
        if clusters is None or not values:
            return cls(sum(values), len(values))
        return cls(sum(values), len(values), _independent(values, clusters))

    def __str__(self) -> str:
        if not self.total:
            return "–"
        low, high = self.interval
        return f"{100 * self.value:.0f} % [{100 * low:.0f}, {100 * high:.0f}]"


def _independent(values: Sequence[bool], clusters: Sequence[Hashable]) -> float:
    """Return the number of independent cases with the same variance: n by Kish's design effect.

    The variance of the share between clusters is the linearised one of a ratio (Cochran, Sampling
    Techniques, 1977, 11.8). The result is at most the number of cases and at least the number of
    clusters.
    """
    groups: dict[Hashable, list[bool]] = defaultdict(list)
    for value, cluster in zip(values, clusters, strict=True):
        groups[cluster].append(value)
    n, k = len(values), len(groups)
    share = sum(values) / n
    if k == n or share in (0, 1):
        return float(k)
    spread = sum((sum(group) - share * len(group)) ** 2 for group in groups.values())
    if k == 1 or spread == 0:
        return float(k)
    variance = spread * k / (k - 1) / n**2
    return min(max(share * (1 - share) / variance, float(k)), float(n))


@dataclass(frozen=True)
class Paired:
    """Two cells compared on the same turns.

    Attributes:
        both: turns that both got right.
        only_first: turns that only the first got right.
        only_second: turns that only the second got right.
        neither: turns that neither got right.
        differences: for each cluster, how many more the first got right; None if every turn is its
            own cluster.
    """

    both: int
    only_first: int
    only_second: int
    neither: int
    differences: tuple[int, ...] | None = None

    @classmethod
    def of(
        cls, pairs: Sequence[tuple[bool, bool]], clusters: Sequence[Hashable] | None = None
    ) -> Paired:
        """Return the comparison of (first is right, second is right) for each turn, with the
        cluster of each.
        """
        counts = Counter(pairs)
        cells = counts[True, True], counts[True, False], counts[False, True], counts[False, False]
        if clusters is None:
            return cls(*cells)
        found: Counter[Hashable] = Counter()
        for (first, second), cluster in zip(pairs, clusters, strict=True):
            found[cluster] += first - second
        return cls(*cells, differences=tuple(found.values()))

    @property
    def total(self) -> int:
        """Number of compared turns."""
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def effect(self) -> float:
        """First share less the second, from -1 to 1."""
        return (self.only_first - self.only_second) / self.total if self.total else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the effect, from the differences between clusters."""
        n, found = self.total, self._differences
        if n == 0:
            return -1.0, 1.0
        k = len(found) if self.differences is not None else n
        if k < 2:
            return -1.0, 1.0
        mean_difference = sum(found) / k
        spread = (
            sum((d - mean_difference) ** 2 for d in found) + (k - len(found)) * mean_difference**2
        )
        half = Z_95 * math.sqrt(spread * k / (k - 1)) / n
        return max(self.effect - half, -1.0), min(self.effect + half, 1.0)

    @property
    def _differences(self) -> tuple[int, ...]:
        if self.differences is not None:
            return self.differences
        return (1,) * self.only_first + (-1,) * self.only_second

    @property
    def p(self) -> float:
        """Two-sided p of the exact sign test, under which each cluster could equally favour either.

        If no cluster has two differing turns it is McNemar's exact test (Psychometrika 12,
        1947).
        """
        sums: Counter[int] = Counter({0: 1})
        sizes = [abs(difference) for difference in self._differences if difference]
        for size in sizes:
            grown: Counter[int] = Counter()
            for total, ways in sums.items():
                grown[total + size] += ways
                grown[total - size] += ways
            sums = grown
        seen = abs(sum(self._differences))
        extreme = sum(ways for total, ways in sums.items() if abs(total) >= seen)
        return float(extreme / 2 ** len(sizes))


def corrected(values: Sequence[float]) -> list[float]:
    """Return the p values corrected for multiple comparisons (Holm, Scand. J. Stat. 6, 1979)."""
    order = sorted(range(len(values)), key=lambda place: values[place])
    adjusted = [0.0] * len(values)
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, values[place] * (len(values) - rank)))
        adjusted[place] = highest
    return adjusted


def percentile(values: Sequence[float], q: float) -> float:
    """Return the q-th percentile (0 to 100), linear between neighbours; 0 if there are no
    values.
    """
    return float(np.percentile(values, q)) if values else 0.0
