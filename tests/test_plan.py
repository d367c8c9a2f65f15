"""The plan: its schema fits the providers, its limits hold, its errors can be acted on."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest
from fakes import step

from motion_agent.agent_graph.narrowing import narrowed_schema
from motion_agent.agent_graph.plan import (
    MAX_STEPS,
    TOOLS,
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
    assert fields["tool"]["enum"] == list(TOOLS)
    assert len(TOOLS) == 10
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
    steps = [WALK, step("keep_segment", segment="s1"), step("export_motion", motion="a.bvh")]
    value = {"reasoning": "why", "plan": steps, "placement": [180.0, 0.0, 1.0]}
    assert json.loads(validate_plan(value).model_dump_json()) == value


def test_absent_fields_have_defaults() -> None:
    plan = validate_plan({"plan": [{"tool": "generate_motion", "description": "a  man\nbows "}]})
    assert plan.plan[0].model_dump() == step(description="a man bows")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "plan is missing"),
        ({"plan": [{"tool": "dance"}]}, "step 1: tool is 'dance'; it must be one of"),
        ({"plan": [step()]}, "step 1: generate_motion needs a description"),
        ({"plan": [step(description="…!")]}, "step 1: generate_motion needs a description"),
        ({"plan": [WALK, step("keep_segment")]}, "step 2: keep_segment needs the segment"),
        ({"plan": [step(description="x" * 301)]}, "has 301 characters, the limit is 300"),
        ({"plan": [step(description="x" * 10_000)]}, "has 10000 characters, the limit is 300"),
        ({"plan": [step(description="a man \bows")]}, "holds a control character"),
        ({"plan": [step(description="a man \\u0062ows")]}, "or a backslash: write plain text"),
        ({"plan": [step(description="a man \ud83d bows")]}, "holds a control character"),
        ({"plan": [step("open_motion")]}, "open_motion needs the field motion: the name or id"),
        ({"plan": [step("name_motion")]}, "name_motion needs the field motion: the new name"),
        ({"plan": [step("export_motion")]}, "export_motion needs the field motion: the name of"),
        ({"plan": [WALK, step("start_over")]}, "start_over must be the first step of a plan"),
        (
            {"plan": [WALK, step("open_motion", motion="motion 1")]},
            "open_motion must be the first step of a plan, not step 2",
        ),
        ({"plan": [step("name_motion", motion="a")] * 2}, "a plan can give one name"),
        ({"plan": [], "placement": [180, 0]}, "a placement has three numbers"),
        ({"plan": [], "placement": [180, 0, math.inf]}, "is no angle and two distances"),
        ({"plan": [], "placement": [180, 0, 50]}, "is 50 m away; the limit is 20 m"),
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
            "segment is '../s1': a segment id looks like s1",
        ),
        ({"plan": [WALK] * 65}, "the plan has 65 steps, the limit is 64"),
        ({"plan": [{**WALK, "seconds": 20}] * 31}, "620 s in all, the limit is 600 s"),
        ({"plan": [WALK, step("undo")]}, "undo or redo must be the only step"),
    ],
)
def test_problems_are_told_in_one_line(value: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidPlanError) as caught:
        validate_plan(value)
    assert message in str(caught.value)
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


def kinds(schema: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The kinds of steps of a narrowed schema, by tool."""
    found: dict[str, list[dict[str, Any]]] = {}
    plans = schema["properties"]["plan"]
    for plan in plans.get("anyOf", [plans]):
        for kind in plan["items"]["anyOf"]:
            found.setdefault(kind["properties"]["tool"]["enum"][0], []).append(kind)
    return found


def test_the_narrowed_schema_has_only_what_is_possible() -> None:
    empty = kinds(narrowed_schema())
    assert set(empty) == {"generate_motion", "export_motion", "name_motion"}
    assert "segment" not in empty["generate_motion"][0]["properties"]
    full = kinds(narrowed_schema(["s1", "s3"], motions=True))
    assert set(full) == set(TOOLS)
    assert full["keep_segment"][0]["properties"]["segment"]["enum"] == ["s1", "s3"]
    assert full["generate_motion"][0]["properties"]["segment"]["enum"] == ["s1", "s3"]


def test_the_narrowed_schema_leaves_less_room_after_each_failure() -> None:
    def most(failed: int) -> tuple[int, int]:
        schema = narrowed_schema(failed=failed)
        plans = schema["properties"]["plan"]
        steps = plans.get("anyOf", [plans])[0]["maxItems"]
        text = kinds(schema)["generate_motion"][0]["properties"]["description"]["pattern"]
        return steps, int(text.rpartition(",")[2].rstrip("}$")) + 1

    assert [most(failed) for failed in (0, 1, 2, 5)] == [(64, 300), (16, 120), (6, 80), (6, 80)]
    assert "open_motion" not in kinds(narrowed_schema(failed=1))
    again = kinds(narrowed_schema(named=["walk.bvh"], failed=1))
    assert again["open_motion"][0]["properties"]["motion"]["enum"] == ["walk.bvh"]


@pytest.mark.parametrize("failed", [0, 1, 2])
def test_every_kind_of_the_narrowed_schema_is_a_valid_step(failed: int) -> None:
    schema = narrowed_schema(["s1"], motions=True, named=["a.bvh"], failed=failed)
    for tool, variants in kinds(schema).items():
        for kind in variants:
            fields: dict[str, Any] = {"tool": tool}
            for name in kind["required"][1:]:
                field = kind["properties"][name]
                fields[name] = field["enum"][0] if "enum" in field else "a person"
                if "pattern" in field:
                    assert re.fullmatch(field["pattern"], fields[name])
                    assert not re.fullmatch(field["pattern"], "")
                    assert not re.fullmatch(field["pattern"], 'a "b" c')
                    assert not re.fullmatch(field["pattern"], "...")
            check_against_timeline(validate_plan({"plan": [fields]}), ["s1"])
