"""The time each export takes, its file's size, and how accurately joints come back from it.

    OMP_NUM_THREADS=1 python benchmarks/exports.py [FILE...] [--videos]

Times and sizes are for the first FILE (by default tests/samples/walk.npy) repeated to 10 seconds
and to 10 minutes; `--videos` adds .mp4, .gif, .html and .png. Errors are for every FILE, unchanged
and cleaned: the distance of joints from the originals, read back with our own kinematics. For the
first FILE, each joint's is shown: with the pelvis held where it is, as written, and of the closest
skeleton that many rounds find.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from motion_agent.motion_core import rotations
from motion_agent.motion_core.choices import EXPORTS
from motion_agent.motion_core.cleaning import clean
from motion_agent.motion_core.exporting import export
from motion_agent.motion_core.formats import read_joints, read_motion
from motion_agent.motion_core.formats.amass import amass_joints
from motion_agent.motion_core.formats.constant_bones import constant_bones
from motion_agent.motion_core.formats.posing import (
    pose_transforms,
    solve_pose,
    solve_rigid_pose,
)
from motion_agent.motion_core.motion import Motion
from motion_agent.motion_core.skeleton import JOINT_NAMES, PARENTS

SAMPLE = Path(__file__).resolve().parents[1] / "tests" / "samples" / "walk.npy"
DRAWN = ("mp4", "gif", "html", "png")


def measure(motion: Motion, folder: Path, *, videos: bool) -> None:
    short, long = (
        Motion(motion.features[np.arange(frames) % len(motion)]) for frames in (200, 12_000)
    )
    export(short, folder / "warm.glb")  # builds the mannequin once
    print(f"{'':12}{'10 s':>20}{'10 min':>20}")
    for suffix in EXPORTS:
        if suffix in DRAWN and not videos:
            continue
        cells = []
        for each in (short, long):
            start = time.perf_counter()
            (path,) = export(Motion(each.features), folder / f"motion.{suffix}")
            seconds = time.perf_counter() - start
            cells.append(f"{seconds:9.3f} s {path.stat().st_size / 1e6:6.2f} MB")
        print(f"{suffix:12}" + "".join(f"{cell:>20}" for cell in cells))


def compare(motions: list[Motion], folder: Path) -> None:
    print(f"\n{len(motions)} motions{'':8}{'mean mm':>9}{'99 % mm':>9}{'max mm':>9}")
    for label, group in (("as they are", motions), ("cleaned", [clean(m) for m in motions])):
        errors: dict[str, list[np.ndarray]] = {"bvh": [], "amass.npz": []}
        for motion in group:
            joints, _ = read_joints(motion.export(folder / "motion.bvh"), unit="m", up="y")
            errors["bvh"].append(np.linalg.norm(joints - motion.joints, axis=-1).ravel())
            with np.load(motion.export(folder / "motion.amass.npz")) as data:
                joints = amass_joints(data["poses"], data["trans"], data["offsets"])[::3]
            errors["amass.npz"].append(np.linalg.norm(joints - motion.joints, axis=-1).ravel())
        for suffix, parts in errors.items():
            off = np.concatenate(parts) * 1000
            print(
                f"{label:12}{suffix:9}{off.mean():9.2f}{np.percentile(off, 99):9.2f}"
                f"{off.max():9.2f}"
            )


def bones(motion: Motion) -> None:
    """Print how bones vary, and what that costs each joint of a skeleton that does not."""
    joints = motion.joints.astype(np.float64)
    pinned = solve_pose(joints, tolerance=np.inf)
    held, world = pose_transforms(pinned)
    written, _ = pose_transforms(solve_rigid_pose(joints))
    best = constant_bones(joints, world, pinned.offsets, rounds=60)
    errors = [np.linalg.norm(each - joints, axis=-1) * 1000 for each in (held, written, best)]
    lengths = np.linalg.norm(joints - joints[:, list(PARENTS)], axis=-1) * 100
    hips = rotations.normalize(joints[:, 1:3] - joints[:, :1])
    angle = np.degrees(np.arccos(np.clip((hips[:, 0] * hips[:, 1]).sum(-1), -1, 1)))
    print(f"\nfrom pelvis to the hips: {angle.min():.0f} to {angle.max():.0f} degrees apart")
    print(f"{'':16}{'bone, cm':>16}{'pelvis held':>14}{'as written':>14}{'closest':>14}  mean mm")
    for joint, name in enumerate(JOINT_NAMES):
        span = f"{lengths[:, joint].min():.1f} to {lengths[:, joint].max():.1f}" if joint else ""
        cells = "".join(f"{each[:, joint].mean():14.1f}" for each in errors)
        print(f"{name:16}{span:>16}{cells}")
    print(f"{'all':32}" + "".join(f"{each.mean():14.1f}" for each in errors))
    print(f"{'at most':32}" + "".join(f"{each.max():14.1f}" for each in errors))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, default=[SAMPLE])
    parser.add_argument("--videos", action="store_true", help="draw, too")
    args = parser.parse_args()
    motions = [read_motion(path) for path in args.files]
    with tempfile.TemporaryDirectory() as folder:
        measure(motions[0], Path(folder), videos=args.videos)
        compare(motions, Path(folder))
    bones(motions[0])


if __name__ == "__main__":
    main()
