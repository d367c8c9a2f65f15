"""`PaddedReading`: rows of a batch through a Hugging Face decoder and its cache.

    row 0   ·  ·  T  e  x  t  <Motion>  | 17  4  4  90
    row 1   T  e  x  t  :  …  <Motion>  |  3  3  8   8

Rows are padded on the left; padding is masked and does not count for positions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


class PaddedReading:
    """See `decoding.Reading`.

    Args:
        hidden: ids (B, T), with ``attention_mask``, ``position_ids`` and ``cache`` -> (B, T, D).
        config: of the backbone.
        device: of the ids.
        prompts: ids of each row.
    """

    def __init__(
        self,
        hidden: Callable[..., Tensor],
        config: Any,
        device: torch.device,
        prompts: Sequence[list[int]],
    ) -> None:
        from transformers import DynamicCache

        self._hidden, self._device = hidden, device
        self._cache: Any = DynamicCache(config=config.get_text_config())
        ids, mask = pad_left(prompts)
        self._mask = mask.to(device)
        self._positions = (self._mask.cumsum(-1) - 1).clamp(min=0)
        self.last = self._read(ids)

    def keep(self, places: Sequence[int]) -> list[int]:
        """Drop all rows but these; returns the places in the order that the rows have now."""
        self.select(places)
        return list(places)

    def select(self, places: Sequence[int]) -> None:
        """Go on with the rows at these places, in this order, possibly several times each."""
        kept = torch.tensor(places, device=self._device)
        self._cache.batch_select_indices(kept)
        self._mask, self._positions = self._mask[kept], self._positions[kept]

    def advance(self, ids: Sequence[int]) -> None:
        """Read one more id in each row; `last` is then its state (b, D)."""
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(ids), 1)], dim=1)
        self._positions = self._positions[:, -1:] + 1
        self.last = self._read(torch.tensor(ids)[:, None])

    def _read(self, ids: Tensor) -> Tensor:
        states = self._hidden(
            ids.to(self._device),
            attention_mask=self._mask,
            position_ids=self._positions,
            cache=self._cache,
        )
        return states[:, -1]


def pad_left(prompts: Sequence[list[int]]) -> tuple[Tensor, Tensor]:
    """Return token ids and mask, both (B, T); padding has id 0 and mask 0."""
    longest = max(len(prompt) for prompt in prompts)
    ids = torch.zeros(len(prompts), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.tensor(prompt)
        mask[row, longest - len(prompt) :] = 1
    return ids, mask
