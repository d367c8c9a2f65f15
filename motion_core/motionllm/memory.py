"""Training of backbones that are too large: layers computed twice, or spread over processes."""

from __future__ import annotations

from typing import Any

import torch

from ..errors import ConfigurationError
from ..training import Processes
from .model import MotionLLM


def checkpoint_layers(backbone: Any) -> None:
    """Keep only each layer's input for the backward pass, which recomputes the rest.

    "Training Deep Nets with Sublinear Memory Cost", https://arxiv.org/abs/1604.06174.
    """
    from functools import partial

    from torch.utils.checkpoint import checkpoint
    from transformers.modeling_layers import GradientCheckpointingLayer

    layers: list[Any] = [m for m in backbone.modules() if isinstance(m, GradientCheckpointingLayer)]
    for layer in layers:
        layer.gradient_checkpointing = True
        layer._gradient_checkpointing_func = partial(checkpoint, use_reentrant=False)
        layer.training = True  # the layer alone; its modules stay in evaluation mode


def spread_layers(model: MotionLLM, processes: Processes) -> None:
    """Keep a share of each decoder layer in each process, and gather it while it is used.

    "PyTorch FSDP", https://arxiv.org/abs/2304.11277, as `torch.distributed.fsdp.fully_shard` has
    it. Adapters, motion rows, embedding and head stay whole in every process.

    Raises:
        ConfigurationError: this process is alone.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    if processes.count == 1:
        raise ConfigurationError(
            "layers are spread over several processes; start them with torchrun or accelerate "
            "launch, or train without shard"
        )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    mesh = init_device_mesh(device, (processes.count,))
    whole = {parameter for parameter in model.parameters() if parameter.requires_grad}
    for layer in model.backbone.base_model.layers:
        fully_shard(layer, mesh=mesh, reshard_after_forward=True, ignored_params=whole)
    model.to(device)
