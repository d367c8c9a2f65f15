"""`llama.cpp`: MotionLLM in llama.cpp, with no server to start by hand.

    pip install 'motion-agent[llama-cpp]'
    motion-agent run "…" --engine llama.cpp            # llama.cpp:FOLDER for another checkpoint

The wheel `xllamacpp` holds llama.cpp and its server. The server of a direction starts when that
direction is first asked, with the threads of PyTorch, in a process of its own (`llama_server`). It
listens on loopback, for requests with a key that only this process knows, and ends with the engine.

    <cache>/merged/<checkpoint>-<backbone>-t2m-q8_0-1/t2m.gguf     exported once, checked
"""

from __future__ import annotations

import json
import secrets
import weakref
from importlib.util import find_spec
from pathlib import Path
from threading import Lock

import torch

from ..engine import CancelToken
from ..errors import ConfigurationError, UnavailableError
from ..isolated import end_script, start_script
from ..limits import MAX_DESCRIPTION
from ..stages import stage
from . import llama_server
from .backbone import backbone_folders
from .cache import is_whole, keep_folder
from .checkpoint import Checkpoint, load_checkpoint
from .completions import CompletionClient, ServedModel
from .merged import kept_folder
from .model import Direction
from .served_engine import ServedEngine, ServedInfillingEngine
from .serving import export_checkpoint, exported_backbone

_SLOTS = 8  # requests at the same time
_VERSION = "q8_0-1"  # of the files in the cache


class LlamaCppEngine(ServedEngine):
    """A `ServedEngine` that starts and ends its own servers of llama.cpp.

    Args:
        checkpoint: whose language model llama.cpp runs.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._key = secrets.token_urlsafe()
        super().__init__(checkpoint, CompletionClient([], key=self._key, at_once=_SLOTS))
        self._servers: dict[Direction, LlamaServer] = {}
        self._starting = Lock()

    @property
    def name(self) -> str:
        return f"llama.cpp {super().name.removeprefix('served ')}"

    def _find(
        self, direction: Direction, cancel: CancelToken | None
    ) -> dict[Direction, ServedModel]:
        with self._starting:
            if direction not in self._servers:
                gguf = kept_gguf(self.checkpoint, direction)
                window = MAX_DESCRIPTION + 2 * self.sampling.longest
                with stage("starting llama.cpp"):
                    self._servers[direction] = LlamaServer(
                        gguf,
                        window=window,
                        slots=_SLOTS,
                        threads=torch.get_num_threads(),
                        key=self._key,
                    )
            url = self._servers[direction].url
        return {direction: ServedModel(url, direction, "llamacpp")}


class LlamaCppInfillingEngine(LlamaCppEngine, ServedInfillingEngine):
    """The engine of a checkpoint whose t2m adapter can also fill gaps; see `FillEngine`."""


def load_llama_cpp(checkpoint: Path | str | None = None) -> LlamaCppEngine:
    """Return the engine of ``llama.cpp`` or ``llama.cpp:CHECKPOINT``.

    Args:
        checkpoint: its folder; None for $MOTION_AGENT_CHECKPOINT, else the one that is shipped.

    Raises:
        ConfigurationError: xllamacpp is not installed, or the checkpoint decodes with beam search.
        UnavailableError, IntegrityError: the checkpoint cannot be read.
    """
    if find_spec("xllamacpp") is None:
        raise ConfigurationError(
            "the engine llama.cpp needs xllamacpp: pip install 'motion-agent[llama-cpp]'"
        )
    loaded = load_checkpoint(checkpoint)
    kind = LlamaCppInfillingEngine if loaded.config.fills else LlamaCppEngine
    return kind(loaded)


class LlamaServer:
    """A server of llama.cpp in a process of its own, which ends with this object.

    Args:
        gguf: the model.
        window: tokens of prompt and answer together.
        slots: requests at the same time, each with its window.
        threads: that compute.
        port: on loopback; 0 for any free one.
        key: that requests must have; empty for none.

    Attributes:
        url: its base URL, which ends with ``/v1``.

    Raises:
        UnavailableError: it does not start.
    """

    def __init__(
        self, gguf: Path, *, window: int, slots: int, threads: int, port: int = 0, key: str = ""
    ) -> None:
        settings = {"gguf": str(gguf.resolve()), "window": window, "slots": slots}
        settings |= {"threads": threads, "port": port, "key": key}
        process = start_script(Path(llama_server.__file__), json.dumps(settings))
        weakref.finalize(self, end_script, process)  # also at exit
        assert process.stdout is not None
        said = ""
        while not said.startswith("http://"):
            said = process.stdout.readline().strip() or "error: it ended"
            if said.startswith("error: "):
                reason = said.removeprefix("error: ")
                raise UnavailableError(f"llama.cpp does not start with {gguf}: {reason}")
        self.url = f"{said}/v1"


def kept_gguf(checkpoint: Checkpoint, direction: Direction) -> Path:
    """Return the model of a direction as 8-bit GGUF, exported into the cache if it is not there.

    Raises:
        ConfigurationError: the backbone is not of Llama's layout.
        UnavailableError: the backbone cannot be had, or the cache cannot be written to.
    """

    def folder(identity: str) -> Path:
        return kept_folder(checkpoint, f"{identity}-{direction}-{_VERSION}")

    with stage("weights"):
        kept = [folder(source.identity) for source in backbone_folders(checkpoint.config.backbone)]
        whole = next(filter(is_whole, kept), None)
        if whole is None:
            whole = folder(exported_backbone(checkpoint)[0].identity)
            try:
                keep_folder(
                    whole, lambda out: export_checkpoint(checkpoint, direction, "gguf-q8", out)
                )
            except OSError as err:
                if not is_whole(whole):  # another process was not faster
                    raise UnavailableError(
                        f"{whole} cannot be written ({err.strerror or err}); set MOTION_AGENT_CACHE"
                    ) from err
    return whole / f"{direction}.gguf"
