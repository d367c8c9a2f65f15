"""Motion as a still: a film strip of moments with their captions, and a poster of one frame."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image as Pictures

from ..choices import Theme
from ..errors import InputError
from ..motion import Motion
from .camera import plan_portraits
from .lettering import text_mask, wrapped
from .mannequin import FloatArray
from .output import finished_file
from .palette import PALETTES, rgb
from .panel import fill, stamp
from .scene import Body, Caption, Scene, make_scene
from .shading import Image
from .stage import Stage

MAX_MOMENTS = 48


def film_strip(
    motion: Motion | Sequence[Body],
    path: str | os.PathLike[str],
    *,
    frames: int = 8,
    height: int = 360,
    theme: Theme = "light",
) -> Path:
    """Write a PNG of moments side by side, with each segment's caption below its moments.

    Args:
        motion: one motion, or bodies with their placements.
        path: ends in ``.png``.
        frames: number of moments; every segment gets at least one if there are enough.
        height: of a moment in pixels.
        theme: ``light`` or ``dark``.

    Raises:
        InputError: unsupported suffix, number, size or theme.
        UnavailableError: the file cannot be written.
    """
    with finished_file(path, ".png") as temporary:
        strip = paint_strip(make_scene(motion), frames=frames, height=height, theme=theme)
        Pictures.fromarray(strip).save(temporary, format="PNG", optimize=True)
    return Path(path)


def paint_strip(
    scene: Scene, *, frames: int = 8, height: int = 360, theme: Theme = "light"
) -> Image:
    """Return the picture of `film_strip`, RGB."""
    if not 1 <= frames <= MAX_MOMENTS:
        raise InputError(f"a strip cannot have {frames} moments; use 1 to {MAX_MOMENTS}")
    captions = next(filter(None, scene.captions), (Caption(0, scene.frames, ""),))
    poses = np.concatenate([points - points[:, :1] for points in scene.people], axis=1)
    groups = _moments(captions, min(frames, scene.frames), poses)
    size = (round(height * 0.62), height)
    people, moments = scene.outlines(), [m for _, moments in groups for m in moments]
    camera = plan_portraits(people, moments, size)
    stage = Stage(scene, size, theme=theme, camera=camera, panel=False)
    pictures = [[stage.paint(moment) for moment in moments] for _, moments in groups]
    return _mounted(pictures, [_words(scene, caption) for caption, _ in groups], theme)


def _words(scene: Scene, during: Caption) -> list[str]:
    """Return what each person does during a caption."""
    return [
        "; ".join(c.text for c in spans if c.start < during.end and c.end > during.start)
        for spans in scene.captions
    ]


def poster(
    motion: Motion | Sequence[Body],
    path: str | os.PathLike[str],
    *,
    frame: int | None = None,
    size: tuple[int, int] = (960, 540),
    theme: Theme = "light",
) -> Path:
    """Write one frame of the video as a PNG; by default the one in the middle.

    Raises:
        InputError: unsupported suffix, frame, size or theme.
        UnavailableError: the file cannot be written.
    """
    with finished_file(path, ".png") as temporary:
        stage = Stage(make_scene(motion), size, theme=theme)
        number = stage.scene.frames // 2 if frame is None else frame
        if not 0 <= number < stage.scene.frames:
            raise InputError(
                f"there is no frame {number}; the motion has {stage.scene.frames}, counted from 0"
            )
        Pictures.fromarray(stage.paint(number)).save(temporary, format="PNG", optimize=True)
    return Path(path)


def _moments(
    captions: Sequence[Caption], count: int, poses: FloatArray
) -> list[tuple[Caption, list[int]]]:
    """Return each caption with its frames, `count` in all, shared out by duration.

    A caption's time is cut into equal stretches, and the middle half of each is searched: first for
    the pose farthest from the average, so that a bow is shown at its deepest, then for the pose
    farthest from the previous one, so that a walk is not shown in a single phase.

    Args:
        captions: in order.
        count: number of moments.
        poses: ``(T, n, 3)`` body points about the root.
    """
    if count < len(captions):  # more segments than moments: `count` segments, evenly chosen
        chosen = np.linspace(0, len(captions) - 1, count).round().astype(int)
        captions = [captions[index] for index in chosen]
    lengths = np.array([caption.end - caption.start for caption in captions], dtype=float)
    shares = np.ones(len(captions), dtype=int)
    for _ in range(count - len(captions)):
        shares[np.argmax(lengths / shares)] += 1
    groups = []
    for caption, length, share in zip(captions, lengths, shares, strict=True):
        edges = caption.start + length * (np.arange(share)[:, None] + [0.25, 0.75]) / share
        moments: list[int] = []
        for first, last in edges.astype(int):
            before = poses[moments[-1]] if moments else poses.mean(axis=0)
            unlike = np.linalg.norm(poses[first : last + 1] - before, axis=-1).mean(axis=-1)
            moments.append(int(first + np.argmax(unlike)))
        groups.append((caption, moments))
    return groups


def _mounted(groups: list[list[Image]], texts: list[list[str]], theme: Theme) -> Image:
    """Return pictures in a row, with wider gaps between groups and each group's caption below
    it.
    """
    palette = PALETTES[theme]
    height, width = groups[0][0].shape[:2]
    unit = height / 360
    gap, pause, edge = round(3 * unit), round(18 * unit), round(18 * unit)
    size = max(9, round(17 * unit))
    line = round(size * 1.35)
    spans = [len(pictures) * (width + gap) - gap for pictures in groups]
    several = len(texts[0]) > 1
    mark = round(12 * unit) if several else 0  # room for the colour of the person
    words = [
        [
            (person, row)
            for person, text in enumerate(captions)
            for row in wrapped(text, size, max_width=span - mark, max_lines=2 if several else 3)
            if row
        ]
        for captions, span in zip(texts, spans, strict=True)
    ]
    deepest = max(len(lines) for lines in words)
    below = round(22 * unit) + deepest * line if deepest else 0
    shape = (2 * edge + height + below, 2 * edge + sum(spans) + pause * (len(groups) - 1), 3)
    strip = np.empty(shape, dtype=np.uint8)
    strip[:] = rgb(palette.panel)
    left = edge
    for pictures, lines, span in zip(groups, words, spans, strict=True):
        for index, picture in enumerate(pictures):
            x = left + index * (width + gap)
            strip[edge : edge + height, x : x + width] = picture
        if below:
            y = edge + height + round(9 * unit)
            fill(strip, left, y, span, round(3 * unit), rgb(palette.accent))
        for row, (person, text) in enumerate(lines):
            y = edge + height + round(20 * unit) + row * line
            if several:
                colour = rgb(palette.people[person]["left"])
                fill(strip, left, y, round(4 * unit), line, colour)
            stamp(strip, text_mask(text, size, max_width=span - mark), left + mark, y, palette.text)
        left += span + pause
    return strip
