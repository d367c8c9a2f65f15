"""A real LLM as the planner, a very weak one: SmolLM2 (135 M) in llama.cpp on loopback.

What it plans is rarely sensible (benchmarks/weak_planner.py counts). Here only the machinery
between its answers and a motion is tested, and that nothing it says gets past it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import PATIENCE

from motion_agent.agent_graph import MotionAgent
from motion_agent.agent_graph.plan import InvalidPlanError, validate_plan
from motion_agent.agent_graph.planners import Task, make_planner, read_answer
from motion_agent.motion_core.errors import ConfigurationError, UnavailableError
from motion_agent.motion_core.fake import FakeEngine

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
from llama_server import serving

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    try:
        with serving() as url:
            yield url
    except (ConfigurationError, UnavailableError) as err:
        pytest.skip(str(err))


@pytest.fixture(autouse=True)
def small_model(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server)
    monkeypatch.setenv("MOTION_AGENT_SHORT_PROMPTS", "1")
    monkeypatch.setenv("MOTION_AGENT_MAX_TOKENS", "220")
    monkeypatch.setenv("MOTION_AGENT_NUM_CTX", "4096")
    monkeypatch.setenv("MOTION_AGENT_TIMEOUT", f"{PATIENCE:.0f}")


def test_a_weak_planner_gives_a_plan_under_a_schema() -> None:
    planner = make_planner("openai:smollm2", strategy="schema", temperature=0.0)
    answer = planner.ask(Task("a person walks forward"))
    plan = read_answer(answer).plan
    assert "generate_motion" in {step.tool for step in plan.plan}
    assert answer.input_tokens is not None
    assert 100 < answer.input_tokens < 2000
    assert answer.output_tokens is not None
    assert answer.output_tokens <= 220


def test_native_tools_of_llama_cpp_give_a_plan_or_a_typed_failure() -> None:
    planner = make_planner("openai:smollm2", strategy="tools", temperature=0.0)
    answer = planner.ask(Task("a person walks forward"))
    assert answer.text
    try:
        plan = read_answer(answer).plan
    except InvalidPlanError as err:
        assert err.cause == "truncated" or not answer.truncated
    else:
        assert plan.plan


def test_a_weak_planner_makes_and_edits_a_motion_in_a_conversation() -> None:
    planner = make_planner("openai:smollm2", temperature=0.0)
    agent = MotionAgent(planner, engine=FakeEngine())
    turns = [
        agent.run(text) for text in ("a person waves with both hands", "add a jump at the end")
    ]
    for turn in turns:  # a valid plan may still ask for what there is not
        assert turn.plan is not None, turn.error
        validate_plan(turn.plan)
        assert turn.reply
    assert turns[0].error is None
    assert turns[0].motion is not None
    assert "wave" in " ".join(segment.description for segment in turns[0].motion.segments)


def test_a_planner_without_re_asks_may_fail_and_says_so() -> None:
    """In words only, read strictly, the first answer is hardly ever a plan."""
    planner = make_planner(
        "openai:smollm2", strategy="prompt", ladder=False, tries=1, temperature=0.0
    )
    turn = MotionAgent(planner, engine=FakeEngine()).run("someone dances, spins and bows twice")
    assert turn.error is not None or turn.plan is not None
    assert turn.reply
