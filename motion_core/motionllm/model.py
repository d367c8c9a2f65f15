"""MotionLLM: a frozen causal LM whose vocabulary goes on with motion tokens.

    id          0 … V-1            V          V+1          V+2 … V+1+codes
    token       the backbone's     <Motion>   </Motion>    <Motion_0> … <Motion_511>
    embedding   frozen             trained rows, one set for each direction

After "Motion-Agent: A Conversational Framework for Human Motion Generation with LLMs" (ICLR
2025, https://arxiv.org/abs/2405.17013), section 3.1: one LoRA adapter translates text into
motion tokens (`t2m`), a second one motion tokens into text (`m2t`).

Notable:
- the backbone's own embedding and head are never resized: ids beyond them go through the
  trained rows, and the motion head is evaluated for the 513 tokens that may follow <Motion>,
  which equals a resized model whose other logits are ignored;
- only the rows and the adapters are parameters that train; they are float32 masters, the
  backbone may be bfloat16.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import lora
from .padded import PaddedReading

Direction = Literal["t2m", "m2t"]
DIRECTIONS: tuple[Direction, ...] = ("t2m", "m2t")
IGNORE = -100  # target of positions without a loss
END = 0  # index of </Motion> among the motion logits; token k has the index 1 + k


class MotionLLM(nn.Module):
    """Embeds, runs the backbone, and scores motion tokens or words.

    Args:
        backbone: a Hugging Face causal LM; it is frozen and its linear layers get adapters.
        codes: size of the motion tokenizer's codebook.
    """

    def __init__(self, backbone: Any, codes: int = 512) -> None:
        super().__init__()
        self.backbone = backbone.requires_grad_(False).eval()
        self.codes = codes
        lora.attach(self.backbone.base_model)
        weight = self.backbone.get_input_embeddings().weight
        self.vocabulary, self.width = weight.shape
        self.rows = nn.ParameterDict()
        # transformers 5.24 renamed it; 5.40 drops the old name
        renamed = "cache" in inspect.signature(self.backbone.base_model.forward).parameters
        self._cache_argument = "cache" if renamed else "past_key_values"

    def add_direction(self, direction: Direction, *, rank: int, scale: float = 2.0) -> None:
        """Add new rows (zero) and a new adapter (without effect) for `direction`."""
        device = self.backbone.get_input_embeddings().weight.device
        self.rows[f"{direction}_embed"] = torch.zeros(self.codes + 2, self.width, device=device)
        if direction == "t2m":
            self.rows["t2m_head"] = torch.zeros(self.codes + 1, self.width, device=device)
        for _, layer in lora.layers(self.backbone):
            layer.add(direction, rank, scale)

    def use(self, direction: Direction | None) -> None:
        """Make `direction`'s adapter the active one, merged as it stands now."""
        for _, layer in lora.layers(self.backbone):
            layer.active = direction
            layer.merge()

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        device: torch.device = self.backbone.get_input_embeddings().weight.device
        return device

    @property
    def motion_start(self) -> int:
        """Id of <Motion>; </Motion> follows, then <Motion_0> and so on."""
        return int(self.vocabulary)

    @property
    def motion_end(self) -> int:
        return int(self.vocabulary) + 1

    def token_ids(self, tokens: Any) -> list[int]:
        """Return vocabulary ids of motion tokens."""
        return [self.vocabulary + 2 + int(token) for token in tokens]

    def motion_ids(self, tokens: Any) -> list[int]:
        """Return the ids of <Motion>, the tokens, </Motion>."""
        return [self.motion_start, *self.token_ids(tokens), self.motion_end]

    # ---- the forward path ------------------------------------------------------------------

    def embed(self, ids: Tensor, direction: Direction) -> Tensor:  # (B, T) -> (B, T, D)
        embedding = self.backbone.get_input_embeddings()
        text = embedding(ids.clamp(max=self.vocabulary - 1))
        scale = getattr(embedding, "embed_scale", 1.0)  # Gemma 3 scales inside its embedding
        rows = self.rows[f"{direction}_embed"] * scale
        motion = F.embedding((ids - self.vocabulary).clamp(min=0), rows).to(text.dtype)
        return torch.where((ids >= self.vocabulary).unsqueeze(-1), motion, text)

    def hidden(
        self, ids: Tensor, direction: Direction, *, cache: Any = None, **decoder: Any
    ) -> Any:
        """Return the decoder's output; `.last_hidden_state` is (B, T, D), after the final norm.

        Args:
            ids: (B, T), of text and motion tokens.
            direction: whose motion rows are embedded.
            cache: a `transformers.Cache` that is read and extended; None for none.
            decoder: further arguments of the backbone's decoder.
        """
        if cache is not None:
            decoder |= {self._cache_argument: cache, "use_cache": True}
        return self.backbone.base_model(inputs_embeds=self.embed(ids, direction), **decoder)

    def states(self, ids: Tensor, direction: Direction, **decoder: Any) -> Tensor:
        """Map `hidden` to states (B, T, D); of whole rows if there is no cache."""
        decoder = {"use_cache": False, **decoder}
        states: Tensor = self.hidden(ids, direction, **decoder).last_hidden_state
        return states

    def reading(
        self, direction: Direction, prompts: Sequence[list[int]], limits: Sequence[int]
    ) -> PaddedReading:
        """Return rows that begin with these prompts; see `decoding.Reading`."""
        states = partial(self.states, direction=direction)
        return PaddedReading(states, self.backbone.config, self.device, prompts)

    def motion_logits(self, hidden: Tensor) -> Tensor:  # (..., D) -> (..., 1 + codes)
        logits = F.linear(hidden, self.rows["t2m_head"].to(hidden.dtype))
        return self._softcap(logits.float())

    def text_logits(self, hidden: Tensor) -> Tensor:  # (..., D) -> (..., V)
        logits = self.backbone.get_output_embeddings()(hidden)[..., : self.vocabulary]
        return self._softcap(logits.float())

    def all_logits(
        self, hidden: Tensor, words: int
    ) -> Tensor:  # (..., D) -> (..., words + 2 + codes)
        """Return logits of the whole vocabulary: `words` of text, <Motion>, </Motion>, the motion
        tokens.

        <Motion> is impossible if the checkpoint has no row for it.
        """
        text, motion = self.text_logits(hidden)[..., :words], self.motion_logits(hidden)
        if "head_start" in self.rows:
            start = F.linear(hidden, self.rows["head_start"].to(hidden.dtype))
            begin = self._softcap(start.float())
        else:
            begin = torch.full_like(motion[..., :1], -torch.inf)
        return torch.cat([text, begin, motion], dim=-1)

    def _softcap(self, logits: Tensor) -> Tensor:
        cap = getattr(self.backbone.config, "final_logit_softcapping", None)  # Gemma 2
        return logits if cap is None else torch.tanh(logits / cap) * cap

    def loss(
        self, ids: Tensor, targets: Tensor, direction: Direction, taught: Tensor | None = None
    ) -> Tensor:
        """Return the mean cross-entropy in nats where `targets` (B, T) is not `IGNORE`.

        Targets are motion-logit indices for t2m and text ids for m2t, each at the position
        that predicts it; `taught` are probabilities (N, V) in their place, a row for each such
        position. Rows are padded on the right, which causal attention never sees.
        """
        output = self.hidden(ids, direction, use_cache=False).last_hidden_state  # (B, T, D)
        scored = targets != IGNORE
        head = self.motion_logits if direction == "t2m" else self.text_logits
        return F.cross_entropy(head(output[scored]), targets[scored] if taught is None else taught)

    # ---- the rows' first values ------------------------------------------------------------

    @torch.no_grad()
    def initialise_rows(self, codebook: Tensor, direction: Direction, seed: int = 0) -> None:
        """Initialise rows from the tokenizer's codebook (codes, d), so that similar codes start
        similar.

        The codebook goes through one random projection and gets the mean and standard
        deviation of the text embeddings; <Motion> and </Motion> are drawn alike.
        """
        generator = torch.Generator().manual_seed(seed)
        weight = self.backbone.get_input_embeddings().weight
        text = weight[:: max(1, len(weight) // 4096)].detach().float().cpu()
        centred = codebook.detach().float().cpu() - codebook.float().cpu().mean(0)
        projection = torch.randn(centred.shape[1], self.width, generator=generator)
        codes = F.normalize(centred @ projection, dim=-1) * self.width**0.5
        marks = torch.randn(2, self.width, generator=generator)
        rows = torch.cat([marks, codes]) * text.std(0) + text.mean(0)
        self.rows[f"{direction}_embed"].copy_(rows)
        if direction == "t2m":
            # Small, so that the first guesses are even: a loss of ln(513) and no wrong certainty.
            self.rows["t2m_head"].copy_(rows[1:] * 0.05)
