"""Thinking models, and every way in which an answer can end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from fakes import ScriptedChatModel, Server, ollama_server, openai_server, plan_text, step
from langchain_core.messages import AIMessage
from langchain_ollama import ChatOllama

from motion_agent.agent_graph import MotionAgent
from motion_agent.agent_graph.answers import Answer, answer_from
from motion_agent.agent_graph.plan import InvalidPlanError
from motion_agent.agent_graph.planners import ChatPlanner, Task, make_planner, read_answer
from motion_agent.agent_graph.providers import TransientError, explain_failure
from motion_agent.motion_core.errors import ConfigurationError
from motion_agent.motion_core.fake import FakeEngine

WALK = plan_text(step(description="a person walks forward"))
DRAFT = plan_text(step(description="a person flies"))


@pytest.fixture
def openai(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with openai_server() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        yield server


@pytest.fixture
def ollama(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with ollama_server() as server:
        server.capabilities = ["completion", "thinking"]
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        yield server


def planned(answer: Answer) -> str:
    return read_answer(answer).plan.plan[0].description


def cause_of(answer: Answer) -> str:
    with pytest.raises(InvalidPlanError) as caught:
        read_answer(answer)
    return caught.value.cause


def test_a_model_that_can_think_is_asked_for_the_plan_alone(ollama: Server) -> None:
    ollama.answers = [WALK, WALK]
    planner = make_planner("ollama:qwen3:8b")
    for _ in range(2):
        assert planned(planner.ask(Task("walk"))) == "a person walks forward"
    assert [request["think"] for request in ollama.requests] == [False, False]


def test_a_model_that_cannot_think_is_not_asked_about_it(ollama: Server) -> None:
    ollama.capabilities = ["completion"]
    ollama.answers = [WALK]
    make_planner("ollama:llama3.1:8b").ask(Task("walk"))
    assert ollama.requests[0].get("think") is None


def test_where_ollama_does_not_tell_the_empty_answer_does(ollama: Server) -> None:
    ollama.capabilities = None
    ollama.answers = [{"content": "", "thinking": WALK}, WALK, WALK]
    planner = make_planner("ollama:qwen3:8b", tries=1)
    assert planned(planner.ask(Task("walk"))) == "a person walks forward"
    planner.ask(Task("walk"))
    assert [request.get("think") for request in ollama.requests] == [None, False, False]


def test_the_plan_is_read_from_the_thoughts_where_nothing_stops_them(ollama: Server) -> None:
    ollama.answers = [{"content": "", "thinking": WALK}] * 2  # gpt-oss thinks whatever it is told
    answer = make_planner("ollama:gpt-oss:20b").ask(Task("walk"))
    assert read_answer(answer).rung == "thoughts"
    assert planned(answer) == "a person walks forward"
    assert [request["think"] for request in ollama.requests] == [False, True]
    assert (answer.input_tokens, answer.output_tokens) == (180, 40)  # of both answers


def test_thoughts_that_do_not_end_with_a_plan_are_not_the_answer(ollama: Server) -> None:
    musing = f"Perhaps {DRAFT}? No, that is too wild."
    ollama.answers = [{"content": "", "thinking": musing}] * 2
    answer = make_planner("ollama:gpt-oss:20b").ask(Task("walk"))
    assert cause_of(answer) == "thoughts"
    ollama.answers = [{"content": WALK, "thinking": DRAFT}]
    assert planned(make_planner("ollama:qwen3:8b").ask(Task("walk"))).endswith("forward")


def test_thoughts_that_use_up_the_answer_are_truncation_and_nobodys_words(ollama: Server) -> None:
    ollama.answers = [{"content": "", "thinking": DRAFT, "reason": "length"}] * 9
    turn = MotionAgent("ollama:qwen3:8b", engine=FakeEngine()).run("a person walks")
    assert turn.error is not None
    assert "simpler words" not in turn.error
    assert "length limit before anything but thoughts" in turn.error


def test_a_person_is_told_that_the_model_only_thinks(ollama: Server) -> None:
    ollama.answers = [{"content": "", "thinking": "Let me see."}] * 9
    turn = MotionAgent("ollama:qwen3:8b", engine=FakeEngine()).run("a person walks")
    assert turn.error is not None
    assert "simpler words" not in turn.error
    assert "MOTION_AGENT_THINKING=off" in turn.error


@pytest.mark.parametrize(("setting", "think"), [("on", True), ("off", False)])
def test_thinking_can_be_set(
    ollama: Server, monkeypatch: pytest.MonkeyPatch, setting: str, think: bool
) -> None:
    monkeypatch.setenv("MOTION_AGENT_THINKING", setting)
    ollama.answers = [WALK]
    make_planner("ollama:qwen3:8b").ask(Task("walk"))
    assert ollama.requests[0]["think"] is think


def test_what_the_host_has_set_stays(ollama: Server) -> None:
    ollama.answers = [WALK]
    ChatPlanner(ChatOllama(model="gpt-oss", reasoning="low")).ask(Task("walk"))
    assert ollama.requests[0]["think"] == "low"


def test_a_wrong_setting_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTION_AGENT_THINKING", "sometimes")
    with pytest.raises(ConfigurationError, match="is 'sometimes'; set it to auto, on or off"):
        make_planner("ollama:qwen3:8b")


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thoughts_of_other_servers_are_read_too(openai: Server, field: str) -> None:
    openai.answers = [{"content": "", field: WALK}]
    answer = make_planner("openai:local").ask(Task("walk"))
    assert (read_answer(answer).rung, planned(answer)) == ("thoughts", "a person walks forward")


def test_other_servers_are_asked_again_without_thinking(openai: Server) -> None:
    openai.answers = [{"content": "", "reasoning_content": "Hm."}, WALK, WALK]
    planner = make_planner("openai:local", tries=1)
    planner.ask(Task("walk"))
    planner.ask(Task("walk"))
    templates = [request.get("chat_template_kwargs") for request in openai.requests]
    assert templates == [None, {"enable_thinking": False}, {"enable_thinking": False}]


def test_a_server_that_refuses_to_be_told_is_asked_as_before(ollama: Server) -> None:
    ollama.answers = [(400, {"error": '"m" does not support thinking'}), WALK]
    answer = make_planner("ollama:m").ask(Task("walk"))
    assert planned(answer) == "a person walks forward"


def responses(status: str, reason: str | None = None, content: Any = ()) -> Answer:
    details = {"reason": reason} if reason else None
    facts = {"status": status, "incomplete_details": details}
    return answer_from(AIMessage(content=list(content), response_metadata=facts))


@pytest.mark.parametrize(
    ("answer", "stop", "cause"),
    [
        (responses("completed"), "end", "empty"),
        (responses("incomplete", "max_output_tokens"), "length", "truncated"),
        (responses("incomplete", "content_filter"), "filter", "filtered"),
        (responses("incomplete"), "unfinished", "unfinished"),
        (responses("failed"), "failed", "failed"),
        (responses("cancelled"), "cancelled", "cancelled"),
        (responses("in_progress"), "unfinished", "unfinished"),
        (
            responses("completed", content=[{"type": "refusal", "refusal": "No."}]),
            "refusal",
            "refused",
        ),
    ],
)
def test_each_way_of_ending_of_the_responses_api_has_its_own_cause(
    answer: Answer, stop: str, cause: str
) -> None:
    assert answer.stop == stop
    assert cause_of(answer) == cause


def test_a_failed_response_is_a_passing_failure_where_it_may_pass() -> None:
    def failure(code: str) -> Exception:
        return explain_failure(ValueError(SimpleNamespace(code=code, message="oh")), "openai:o")

    assert isinstance(failure("server_error"), TransientError)
    assert isinstance(failure("invalid_prompt"), ConfigurationError)
    assert "invalid_prompt: oh" in str(failure("invalid_prompt"))


def test_why_an_answer_ended_is_in_the_re_ask_and_in_every_attempt() -> None:
    cut = AIMessage(WALK[:-20], response_metadata={"finish_reason": "length"})
    model = ScriptedChatModel(script=[cut, WALK, "Done."])
    agent = MotionAgent(model, engine=FakeEngine())
    agent.run("walk")
    assert "(the answer ended: length)" in model.questions[1][-1].text
    state = agent.graph.get_state({"configurable": {"thread_id": "default"}}).values
    assert [attempt["stop"] for attempt in state["turn"]["attempts"]] == ["length", ""]


def test_a_planner_that_is_down_gives_way_to_the_fallback(openai: Server) -> None:
    openai.answers = [(503, {"error": {"message": "overloaded"}})] * 3
    spare = ScriptedChatModel(script=[WALK])
    turn = MotionAgent("openai:local", fallback=spare, engine=FakeEngine()).run("walk")
    assert turn.motion is not None
    assert len(openai.requests) == 4  # three times for the plan, once for the words of the reply
    assert any(event.data.get("cause") == "unavailable" for event in turn.events)


def test_a_fallback_is_asked_as_often_as_any_planner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    spare = ScriptedChatModel(script=["No plan.", WALK])
    turn = MotionAgent("ollama:m", fallback=spare, engine=FakeEngine()).run("walk")
    assert turn.motion is not None
    assert "there is no plan" in spare.questions[1][-1].text


BAD = step(description="")
TWO = [step(description="a person walks"), BAD, step(description="a person bows")]


def mended(*answers: str) -> tuple[list[str], ScriptedChatModel]:
    model = ScriptedChatModel(script=[plan_text(*TWO), *answers, "Done."])
    turn = MotionAgent(model, engine=FakeEngine()).run("walk, jump, bow")
    assert turn.plan is not None, turn.error
    return [part["description"] for part in turn.plan["plan"]], model


def test_only_the_wrong_step_is_asked_again() -> None:
    steps, model = mended(plan_text(step(description="a person jumps")))
    assert steps == ["a person walks", "a person jumps", "a person bows"]
    text = model.questions[1][-1].text
    assert "Write step 2 again, and no other step" in text
    assert text.count("<- wrong") == 1


def test_a_corrected_step_may_be_wrong_again_and_no_step_is_lost() -> None:
    steps, _ = mended(plan_text(BAD), json.dumps(step(description="a person jumps")))
    assert steps == ["a person walks", "a person jumps", "a person bows"]


def test_a_planner_that_repeats_the_whole_plan_is_understood() -> None:
    whole = [TWO[0], step(description="a person hops"), TWO[2]]
    steps, _ = mended(plan_text(*whole))
    assert steps == ["a person walks", "a person hops", "a person bows"]


def test_too_many_corrected_steps_are_no_guess() -> None:
    two = plan_text(step(description="a person jumps"), step(description="a person hops"))
    whole = plan_text(TWO[0], step(description="a person jumps"), TWO[2])
    steps, model = mended(two, whole)
    assert steps == ["a person walks", "a person jumps", "a person bows"]
    assert "1 corrected step expected, but" in model.questions[2][-1].text
