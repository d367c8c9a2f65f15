"""Motion files: ``import``, ``export``, ``caption``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .console import say, working

if TYPE_CHECKING:
    from ..motion_core.engine import MotionEngine

Unit = Literal["m", "cm", "mm", "inch", "acclaim"]
"""As `motion_core.formats.placement.Unit`, which takes NumPy to import; so does `UpAxis`."""
UpAxis = Literal["x", "y", "z"]

LOADING = "loading the motion model (the first time, its language model is downloaded)"

EngineName = Annotated[
    str | None, typer.Option("--engine", help="Motion engine by name.", metavar="NAME")
]
CheckpointFolder = Annotated[
    Path | None,
    typer.Option("--checkpoint", help="MotionLLM checkpoint instead of the default one."),
]


def import_files(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help=".bvh, .amc, .npy, .npz")],
    out: Annotated[Path, typer.Option(help="Folder for the .npz motions.")] = Path("."),
    unit: Annotated[Unit | None, typer.Option(help="Unit of length in the files.")] = None,
    up: Annotated[UpAxis | None, typer.Option(help="Vertical axis in the files.")] = None,
    fps: Annotated[float | None, typer.Option(help="Frame rate, where a file is wrong.")] = None,
) -> None:
    """Read motion capture files as motions.

    Reads .bvh, .amc with its .asf beside it, and HumanML3D's .npy. Each FILE becomes OUT/FILE.npz:
    22 joints, 20 fps, HumanML3D's 263 features. Unit and vertical axis are found out from the
    person; say them where that goes wrong.
    """
    from ..motion_core.errors import InputError
    from ..motion_core.formats import read_motion, save_npz
    from .exports import make_folder

    targets: dict[Path, Path] = {}
    for path in paths:
        target = out / f"{path.stem}.npz"
        if target in targets:
            raise InputError(f"{targets[target]} and {path} would both become {target}")
        if target.resolve() == path.resolve():
            raise InputError(f"{path} would be overwritten; choose another folder with --out")
        targets[target] = path
    make_folder(out)
    for target, path in targets.items():
        motion = read_motion(path, unit=unit, up=up, fps=fps)
        save_npz(motion, target)
        say(f"{path}: {motion.duration:.1f} s, {len(motion)} frames -> {target} ({motion.id})")


def export(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Any motion file.")],
    targets: Annotated[list[Path], typer.Argument(metavar="TARGET...", help="walk.mp4 walk.html")],
) -> None:
    """Write a motion file in other formats.

    The suffix of each TARGET says which: .npz .npy .bvh .mp4 .html .png.
    """
    from ..motion_core.formats import read_motion
    from .exports import make_folder, parse_formats, write_motion

    for target in targets:
        parse_formats(target.suffix or "?")
    motion = read_motion(path)
    for target in targets:
        make_folder(target.parent)
        with working(f"writing {target}"):
            write_motion(motion, target)
        say(str(target))


def caption(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Any motion file.")],
    engine: EngineName = None,
    checkpoint: CheckpointFolder = None,
) -> None:
    """Say in a sentence what a motion file shows."""
    from ..motion_core.formats import read_motion

    motion = read_motion(path)
    loaded = load_chosen_engine(engine, checkpoint)
    with working("looking at the motion"):
        (text,) = loaded.caption([loaded.encode(motion.features)])
    say(text)


def load_chosen_engine(name: str | None, checkpoint: Path | None) -> MotionEngine:
    """The engine that ``--engine`` or ``--checkpoint`` names, or the default, ready for work."""
    from ..motion_core.engine import load_engine

    with working(LOADING):
        engine = load_engine(engine_name(name, checkpoint))
        load_weights(engine)
    return engine


def load_weights(engine: MotionEngine) -> None:
    """Have an engine that loads or downloads its weights at its first call do so now."""
    load = getattr(engine, "load", None)
    if load is not None:
        load()


def engine_name(name: str | None, checkpoint: Path | None) -> str:
    """What `load_engine` takes for ``--engine`` and ``--checkpoint``.

    Raises:
        InputError: both are given.
    """
    from ..motion_core.engine import DEFAULT_ENGINE
    from ..motion_core.errors import InputError

    if checkpoint is None:
        return name or DEFAULT_ENGINE
    if name is not None:
        raise InputError("--engine and --checkpoint exclude each other; give one")
    return checkpoint.resolve().as_posix()
