"""Motions as files on the command line: formats and names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..motion_core.choices import EXPORTS
from ..motion_core.stages import IMPORTS, stage
from .console import counting, plain, say, width, working
from .exits import did_you_mean

if TYPE_CHECKING:
    from ..motion_core.formats.bvh_styles import BvhStyle
    from ..motion_core.formats.character import Character
    from ..motion_core.motion import Motion
    from ..motion_core.placement import Placement
    from ..motion_core.rendering import Body

_SHORT = 32  # characters
VIDEOS = ("mp4", "gif")
DEFAULT_FORMATS = "npz,mp4,html,bvh"


def complete_formats(incomplete: str) -> list[str]:
    """Complete the last word of a list with commas."""
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in EXPORTS if name.startswith(last)]


Formats = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="LIST",
        help=f"Of {' '.join(EXPORTS)}.",
        autocompletion=complete_formats,
    ),
]
CharacterFile = Annotated[
    Path | None,
    typer.Option(
        "--character",
        metavar="FILE",
        help="Your own rigged .glb or .vrm, shown instead of the mannequin.",
    ),
]
_SHOWING = ("glb", "mp4", "gif", "html", "png")
"""Formats that can show a character."""

OutFolder = Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of the files.")]


def parse_formats(text: str) -> tuple[str, ...]:
    """Return the formats in ``"npz, .MP4"``, in order and once each.

    Raises:
        InputError: there is none, or an unknown one.
    """
    from ..motion_core.errors import InputError

    formats = [word.strip().lower().lstrip(".") for word in text.split(",") if word.strip()]
    unknown = [word for word in formats if word not in EXPORTS]
    if unknown or not formats:
        what = f"unknown format {unknown[0]!r}" if unknown else "no format given"
        hint = did_you_mean(unknown[0], EXPORTS) if unknown else ""
        raise InputError(f"{what}; there are {', '.join(EXPORTS)}{hint}")
    return tuple(dict.fromkeys(formats))


def check_target(path: Path) -> str:
    """Return the format for the suffix of `path`.

    Raises:
        InputError: unknown suffix.
    """
    from ..motion_core.errors import InputError
    from ..motion_core.exporting import export_suffix

    try:
        return export_suffix(path)
    except InputError as err:
        raise InputError(f"{err}{did_you_mean(path.suffix[1:], EXPORTS)}") from err


def write_people(
    people: Sequence[Motion],
    path: Path,
    placement: Placement | None = None,
    *,
    bvh: BvhStyle | None = None,
    character: Path | None = None,
) -> tuple[Path, ...]:
    """Write one or two people as `path`, with a bar if that takes long.

    Raises:
        InputError: unknown suffix.
        UnavailableError: the file cannot be written.
    """
    from ..motion_core.exporting import export

    suffix = check_target(path)
    if suffix not in ("mp4", "gif"):
        with working(f"writing {short(path)}"), stage(f"writing .{suffix}"):
            return export(people, path, placement=placement, bvh=bvh, character=character)
    with stage(IMPORTS):
        from ..motion_core.rendering import render_video

    with counting(f"writing {short(path)}") as progress, stage(f"writing .{suffix}"):
        render_video(bodies(people, placement, character), path, progress=progress)
    return (path,)


def bodies(
    people: Sequence[Motion], placement: Placement | None, character: Path | None = None
) -> list[Body]:
    """Return one or two people as bodies in a scene."""
    hero = open_character(character)
    from ..motion_core.placement import FACE_TO_FACE
    from ..motion_core.rendering import Body, Placement

    places = (Placement(), placement or FACE_TO_FACE)
    return [
        Body.measured(motion, place, hero) for motion, place in zip(people, places, strict=False)
    ]


def open_character(path: Path | None) -> Character | None:
    """Return the character in a file; None without a file.

    Raises:
        InputError: no such file, or not a .glb or .vrm.
        FormatError: no skeleton is recognised in it.
    """
    if path is None:
        return None
    from ..motion_core.formats.character import load_character

    return load_character(path)


def free_name(base: Path, formats: Sequence[str]) -> Path:
    """Return the name, numbered if a file with that name exists: takes never overwrite each
    other.
    """
    number, free = 1, base
    while any(free.with_name(f"{free.name}.{suffix}").exists() for suffix in formats):
        number += 1
        free = base.with_name(f"{base.name}-{number}")
    return free


def write_formats(
    people: Sequence[Motion],
    base: Path,
    formats: Sequence[str],
    placement: Placement | None = None,
    *,
    character: Path | None = None,
) -> list[Path]:
    """Write ``base.npz``, ``base.mp4``, … and report them; return the files.

    The character appears in formats that can show one.
    """
    files: list[Path] = []
    for suffix in formats:
        shown = suffix in _SHOWING and (suffix != "glb" or len(people) == 1)
        target = base.with_name(f"{base.name}.{suffix}")
        files += write_people(people, target, placement, character=character if shown else None)
    tell_files(files)
    return files


def write_side_by_side(takes: Sequence[Motion], base: Path, formats: Sequence[str]) -> list[Path]:
    """Write the videos among the formats with all takes in each; return the files."""
    from ..motion_core.rendering import render_comparison

    videos = [suffix for suffix in formats if suffix in VIDEOS]
    base = free_name(base.with_name(f"{base.name}-takes"), videos)
    files = [base.with_name(f"{base.name}.{suffix}") for suffix in videos]
    motions = {f"take {number}": motion for number, motion in enumerate(takes, start=1)}
    for file in files:
        with counting(f"writing {short(file)}") as progress:
            render_comparison(motions, file, progress=progress)
    tell_files(files)
    return files


def tell_files(files: Sequence[Path], *, explain: bool = True) -> None:
    """Print a line for each file: path, size and, if there is room, its kind."""
    longest = max((len(str(file)) for file in files), default=0)
    room = width()
    for file in files:
        start = f"{plain(str(file)):{longest}}  {size_in_words(file.stat().st_size):>8}"
        what = EXPORTS[check_target(file)] if explain else ""
        lines = (f"{start}  {what}", f"{start}  {what.partition(',')[0]}", start)
        say(next((line for line in lines if len(line) <= (room or len(line))), start).rstrip())


def describe_files(files: Sequence[Path]) -> list[dict[str, Any]]:
    """Return files as JSON values."""
    return [
        {"path": str(file), "format": check_target(file), "bytes": file.stat().st_size}
        for file in files
    ]


def make_folder(folder: Path) -> Path:
    """Create the folder if it is missing, and return it.

    Raises:
        UnavailableError: it cannot be created or is a file.
    """
    from ..motion_core.errors import UnavailableError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise UnavailableError(
            f"cannot make the folder {folder} ({err.strerror}); choose another with --out"
        ) from err
    return folder


def file_name(text: str) -> str:
    """Return a short file name, without suffix, from a request."""
    words = re.findall(r"\w+", text.lower())
    name = ""
    for word in words:
        if len(name) + len(word) > 60:
            break
        name += f"-{word}" if name else word
    return name or "motion"


def short(path: Path) -> str:
    """Return the end of a path, for display beside a bar."""
    text = str(path)
    return text if len(text) <= _SHORT else f"…{text[1 - _SHORT :]}"


def size_in_words(size: int) -> str:
    """Return a size in bytes for people."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(round(size / 1e3), 1)} kB"
