"""``motion-agent run "…"``: from one sentence to files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import note, say, working
from .files import LOADING, CheckpointFolder, EngineName, engine_name, load_weights

if TYPE_CHECKING:
    from ..agent_graph import Event, MotionAgent, Turn

PlannerName = Annotated[
    str,
    typer.Option(
        envvar="MOTION_AGENT_PLANNER",
        help="offline, openai:MODEL, ollama:MODEL or another LangChain model string.",
    ),
]


def run(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What somebody should do.")],
    planner: PlannerName = "offline",
    engine: EngineName = None,
    checkpoint: CheckpointFolder = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another take.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("outputs"),
    formats: Annotated[
        str, typer.Option("--format", metavar="LIST", help="Of npz npy bvh mp4 html png.")
    ] = "npz,mp4,html,bvh",
) -> None:
    """Turn a sentence into motion and write it as files."""
    from ..motion_core.errors import GenerationError
    from .exports import file_name, make_folder, parse_formats

    wanted = parse_formats(formats)
    agent = make_agent(planner, engine_name(engine, checkpoint), seed=seed)
    make_folder(out)
    turn = follow(agent, text)
    if turn.error is not None:
        raise GenerationError(turn.error)
    say(turn.reply)
    write_motions(turn.motions, out / file_name(text), wanted)


def make_agent(planner: str, engine: str, **settings: Any) -> MotionAgent:
    """The agent with its engine loaded; a wrong planner or a missing key shows before that."""
    with working("starting the planner") as tell:
        from ..agent_graph import MotionAgent

        agent = MotionAgent(planner, engine=engine, **settings)
        tell(LOADING)
        load_weights(agent.workbench.engine)
    return agent


def follow(agent: MotionAgent, text: str, thread: str = "default") -> Turn:
    """One turn, telling on stderr what happens in it; returns what came of it."""
    from ..agent_graph import Turn

    result: Turn | None = None
    with working("planning") as tell:
        for item in agent.stream(text, thread):
            if isinstance(item, Turn):
                result = item
            else:
                _tell_event(item, tell)
    assert result is not None
    return result


def _tell_event(event: Event, tell: Any) -> None:
    facts: Mapping[str, Any] = event.data
    if event.kind == "plan":
        if facts["reasoning"]:
            note(f"plan: {facts['reasoning']}")
        for number, step in enumerate(facts["plan"], start=1):
            note(f"  {number}. {_step_in_words(step)}")
        tell("generating")
    elif event.kind == "repair":
        note(f"{facts['planner']}: {facts['error']}; asking again", style="yellow")
    elif event.kind == "progress":
        tell(f"generating {facts['done']}/{facts['total']}")
    elif event.kind == "segment":
        note(f"  {facts['id']}: {facts['description']}, {facts['seconds']:.1f} s")


def _step_in_words(step: Mapping[str, Any]) -> str:
    wish = f", {step['seconds']:g} s" if step["seconds"] else ""
    who = " (person 2)" if step["person"] == 2 else ""
    if step["tool"] == "generate_motion":
        return f"{step['description']}{wish}{who}"
    return " ".join(
        word for word in (step["tool"].replace("_", " "), step["segment"], step["motion"]) if word
    )


def write_motions(motions: Mapping[int, Any], base: Path, formats: tuple[str, ...]) -> None:
    """Write each person's motion as ``base.SUFFIX``, the second's as ``base-person-2.SUFFIX``."""
    from .exports import WHAT, write_motion

    for person, motion in sorted(motions.items()):
        for suffix in formats:
            ending = "" if person == 1 else f"-person-{person}"
            path = base.with_name(f"{base.name}{ending}.{suffix}")
            with working(f"writing {path}"):
                write_motion(motion, path)
            say(f"{path}  ({path.stat().st_size / 1000:.0f} kB, {WHAT[suffix]})")
