"""Motions given on the command line: files, ids from conversations, one or two people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .conversations import conversations_folder
from .exits import did_you_mean

if TYPE_CHECKING:
    from ..motion_core.motion import Motion
    from ..motion_core.placement import Placement

ANY_MOTION = "Motion file, or id of a motion from `chat`."

MotionFile = Annotated[Path, typer.Argument(metavar="MOTION", help=ANY_MOTION)]
SecondPerson = Annotated[
    Path | None, typer.Option("--with", metavar="MOTION", help="Motion of a second person.")
]
Place = Annotated[
    tuple[float, float, float] | None,
    typer.Option(
        "--placement",
        metavar="TURN X Z",
        help=(
            "Position of the second person in degrees and metres; by default face to face at 1.5 m."
        ),
    ),
]
Clean = Annotated[
    bool, typer.Option("--clean", help="Remove foot sliding, ground the feet, smooth.")
]


def open_motion(name: Path, *, clean: bool = False, **reading: Any) -> Motion:
    """Return the motion in that file, or with that id in the kept conversations.

    Args:
        name: a path, or ``m-3fa9c1``.
        clean: whether to clean it up (`motion_core.cleaning`).
        reading: options of `read_motion`.

    Raises:
        InputError: there is none; the message suggests a similar name.
        FormatError: it is not a motion.
    """
    from ..motion_core.formats import read_motion
    from ..motion_core.store import MotionStore, is_motion_id

    if is_motion_id(str(name)) and not name.exists():
        motion = MotionStore(conversations_folder() / "motions").get(str(name))
    else:
        check_there(name)
        motion = read_motion(name, **reading)
    if clean:
        from ..motion_core import cleaning

        motion = cleaning.clean(motion)
    return motion


def check_there(path: Path) -> None:
    """Check that the path exists.

    Raises:
        InputError: it does not; the message suggests a similar name.
    """
    from ..motion_core.errors import InputError

    if path.exists():
        return
    try:
        beside = [path.with_name(entry.name) for entry in path.parent.iterdir()]
    except OSError:
        beside = []
    names = [str(entry) for entry in beside if not entry.name.startswith(".")]
    raise InputError(f"there is no {path}{did_you_mean(str(path), names)}")


def open_people(
    first: Path,
    second: Path | None,
    place: Sequence[float] | None,
    *,
    clean: bool = False,
) -> tuple[list[Motion], Placement | None]:
    """Return one or two people, and where the second one stands.

    A second person's file contains its placement if it was exported with one.
    """
    from ..motion_core.errors import InputError
    from ..motion_core.placement import as_placement

    if place is not None and second is None:
        raise InputError("--placement needs a second person; give their motion with --with")
    people = [open_motion(first, clean=clean)]
    if second is not None:
        people.append(open_motion(second, clean=clean))
        place = place or people[1].provenance.get("placement")
    return people, None if place is None else as_placement(place)


def describe(motion: Motion) -> dict[str, Any]:
    """Return a motion as JSON values."""
    return {
        "id": motion.id,
        "seconds": motion.duration,
        "frames": len(motion),
        "segments": [
            {
                "id": segment.id,
                "description": segment.description,
                "start": start / 20,
                "end": end / 20,
                "seed": segment.seed,
            }
            for segment, start, end in motion.segment_frames()
        ],
    }


def describe_people(motions: Mapping[int, Motion], placement: Placement | None) -> dict[str, Any]:
    """Return one or two people as JSON values."""
    people = [{"person": person, **describe(motion)} for person, motion in sorted(motions.items())]
    place = None if placement is None else [placement.theta, placement.x, placement.z]
    return {"motions": people, "placement": place if len(people) > 1 else None}
