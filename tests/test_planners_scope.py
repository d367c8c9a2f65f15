"""What a request leaves open, and the schema that is narrowed by it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from fakes import ScriptedChatModel, plan_text, step
from langchain_openai import ChatOpenAI

from motion_agent.agent_graph import MotionAgent
from motion_agent.agent_graph.examples import wants_short_prompts
from motion_agent.agent_graph.narrowing import narrowed_schema
from motion_agent.agent_graph.planners import ChatPlanner, Task, make_planner, read_answer
from motion_agent.agent_graph.scope import scope_of
from motion_agent.motion_core.fake import FakeEngine


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("a person walks", {"steps": 1, "seconds": (), "second_person": False, "talk": False}),
        ("walk, then sit down.", {"steps": 2}),
        ("run, jump, stop and bow", {"steps": 4}),
        ("Zwei Leute winken einander zu.", {"steps": 2, "two": True, "second_person": True}),
        ("turn around two times", {"steps": 1, "two": False, "second_person": False}),
        ("wave with both hands", {"two": False}),
        ("walk for 5 seconds", {"seconds": (5.0,)}),
        ("run for four seconds, then rest for six", {"seconds": (4.0, 6.0)}),
        ("run, then rest for six", {"seconds": (6.0,)}),
        ("hold it for two and sit", {"seconds": (2.0,)}),
        ("a table for two people", {"seconds": ()}),
        ("走五秒钟", {"seconds": (5.0,)}),
        ("walk a long way", {"seconds": None}),
        ("hello", {"only_talk": True, "talk": True}),
        ("¿Qué puedes hacer?", {"only_talk": True}),
        ("can you make him jump?", {"only_talk": False, "talk": True}),
        ("hello, a person walks to the door and waves", {"only_talk": False}),
        ("save it as bow.bvh", {"files": True}),
        ("call it greeting", {"names": True, "files": False}),
        ("open the first one", {"others": True}),
    ],
)
def test_scopes(request_: str, expected: dict[str, Any]) -> None:
    scope = scope_of(request_, tight=True)
    assert {name: getattr(scope, name) for name in expected} == expected


def test_without_the_tight_scope_a_story_may_have_many_steps() -> None:
    scope = scope_of("a day in the life of a clerk")
    assert scope.steps >= 16
    assert not scope.only_talk
    assert not scope_of("two people wave").two


def accepts(schema: dict[str, Any], *steps: dict[str, Any], **more: Any) -> bool:
    value = {"reasoning": "ok", "plan": list(steps), **more}
    return not list(jsonschema.Draft202012Validator(schema).iter_errors(value))


def gen(text: str = "a person walks", **fields: Any) -> dict[str, Any]:
    return {"tool": "generate_motion", "description": text, **fields}


def schema_of(request_: str, **facts: Any) -> dict[str, Any]:
    return narrowed_schema(scope=scope_of(request_, tight=True), **facts)


def test_what_is_impossible_now_cannot_be_written() -> None:
    schema = schema_of("a person walks")
    assert accepts(schema, gen())
    for tool in ("undo", "redo", "start_over", "caption_motion", "keep_segment"):
        assert not accepts(schema, {"tool": tool})
    assert not accepts(schema, {"tool": "open_motion", "motion": "motion 1"})
    assert not accepts(schema, {"tool": "name_motion", "motion": "walk"})
    assert not accepts(schema, gen(), {"tool": "export_motion", "motion": "walk.bvh"})
    assert not accepts(schema, gen(person=2))
    assert not accepts(schema, gen(seconds=3))
    assert not accepts(schema)  # an empty plan for what is no talk
    assert not accepts(schema, *[gen()] * 2)
    assert not accepts(schema, gen("eine Person läuft"))  # descriptions are English
    assert not accepts(schema, gen(), placement=[180, 0, 1])


def test_what_was_told_can_be_written() -> None:
    assert accepts(schema_of("walk for 5 seconds"), gen(seconds=5))
    assert not accepts(schema_of("walk for 5 seconds"), gen(seconds=4))
    assert not accepts(schema_of("walk for 5 seconds"), gen())
    two = schema_of("two people bow")
    assert accepts(two, gen(person=1), gen(person=2), placement=[180, 0, 1])
    assert not accepts(two, gen(person=1))
    assert accepts(schema_of("hi"))
    assert not accepts(schema_of("hi"), gen())
    files = schema_of("What happens in clip.npz?", named=["clip.npz"])
    assert accepts(files, {"tool": "caption_motion", "motion": "clip.npz"})
    assert not accepts(files)
    edit = schema_of("remove the bow", segments=["s1", "s2"], motions=True)
    assert accepts(edit, {"tool": "keep_segment", "segment": "s1"})


def test_an_answer_to_the_person_may_be_in_any_script() -> None:
    schema = schema_of("hallo")
    value = {"reasoning": "Grüß dich! 你好", "plan": []}
    jsonschema.validate(value, schema)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("smollm2-135m-instruct", True),
        ("qwen2.5:0.5b", True),
        ("llama3.2:3b", True),
        ("llama3.1:8b", False),
        ("mixtral-8x7b", False),
        ("gemma2:27b", False),
        ("gpt-4o", False),
        ("gemma3:270m", True),
    ],
)
def test_small_models_get_the_short_prompts(
    name: str, short: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MOTION_AGENT_SHORT_PROMPTS", raising=False)
    model = ChatOpenAI(model=name, api_key="none", base_url="http://127.0.0.1:9")  # type: ignore[arg-type]
    assert wants_short_prompts(model) is short
    monkeypatch.setenv("MOTION_AGENT_SHORT_PROMPTS", "0" if short else "1")
    assert wants_short_prompts(model) is not short


EMPTY = json.dumps({"reasoning": "There is no motion.", "plan": []})


def test_an_empty_plan_for_a_movement_is_doubted_once() -> None:
    walk = plan_text(step(description="a person walks"))
    model = ScriptedChatModel(script=[EMPTY, walk])
    assert len(read_answer(make_planner(model).ask(Task("a person walks"))).plan.plan) == 1
    assert 'If "a person walks" asks for a movement' in model.questions[1][-1].text
    stubborn = ScriptedChatModel(script=[EMPTY, EMPTY])
    assert read_answer(make_planner(stubborn).ask(Task("a person walks"))).plan.empty


def test_an_empty_plan_for_talk_is_not_doubted() -> None:
    model = ScriptedChatModel(script=[EMPTY])
    assert read_answer(make_planner(model).ask(Task("hello there"))).plan.empty


def test_examples_that_need_a_motion_or_a_file_are_shown_where_there_is_one() -> None:
    def prompt(request_: str) -> str:
        planner = ChatPlanner(ScriptedChatModel(script=[]), short=False)
        return planner.messages(Task(request_))[0].text

    assert "The current motion" not in prompt("walk").partition("Examples.")[2]
    assert "clip.bvh" not in prompt("walk")
    assert "clip.bvh" in prompt("what happens in my.bvh?")


def test_a_small_model_is_not_shown_its_bad_answer_again() -> None:
    failed: Any = [{"text": "a bad answer", "error": "no plan", "cause": "no_plan"}]
    for short in (True, False):
        planner = ChatPlanner(ScriptedChatModel(script=[]), short=short)
        text = planner.messages(Task("walk", failed=failed))[-1].text
        assert ("a bad answer" in text) is not short
        assert "no plan" in text


def test_a_file_that_is_not_there_is_found_out_before_anything_is_made() -> None:
    both = plan_text(
        step(description="a person walks"), step("caption_motion", motion="nothing.npz")
    )
    only = plan_text(step(description="a person walks"))
    model = ScriptedChatModel(script=[both, only, "Done."])
    turn = MotionAgent(model, engine=FakeEngine()).run("walk, and what is in nothing.npz?")
    assert turn.motion is not None
    assert [event.kind for event in turn.events].index("ask_again") == 0
    assert "nothing.npz" in model.questions[1][-1].text
