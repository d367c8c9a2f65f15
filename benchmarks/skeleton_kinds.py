"""A report on how each sample skeleton is read, one line a file, to compare two versions.

    python benchmarks/skeleton_kinds.py KIND=FILE KIND=FILE … [--json]

A file is read as by `motion-agent import`. ``read`` means a person of usual build with the head
above the hips, ``wrong`` any other, and ``refused`` comes with the reason. It imports only what
early versions had, so that PYTHONPATH can point to another checkout.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from motion_agent.motion_core.formats import read_joints


def outcome(path: Path) -> str:
    """Return ``read``, ``wrong: …`` or ``refused: …``."""
    try:
        joints, fps = read_joints(path)
    except (ValueError, LookupError, OSError, ArithmeticError, RuntimeError) as error:
        reason = " ".join(str(error).replace(str(path), "").split())
        return f"refused: {reason[:70]}"
    chain = joints[:, [15, 12, 9, 6, 3, 0, 1, 4, 7]]
    build = float(np.median(np.linalg.norm(np.diff(chain, axis=1), axis=-1).sum(axis=1)))
    up = float(np.median(joints[:, 15, 1] - joints[:, 0, 1]))
    legs = np.linalg.norm(joints[:, [4, 5, 7, 8]] - joints[:, [1, 2, 4, 5]], axis=-1)
    steps = np.linalg.norm(np.diff(joints, axis=0), axis=-1).max() * fps if len(joints) > 1 else 0
    if not (1.2 < build < 2.2 and up > 0.2):
        return f"wrong: {build:.2f} m from head to ankle, head {up:.2f} m above the hips"
    if not 0.25 < float(np.median(legs)) < 0.6 or steps > 25:
        return f"wrong: thighs and shins of {np.median(legs):.2f} m, {steps:.0f} m/s"
    return "read"


def main() -> None:
    """Print a line, or a JSON value, for each file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("files", nargs="+", metavar="KIND=FILE")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    outcomes = {}
    for entry in arguments.files:
        kind, _, path = entry.partition("=")
        outcomes[kind] = outcome(Path(path))
        if not arguments.json:
            print(f"{kind:40} {outcomes[kind]}", flush=True)
    if arguments.json:
        print(json.dumps(outcomes))


if __name__ == "__main__":
    main()
