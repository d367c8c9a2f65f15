"""The sense of weak planners' plans, and what each remedy contributes.

    python benchmarks/planner_sense.py                       # the rules and SmolLM2-135M
    python benchmarks/planner_sense.py --without scope,examples,short
    python benchmarks/planner_sense.py --half unseen --show

The requests are those of the package's `sense_suite`: ten families, six languages. The even ones
were used while the remedies were developed; the odd ones once, at the end. No model judges: see
`motion_agent.ablation.sense`.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

from llama_server import serving

from motion_agent.ablation import Records, Suite, cells_of, load_suite, score
from motion_agent.ablation.runner import Ablation, run
from motion_agent.ablation.scenario import SENSE_SUITE
from motion_agent.ablation.scoring import TurnScore
from motion_agent.agent_graph.narrowing import narrowed_schema
from motion_agent.agent_graph.scope import ANY

PLANNER = "openai:smollm2-135m-instruct"
MAX_TOKENS = "300"
REMEDIES = ("short", "schema", "scope", "examples", "doubt", "reask")


def half_of(suite: Suite, half: str) -> Suite:
    """Return the even requests (`dev`), the odd ones (`unseen`) or all."""
    if half == "all":
        return suite
    odd = half == "unseen"
    ids = [s.id for s in suite if int(re.findall(r"\d+", s.id)[-1]) % 2 == odd]
    return suite.choose(ids=ids)


def _schema_of_all(segments: Sequence[str] = (), **facts: Any) -> dict[str, Any]:
    """Return the narrowed schema as if there were a motion in any case."""
    facts |= {"motions": True, "named": [*facts["named"], "motion 1"]}
    return narrowed_schema(segments or ("s1",), **facts)


@contextmanager
def without(remedies: Sequence[str]) -> Iterator[None]:
    """Switch these remedies off in the agent; the caller handles `short`."""
    place = "motion_agent.agent_graph."
    patches = {
        "schema": patch(place + "planners.narrowed_schema", _schema_of_all),
        "scope": patch(place + "planners.scope_of", lambda *_, **__: ANY),
        "examples": patch(place + "examples._fits", lambda *_: True),
        "doubt": patch(place + "planners._is_doubtful", lambda *_: False),
        "reask": patch(place + "planners.ChatPlanner._shows_bad_answers", True),
    }
    chosen = [patches.get(name, nullcontext()) for name in remedies]
    for context in chosen:
        context.__enter__()
    try:
        yield
    finally:
        for context in chosen:
            context.__exit__(None, None, None)


def table(turns: Sequence[TurnScore], key: Callable[[TurnScore], str]) -> list[str]:
    """Return a line for each group: sensible, partly, wrong, valid."""
    groups: dict[str, list[TurnScore]] = defaultdict(list)
    for turn in turns:
        groups[key(turn)].append(turn)
    lines = [f"{'':40} {'n':>4} {'valid':>6} {'sensible':>9} {'partly':>7} {'wrong':>6}"]
    for name, group in groups.items():
        counts = Counter(turn.sense.verdict for turn in group)
        valid = sum(turn.valid for turn in group)
        cells = f"{counts['sensible']:>9} {counts['partly']:>7} {counts['wrong']:>6}"
        lines.append(f"{name:40} {len(group):>4} {valid:>6} {cells}")
    return lines


def show(turn: TurnScore) -> str:
    """Return a turn in a line, without its verdict."""
    steps = [
        " ".join(
            part
            for part in (
                "" if step.tool == "generate_motion" else step.tool,
                step.segment or step.motion,
                step.description,
                f"({step.seconds:g} s)" if step.seconds else "",
                "[person 2]" if step.person == 2 else "",
            )
            if part
        )
        for plan in turn.plans
        for step in plan.plan
    ]
    actions = "; ".join(steps) or f"no steps: {str(turn.seen['reply'])[:80]}"
    return f"{turn.scenario.id}: {turn.request!r} -> {actions}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--half", choices=("dev", "unseen", "all"), default="dev")
    parser.add_argument("--planner", action="append", help="instead of the rules and SmolLM2")
    parser.add_argument("--strategy", default="schema")
    parser.add_argument("--without", default="", help=f"some of {','.join(REMEDIES)}")
    parser.add_argument("--first", type=int, help="use only this many of each family")
    parser.add_argument("--gguf", type=Path, help="a model other than SmolLM2")
    parser.add_argument("--suite", type=Path, default=SENSE_SUITE)
    parser.add_argument("--out", type=Path, help="folder of records; none are kept by default")
    parser.add_argument("--show", action="store_true", help="print every plan, without its verdict")
    parser.add_argument(
        "--why", action="store_true", help="print every plan that is not sensible, and why"
    )
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    suite = half_of(load_suite(arguments.suite), arguments.half).choose(first=arguments.first)
    removed = [name for name in arguments.without.split(",") if name]
    cells = cells_of(
        arguments.planner or ["offline", PLANNER], arguments.strategy.split(","), [0.0]
    )
    # Remedies switched off here are not in a fingerprint, so each set has its own folder.
    out = arguments.out and arguments.out.joinpath(*[f"without-{name}" for name in removed])
    records = Records(out)
    os.environ["MOTION_AGENT_MAX_TOKENS"] = MAX_TOKENS
    os.environ["MOTION_AGENT_NUM_CTX"] = "4096"
    needs_server = any(cell.planner == PLANNER for cell in cells)
    server = serving(arguments.gguf, threads=arguments.threads) if needs_server else nullcontext("")
    with server as url, without(removed):
        if url:
            os.environ["OPENAI_BASE_URL"] = url
        short = False if "short" in removed else None
        run(Ablation(suite, cells, short=short), records, progress=_tell)
    turns = score(records, suite, as_recorded=True).turns
    print()
    for cell in dict.fromkeys(turn.cell for turn in turns):
        mine = [turn for turn in turns if turn.cell == cell]
        print("\n".join(table(mine, lambda turn: turn.cell.name)))
        print("\n".join(table(mine, lambda turn: turn.scenario.family)[1:]))
        print("\n".join(table(mine, lambda turn: turn.scenario.id[-2:])[1:]))
        for turn in mine:
            if arguments.show:
                print(show(turn))
            elif arguments.why and turn.sense.verdict != "sensible":
                print(f"{turn.sense.verdict}: {show(turn)}  <{'; '.join(turn.sense.reasons)}>")


def _tell(stage: str, done: int, total: int) -> None:
    print(f"\r{stage}: {done}/{total}    ", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
