"""The trained parts of one direction on disk: adapter and rows, float16, with their facts.

t2m.safetensors        A and B of every adapted layer, under `peft`'s names
t2m_rows.safetensors   t2m_embed, t2m_head (m2t: m2t_embed)
t2m.json               backbone, sizes, rank, scale, prompt, training
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..atomic import replacing
from ..errors import IntegrityError, UnavailableError
from ..regular_file import open_regular
from . import lora
from .model import Direction, MotionLLM


def save_direction(
    model: MotionLLM, direction: Direction, folder: Path, facts: Mapping[str, Any]
) -> None:
    """Write the three files of `direction` into `folder`.

    Raises:
        UnavailableError: the folder cannot be written to.
    """
    adapter = lora.adapter_state(model.backbone, direction)
    rows = {name: row for name, row in model.rows.items() if name.startswith(direction)}
    save_half(adapter, folder / f"{direction}.safetensors")
    save_half(rows, folder / f"{direction}_rows.safetensors")
    _, layer = next(iter(lora.layers(model.backbone)))
    config = {
        **facts,
        "direction": direction,
        "vocabulary": model.vocabulary,
        "width": model.width,
        "codes": model.codes,
        "rank": layer.a[direction].shape[0],
        "scale": layer.scale[direction],
    }
    with replacing(folder / f"{direction}.json") as path:
        path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return all tensors of a safetensors file, as they are.

    Raises:
        UnavailableError: there is none, or it cannot be read.
        IntegrityError: it is damaged.
    """
    with _opened(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise UnavailableError(f"there is no {path}; finish its training first")
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except SafetensorError as err:
        raise IntegrityError(f"{path} is damaged ({err}); make or get it again") from err
    except OSError as err:
        raise UnavailableError(f"cannot read {path}: {err.strerror or err}") from err


class TensorFile(Mapping[str, Tensor]):
    """The tensors of a safetensors file, each read when it is asked for.

    Each is memory-mapped by itself, so one that is no longer used takes no memory.

    Raises:
        UnavailableError: there is none, or it cannot be read.
        IntegrityError: it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with _opened(path) as file:
            self._names = tuple(file.keys())

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._names:
            raise KeyError(name)
        with _opened(self._path) as file:
            tensor: Tensor = file.get_tensor(name)
            return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def save_half(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Save tensors as float16 safetensors, atomically."""
    half = {k: t.detach().to("cpu", torch.float16).contiguous() for k, t in tensors.items()}
    with replacing(path) as temporary:
        save_file(half, temporary)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits.

    Raises:
        OSError: it cannot be read, or is a folder, a pipe or a device.
    """
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
