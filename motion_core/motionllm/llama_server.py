"""The process in which `llama_cpp` runs llama.cpp's server; it ends when its input does.

Inside a process with PyTorch, llama.cpp would use PyTorch's OpenMP library. The threads of both
would then outnumber the cores, and OpenMP stops letting threads spin while they wait.
"""

import json
import signal
import sys


def main() -> None:
    """Read the settings from a line of JSON, start, and print the server's address or an error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the end of its input ends it, after Ctrl-C too
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
