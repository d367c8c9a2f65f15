"""What goes wrong between a planner and its server, and who must do what about it."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from fakes import Server, broken_off, busy, half_json, reset, silent
from planner_servers import WALK, ollama, openai

from motion_agent.agent_graph import MotionAgent, planners
from motion_agent.agent_graph.parsing import parse_plan
from motion_agent.agent_graph.plan import InvalidPlanError
from motion_agent.agent_graph.planners import Task, make_planner, read_answer
from motion_agent.agent_graph.providers import TransientError
from motion_agent.motion_core.errors import ConfigurationError, UnavailableError
from motion_agent.motion_core.fake import FakeEngine

__all__ = ["ollama", "openai"]  # fixtures


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


@pytest.mark.parametrize("fault", [reset, broken_off, half_json, busy(0)])
def test_faults_on_the_way_are_passing_failures_of_openai(openai: Server, fault: Any) -> None:
    openai.answers = [fault, WALK]
    planner = make_planner("openai:local")
    with pytest.raises(TransientError, match="openai:local") as caught:
        planner.ask(Task("walk"))
    assert "\n" not in str(caught.value)
    assert len(read_answer(planner.ask(Task("walk"))).plan.plan) == 1
    assert len(openai.requests) == 2


@pytest.mark.parametrize("fault", [reset, broken_off, {"content": WALK, "lines": 2}])
def test_faults_on_the_way_are_passing_failures_of_ollama(ollama: Server, fault: Any) -> None:
    ollama.answers = [fault, WALK]
    planner = make_planner("ollama:llama3.1:8b")
    with pytest.raises(TransientError, match=r"ollama:llama3\.1:8b") as caught:
        planner.ask(Task("walk"))
    assert "\n" not in str(caught.value)
    assert len(read_answer(planner.ask(Task("walk"))).plan.plan) == 1


@pytest.mark.parametrize("name", ["openai:local", "ollama:llama3.1:8b"])
def test_a_server_that_says_nothing_is_a_passing_failure(
    name: str, openai: Server, ollama: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTION_AGENT_TIMEOUT", "1")
    openai.answers = ollama.answers = [silent]
    with pytest.raises(TransientError, match=name) as caught:
        make_planner(name).ask(Task("walk"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_overloaded_ollama_is_a_passing_failure(ollama: Server, status: int) -> None:
    ollama.answers = [(status, {"error": "server busy, please try again"})]
    with pytest.raises(TransientError, match=rf"failed \({status}"):
        make_planner("ollama:llama3.1:8b").ask(Task("walk"))


def test_a_server_that_asks_for_time_is_given_it(
    openai: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    clock = {"sleep": waits.append, "monotonic": lambda: 100.0}
    monkeypatch.setattr(planners, "time", SimpleNamespace(**{**vars(time), **clock}))
    openai.answers = [busy(20), WALK]
    planner = make_planner("openai:local")
    with pytest.raises(TransientError) as caught:
        planner.ask(Task("walk"))
    assert caught.value.retry_after == 20
    planner.ask(Task("walk"))
    assert waits == [0, 20]


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


def test_a_missing_key_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UnavailableError, match=r"OPENAI_API_KEY is not set; set it"):
        MotionAgent("openai:gpt-4o")
