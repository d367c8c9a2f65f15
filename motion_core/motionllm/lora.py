"""LoRA adapters beside frozen linear layers, arranged for training on a CPU.

             x ──┬───────────── W (frozen) ─────────────┐
                 │                                      +── y = x Wᵀ + s · (x Aᵀ) Bᵀ
                 └── A (rank, in) ── B (out, rank) ── s ┘

"LoRA: Low-Rank Adaptation of Large Language Models", https://arxiv.org/abs/2106.09685, with
s = alpha / rank and B = 0 at the start.

Notable:
- one layer holds several named adapters (`t2m`, `m2t`) over one frozen weight;
- without dropout the active adapter is merged into a copy, W + s·B·A, once per optimiser step,
  so the forward pass costs one matrix product and the backward pass saves x alone. On a CPU
  that trains about twice as fast as three products with their casts and copies;
- the merged copy always comes from the untouched W: switching adapters adds up no rounding;
- state dicts use the names of the `peft` library, which can load them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ConfigurationError

_PEFT_PREFIX = "base_model.model."
_FEW_ROWS = 8


class ByteDropout(nn.Dropout):
    """Dropout that draws a random byte for each number, in half the time of PyTorch's on a CPU.

    The probability is the nearest of 256 steps; what is kept is scaled to match.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Zero numbers at random while training, and scale the rest."""
        if not self.training or self.p == 0 or x.device.type != "cpu":
            return super().forward(x)
        kept = 256 - min(round(256 * self.p), 255)  # of 256
        count = x.numel()
        words = torch.empty(-(-count // 8), dtype=torch.int64).random_(-(2**63), None)
        mask = (words.view(torch.uint8)[:count] < kept).view_as(x)
        return x * (mask.to(x.dtype) * (256 / kept))


class LoRALinear(nn.Module):
    """A frozen linear layer with named low-rank adapters, of which one or none is active."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.a = nn.ParameterDict()  # name -> (rank, in)
        self.b = nn.ParameterDict()  # name -> (out, rank)
        self.scale: dict[str, float] = {}
        self.dropout = ByteDropout(0.0)
        self.active: str | None = None
        self.merged: Tensor | None = None  # (out, in), dtype of the frozen weight

    def add(self, name: str, rank: int, scale: float) -> None:
        """Add an adapter without effect (B = 0); float32 whatever the frozen dtype."""
        out, inputs = self.base.out_features, self.base.in_features
        device = self.base.weight.device
        self.a[name] = nn.Parameter(torch.empty(rank, inputs, device=device))
        self.b[name] = nn.Parameter(torch.zeros(out, rank, device=device))
        nn.init.kaiming_uniform_(self.a[name], a=math.sqrt(5))
        self.scale[name] = scale

    @torch.no_grad()
    def merge(self) -> None:
        """Bring the merged weight up to date with the active adapter."""
        # Neither 4-bit weights nor those spread over processes can be added to.
        plain = type(self.base.weight) is nn.Parameter
        if self.active is None or self.dropout.p > 0 or not plain:
            self.merged = None
            return
        a, b = self.a[self.active], self.b[self.active]
        dtype = self.base.weight.dtype
        self.merged = torch.addmm(
            self.base.weight, b.to(dtype), a.to(dtype), alpha=self.scale[self.active]
        )

    def forward(self, x: Tensor) -> Tensor:  # (..., in) -> (..., out)
        if self.active is None:
            return self._frozen(x)
        a, b, scale = self.a[self.active], self.b[self.active], self.scale[self.active]
        if self.merged is None:
            low = F.linear(self.dropout(x), a.to(x.dtype))  # (..., rank)
            y = F.linear(low, b.to(x.dtype)) * scale
            return y + self._frozen(x)
        if not torch.is_grad_enabled():
            return _product(x, self.merged, self.base.bias)
        product: Tensor = _MergedLinear.apply(  # type: ignore[no-untyped-call]
            x, self.merged, a, b, scale
        )
        return product if self.base.bias is None else product + self.base.bias

    def _frozen(self, x: Tensor) -> Tensor:
        y: Tensor = self.base(x)
        return y


def _product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Apply `F.linear`; a few rows of float32, as in decoding, are computed as W xᵀ, twice as fast
    on a CPU.
    """
    rows = x.numel() // x.shape[-1]
    if not 1 < rows <= _FEW_ROWS or x.dtype != torch.float32 or x.device.type != "cpu":
        return F.linear(x, weight, bias)
    y = torch.mm(weight, x.reshape(rows, -1).t()).t().reshape(*x.shape[:-1], -1)
    return y if bias is None else y + bias


class _MergedLinear(torch.autograd.Function):
    """y = x Mᵀ with M = W + s·B·A; gradients reach x, A and B, none is formed for W."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, merged: Tensor, a: Tensor, b: Tensor, scale: float) -> Tensor:
        ctx.save_for_backward(x, merged, a, b)
        ctx.scale = scale
        return F.linear(x, merged)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, merged, a, b = ctx.saved_tensors
        flat_x, flat = x.reshape(-1, x.shape[-1]), grad.reshape(-1, grad.shape[-1])
        grad_x = (flat @ merged).view_as(x) if ctx.needs_input_grad[0] else None
        low_x = flat_x @ a.to(x.dtype).t()  # (N, rank)
        low_grad = flat @ b.to(x.dtype)  # (N, rank)
        grad_b = (flat.t() @ low_x).to(b.dtype) * ctx.scale
        grad_a = (low_grad.t() @ flat_x).to(a.dtype) * ctx.scale
        return grad_x, None, grad_a, grad_b, None


def attach(model: nn.Module) -> None:
    """Replace every linear layer inside `model` by a `LoRALinear` over it.

    Raises:
        ConfigurationError: there is none, so the architecture keeps its projections elsewhere.
    """
    found = [
        (parent, name, child)
        for parent in model.modules()
        if not isinstance(parent, LoRALinear)
        for name, child in parent.named_children()
        if isinstance(child, nn.Linear)
    ]
    if not found:
        raise ConfigurationError(
            f"{type(model).__name__} has no linear projections to adapt; use a Llama-, Gemma-, "
            "Qwen- or Mistral-like backbone"
        )
    for parent, name, child in found:
        setattr(parent, name, LoRALinear(child))


def layers(model: nn.Module) -> Iterator[tuple[str, LoRALinear]]:
    """Yield the LoRA layers with the name that the frozen layer had in the original model."""
    for name, module in model.named_modules():
        if isinstance(module, LoRALinear):
            yield name, module


def adapter_state(model: nn.Module, adapter: str) -> dict[str, Tensor]:
    """Return A and B of `adapter` in every layer, under the names of `peft`'s
    `adapter_model.safetensors`.
    """
    state = {}
    for name, layer in layers(model):
        state[f"{_PEFT_PREFIX}{name}.lora_A.weight"] = layer.a[adapter].detach()
        state[f"{_PEFT_PREFIX}{name}.lora_B.weight"] = layer.b[adapter].detach()
    return state


@torch.no_grad()
def load_adapter_state(model: nn.Module, adapter: str, state: Mapping[str, Tensor]) -> None:
    """Fill `adapter`, which exists, from tensors as `adapter_state` gives them.

    Raises:
        ConfigurationError: names or shapes are not those of this backbone and rank.
    """
    own = adapter_state(model, adapter)
    if own.keys() != state.keys():
        odd = min(own.keys() ^ state.keys())
        raise ConfigurationError(
            f"adapter {adapter!r} does not fit the backbone: {len(own)} tensors expected, "
            f"{len(state)} found, first difference {odd}"
        )
    for name, tensor in own.items():
        if tensor.shape != state[name].shape:
            raise ConfigurationError(
                f"adapter {adapter!r} does not fit the backbone: {name} has the shape "
                f"{tuple(state[name].shape)}, expected {tuple(tensor.shape)}"
            )
        tensor.copy_(state[name])
