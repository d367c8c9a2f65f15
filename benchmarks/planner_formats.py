"""The parsing ladder on planners' answers, compared with two simpler ways to read them.

    python benchmarks/planner_formats.py                  # a table, about 10 s
    python benchmarks/planner_formats.py --fuzz 100000    # look for a lost step, about 2 minutes

Two corpora: answers of SmolLM2-135M-Instruct (benchmarks/planner_answers, recorded by
benchmarks/weak_planner.py), and valid plans that a program has written, wrapped and damaged
(tests/planner_mutations.py), whose meaning is known. Three readers:

    json.loads    the whole answer is JSON in our schema
    split at ;    the paper's code: json.loads, then ``plan.split(";")``, then the text after
                  ``MotionLLM.generate('`` in each part
    ladder        agent_graph/parsing.py

Steps are lost if they were meant but are not in the reader's plan, invented if they are in the plan
but were not meant. A reader that refuses an answer loses nothing: the planner is asked again.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from pathlib import Path

from motion_agent.agent_graph.parsing import parse_plan
from motion_agent.agent_graph.plan import InvalidPlanError, Step, validate_plan

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from planner_mutations import Case, check, make_case

ANSWERS = Path(__file__).parent / "planner_answers"

Reader = Callable[[str, bool], Sequence[Step]]
"""From an answer, and whether it is known to be cut, to steps; any exception is a refusal."""


def read_whole(text: str, truncated: bool) -> Sequence[Step]:
    """Read the whole answer as JSON."""
    return validate_plan(json.loads(text)).plan


def read_split(text: str, truncated: bool) -> Sequence[Step]:
    """Read the plan as the paper's code does; an answer without a plan is no steps."""
    value = json.loads(text)
    plan = value.get("plan")
    if plan is None:
        value["reasoning"]
        return ()
    if "generate" in plan:
        parts = [part.strip() for part in plan.split(";") if part.strip()]
        descriptions = [part.split("MotionLLM.generate('")[1].rstrip("');") for part in parts]
        return [Step(tool="generate_motion", description=text) for text in descriptions]
    if "caption" in plan:
        return [Step(tool="caption_motion")]
    raise ValueError("neither generate nor caption")


def read_ladder(text: str, truncated: bool) -> Sequence[Step]:
    """Read the answer with the parsing ladder."""
    return parse_plan(text, truncated=truncated).plan.plan


READERS: dict[str, Reader] = {
    "json.loads": read_whole,
    "split at ;": read_split,
    "ladder": read_ladder,
}


def on_mutations(count: int) -> None:
    """Print the table for damaged answers whose plan is known."""
    cases = [make_case(random.Random(seed)) for seed in range(count)]
    kinds = {
        "of unusual form": [case for case in cases if case.damage == "none"],
        "of which in the paper's own form, as it asks for it": [
            case for case in cases if case.damage == "none" and case.story == ("papers",)
        ],
        "with characters lost or added": [case for case in cases if case.damage == "some"],
        "cut off": [case for case in cases if case.damage == "cut"],
    }
    for name, group in kinds.items():
        _compare(name, group)


def _compare(title: str, cases: Sequence[Case]) -> None:
    count = len(cases)
    meant = sum(len(case.meant.plan) for case in cases)
    print(f"{count} answers {title}, {meant} steps")
    print(f"{'':12} accepted   exact plans   steps lost   steps invented")
    for name, reader in READERS.items():
        counts: Counter[str] = Counter()
        for case in cases:
            try:
                steps = reader(case.text, case.truncated)
            except Exception:
                continue
            expected = [_key(step) for step in case.meant.plan]
            found = [_key(step) for step in steps]
            blocks = SequenceMatcher(a=expected, b=found).get_matching_blocks()
            kept = sum(block.size for block in blocks)
            counts["accepted"] += 1
            counts["exact"] += found == expected
            if len(found) != len(expected) or case.damage == "none":
                # If characters were lost inside a description, only the number can be compared.
                counts["lost"] += len(expected) - kept
                counts["invented"] += len(found) - kept
        print(
            f"{name:12} {counts['accepted'] / count:8.1%}   {counts['exact'] / count:11.1%}"
            f"   {counts['lost']:10}   {counts['invented']:14}"
        )


def _key(step: Step) -> tuple[str, str, str, str, int]:
    return step.tool, step.description, step.motion, step.segment, step.person


def on_recorded() -> None:
    """Print the table for recorded answers: what was meant is unknown, what was written is not."""
    for path in sorted(ANSWERS.glob("*.jsonl")):
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for strategy in sorted({record["strategy"] for record in records}):
            group = [record for record in records if record["strategy"] == strategy]
            print(f"{len(group)} answers of {path.stem}, asked with {strategy}")
            for name, reader in READERS.items():
                accepted = missing = 0
                for record in group:
                    try:
                        steps = reader(record["text"], record["truncated"])
                    except Exception:
                        continue
                    accepted += 1
                    missing += max(record["text"].count('"tool":') - len(steps), 0)
                share = accepted / len(group)
                print(f"  {name:12} accepts {share:6.1%}, steps written and not read: {missing}")


def fuzz(count: int, first: int) -> int:
    """Read that many mutated answers; return how many gave another plan or crashed."""
    start = time.perf_counter()
    cases: Counter[str] = Counter()
    read: Counter[str] = Counter()
    wrong = 0
    for seed in range(first, first + count):
        case = make_case(random.Random(seed))
        cases[case.damage] += 1
        try:
            read[case.damage] += check(case)
        except Exception as err:
            if isinstance(err, InvalidPlanError):
                raise
            wrong += 1
            print(f"seed {seed}: {type(err).__name__}: {err}")
    seconds = time.perf_counter() - start
    print(f"{count} mutated answers in {seconds:.0f} s: {wrong} read wrongly or crashed")
    names = {"none": "unusual form", "some": "characters lost or added", "cut": "cut off"}
    for damage, name in names.items():
        print(f"  {name}: {read[damage]} of {cases[damage]} read, the others refused")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fuzz", type=int, metavar="N", help="read N mutated answers")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first of them")
    parser.add_argument("--cases", type=int, default=10_000, help="size of the damaged corpus")
    arguments = parser.parse_args()
    if arguments.fuzz:
        sys.exit(1 if fuzz(arguments.fuzz, arguments.seed) else 0)
    on_mutations(arguments.cases)
    on_recorded()


if __name__ == "__main__":
    main()
