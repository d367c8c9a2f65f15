"""The documentation's example: a 135-million-parameter planner beside the rules.

    python benchmarks/ablation_smollm2.py                  # about half an hour on one core
    python benchmarks/ablation_smollm2.py --replay         # the report again, without a model

SmolLM2-135M-Instruct is served on loopback (benchmarks/llama_server.py) and asked in all five ways,
the first scenarios of every family; the `offline` planner is asked the whole suite. Records and
report are in docs/ablation.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from llama_server import serving

from motion_agent.ablation.budget import Limits
from motion_agent.ablation.records import Records
from motion_agent.ablation.runner import Ablation, run
from motion_agent.ablation.scenario import Suite, load_suite
from motion_agent.ablation.strategy import STRATEGIES, cells_of

FOLDER = Path(__file__).parent.parent / "docs" / "ablation"
PLANNER = "openai:smollm2-135m-instruct"
MAX_TOKENS = "300"  # tokens of an answer: a plan of six steps; a looping model is stopped early
ROUND = 8  # scenarios at a time, so that the time limit can take effect in between


def by_turns(suite: Suite, most: int) -> list[str]:
    """Return the ids of the first scenario of every family, then of the second, and so on."""
    ids: list[str] = []
    for first in range(1, most + 1):
        ids += [s.id for s in suite.choose(first=first) if s.id not in ids]
    return ids


def ask(
    records: Records, *, first: int, minutes: float, threads: int, temperatures: list[float]
) -> None:
    """Ask whatever is not recorded yet."""
    suite = load_suite()
    run(Ablation(suite, cells_of(["offline"])), records, progress=_tell)
    os.environ["MOTION_AGENT_MAX_TOKENS"] = MAX_TOKENS
    end = time.monotonic() + 60 * minutes
    ids = by_turns(suite, first)
    with serving(threads=threads) as url:
        os.environ["OPENAI_BASE_URL"] = url
        for start in range(0, len(ids), ROUND):
            left = (end - time.monotonic()) / 60
            if left <= 0:
                break
            chosen = suite.choose(ids=ids[start : start + ROUND])
            cells = cells_of([PLANNER], tuple(STRATEGIES), temperatures)
            limits = Limits(minutes=left + 10)  # a started round is finished
            run(Ablation(chosen, cells, limits=limits, short=True), records, progress=_tell)


def _tell(stage: str, done: int, total: int) -> None:
    print(f"\r{stage}: {done}/{total}    ", end="", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--first", type=int, default=3, help="scenarios of each family")
    parser.add_argument(
        "--minutes", type=float, default=75, help="minutes after which no round starts"
    )
    parser.add_argument(
        "--temperature", type=float, action="append", help="repeatable; 0 by default"
    )
    parser.add_argument("--threads", type=int, default=1, help="threads of llama.cpp")
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--replay", action="store_true", help="only write the report")
    arguments = parser.parse_args()
    records = Records(arguments.out)
    if not arguments.replay:
        ask(
            records,
            first=arguments.first,
            minutes=arguments.minutes,
            threads=arguments.threads,
            temperatures=arguments.temperature or [0.0],
        )
    from motion_agent.ablation.report import write_report
    from motion_agent.ablation.scoring import score

    scores = score(records, load_suite(), as_recorded=arguments.replay)
    write_report(records, load_suite(), arguments.out, scores=scores)


if __name__ == "__main__":
    main()
