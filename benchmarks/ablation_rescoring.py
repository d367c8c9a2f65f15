"""The time it takes to score recorded answers again.

    python benchmarks/ablation_rescoring.py [--answers 10000] [--records docs/ablation]

The recorded conversations are multiplied to reach that many answers; then they are read from the
file, every answer is parsed and every check is made. No model is asked.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from motion_agent.ablation import Records, load_suite, score

RECORDS = Path(__file__).parent.parent / "docs" / "ablation"


def answers_of(records: Records) -> int:
    """Return the number of answers in the conversations; one shared by several strategies counts in
    each.
    """
    return sum(len(t["asks"]) for c in records.conversations.values() for t in c.turns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--answers", type=int, default=10_000)
    parser.add_argument("--records", type=Path, default=RECORDS)
    arguments = parser.parse_args()
    recorded = Records(arguments.records)
    with tempfile.TemporaryDirectory() as folder:
        many = Records(folder)
        for run in recorded.runs:
            many.add_run({key: value for key, value in run.items() if key != "kind"})
        times = -(-arguments.answers // answers_of(recorded))
        for copy in range(times):
            # Each copy has its own exchanges, so that nothing comes from a cache.
            for key, exchange in recorded.exchanges.items():
                question = [recorded.messages[i] for i in exchange.asked]
                name = f"{key}-{copy}"
                many.add_exchange(name, exchange.planner, exchange.form, question, exchange.answer)
            for conversation in recorded.conversations.values():
                turns = tuple(
                    {**t, "asks": [{**a, "exchange": f"{a['exchange']}-{copy}"} for a in t["asks"]]}
                    for t in conversation.turns
                )
                again = replace(conversation, repeat=1000 * copy + conversation.repeat, turns=turns)
                many.add_conversation(again)
        start = time.perf_counter()
        opened = Records(folder)
        read = time.perf_counter()
        scores = score(opened, load_suite(), as_recorded=True)
        end = time.perf_counter()
    total = answers_of(many)
    print(
        f"{total} answers, {len(scores.turns)} turns, {scores.replayed} conversations played again"
    )
    print(f"reading the file {read - start:.1f} s, scoring {end - read:.1f} s")
    print(f"{1000 * (end - start) / total:.2f} ms an answer")


if __name__ == "__main__":
    main()
