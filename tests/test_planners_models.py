"""Planner strings and chat models, driven through the real clients against loopback servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fakes import ScriptedChatModel, Server, ollama_server, openai_server, plan_text, step
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from motion_agent.agent_graph import MotionAgent
from motion_agent.agent_graph.parsing import parse_plan
from motion_agent.agent_graph.plan import InvalidPlanError, plan_schema
from motion_agent.agent_graph.planners import ChatPlanner, Task, make_planner
from motion_agent.agent_graph.providers import TransientError
from motion_agent.motion_core.errors import ConfigurationError, UnavailableError
from motion_agent.motion_core.fake import FakeEngine

WALK = plan_text(step(description="a person walks forward"))


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


def test_openai_gets_the_schema_in_strict_mode(openai: Server) -> None:
    openai.answers = [WALK]
    answer = make_planner("openai:gpt-4o").ask(Task("walk"))
    assert parse_plan(answer.text).rung == "json"
    assert (answer.input_tokens, answer.output_tokens) == (120, 30)
    request = openai.requests[0]
    assert request["path"] == "/v1/chat/completions"
    assert request["model"] == "gpt-4o"
    assert request["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "motion_plan", "strict": True, "schema": plan_schema()},
    }
    assert [m["role"] for m in request["messages"]] == ["system", "user"]


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
    assert request["format"] == plan_schema()
    assert request["options"]["num_ctx"] == 8192


def test_an_ollama_length_stop_is_truncation(ollama: Server) -> None:
    ollama.answers = [{"content": WALK[:50], "reason": "length"}]
    assert make_planner("ollama:llama3.1:8b").ask(Task("walk")).truncated


@pytest.mark.parametrize(
    ("status", "kind", "told"),
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
    openai: Server, status: int, kind: type[Exception], told: str
) -> None:
    openai.answers = [(status, {"error": {"message": "bad things\nhappen"}})]
    with pytest.raises(kind) as caught:
        make_planner("openai:gpt-4o").ask(Task("walk"))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(openai.requests) == 1  # retries are the graph's matter


def test_a_server_that_takes_no_schema_gets_words(openai: Server) -> None:
    refusal = {"error": {"message": "response_format of type 'json_schema' is not supported"}}
    openai.answers = [(400, refusal), WALK, WALK]
    planner = make_planner("openai:local")
    assert parse_plan(planner.ask(Task("walk")).text).rung == "json"
    planner.ask(Task("walk"))
    assert ["response_format" in request for request in openai.requests] == [True, False, False]


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


def test_half_an_answer_is_a_passing_failure(openai: Server) -> None:
    def cut(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"id": "chatcmpl')

    openai.answers = [cut]
    with pytest.raises(UnavailableError, match="openai:gpt-4o"):
        make_planner("openai:gpt-4o").ask(Task("walk"))


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
    assert turn.reply.startswith(f"Made motion {turn.motion_id}")


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
    with pytest.raises(ConfigurationError, match="int is no planner"):
        make_planner(42)  # type: ignore[arg-type]


def test_any_chat_model_plans_from_the_prompt_alone() -> None:
    model = ScriptedChatModel(script=[f"Sure!\n```json\n{WALK}\n```"])
    answer = make_planner(model).ask(Task("walk"))
    assert parse_plan(answer.text).rung == "fence"
    system, user = model.asked[0]
    assert isinstance(system, SystemMessage)
    assert "keep_segment" in system.text
    assert user.text.endswith("User: walk")


def test_the_strategy_schema_needs_a_provider_that_has_one() -> None:
    with pytest.raises(ConfigurationError, match="no place for a JSON schema"):
        ChatPlanner(ScriptedChatModel(script=[]), strategy="schema")


def test_a_task_shows_timeline_captions_history_and_the_last_bad_answer_only() -> None:
    planner = ChatPlanner(ScriptedChatModel(script=[]))
    bad: Any = {"error": "first problem", "text": "first text"}
    worse: Any = {"error": "second problem", "text": "second text"}
    messages = planner.messages(
        Task(
            "now bow",
            {
                "segments": [
                    {
                        "id": "s1",
                        "description": "a man walks",
                        "tokens": [1] * 10,
                        "seed": 1,
                        "seconds": 0.0,
                        "person": 1,
                    }
                ],
                "next_segment": 2,
                "motions": {"1": "m-abcdef"},
            },
            captions=[{"motion": "m-abcdef", "name": "walk.bvh", "text": "a man walks"}],
            history=[HumanMessage("walk"), AIMessage("done"), HumanMessage("x" * 5000)],
            failed=[bad, worse],
        )
    )
    assert [m.type for m in messages] == ["system", "human", "ai", "human", "human"]
    assert len(messages[3].text) == 1000
    asked = messages[-1].text
    assert 's1: "a man walks", 2.0 s' in asked
    assert 'walk.bvh: "a man walks"' in asked
    assert "second problem" in asked
    assert "second text" in asked
    assert "first" not in asked


def test_short_prompts_fit_a_small_context() -> None:
    long = ChatPlanner(ScriptedChatModel(script=[]), short=False).messages(Task("walk"))
    short = ChatPlanner(ScriptedChatModel(script=[]), short=True).messages(Task("walk"))
    assert len(short[0].text) < 2000 < len(long[0].text)
    assert json.loads(short[0].text[short[0].text.rindex('{"reasoning"') :])["plan"]
