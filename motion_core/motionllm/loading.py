"""What a checkpoint's language model computes with: device, type of numbers, trained weights."""

from __future__ import annotations

from typing import Any

import torch

from ..errors import ConfigurationError
from . import lora
from .checkpoint import START, Checkpoint
from .int8 import is_fast
from .model import DIRECTIONS, MotionLLM


def restore_model(checkpoint: Checkpoint, backbone: Any, name: str) -> MotionLLM:
    """Put the checkpoint's rows and adapters on a loaded backbone.

    Raises:
        ConfigurationError: they were trained on another backbone.
    """
    config = checkpoint.config
    checkpoint.check_backbone(backbone, name)
    model = MotionLLM(backbone, codes=config.codes)
    rows = checkpoint.rows()
    with torch.no_grad():
        for direction in DIRECTIONS:
            adapter = config.adapters[direction]
            model.add_direction(direction, rank=adapter.rank, scale=adapter.scale)
            lora.load_adapter_state(model.backbone, direction, checkpoint.adapter(direction))
        if START in rows:
            model.rows["head_start"] = model.rows["t2m_head"].new_zeros(1, config.width)
        for row_name, row in rows.items():
            model.rows[row_name.replace(".", "_")].copy_(row)
    return model


def check_device(device: str) -> None:
    """Check that PyTorch can compute there.

    Raises:
        ConfigurationError: it cannot.
    """
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as err:
        reason = str(err).strip().splitlines()[0]
        raise ConfigurationError(
            f"MotionLLM cannot compute on {device!r} ({reason}); give cpu, or cuda where PyTorch"
            " has a GPU"
        ) from err


def decoding_device() -> str:
    """Return a GPU if PyTorch sees one, else the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def decoding_dtype(device: str = "cpu") -> torch.dtype:
    """Return int8 on a CPU that multiplies 8-bit weights in hardware, else float32.

    bfloat16 is faster where it is native (AVX-512 BF16, AMX, GPUs), but rounds so coarsely that
    the same seed gives another motion in another batch.
    """
    return torch.int8 if device == "cpu" and is_fast() else torch.float32
