"""Motion files: ``import``, ``export``, ``caption``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from .console import Json, answer, counting, plain, say, working
from .engines import CheckpointFolder, EngineName, load_chosen_engine
from .exports import (
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

Unit = Literal["m", "cm", "mm", "inch", "acclaim"]
"""As `motion_core.formats.placement.Unit`, which takes NumPy to import; so does `UpAxis`."""
UpAxis = Literal["x", "y", "z"]


def import_files(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Such as .bvh, .amc, .npy, .npz.")
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="For the .npz motions.")] = Path("."),
    unit: Annotated[Unit | None, typer.Option(help="Unit of length in the files.")] = None,
    up: Annotated[UpAxis | None, typer.Option(help="Vertical axis in the files.")] = None,
    fps: Annotated[float | None, typer.Option(help="Frame rate, where a file is wrong.")] = None,
    as_json: Json = False,
) -> None:
    """Read motion capture files as motions.

    Reads .bvh, .amc with its .asf beside it, and HumanML3D's .npy. Each FILE becomes OUT/FILE.npz:
    22 joints, 20 fps, HumanML3D's 263 features. Unit and vertical axis are found out from the
    person; say them where that goes wrong.
    """
    from ..motion_core.errors import InputError
    from ..motion_core.formats import save_npz

    targets: dict[Path, Path] = {}
    for path in paths:
        target = out / f"{path.stem}.npz"
        if target in targets:
            raise InputError(f"{targets[target]} and {path} would both become {target}")
        if target.resolve() == path.resolve():
            raise InputError(f"{path} would be overwritten; choose another folder with --out")
        targets[target] = path
    make_folder(out)
    facts = []
    with counting("importing") as progress:
        for number, (target, path) in enumerate(targets.items()):
            progress(number, len(targets))
            motion = open_motion(path, unit=unit, up=up, fps=fps)
            save_npz(motion, target)
            say(f"{path}: {motion.duration:.1f} s, {len(motion)} frames -> {target} ({motion.id})")
            facts.append({"source": str(path), "path": str(target), **describe(motion)})
    answer({"motions": facts})


def export(
    path: MotionFile,
    targets: Annotated[list[Path], typer.Argument(metavar="TARGET...", help="walk.mp4 walk.html")],
    second: SecondPerson = None,
    placement: Place = None,
    clean: Clean = False,
    as_json: Json = False,
) -> None:
    """Write a motion in other formats.

    \b
    The suffix of each TARGET says which:
      .npz        the motion itself
      .mp4 .gif   a video                .png   a film strip
      .html       a page to turn and scrub it in
      .bvh .glb   for Blender, game engines and other animation programs
      .npy        HumanML3D's features   .joints.npy .csv   its joints
      .amass.npz  its joint rotations
    Two people go into one file where the format can hold them.
    """  # noqa: D301 - Typer wants the character itself
    for target in targets:
        check_target(target)
    people, place = open_people(path, second, placement, clean=clean)
    files: list[Path] = []
    for target in targets:
        make_folder(target.parent)
        files += write_people(people, target, place)
    tell_files(files)
    answer({"motions": [describe(motion) for motion in people], "files": describe_files(files)})


def caption(
    paths: Annotated[list[Path], typer.Argument(metavar="MOTION...", help=ANY_MOTION)],
    engine: EngineName = None,
    checkpoint: CheckpointFolder = None,
    as_json: Json = False,
) -> None:
    """Say in a sentence what a motion shows."""
    motions = [open_motion(path) for path in paths]
    loaded = load_chosen_engine(engine, checkpoint)
    with working("looking at the motion"):
        texts = loaded.caption([loaded.encode(motion.features) for motion in motions])
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
