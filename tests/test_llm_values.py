"""Arguments in the wrong wrapping: opened where their content is certain, refused elsewhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from langchain_core.tools import BaseTool

from motion_agent.agent_graph.parsing import parse_plan
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.llm_values import (
    json_inside,
    unquoted,
    unwrapped_list,
    unwrapped_object,
)
from motion_agent.tools import call_tool, motion_tools

TEXTS = ["a person walks forward", "a person bows"]


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def tools(engine: FakeEngine) -> list[BaseTool]:
    return motion_tools(engine)


def descriptions(engine: FakeEngine) -> list[str]:
    return [request.description for batch in engine.generated[:1] for request in batch]


@pytest.mark.parametrize(
    "value",
    [
        TEXTS,
        json.dumps(TEXTS),
        json.dumps(json.dumps(TEXTS)),
        [json.dumps(TEXTS)],
        "['a person walks forward', 'a person bows']",
        f"  {json.dumps(TEXTS)}  ",
    ],
)
def test_a_list_is_read_from_a_text(tools: list[BaseTool], engine: FakeEngine, value: Any) -> None:
    answer = call_tool("generate_motion", {"descriptions": value}, tools)
    assert answer.startswith("Made motion"), answer
    assert descriptions(engine) == TEXTS


@pytest.mark.parametrize("value", ["a person bows", '"a person bows"', ['"a person bows"']])
def test_one_description_needs_no_list(
    tools: list[BaseTool], engine: FakeEngine, value: Any
) -> None:
    assert call_tool("generate_motion", {"descriptions": value}, tools).startswith("Made motion")
    assert [text.strip('"') for text in descriptions(engine)] == ["a person bows"]


@pytest.mark.parametrize("value", ["[]", "null", "", [], '"[]"', ["[]"]])
def test_an_empty_list_is_refused(tools: list[BaseTool], engine: FakeEngine, value: Any) -> None:
    answer = call_tool("generate_motion", {"descriptions": value}, tools)
    assert answer.startswith("wrong arguments: descriptions"), answer
    assert engine.generated == []


def test_a_damaged_list_is_refused_and_not_one_description(
    tools: list[BaseTool], engine: FakeEngine
) -> None:
    answer = call_tool("generate_motion", {"descriptions": '["a person walks", "a per'}, tools)
    assert "a list written as text, and damaged" in answer
    assert engine.generated == []


@pytest.mark.parametrize("times", [1, 2, 3])
def test_arguments_may_be_encoded_several_times(tools: list[BaseTool], times: int) -> None:
    arguments: Any = {"descriptions": TEXTS}
    for _ in range(times):
        arguments = json.dumps(arguments)
    assert call_tool("generate_motion", arguments, tools).startswith("Made motion")


@pytest.mark.parametrize("key", ["arguments", "args", "parameters", "input"])
def test_arguments_may_be_in_an_object_of_their_own(tools: list[BaseTool], key: str) -> None:
    for inner in ({"descriptions": TEXTS}, json.dumps({"descriptions": TEXTS})):
        assert call_tool("generate_motion", {key: inner}, tools).startswith("Made motion")


@pytest.mark.parametrize("nothing", ["", "null", "None", "undefined", None])
def test_nothing_is_left_out(tools: list[BaseTool], engine: FakeEngine, nothing: Any) -> None:
    call_tool("generate_motion", {"descriptions": TEXTS, "seconds": nothing, "seed": 0}, tools)
    assert {request.seconds for request in engine.generated[0]} == {None}


def test_a_motion_id_in_quotes_is_found(tools: list[BaseTool]) -> None:
    answer = call_tool("generate_motion", {"descriptions": TEXTS}, tools)
    motion_id = answer.split()[2].strip(",")
    shown = call_tool("caption_motion", {"motion": f'"{motion_id}"'}, tools)
    assert shown.startswith(f"Motion {motion_id}")


@pytest.mark.parametrize("text", ["7", "true", '"words"', "words", "{", "[1", ""])
def test_what_holds_no_list_or_object_is_none(text: str) -> None:
    assert json_inside(text) is None


def test_words_in_quotes_stay_words() -> None:
    assert unquoted('he said "stop"') == 'he said "stop"'
    assert unquoted('"stop" he said "now"') == '"stop" he said "now"'
    assert unwrapped_list("(a person bows)") == ["(a person bows)"]


@pytest.mark.parametrize(
    "read", [json_inside, lambda text: unwrapped_object(text, {})], ids=["value", "object"]
)
@pytest.mark.parametrize(
    "text", ['{"motion": "a", "motion": "b"}', "{'motion': 'a', 'motion': 'b'}"]
)
def test_an_object_with_a_key_twice_is_not_read(read: Any, text: str) -> None:
    assert read(text) in (None, text)


@pytest.mark.parametrize("seconds", ["4", "4 s", "4.0 seconds", "4000 ms", " 4 "])
def test_numbers_lose_their_units(tools: list[BaseTool], engine: FakeEngine, seconds: str) -> None:
    """In plans as in tool arguments."""
    call_tool("generate_motion", {"descriptions": TEXTS, "seconds": seconds}, tools)
    assert {request.seconds for request in engine.generated[0]} == {4.0}
    step = {"tool": "generate_motion", "description": "a person bows", "seconds": seconds}
    assert parse_plan(json.dumps({"plan": [step], "reasoning": ""})).plan.plan[0].seconds == 4.0


@pytest.mark.parametrize("encode", [json.dumps, str, lambda value: json.dumps(json.dumps(value))])
def test_a_plan_and_tool_arguments_open_the_same_wrappings(
    tools: list[BaseTool], engine: FakeEngine, encode: Any
) -> None:
    call_tool("generate_motion", {"descriptions": encode(TEXTS)}, tools)
    plan = parse_plan(json.dumps({"plan": encode(TEXTS), "reasoning": ""})).plan
    assert [step.description for step in plan.plan] == descriptions(engine) == TEXTS


def test_a_word_for_nothing_is_nothing_in_a_plan_too() -> None:
    step = {"tool": "generate_motion", "description": "a person bows"}
    nothing = {"seconds": "null", "motion": "None", "segment": "undefined", "person": ""}
    assert parse_plan(json.dumps({"plan": [step | nothing], "reasoning": ""})) == parse_plan(
        json.dumps({"plan": [step], "reasoning": ""})
    )
