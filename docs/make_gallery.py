"""Makes the gallery, ``docs/gallery.md`` with its GIFs, and the README's GIF: ``make gallery``.

Every picture is what the shipped checkpoint makes of the words with seed 0, the first and only try;
a bad one stays in. Rendering is deterministic, and so is generation on one kind of machine.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from motion_agent import Motion, MotionAgent, load_engine
from motion_agent.motion_core.atomic import replacing
from motion_agent.motion_core.composition import assemble, generate_segments
from motion_agent.motion_core.motion import Segment
from motion_agent.motion_core.rendering import Body
from motion_agent.motion_core.rendering.scene import make_scene
from motion_agent.motion_core.rendering.stage import Stage

DOCS = Path(__file__).parent
FIRST = "A tired person walks forward, then waves with both hands, then bows."
DESCRIPTIONS = (
    "a person walks forward",
    "an old person walks",
    "a happy person walks",
    "a person runs",
    "a person waves with both hands",
    "a person raises the right hand",
    "a person bows",
    "a person squats",
    "a person hops",
    "a person kicks with the left foot",
    "a person sneaks",
    "a person dances",
)
SECONDS = 3.0
EVERY = 2  # frames; GIFs play at 10 a second


def main() -> None:
    """Generate, draw, write."""
    engine = load_engine()
    pending = [
        Segment(f"s{number}", description, seconds=SECONDS)
        for number, description in enumerate(DESCRIPTIONS, start=1)
    ]
    segments = generate_segments(engine, pending)
    cells, total = [], 0
    for segment in segments:
        name = f"{re.sub(r'[^a-z]+', '-', segment.description)}.gif"
        path = DOCS / "images" / "gallery" / name
        write_gif(assemble(engine, [segment]), path, size=(144, 144), colours=40, words=False)
        total += path.stat().st_size
        cells.append((segment.description, f"images/gallery/{name}"))
    with replacing(DOCS / "gallery.md") as page:
        page.write_text(_page(cells), encoding="utf-8")
    print(f"{len(cells)} GIFs, {total / 1000:.0f} kB")
    first = MotionAgent(engine=engine).run(FIRST).motion
    assert first is not None
    path = DOCS / "images" / "first-motion.gif"
    write_gif(first, path, size=(400, 226), colours=40, words=True)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, {first.duration:.1f} s")


def write_gif(
    motion: Motion, path: Path, *, size: tuple[int, int], colours: int, words: bool
) -> None:
    """A small GIF at 10 frames a second: few colours, and in each frame only what has changed."""
    stage = Stage(make_scene([Body(motion)]), size, panel=words)
    frames = [stage.paint(number) for number in range(0, stage.frames, EVERY)]
    palette = _palette(frames, colours)
    pictures: list[Image.Image] = []
    before = None
    for frame in frames:
        reduced = Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
        now = np.array(reduced)
        changed = now if before is None else np.where(now == before, colours, now)
        picture = Image.fromarray(changed.astype(np.uint8))
        picture.putpalette(palette.getpalette() or [])
        pictures.append(picture)
        before = now
    with io.BytesIO() as buffer:
        pictures[0].save(
            buffer,
            "GIF",
            save_all=True,
            append_images=pictures[1:],
            duration=1000 * EVERY // 20,
            loop=0,
            transparency=colours,  # the colour after the last: what was there stays
            disposal=1,
            optimize=False,
        )
        with replacing(path) as temporary:
            temporary.write_bytes(buffer.getvalue())


def _palette(frames: list[NDArray[np.uint8]], colours: int) -> Image.Image:
    """Colours by how different they are, not by how much room they take: most of it is floor."""
    chosen = np.linspace(0, len(frames) - 1, 8).round().astype(int)
    seen = np.concatenate([frames[index].reshape(-1, 3) for index in chosen])
    kinds, counts = np.unique(seen // 4, axis=0, return_counts=True)
    weights = np.ceil(np.sqrt(counts)).astype(int)
    weighted = np.repeat(kinds * 4 + 2, weights, axis=0).astype(np.uint8)
    return Image.fromarray(weighted[None]).quantize(colours, method=Image.Quantize.MEDIANCUT)


def _page(cells: list[tuple[str, str]]) -> str:
    lines = [
        "# Gallery",
        "",
        f"Made by `make gallery`: {len(cells)} descriptions, {SECONDS:g} seconds each, with the"
        " checkpoint that ships and seed 0.",
        "Nobody chose: what went wrong is here, too. (The model itself draws six takes and keeps"
        " the one that it reads best.)",
        "Another seed gives another one.",
        "",
        "| | | | |",
        "|:-:|:-:|:-:|:-:|",
    ]
    for first in range(0, len(cells), 4):
        row = [f"![{words}]({picture})<br>{words}" for words, picture in cells[first : first + 4]]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
