"""Servers on loopback that `openai:` and `ollama:` planners ask, and what they plan."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fakes import Server, ollama_server, openai_server, plan_text, step

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
