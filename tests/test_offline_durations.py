"""The offline planner: durations in words, with their unit and without."""

from __future__ import annotations

import pytest
from offline_planning import ONE, planned


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("A person rests for six", "+: a person rests [6 s]"),
        (
            "stand still for five seconds, then rest for six",
            "+: a person stands still [5 s] | +: a person rests [6 s]",
        ),
        (
            "raise your arms and hold it for six",
            "+: a person raises your arms | +: a person holds it [6 s]",
        ),
        ("stand still for 6.5.", "+: a person stands still [6.5 s]"),
        ("wait two then bow", "+: a person waits [2 s] | +: a person bows"),
        (
            "raise the arms, hold for a count of five, lower them",
            "+: a person raises the arms | +: a person holds [5 s] | +: a person lowers them",
        ),
        ("a person balances on one leg for eight", "+: a person balances on one leg [8 s]"),
        ("keep still for four seconds", "+: a person keeps still [4 s]"),
        # beside another duration any verb lasts
        ("run for 4 seconds, then jump for 2", "+: a person runs [4 s] | +: a person jumps [2 s]"),
        (
            "walk for half a minute, then run for one",
            " | ".join(["+: a person walks [10 s]"] * 3 + ["+: a person runs [10 s]"] * 6),
        ),
        ("stand still for five and a half seconds", "+: a person stands still [5.5 s]"),
        ("hold a T-pose for a second and a half", "+: a person holds a T-pose [1.5 s]"),
        ("rest for twenty-four seconds", " | ".join(["+: a person rests [8 s]"] * 3)),
    ],
)
def test_a_duration_is_read_with_and_without_its_unit(request_: str, expected: str) -> None:
    assert planned(request_) == expected


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("wait for three people", "+: a person waits for three people"),
        ("a waiter holds the door for three guests", "+: a waiter holds the door for three guests"),
        ("sit at a table for two", "+: a person sits at a table for two"),
        ("dance for two", "+: a person dances for two"),
        ("wait for two and a half hours", "+: a person waits for 2.5 hours"),
    ],
)
def test_what_is_counted_otherwise_is_no_duration(request_: str, expected: str) -> None:
    assert planned(request_) == expected


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("then rest for six", "=s1 | =s2 | =s3 | +: a man rests [6 s]"),
        ("make the wave last for six", "=s1 | s2: a man waves with both hands [6 s] | =s3"),
        ("the bow should last four", "=s1 | =s2 | s3: a man bows [4 s]"),
        (
            "make the bow three seconds long instead of two",
            "=s1 | =s2 | s3: a man bows [3 s]",
        ),
        ("make the bow last 4 s rather than 3 seconds", "=s1 | =s2 | s3: a man bows [4 s]"),
        ("add a pause for two before the bow", "=s1 | =s2 | +: a man pauses [2 s] | =s3"),
        ("remove the last two", "=s1"),
    ],
)
def test_an_edit_reads_it_too(request_: str, expected: str) -> None:
    assert planned(request_, ONE) == expected
