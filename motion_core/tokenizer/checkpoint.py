"""A tokenizer on disk: ``tokenizer.safetensors``, float16, with its config in the metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..atomic import replacing
from ..errors import ConfigurationError, IntegrityError, UnavailableError
from ..json_text import parse_json
from .model import MotionTokenizer, TokenizerConfig

FILE_NAME = "tokenizer.safetensors"
_FORMAT = "motion-agent tokenizer 1"
_TRAINING_ONLY = ("quantizer.uses", "quantizer.sums", "quantizer.initialised")
_FLOAT32 = ("mean", "std")  # float16 would shift the root's velocity by more than training leaves


def save_tokenizer(tokenizer: MotionTokenizer, folder: Path | str) -> Path:
    """Write ``tokenizer.safetensors`` in `folder` and return its path.

    Weights and codebook are rounded to float16, so the tokenizer in memory may differ in the
    fourth digit: measure the one from `load_tokenizer`.

    Raises:
        UnavailableError: the folder cannot be written to.
    """
    tensors = {
        name: (tensor if name in _FLOAT32 else tensor.half()).contiguous().cpu()
        for name, tensor in tokenizer.state_dict().items()
        if name not in _TRAINING_ONLY
    }
    metadata = {"format": _FORMAT, "config": json.dumps(tokenizer.config.to_dict())}
    path = Path(folder) / FILE_NAME
    with replacing(path) as temporary:
        try:
            save_file(tensors, temporary, metadata)
        except SafetensorError as err:
            raise UnavailableError(f"cannot write {path}: {err}") from err
    return path


def load_tokenizer(folder: Path | str) -> MotionTokenizer:
    """Load the tokenizer in `folder`: float32, evaluation mode, no gradients.

    Raises:
        UnavailableError: there is none, or it cannot be read.
        IntegrityError: the file is damaged or lacks a tensor.
        ConfigurationError: it is another kind of file, or a newer format.
    """
    path = Path(folder) / FILE_NAME
    if not path.is_file():
        raise UnavailableError(f"there is no {FILE_NAME} in {folder}; give a checkpoint folder")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as err:
        raise IntegrityError(f"{path} is damaged ({err}); get the checkpoint again") from err
    except OSError as err:
        raise UnavailableError(f"cannot read {path}: {err.strerror or err}") from err
    tokenizer = MotionTokenizer(_read_config(path, metadata))
    state = tokenizer.state_dict()
    expected = {name for name in state if name not in _TRAINING_ONLY}
    wrong = [
        name
        for name in sorted(expected | tensors.keys())
        if name not in tensors
        or name not in expected
        or tensors[name].shape != state[name].shape
        or not torch.isfinite(tensors[name]).all()
    ]
    if wrong:
        raise IntegrityError(
            f"{path}: {wrong[0]!r} is missing, unknown, of another shape or not finite "
            f"({len(wrong)} such tensors); get the checkpoint again"
        )
    tokenizer.load_state_dict({**state, **{name: t.float() for name, t in tensors.items()}})
    quantizer = tokenizer.quantizer
    quantizer.sums.copy_(quantizer.codebook)  # otherwise random: two loads would differ
    quantizer.initialised.fill_(True)
    return tokenizer.eval().requires_grad_(False)


def _read_config(path: Path, metadata: dict[str, Any]) -> TokenizerConfig:
    if metadata.get("format") != _FORMAT:
        raise ConfigurationError(
            f"{path} is of the format {metadata.get('format')!r}, not {_FORMAT!r}; "
            "it was made by another program or version"
        )
    try:
        values = parse_json(metadata["config"])
    except (KeyError, ValueError) as err:
        raise IntegrityError(f"{path} has no readable config; get the checkpoint again") from err
    return TokenizerConfig.from_dict(values)
