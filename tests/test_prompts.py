"""Every prompt is a file with a version and can be filled in."""

from __future__ import annotations

import json
import re
from importlib.resources import files

import pytest

from motion_agent.agent_graph.plan import Step, validate_plan
from motion_agent.prompts import load_prompt, prompt_version

VALUES = {
    "planner": {"examples": "EXAMPLES"},
    "planner_short": {},
    "planner_examples": {},
    "planner_task": {"timeline": "TIMELINE", "captions": "CAPTIONS", "request": "REQUEST $HOME"},
    "repair": {"error": "ERROR", "answer": "ANSWER", "request": "REQUEST"},
    "repair_short": {"error": "ERROR", "answer": "ANSWER", "request": "REQUEST"},
    "responder": {"facts": "FACTS"},
    "responder_short": {"facts": "FACTS"},
    "tools/generate_motion": {},
    "tools/caption_motion": {},
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
    found |= {f"tools/{p.name.removesuffix('.md')}" for p in (folder / "tools").iterdir()}
    assert found == set(VALUES)


def test_a_missing_value_or_a_wrong_name_is_an_error() -> None:
    with pytest.raises(KeyError):
        load_prompt("repair", error="x")
    with pytest.raises(KeyError, match="no prompt named 'nothing'"):
        load_prompt("nothing")
    with pytest.raises(KeyError, match="no prompt named"):
        load_prompt("../pyproject")
    with pytest.raises(TypeError, match="no place for mood"):
        load_prompt("responder", facts="x", mood="sad")


def _plans(text: str) -> list[dict[str, object]]:
    decoder = json.JSONDecoder(strict=False)
    starts = [m.start() for m in re.finditer(r'\{"reasoning": "(?!…)', text)]
    return [decoder.raw_decode(text, start)[0] for start in starts]


def test_the_examples_in_the_prompts_are_valid_plans() -> None:
    examples = _plans(load_prompt("planner_examples"))
    assert len(examples) == 8
    for example in examples:
        validate_plan(example)
        assert all(list(s) == list(Step.model_fields) for s in example["plan"])  # type: ignore[attr-defined]


def test_the_planner_prompt_names_every_tool_and_field() -> None:
    for name in ("planner", "planner_short"):
        text = load_prompt(name, **VALUES[name])
        for word in ("generate_motion", "caption_motion", "keep_segment", "undo", "redo"):
            assert word in text
        for field in Step.model_fields:
            assert field in text
