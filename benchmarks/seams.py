"""The quality of joins between segments, and the effect of each repair.

    OMP_NUM_THREADS=1 python benchmarks/seams.py [--pairs 100] [--seed 0] [--pictures FOLDER]

Random pairs of descriptions are generated with the default engine and joined: decoded apart and
concatenated, decoded together, and with each repair. The descriptions are captions of the prepared
data set's test split if there is one (from `motion-agent data prepare`), else phrases that the
checkpoint knows. With the data set it first measures real motion at random positions, the source of
the limits in `motion_core/seams.py`.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from motion_agent.motion_core.choices import PREPARED
from motion_agent.motion_core.composition import assemble, generate_segments
from motion_agent.motion_core.datasets.prepared import PreparedDataset
from motion_agent.motion_core.engine import TokenEngine
from motion_agent.motion_core.engines import load_engine
from motion_agent.motion_core.joining import Joined, join_segments
from motion_agent.motion_core.limits import DEFAULT_ENGINE
from motion_agent.motion_core.mending import KINDS, Kind
from motion_agent.motion_core.motion import FRAMES_PER_TOKEN, Motion, Segment
from motion_agent.motion_core.rendering import film_strip
from motion_agent.motion_core.seams import LIMITS, SeamReport, measure_seams

POOL = 50  # descriptions; pairs are drawn from them, so that generation takes only a minute or two
BATCH = 10
PHRASES = (
    "walks forward", "runs", "walks backwards", "jumps", "waves with the right hand", "bows",
    "kicks with the left foot", "punches", "dances", "sits down", "stands up", "turns around",
    "throws a ball", "claps", "squats", "walks in a circle", "does a cartwheel", "stretches",
)  # fmt: skip
MODES: dict[str, tuple[Kind, ...]] = {
    "decoded once": (),
    "+ take": ("take",),
    "+ trim": ("trim",),
    "+ blend": ("blend",),
    "+ trim, blend": ("trim", "blend"),
    "+ fill": ("fill",),
    "+ trim, blend, fill": ("trim", "blend", "fill"),
    "all": KINDS,
}


class Takes:
    """Generates each segment (description, seed, duration) once and remembers its time."""

    def __init__(self, engine: TokenEngine) -> None:
        self.engine = engine
        self.segments: dict[tuple[str, int, float], tuple[Segment, float]] = {}
        self.seconds = 0.0  # time the answers would have taken without the cache
        self.calls = 0

    def __call__(self, requests: Sequence[Segment]) -> list[Segment]:
        keys = [(r.description, r.seed, r.seconds) for r in requests]
        missing = {k: r for k, r in zip(keys, requests, strict=True) if k not in self.segments}
        new = list(missing.items())
        for first in range(0, len(new), BATCH):
            group = new[first : first + BATCH]
            start = time.perf_counter()
            segments = generate_segments(self.engine, [request for _, request in group])
            seconds = (time.perf_counter() - start) / len(group)
            for (key, _), segment in zip(group, segments, strict=True):
                self.segments[key] = (segment, seconds)
        self.calls += 1
        self.seconds += sum(self.segments[key][1] for key in keys)
        return [
            replace(r, tokens=self.segments[k][0].tokens)
            for r, k in zip(requests, keys, strict=True)
        ]


def descriptions(dataset: PreparedDataset | None, random: np.random.Generator) -> list[str]:
    """Return `POOL` different descriptions, alternating actions and their captions so that rare
    ones appear.
    """
    if dataset is None:
        return [f"a {who} {what}" for what in PHRASES for who in ("person", "man", "woman")][:POOL]
    actions: dict[str, list[str]] = {}
    for clip in dataset.split("test"):
        actions.setdefault(clip.action, []).extend(clip.texts)
    names = sorted(actions)
    found: dict[str, None] = {}
    while len(found) < POOL:
        captions = actions[names[random.integers(len(names))]]
        found[captions[random.integers(len(captions))]] = None
    return list(found)


def real_positions(dataset: PreparedDataset, random: np.random.Generator) -> list[SeamReport]:
    """Return reports at two random positions of each real motion, as if there were a seam."""
    reports = []
    for clip in dataset.split("test"):
        tokens = clip.length // FRAMES_PER_TOKEN
        if tokens < 12:
            continue
        features = dataset.features(clip)[: tokens * FRAMES_PER_TOKEN]
        for cut in random.integers(4, tokens - 3, size=2):
            halves = (Segment("a", "", (0,) * cut), Segment("b", "", (0,) * (tokens - cut)))
            reports += measure_seams(Motion(features, halves))
    return reports


def inner_positions(
    engine: TokenEngine, segments: Sequence[Segment], random: np.random.Generator
) -> list[SeamReport]:
    """Return reports at a random position inside each generated motion, as if there were a seam."""
    reports = []
    for segment in segments:
        tokens = segment.tokens
        if len(tokens) >= 12:
            cut = int(random.integers(4, len(tokens) - 3))
            halves = (Segment("a", "", tokens[:cut]), Segment("b", "", tokens[cut:]))
            reports += measure_seams(Motion(engine.decode(tokens), halves))
    return reports


def report_real(reports: Sequence[SeamReport]) -> None:
    print(f"## {len(reports)} random positions inside real motion\n")
    print("| measure | median | 95 % | 98 % | 99 % | limit |\n|---|---|---|---|---|---|")
    for name, limit in LIMITS.items():
        values = [getattr(report, name) for report in reports]
        cells = " | ".join(f"{value:.3f}" for value in np.percentile(values, (50, 95, 98, 99)))
        print(f"| {name} | {cells} | {limit} |")
    print(f"\n{share(reports)} of them would count as bad.\n")


def glued(engine: TokenEngine, segments: Sequence[Segment]) -> Motion:
    """Decode each segment separately and concatenate them."""
    features = np.concatenate([engine.decode(segment.tokens) for segment in segments])
    return Motion(features, tuple(segments))


def share(reports: Sequence[SeamReport]) -> str:
    return f"{100 * np.mean([report.bad for report in reports]):.1f} %"


def row(name: str, reports: Sequence[SeamReport], won: str = "", seconds: str = "") -> None:
    means = (
        np.mean([getattr(r, key) for r in reports])
        for key in ("root_jump", "turn_jump", "pose_speed", "foot_slide")
    )
    root, turn, pose, slide = means
    print(
        f"| {name} | {share(reports)} | {root:.2f} | {turn:.3f} | {pose:.2f} | "
        f"{100 * slide:.1f} | {won} | {seconds} |",
        flush=True,
    )


def winners(results: Sequence[Joined]) -> str:
    won = Counter(" + ".join(r.won) or "none" for joined in results for r in joined.repairs)
    return ", ".join(f"{name} {count}" for name, count in won.most_common())


def draw(folder: Path, name: str, motion: Motion, around: int) -> None:
    """Draw a strip of the 1.2 s on either side of a seam."""
    reach = 24
    first = max(0, around - reach) // FRAMES_PER_TOKEN * FRAMES_PER_TOKEN
    features = motion.features[first : around + reach]
    before, after = motion.segments
    tokens = len(features) // FRAMES_PER_TOKEN
    cut = (around - first) // FRAMES_PER_TOKEN
    halves = (
        Segment(before.id, before.description, (0,) * cut),
        Segment(after.id, after.description, (0,) * (tokens - cut)),
    )
    film_strip(Motion(features[: tokens * FRAMES_PER_TOKEN], halves), folder / name, frames=12)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, default=PREPARED)
    parser.add_argument(
        "--modes", nargs="+", choices=MODES, help="rows of the table; by default all"
    )
    parser.add_argument("--checkpoint", type=Path, help="checkpoint folder, instead of the default")
    parser.add_argument("--pictures", type=Path, help="folder for film strips of the worst seams")
    arguments = parser.parse_args()
    random = np.random.default_rng(arguments.seed)
    dataset = None
    if (arguments.data / "dataset.json").is_file():
        dataset = PreparedDataset.load(arguments.data)
        report_real(real_positions(dataset, np.random.default_rng(arguments.seed)))

    engine = load_engine(str(arguments.checkpoint or DEFAULT_ENGINE))
    assert isinstance(engine, TokenEngine)
    takes = Takes(engine)
    pool = descriptions(dataset, random)
    pairs = []
    start = time.perf_counter()
    alone = takes([Segment("s1", text, seed=i) for i, text in enumerate(pool)])
    generating = (time.perf_counter() - start) / len(pool)
    for _ in range(arguments.pairs):
        one, other = random.choice(len(pool), size=2, replace=False)
        pairs.append([Segment(f"s{n}", pool[i], seed=int(i)) for n, i in ((1, one), (2, other))])
    source = "captions of the test split" if dataset else "phrases"
    print(f"## {len(pairs)} random pairs of {len(pool)} {source}, {engine.name}\n")
    print(
        "| | bad | root jump m/s | turn jump rad/s | pose speed m/s | foot slide cm | won |"
        " extra s a pair |\n|---|---|---|---|---|---|---|---|"
    )
    segments = [takes(pair) for pair in pairs]
    inner = inner_positions(engine, alone, np.random.default_rng(arguments.seed))
    row("inside one segment, for comparison", inner)
    row("decoded apart and glued", [measure_seams(glued(engine, s))[0] for s in segments])
    outcomes: dict[str, list[Joined]] = {}
    plain = 0.0
    chosen = arguments.modes or list(MODES)
    for name in chosen:
        kinds = MODES[name]
        takes.seconds, takes.calls = 0.0, 0
        computing, results = 0.0, []
        for pair, pair_segments in zip(pairs, segments, strict=True):
            new = [segment.id for segment in pair]
            if kinds:  # generation is cached and not part of this time
                join_segments(engine, pair_segments, new=new, repair=kinds, generate=takes)
            takes_before, calls_before = takes.seconds, takes.calls
            start = time.perf_counter()
            joined = join_segments(engine, pair_segments, new=new, repair=kinds, generate=takes)
            computing += time.perf_counter() - start
            if kinds:  # the first of the two calls generated; the second would have too
                takes.seconds, takes.calls = takes_before, calls_before
            results.append(joined)
        outcomes[name] = results
        plain = plain or computing
        extra = f"{(computing - plain) / len(pairs):.3f}"
        if takes.calls:
            extra += f" + {takes.seconds / len(pairs):.1f} generating ({takes.calls} calls)"
        reports = [joined.seams[0] for joined in results]
        row(name, reports, winners(results) if kinds else "", extra if kinds else "")
    print(f"\nGenerating takes {generating:.1f} s a description, in batches of {BATCH}.")

    before, after = outcomes["decoded once"], outcomes[chosen[-1]]
    for joined, pair_segments in zip(after, segments, strict=True):
        again = assemble(engine, joined.segments, blends=joined.blends, fills=joined.fills)
        assert np.array_equal(again.features, joined.motion.features), pair_segments
    if arguments.pictures:
        arguments.pictures.mkdir(parents=True, exist_ok=True)
        worst = sorted(range(len(pairs)), key=lambda i: -before[i].seams[0].severity)
        for i in worst[:6]:
            apart = glued(engine, segments[i])
            draw(arguments.pictures, f"{i}-glued.png", apart, before[i].seams[0].frame)
            for label, joined in (("before", before[i]), ("after", after[i])):
                frame = joined.seams[0].frame
                draw(arguments.pictures, f"{i}-{label}.png", joined.motion, frame)
            print(i, before[i].seams[0].reasons, "->", *after[i].repairs, after[i].seams[0].reasons)


if __name__ == "__main__":
    main()
