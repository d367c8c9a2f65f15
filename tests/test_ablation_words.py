"""Words and their forms, and statistics against known values."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest

from motion_agent.ablation.statistics import Paired, Share, percentile
from motion_agent.ablation.words import find_words, has_words, in_order


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("walk", "A person is walking"),
        ("walk", "he walked"),
        ("run", "a man runs; another was running"),
        ("run", "she ran away"),
        ("sit", "sitting down"),
        ("lie", "lying on the back"),
        ("wave", "waving with both hands"),
        ("clap", "clapping"),
        ("carry", "he carries a box"),
        ("angry", "walks angrily"),
        ("push up|pushup", "does three push-ups"),
        ("stand up", "stands slowly up"),
        ("fall", "has fallen"),
        ("jump|hop", "hops on one leg"),
        ("exerc*", "exercising"),
    ],
)
def test_a_word_stands_for_all_its_forms(words: str, text: str) -> None:
    assert has_words(words, text)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("run", "a person prunes a tree"),
        ("sit", "a situation"),
        ("stand up", "stands still and then looks straight up"),
        ("bow", "an elbow"),
        ("walk", ""),
    ],
)
def test_and_for_no_other_word(words: str, text: str) -> None:
    assert not has_words(words, text)


def test_actions_are_found_in_the_order_of_the_sets() -> None:
    texts = ["a person walks", "a person turns around", "a person walks back"]
    assert in_order(["walk", "turn", "walk"], texts) == [0, 1, 2]
    assert in_order(["turn", "walk", "walk"], texts) == [1, 2, None]
    assert in_order(["walk", "wave"], ["walks while waving"]) == [0, 0]
    assert find_words("wave", "he waves and waves", start=2) == 3


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_intervals_as_published(count: int, total: int, low: float, high: float) -> None:
    assert Share(count, total).interval == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("count", "total"), [(8, 10), (10, 10), (1, 2), (7, 175)])
def test_wilson_intervals_as_in_scipy(count: int, total: int) -> None:
    interval = binomtest(count, total).proportion_ci(method="wilson")
    assert Share(count, total).interval == pytest.approx((interval.low, interval.high), abs=1e-9)


def test_nothing_counted_is_no_share() -> None:
    assert Share(0, 0).value == 0
    assert Share(0, 0).interval == (0, 1)
    assert str(Share(0, 0)) == "–"
    assert str(Share(8, 10)) == "80 % [49, 94]"


@pytest.mark.parametrize(("first", "second"), [(10, 2), (2, 10), (5, 5), (6, 0), (1, 0), (40, 22)])
def test_mcnemar_is_the_exact_binomial_test(first: int, second: int) -> None:
    expected = binomtest(min(first, second), first + second, 0.5).pvalue
    assert Paired(3, first, second, 4).p == pytest.approx(expected, abs=1e-9)


def test_where_nothing_differs_p_is_one() -> None:
    assert Paired(3, 0, 0, 4).p == 1
    assert Paired(3, 10, 2, 4).p == pytest.approx(0.03857, abs=1e-5)  # 158 / 4096


def test_pairs_are_counted() -> None:
    paired = Paired.of([(True, True), (True, False), (False, True), (True, False), (False, False)])
    assert paired == Paired(both=1, only_first=2, only_second=1, neither=1)
    assert paired.total == 5


def test_percentiles() -> None:
    assert percentile([1, 2, 3, 4], 50) == 2.5
    assert percentile([1, 2, 3, 4], 95) == pytest.approx(3.85)
    assert percentile([], 50) == 0
