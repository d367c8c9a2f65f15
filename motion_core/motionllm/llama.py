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
  bit for bit whatever else is in the batch;
- numbers that rotate together lie side by side (`interleaved`), so that a rotation is one product
  of complex numbers: with few rows, time goes into the number of operations.
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

    def places(self, positions: Tensor) -> Tensor:
        """Return where `write` puts k and v for the slots `positions` (B, T)."""
        _, parts, rows, heads, slots, _ = self._kept.shape
        device = positions.device
        lane = torch.arange(parts * rows * heads, device=device).view(parts, rows, 1, heads)
        lane = lane[:, : self.rows].permute(1, 2, 0, 3)  # (B, 1, 2, KV)
        return (lane * slots + positions[..., None, None]).flatten()

    def write(self, layer: int, kv: Tensor, places: Tensor) -> None:
        """Put k and v, side by side (B, T, 2 KV, d), into these places."""
        self._kept[layer].view(-1, kv.shape[-1]).index_copy_(0, places, kv.flatten(0, 2))

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
        if places.tolist() != list(range(self.rows)):
            self._kept = self._kept[:, :, places]
            self.rows = len(places)

    def begin_with(self, other: Cache, count: int) -> None:
        """Copy the first `count` slots of the only row of another cache into every row."""
        self._kept[..., :count, :] = other._kept[..., :count, :]


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
        self._epsilon = torch.tensor(config.epsilon, device=norm.device)

    def forward(self, x: Tensor, positions: Tensor, cache: Cache) -> Tensor:
        """Map embeddings (B, T, D) at `positions` (B, T) to states (B, T, D), after the last
        norm.
        """
        c, groups = self.config, self.config.heads // self.config.kv_heads
        batch, length, _ = x.shape
        pairs = batch * c.kv_heads  # of a row and a head of keys, each with `groups` queries
        slots = -(-(int(positions.max()) + 1) // _BLOCK) * _BLOCK
        angles = positions[..., None, None] * self._frequencies  # (B, T, 1, d / 2)
        turned = torch.polar(torch.ones_like(angles), angles).repeat(1, 1, c.heads + c.kv_heads, 1)
        turn = F.pad(turned, (0, 0, 0, c.kv_heads), value=1.0)  # v stays
        places = cache.places(positions)
        hidden = torch.arange(slots, device=x.device) > positions[..., None]  # (B, T, S)
        mask = x.new_zeros(hidden.shape).masked_fill_(hidden, -torch.inf)
        mask = mask[:, None, :, None].expand(-1, c.kv_heads, -1, groups, -1)
        mask = mask.reshape(pairs, length * groups, slots)
        for number, layer in enumerate(self.layers):
            y = layer.qkv.project(self._normal(x, layer.attention_norm))
            heads = y.view(batch, length, -1, c.head_dim)  # of q, k and v in a row
            heads = _rotate(heads, turn)
            cache.write(number, heads[:, :, c.heads :], places)
            keys, values = cache.read(number, slots)  # (B KV, S, d)
            q = (
                heads[:, :, : c.heads]
                .reshape(batch, length, c.kv_heads, groups, c.head_dim)
                .transpose(1, 2)
            )
            q = q.reshape(pairs, length * groups, c.head_dim)  # (B KV, T G, d)
            scores = torch.baddbmm(mask, q, keys.transpose(1, 2), alpha=c.head_dim**-0.5)
            seen = torch.bmm(scores.softmax(-1), values)  # (B KV, T G, d)
            seen = seen.view(batch, c.kv_heads, length, groups, c.head_dim).transpose(1, 2)
            x = x + layer.out.project(seen.reshape(batch, length, -1))
            y = layer.gate_up.project(self._normal(x, layer.mlp_norm))
            gate, up = y.chunk(2, -1)
            x = x + layer.down.project(F.silu(gate).mul_(up))
        return self._normal(x, self.norm)

    def _normal(self, x: Tensor, weight: Tensor) -> Tensor:
        size = torch.linalg.vector_norm(x.float(), dim=-1, keepdim=True)  # F.rms_norm is slower
        inverse = torch.addcmul(self._epsilon, size, size, value=1 / self.config.width).rsqrt_()
        return (x * inverse).to(x.dtype).mul_(weight)


def interleaved(qkv: Tensor, config: LlamaConfig) -> Tensor:
    """Return stacked weights of q, k and v with the rows of q and k as `Llama` rotates them.

    Llama rotates numbers i and d / 2 + i of a head together; ours lie at 2 i and 2 i + 1.
    """
    order = torch.arange(len(qkv))
    turned = order[: (config.heads + config.kv_heads) * config.head_dim]
    turned.copy_(turned.view(-1, 2, config.head_dim // 2).transpose(1, 2).flatten())
    return qkv[order]


def _rotate(heads: Tensor, turn: Tensor) -> Tensor:  # (B, T, H, d), complex (B, T, H, d / 2)
    real = heads.float().contiguous()
    torch.view_as_complex(real.view(*turn.shape, 2)).mul_(turn)
    return real.to(heads.dtype)
