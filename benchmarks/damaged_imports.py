"""Recordings whose arrays say something wrong of themselves, imported and compared with the truth.

    python benchmarks/damaged_imports.py PREPARED [--count 300] [--seconds 6] [--seed 0] [--show 3]

PREPARED is a folder that `motion-agent data prepare` wrote. Joints of its training recordings, half
of them moved off the floor and the origin, are written to `.npy` files: unchanged, with another
axis up, with the path of the hips in another unit than the bones, and normalised by the mean and
deviation of each axis. Each is imported without any option. The table counts: right (within 6 cm of
the known joints in the mean, turned about the vertical and scaled to the same legs) without and
with a note, wrong with a note, refused, and wrong without a word.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skeleton_fuzz import WRONG, mean_error

from motion_agent.motion_core.datasets.prepared import PreparedDataset
from motion_agent.motion_core.errors import FormatError
from motion_agent.motion_core.formats import read_capture
from motion_agent.motion_core.formats.vertical import AXES, turn_up
from motion_agent.motion_core.representation import features_to_joints

Array = NDArray[np.float64]

OUTCOMES = ("right", "right, noted", "wrong, noted", "refused", "wrong")


def _path(scale: float) -> Callable[[Array], Array]:
    return lambda joints: joints + (scale - 1) * joints[:, :1]


DAMAGES: dict[str, Callable[[Array], Array]] = {
    "nothing": lambda joints: joints,
    **{f"{axis} up": lambda joints, a=axis: joints @ turn_up(a).T for axis in AXES if axis != "y"},
    **{f"path x {scale:g}": _path(scale) for scale in (0.001, 0.01, 100, 1000)},
    "normalised": lambda joints: (joints - joints.mean((0, 1))) / joints.std((0, 1)),
}


def recordings(
    folder: Path, count: int, seconds: float, random: np.random.Generator
) -> list[tuple[str, Array]]:
    """Return names and joints ``(T, 22, 3)`` of recordings, of each the first seconds."""
    data = PreparedDataset.load(folder)
    chosen = [one for one in data.motions("train") if not one.mirrored and one.length > 20]
    found = []
    for at in random.permutation(len(chosen))[:count]:
        one = chosen[at]
        features = data.features(one)[: int(20 * seconds)]
        joints = features_to_joints(features).astype(np.float64)
        if random.random() < 0.5:
            joints += random.uniform(-1, 1, size=3)
        found.append((one.id, joints))
    return found


def outcome(damaged: Array, truth: Array, path: Path) -> tuple[str, str]:
    """Return which of `OUTCOMES` an import has, and what it was about."""
    np.save(path, damaged)
    try:
        capture = read_capture(path)
    except FormatError as refusal:
        return "refused", str(refusal)[-120:]
    joints = capture.joints
    error = mean_error(joints, truth[-len(joints) :])  # a pose for reference is left out
    which = "wrong" if error > WRONG else "right"
    noted = ", noted" if capture.notes else ""
    return which + noted, f"{100 * error:.0f} cm; {'; '.join(capture.notes) or 'no note'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("prepared", type=Path, help="folder of `motion-agent data prepare`")
    parser.add_argument("--count", type=int, default=300, help="recordings")
    parser.add_argument("--seconds", type=float, default=6, help="of each recording, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=3, help="wrong imports to print of each kind")
    arguments = parser.parse_args()
    random = np.random.default_rng(arguments.seed)
    clips = recordings(arguments.prepared, arguments.count, arguments.seconds, random)
    print(f"{len(clips)} recordings")
    print(f"{'':14}" + "".join(f"{name:>14}" for name in OUTCOMES))
    with tempfile.TemporaryDirectory() as folder:
        for name, damage in DAMAGES.items():
            counts: Counter[str] = Counter()
            failures = []
            for which, joints in clips:
                result, detail = outcome(damage(joints), joints, Path(folder) / "clip.npy")
                counts[result] += 1
                if result == "wrong" or (result == "wrong, noted" and name == "nothing"):
                    failures.append(f"    {which}: {result}, {detail}")
            print(f"{name:14}" + "".join(f"{counts[each]:14}" for each in OUTCOMES), flush=True)
            for line in failures[: arguments.show]:
                print(line)


if __name__ == "__main__":
    main()
