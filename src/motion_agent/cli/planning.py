"""Options for the planner, and progress messages of an agent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..motion_core.choices import Strategy
from ..motion_core.stages import IMPORTS, stage
from .console import detail, note, working
from .engines import LOADING, warming_up, without_garbage_search
from .exits import did_you_mean
from .stopping import stoppable

if TYPE_CHECKING:
    from ..agent_graph import Event, MotionAgent, Turn
    from .progress import Tell

PROVIDERS = ("offline", "openai", "ollama", "anthropic", "google_genai", "mistralai", "groq")
"""What people choose most of the providers that LangChain knows; a misspelt one is recognised."""


def complete_planner(incomplete: str) -> list[str]:
    """Return planners that begin with the text; models are not listed because a shell cannot wait
    for servers.
    """
    known = ("offline", "openai:gpt-4o", "openai:gpt-4o-mini", "ollama:")
    return [name for name in known if name.startswith(incomplete)]


PlannerName = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        envvar="MOTION_AGENT_PLANNER",
        help="offline, openai:MODEL, ollama:MODEL or another LangChain model string.",
        autocompletion=complete_planner,
        rich_help_panel="Models",
    ),
]
FallbackName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Planner to ask when the first gives no valid plan.",
        autocompletion=complete_planner,
        rich_help_panel="Models",
    ),
]
StrategyName = Annotated[
    Strategy,
    typer.Option(
        help=(
            "How the plan's form is requested: by JSON schema, as a tool call, in words only, or"
            " the best the planner supports."
        ),
        rich_help_panel="Models",
    ),
]


def make_agent(
    planner: str, engine: str, *, fallback: str | None, strategy: Strategy, **settings: Any
) -> MotionAgent:
    """Return the agent with its engine loaded; a wrong planner or a missing key fails first."""
    for name in filter(None, (planner, fallback)):
        check_spelling(name)
    with working("starting the planner") as tell, without_garbage_search():
        with stage(IMPORTS):
            from ..agent_graph.planners import make_planner
            from ..motion_core.engines import load_engine

        first = make_planner(planner, strategy=strategy)
        second = None if fallback is None else make_planner(fallback, strategy=strategy)
        tell(LOADING)
        loaded = load_engine(engine)
        with stage(IMPORTS), warming_up(loaded):
            from ..agent_graph import MotionAgent
    detail(f"planner: {planner}; engine: {loaded.name}")
    with stage("graph"):
        return MotionAgent(first, fallback=second, engine=loaded, **settings)


def check_spelling(planner: str) -> None:
    """Check that the provider is not a misspelt one.

    Raises:
        ConfigurationError: it is one or two letters from a known one.
    """
    from ..motion_core.errors import ConfigurationError

    provider = planner.strip().partition(":")[0]
    hint = did_you_mean(provider, PROVIDERS)
    near = re.search(r"'(\w+)'", hint)
    if near and near[1] not in (provider, provider.lower()):
        raise ConfigurationError(f"unknown planner {planner!r}{hint}")


def follow(stream: Callable[..., Iterator[Event | Turn]], *arguments: str) -> Turn:
    """Print the events of a turn on stderr; return its result.

    Args:
        stream: `MotionAgent.stream` or `MotionAgent.resume`.
        arguments: for `stream`.
    """
    from ..agent_graph import Turn

    result: Turn | None = None
    with working("planning") as tell, stoppable() as cancel:
        for item in stream(*arguments, cancel=cancel):
            if isinstance(item, Turn):
                result = item
            else:
                _tell_event(item, tell)
    assert result is not None
    return result


def _tell_event(event: Event, tell: Tell) -> None:
    facts: Mapping[str, Any] = event.data
    if event.kind == "plan":
        if facts["reasoning"]:
            note(f"plan: {facts['reasoning']}")
        for number, step in enumerate(facts["plan"], start=1):
            note(f"  {number}. {_step_in_words(step)}")
        tell("generating")
    elif event.kind == "ask_again":
        note(f"{facts['planner']}: {facts['error']}; asking again", style="yellow")
    elif event.kind == "loading":
        tell("loading the motion model")
    elif event.kind == "progress":
        tell("generating", facts["done"], facts["total"])
    elif event.kind == "repair_seam":
        note(f"  {facts['text']}")
    elif event.kind == "segment":
        note(f"  {facts['id']}: {facts['description']}, {facts['seconds']:.1f} s")
    else:
        detail(f"  {event}")


def _step_in_words(step: Mapping[str, Any]) -> str:
    wish = f", {step['seconds']:g} s" if step["seconds"] else ""
    who = " (person 2)" if step["person"] == 2 else ""
    if step["tool"] == "generate_motion":
        return f"{step['description']}{wish}{who}"
    return " ".join(
        word for word in (step["tool"].replace("_", " "), step["segment"], step["motion"]) if word
    )
