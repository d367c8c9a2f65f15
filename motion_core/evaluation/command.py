"""The command line of the evaluation, for use without the `motion-agent` command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from ..datasets.prepared import SPLITS, PreparedDataset
from ..errors import MotionAgentError
from .evaluate import EvaluationOptions, evaluate
from .matching import FILE, MatchingNetwork


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluates a checkpoint, writes the report and prints it; returns the exit code."""
    given = _parser().parse_args(arguments)
    if given.threads:
        torch.set_num_threads(given.threads)
    try:
        dataset = PreparedDataset.load(given.data)
        from ..motionllm import load_motionllm

        engine = load_motionllm(given.checkpoint)
        matching = MatchingNetwork.load(given.matching or _beside(given.checkpoint))
        options = EvaluationOptions(
            split=given.split,
            limit=given.limit,
            batch=given.batch,
            seed=given.seed,
            match_length=given.match_length,
            greedy=given.greedy,
            captions=not given.no_captions,
            multimodality=given.multimodality,
        )
        report = evaluate(engine, dataset, matching, options=options, progress=_say)
        paths = report.save(given.out)
    except MotionAgentError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(report.to_markdown())
    print(f"written: {paths[0]}, {paths[1]}")
    return 0


def _parser() -> argparse.ArgumentParser:
    defaults = EvaluationOptions()
    parser = argparse.ArgumentParser(
        prog="python -m motion_agent.motion_core.evaluation",
        description="Measure a checkpoint's motions and captions on clips it was not trained on.",
    )
    parser.add_argument("--checkpoint", help="folder; without it the shipped checkpoint")
    parser.add_argument("--data", default="data/prepared", help="prepared data set")
    parser.add_argument("--out", default="report", help="folder for evaluation.md and .json")
    parser.add_argument("--matching", help="folder of the matching network, if not the checkpoint")
    parser.add_argument("--split", choices=(*SPLITS, "all"), default=defaults.split)
    parser.add_argument("--limit", type=int, help="measure on this many clips only")
    parser.add_argument("--batch", type=int, default=defaults.batch)
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--match-length", action="store_true", help="motions as long as the clips")
    parser.add_argument("--greedy", action="store_true", help="take the most probable tokens")
    parser.add_argument("--no-captions", action="store_true", help="leave captions out")
    parser.add_argument(
        "--multimodality", type=int, default=0, metavar="N", help="10 takes each of N captions"
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 for all cores")
    return parser


def _beside(checkpoint: str | None) -> Path:
    """The matching network that belongs to a checkpoint: in its folder, or trained by itself."""
    shipped = Path(__file__).parent.parent / "checkpoints" / "smollm2-135m"
    folder = Path(checkpoint) if checkpoint else shipped
    trained = Path("runs/matching")
    return folder if (folder / FILE).is_file() or not (trained / FILE).is_file() else trained


def _say(stage: str, done: int, total: int) -> None:
    """One line of progress that stays in place in a terminal; ends elsewhere only."""
    if sys.stderr.isatty():
        print(f"\r{stage} {done}/{total}\033[K", end="\n" if done == total else "", file=sys.stderr)
    elif done == total:
        print(f"{stage}: {total}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
