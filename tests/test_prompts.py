"""Every prompt is a file with a version and can be filled in."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import pytest

from motion_agent.agent_graph.plan import TOOLS, Plan, Step, validate_plan
from motion_agent.prompts import load_prompt, prompt_version

VALUES = {
    "judge": {},
    "planner": {"examples": "EXAMPLES"},
    "planner_short": {},
    "planner_examples": {},
    "planner_short_examples": {},
    "planner_call": {},
    "planner_doubt": {"request": "REQUEST"},
    "planner_task": {"situation": "SITUATION", "request": "REQUEST $HOME"},
    "planner_again": {"error": "ERROR", "answer": "ANSWER", "request": "REQUEST"},
    "planner_again_part": {
        "numbers": "2 and 3",
        "error": "ERROR",
        "steps": "STEPS",
        "request": "REQUEST",
    },
    "planner_again_short": {"error": "ERROR", "request": "REQUEST"},
    "responder": {"facts": "FACTS"},
    "responder_short": {"facts": "FACTS"},
}


@pytest.mark.parametrize("name", VALUES)
def test_each_prompt_renders_with_all_its_values(name: str) -> None:
    text = load_prompt(name, **VALUES[name])
    for value in VALUES[name].values():
        assert value in text
    assert not re.search(r"<!--|\$[a-z]", text)
    assert prompt_version(name) >= 1


def test_no_prompt_of_the_agent_is_untested() -> None:
    folder = files("motion_agent.prompts")
    found = {p.name.removesuffix(".md") for p in folder.iterdir() if p.name.endswith(".md")}
    assert found == set(VALUES)


def test_a_missing_value_or_a_wrong_name_is_an_error() -> None:
    with pytest.raises(KeyError):
        load_prompt("planner_again", error="x")
    with pytest.raises(KeyError, match="no prompt named 'nothing'"):
        load_prompt("nothing")
    with pytest.raises(KeyError, match="no prompt named"):
        load_prompt("../pyproject")
    with pytest.raises(TypeError, match="does not use mood"):
        load_prompt("responder", facts="x", mood="sad")


def _plans(text: str) -> list[dict[str, object]]:
    decoder = json.JSONDecoder(strict=False)
    starts = [m.start() for m in re.finditer(r'\{"reasoning": "(?!…)', text)]
    return [decoder.raw_decode(text, start)[0] for start in starts]


def test_the_examples_in_the_prompts_are_valid_plans() -> None:
    long, short = load_prompt("planner_examples"), load_prompt("planner_short_examples")
    assert long.count("\nUser: ") == 13
    assert long.count("Then, asked again") == 3
    for text, count in ((long, 16), (short, 8)):
        examples = _plans(text)
        assert len(examples) == count
        plans = [validate_plan(example) for example in examples]
        assert sum(plan.empty for plan in plans) in (1, 3)
        for example in examples:
            assert list(example) == ["reasoning", "plan", "placement"]


def test_the_short_examples_are_a_line_each() -> None:
    lines = load_prompt("planner_short_examples").splitlines()
    answers = [line for line in lines if line.startswith("{")]
    assert len(answers) == len(_plans("\n".join(lines))) == sum("User: " in line for line in lines)


def test_the_planner_prompts_name_every_tool_and_every_field_that_is_used() -> None:
    for name in ("planner", "planner_short"):
        text = load_prompt(name, **VALUES[name])
        for word in (*TOOLS, *Step.model_fields, *Plan.model_fields):
            assert word in text, (name, word)


def test_the_examples_of_the_long_prompt_use_every_kind_of_step_that_is_hard_to_guess() -> None:
    plans = [validate_plan(example) for example in _plans(load_prompt("planner_examples"))]
    steps = [step for plan in plans for step in plan.plan]
    assert {"generate_motion", "keep_segment", "caption_motion", "open_motion"} < {
        step.tool for step in steps
    }
    assert any(step.person == 2 for step in steps)
    assert any(step.segment and step.tool == "generate_motion" for step in steps)
    assert [plan.placement for plan in plans if plan.placement] == [
        (180.0, 0.0, 2.0),
        (180.0, 0.0, 1.0),
    ]
