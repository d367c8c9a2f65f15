"""Property tests of the parsing ladder: no step is lost, joined or invented, nothing crashes.

A hundred thousand cases: ``python benchmarks/planner_formats.py --fuzz 100000``.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planner_mutations import Case, check, make_case

from motion_agent.agent_graph.parsing import parse_plan
from motion_agent.agent_graph.plan import InvalidPlanError, validate_plan

FEW = settings(max_examples=1000, suppress_health_check=list(HealthCheck))


@FEW
@given(st.randoms(use_true_random=False))
def test_a_mutated_answer_gives_the_plan_that_was_meant_or_an_error(rng: random.Random) -> None:
    check(make_case(rng))


@FEW
@given(st.text(alphabet="{}[]\"':,;\\()<>`\n 0aé", max_size=60))
def test_any_text_is_a_plan_or_an_error(text: str) -> None:
    for answer in (text, f'{{"plan": [{text}]}}', f"MotionLLM.generate('{text}"):
        try:
            parse_plan(answer)
        except InvalidPlanError as err:
            assert "\n" not in str(err)


def test_most_answers_of_unusual_form_are_read() -> None:
    read: Counter[str] = Counter()
    cases: Counter[str] = Counter()
    for seed in range(1500):
        case = make_case(random.Random(seed))
        cases[case.damage] += 1
        read[case.damage] += check(case)
    assert read["none"] / cases["none"] > 0.9
    assert read["some"] / cases["some"] > 0.4
    assert read["cut"] / cases["cut"] < 0.05


def test_the_check_sees_a_lost_a_joined_and_an_invented_step() -> None:
    one = {"tool": "generate_motion", "description": "a person walks"}
    two = {"tool": "generate_motion", "description": "a person bows"}
    text = str({"plan": [one, two]})
    for meant in ([one], [one, two, two], [two, one], [{**one, "description": "a person walks a"}]):
        case = Case(text, validate_plan({"plan": meant}), False, "some", ("python",))
        with pytest.raises(AssertionError):
            check(case)
    assert check(Case(text, validate_plan({"plan": [one, two]}), False, "none", ("python",)))
