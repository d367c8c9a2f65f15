"""The time that `motion-agent --help` and `import motion_agent` take, in a new process each.

    python benchmarks/startup.py [RUNS]

Target: under half a second. Python's own start is shown for comparison.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import motion_agent": ["-c", "import motion_agent"],
    "motion-agent --help": ["-m", "motion_agent", "--help"],
    "motion-agent run --help": ["-m", "motion_agent", "run", "--help"],
}


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    print(f"median and worst of {runs} runs, milliseconds")
    for name, arguments in COMMANDS.items():
        milliseconds = sorted(_time(arguments) * 1000 for _ in range(runs))
        median = statistics.median(milliseconds)
        print(f"  {name:24} {median:6.0f} {milliseconds[-1]:6.0f}")


def _time(arguments: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
