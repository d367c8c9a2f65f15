"""Does a person who reads plans agree with the check of sense? Cohen's kappa.

    python benchmarks/sense_reading.py --draw 84 --to FOLDER    # plans.txt to read, key.json
    python benchmarks/sense_reading.py --add FOLDER/reader-1.txt FOLDER/reader-2.txt
    python benchmarks/sense_reading.py                          # the readings beside the check

A reader sees what exists, the request and the plan or the answer, but no verdict, and writes a line
`N verdict` for each number of plans.txt: sensible, in part or wrong. Plans that have been read are
not drawn again; those of language models are drawn first, the rest are of the rules. A plan that is
another today is left out.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

from planner_sense import show
from recorded_plans import BOARD, in_words, turns_of

from motion_agent.ablation.scoring import TurnScore

READINGS = BOARD / "readings.jsonl"
VERDICTS = ("sensible", "partly", "wrong")
INSTRUCTIONS = """\
A person asks for movements in words; a planner answers with a plan. For each number below,
compare the plan with the request and write one line, the number and a verdict, into a file of
your own:

    1 sensible
    2 in part
    3 wrong

sensible   the plan is what was asked for and nothing else
in part    at least half of what was asked for is there, and no more than half of the plan was
           not asked for
wrong      anything else; also a plan with something that must not happen, or with movement where
           none was asked for

Not asked for are also: an action made more often than asked, a duration that the request leaves
open, a second person. A request may be met in one step or in several ("walk and bow"), in other
words, and, if it is vague ("someone exercises"), with any fitting actions. Descriptions are in
English whatever the language of the request. s1, s2, ... are the parts of a motion that exists
("before"); a part that the request does not touch has to be kept. Where there are no steps, judge
the answer: something that cannot be done, a question or small talk needs no movement. Read each
number for itself; there are no right proportions.
"""


def draw(turns: Sequence[TurnScore], read: set[str], count: int) -> list[TurnScore]:
    """Return plans that nobody has read, shuffled: of language models first, then of the rules."""
    generator = random.Random(29)
    fresh = sorted((turn for turn in turns if show(turn) not in read), key=show)
    generator.shuffle(fresh)
    fresh.sort(key=is_of_model, reverse=True)
    chosen = fresh[:count]
    generator.shuffle(chosen)
    return chosen


def is_of_model(turn: TurnScore) -> bool:
    """Return whether a language model made the plan, and not the rules."""
    return turn.cell.planner != "offline"


def write(turns: Sequence[TurnScore], folder: Path) -> None:
    """Write plans.txt, without verdicts, and key.json: number -> row of the readings."""
    folder.mkdir(parents=True, exist_ok=True)
    blocks = [f"{number}.\n{in_words(turn)}" for number, turn in enumerate(turns, start=1)]
    text = "\n\n".join([INSTRUCTIONS, *blocks])
    (folder / "plans.txt").write_text(text + "\n", "utf-8")
    key = {
        str(number): {
            "exists": str(list(turn.scenario.given) or ""),
            "files": ", ".join(turn.scenario.files),
            "plan": show(turn),
        }
        for number, turn in enumerate(turns, start=1)
    }
    (folder / "key.json").write_text(json.dumps(key, ensure_ascii=False, indent=1), "utf-8")


def verdicts_in(file: Path, key: Mapping[str, object]) -> dict[str, str]:
    """Return the verdict of each number in a reader's file.

    Raises:
        SystemExit: a line is no verdict, or a number is missing.
    """
    found = {}
    for line in file.read_text("utf-8").splitlines():
        match = re.fullmatch(r"\s*(\d+)[.:)]?\s+(sensible|in part|partly|wrong)\s*", line, re.I)
        if match and match[1] in key:
            found[match[1]] = match[2].lower().replace("in part", "partly")
        elif line.strip():
            raise SystemExit(f"{file}: not 'N verdict' of a number in the key: {line!r}")
    if missing := [number for number in key if number not in found]:
        raise SystemExit(f"{file}: no verdict for {', '.join(missing)}")
    return found


def add(files: Sequence[Path], readings: Path) -> None:
    """Add readers' files to the readings; the key is beside them, a reader gets the next number."""
    rows = rows_of(readings)
    for file in files:
        key = json.loads((file.parent / "key.json").read_text("utf-8"))
        verdicts = verdicts_in(file, key)
        reader = max((row["reader"] for row in rows), default=0) + 1
        rows += [
            {**row, "reading": verdicts[number], "reader": reader} for number, row in key.items()
        ]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    readings.write_text("\n".join(lines) + "\n", "utf-8")


def rows_of(readings: Path) -> list[dict[str, object]]:
    """Return all readings."""
    return [json.loads(line) for line in readings.read_text("utf-8").splitlines()]


def kappa(pairs: Sequence[tuple[str, str]]) -> float:
    """Return Cohen's kappa of two judges."""
    agreed = sum(a == b for a, b in pairs) / len(pairs)
    first, second = (Counter(column) for column in zip(*pairs, strict=True))
    chance = sum(first[v] * second[v] for v in VERDICTS) / len(pairs) ** 2
    return (agreed - chance) / (1 - chance) if chance < 1 else 1.0


def report(rows: Sequence[Mapping[str, object]], turns: Sequence[TurnScore]) -> None:
    """Print kappa of each reader with the check, of readers with each other, and disagreements."""
    by_plan = {show(turn): turn for turn in turns}
    readers: dict[object, dict[str, str]] = {}
    for row in rows:
        readers.setdefault(row["reader"], {})[row["plan"]] = row["reading"]
    for reader, readings in readers.items():
        known = {plan: reading for plan, reading in readings.items() if plan in by_plan}
        pairs = [(reading, by_plan[plan].sense.verdict) for plan, reading in known.items()]
        same = sum(a == b for a, b in pairs)
        head = f"reader {reader}: {len(pairs)} of {len(readings)} plans, as today"
        print(f"{head}: agrees in {same}, kappa {kappa(pairs):.2f}")
        models = [p for p, plan in zip(pairs, known, strict=True) if is_of_model(by_plan[plan])]
        if len(models) < len(pairs):
            same = sum(a == b for a, b in models)
            print(f"{len(models)} of language models: agrees in {same}, kappa {kappa(models):.2f}")
        print(f"{'reading, check':24} " + " ".join(f"{v:>9}" for v in VERDICTS))
        for mine in VERDICTS:
            print(f"{mine:24} " + " ".join(f"{pairs.count((mine, v)):>9}" for v in VERDICTS))
        for plan, reading in known.items():
            sense = by_plan[plan].sense
            if reading != sense.verdict:
                print(f"{reading}, {sense.verdict}: {plan} <{'; '.join(sense.reasons)}>")
        print()
    for one, other in combinations(readers, 2):
        both = [
            (verdict, readers[other][plan])
            for plan, verdict in readers[one].items()
            if plan in readers[other]
        ]
        if both:
            print(f"readers {one} and {other}: {len(both)} plans, kappa {kappa(both):.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--readings", type=Path, default=READINGS)
    parser.add_argument("--draw", type=int, metavar="N", help="write N plans to read, no verdicts")
    parser.add_argument(
        "--to", type=Path, default=Path("reading"), help="folder of the drawn plans"
    )
    parser.add_argument("--add", type=Path, nargs="+", default=[], help="readers' files")
    arguments = parser.parse_args()
    add(arguments.add, arguments.readings)
    rows, turns = rows_of(arguments.readings), turns_of()
    if arguments.draw:
        chosen = draw(turns, {str(row["plan"]) for row in rows}, arguments.draw)
        write(chosen, arguments.to)
        models = sum(map(is_of_model, chosen))
        print(f"{arguments.to / 'plans.txt'}: {len(chosen)} plans, {models} of language models")
        return
    report(rows, turns)


if __name__ == "__main__":
    main()
