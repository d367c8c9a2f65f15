"""Motions side by side in one video, each with its own title, camera and caption."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ..choices import CameraMode, Theme
from ..engine import Progress
from ..errors import InputError
from ..motion import Motion
from .lettering import text_mask
from .output import finished_file
from .palette import PALETTES, rgb
from .panel import Panel, fill, stamp
from .scene import Body, Scene, make_scene
from .shading import Image
from .stage import SMALLEST, Stage
from .video import SUFFIXES, check_even, default_size, write_pictures

MAX_COLUMNS = 6


def render_comparison(
    motions: Mapping[str, Motion | Sequence[Body]],
    path: str | os.PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    theme: Theme = "light",
    camera: CameraMode = "auto",
    progress: Progress | None = None,
) -> Path:
    """Write motions side by side; those that end early stand still until all have ended.

        render_comparison({"recorded": recorded, "generated": generated}, "both.mp4")

    Args:
        motions: title to motion, or to bodies in one scene, from left to right.
        path: ends in ``.mp4`` or ``.gif``.
        size: of the whole picture in pixels, both even; by default 480×540 for each, half for a
            GIF.
        theme: ``light`` or ``dark``.
        camera: as for `render_video`; each motion has its own.
        progress: called with (frames done, frames in all).

    Raises:
        InputError: unsupported suffix, number of motions, size or theme.
        UnavailableError: the file cannot be written.
    """
    if not 1 <= len(motions) <= MAX_COLUMNS:
        raise InputError(
            f"{len(motions)} motions cannot be compared in one video; give 1 to {MAX_COLUMNS}"
        )
    size = size or default_size(path, (480 * len(motions), 540))
    check_even(size)
    with finished_file(path, *SUFFIXES) as temporary:
        scenes = {title: make_scene(motion) for title, motion in motions.items()}
        painter = Comparison(scenes, size, theme=theme, camera=camera)
        write_pictures(painter, temporary, progress)
    return Path(path)


class Comparison:
    """Paints scenes side by side.

    Attributes:
        frames: of the longest scene.
    """

    def __init__(
        self,
        scenes: Mapping[str, Scene],
        size: tuple[int, int],
        *,
        theme: Theme = "light",
        camera: CameraMode = "auto",
    ) -> None:
        """Plan each column; see `render_comparison` for the arguments."""
        width, height = size
        unit = height / 540
        gap, self._head = max(2, round(4 * unit)), round(40 * unit)
        column = (width - gap * (len(scenes) - 1)) // len(scenes)
        if column < SMALLEST:
            raise InputError(
                f"{len(scenes)} motions in {width} pixels are {column} each; "
                f"{SMALLEST} are the least"
            )
        if theme not in PALETTES:
            raise InputError(f"no theme named {theme!r}; there are {', '.join(PALETTES)}")
        palette = PALETTES[theme]
        self.frames = max(scene.frames for scene in scenes.values())
        self._columns: list[tuple[int, Stage]] = []
        self._empty = np.empty((height, width, 3), dtype=np.uint8)
        fill(self._empty, 0, 0, width, height, rgb(palette.panel))
        least = max(Panel(scene, column, unit, palette).height for scene in scenes.values())
        lettering, margin = max(9, round(17 * unit)), round(16 * unit)
        for index, (title, scene) in enumerate(scenes.items()):
            x = index * (column + gap)
            panel = Panel(scene, column, unit, palette, least=least)
            area = (column, height - self._head)
            stage = Stage(scene, area, theme=theme, camera=camera, panel=panel)
            self._columns.append((x, stage))
            mask = text_mask(title, lettering, max_width=column - 2 * margin)
            stamp(self._empty, mask, x + margin, (self._head - mask.shape[0]) // 2, palette.text)

    def paint(self, frame: int) -> Image:
        """Return frame `frame` of all scenes, RGB ``(height, width, 3)``."""
        image: Image = self._empty.copy()
        for x, stage in self._columns:
            picture = stage.paint(min(frame, stage.frames - 1))
            image[self._head :, x : x + picture.shape[1]] = picture
        return image
