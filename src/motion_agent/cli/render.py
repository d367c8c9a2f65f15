"""``motion-agent render`` and ``view``: motions to look at."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..motion_core.choices import CameraMode, Theme
from .console import Json, answer, counting, note, say, working
from .exports import (
    CharacterFile,
    bodies,
    describe_files,
    make_folder,
    open_character,
    short,
    tell_files,
    write_people,
)
from .motions import ANY_MOTION, Clean, MotionFile, Place, SecondPerson, open_motion, open_people

if TYPE_CHECKING:
    from ..motion_core.motion import Motion
    from ..motion_core.placement import Placement


def render(
    paths: Annotated[list[Path], typer.Argument(metavar="MOTION...", help=ANY_MOTION)],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help=".mp4, .gif or .png; by default the motion's name with .mp4."
        ),
    ] = None,
    together: Annotated[
        bool, typer.Option("--together", help="Show two people in one scene, not side by side.")
    ] = False,
    placement: Place = None,
    camera: Annotated[
        CameraMode, typer.Option(help="Show the whole path, or follow the people.")
    ] = "auto",
    theme: Annotated[Theme, typer.Option(help="Light or dark.")] = "light",
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Size in pixels, such as 1280x720.")
    ] = None,
    moments: Annotated[
        int | None, typer.Option(min=1, help="Pictures in a film strip (.png).")
    ] = None,
    time: Annotated[
        float | None,
        typer.Option(min=0, metavar="SECONDS", help="Make one picture (.png) of this moment."),
    ] = None,
    clean: Clean = False,
    character: CharacterFile = None,
    as_json: Json = False,
) -> None:
    """Make a video or picture of one or more motions.

    Several motions are shown side by side with their names, for comparison; with --together, two
    are people in one scene. A .png is a film strip, or a single picture with --time.
    """
    from ..motion_core.errors import InputError

    target = out or Path(f"{paths[0].stem}.mp4")
    suffix = target.suffix.lower()
    if suffix not in (".mp4", ".gif", ".png"):
        raise InputError(f"{target} is not .mp4, .gif or .png; `export` writes other formats")
    if suffix != ".png" and (moments is not None or time is not None):
        raise InputError(f"--moments and --time are for pictures (.png), not for {target}")
    if suffix == ".png" and moments is not None and (time is not None or size is not None):
        raise InputError("--moments makes a film strip, which has neither --time nor --size")
    if together and len(paths) != 2:
        raise InputError(f"--together needs two people; got {len(paths)}")
    if placement is not None and not together:
        raise InputError("--placement needs two people in one scene; add --together")
    if suffix == ".png" and len(paths) > 1 and not together:
        raise InputError("motions side by side need a video (.mp4, .gif), not a picture")
    options: dict[str, Any] = {"theme": theme}
    pixels = {} if size is None else {"size": _parse_size(size)}
    if together or len(paths) == 1:
        people, place = open_people(
            paths[0], paths[1] if together else None, placement, clean=clean
        )
        scene = bodies(people, place, character)
        make_folder(target.parent)
        if suffix != ".png":
            _video(scene, target, options | pixels | {"camera": camera})
        else:
            _picture(scene, target, options, pixels, moments, time)
    else:
        motions = _titled(paths, [open_motion(path, clean=clean) for path in paths])
        make_folder(target.parent)
        _comparison(motions, target, character, options | pixels | {"camera": camera})
    tell_files([target], explain=False)
    answer({"files": describe_files([target])})


def view(
    path: MotionFile,
    second: SecondPerson = None,
    placement: Place = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep the page in this file (.html).")
    ] = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Only print the page's path.")] = (
        False
    ),
    clean: Clean = False,
    character: CharacterFile = None,
    as_json: Json = False,
) -> None:
    """View a motion in the browser: turn it, play it, scrub it.

    The page is one file that needs no network.
    """
    from ..motion_core.errors import InputError

    if out is not None and out.suffix.lower() != ".html":
        raise InputError(f"the page {out} must end in .html; `export` writes other formats")
    people, place = open_people(path, second, placement, clean=clean)
    page = show_page(people, place, out=out, browser=not no_open, character=character)
    answer({"files": describe_files([page])})


def show_page(
    people: Sequence[Motion],
    placement: Placement | None,
    *,
    out: Path | None = None,
    browser: bool = True,
    character: Path | None = None,
) -> Path:
    """Write the interactive page of one or two people and open it.

    Args:
        people: the motions.
        placement: of the second person.
        out: the file; by default in a new temporary folder.
        browser: whether to open it; a missing browser is reported.
        character: file of a character to show instead of the mannequin.

    Returns:
        The page.
    """
    if out is None:
        from tempfile import mkdtemp

        out = Path(mkdtemp(prefix="motion-agent-")) / f"{people[0].id}.html"
    write_people(people, out, placement, character=character)
    say(str(out))
    if browser:
        import webbrowser

        if not webbrowser.open(out.resolve().as_uri()):
            note("no browser could be opened; open the page yourself")
    return out


def _parse_size(text: str) -> tuple[int, int]:
    from ..motion_core.errors import InputError

    match = re.fullmatch(r"(\d{2,5})[x×,](\d{2,5})", text.strip().lower())
    if not match:
        raise InputError(f"the size {text!r} is not WIDTHxHEIGHT; write it like 1280x720")
    return int(match[1]), int(match[2])


def _titled(paths: Sequence[Path], motions: Sequence[Motion]) -> dict[str, Motion]:
    """Return motions by file name; duplicates get their folder or a number."""
    titles = [path.stem for path in paths]
    if len(set(titles)) < len(titles):
        titles = [str(path.with_suffix("")) for path in paths]
    if len(set(titles)) < len(titles):
        titles = [f"{number}. {title}" for number, title in enumerate(titles, start=1)]
    return dict(zip(titles, motions, strict=True))


def _video(scene: list[Any], target: Path, options: dict[str, Any]) -> None:
    from ..motion_core.rendering import render_video

    with counting(f"rendering {short(target)}") as progress:
        render_video(scene, target, progress=progress, **options)


def _comparison(
    motions: dict[str, Motion], target: Path, character: Path | None, options: dict[str, Any]
) -> None:
    from ..motion_core.rendering import Body, render_comparison

    hero = open_character(character)
    scenes = {title: [Body(motion, character=hero)] for title, motion in motions.items()}
    with counting(f"rendering {short(target)}") as progress:
        render_comparison(scenes, target, progress=progress, **options)


def _picture(
    scene: list[Any],
    target: Path,
    options: dict[str, Any],
    pixels: dict[str, Any],
    moments: int | None,
    time: float | None,
) -> None:
    from ..motion_core.rendering import film_strip, poster
    from ..motion_core.skeleton import FPS

    make: Callable[..., Path]
    if time is not None or pixels:
        frame = None if time is None else round(time * FPS)
        make, options = poster, options | pixels | {"frame": frame}
    else:
        make, options = film_strip, options | ({} if moments is None else {"frames": moments})
    with working(f"rendering {short(target)}"):
        make(scene, target, **options)
