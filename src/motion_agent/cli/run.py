"""``motion-agent run "…"`` and ``generate``: from words to files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import Json, answer, counting, note, say
from .engines import CheckpointFolder, DeviceName, EngineName, engine_name, load_chosen_engine
from .exports import (
    DEFAULT_FORMATS,
    VIDEOS,
    CharacterFile,
    Formats,
    OutFolder,
    describe_files,
    file_name,
    free_name,
    make_folder,
    open_character,
    parse_formats,
    write_formats,
    write_side_by_side,
)
from .motions import describe, describe_people
from .planning import FallbackName, PlannerName, StrategyName, follow, make_agent
from .stopping import stoppable

if TYPE_CHECKING:
    from ..agent_graph import MotionAgent
    from ..motion_core.engine import MotionEngine
    from ..motion_core.motion import Motion
    from ..motion_core.studio import Rendering

Seed = Annotated[int, typer.Option(min=0, help="Seed; another seed gives another take.")]


def run(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What somebody should do.")],
    planner: PlannerName = "offline",
    fallback: FallbackName = None,
    strategy: StrategyName = "auto",
    engine: EngineName = None,
    checkpoint: CheckpointFolder = None,
    device: DeviceName = None,
    seed: Seed = 0,
    takes: Annotated[
        int,
        typer.Option(min=1, max=9, help="Number of takes of the plan; videos show them together."),
    ] = 1,
    out: OutFolder = Path("outputs"),
    formats: Formats = DEFAULT_FORMATS,
    character: CharacterFile = None,
    as_json: Json = False,
) -> None:
    """Turn a sentence into motion and write it as files.

    A planner turns the sentence into a plan; each step becomes a part of the motion. Files are
    named after the sentence. With --takes 3, three takes of the plan are written, and a video shows
    them side by side.
    """
    from ..motion_core.errors import GenerationError, InputError

    suffixes = parse_formats(formats)
    if takes > 1 and character is not None:
        raise InputError("--character shows one take; omit --takes")
    open_character(character)  # report a bad file before anything is generated
    agent = make_agent(
        planner,
        engine_name(engine, checkpoint),
        fallback=fallback,
        strategy=strategy,
        seed=seed,
    )
    make_folder(out)
    turn = follow(agent.stream, text)
    if turn.error is not None:
        raise GenerationError(turn.error)
    if not (turn.motions or turn.files or any(event.kind == "caption" for event in turn.events)):
        raise GenerationError(turn.reply.partition("\n\n")[0])  # nothing was made: say why
    say(turn.reply)
    people = [motion for _, motion in sorted(turn.motions.items())]
    others = _further_takes(agent, takes - 1) if people else []
    if others and len(people) > 1:
        raise InputError("--takes is for one person; two people have one take")
    files = []
    for take in (people, *([motion] for motion in others)):
        take_formats = [s for s in suffixes if not (others and s in VIDEOS)] if people else []
        base = free_name(out / file_name(text), take_formats)
        files += write_formats(take, base, take_formats, turn.placement, character=character)
    if others:
        files += write_side_by_side([*people, *others], out / file_name(text), suffixes)
    answer(
        {
            "reply": turn.reply,
            "plan": turn.plan,
            **({"takes": [describe(motion) for motion in (*people, *others)]} if others else {}),
            **describe_people(turn.motions, turn.placement),
            "seams": turn.seams,
            "repairs": turn.repairs,
            "files": describe_files(files),
        }
    )


def _further_takes(agent: MotionAgent, count: int) -> list[Motion]:
    """Return more takes of the agent's latest motion."""
    timeline, found = agent.timeline(), []
    with stoppable() as cancel, counting("generating further takes") as progress:
        for _ in range(count):
            for segment in timeline.segments:
                timeline = timeline.retake(segment.id)
            rendering = agent.studio.render(timeline, progress=progress, cancel=cancel)
            timeline = rendering.timeline
            found.append(rendering.motions[1])
    return found


def generate(
    descriptions: Annotated[
        list[str],
        typer.Argument(metavar="DESCRIPTION...", help='Such as "a person walks forward".'),
    ],
    seconds: Annotated[
        float | None,
        typer.Option(min=0.2, max=20, metavar="X", help="Seconds of each description, up to 20."),
    ] = None,
    engine: EngineName = None,
    checkpoint: CheckpointFolder = None,
    device: DeviceName = None,
    seed: Seed = 0,
    out: OutFolder = Path("outputs"),
    formats: Formats = DEFAULT_FORMATS,
    character: CharacterFile = None,
    as_json: Json = False,
) -> None:
    """Generate motion from descriptions, without a planner.

    Each DESCRIPTION becomes one part of the motion, in order; the parts are decoded together, so
    one flows into the next.
    """
    suffixes = parse_formats(formats)
    open_character(character)  # report a bad file before anything is generated
    loaded = load_chosen_engine(engine, checkpoint)
    make_folder(out)
    rendering = _render(loaded, descriptions, seconds, seed)
    motion = rendering.motions[1]
    say(f"{motion.id}, {motion.duration:.1f} s")
    say_segments(motion)
    if rendering.unknown:
        say(f"not in the training captions: {', '.join(rendering.unknown)}", style="yellow")
    if rendering.nearest:
        say(f"the nearest known: {', '.join(rendering.nearest)}", style="yellow")
    base = free_name(out / file_name(" then ".join(descriptions)), suffixes)
    files = write_formats([motion], base, suffixes, character=character)
    answer(
        {
            "engine": loaded.name,
            **describe(motion),
            "unknown_words": list(rendering.unknown),
            "nearest_actions": list(rendering.nearest),
            "files": describe_files(files),
        }
    )


def say_segments(motion: Motion) -> None:
    """Print a line for each segment: id, start, end and description."""
    for segment, start, end in motion.segment_frames():
        say(f"  {segment.id}  {start / 20:5.1f} to {end / 20:5.1f} s  {segment.description}")


def _render(
    engine: MotionEngine, descriptions: list[str], seconds: float | None, seed: int
) -> Rendering:
    from ..motion_core.studio import Studio
    from ..motion_core.timeline import Timeline

    timeline = Timeline(seed=seed)
    for description in descriptions:
        timeline = timeline.insert(description.strip(), seconds=seconds or 0.0)
    with stoppable() as cancel, counting("generating") as progress:
        rendering = Studio(engine).render(timeline, progress=progress, cancel=cancel)
    for repair in rendering.repairs:
        note(f"  {repair}")
    return rendering
