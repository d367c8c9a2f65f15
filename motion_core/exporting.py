"""Motions as files for other programs; the name's suffix selects the format."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .choices import EXPORTS
from .errors import ConfigurationError, InputError
from .motion import Motion
from .placement import FACE_TO_FACE, Placement

if TYPE_CHECKING:
    from .formats.bvh_styles import BvhStyle
    from .formats.character import Character
    from .rendering import Body

MAX_PEOPLE = 2


_People = Sequence[tuple[Motion, Placement]]


def export(
    motion: Motion | Sequence[Motion],
    path: str | os.PathLike[str],
    *,
    placement: Placement | None = None,
    bvh: BvhStyle | None = None,
    character: str | os.PathLike[str] | None = None,
) -> tuple[Path, ...]:
    """Write the motion of one or two people in the format of `path`'s suffix.

    `EXPORTS` lists the formats. Two people share a file if the format supports it (GLB, video,
    page, film strip), else they go into ``name.bvh`` and ``name-person-2.bvh``. Features (``.npz``,
    ``.npy``) start at the origin, so the second person's file is not placed there; ``.npz`` records
    the placement in its provenance. Each file is written atomically.

    Args:
        motion: one motion, or one or two.
        path: target; missing folders are created.
        placement: where the second person stands; by default `FACE_TO_FACE`. Ignored for one
            person.
        bvh: style of BVH; by default Blender's.
        character: a rigged ``.glb`` or ``.vrm`` file to animate instead of the mannequin in
            ``.glb`` (of one person), ``.mp4``, ``.gif``, ``.html`` and ``.png``.

    Returns:
        The written files, first person's first.

    Raises:
        InputError: unknown suffix, or not one or two people.
        ConfigurationError: the format needs a package that is not installed.
        UnavailableError: the file cannot be written.
    """
    path = Path(path)
    suffix = export_suffix(path)
    motions = [motion] if isinstance(motion, Motion) else list(motion)
    if not 1 <= len(motions) <= MAX_PEOPLE:
        raise InputError(f"{len(motions)} people cannot be exported; give 1 to {MAX_PEOPLE}")
    people = list(zip(motions, (Placement(), placement or FACE_TO_FACE), strict=False))
    hero = None
    if character is not None:
        if suffix == "glb" and len(people) == 1:
            from .formats.character import write_character

            write_character(motions[0], path, Path(character))
            return (path,)
        if suffix not in _PICTURES:
            raise InputError(
                f"a character is written for one person, as .glb, or shown in "
                f"{', '.join(f'.{each}' for each in _PICTURES)}; not as {path.name}"
            )
        from .formats.character import load_character

        hero = load_character(Path(character))
    if suffix == "glb" or suffix in _PICTURES:
        try:
            if suffix == "glb":
                _glb(people, path)
            else:
                _PICTURES[suffix](_bodies(people, hero), path)
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f".{suffix} needs the package {error.name!r}, which is not installed; "
                "install motion-agent again with its dependencies: pip install motion-agent"
            ) from error
        return (path,)
    stem = path.name[: -len(suffix) - 1]
    written = []
    for number, (each, place) in enumerate(people, start=1):
        name = f"{stem}-person-{number}.{suffix}" if number > 1 else path.name
        if suffix == "bvh":
            _bvh(each, path.with_name(name), place, bvh)
        else:
            _OF_ONE[suffix](each, path.with_name(name), place)
        written.append(path.with_name(name))
    return tuple(written)


def export_suffix(path: str | os.PathLike[str]) -> str:
    """Return the longest key of `EXPORTS` that a file's name ends with, as for ``walk.amass.npz``.

    Raises:
        InputError: it ends with none.
    """
    name = Path(path).name.lower()
    fitting = [suffix for suffix in EXPORTS if name.endswith(f".{suffix}")]
    if not fitting:
        what = f"the unknown suffix {Path(name).suffix[1:]!r}" if Path(name).suffix else "no suffix"
        raise InputError(f"{Path(path)} has {what}; there are {', '.join(EXPORTS)}")
    return max(fitting, key=len)


# Writers are imported when needed: exporting arrays should not load FFmpeg.


def _npz(motion: Motion, path: Path, placement: Placement) -> None:
    from .formats import save_npz

    if placement != Placement():
        place = [placement.theta, placement.x, placement.z]
        motion = motion.with_provenance(placement=place)
    save_npz(motion, path)


def _npy(motion: Motion, path: Path, placement: Placement) -> None:
    from .formats import save_npy

    save_npy(motion, path)


def _joints(motion: Motion, path: Path, placement: Placement) -> None:
    from .formats import save_joints

    save_joints(motion, path, placement=placement)


def _csv(motion: Motion, path: Path, placement: Placement) -> None:
    from .formats import write_csv

    write_csv(motion, path, placement=placement)


def _amass(motion: Motion, path: Path, placement: Placement) -> None:
    from .formats import write_amass

    write_amass(motion, path, placement=placement)


def _bvh(motion: Motion, path: Path, placement: Placement, style: BvhStyle | None = None) -> None:
    from .formats import write_bvh
    from .formats.bvh_styles import BVH_STYLES

    write_bvh(motion, path, style=style or BVH_STYLES["plain"], placement=placement)


def _glb(people: _People, path: Path) -> None:
    from .formats import write_glb

    write_glb([motion for motion, _ in people], path, placements=[place for _, place in people])


def _bodies(people: _People, character: Character | None) -> list[Body]:
    from .rendering import Body

    return [Body.measured(motion, place, character) for motion, place in people]


def _video(bodies: Sequence[Body], path: Path) -> None:
    from .rendering import render_video

    render_video(bodies, path)


def _page(bodies: Sequence[Body], path: Path) -> None:
    from .rendering import write_player

    write_player(bodies, path)


def _film_strip(bodies: Sequence[Body], path: Path) -> None:
    from .rendering import film_strip

    film_strip(bodies, path)


_OF_ONE: Mapping[str, Callable[[Motion, Path, Placement], None]] = {
    "npz": _npz,
    "npy": _npy,
    "joints.npy": _joints,
    "csv": _csv,
    "amass.npz": _amass,
    "bvh": _bvh,
}
_PICTURES: Mapping[str, Callable[[Sequence[Body], Path], None]] = {
    "mp4": _video,
    "gif": _video,
    "html": _page,
    "png": _film_strip,
}
