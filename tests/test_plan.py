"""The plan: its schema fits the providers, its limits hold, its errors can be acted on."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from fakes import step

from motion_agent.agent_graph.plan import (
    MAX_STEPS,
    InvalidPlanError,
    Plan,
    check_against_timeline,
    plan_schema,
    validate_plan,
)

WALK = step(description="a person walks forward")

# https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
STRICT_TYPES = {"string", "number", "integer", "boolean", "object", "array"}
STRICT_KEYS = {"type", "properties", "required", "additionalProperties", "items", "enum"} | {
    "description"
}


def strict_problems(schema: dict[str, Any], where: str = "root", depth: int = 1) -> list[str]:
    """What OpenAI's strict mode would refuse, and what Ollama's grammars do not know."""
    problems = [f"{where}: keyword {key}" for key in schema if key not in STRICT_KEYS]
    if schema.get("type") not in STRICT_TYPES:
        problems.append(f"{where}: type {schema.get('type')!r}")
    if depth > 5:
        problems.append(f"{where}: nested deeper than 5")
    if schema.get("type") == "object":
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False:
            problems.append(f"{where}: additionalProperties is not false")
        if sorted(schema.get("required", [])) != sorted(properties):
            problems.append(f"{where}: not every property is required")
        for name, inner in properties.items():
            problems += strict_problems(inner, f"{where}.{name}", depth + 1)
    if schema.get("type") == "array":
        problems += strict_problems(schema["items"], f"{where}[]", depth + 1)
    return problems


def test_the_schema_is_strict_and_flat() -> None:
    assert strict_problems(plan_schema()) == []


def test_the_strict_validator_sees_what_strict_mode_refuses() -> None:
    schema = plan_schema()
    schema["properties"]["plan"]["items"]["required"].remove("person")
    schema["properties"]["reasoning"] = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert strict_problems(schema) == [
        "root.reasoning: keyword anyOf",
        "root.reasoning: type None",
        "root.plan[]: not every property is required",
    ]


def test_the_schema_names_tools_and_persons_by_enum() -> None:
    fields = plan_schema()["properties"]["plan"]["items"]["properties"]
    assert fields["tool"]["enum"] == [
        "generate_motion",
        "caption_motion",
        "keep_segment",
        "undo",
        "redo",
    ]
    assert fields["person"]["enum"] == [1, 2]
    assert list(fields) == ["tool", "description", "seconds", "motion", "segment", "person"]


def test_openai_and_ollama_clients_take_the_schema() -> None:
    from langchain_ollama import ChatOllama
    from langchain_openai import ChatOpenAI

    ChatOllama(model="m", format=plan_schema())
    model = ChatOpenAI(model="m", api_key="none")
    bound = model.with_structured_output(
        {"title": "motion_plan", "description": "plan", **plan_schema()},
        method="json_schema",
        strict=True,
    )
    assert bound is not None


def test_a_full_plan_is_read_and_written_unchanged() -> None:
    value = {"reasoning": "why", "plan": [WALK, step("keep_segment", segment="s1")]}
    assert json.loads(validate_plan(value).model_dump_json()) == value


def test_absent_fields_have_defaults() -> None:
    plan = validate_plan({"plan": [{"tool": "generate_motion", "description": "a  man\nbows "}]})
    assert plan.plan[0].model_dump() == step(description="a man bows")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({}, "plan is missing"),
        ({"plan": [{"tool": "dance"}]}, "step 1: tool is 'dance'; it must be one of"),
        ({"plan": [step()]}, "step 1: generate_motion needs a description"),
        ({"plan": [step(description="…!")]}, "step 1: generate_motion needs a description"),
        ({"plan": [WALK, step("keep_segment")]}, "step 2: keep_segment needs the segment"),
        ({"plan": [step(description="x" * 301)]}, "has 301 characters, the limit is 300"),
        ({"plan": [step(description="x" * 10_000)]}, "has 10000 characters, the limit is 300"),
        ({"plan": [step(description="a man \bows")]}, "holds a control character"),
        (
            {"plan": [{**WALK, "seconds": -1}]},
            "step 1: seconds is -1: give 0 for no wish, or at most 20",
        ),
        ({"plan": [{**WALK, "seconds": math.inf}]}, "step 1: seconds is inf"),
        ({"plan": [{**WALK, "seconds": math.nan}]}, "step 1: seconds is nan"),
        ({"plan": [{**WALK, "person": 3}]}, "step 1: person is '3'; it must be one of 1 or 2"),
        ({"plan": [{**WALK, "mood": "sad"}]}, "step 1: mood is not a field; the fields are tool"),
        (
            {"plan": [{**WALK, "segment": "../s1"}]},
            "segment is '../s1': a segment is named like s1",
        ),
        ({"plan": [WALK] * 65}, "the plan has 65 steps, the limit is 64"),
        ({"plan": [{**WALK, "seconds": 20}] * 31}, "620 s in all, the limit is 600 s"),
        ({"plan": [WALK, step("undo")]}, "undo or redo must be the only step"),
    ],
)
def test_problems_are_told_in_one_line(value: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidPlanError) as caught:
        validate_plan(value)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.cause == "invalid"


def test_the_longest_allowed_plan_is_allowed() -> None:
    assert len(validate_plan({"plan": [step(description="x" * 300)] * MAX_STEPS}).plan) == 64


def test_every_problem_is_told_not_only_the_first() -> None:
    with pytest.raises(InvalidPlanError) as caught:
        validate_plan({"plan": [step(), {**WALK, "person": 9}]})
    assert "step 1" in str(caught.value)
    assert "step 2" in str(caught.value)


def test_segments_must_exist() -> None:
    plan = validate_plan({"plan": [step("keep_segment", segment="s7")]})
    with pytest.raises(InvalidPlanError, match=r"s7, which does not exist \(there are: s1, s2\)"):
        check_against_timeline(plan, ["s1", "s2"])
    with pytest.raises(InvalidPlanError, match="no motion yet"):
        check_against_timeline(plan, [])


def test_a_segment_is_replaced_by_one_step_only() -> None:
    new = step(description="a person bows", segment="s1")
    plan = Plan.model_validate({"plan": [new, new]})
    with pytest.raises(InvalidPlanError, match="s1 is replaced by two steps"):
        check_against_timeline(plan, ["s1"])
