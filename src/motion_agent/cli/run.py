"""``motion-agent run "…"`` and ``generate``: from words to files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import Json, answer, counting, note, say
from .engines import CheckpointFolder, EngineName, engine_name, load_chosen_engine
from .exports import (
    DEFAULT_FORMATS,
    Formats,
    OutFolder,
    describe_files,
    file_name,
    make_folder,
    parse_formats,
    write_formats,
)
from .motions import describe, describe_people
from .planning import FallbackName, PlannerName, StrategyName, follow, make_agent

if TYPE_CHECKING:
    from ..motion_core.engine import MotionEngine
    from ..motion_core.motion import Motion

Seed = Annotated[int, typer.Option(min=0, help="Another seed, another take.")]


def run(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What somebody should do.")],
    planner: PlannerName = "offline",
    fallback: FallbackName = None,
    strategy: StrategyName = "auto",
    engine: EngineName = None,
    checkpoint: CheckpointFolder = None,
    seed: Seed = 0,
    out: OutFolder = Path("outputs"),
    formats: Formats = DEFAULT_FORMATS,
    as_json: Json = False,
) -> None:
    """Turn a sentence into motion and write it as files.

    A planner makes a plan of the sentence; each of its steps becomes a part of the motion. Files
    are named after the sentence.
    """
    from ..motion_core.errors import GenerationError

    wanted = parse_formats(formats)
    agent = make_agent(
        planner,
        engine_name(engine, checkpoint),
        fallback=fallback,
        strategy=strategy,
        seed=seed,
    )
    make_folder(out)
    turn = follow(agent.stream(text))
    if turn.error is not None:
        raise GenerationError(turn.error)
    say(turn.reply)
    people = [motion for _, motion in sorted(turn.motions.items())]
    files = write_formats(people, out / file_name(text), wanted if people else (), turn.placement)
    answer(
        {
            "reply": turn.reply,
            "plan": turn.plan,
            **describe_people(turn.motions, turn.placement),
            "seams": turn.seams,
            "repairs": turn.repairs,
            "files": describe_files(files),
        }
    )


def generate(
    descriptions: Annotated[
        list[str],
        typer.Argument(metavar="DESCRIPTION...", help='Such as "a person walks forward".'),
    ],
    seconds: Annotated[
        float | None,
        typer.Option(min=0.2, max=20, metavar="X", help="Wished duration of each, up to 20."),
    ] = None,
    engine: EngineName = None,
    checkpoint: CheckpointFolder = None,
    seed: Seed = 0,
    out: OutFolder = Path("outputs"),
    formats: Formats = DEFAULT_FORMATS,
    as_json: Json = False,
) -> None:
    """Make motion of descriptions as they are, without a planner.

    Each DESCRIPTION becomes one part of the motion, in order; the parts are decoded as a whole,
    so one flows into the next.
    """
    wanted = parse_formats(formats)
    loaded = load_chosen_engine(engine, checkpoint)
    make_folder(out)
    motion = _made(loaded, descriptions, seconds, seed)
    say(f"{motion.id}, {motion.duration:.1f} s")
    tell_segments(motion)
    unknown = sorted({word for text in descriptions for word in loaded.coverage(text).unknown})
    if unknown:
        say(f"not in the training captions: {', '.join(unknown)}", style="yellow")
    files = write_formats([motion], out / file_name(" then ".join(descriptions)), wanted)
    answer(
        {
            "engine": loaded.name,
            **describe(motion),
            "unknown_words": unknown,
            "files": describe_files(files),
        }
    )


def tell_segments(motion: Motion) -> None:
    """A line for each segment: id, from when to when, and what is done."""
    for segment, start, end in motion.segment_frames():
        say(f"  {segment.id}  {start / 20:5.1f} to {end / 20:5.1f} s  {segment.description}")


def _made(
    engine: MotionEngine, descriptions: list[str], seconds: float | None, seed: int
) -> Motion:
    from ..motion_core.composition import SegmentRequest, generate_segments
    from ..motion_core.joining import join_segments

    requests = [
        SegmentRequest(f"s{number}", text.strip(), seed + number, seconds)
        for number, text in enumerate(descriptions, start=1)
    ]
    with counting("generating") as progress:
        segments = generate_segments(engine, requests, progress=progress)
    asked = {request.id: request for request in requests}
    joined = join_segments(engine, segments, requests=asked, provenance={"seed": seed})
    for repair in joined.repairs:
        note(f"  {repair}")
    blends = dict(joined.blends)
    return joined.motion.with_provenance(blends=blends) if blends else joined.motion
