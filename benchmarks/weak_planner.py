"""How often a 135-million-parameter model gives a valid plan, and what each mechanism adds.

    python benchmarks/weak_planner.py                   # a quarter of an hour on one core
    python benchmarks/weak_planner.py --first 12        # a quick look
    python benchmarks/weak_planner.py --rescore         # the recorded answers, read again

SmolLM2-135M-Instruct is served on loopback (benchmarks/llama_server.py) and asked the sixty
requests of benchmarks/weak_requests.py. Four strategies, each adding one mechanism:

    prompt   the plan's form in words, one try, the answer must be bare JSON
    ladder   the same answers, read by the parsing ladder
    re-asks  up to two more tries with the error shown
    schema   the narrowed JSON Schema with the request as well

Every answer is kept in benchmarks/planner_answers/smollm2.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from llama_server import serving
from weak_requests import REQUESTS, Request

from motion_agent.agent_graph.parsing import Parsed
from motion_agent.agent_graph.plan import InvalidPlanError, check_against_timeline
from motion_agent.agent_graph.planners import Answer, ChatPlanner, read_answer
from motion_agent.agent_graph.providers import open_model

RECORDS = Path(__file__).parent / "planner_answers" / "smollm2.jsonl"
TRIES = 3
MAX_TOKENS = 300  # tokens of an answer: a plan of eight steps; a looping model is stopped early
SEED = 7


def ask(
    requests: Iterable[Request], url: str, *, temperature: float
) -> Iterator[list[dict[str, Any]]]:
    """Ask each request in both strategies until there is a valid plan; return the answers."""
    os.environ["OPENAI_BASE_URL"] = url
    os.environ["MOTION_AGENT_MAX_TOKENS"] = str(MAX_TOKENS)
    model = open_model("openai:smollm2", temperature=temperature)
    model = model.model_copy(update={"seed": SEED})
    for number, request in enumerate(requests, start=1):
        records: list[dict[str, Any]] = []
        for strategy in ("prompt", "schema"):
            planner = ChatPlanner(model, name="smollm2", strategy=strategy, short=True, tries=TRIES)
            records += _until_valid(planner, request, strategy)
        print(f"\r{number} requests", end="", file=sys.stderr, flush=True)
        yield records
    print(file=sys.stderr)


def _until_valid(planner: ChatPlanner, request: Request, strategy: str) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    failed: list[Any] = []
    for attempt in range(1, planner.tries + 1):
        answer = planner.ask(replace(request.task(), failed=failed))
        parsed, error = read(answer, request)
        records.append(
            {
                "family": request.family,
                "request": request.text,
                "strategy": strategy,
                "try": attempt,
                "text": answer.text,
                "truncated": answer.truncated,
                "seconds": answer.seconds,
                "input_tokens": answer.input_tokens,
                "output_tokens": answer.output_tokens,
            }
        )
        if parsed is not None:
            break
        assert error is not None
        failed.append({"text": answer.text, "error": str(error), "cause": error.cause})
    return records


def read(answer: Answer, request: Request) -> tuple[Parsed | None, InvalidPlanError | None]:
    """Read an answer as the agent does; return the plan, or what is wrong with it."""
    try:
        parsed = read_answer(answer)
        known = () if parsed.plan.steps_of("start_over") else request.ids
        if not parsed.plan.steps_of("open_motion"):
            check_against_timeline(parsed.plan, known)
    except InvalidPlanError as err:
        return None, err
    return parsed, None


def report(records: list[dict[str, Any]]) -> None:
    """Print the table."""
    by_text = {request.text: request for request in REQUESTS}
    valid: dict[str, dict[str, Parsed]] = defaultdict(dict)
    causes: dict[str, Counter[str]] = defaultdict(Counter)
    requests = list(dict.fromkeys(record["request"] for record in records))
    for record in records:
        request = by_text[record["request"]]
        answer = Answer(record["text"], truncated=record["truncated"])
        ways = {
            ("prompt", 1): ("prompt", "ladder", "re-asks"),
            ("schema", 1): ("schema, one try", "schema"),
        }.get((record["strategy"], record["try"]))
        for way in ways or (("schema",) if record["strategy"] == "schema" else ("re-asks",)):
            parsed, error = read(replace(answer, ladder=way != "prompt"), request)
            if parsed is not None:
                valid[way].setdefault(record["request"], parsed)
            elif error is not None:
                causes[way][error.cause] += 1
    print(f"{'':17}  valid of {len(requests)}   sensible   causes of the answers that were no plan")
    for way in ("prompt", "ladder", "re-asks", "schema, one try", "schema"):
        plans = valid[way]
        sensible = sum(by_text[text].sensible(parsed.plan) for text, parsed in plans.items())
        summary = ", ".join(f"{cause} {count}" for cause, count in causes[way].most_common())
        share = len(plans) / len(requests)
        print(f"{way:17} {len(plans):4}  {share:6.1%}  {sensible:9}   {summary}")
    families: dict[str, list[bool]] = defaultdict(list)
    for text, parsed in valid["schema"].items():
        families[by_text[text].family].append(by_text[text].sensible(parsed.plan))
    summary = ", ".join(f"{family} {sum(ok)}/{len(ok)}" for family, ok in families.items())
    print(f"sensible with schema, by family: {summary}")
    for strategy in ("prompt", "schema"):
        spent = [record for record in records if record["strategy"] == strategy]
        seconds = sum(record["seconds"] for record in spent) / len(requests)
        tries = len(spent) / len(requests)
        print(f"{strategy}: {tries:.2f} answers and {seconds:.1f} s a request")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--first", type=int, help="use only this many requests, spread over the families"
    )
    parser.add_argument("--rescore", action="store_true", help="read the recorded answers again")
    parser.add_argument("--temperature", type=float, default=0.3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RECORDS, help="file of the answers")
    arguments = parser.parse_args()
    if not arguments.rescore:
        step = max(len(REQUESTS) // arguments.first, 1) if arguments.first else 1
        requests = REQUESTS[::step][: arguments.first]
        start = time.perf_counter()
        with (
            serving(threads=arguments.threads) as url,
            arguments.out.open("w", encoding="utf-8") as file,
        ):
            for records in ask(requests, url, temperature=arguments.temperature):
                file.writelines(json.dumps(r, ensure_ascii=False) + "\n" for r in records)
                file.flush()
        print(f"{time.perf_counter() - start:.0f} s")
    report([json.loads(line) for line in arguments.out.read_text(encoding="utf-8").splitlines()])


if __name__ == "__main__":
    main()
