"""T2M-GPT's VQ-VAE as our `MotionTokenizer`: the same network under other names.

    vqvae.encoder.model.0                      encoder.0          first convolution
    vqvae.encoder.model.2.0, .3.0              encoder.2, .4      stride-2 convolutions
    vqvae.encoder.model.2.1.model.K.conv1, 2   encoder.3.K.wide, narrow
    vqvae.decoder.model.2.0.model.K.conv1, 2   decoder.2.K.wide, narrow
    vqvae.decoder.model.2.2, .3.2              decoder.4, .7      convolutions after upsampling
    vqvae.quantizer.codebook                   quantizer.codebook

Layout: https://github.com/Mael-zys/T2M-GPT, ``models/vqvae.py``; Motion-Agent keeps it, and
MotionGPT (``mGPT/archs/mgpt_vq.py``) differs in its prefix alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..errors import ConfigurationError, FormatError, InputError
from ..formats.npy import read_npy
from ..motion import FEATURES, FloatArray
from ..tokenizer import MotionTokenizer, TokenizerConfig, save_tokenizer

_RESIDUAL = r"\.model\.(\d+)\.conv([12])\.(weight|bias)"
_BLOCKS = {1: "wide", 2: "narrow"}
_ENCODER = {"0": "0", "2.0": "2", "3.0": "4", "4": "6"}
_ENCODER_STAGES = {"2.1": "3", "3.1": "5"}
_DECODER = {"0": "0", "2.2": "4", "3.2": "7", "4": "8", "6": "10"}
_DECODER_STAGES = {"2.0": "2", "3.0": "5"}


def tokenizer_from_t2m_gpt(
    state: Mapping[str, Any],
    mean: FloatArray,
    std: FloatArray,
    *,
    where: str,
    prefix: str = "vqvae.",
) -> MotionTokenizer:
    """Return the tokenizer of a state dict in T2M-GPT's layout, float32, in evaluation mode.

    Args:
        state: names to tensors.
        mean: ``(263,)``, for normalising features as its authors do.
        std: the same for the standard deviation.
        where: the file, for errors.
        prefix: before ``encoder``, ``decoder`` and ``quantizer``.

    Raises:
        FormatError: a tensor is missing, unknown or of another shape.
        ConfigurationError: the network is of another kind than 263 features to a token for four
            frames.
    """
    tensors = {
        name.removeprefix(prefix): value.detach().float()
        for name, value in state.items()
        if name.startswith(prefix) and isinstance(value, Tensor)
    }
    try:
        codebook, first = tensors["quantizer.codebook"], tensors["encoder.model.0.weight"]
    except KeyError as err:
        raise FormatError(f"{where} has no tensor {prefix}{err.args[0]}; is it a VQ-VAE?") from err
    if codebook.ndim != 2 or first.ndim != 3 or first.shape[1] != FEATURES:
        raise ConfigurationError(
            f"{where} is a VQ-VAE of {first.shape[1] if first.ndim == 3 else '?'} features; "
            f"HumanML3D's {FEATURES} are read"
        )
    renamed = {_our_name(name): tensor for name, tensor in tensors.items()}
    unknown = sorted(name for name in tensors if _our_name(name) is None)
    if unknown:
        raise FormatError(
            f"{where} has a tensor {prefix}{unknown[0]} that no VQ-VAE with two stages has; "
            "normalisation layers and other depths of downsampling are not read"
        )
    depth = len(
        {n for n in tensors if re.fullmatch(r"encoder\.model\.2\.1\.model\.\d+\.conv1\.weight", n)}
    )
    config = TokenizerConfig(
        codes=len(codebook),
        code_dim=codebook.shape[1],
        width=first.shape[0],
        depth=max(depth, 1),
        distance=0.0,
        path=0.0,
        root=1.0,
    )
    tokenizer = MotionTokenizer(config, mean=mean, std=std).eval().requires_grad_(False)
    tokenizer.std.copy_(torch.from_numpy(std))  # as they are: their groups are not ours
    own = tokenizer.state_dict()
    trained = {n for n in own if n.startswith(("encoder", "decoder")) or n == "quantizer.codebook"}
    if trained != renamed.keys():
        raise FormatError(
            f"{where} has {len(tensors)} tensors of a VQ-VAE, expected {len(trained)}; "
            f"{min(trained ^ {n for n in renamed if n})} is missing or too many: download it again"
        )
    for name in sorted(trained):
        tensor = renamed[name]
        if tensor.shape != own[name].shape or not torch.isfinite(tensor).all():
            raise FormatError(
                f"{where}: {name} has the shape {tuple(tensor.shape)} or is not finite, expected "
                f"{tuple(own[name].shape)}; download it again"
            )
        own[name].copy_(tensor)
    tokenizer.quantizer.initialised.fill_(True)
    return tokenizer


def read_statistics(path: Path | str) -> FloatArray:
    """Mean or standard deviation ``(263,)`` float32 of a ``.npy`` file.

    Raises:
        InputError: there is no such file.
        FormatError: it holds something else, or values that are not finite.
    """
    try:
        values = read_npy(Path(path))
    except FileNotFoundError as err:
        raise InputError(f"there is no file {path}; give the authors' mean.npy or std.npy") from err
    except OSError as err:
        raise InputError(f"cannot read {path}: {err.strerror or err}") from err
    except ValueError as err:
        raise FormatError(f"{path} is no .npy file, or cut off; download it again") from err
    if values.shape != (FEATURES,):
        raise FormatError(f"{path} holds the shape {values.shape}, expected ({FEATURES},)")
    found: FloatArray = values.astype(np.float32)
    if not np.isfinite(found).all():
        raise FormatError(f"{path} holds NaN or infinity; download it again")
    return found


def save_exactly(tokenizer: MotionTokenizer, folder: Path) -> Path:
    """Write ``tokenizer.safetensors`` with float32 weights: nothing of the authors' is rounded."""
    path = save_tokenizer(tokenizer, folder)
    with safe_open(path, framework="pt") as file:
        metadata, names = file.metadata(), list(file.keys())
    state = tokenizer.state_dict()
    save_file({name: state[name].contiguous().cpu() for name in names}, path, metadata)
    return path


def _our_name(name: str) -> str | None:
    """Return our name of one of their tensors; None if it has no counterpart."""
    if name == "quantizer.codebook":
        return name
    for side, plain, stages in (
        ("encoder", _ENCODER, _ENCODER_STAGES),
        ("decoder", _DECODER, _DECODER_STAGES),
    ):
        if not name.startswith(f"{side}.model."):
            continue
        rest = name.removeprefix(f"{side}.model.")
        layer, _, kind = rest.rpartition(".")
        if layer in plain and kind in ("weight", "bias"):
            return f"{side}.{plain[layer]}.{kind}"
        for theirs, ours in stages.items():
            if match := re.fullmatch(re.escape(theirs) + _RESIDUAL, rest):
                return f"{side}.{ours}.{match[1]}.{_BLOCKS[int(match[2])]}.{match[3]}"
    return None
