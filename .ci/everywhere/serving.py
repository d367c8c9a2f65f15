"""Our server and LangGraph's, as processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent.parent


def settings(folder: Path, **more: str) -> dict[str, str]:
    """Return the environment of a server with the engine `fake` and its data in `folder`."""
    ours = {"MOTION_AGENT_ENGINE": "fake", "MOTION_AGENT_DATA": str(folder)}
    return {**os.environ, **ours, "OMP_NUM_THREADS": "1", **more}


def our_server(*options: str) -> list[str]:
    """Return the command that starts our server."""
    return [sys.executable, "-m", "motion_agent", "mcp", *options]


def command_on_path(folder: Path) -> str:
    """Return a PATH whose first folder has a `motion-agent` that keeps its data in `folder`.

    Frameworks hand few variables on to the servers that they start.
    """
    place = folder / "bin"
    place.mkdir()
    ours = settings(folder)
    lines = [
        f"export {name}='{ours[name]}'" for name in ("MOTION_AGENT_ENGINE", "MOTION_AGENT_DATA")
    ]
    program = place / "motion-agent"
    program.write_text(
        "\n".join(["#!/bin/sh", *lines, f'exec "{sys.executable}" -m motion_agent "$@"', ""])
    )
    program.chmod(0o755)
    return f"{place}{os.pathsep}{os.environ['PATH']}"


@contextmanager
def served(
    command: Sequence[str],
    address: str,
    environment: dict[str, str],
    *,
    folder: Path = REPOSITORY,
    patience: float = 180,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server and wait until it answers at `address`.

    Raises:
        RuntimeError: it ended, or did not answer within `patience` seconds.
    """
    options: dict[str, Any] = {"cwd": folder, "stdout": sys.stderr, "start_new_session": True}
    with subprocess.Popen(command, env=environment, **options) as server:
        try:
            _wait(server, address, time.monotonic() + patience)
            yield server
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(30)
            with suppress(ProcessLookupError):  # what it started, such as a bundler
                os.killpg(server.pid, signal.SIGKILL)


def _wait(server: subprocess.Popen[bytes], address: str, end: float) -> None:
    while time.monotonic() < end:
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with {server.returncode}")
        try:
            urllib.request.urlopen(address, timeout=5)
            return
        except urllib.error.HTTPError:
            return  # it answers, if only that this is no way to ask
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"{address} did not answer")


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
