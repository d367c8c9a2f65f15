"""How the next motion token is chosen: temperature, top-k, top-p, greedy; seeded by row."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import ConfigurationError
from ..motion import FRAMES_PER_TOKEN, MAX_FRAMES

# Fields that older checkpoints do not have.
_NEWER = ("guidance", "beams", "end_penalty", "neighbours")


@dataclass(frozen=True)
class Sampling:
    """Defaults of decoding, which belong to the checkpoint.

    Attributes:
        temperature: logits are divided by it.
        top_k: only the k most probable tokens can be drawn; 0 for all.
        top_p: only the most probable tokens that together have this probability.
        min_tokens: </Motion> is forbidden before (5 tokens are a second).
        end_penalty: nats subtracted from the logit of </Motion>, so that motions do not end too
            early.
        max_tokens: a motion ends here when it has not ended before.
        longest: the most tokens that `seconds` may ask for.
        takes: motions drawn for a description, of which the best is kept; see
            `NearestClips.fitting`, and `choosing` where there are no neighbours.
        guidance: how much the description counts beyond what the model makes of it by itself; 1
            for none, and the second pass that it needs. See `guided`.
        beams: 1 to draw; more for beam search in place of drawing, see `beams`.
        neighbours: weight, below 1, of how training clips with similar captions, or similar
            motion, continue; 0 for none. See `nearest`.

    Raises:
        ConfigurationError: a value with which nothing could be drawn.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 0.9
    min_tokens: int = 4
    max_tokens: int = 50
    longest: int = 100
    takes: int = 6
    guidance: float = 1.0
    beams: int = 1
    end_penalty: float = 0.0
    neighbours: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise ConfigurationError(f"temperature is {self.temperature!r}; give more than 0")
        if not isinstance(self.takes, int) or not 1 <= self.takes <= 64:
            raise ConfigurationError(f"takes is {self.takes!r}; give 1 to 64")
        if not (math.isfinite(self.guidance) and 1 <= self.guidance <= 20):
            raise ConfigurationError(f"guidance is {self.guidance!r}; give 1 for none, to 20")
        if not isinstance(self.beams, int) or not 1 <= self.beams <= 64:
            raise ConfigurationError(f"beams is {self.beams!r}; give 1 to 64")
        if not 0 <= self.end_penalty <= 20:
            raise ConfigurationError(
                f"end_penalty is {self.end_penalty!r}; give a number from 0 (none) to 20"
            )
        if not 0 <= self.neighbours < 1:
            raise ConfigurationError(
                f"neighbours is {self.neighbours!r}; give a weight from 0 (none) to below 1"
            )
        if not 0 < self.top_p <= 1:
            raise ConfigurationError(f"top_p is {self.top_p!r}; give more than 0, at most 1")
        if self.top_k < 0:
            raise ConfigurationError(f"top_k is {self.top_k!r}; give 0 for all, or more")
        if self.longest > MAX_FRAMES // FRAMES_PER_TOKEN:
            raise ConfigurationError(
                f"longest is {self.longest}; the limit is {MAX_FRAMES // FRAMES_PER_TOKEN} tokens"
            )
        if not 1 <= self.min_tokens <= self.max_tokens <= self.longest:
            raise ConfigurationError(
                f"lengths are min_tokens={self.min_tokens}, max_tokens={self.max_tokens}, "
                f"longest={self.longest}; give 1 <= min <= max <= longest"
            )

    @property
    def end_penalty_alone(self) -> float:
        """The penalty where no neighbours are consulted: what they would have left of it."""
        return self.end_penalty * (1 - self.neighbours)

    def to_dict(self) -> dict[str, Any]:
        """Return all fields; newer ones only if set, so that older checkpoints stay the same."""
        values = asdict(self)
        unset = {name for name in _NEWER if values[name] == getattr(Sampling, name)}
        return {name: value for name, value in values.items() if name not in unset}


def probabilities(logits: Tensor, sampling: Sampling) -> Tensor:  # (B, V) -> (B, V)
    """Return what is drawn from, not normalised; forbidden tokens (-inf) stay at 0.

    Source of top-p: "The Curious Case of Neural Text Degeneration",
    https://arxiv.org/abs/1904.09751, section 3.1.
    """
    p = torch.softmax(logits.double() / sampling.temperature, dim=-1)
    if 0 < sampling.top_k < p.shape[-1]:
        least = p.topk(sampling.top_k, dim=-1).values[:, -1:]
        p = torch.where(p >= least, p, 0.0)
    if sampling.top_p < 1:
        ordered, order = p.sort(dim=-1, descending=True, stable=True)
        before = ordered.cumsum(-1) - ordered  # of the more probable tokens
        kept = ordered * (before < sampling.top_p * ordered.sum(-1, keepdim=True))
        p = torch.zeros_like(p).scatter(-1, order, kept)
    return p


def guided(logits: Tensor, blank: Tensor, guidance: float) -> Tensor:  # (b, V), (b, V) -> (b, V)
    """Return log-probabilities in which the effect of the description is amplified.

    Classifier-free guidance, https://arxiv.org/abs/2207.12598, equation 6, over the motion tokens;
    how probable the end is stays as the description has it, since a model without one was trained
    on windows that go on.

    Args:
        logits: after the description; index 0 is </Motion>.
        blank: after the same motion tokens and an empty description.
        guidance: 1 gives `logits`.
    """
    own, alone = (torch.log_softmax(part[:, 1:], dim=-1) for part in (logits, blank))
    tokens = torch.log_softmax(alone + guidance * (own - alone), dim=-1)
    end = torch.log_softmax(logits, dim=-1)[:, :1]
    going_on = torch.log1p(-end.exp().clamp(max=1 - 1e-6))
    return torch.cat([end, tokens + going_on], dim=-1)


def draw(p: Tensor, uniform: Tensor) -> Tensor:  # (B, V), (B,) in [0, 1) -> (B,)
    """Return the token at which the cumulative probability passes `uniform`.

    In the order of the vocabulary, not of probability: rounding that swaps two tokens of nearly
    the same probability then changes almost no draw.
    """
    cumulative = p.cumsum(-1)
    at = uniform.unsqueeze(-1).double() * cumulative[:, -1:]
    return torch.searchsorted(cumulative, at, right=True).squeeze(-1).clamp(max=p.shape[-1] - 1)
