"""Plans that a model hands over by calling functions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fakes import ScriptedChatModel, Server
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage
from planner_servers import WALK, ollama, openai

from motion_agent.agent_graph.narrowing import narrowed_schema
from motion_agent.agent_graph.plan import InvalidPlanError, plan_schema
from motion_agent.agent_graph.planners import ChatPlanner, Task, make_planner, read_answer
from motion_agent.agent_graph.scope import scope_of
from motion_agent.motion_core.errors import ConfigurationError

__all__ = ["ollama", "openai"]  # fixtures


def test_native_tools_of_openai_hand_over_the_plan(openai: Server) -> None:
    openai.answers = [{"calls": [("motion_plan", WALK)]}]
    answer = make_planner("openai:local", strategy="tools").ask(Task("walk"))
    assert read_answer(answer).plan.plan[0].description == "a person walks forward"
    request = openai.requests[0]
    assert [t["function"]["name"] for t in request["tools"]] == ["motion_plan"]
    assert request["tools"][0]["function"]["parameters"] == narrowed_schema(scope=scope_of("walk"))
    assert request["tool_choice"] == "required"
    assert "response_format" not in request


def test_native_tools_of_ollama_hand_over_the_plan(ollama: Server) -> None:
    ollama.answers = [{"calls": [("motion_plan", json.loads(WALK))]}]
    answer = make_planner("ollama:llama3.1:8b", strategy="tools").ask(Task("walk"))
    assert read_answer(answer).plan.plan[0].description == "a person walks forward"
    assert ollama.requests[0]["tools"][0]["function"]["name"] == "motion_plan"
    assert not ollama.requests[0].get("format")


def test_parallel_calls_of_the_steps_themselves_are_read_in_order(openai: Server) -> None:
    openai.answers = [
        {
            "calls": [
                ("keep_segment", '{"segment": "s1"}'),
                ("generate_motion", '{"description": "a man bows", "seconds": 2}'),
                ("generate_motion", '{"text": "a man waves"}'),
            ]
        }
    ]
    plan = read_answer(make_planner("openai:local", strategy="tools").ask(Task("bow"))).plan
    assert [(s.tool, s.segment, s.description) for s in plan.plan] == [
        ("keep_segment", "s1", ""),
        ("generate_motion", "", "a man bows"),
        ("generate_motion", "", "a man waves"),
    ]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"calls": [("motion_plan", WALK)], "content": WALK}, "beside the function call"),
        ({"calls": [("motion_plan", WALK)] * 2}, "2 functions were called; call motion_plan once"),
        ({"calls": [("keep_segment", '{"segment": "s1"}'), ("undo", "{]")]}, "order of the steps"),
        ({"calls": [("motion_plan", WALK[:-30])]}, "stops before the plan is complete"),
        ({"calls": [("fly", "{}")]}, "there is no"),
        ({"calls": [("motion_plan", "{}")]}, "there is no plan in the answer"),
    ],
)
def test_calls_that_are_no_plan_are_refused(
    openai: Server, parts: dict[str, Any], message: str
) -> None:
    openai.answers = [parts]
    with pytest.raises(InvalidPlanError, match=message):
        read_answer(make_planner("openai:local", strategy="tools").ask(Task("walk")))


def test_arguments_that_are_nearly_json_are_read(openai: Server) -> None:
    openai.answers = [
        {"calls": [("motion_plan", WALK.replace("}]", "},]"))]},
        {"calls": [("generate_motion", f"{{description: 'a man {verb}'}}") for verb in ("a", "b")]},
    ]
    planner = make_planner("openai:local", strategy="tools")
    assert read_answer(planner.ask(Task("walk"))).rung == "lenient"
    plan = read_answer(planner.ask(Task("walk"))).plan
    assert [step.description for step in plan.plan] == ["a man a", "a man b"]


def test_words_instead_of_a_call_go_to_the_ladder() -> None:
    model = ScriptedChatModel(script=[AIMessage(f"Sure: {WALK}")])
    planner = make_planner(model, strategy="tools")
    assert read_answer(planner.ask(Task("walk"))).rung == "embedded"
    assert model.bound[0]["tools"][0]["function"]["parameters"] == plan_schema()
    assert "call the function motion_plan once" in model.questions[0][0].text


def test_words_beside_a_call_that_are_no_steps_do_no_harm() -> None:
    call = {"name": "motion_plan", "args": json.loads(WALK), "id": "c1"}
    model = ScriptedChatModel(script=[AIMessage("Here is the plan.", tool_calls=[call])])
    answer = make_planner(model, strategy="tools").ask(Task("walk"))
    assert read_answer(answer).rung == "json"


def test_a_model_without_tools_is_told() -> None:
    with pytest.raises(ConfigurationError, match="FakeListChatModel cannot call tools"):
        ChatPlanner(FakeListChatModel(responses=[]), strategy="tools")
