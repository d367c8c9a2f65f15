"""The effect of each remedy for weak planners on each cause of failure, as a table.

    python benchmarks/planner_causes.py --out causes --minutes 15   # repeat it to go on
    python benchmarks/planner_causes.py --out causes --replay       # the table alone, again
    python benchmarks/planner_causes.py --out causes --off "everything,nothing"

"Everything off" is the agent before there were remedies, "all but short off" the same with short
prompts, "nothing off" the agent of today; in between, one remedy is off at a time. The forty
requests in benchmarks/cause_requests invite each cause. A program reads plans and exchanges and
counts the requests that show a cause, among those that were asked in every column. The table is put
into docs/ablation/causes.md.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from llama_server import serving
from planner_sense import MAX_TOKENS, PLANNER, REMEDIES, without

from motion_agent.ablation import Records, Suite, cells_of, load_suite, score
from motion_agent.ablation.budget import Limits
from motion_agent.ablation.runner import Ablation, run
from motion_agent.ablation.scoring import TurnScore
from motion_agent.agent_graph.plan import Step
from motion_agent.prompts import load_prompt

_NEEDS_MOTION = {"open_motion", "keep_segment", "undo", "redo", "start_over", "name_motion"}
_FILE = re.compile(r"\.\w{2,4}\b")
REQUESTS = Path(__file__).parent / "cause_requests"
PAGE = Path(__file__).parent.parent / "docs" / "ablation" / "causes.md"
_EXAMPLES = ("planner_examples", "planner_short_examples")
_WORD = re.compile(r"[^\W\d_]{3,}")


def parts_of(suite: Suite) -> list[Suite]:
    """Return the first request of every family, then the second of each, and so on."""
    ranks: Counter[str] = Counter()
    parts: dict[int, list[str]] = {}
    for scenario in suite:
        ranks[scenario.family] += 1
        parts.setdefault(ranks[scenario.family], []).append(scenario.id)
    return [suite.choose(ids=ids) for ids in parts.values()]


def _steps(turn: TurnScore) -> list[Step]:
    return [step for plan in turn.plans for step in plan.plan]


def _copied(turn: TurnScore) -> bool:
    """Return whether reasoning, or a step that nobody asked for, is that of an example."""
    examples = "\n".join(load_prompt(name) for name in _EXAMPLES)
    given = str(turn.scenario.given)
    texts = [plan.reasoning for plan in turn.plans if len(plan.reasoning) > 8]
    texts += [
        step.description
        for step in _steps(turn)
        if step.description not in given
        and f"invented_step: nobody asked for {step.description!r}" in turn.sense.reasons
    ]
    return any(f'"{text}"' in examples for text in texts)


def _impossible(turn: TurnScore) -> bool:
    """Return whether a step needs a motion or a file that does not exist."""
    if turn.scenario.given or turn.scenario.files or turn.number:
        return False
    named = bool(_FILE.search(turn.request))
    return any(
        step.tool in _NEEDS_MOTION or (step.tool == "caption_motion" and not named)
        for step in _steps(turn)
    )


def _missing(turn: TurnScore) -> bool:
    """Return whether a step reads a file that does not exist."""
    return any(
        step.tool in ("open_motion", "caption_motion")
        and bool(_FILE.search(step.motion))
        and step.motion not in turn.scenario.files
        for step in _steps(turn)
    )


def _repeated(turn: TurnScore) -> bool:
    """Return whether a description appears more than once although no count was requested."""
    texts = [step.description for step in _steps(turn) if step.tool == "generate_motion"]
    people = turn.scenario.turns[turn.number].expect.people
    return len(set(texts)) < len(texts) and turn.scenario.family != "count" and not people


def _empty(turn: TurnScore) -> bool:
    expect = turn.scenario.turns[turn.number].expect
    moves = bool(expect.actions or expect.people or expect.timeline)
    return moves and bool(turn.plans) and turn.plans[-1].empty


def _untranslated(turn: TurnScore) -> bool:
    """Return whether a description has words of a request in another language."""
    if turn.scenario.id.endswith("-en"):
        return False
    descriptions = " ".join(step.description for step in _steps(turn)).lower()
    words = {word.lower() for word in _WORD.findall(turn.request)} | set(
        re.findall(r"[\u4e00-\u9fff]", turn.request)
    )
    return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", descriptions) for word in words)


def _fault(*names: str) -> Callable[[TurnScore], bool]:
    return lambda turn: any(reason.split(":")[0] in names for reason in turn.sense.reasons)


def _stood_not_still(turn: TurnScore) -> bool:
    denied = turn.scenario.family == "negation"
    return denied and _fault("forbidden_action", "missing_step")(turn)


CAUSES: dict[str, Callable[[TurnScore], bool]] = {
    "an example copied word for word": _copied,
    "a step that is impossible now": _impossible,
    "a file that does not exist": _missing,
    "a second person that nobody asked for": _fault("invented_person"),
    "more than eight steps": lambda turn: len(_steps(turn)) > 8,
    "an empty plan for a movement": _empty,
    "one description more often than asked": _repeated,
    "a duration that nobody asked for": _fault("invented_duration"),
    "a duration that was asked for and is wrong": _fault("wrong_duration"),
    "a negation or stillness lost": _stood_not_still,
    "a wrong count": _fault("wrong_count"),
    "foreign words in a description": _untranslated,
}


def repeated_answers(turn: TurnScore, records: Records) -> tuple[int, int]:
    """Return the number of re-asks in a turn, and how many repeated a rejected answer verbatim."""
    texts = [records.exchanges[ask["exchange"]].answer.text for ask in turn.seen["asks"]]
    return len(texts[1:]), sum(
        text in texts[:number] for number, text in enumerate(texts) if number
    )


def column(turns: Sequence[TurnScore], records: Records) -> dict[str, str]:
    """Return a column of the table: the counts for the turns of one variant."""
    counts = Counter(turn.sense.verdict for turn in turns)
    re_asks = [repeated_answers(turn, records) for turn in turns]
    again, same = (sum(numbers) for numbers in zip(*re_asks, strict=True))
    written = [ask.output_tokens or 0 for turn in turns for ask in turn.asks]
    return {
        "requests": str(len(turns)),
        "valid": str(sum(turn.valid for turn in turns)),
        "**sensible**": f"**{counts['sensible']}**",
        "partly": str(counts["partly"]),
        "wrong": str(counts["wrong"]),
        **{cause: str(sum(map(seen, turns))) for cause, seen in CAUSES.items()},
        "re-asks that repeat a rejected answer": f"{same} of {again}",
        "tokens of the longest answer": str(max(written, default=0)),
    }


def markdown(columns: dict[str, dict[str, str]]) -> Iterator[str]:
    """Return the table with a column for each variant."""
    yield "| | " + " | ".join(columns) + " |"
    yield "| --- |" + " --- |" * len(columns)
    for row in next(iter(columns.values())):
        yield f"| {row} | " + " | ".join(found[row] for found in columns.values()) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strategy", default="schema")
    columns = ["everything", "all but short", *REMEDIES, "nothing"]
    parser.add_argument(
        "--off", default=",".join(columns), help="remedies to switch off, one column each"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of records")
    parser.add_argument("--minutes", type=float, default=600, help="then the table is made")
    parser.add_argument("--replay", action="store_true", help="only make the table")
    parser.add_argument("--table", type=Path, default=PAGE, help="page with the table")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    parts = parts_of(load_suite(REQUESTS))
    names = arguments.off.split(",")
    records = {name: Records(arguments.out / name) for name in names}
    os.environ.update(MOTION_AGENT_MAX_TOKENS=MAX_TOKENS, MOTION_AGENT_NUM_CTX="4096")
    if not arguments.replay:
        ask(parts, records, arguments.strategy, arguments.minutes, arguments.threads)
    lines = list(markdown(columns_of(parts, records)))
    print("\n" + "\n".join(lines))
    replace_table(arguments.table, arguments.strategy, lines)


def removed_by(name: str) -> list[str]:
    """Return the remedies that are off in the column of that name."""
    groups = {"everything": list(REMEDIES), "all but short": list(REMEDIES[1:]), "nothing": []}
    return groups.get(name, [name])


def ask(
    parts: Sequence[Suite],
    records: dict[str, Records],
    strategy: str,
    minutes: float,
    threads: int,
) -> None:
    """Ask whatever is not recorded yet, in every column, until the time is over."""
    cells = cells_of([PLANNER], [strategy], [0.0])
    end = time.monotonic() + 60 * minutes
    with serving(threads=threads) as url:
        os.environ["OPENAI_BASE_URL"] = url
        for part in parts:
            for name, column_records in reversed(records.items()):  # the slowest one last
                left = (end - time.monotonic()) / 60
                if left <= 0:
                    return
                removed = removed_by(name)
                short = False if "short" in removed else None
                limits = Limits(minutes=left)
                with without(removed):
                    experiment = Ablation(part, cells, limits=limits, short=short)
                    run(experiment, column_records, progress=_tell(name))


def columns_of(parts: Sequence[Suite], records: dict[str, Records]) -> dict[str, dict[str, str]]:
    """Return the table's columns, on the requests that were asked in all of them."""
    turns = {
        name: [
            turn for part in parts for turn in score(column_records, part, as_recorded=True).turns
        ]
        for name, column_records in records.items()
    }
    common = set.intersection(*({turn.scenario.id for turn in found} for found in turns.values()))
    if not common:
        raise SystemExit("no request was asked in every column yet; repeat the command to go on")
    return {
        f"{name} off": column([t for t in found if t.scenario.id in common], records[name])
        for name, found in turns.items()
    }


def replace_table(page: Path, name: str, lines: Sequence[str]) -> None:
    """Put the table between the page's marks of that name."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    text = page.read_text(encoding="utf-8")
    head, rest = text.split(begin)
    _, tail = rest.split(end)
    page.write_text("\n".join([f"{head}{begin}", "", *lines, "", f"{end}{tail}"]), "utf-8")


def _tell(name: str) -> Callable[[str, int, int], None]:
    def tell(stage: str, done: int, total: int) -> None:
        print(f"\r{name} off: {done}/{total}    ", end="", file=sys.stderr, flush=True)

    return tell


if __name__ == "__main__":
    main()
