"""The effect of clean-up on feet and body: how far feet slide, how far joints move.

    OMP_NUM_THREADS=1 python benchmarks/cleaning.py [--real 40] [--seed 0] [--strips FOLDER]

Real motions are neutral clips of the test split of data/prepared (if it exists); generated ones
come from the default engine and the descriptions below. Slide is the horizontal speed of ankles and
balls in the frames where they stand before clean-up (contact channel, slow, low), so both columns
use the same frames. Skating is the share of frames in which a ball is less than 5 cm above its low
position (the 10th percentile) and moves faster than 0.5 m/s along the floor. Displacement is
measured with the first frames of both aligned. `--strips` draws before and after.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from motion_agent.motion_core.cleaning import FEET, clean, planted_feet
from motion_agent.motion_core.motion import Motion, Segment
from motion_agent.motion_core.placement import Placement

PREPARED = Path(__file__).resolve().parents[1] / "data" / "prepared"
FPS = 20
DESCRIPTIONS = (
    "a person walks forward",
    "a person runs in a circle",
    "a person jumps up and down",
    "a person sits down on a chair",
    "a person waves with the right hand",
    "a person kicks with the left leg",
    "a person throws a ball",
    "a person dances",
    "a person does a cartwheel",
    "a person picks something up from the floor",
    "a person turns around to the left",
    "a person walks backwards slowly",
    "a person climbs stairs",
    "a person punches with both hands",
    "a person kneels down and stands up",
    "a person bows",
    "a person stretches both arms overhead",
    "a person squats",
    "a person crawls on the floor",
    "a person swims",
)
VARIANTS: dict[str, dict[str, bool | int]] = {
    "skeleton only": {"feet": False, "ground": False, "smooth": 0},
    "smooth": {"feet": False, "ground": False, "smooth": 5},
    "ground": {"feet": False, "ground": True, "smooth": 0},
    "feet": {"feet": True, "ground": False, "smooth": 0},
    "all": {"feet": True, "ground": True, "smooth": 5},
}


def real_motions(count: int) -> list[Motion]:
    from motion_agent.motion_core.datasets.prepared import PreparedDataset

    data = PreparedDataset.load(PREPARED)
    clips = [clip for clip in data.clips if clip.split == "test" and not clip.mirrored]
    chosen = np.linspace(0, len(clips) - 1, count).astype(int)
    return [Motion(data.features(clips[i]), provenance={"source": clips[i].id}) for i in chosen]


def generated_motions(seed: int) -> list[Motion]:
    from motion_agent.motion_core.composition import assemble, generate_segments
    from motion_agent.motion_core.engines import load_engine

    engine = load_engine()
    pending = [Segment("s1", text, seed=seed + i) for i, text in enumerate(DESCRIPTIONS)]
    return [assemble(engine, [segment]) for segment in generate_segments(engine, pending)]


def slide(motion: Motion, stands: NDArray[np.bool_]) -> tuple[float, int]:
    """Return the metres that standing feet slide, and the number of joint-frames."""
    feet = motion.joints[:, list(FEET)][..., [0, 2]]
    moved = np.linalg.norm(np.diff(feet, axis=0), axis=-1)
    both = stands[1:] & stands[:-1]
    return float(moved[both].sum()), int(both.sum())


def skating(motion: Motion) -> NDArray[np.bool_]:
    balls = motion.joints[:, [10, 11]]
    low = balls[1:, :, 1] < np.percentile(balls[..., 1], 10) + 0.05
    fast = np.linalg.norm(np.diff(balls[..., [0, 2]], axis=0), axis=-1) * FPS > 0.5
    return np.asarray((low & fast).any(axis=1))


def jitter(motion: Motion) -> float:
    """Return the mean size of the third derivative of all joints, m/s³."""
    third = np.diff(motion.joints.astype(float), n=3, axis=0) * FPS**3
    return float(np.linalg.norm(third, axis=-1).mean())


def table(name: str, motions: list[Motion]) -> None:
    print(f"\n{name}: {len(motions)} motions, {sum(m.duration for m in motions):.0f} s")
    print(f"{'':15}{'slide':>9}{'skating':>9}{'below floor':>13}{'jitter':>8}{'displacement':>23}")
    print(
        f"{'':15}{'cm/s':>9}{'frames':>9}{'frames >2cm':>13}{'m/s³':>8}{'mean, 99 %, max cm':>23}"
    )
    masks = [planted_feet(m.joints.astype(float), m.features[:, 259:263] > 0.5) for m in motions]
    for label, settings in {"before": None, **VARIANTS}.items():
        after = [m if settings is None else clean(m, **settings) for m in motions]  # type: ignore[arg-type]
        slid = [slide(m, mask) for m, mask in zip(after, masks, strict=True)]
        moved = np.concatenate([_displacement(a, b) for a, b in zip(motions, after, strict=True)])
        speed = sum(s for s, _ in slid) / max(sum(n for _, n in slid), 1) * FPS * 100
        skated = np.concatenate([skating(m) for m in after]).mean() * 100
        low = np.concatenate([_below(m) for m in after]).mean() * 100
        print(
            f"{label:15}{speed:9.2f}{skated:8.1f}%{low:12.1f}%"
            f"{np.mean([jitter(m) for m in after]):8.1f}"
            f"{moved.mean():9.2f}{np.percentile(moved, 99):7.1f}{moved.max():7.1f}"
        )


def _displacement(before: Motion, after: Motion) -> NDArray[np.float64]:
    """Return the centimetres that each joint is moved, with the first frames aligned."""
    a, b = (m.joints.astype(float) - m.joints[0, 0] * [1, 0, 1] for m in (before, after))
    ax, az, bx, bz = a[0, :, 0], a[0, :, 2], b[0, :, 0], b[0, :, 2]
    turn = np.arctan2((bz * ax - bx * az).sum(), (bx * ax + bz * az).sum())
    b = Placement(np.degrees(turn)).apply(b)
    return np.asarray(np.linalg.norm(a - b, axis=-1).ravel() * 100)


def _below(motion: Motion) -> NDArray[np.bool_]:
    """Return the frames in which a foot is more than 2 cm below its usual standing height."""
    balls = motion.joints[:, [10, 11], 1]
    return np.asarray(balls.min(axis=1) < np.percentile(balls.min(axis=1), 25) - 0.02)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--real", type=int, default=40, help="number of real motions")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--strips", type=Path, help="folder for film strips before and after")
    args = parser.parse_args()
    groups = {"generated": generated_motions(args.seed)}
    if (PREPARED / "dataset.json").is_file():
        groups["real"] = real_motions(args.real)
    for name, motions in groups.items():
        table(name, motions)
        if args.strips:
            from motion_agent.motion_core.rendering import film_strip

            for number, motion in enumerate(motions):
                film_strip(motion, args.strips / f"{name}-{number:02d}-before.png")
                film_strip(clean(motion), args.strips / f"{name}-{number:02d}-clean.png")


if __name__ == "__main__":
    main()
