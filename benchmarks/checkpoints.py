"""Checkpoints side by side: quality on human captions, speed and size, for several numbers of
takes.

    python benchmarks/checkpoints.py OLD=1 OLD=6 NEW=1 NEW=2 --data data/prepared --split test

OLD and NEW are checkpoint folders; the number after = is the takes drawn for a description, by
default the checkpoint's own. All are measured in the space of one matching network, from
`--matching` or the last checkpoint. Speed is seconds of motion per second, with descriptions in
batches of ten. The output ends with a table in Markdown.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

from motion_agent.motion_core.choices import PREPARED, Split
from motion_agent.motion_core.datasets import PreparedDataset
from motion_agent.motion_core.engine import CancelToken, GenerationRequest, Progress, Take
from motion_agent.motion_core.evaluation import EvaluationOptions, MatchingNetwork, evaluate
from motion_agent.motion_core.evaluation.report import MotionScores
from motion_agent.motion_core.motionllm.checkpoint import load_checkpoint
from motion_agent.motion_core.motionllm.engine import MotionLLMEngine
from motion_agent.motion_core.skeleton import FPS

HEAD = ("motions", "top-1", "top-3", "FID", "mean seconds", "seconds a second", "MB")


class Timed(MotionLLMEngine):
    """Measures the time and output of generation."""

    busy = motion_seconds = 0.0

    def generate(
        self,
        requests: Sequence[GenerationRequest],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[Take]:
        begin = time.monotonic()
        takes = super().generate(requests, progress=progress, cancel=cancel)
        self.busy += time.monotonic() - begin
        self.motion_seconds += sum(take.frames for take in takes) / FPS
        return takes


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("checkpoints", nargs="+", metavar="FOLDER[=TAKES]")
    parser.add_argument("--data", type=Path, default=PREPARED)
    parser.add_argument("--split", choices=get_args(Split), default="test")
    parser.add_argument("--matching", type=Path)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    dataset = PreparedDataset.load(options.data)
    folders = [Path(name.partition("=")[0]) for name in options.checkpoints]
    network = MatchingNetwork.load(options.matching or folders[-1])
    print(f"| {' | '.join(HEAD)} |\n|---|{'--:|' * (len(HEAD) - 1)}", flush=True)
    for number, (name, folder) in enumerate(zip(options.checkpoints, folders, strict=True)):
        engine = Timed(load_checkpoint(folder))
        takes = int(name.partition("=")[2] or engine.sampling.takes)
        engine.sampling = replace(engine.sampling, takes=takes)
        engine.warm_up()
        how = EvaluationOptions(
            split=options.split,
            limit=options.limit,
            seed=options.seed,
            batch=10,
            captions=False,
            kinds=("people",),
        )
        (kind,) = evaluate(engine, dataset, network, options=how, progress=_tell).kinds
        rows = {scores.name: scores for scores in kind.motions}
        if number == 0:
            for known in ("real", "retrieval"):
                _say(f"{known}, {kind.clips} clips", rows[known], "–", "–")
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        title = f"{folder.name}, {takes} {'take' if takes == 1 else 'takes'}"
        _say(title, rows["generated"], f"{engine.motion_seconds / engine.busy:.1f}", f"{size:.1f}")


def _say(title: str, scores: MotionScores, speed: str, size: str) -> None:
    top1, _, top3 = (f"{100 * p.value:.1f} ± {100 * p.interval:.1f} %" for p in scores.r_precision)
    fid = "–" if scores.fid is None else f"{scores.fid:.2f}"
    cells = (title, top1, top3, fid, f"{scores.seconds:.1f}", speed, size)
    print(f"| {' | '.join(cells)} |", flush=True)


def _tell(stage: str, done: int, total: int) -> None:
    print(f"\r{stage}: {done} of {total}   ", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
