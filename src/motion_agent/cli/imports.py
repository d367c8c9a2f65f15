"""Motion files of other programs as motions: ``import``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..motion_core.choices import METRES, Axis
from .console import Json, answer, complain, counting, note, plain, say
from .exits import ExitCode, did_you_mean, exit_code
from .exports import file_name, make_folder
from .motions import check_there, describe

UNITS = ", ".join(METRES)
ALL_CLIPS = "all"


def import_files(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Such as .bvh, .fbx, .glb, .amc, .npy, .npz."),
    ],
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Folder for the .npz motions.")
    ] = Path("."),
    unit: Annotated[
        str | None, typer.Option(help=f"Unit of length: {UNITS}, or its size in metres.")
    ] = None,
    up: Annotated[
        Axis | None, typer.Option(help="Vertical axis in the files.", metavar="AXIS")
    ] = None,
    forward: Annotated[
        Axis | None, typer.Option(help="Axis that the person faces first.", metavar="AXIS")
    ] = None,
    fps: Annotated[float | None, typer.Option(help="Frame rate, if a file's own is wrong.")] = None,
    frames: Annotated[
        str | None, typer.Option(metavar="FIRST:END", help="Frames to take, from 0: 30:120.")
    ] = None,
    map_file: Annotated[
        Path | None,
        typer.Option("--map", metavar="FILE", help="Joint map; see --print-map."),
    ] = None,
    print_map: Annotated[
        bool, typer.Option("--print-map", help="Print the joint map without importing.")
    ] = False,
    clip: Annotated[
        str | None,
        typer.Option(help=f"Animation in a .glb or .fbx, or motion in an array; or {ALL_CLIPS}."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Read motion capture files as motions.

    Each FILE becomes OUT/FILE.npz: 22 joints, 20 fps, HumanML3D's 263 features. Joints are
    recognised from the skeleton; unit, axes and reference poses are inferred from the person, and
    corrections are noted. Your options take precedence. An unreadable file does not stop the
    others.
    """
    from ..motion_core.errors import MotionAgentError
    from ..motion_core.formats import save_npz
    from ..motion_core.formats.joint_maps import read_map

    _check_unit(unit)
    options: dict[str, Any] = {
        **{"unit": unit, "up": up, "forward": forward, "fps": fps},
        "frames": parse_frames(frames),
        "joint_map": None if map_file is None else read_map(map_file),
    }
    if print_map:
        _print_maps(paths, options)
        return
    targets = _targets(paths, out, clip)
    make_folder(out)
    facts, failures = [], []
    with counting("importing") as progress:
        for number, (target, (path, name)) in enumerate(targets.items()):
            progress(number, len(targets))
            try:
                motion = _read(path, {**options, "clip": name})
                save_npz(motion, target)
            except (MotionAgentError, OSError) as err:
                if len(targets) == 1:
                    raise
                complain(str(err))
                failures.append((path, err))
                continue
            say(f"{path}: {motion.duration:.1f} s, {len(motion)} frames -> {target} ({motion.id})")
            for line in motion.provenance.get("notes", ()):
                note(f"{path}: {line}")
            facts.append({"source": str(path), "path": str(target), **describe(motion)})
            facts[-1]["notes"] = list(motion.provenance.get("notes", ()))
    failed = [{"source": str(path), "message": plain(str(err))} for path, err in failures]
    answer({"motions": facts, "failed": failed})
    if failures:
        note(f"{len(facts)} of {len(targets)} files imported", style=None)
        raise typer.Exit(ExitCode.FAILURE if facts else exit_code(failures[0][1]))


def _check_unit(unit: str | None) -> None:
    """Check the name of a unit.

    Raises:
        InputError: unknown unit; the message suggests a similar one.
    """
    from ..motion_core.errors import InputError
    from ..motion_core.formats.body import metres_of

    try:
        metres_of(unit or "m")
    except InputError as err:
        raise InputError(f"{err}{did_you_mean(unit or '', METRES)}") from err


def parse_frames(text: str | None) -> tuple[int | None, int | None] | None:
    """Return the first frame and the one after the last in ``"30:120"``, ``"30:"`` or ``":120"``.

    Raises:
        InputError: the text has another form.
    """
    from ..motion_core.errors import InputError

    if text is None:
        return None
    first, colon, end = text.partition(":")
    if not colon or not all(part.strip().isdecimal() or not part.strip() for part in (first, end)):
        raise InputError(f"--frames {text!r} is not FIRST:END, such as 30:120 or 30:")
    start, stop = (int(part) if part.strip() else None for part in (first, end))
    if stop is not None and stop <= (start or 0):
        raise InputError(f"--frames {text!r} selects no frame; the end must be after the first")
    return start, stop


def _read(path: Path, options: dict[str, Any]) -> Any:
    from ..motion_core.formats import read_motion

    check_there(path)
    return read_motion(path, **options)


def _targets(paths: list[Path], out: Path, clip: str | None) -> dict[Path, tuple[Path, str | None]]:
    """Return the target of each file, or of each animation in a file.

    Raises:
        InputError: two have the same target, or a file would be overwritten.
    """
    from ..motion_core.errors import InputError
    from ..motion_core.formats import list_clips

    targets: dict[Path, tuple[Path, str | None]] = {}
    for path in paths:
        clips: list[str | None] = [clip]
        if clip == ALL_CLIPS:
            check_there(path)
            clips = list(list_clips(path))
        for name in clips:
            stem = f"{path.stem}-{file_name(name)}" if clip == ALL_CLIPS and name else path.stem
            target = out / f"{stem}.npz"
            if target in targets:
                raise InputError(f"{targets[target][0]} and {path} would both become {target}")
            if target.resolve() == path.resolve():
                raise InputError(f"{path} would be overwritten; choose another folder with --out")
            targets[target] = path, name
    return targets


def _print_maps(paths: list[Path], options: dict[str, Any]) -> None:
    """Print each file's joint map as JSON for ``--map``, with its confidence on stderr."""
    from ..motion_core.formats import find_map

    for path in paths:
        check_there(path)
        chosen = find_map(path, **options, sure=False)
        note(f"{path}: {chosen.source}, confidence {chosen.confidence:.2f}")
        say(chosen.as_json())
    answer({"joints": {str(path): find_map(path, **options, sure=False).joints for path in paths}})
