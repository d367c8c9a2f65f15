"""8-bit weights with activations of two 8-bit digits, scaled by token: fast on a CPU.

    W ≈ diag(s) · Q                     s (out,)  largest of each row / 127, made once
    x ≈ t · (q + r / n)                 t         largest of each token / 127, made with each token
    W x ≈ s · t · (n · Q q + Q r) / n   Q q, Q r  whole numbers, added up in 32 bits, exactly

A few channels of the activations are far larger than the rest, so one digit leaves little of the
rest: with it, 86 % of most probable motion tokens were those of float32, with two 96 %
(`benchmarks/bits.py`). Both digits are rows of one product, which reads the weights once.

"LLM.int8(): 8-bit Matrix Multiplication for Transformers at Scale",
https://arxiv.org/abs/2208.07339, section 2, without its outliers in 16 bits.

Sums of whole numbers do not depend on the order of adding. So a row of a batch has bit for bit the
result that it has alone, which float32 cannot promise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import torch
from torch import Tensor

_LARGEST = 127.0
_TINY = 1e-20  # a token of zeros has zeros as its result


@dataclass(frozen=True)
class Int8Weight:
    """A quantised weight.

    Attributes:
        whole: Q (out, in), int8.
        scale: s (out,), float32.
    """

    whole: Tensor
    scale: Tensor

    @classmethod
    def quantise(cls, weight: Tensor) -> Int8Weight:
        """Return the quantised weight nearest to a weight (out, in)."""
        weight = weight.float()
        scale = weight.abs().amax(-1).clamp_(min=_TINY) / _LARGEST
        return cls((weight / scale[:, None]).round_().to(torch.int8), scale)

    def dequantised(self) -> Tensor:
        """Return the weight (out, in) that it stands for, float32."""
        return self.whole * self.scale[:, None]

    def project(self, x: Tensor) -> Tensor:
        """Project (..., in) -> (..., out), float32."""
        rows = x.reshape(-1, x.shape[-1])
        scale = rows.abs().amax(-1, keepdim=True).clamp_(min=_TINY).mul_(1 / _LARGEST)
        scaled = rows / scale
        digits = torch.cat((scaled, scaled.frac().mul_(self._finer))).to(torch.int8)  # truncates
        first, second = torch._int_mm(digits, self.whole.t()).chunk(2)  # (rows, out), int32
        sums = second.add_(first, alpha=self._finer).float()
        return sums.mul_(self._step).mul_(scale).reshape(*x.shape[:-1], -1)

    @cached_property
    def _finer(self) -> int:
        """Return n, as large as a digit of 8 bits and a sum of 32 over the row allow."""
        return max(1, min(127, (2**31 - 1) // (127 * 128 * self.whole.shape[1])))

    @cached_property
    def _step(self) -> Tensor:  # (out,): what 1 in `sums` stands for, in units of a token's scale
        return self.scale / self._finer


@cache
def is_fast() -> bool:
    """Return whether this processor multiplies 8-bit numbers in hardware, and PyTorch has it do so.

    Elsewhere PyTorch's product is right and slower than float32, or there is none.
    """
    knows = getattr(torch.cpu, "_is_vnni_supported", None)
    if knows is None or not knows() or not hasattr(torch, "_int_mm"):
        return False
    left = torch.arange(-120, 120, dtype=torch.int8).reshape(4, 60)
    right = torch.full((8, 60), 127, dtype=torch.int8)
    try:
        sums = torch._int_mm(left, right.t())
    except RuntimeError:
        return False
    return bool((sums == left.int().sum(1, keepdim=True) * 127).all())
