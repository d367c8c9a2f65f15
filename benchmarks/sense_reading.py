"""Does a person who reads plans agree with the check of sense? Cohen's kappa.

    python benchmarks/sense_reading.py --draw 60          # plans without verdicts, shuffled
    python benchmarks/sense_reading.py                    # the readings beside the check

A reading judges what it sees: the request, the motion that exists, the steps or the reply. It is
sensible (what was asked for and nothing else), partly (at least half of it) or wrong. The plans are
those of language models in docs/ablation and of the benchmark of causes, of conversations with one
turn; a plan that is another today is left out.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from planner_causes import REQUESTS
from planner_sense import show

from motion_agent.ablation import Records, load_suite, score
from motion_agent.ablation.scoring import TurnScore

BOARD = Path(__file__).parent.parent / "docs" / "ablation"
CAUSES = Path(__file__).parent / "planner_answers" / "causes"
READINGS = BOARD / "readings.jsonl"
VERDICTS = ("sensible", "partly", "wrong")


def turns_of(board: Path, causes: Path) -> list[TurnScore]:
    """Return the turns that have a plan, each plan once."""
    turns = list(score(Records(board), load_suite(), as_recorded=True).turns)
    for folder in sorted(causes.iterdir()):
        turns += score(Records(folder), load_suite(REQUESTS), as_recorded=True).turns
    single = [turn for turn in turns if turn.plans and len(turn.scenario.turns) == 1]
    return list({(turn.scenario.id, show(turn)): turn for turn in single}.values())


def draw(turns: Sequence[TurnScore], count: int) -> list[dict[str, str]]:
    """Return plans of language models to read, shuffled, without way of asking and verdict."""
    models = [turn for turn in turns if turn.cell.planner != "offline"]
    chosen = random.Random(12).sample(models, min(count, len(models)))
    return [
        {
            "exists": str(list(turn.scenario.given) or ""),
            "files": ", ".join(turn.scenario.files),
            "plan": show(turn),
            "reading": "",
        }
        for turn in chosen
    ]


def kappa(pairs: Sequence[tuple[str, str]]) -> float:
    """Return Cohen's kappa of two judges."""
    agreed = sum(a == b for a, b in pairs) / len(pairs)
    first, second = (Counter(column) for column in zip(*pairs, strict=True))
    chance = sum(first[v] * second[v] for v in VERDICTS) / len(pairs) ** 2
    return (agreed - chance) / (1 - chance)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--board", type=Path, default=BOARD)
    parser.add_argument("--causes", type=Path, default=CAUSES)
    parser.add_argument("--readings", type=Path, default=READINGS)
    parser.add_argument("--draw", type=int, metavar="N", help="write N plans to read, no verdicts")
    arguments = parser.parse_args()
    turns = turns_of(arguments.board, arguments.causes)
    if arguments.draw:
        rows = draw(turns, arguments.draw)
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        arguments.readings.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return
    verdicts = {show(turn): turn for turn in turns}
    rows = [json.loads(line) for line in arguments.readings.read_text("utf-8").splitlines()]
    known = [(row, verdicts[row["plan"]]) for row in rows if row["plan"] in verdicts]
    pairs = [(row["reading"], turn.sense.verdict) for row, turn in known]
    print(f"{len(pairs)} of {len(rows)} plans, as today: kappa {kappa(pairs):.2f}")
    print(f"{'reading, check':24} " + " ".join(f"{v:>9}" for v in VERDICTS))
    for mine in VERDICTS:
        print(f"{mine:24} " + " ".join(f"{pairs.count((mine, v)):>9}" for v in VERDICTS))
    for row, turn in known:
        if row["reading"] != turn.sense.verdict:
            print(f"{row['reading']}, {turn.sense.verdict}: {row['plan']} <{turn.sense.reasons}>")


if __name__ == "__main__":
    main()
