"""How low an FID can be: that of recordings to other recordings of the same data.

    python benchmarks/fid_floor.py --data data/prepared

Two sets of clips are drawn at random, as many each as an evaluation has, no two of them
near-duplicates, and compared as `motion-agent evaluate` compares generated motions with recorded
ones. FID estimates two covariances from few points, so it is not 0 even for motions of one source,
and all the larger the fewer there are.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from motion_agent.motion_core.datasets.prepared import PreparedDataset
from motion_agent.motion_core.evaluation.evaluate import LONGEST
from motion_agent.motion_core.evaluation.matching import MatchingNetwork
from motion_agent.motion_core.evaluation.metrics import fid
from motion_agent.motion_core.evaluation.pairs import pairs_of
from motion_agent.motion_core.motionllm.checkpoint import DEFAULT_CHECKPOINT

COUNTS = (53, 101, 200)  # captions by people: validation split, test split, more
DRAWS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("data/prepared"))
    parser.add_argument("--split", default="train", choices=("train", "validation", "test"))
    arguments = parser.parse_args()
    dataset = PreparedDataset.load(arguments.data)
    groups = {  # near-duplicates are one
        pair.group: pair.clip
        for pair in pairs_of(dataset, dataset.split(arguments.split))
        if pair.kind == "people" and not pair.clip.mirrored and pair.clip.length <= LONGEST
    }
    network = MatchingNetwork.load(DEFAULT_CHECKPOINT)
    points = network.embed_motions([dataset.features(clip) for clip in groups.values()])
    print(
        f"{len(points)} groups of recordings of the {arguments.split} split with captions by people"
    )
    random = np.random.default_rng(0)
    for count in COUNTS:
        if 2 * count > len(points):
            continue
        orders = [random.permutation(len(points)) for _ in range(DRAWS)]
        found = [fid(points[o[:count]], points[o[count : 2 * count]]) for o in orders]
        print(
            f"two sets of {count}: FID {np.mean(found):.2f}, from {min(found):.2f} to"
            f" {max(found):.2f} in {DRAWS} draws"
        )


if __name__ == "__main__":
    main()
