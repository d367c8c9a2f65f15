"""Planner strings and chat models, driven through the real clients against loopback servers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fakes import (
    ScriptedChatModel,
    Server,
    broken_off,
    busy,
    half_json,
    late,
    ollama_server,
    openai_server,
    plan_text,
    reset,
    step,
)
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI

from motion_agent.agent_graph import MotionAgent, planners
from motion_agent.agent_graph.narrowing import narrowed_schema
from motion_agent.agent_graph.parsing import parse_plan
from motion_agent.agent_graph.plan import InvalidPlanError, plan_schema, validate_plan
from motion_agent.agent_graph.planners import Answer, ChatPlanner, Task, make_planner, read_answer
from motion_agent.agent_graph.providers import TransientError
from motion_agent.agent_graph.scope import scope_of
from motion_agent.motion_core.errors import ConfigurationError, UnavailableError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.motion import Segment
from motion_agent.motion_core.timeline import Timeline

WALK = plan_text(step(description="a person walks forward"))
WALKING = Timeline(
    "motion 1", (Segment("s1", "a man walks", (1,) * 10, seed=1),), 2, {1: "m-abcdef"}
)


@pytest.fixture
def openai(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with openai_server() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        monkeypatch.delenv("OPENAI_API_KEY", raising=False)
        yield server


@pytest.fixture
def ollama(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with ollama_server() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        yield server


def openai_proper(server: Server) -> ChatOpenAI:
    """A client that believes it talks to api.openai.com."""

    class ToLoopback(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            assert request.url.host == "api.openai.com"
            request.url = httpx.URL(server.url).copy_with(path=request.url.path)
            return super().handle_request(request)

    return ChatOpenAI(
        model="gpt-4o",
        api_key="sk-test",
        base_url="https://api.openai.com/v1",
        max_retries=0,
        http_client=httpx.Client(transport=ToLoopback()),
    )


def test_openai_gets_the_same_strict_schema_each_time(openai: Server) -> None:
    openai.answers = [WALK, WALK]
    planner = ChatPlanner(openai_proper(openai), name="openai:gpt-4o")
    answer = planner.ask(Task("walk"))
    planner.ask(Task("bow", timeline=WALKING))
    assert read_answer(answer).rung == "json"
    assert (answer.input_tokens, answer.output_tokens) == (120, 30)
    request = openai.requests[0]
    assert request["path"] == "/v1/chat/completions"
    assert request["model"] == "gpt-4o"
    assert request["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "motion_plan", "strict": True, "schema": plan_schema()},
    }
    assert [m["role"] for m in request["messages"]] == ["system", "user"]
    assert openai.requests[1]["response_format"] == request["response_format"]


def test_other_servers_of_the_protocol_get_a_schema_of_what_is_possible_now(
    openai: Server,
) -> None:
    openai.answers = [WALK, WALK]
    planner = make_planner("openai:local")
    planner.ask(Task("walk"))
    planner.ask(Task("bow", timeline=WALKING))
    first, second = (r["response_format"]["json_schema"] for r in openai.requests)
    assert first["schema"] == narrowed_schema(scope=scope_of("walk"))
    bow = scope_of("bow", segments=1)
    assert second["schema"] == narrowed_schema(["s1"], motions=True, scope=bow)
    assert first["strict"] is False  # fields may be left out


def test_openai_uses_the_key_of_the_environment(
    openai: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    openai.answers = [WALK]
    make_planner("openai:gpt-4o").ask(Task("walk"))
    assert openai.headers[0]["authorization"] == "Bearer sk-test"


def test_an_openai_refusal_is_a_refusal(openai: Server) -> None:
    openai.answers = [{"content": None, "refusal": "I will not."}]
    answer = make_planner("openai:gpt-4o").ask(Task("walk"))
    assert answer.refusal == "I will not."


def test_an_openai_length_stop_is_truncation(openai: Server) -> None:
    openai.answers = [{"content": WALK[:-40], "finish": "length"}]
    answer = make_planner("openai:gpt-4o").ask(Task("walk"))
    assert answer.truncated
    with pytest.raises(InvalidPlanError) as caught:
        parse_plan(answer.text, truncated=answer.truncated)
    assert caught.value.cause == "truncated"


def test_ollama_gets_the_schema_as_format(ollama: Server) -> None:
    ollama.answers = [WALK]
    answer = make_planner("ollama:llama3.1:8b").ask(Task("walk"))
    assert parse_plan(answer.text).rung == "json"
    assert (answer.input_tokens, answer.output_tokens) == (90, 20)
    request = ollama.requests[0]
    assert request["path"] == "/api/chat"
    assert request["model"] == "llama3.1:8b"
    assert request["format"] == narrowed_schema(scope=scope_of("walk"))
    assert request["options"]["num_ctx"] == 8192
    assert request["options"]["num_predict"] == 8192  # a model that loops comes to an end


def test_an_ollama_length_stop_is_truncation(ollama: Server) -> None:
    ollama.answers = [{"content": WALK[:50], "reason": "length"}]
    assert make_planner("ollama:llama3.1:8b").ask(Task("walk")).truncated


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (401, ConfigurationError, "refuses the key"),
        (404, ConfigurationError, "no such model"),
        (400, ConfigurationError, "bad things"),
        (429, TransientError, "failed (429"),
        (500, TransientError, "failed (500"),
        (503, TransientError, "failed (503"),
    ],
)
def test_failures_of_openai_are_told_in_one_line(
    openai: Server, status: int, kind: type[Exception], message: str
) -> None:
    openai.answers = [(status, {"error": {"message": "bad things\nhappen"}})]
    with pytest.raises(kind) as caught:
        make_planner("openai:gpt-4o").ask(Task("walk"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(openai.requests) == 1  # retries are the graph's matter


def test_a_server_that_takes_no_schema_gets_words(openai: Server) -> None:
    refusal = {"error": {"message": "response_format of type 'json_schema' is not supported"}}
    openai.answers = [(400, refusal), (400, refusal), WALK, WALK]
    planner = make_planner("openai:local")
    assert parse_plan(planner.ask(Task("walk")).text).rung == "json"
    planner.ask(Task("walk"))
    formats = [request.get("response_format") for request in openai.requests]
    assert [f and f["json_schema"]["strict"] for f in formats] == [False, True, None, None]


def test_the_strategy_schema_does_not_fall_back_to_words(openai: Server) -> None:
    openai.answers = [(400, {"error": {"message": "json_schema is not supported"}})] * 2
    with pytest.raises(ConfigurationError, match="the JSON schema is refused"):
        make_planner("openai:local", strategy="schema").ask(Task("walk"))
    assert len(openai.requests) == 2


def test_a_missing_ollama_model_says_how_to_get_it(ollama: Server) -> None:
    ollama.answers = [(404, {"error": "model 'm' not found"})]
    with pytest.raises(ConfigurationError, match=r"ollama pull llama3.1:8b"):
        make_planner("ollama:llama3.1:8b").ask(Task("walk"))


@pytest.mark.parametrize("name", ["openai:gpt-4o", "ollama:llama3.1:8b"])
def test_an_unreachable_server_is_told_with_its_address(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    with pytest.raises(UnavailableError, match=r"no server answers at http://127.0.0.1:9"):
        make_planner(name).ask(Task("walk"))


@pytest.mark.parametrize("fault", [reset, broken_off, half_json, late(1.5), busy(0)])
def test_faults_on_the_way_are_passing_failures_of_openai(
    openai: Server, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTION_AGENT_TIMEOUT", "1")
    openai.answers = [fault, WALK]
    planner = make_planner("openai:local")
    with pytest.raises(TransientError, match="openai:local") as caught:
        planner.ask(Task("walk"))
    assert "\n" not in str(caught.value)
    assert len(read_answer(planner.ask(Task("walk"))).plan.plan) == 1
    assert len(openai.requests) == 2


@pytest.mark.parametrize("fault", [reset, broken_off, {"content": WALK, "lines": 2}, late(1.5)])
def test_faults_on_the_way_are_passing_failures_of_ollama(
    ollama: Server, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTION_AGENT_TIMEOUT", "1")
    ollama.answers = [fault, WALK]
    planner = make_planner("ollama:llama3.1:8b")
    with pytest.raises(TransientError, match=r"ollama:llama3\.1:8b") as caught:
        planner.ask(Task("walk"))
    assert "\n" not in str(caught.value)
    assert len(read_answer(planner.ask(Task("walk"))).plan.plan) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_overloaded_ollama_is_a_passing_failure(ollama: Server, status: int) -> None:
    ollama.answers = [(status, {"error": "server busy, please try again"})]
    with pytest.raises(TransientError, match=rf"failed \({status}"):
        make_planner("ollama:llama3.1:8b").ask(Task("walk"))


def test_a_server_that_asks_for_time_is_given_it(
    openai: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    openai.answers = [busy(20), WALK]
    planner = make_planner("openai:local")
    with pytest.raises(TransientError) as caught:
        planner.ask(Task("walk"))
    assert caught.value.retry_after == 20
    waits: list[float] = []
    clock = SimpleNamespace(**{**vars(time), "sleep": waits.append})
    monkeypatch.setattr(planners, "time", clock)
    planner.ask(Task("walk"))
    assert any(0 < wait <= 20 for wait in waits)


def test_a_wrong_number_in_the_environment_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTION_AGENT_TIMEOUT", "soon")
    with pytest.raises(ConfigurationError, match="MOTION_AGENT_TIMEOUT is 'soon'; set it to a"):
        make_planner("ollama:llama3.1:8b")


def test_an_openai_content_filter_is_a_refusal(openai: Server) -> None:
    openai.answers = [{"content": "", "finish": "content_filter"}]
    answer = make_planner("openai:gpt-4o").ask(Task("walk"))
    with pytest.raises(InvalidPlanError, match="content filter") as caught:
        read_answer(answer)
    assert caught.value.cause == "filtered"


def test_a_prompt_that_ollama_cut_is_an_error(
    ollama: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTION_AGENT_NUM_CTX", "6000")
    ollama.answers = [{"content": WALK, "prompt": 6000}]
    with pytest.raises(ConfigurationError, match="window of 6000 tokens, so part of it was not"):
        make_planner("ollama:llama3.1:8b").ask(Task("walk"))
    assert ollama.requests[0]["options"]["num_ctx"] == 6000


def test_a_small_window_gets_less_history_then_the_short_prompt_then_an_error(
    ollama: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = [HumanMessage(f"turn {n} " + "word " * 150) for n in range(12)]

    def question_sizes(tokens: int) -> tuple[int, int]:
        monkeypatch.setenv("MOTION_AGENT_NUM_CTX", str(tokens))
        planner = make_planner("ollama:llama3.1:8b")
        assert isinstance(planner, ChatPlanner)
        messages = planner.messages(Task("walk", history=history))
        assert messages[-1].text.endswith("User: walk")
        return len(messages[0].text), sum("turn " in m.text for m in messages)

    assert question_sizes(20_000)[1] == 12
    long, kept = question_sizes(5000)
    assert 0 < kept < 12
    short, kept = question_sizes(1400)
    assert short < long / 3
    with pytest.raises(ConfigurationError, match=r"needs about \d+ tokens .* window is 300"):
        question_sizes(300)


def test_a_window_that_the_server_tells_is_kept_to(openai: Server) -> None:
    refusal = {
        "error": {
            "code": 400,
            "message": "the request exceeds the available context size, try increasing it",
            "type": "exceed_context_size_error",
            "n_prompt_tokens": 5000,
            "n_ctx": 1400,
        }
    }
    openai.answers = [(400, refusal), WALK]
    make_planner("openai:local").ask(Task("walk"))
    first, second = (len(r["messages"][0]["content"]) for r in openai.requests)
    assert second < first / 3


def test_a_re_ask_is_warmer_where_a_temperature_is_set(openai: Server, ollama: Server) -> None:
    failed: Any = [{"text": "no", "error": "no plan", "cause": "no_plan"}]
    openai.answers, ollama.answers = [WALK] * 3, [WALK] * 2
    planner = make_planner("openai:local", temperature=0.0)
    planner.ask(Task("walk"))
    planner.ask(Task("walk", failed=failed))
    planner.ask(Task("walk", failed=failed * 2))
    assert [r["temperature"] for r in openai.requests] == [0.0, 0.3, 0.6]
    planner = make_planner("ollama:m", temperature=0.5)
    planner.ask(Task("walk"))
    planner.ask(Task("walk", failed=failed))
    assert [r["options"]["temperature"] for r in ollama.requests] == [0.5, 0.8]


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
    assert read_answer(planner.ask(Task("walk"))).rung == "repaired"
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


def test_the_ladder_and_the_re_asks_can_be_switched_off() -> None:
    model = ScriptedChatModel(script=[f"Sure: {WALK}", WALK])
    planner = make_planner(model, ladder=False, tries=1)
    assert planner.tries == 1
    with pytest.raises(InvalidPlanError, match="not a JSON object"):
        read_answer(planner.ask(Task("walk")))
    assert read_answer(planner.ask(Task("walk"))).rung == "json"
    with pytest.raises(ConfigurationError, match="asked at least once"):
        ChatPlanner(model, tries=0)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (Answer("", ladder=False), "empty"),
        (Answer(WALK[:-5], truncated=True, ladder=False), "truncated"),
        (Answer("", refusal="no", ladder=False), "refused"),
        (Answer('{"plan": [{"tool": "fly"}]}', ladder=False), "invalid"),
        (Answer("[1]", ladder=False), "no_plan"),
    ],
)
def test_without_the_ladder_the_causes_are_the_same(answer: Answer, cause: str) -> None:
    with pytest.raises(InvalidPlanError) as caught:
        read_answer(answer)
    assert caught.value.cause == cause


def test_passing_failures_are_retried_by_the_graph(openai: Server) -> None:
    openai.answers = [
        (500, {"error": {"message": "oops"}}),
        (429, {"error": {"message": "slow down"}}),
        WALK,
        "There you go: m-123456.",
    ]
    turn = MotionAgent("openai:gpt-4o", engine=FakeEngine()).run("walk")
    assert turn.error is None
    assert turn.motion is not None
    assert turn.reply == "There you go: m-123456."
    assert len(openai.requests) == 4


def test_a_server_that_stays_away_raises(openai: Server) -> None:
    openai.answers = [(500, {"error": {"message": "oops"}})] * 10
    with pytest.raises(UnavailableError, match="failed"):
        MotionAgent("openai:gpt-4o", engine=FakeEngine()).run("walk")
    assert len(openai.requests) == 3


def test_a_reply_that_fails_does_not_lose_the_motion(openai: Server) -> None:
    openai.answers = [WALK, (500, {"error": {"message": "oops"}})]
    turn = MotionAgent("openai:gpt-4o", engine=FakeEngine()).run("walk")
    assert turn.motion is not None
    assert turn.reply.startswith("Made motion")
    assert str(turn.motion_id) in turn.reply


def test_a_turn_through_ollama_makes_a_motion(ollama: Server) -> None:
    ollama.answers = [f"<think>hm</think>{WALK}", "A person walks in m-1."]
    turn = MotionAgent("ollama:llama3.1:8b", engine=FakeEngine()).run("walk")
    assert turn.motion is not None
    assert [s.description for s in turn.motion.segments] == ["a person walks forward"]
    assert "format" in ollama.requests[0]
    assert not ollama.requests[1].get("format")  # the reply is prose


def test_a_missing_key_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UnavailableError, match=r"OPENAI_API_KEY is not set; set it"):
        MotionAgent("openai:gpt-4o")


@pytest.mark.parametrize("name", ["", "nonsense", "nosuch:model", "openai:", "off line", ":"])
def test_unknown_planners_are_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    with pytest.raises(ConfigurationError, match="unknown planner") as caught:
        make_planner(name)
    assert "\n" not in str(caught.value)


def test_a_provider_without_its_package_names_it() -> None:
    with pytest.raises(ConfigurationError, match="langchain-mistralai"):
        make_planner("mistralai:mistral-large")


def test_something_else_is_no_planner() -> None:
    with pytest.raises(ConfigurationError, match="int is not a planner"):
        make_planner(42)  # type: ignore[arg-type]


def test_any_chat_model_plans_from_the_prompt_alone() -> None:
    model = ScriptedChatModel(script=[f"Sure!\n```json\n{WALK}\n```"])
    answer = make_planner(model).ask(Task("walk"))
    assert parse_plan(answer.text).rung == "fence"
    system, user = model.questions[0]
    assert isinstance(system, SystemMessage)
    assert "keep_segment" in system.text
    assert user.text.endswith("User: walk")


def test_the_strategy_schema_needs_a_provider_that_has_one() -> None:
    with pytest.raises(ConfigurationError, match="does not take a JSON schema"):
        ChatPlanner(ScriptedChatModel(script=[]), strategy="schema")


def test_a_task_shows_timeline_captions_history_and_the_last_bad_answer_only() -> None:
    planner = ChatPlanner(ScriptedChatModel(script=[]))
    bad: Any = {"error": "first problem", "text": "first text"}
    worse: Any = {"error": "second problem", "text": "second text"}
    messages = planner.messages(
        Task(
            "now bow",
            WALKING,
            captions=[{"motion": "m-abcdef", "name": "walk.bvh", "text": "a man walks"}],
            history=[HumanMessage("walk"), AIMessage("done"), HumanMessage("x" * 5000)],
            failed=[bad, worse],
        )
    )
    assert [m.type for m in messages] == ["system", "human", "ai", "human", "human"]
    assert len(messages[3].text) == 1000
    text = messages[-1].text
    assert 's1: "a man walks", 2.0 s' in text
    assert 'walk.bvh: "a man walks"' in text
    assert "second problem" in text
    assert "second text" in text
    assert "first" not in text


def test_short_prompts_fit_a_small_context() -> None:
    long = ChatPlanner(ScriptedChatModel(script=[]), short=False).messages(Task("walk"))
    short = ChatPlanner(ScriptedChatModel(script=[]), short=True).messages(Task("walk"))
    assert len(short[0].text) < 2000 < len(long[0].text)
    assert [m.type for m in short] == ["system", *["human", "ai"] * 5, "human"]
    editing = ChatPlanner(ScriptedChatModel(script=[]), short=True).messages(Task("x", WALKING))
    assert [m.type for m in editing] == ["system", *["human", "ai"] * 8, "human"]
    for message in editing[2::2]:
        assert validate_plan(json.loads(message.text))


def test_a_task_shows_other_motions_and_what_was_looked_at() -> None:
    (walk,) = WALKING.segments
    two = replace(
        WALKING,
        name="greeting",
        segments=(walk, replace(walk, id="s2", person=2)),
        placement=(90.0, 0.5, 1.0),
    )
    seen: Any = [{"motion": "m-1", "name": "clip.bvh", "text": "a man skates"}]
    planner = ChatPlanner(ScriptedChatModel(script=[]))
    text = planner.messages(
        Task("and then?", two, others=[WALKING], looked_at=seen, about_file=True)
    )[-1].text
    assert "The current motion is greeting (m-abcdef):" in text
    assert 's2 (person 2): "a man walks"' in text
    assert "Person 2 stands at [90, 0.5, 1]." in text
    assert 'motion 1: s1: "a man walks", 2.0 s' in text
    assert 'clip.bvh: "a man skates"' in text
    assert "a question without a name means it" in text
