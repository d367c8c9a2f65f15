"""Export adapters to `peft` and import them again.

    save_adapter(checkpoint, "t2m", "t2m-adapter")         # a folder that peft opens
    …                                                      # merge, prune, average, train on
    replace_adapter(checkpoint, "t2m", "t2m-adapter", out="checkpoint-2")

The vocabulary stays the backbone's own: motion tokens are embedded with `Checkpoint.rows` and given
as ``inputs_embeds``.
"""

from __future__ import annotations

import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from ..errors import ConfigurationError, UnavailableError
from .backbone import load_backbone
from .checkpoint import Adapter, Checkpoint, load_checkpoint, write_checkpoint
from .model import Direction
from .weights import read_tensors

WEIGHTS = "adapter_model.safetensors"
SETTINGS = "adapter_config.json"
_CHANGED = (
    "use_dora",
    "use_rslora",
    "rank_pattern",
    "alpha_pattern",
    "modules_to_save",
    "fan_in_fan_out",
)


def save_adapter(
    checkpoint: Checkpoint | Path | str, direction: Direction, folder: Path | str
) -> Path:
    """Write an adapter as `peft.PeftModel.from_pretrained` opens it; return the folder.

    Args:
        checkpoint: or its folder.
        direction: whose adapter.
        folder: for ``adapter_config.json`` and ``adapter_model.safetensors``.

    Raises:
        UnavailableError: the checkpoint cannot be had, or the folder cannot be written.
    """
    checkpoint = _loaded(checkpoint)
    state = checkpoint.adapter(direction)
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        settings = _settings(checkpoint, direction)
        settings.target_modules = sorted({name.split(".")[-3] for name in state})
        settings.base_model_name_or_path = checkpoint.config.backbone
        settings.inference_mode = True
        settings.save_pretrained(folder)
        save_file(state, folder / WEIGHTS)
    except OSError as err:
        raise UnavailableError(f"cannot write {folder}: {err.strerror or err}") from err
    return folder


def replace_adapter(
    checkpoint: Checkpoint | Path | str,
    direction: Direction,
    folder: Path | str,
    *,
    out: Path | str,
) -> Checkpoint:
    """Write the checkpoint again with an adapter that `peft` saved, of any rank.

    Args:
        checkpoint: or its folder.
        direction: whose adapter is replaced.
        folder: what `PeftModel.save_pretrained` wrote.
        out: of the new checkpoint.

    Raises:
        UnavailableError: a file is missing, or `out` cannot be written.
        IntegrityError: a file is damaged.
        ConfigurationError: it is no plain LoRA adapter of that backbone.
    """
    checkpoint = _loaded(checkpoint)
    folder = Path(folder)
    if not (folder / SETTINGS).is_file():
        raise UnavailableError(f"there is no {folder / SETTINGS}; give a folder that peft saved")
    import peft

    settings: Any = peft.PeftConfig.from_pretrained(str(folder))
    if settings.peft_type != "LORA" or settings.bias != "none":
        raise ConfigurationError(f"{folder} is no LoRA adapter without biases; MotionLLM has those")
    odd = [name for name in _CHANGED if getattr(settings, name, None)]
    if odd:
        raise ConfigurationError(f"{folder} has {odd[0]} set; MotionLLM knows plain LoRA only")
    state, old = read_tensors(folder / WEIGHTS), checkpoint.adapter(direction)
    _check_fit(state, old, settings.r, folder)
    state = {name: tensor.to(old[name].dtype).contiguous() for name, tensor in state.items()}
    adapter = Adapter(settings.r, settings.lora_alpha / settings.r)
    config = checkpoint.config
    config = replace(config, name=Path(out).name, adapters={**config.adapters, direction: adapter})

    def fill(fresh: Path) -> None:
        shutil.copytree(checkpoint.folder, fresh, dirs_exist_ok=True)
        save_file(state, fresh / f"{direction}.safetensors")

    return write_checkpoint(Path(out), config, fill)


def peft_model(
    checkpoint: Checkpoint | Path | str,
    direction: Direction,
    *,
    backbone: Any = None,
    dtype: torch.dtype = torch.float32,
) -> Any:
    """Return the backbone as a `peft.PeftModel` with the adapter of `direction` in it.

    Args:
        checkpoint: or its folder.
        direction: whose adapter.
        backbone: a loaded causal LM; None for the one that the checkpoint names.
        dtype: of a backbone that is loaded here.

    Raises:
        ConfigurationError: the adapter does not fit the backbone.
        UnavailableError: the checkpoint or the backbone cannot be had.
    """
    checkpoint = _loaded(checkpoint)
    if backbone is None:
        backbone, _ = load_backbone(checkpoint.config.backbone, dtype=dtype)
    checkpoint.check_backbone(backbone, type(backbone).__name__)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft's own, of transformers
        import peft

        model = peft.get_peft_model(backbone, _settings(checkpoint, direction))
        state = checkpoint.adapter(direction)
        result: Any = peft.set_peft_model_state_dict(model, state)
    fits = not result.unexpected_keys and not any("lora_" in k for k in result.missing_keys)
    if not fits:
        raise ConfigurationError(
            f"adapter {direction!r} of {checkpoint.folder} does not fit the backbone: "
            f"{len(result.unexpected_keys)} of its {len(state)} tensors have no place in it"
        )
    return model.eval()


def _loaded(checkpoint: Checkpoint | Path | str) -> Checkpoint:
    return checkpoint if isinstance(checkpoint, Checkpoint) else load_checkpoint(checkpoint)


def _settings(checkpoint: Checkpoint, direction: Direction) -> Any:
    import peft

    adapter = checkpoint.config.adapters[direction]
    return peft.LoraConfig(
        r=adapter.rank,
        lora_alpha=round(adapter.rank * adapter.scale),
        target_modules="all-linear",
        lora_dropout=0.0,
        task_type="CAUSAL_LM",
    )


def _check_fit(
    state: dict[str, Tensor], expected: dict[str, Tensor], rank: int, folder: Path
) -> None:
    """Raise unless the tensors fit the same layers and that rank."""
    if state.keys() != expected.keys():
        odd = min(state.keys() ^ expected.keys())
        raise ConfigurationError(
            f"{folder} does not fit the checkpoint: {len(expected)} tensors expected, {len(state)} "
            f"found, first difference {odd}"
        )
    for name, tensor in expected.items():
        rows, columns = tensor.shape
        shape = (rank, columns) if "lora_A" in name else (rows, rank)
        if state[name].shape != shape:
            raise ConfigurationError(
                f"{folder} does not fit the checkpoint: {name} has the shape "
                f"{tuple(state[name].shape)}, expected {shape}"
            )
