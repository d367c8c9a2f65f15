"""Makes the gallery, ``docs/gallery.md`` and its strips, and the README's GIF: ``make gallery``.

    python docs/make_gallery.py [--data data/prepared] [--first 3]

Every picture is what the shipped checkpoint makes of the words with seed 0, the first and only try;
a bad one stays in. The descriptions were fixed before any was looked at. Rendering is
deterministic, and so is generation on one kind of machine. ``--data`` counts anew in how many
training recordings each action is.
"""

from __future__ import annotations

import argparse
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from motion_agent import Motion, MotionAgent, load_engine
from motion_agent.motion_core.atomic import replacing
from motion_agent.motion_core.composition import assemble, generate_segments
from motion_agent.motion_core.motion import Segment
from motion_agent.motion_core.rendering import Body
from motion_agent.motion_core.rendering.film_strip import paint_strip
from motion_agent.motion_core.rendering.scene import make_scene
from motion_agent.motion_core.rendering.stage import Stage

if TYPE_CHECKING:
    from motion_agent.motion_core.datasets import PreparedDataset

DOCS = Path(__file__).parent
PICTURES = DOCS / "images" / "gallery"
COUNTS = PICTURES / "trials.json"
FIRST = "A person walks forward, then jumps forward, then sits down."
DESCRIPTIONS = {
    "a person sits down": r"\bsit(s|ting)? (down|on)|\bsat down",
    "a person gets up from lying on the floor": r"\b(get|stand)\w* up\b.*\b(floor|ground|l[aiy])"
    r"|\b(ly|lay|lie|lies)\w*\b.*\b(gets?|getting|stands?|standing|got|rises?) (back )?up",
    "a person drinks": r"\bdr[iau]nk",
    "a person crawls": r"\bcrawl",
    "a person does push-ups": r"\bpush[- ]?ups?\b",
    "a person does jumping jacks": r"\bjumping[- ]jacks?\b",
    "a person does squats": r"\bsquat",
    "a person boxes": r"\b(shadow ?)?box(es|ing)\b",
    "a person does a cartwheel": r"\bcart ?wheel",
    "a person climbs stairs": r"\bstairs?\b|\bstaircase",
    "a person walks like a zombie": r"\bzombie",
    "a person dances salsa": r"\bsalsa",
    "a person swings a golf club": r"\bgolf",
    "a person throws a ball": r"\bthr(ow|ew)",
    "a person picks something up from the floor": r"\bpick(s|ing|ed)?\b.*\bup\b",
    "a person claps": r"\bclap",
    "a person kicks": r"\bkick",
    "a person jumps forward": r"\b(jump|leap)\w* forward|\b(forward|long) jump",
    "a person balances on one leg": r"\bbalanc\w*.*\bone (leg|foot)"
    r"|\bone[- ](leg|foot)\w*.*\bbalanc",
    "a person sweeps the floor": r"\bsweep|\bswept",
    "a person swims": r"\bsw(im|am)",
    "a person runs and stops": r"\b(run|jog|ran)\w*\b.*\bstop",
    "a person turns around": r"\bturn(s|ing|ed)? around",
    "a person walks in a circle": r"\bwalk\w*\b.*\bcircle",
}
"""What people ask for first, and what tells a caption of it."""
MOMENTS, HEIGHT, COLOURS = 12, 160, 64
EVERY = 2  # frames; GIFs play at 10 a second


def main() -> None:
    """Count if asked, generate, draw, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, help="prepared data set in which to count")
    parser.add_argument("--first", type=int, help="only so many strips, and no page")
    parser.add_argument("--out", type=Path, default=PICTURES, help="folder of the strips")
    options = parser.parse_args()
    if options.data is not None:
        from motion_agent.motion_core.datasets import PreparedDataset

        counts = count_trials(PreparedDataset.load(options.data))
        with replacing(COUNTS) as path:
            path.write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
    engine = load_engine()
    chosen = list(DESCRIPTIONS)[: options.first]
    pending = [
        Segment(f"s{number}", description) for number, description in enumerate(chosen, start=1)
    ]
    names, total = [], 0
    seconds = {}
    for segment in generate_segments(engine, pending):
        motion = assemble(engine, [segment])
        path = options.out / f"{re.sub(r'[^a-z]+', '-', segment.description)}.png"
        write_strip(motion, path)
        total += path.stat().st_size
        names.append(path.name)
        seconds[segment.description] = motion.duration
    print(f"{len(names)} strips, {total / 1000:.0f} kB")
    if options.first is not None:
        return
    with replacing(DOCS / "gallery.md") as page:
        page.write_text(_page(names, seconds), encoding="utf-8")
    first = MotionAgent(engine=engine).run(FIRST).motion
    assert first is not None
    path = DOCS / "images" / "first-motion.gif"
    write_gif(first, path, size=(400, 226), colours=40, words=True)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, {first.duration:.1f} s")


def count_trials(dataset: PreparedDataset) -> dict[str, int]:
    """For each description, the training recordings with a caption of that action; no mirrors."""
    trials: dict[str, set[str]] = {description: set() for description in DESCRIPTIONS}
    for clip in dataset.split("train"):
        if clip.mirrored:
            continue
        for description, pattern in DESCRIPTIONS.items():
            if any(re.search(pattern, text, re.IGNORECASE) for text in clip.texts):
                trials[description].add(clip.recording)
    return {description: len(found) for description, found in trials.items()}


def write_strip(motion: Motion, path: Path) -> None:
    """A small film strip without words: what it shows should be seen."""
    strip = paint_strip(make_scene(Motion(motion.features)), frames=MOMENTS, height=HEIGHT)
    reduced = Image.fromarray(strip).quantize(COLOURS, dither=Image.Dither.NONE)
    with replacing(path) as temporary:
        reduced.save(temporary, "PNG", optimize=True)


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


def _page(names: Sequence[str], seconds: dict[str, float]) -> str:
    counts = json.loads(COUNTS.read_text(encoding="utf-8"))
    lines = [
        "# Gallery",
        "",
        f"Made by `make gallery`: {len(names)} descriptions of what people ask for first, with the"
        " checkpoint that ships, its own sampling and seed 0.",
        "The descriptions were fixed before any was looked at, and there was no second try: what"
        " went wrong is here, too.",
        "Another seed gives another motion. Trials are the training recordings with a caption of"
        " the action, mirror images aside.",
        "",
        "| description | trials | seconds | |",
        "|---|--:|--:|---|",
    ]
    for name, (description, duration) in zip(names, seconds.items(), strict=True):
        picture = f"![{description}](images/gallery/{name})"
        lines.append(f"| {description} | {counts[description]} | {duration:.1f} | {picture} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
