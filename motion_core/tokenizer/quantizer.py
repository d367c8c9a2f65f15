"""A vector quantizer whose codebook follows the encoder by moving averages, with dead-code reset.

Source: VQ-VAE (van den Oord et al., 2017, appendix A.1 for the moving averages); reset of dead
codes as in Jukebox (Dhariwal et al., 2020) and T2M-GPT (Zhang et al., CVPR 2023, section 3.1).

Two things differ from T2M-GPT because batches here are small:
- a code is dead when its averaged use falls below a *share* of its use under uniform use of all
codes. T2M-GPT's "one use per batch" is an eighth of that share at its batch of 4,096
  tokens, but the whole of it at 512 tokens: half of the codebook would be replaced at every step;
- a revived code starts with the full equal share, so it has a few hundred steps to find its place
before it can be declared dead again.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Quantized:
    """The quantizer's result.

    Attributes:
        vectors: ``(N, D)`` the chosen codes; gradients go straight through to the encoder.
        tokens: ``(N,)`` their indices.
        commitment: mean squared distance between encoder output and code, gradient to the encoder.
    """

    vectors: Tensor
    tokens: Tensor
    commitment: Tensor


class EMAQuantizer(nn.Module):
    """A codebook ``(codes, dim)``.

    Args:
        codes: number of codes.
        dim: size of a code.
        decay: of the moving averages of each code's use and sum.
        reset_share: a code is dead below this share of an equal use of all codes.
    """

    codebook: Tensor
    uses: Tensor
    sums: Tensor
    initialised: Tensor

    def __init__(
        self, codes: int, dim: int, *, decay: float = 0.99, reset_share: float = 0.125
    ) -> None:
        super().__init__()
        self.codes, self.decay, self.reset_share = codes, decay, reset_share
        self.register_buffer("codebook", torch.randn(codes, dim) / dim**0.5)
        # uses and sums are for training only; a checkpoint holds just the codebook.
        self.register_buffer("uses", torch.ones(codes))
        self.register_buffer("sums", self.codebook.clone())
        self.register_buffer("initialised", torch.tensor(False))
        self.resets = 0
        """Codes replaced at the last training step."""
        self.bypassed = False
        """Let encoder outputs through as they are: the first steps of a training."""

    def forward(self, vectors: Tensor, valid: Tensor | None = None) -> Quantized:
        """Quantize encoder outputs ``(N, D)``; in training mode also move the codebook.

        Args:
            vectors: encoder outputs, float32.
            valid: ``(N,)`` bool; the rest (padding) is quantized but neither learned from nor
                counted.
        """
        counted = vectors if valid is None else vectors[valid]
        if self.bypassed:
            nowhere = torch.zeros(len(vectors), dtype=torch.long, device=vectors.device)
            return Quantized(vectors, nowhere, vectors.new_zeros(()))
        if self.training and not self.initialised:
            self._initialise(counted.detach())
        tokens = self.nearest(vectors)  # (N,)
        chosen = F.embedding(tokens, self.codebook)  # (N, D)
        distance = (vectors - chosen.detach()).square().mean(dim=1)  # (N,)
        commitment = distance.mean() if valid is None else distance[valid].mean()
        if self.training:
            self.update(counted.detach(), tokens if valid is None else tokens[valid])
        return Quantized(vectors + (chosen - vectors).detach(), tokens, commitment)

    @torch.no_grad()
    def nearest(self, vectors: Tensor) -> Tensor:
        """Return the index of the nearest code of each vector: ``(N, D)`` -> ``(N,)``."""
        # |v - c|² without |v|², which is the same for all codes.
        distances = self.codebook.square().sum(dim=1) - 2 * vectors @ self.codebook.T
        return distances.argmin(dim=1)

    @torch.no_grad()
    def update(self, vectors: Tensor, tokens: Tensor) -> None:
        """Update the moving averages with encoder outputs ``(N, D)`` and revive dead codes."""
        uses = torch.bincount(tokens, minlength=self.codes).to(self.uses)  # (K,)
        sums = torch.zeros_like(self.sums).index_add_(0, tokens, vectors)  # (K, D)
        self.uses.mul_(self.decay).add_(uses, alpha=1 - self.decay)
        self.sums.mul_(self.decay).add_(sums, alpha=1 - self.decay)
        equal_use = len(vectors) / self.codes
        dead = (self.uses < self.reset_share * equal_use).nonzero()[:, 0]
        self.resets = len(dead)
        if len(dead):
            self.uses[dead] = equal_use
            self.sums[dead] = equal_use * _drawn(vectors, len(dead))
        self.codebook.copy_(self.sums / self.uses[:, None])

    def _initialise(self, vectors: Tensor) -> None:
        self.uses.fill_(len(vectors) / self.codes)
        self.codebook.copy_(_drawn(vectors, self.codes))
        self.sums.copy_(self.codebook * self.uses[:, None])
        self.initialised.fill_(True)


def _drawn(vectors: Tensor, count: int) -> Tensor:
    """Draw `count` of the vectors at random, slightly perturbed if there are too few."""
    repeats = -(-count // len(vectors))
    orders = [torch.randperm(len(vectors), device=vectors.device) for _ in range(repeats)]
    order = torch.cat(orders)[:count]
    drawn = vectors[order]
    if repeats > 1:
        drawn = drawn + 0.01 * vectors.std() * torch.randn_like(drawn)
    return drawn
