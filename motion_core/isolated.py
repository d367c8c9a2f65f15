"""Running Python so that only installed packages can be imported.

``python -m pip`` puts the current folder first on the import path, so an attacker's
``./pip/__main__.py`` would run instead. Here the working folder is empty and not on the import
path. No other file of the package starts a process.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path


def run_pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pip with these arguments and capture its output; paths must be absolute.

    ``-P`` keeps the working folder off the import path and ``-E`` ignores PYTHONPATH; of isolated
    mode (``-I``) only ``-s`` is left out, because pip may be installed in the user's own
    site-packages.
    """
    command = [sys.executable, "-E", "-P", "-m", "pip", *arguments]
    with tempfile.TemporaryDirectory(prefix="motion-agent-") as empty:
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=empty)


def run_script(
    script: Path, *arguments: str, data: bytes, seconds: float
) -> subprocess.CompletedProcess[bytes]:
    """Run a script of the package in isolated mode with `data` as its input.

    Raises:
        TimeoutError: it took longer than `seconds`.
    """
    command = [sys.executable, "-I", str(script), *arguments]
    with tempfile.TemporaryDirectory(prefix="motion-agent-") as empty:
        try:
            return subprocess.run(
                command, input=data, capture_output=True, timeout=seconds, cwd=empty, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"{script.name} takes longer than {seconds:.0f} s") from error


def start_script(script: Path, line: str) -> subprocess.Popen[str]:
    """Start a script of the package, write `line` to its input, and leave the input open.

    Unlike `run_script`, it sees the user's own site-packages, where its imports may be.
    """
    process = subprocess.Popen(
        [sys.executable, "-E", "-P", str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a full pipe would stop it
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
    return process


def end_script(process: subprocess.Popen[str]) -> None:
    """Kill a process of `start_script` and close its pipes."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
