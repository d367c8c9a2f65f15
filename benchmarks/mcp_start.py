"""What an MCP client waits for when it starts the server over stdio.

    python benchmarks/mcp_start.py [--engine fake]

Printed are the seconds from the start of the process to each answer, and the processor seconds that
the server has used by then. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from motion_agent.motion_core.limits import DEFAULT_ENGINE

HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "benchmark", "version": "1"},
}
MOTION = {"descriptions": ["a person walks"], "seconds": 2}
REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("initialize", HELLO),
    ("tools/list", {}),
    ("tools/call", {"name": "list_motions", "arguments": {}}),
    ("tools/call", {"name": "generate_motion", "arguments": MOTION}),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default=DEFAULT_ENGINE)
    arguments = parser.parse_args()
    command = [sys.executable, "-m", "motion_agent", "mcp", "--patience", "600"]
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "MOTION_AGENT_ENGINE": arguments.engine,
            "MOTION_AGENT_DATA": folder,
        }
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        begin = time.monotonic()
        with subprocess.Popen(command, env=environment, **pipes) as server:
            assert server.stdin is not None and server.stdout is not None
            print("| answer | seconds | processor seconds |")
            print("|---|---|---|")
            for number, (method, parameters) in enumerate(REQUESTS):
                message = {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}
                print(json.dumps(message), file=server.stdin, flush=True)
                answer = json.loads(server.stdout.readline())
                assert "result" in answer and not answer["result"].get("isError"), answer
                seconds, spent = time.monotonic() - begin, processor_seconds(server.pid)
                print(f"| {parameters.get('name', method)} | {seconds:.1f} | {spent:.1f} |")
                if method == "initialize":
                    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
                    print(json.dumps(note), file=server.stdin, flush=True)
            server.stdin.close()


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
