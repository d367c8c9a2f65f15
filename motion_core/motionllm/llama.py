"""Llama's decoder for inference: a forward pass to read on one screen, with a cache of slots.

    x ─┬─ norm ─ q k v ─ rotate q k ─ attend ─ out ─(+)─┬─ norm ─ silu(gate) · up ─ down ─(+)─
       └─────────────────────────────────────────────┘  └──────────────────────────────────┘

"LLaMA: Open and Efficient Foundation Language Models", https://arxiv.org/abs/2302.13971, with
grouped queries (https://arxiv.org/abs/2305.13245) and rotary positions
(https://arxiv.org/abs/2104.09864). SmolLM2 is of this layout.

Notable:
- a position is a slot of the cache, so rows of different length lie side by side from slot 0 on,
  and there is no padding before them: what a row adds up is the same in every batch. Slots that
  a row has not reached are masked, and masked slots add zeros at the end of its sums;
- weights are `FloatWeight` or `int8.Int8Weight`; a row's result through the latter is the same
  bit for bit whatever else is in the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from ..json_text import parse_json

_FEW_ROWS = 8
_BLOCK = 16  # slots are looked at in whole blocks, so that sums have the same order


class Weight(Protocol):
    """A frozen linear layer without bias."""

    def project(self, x: Tensor) -> Tensor:
        """Project (..., in) -> (..., out)."""
        ...


@dataclass(frozen=True)
class FloatWeight:
    """A weight (out, in) as it is."""

    weight: Tensor

    def project(self, x: Tensor) -> Tensor:
        """Apply `F.linear`; a few rows of float32 are computed as W xᵀ, twice as fast on a CPU."""
        rows = x.numel() // x.shape[-1]
        if not 1 < rows <= _FEW_ROWS or x.dtype != torch.float32 or x.device.type != "cpu":
            return F.linear(x, self.weight)
        y = torch.mm(self.weight, x.reshape(rows, -1).t()).t()
        return y.reshape(*x.shape[:-1], -1)


@dataclass(frozen=True)
class LlamaConfig:
    """Sizes of a decoder.

    Attributes:
        layers, width, inner: blocks, hidden size, size inside the MLP.
        heads, kv_heads, head_dim: attention.
        epsilon: of the norms.
        theta: base of the rotary frequencies.
        vocabulary: words; of both the embedding and the head.
        tied: the head is the embedding.
    """

    layers: int
    width: int
    inner: int
    heads: int
    kv_heads: int
    head_dim: int
    epsilon: float
    theta: float
    vocabulary: int
    tied: bool

    @property
    def block_weights(self) -> int:
        """Numbers in the projections of a block."""
        attention = 2 * (self.heads + self.kv_heads) * self.head_dim
        return self.width * (attention + 3 * self.inner)

    @classmethod
    def read(cls, folder: Path) -> LlamaConfig | None:
        """Read the sizes from a Hugging Face folder; None for a model of another layout."""
        try:
            config: dict[str, Any] = parse_json(
                (folder / "config.json").read_text(encoding="utf-8")
            )
            rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
            fits = (
                config["model_type"] == "llama"
                and config.get("hidden_act", "silu") == "silu"
                and rope.get("rope_type", rope.get("type", "default")) == "default"
                and not config.get("attention_bias")
                and not config.get("mlp_bias")
            )
            if not fits:
                return None
            heads = int(config["num_attention_heads"])
            return cls(
                layers=int(config["num_hidden_layers"]),
                width=int(config["hidden_size"]),
                inner=int(config["intermediate_size"]),
                heads=heads,
                kv_heads=int(config.get("num_key_value_heads") or heads),
                head_dim=int(config.get("head_dim") or int(config["hidden_size"]) // heads),
                epsilon=float(config["rms_norm_eps"]),
                theta=float(rope.get("rope_theta") or config.get("rope_theta") or 10000.0),
                vocabulary=int(config["vocab_size"]),
                tied=bool(config.get("tie_word_embeddings", False)),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
            return None


@dataclass(frozen=True)
class Layer:
    """One block's weights; `qkv` and `gate_up` are stacked."""

    attention_norm: Tensor
    qkv: Weight
    out: Weight
    mlp_norm: Tensor
    gate_up: Weight
    down: Weight


class Cache:
    """Keys and values of each layer, position p of a row in slot p.

    Args:
        config: of the decoder.
        rows: of the batch.
        slots: the most positions that a row can have.
        dtype, device: of the numbers.
    """

    def __init__(
        self, config: LlamaConfig, rows: int, slots: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        slots = -(-slots // _BLOCK) * _BLOCK
        shape = (config.layers, 2, rows, config.kv_heads, slots, config.head_dim)
        self._kept = torch.zeros(shape, dtype=dtype, device=device)
        self.rows = rows

    def write(self, layer: int, k: Tensor, v: Tensor, positions: Tensor) -> None:
        """Put k and v (B, T, KV, d) into the slots `positions` (B, T)."""
        row = torch.arange(self.rows, device=positions.device)[:, None]
        for part, new in enumerate((k, v)):
            self._kept[layer, part, : self.rows].transpose(1, 2)[row, positions] = new

    def read(self, layer: int, slots: int) -> tuple[Tensor, Tensor]:
        """Return keys and values (B KV, S, d) of the first slots."""
        keys, values = self._kept[layer, :, : self.rows].flatten(1, 2)[:, :, :slots]
        return keys, values

    def keep(self, places: Sequence[int]) -> None:
        """Keep only the rows at these places, in this order."""
        for new, old in enumerate(places):
            if new != old:
                self._kept[:, :, new] = self._kept[:, :, old]
        self.rows = len(places)

    def repeat(self, places: Tensor) -> None:
        """Select the rows at these indices, possibly several times each."""
        self._kept = self._kept[:, :, places]
        self.rows = len(places)


class Llama:
    """The decoder's blocks and its last norm.

    Args:
        config: sizes.
        layers: of `config.layers` blocks.
        norm: weight of the last norm (D,).
    """

    def __init__(self, config: LlamaConfig, layers: Sequence[Layer], norm: Tensor) -> None:
        self.config = config
        self.layers = tuple(layers)
        self.norm = norm
        half = torch.arange(0, config.head_dim, 2, device=norm.device).float() / config.head_dim
        self._frequencies = config.theta**-half  # (d / 2,)

    def forward(self, x: Tensor, positions: Tensor, cache: Cache) -> Tensor:
        """Map embeddings (B, T, D) at `positions` (B, T) to states (B, T, D), after the last
        norm.
        """
        c, groups = self.config, self.config.heads // self.config.kv_heads
        batch, length, _ = x.shape
        pairs = batch * c.kv_heads  # of a row and a head of keys, each with `groups` queries
        slots = -(-(int(positions.max()) + 1) // _BLOCK) * _BLOCK
        angles = positions[..., None, None] * self._frequencies  # (B, T, 1, d / 2)
        cos, sin = (f(angles).repeat(1, 1, 1, 2).to(x.dtype) for f in (torch.cos, torch.sin))
        hidden = torch.arange(slots, device=x.device) > positions[..., None]  # (B, T, S)
        mask = x.new_zeros(hidden.shape).masked_fill_(hidden, -torch.inf)
        mask = mask[:, None, :, None].expand(-1, c.kv_heads, -1, groups, -1)
        mask = mask.reshape(pairs, length * groups, slots)
        for number, layer in enumerate(self.layers):
            y = layer.qkv.project(self._normal(x, layer.attention_norm))
            heads = y.view(batch, length, -1, c.head_dim)  # of q, k and v in a row
            qk, v = heads[:, :, : -c.kv_heads], heads[:, :, -c.kv_heads :]
            qk = _rotate(qk, cos, sin)
            q, k = qk[:, :, : c.heads], qk[:, :, c.heads :]  # (B, T, H, d)
            cache.write(number, k, v, positions)
            keys, values = cache.read(number, slots)  # (B KV, S, d)
            q = q.reshape(batch, length, c.kv_heads, groups, c.head_dim).transpose(1, 2)
            q = q.reshape(pairs, length * groups, c.head_dim)  # (B KV, T G, d)
            scores = torch.baddbmm(mask, q, keys.transpose(1, 2), alpha=c.head_dim**-0.5)
            seen = torch.bmm(scores.softmax(-1), values)  # (B KV, T G, d)
            seen = seen.view(batch, c.kv_heads, length, groups, c.head_dim).transpose(1, 2)
            x = x + layer.out.project(seen.reshape(batch, length, -1))
            y = layer.gate_up.project(self._normal(x, layer.mlp_norm))
            gate, up = y.chunk(2, -1)
            x = x + layer.down.project(F.silu(gate) * up)
        return self._normal(x, self.norm)

    def _normal(self, x: Tensor, weight: Tensor) -> Tensor:
        return F.rms_norm(x, (self.config.width,), weight, self.config.epsilon)


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:  # (B, T, H, d)
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([-second, first], -1) * sin
