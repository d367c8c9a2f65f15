"""Planner strings and chat models, driven through the real clients against loopback servers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fakes import ScriptedChatModel, Server
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from planner_servers import WALK, WALKING, ollama, openai

from motion_agent.agent_graph import MotionAgent
from motion_agent.agent_graph.narrowing import narrowed_schema
from motion_agent.agent_graph.parsing import parse_plan
from motion_agent.agent_graph.plan import InvalidPlanError, plan_schema, validate_plan
from motion_agent.agent_graph.planners import Answer, ChatPlanner, Task, make_planner, read_answer
from motion_agent.agent_graph.scope import scope_of
from motion_agent.motion_core.errors import ConfigurationError
from motion_agent.motion_core.fake import FakeEngine

__all__ = ["ollama", "openai"]  # fixtures


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


def test_answers_of_a_local_server_have_a_limit(
    openai: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    openai.answers = [WALK, WALK]
    make_planner("openai:local").ask(Task("walk"))
    monkeypatch.setenv("MOTION_AGENT_MAX_TOKENS", "300")
    make_planner("openai:local").ask(Task("walk"))
    limits = [r.get("max_completion_tokens") or r["max_tokens"] for r in openai.requests]
    assert limits == [4096, 300]


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


def test_a_turn_through_ollama_makes_a_motion(ollama: Server) -> None:
    ollama.answers = [f"<think>hm</think>{WALK}", "A person walks in m-1."]
    turn = MotionAgent("ollama:llama3.1:8b", engine=FakeEngine()).run("walk")
    assert turn.motion is not None
    assert [s.description for s in turn.motion.segments] == ["a person walks forward"]
    assert "format" in ollama.requests[0]
    assert not ollama.requests[1].get("format")  # the reply is prose


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
