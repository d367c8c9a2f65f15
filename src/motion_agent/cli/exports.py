"""Motions as files: which suffixes there are and what writes each."""

from __future__ import annotations

import re
from pathlib import Path

from ..motion_core.errors import InputError, UnavailableError
from ..motion_core.motion import Motion

FORMATS = ("npz", "npy", "bvh", "mp4", "html", "png")
DEFAULT_FORMATS = "npz,mp4,html,bvh"

WHAT = {
    "npz": "the motion, to caption, edit or convert",
    "npy": "its features (T, 263) as HumanML3D keeps them",
    "bvh": "for Blender and other animation programs",
    "mp4": "a video",
    "html": "a page to turn and scrub it in, open it in a browser",
    "png": "a film strip",
}


def parse_formats(text: str) -> tuple[str, ...]:
    """The formats in ``"npz, .MP4"``, in order and once each.

    Raises:
        InputError: none, or one that there is not.
    """
    wanted = [word.strip().lower().lstrip(".") for word in text.split(",") if word.strip()]
    unknown = [word for word in wanted if word not in FORMATS]
    if unknown or not wanted:
        what = f"unknown format {unknown[0]!r}" if unknown else "no format given"
        raise InputError(f"{what}; there are {', '.join(FORMATS)}")
    return tuple(dict.fromkeys(wanted))


def write_motion(motion: Motion, path: Path) -> None:
    """Write `motion` in the format that the suffix of `path` names.

    Raises:
        InputError: a suffix that there is not.
        UnavailableError: the file cannot be written.
    """
    (suffix,) = parse_formats(path.suffix or "?")
    if suffix == "mp4":
        from ..motion_core.rendering import render_video

        render_video(motion, path)
    elif suffix == "html":
        from ..motion_core.rendering import write_player

        write_player(motion, path)
    elif suffix == "png":
        from ..motion_core.rendering import film_strip

        film_strip(motion, path)
    else:
        from ..motion_core.formats import save_motion

        save_motion(motion, path)


def make_folder(folder: Path) -> Path:
    """`folder`, made if it is missing.

    Raises:
        UnavailableError: it cannot be made or is a file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise UnavailableError(
            f"cannot make the folder {folder} ({err.strerror}); choose another with --out"
        ) from err
    return folder


def file_name(text: str) -> str:
    """A short file name, without suffix, from what somebody said."""
    words = re.findall(r"\w+", text.lower())
    name = ""
    for word in words:
        if len(name) + len(word) > 60:
            break
        name += f"-{word}" if name else word
    return name or "motion"
