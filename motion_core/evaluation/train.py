"""The command that trains the matching network.

    python -m motion_agent.motion_core.evaluation.train --data data/prepared --out runs/matching

The same command continues a training that was stopped. In the folder: ``matching.safetensors``,
and the state, log and curves of the training.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import torch

from ..errors import MotionAgentError
from .matching import MatchingNetwork
from .matching_training import MatchingTraining, held_out_pairs, train_matching, validate


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains, and prints the R-precision of the held-out motions; returns the exit code."""
    defaults = MatchingTraining()
    parser = argparse.ArgumentParser(
        prog="python -m motion_agent.motion_core.evaluation.train",
        description="Train the text-motion matching network; the same command continues.",
    )
    parser.add_argument("--data", default="data/prepared", help="prepared data set")
    parser.add_argument("--out", default="runs/matching", help="folder for state and result")
    parser.add_argument("--steps", type=int, default=defaults.steps)
    parser.add_argument("--batch", type=int, default=defaults.batch)
    parser.add_argument("--lr", type=float, default=defaults.learning_rate)
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--device", help="cpu or cuda; without it, the GPU where there is one")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 for all cores")
    given = parser.parse_args(arguments)
    if given.threads:
        torch.set_num_threads(given.threads)
    try:
        from ..datasets import PreparedDataset

        dataset = PreparedDataset.load(given.data)
        options = MatchingTraining(
            steps=given.steps, batch=given.batch, learning_rate=given.lr, seed=given.seed
        )
        train_matching(dataset, given.out, options=options, device=given.device)
        network = MatchingNetwork.load(given.out)  # as it was rounded for the disk
        scores = {}
        for split in ("validation", "test"):
            pairs = held_out_pairs(dataset, split)
            if pairs:
                scores[split] = len(pairs), validate(network, dataset, pairs)
    except MotionAgentError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    for split, (count, found) in scores.items():
        first, third = found.top[0].value, found.top[-1].value
        print(
            f"R-precision of {count} {split} captions and their real motions among "
            f"{found.candidates}: top-1 {first:.1%}, top-3 {third:.1%}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
