"""Motion files: ``export`` and ``caption``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..motion_core.choices import BvhStyleName, BvhUnit
from .console import Json, answer, note, plain, say, working
from .engines import CheckpointFolder, DeviceName, EngineName, load_chosen_engine
from .exports import (
    CharacterFile,
    check_target,
    describe_files,
    make_folder,
    tell_files,
    write_people,
)
from .motions import (
    ANY_MOTION,
    Clean,
    MotionFile,
    Place,
    SecondPerson,
    describe,
    open_motion,
    open_people,
)


def export(
    path: MotionFile,
    targets: Annotated[list[Path], typer.Argument(metavar="TARGET...", help="walk.mp4 walk.html")],
    second: SecondPerson = None,
    placement: Place = None,
    clean: Clean = False,
    bvh_style: Annotated[
        BvhStyleName, typer.Option(help="Names, order and unit of a BVH for this program.")
    ] = "plain",
    bvh_order: Annotated[
        str | None, typer.Option(metavar="ORDER", help="Order of rotations in a BVH: zxy.")
    ] = None,
    unit: Annotated[
        BvhUnit | None,
        typer.Option(help="Unit of a BVH: m for Blender, cm for most others."),
    ] = None,
    character: CharacterFile = None,
    as_json: Json = False,
) -> None:
    """Write a motion in other formats.

    \b
    The suffix of each TARGET selects the format:
      .npz        the motion itself
      .mp4 .gif   a video                .png   a film strip
      .html       an interactive page
      .bvh .glb   for Blender, game engines and other animation programs
      .npy        HumanML3D's features   .joints.npy .csv   its joints
      .amass.npz  its joint rotations
    Two people share a file if the format supports it.
    """  # noqa: D301 - Typer wants the character itself
    from ..motion_core.formats.bvh_styles import bvh_style as bvh_style_of
    from ..motion_core.formats.bvh_writing import bone_change

    for target in targets:
        check_target(target)
    people, place = open_people(path, second, placement, clean=clean)
    files: list[Path] = []
    style = bvh_style_of(bvh_style, order=bvh_order, unit=unit)
    for target in targets:
        make_folder(target.parent)
        files += write_people(people, target, place, bvh=style, character=character)
        if target.suffix.lower() == ".bvh":
            mean, most = bone_change(people[0])
            note(
                f"{target}: each bone has one length; this moved joints by {1000 * mean:.0f} mm on"
                f" average, {1000 * most:.0f} mm at most"
            )
    tell_files(files)
    answer({"motions": [describe(motion) for motion in people], "files": describe_files(files)})


def caption(
    paths: Annotated[list[Path], typer.Argument(metavar="MOTION...", help=ANY_MOTION)],
    engine: EngineName = None,
    checkpoint: CheckpointFolder = None,
    device: DeviceName = None,
    as_json: Json = False,
) -> None:
    """Describe a motion in a sentence."""
    from ..motion_core.studio import Studio

    motions = [open_motion(path) for path in paths]
    loaded = load_chosen_engine(engine, checkpoint, warm=False)
    studio = Studio(loaded)
    with working("looking at the motion"):
        texts = [studio.caption(motion) for motion in motions]
    for path, text in zip(paths, texts, strict=True):
        say(f"{path}: {text}" if len(paths) > 1 else text)
    answer(
        {
            "engine": loaded.name,
            "captions": [
                {"path": str(path), "id": motion.id, "caption": plain(text)}
                for path, motion, text in zip(paths, motions, texts, strict=True)
            ],
        }
    )
