"""The checkpoint's adapters as `peft` sees them, for its tools: merging, analysis, training on."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch

from ..errors import ConfigurationError
from .backbone import load_backbone
from .checkpoint import Checkpoint, load_checkpoint
from .model import Direction


def peft_model(
    checkpoint: Checkpoint | Path | str,
    direction: Direction,
    *,
    backbone: Any = None,
    dtype: torch.dtype = torch.float32,
) -> Any:
    """The backbone as a `peft.PeftModel` with the adapter of `direction` in it.

    The vocabulary stays the backbone's own: embed motion tokens with `Checkpoint.rows` and give
    them as ``inputs_embeds``.

    Args:
        checkpoint: or its folder.
        direction: whose adapter.
        backbone: a loaded causal LM; None for the one that the checkpoint names.
        dtype: of a backbone that is loaded here.

    Raises:
        ConfigurationError: the adapter does not fit the backbone.
        UnavailableError: the checkpoint or the backbone cannot be had.
    """
    if not isinstance(checkpoint, Checkpoint):
        checkpoint = load_checkpoint(checkpoint)
    config = checkpoint.config
    if backbone is None:
        backbone, _ = load_backbone(config.backbone, dtype=dtype)
    checkpoint.check_backbone(backbone, type(backbone).__name__)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft's own, of transformers
        import peft

        adapter = config.adapters[direction]
        settings = peft.LoraConfig(
            r=adapter.rank,
            lora_alpha=round(adapter.rank * adapter.scale),
            target_modules="all-linear",
            lora_dropout=0.0,
            task_type="CAUSAL_LM",
        )
        model = peft.get_peft_model(backbone, settings)
        state = checkpoint.adapter(direction)
        result: Any = peft.set_peft_model_state_dict(model, state)
    fits = not result.unexpected_keys and not any("lora_" in k for k in result.missing_keys)
    if not fits:
        raise ConfigurationError(
            f"adapter {direction!r} of {checkpoint.folder} does not fit the backbone: "
            f"{len(result.unexpected_keys)} of its {len(state)} tensors have no place in it"
        )
    return model.eval()
