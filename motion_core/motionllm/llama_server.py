"""The process in which `llama_cpp` runs llama.cpp's server; it ends when its input does.

In a process with PyTorch, llama.cpp gets PyTorch's OpenMP library, and the threads of both together
are more than the processor has; such threads no longer spin while they wait for each other.
"""

import json
import signal
import sys


def main() -> None:
    """Read the settings from a line of JSON, start, and print the server's address or an error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with the input, and that with the asker
    settings = json.loads(sys.stdin.readline())
    try:
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path, params.port = settings["gguf"], settings["port"]
        params.n_ctx, params.n_parallel = settings["window"] * settings["slots"], settings["slots"]
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings["threads"]
        params.warmup, params.verbosity, params.ui = False, 1, False
        params.cache_ram_mib = 0  # keeps no prompts of earlier requests
        params.api_keys = [settings["key"]] if settings["key"] else []
        server = xllamacpp.Server(params)
    except (ImportError, RuntimeError) as err:
        print("error:", " ".join(str(err).split()), flush=True)
        return
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
