"""Fingerprints: everything that determines a recorded conversation, so that stale ones are never
scored.

scenario   the initial motions and the requests; not the checks, which are repeated
prompts    every prompt of the planner
schema     the plan's schema, and the code that narrows it and composes a question
seed       for sampling and motion
settings   short prompts, replies, thinking, window and length of an answer
model      the planner's name, its server, and the server's description of the model
versions   motion-agent, LangChain and the provider's client
engine     the motion engine
code       the code that turns an answer into a motion; if only this differs, it is played again
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from inspect import getsource
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..agent_graph import (
    describing,
    examples,
    narrowing,
    partial_plan,
    planners,
    scope,
    task,
    thinking,
    window,
)
from ..agent_graph.plan import plan_schema
from .python_file import is_python_file, source_of, sources_of
from .records import digest
from .scenario import Scenario
from .strategy import Cell

Fingerprint = Mapping[str, str]

_CLIENTS = {"openai": "langchain-openai", "ollama": "langchain-ollama"}
_QUESTIONS = (
    describing,
    examples,
    narrowing,
    partial_plan,
    planners,
    scope,
    task,
    thinking,
    window,
)
_SHORT = "MOTION_AGENT_SHORT_PROMPTS"
_PACKAGES = (
    "motion_agent.agent_graph",
    "motion_agent.agent_graph.offline",
    "motion_agent.motion_core",
)
_SETTINGS = ("MOTION_AGENT_THINKING", "MOTION_AGENT_NUM_CTX", "MOTION_AGENT_MAX_TOKENS")
_ADDRESSES = {
    "openai": ("OPENAI_BASE_URL", "OPENAI_API_BASE"),
    "ollama": ("OLLAMA_HOST",),
}


def settings_in_words(*, short: bool | None = None, replies: bool = False) -> str:
    """Return the settings besides the seed in words: ``short prompts, NUM_CTX 4096``; often
    empty.
    """
    parts = ["short prompts"] * bool(os.environ.get(_SHORT) if short is None else short)
    parts += ["replies by the model"] * replies
    return ", ".join([*parts, *_environment()])


def fingerprint(
    cell: Cell, scenario: Scenario, *, seed: int, settings: str, engine: str, model: str
) -> Fingerprint:
    """Return the fingerprint of a conversation played now.

    Args:
        cell: planner, strategy and temperature.
        scenario: the conversation.
        seed: for sampling and motion.
        settings: see `settings_in_words`.
        engine: see `identity.engine_in_words`.
        model: see `model_in_words`.
    """
    return {
        "scenario": scenario_words(scenario),
        "prompts": _prompts(),
        "schema": _schema(),
        "seed": str(seed),
        "settings": settings,
        "model": model,
        "versions": versions(cell),
        "engine": engine,
        "code": _code(),
    }


def asking(cell: Cell, *, model: str, request: object = None) -> str:
    """Return the digest of everything that decides an answer besides messages, seed and strategy.

    Args:
        cell: planner, strategy and temperature.
        model: see `model_in_words`.
        request: what a language model receives beside the messages; None for the rules and for
            custom planners, whose answers may come from the agent's code.
    """
    rest = _code() if request is None else request
    return digest(model, versions(cell), _environment(), rest)


def differences(old: Fingerprint, new: Fingerprint) -> list[str]:
    """Return the parts that differ; ``fingerprint`` if the old record has none."""
    if not old:
        return ["fingerprint"]
    return [part for part in new if old.get(part) != new[part]]


def is_same_code(old: Fingerprint) -> bool:
    """Return whether the agent's code is unchanged; True for old records, which do not say."""
    return old.get("code", _code()) == _code()


def scenario_words(scenario: Scenario) -> str:
    """Return the digest of a scenario's motions and requests, without its checks."""
    facts = scenario.model_dump(mode="json")
    return digest(
        facts["id"], facts["given"], facts["files"], [turn["say"] for turn in facts["turns"]]
    )


def versions(cell: Cell) -> str:
    """Return the versions, as in ``motion-agent 0.1.0, langchain-core 1.0``, including the
    provider's client.
    """
    client = _CLIENTS.get(cell.provider)
    packages = ["motion-agent", "langchain-core", *([client] if client else [])]
    return ", ".join(f"{package} {_version(package)}" for package in packages)


def _environment() -> list[str]:
    return [
        f"{variable.removeprefix('MOTION_AGENT_')} {os.environ[variable]}"
        for variable in _SETTINGS
        if os.environ.get(variable)
    ]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # uninstalled use
        return "unknown"


def model_in_words(cell: Cell) -> str:
    """Return the planner's name with its server's address, or with a digest of its source file.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    if is_python_file(cell.planner):
        source_of(cell.planner)  # raises if it cannot be read
        path = Path(cell.planner.rpartition(":")[0])
        return f"{cell.planner} {digest(sources_of(path))}"
    variables = _ADDRESSES.get(cell.provider, ())
    address = next((os.environ[name] for name in variables if os.environ.get(name)), "")
    if not address:
        return cell.planner
    place = urlsplit(address if "//" in address else f"//{address}")
    host = place.hostname or ""
    if host in ("localhost", "127.0.0.1", "::1", "0.0.0.0"):  # where the port is often random
        return f"{cell.planner} at this computer"
    return f"{cell.planner} at {host}{f':{place.port}' if place.port else ''}"


@cache
def _prompts() -> str:
    folder = files("motion_agent.prompts")
    texts = sorted(
        (entry.name, entry.read_text(encoding="utf-8"))
        for entry in folder.iterdir()
        if entry.name.startswith(("planner", "responder"))
    )
    return digest(texts)


@cache
def _schema() -> str:
    return digest(plan_schema(), [getsource(module) for module in _QUESTIONS])


@cache
def _code() -> str:
    """Return the digest of the modules that turn an answer into a motion."""
    facts: list[Any] = []
    for package in _PACKAGES:
        facts += sorted(
            (entry.name, entry.read_text(encoding="utf-8"))
            for entry in files(package).iterdir()
            if entry.name.endswith(".py")
        )
    return digest(facts)
