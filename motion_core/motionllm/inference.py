"""`InferenceModel`: MotionLLM for those who only use it, on our own decoder.

It has the part of `MotionLLM` that decoding and choosing use, gives the same numbers, and needs
neither transformers nor peft: `load_inference` reads the backbone's files itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import UnavailableError
from .backbone import backbone_folders
from .checkpoint import Checkpoint
from .llama import Cache, LlamaConfig
from .merged import (
    WEIGHTS,
    MergedWeights,
    float_weights,
    keep_int8_weights,
    kept_int8_weights,
)
from .model import Direction
from .text_tokenizer import TextTokenizer


class InferenceModel:
    """Embeds, runs the decoder, and scores motion tokens or words; see `MotionLLM`.

    Args:
        weights: merged, for both directions.
        rows: as `Checkpoint.rows` gives them.
        device: of the weights.
    """

    def __init__(self, weights: MergedWeights, rows: dict[str, Tensor], device: str) -> None:
        self._weights = weights
        self._dtype = weights.dtype
        self.device = torch.device(device)
        self.vocabulary = weights.config.vocabulary
        self.rows = {
            name.replace(".", "_"): row.to(self.device, torch.float32) for name, row in rows.items()
        }
        self._motion_head = self.rows["t2m_head"].double()

    @property
    def motion_start(self) -> int:
        return self.vocabulary

    @property
    def motion_end(self) -> int:
        return self.vocabulary + 1

    def token_ids(self, tokens: Sequence[int]) -> list[int]:
        """Return vocabulary ids of motion tokens."""
        return [self.vocabulary + 2 + int(token) for token in tokens]

    def motion_ids(self, tokens: Sequence[int]) -> list[int]:
        """Return the ids of <Motion>, the tokens, </Motion>."""
        return [self.motion_start, *self.token_ids(tokens), self.motion_end]

    def use(self, direction: Direction) -> None:
        """Load the weights of `direction`."""
        self._weights.decoder(direction)

    def embed(self, ids: Tensor, direction: Direction) -> Tensor:  # (B, T) -> (B, T, D)
        text = F.embedding(ids.clamp(max=self.vocabulary - 1), self._weights.embedding)
        rows = self.rows[f"{direction}_embed"]
        motion = F.embedding((ids - self.vocabulary).clamp(min=0), rows)
        chosen = torch.where((ids >= self.vocabulary).unsqueeze(-1), motion, text.float())
        return chosen.to(self._dtype)

    def states(self, ids: Tensor, direction: Direction) -> Tensor:
        """Return states (B, T, D) of whole rows, after the last norm."""
        cache = self._cache(*ids.shape)
        positions = torch.arange(ids.shape[1], device=self.device).expand_as(ids)
        return self._forward(ids, positions, direction, cache)

    def motion_logits(self, hidden: Tensor) -> Tensor:
        """Return logits of motion tokens: (..., D) -> (..., 1 + codes).

        They are computed in float64, which rounds away the float32 sums' dependence on the number
        of rows.
        """
        return F.linear(hidden.double(), self._motion_head)

    def text_logits(self, hidden: Tensor) -> Tensor:  # (..., D) -> (..., V)
        return self._weights.head().project(hidden).float()

    def reading(
        self, direction: Direction, prompts: Sequence[list[int]], limits: Sequence[int]
    ) -> SlotReading:
        """Return rows that begin with these prompts and go on for `limits` tokens; see
        `decoding`.
        """
        return SlotReading(self, direction, prompts, max(limits))

    def _cache(self, rows: int, slots: int) -> Cache:
        return Cache(self._weights.config, rows, slots, self._dtype, self.device)

    def _forward(self, ids: Tensor, positions: Tensor, direction: Direction, c: Cache) -> Tensor:
        decoder = self._weights.decoder(direction)
        return decoder.forward(self.embed(ids.to(self.device), direction), positions, c)


class SlotReading:
    """Prompts that are read once, however many rows share them or begin alike.

    Args:
        model: reads.
        direction: whose weights.
        prompts: ids of each row.
        room: the most tokens that follow a prompt.
    """

    def __init__(
        self, model: InferenceModel, direction: Direction, prompts: Sequence[list[int]], room: int
    ) -> None:
        self._model, self._direction = model, direction
        distinct = list(dict.fromkeys(tuple(prompt) for prompt in prompts))
        place = {prompt: number for number, prompt in enumerate(distinct)}
        rows = torch.tensor([place[tuple(prompt)] for prompt in prompts], device=model.device)
        shared = _shared_ids(distinct)
        longest = max(map(len, distinct))
        self._cache = model._cache(1, shared)
        if shared:
            self._read(torch.tensor([distinct[0][:shared]]), first=0)
        prefix, self._cache = self._cache, model._cache(len(distinct), longest + room)
        self._cache.begin_with(prefix, shared)
        ids = torch.zeros(len(distinct), longest - shared, dtype=torch.long)
        for row, prompt in enumerate(distinct):
            ids[row, : len(prompt) - shared] = torch.tensor(prompt[shared:])
        ends = torch.tensor([len(prompt) - shared - 1 for prompt in distinct], device=model.device)
        states = self._read(ids, first=shared)  # behind a prompt's end it is overwritten later
        last = states[torch.arange(len(distinct), device=model.device), ends]
        self._cache.repeat(rows)
        self.last: Tensor = last[rows]
        self._positions = (ends + shared)[rows]

    def keep(self, places: Sequence[int]) -> list[int]:
        """Drop all rows but these; returns the places in the order that the rows have now."""
        count = len(places)
        behind = [place for place in places if place >= count]
        staying = set(places)
        order = [place if place in staying else behind.pop() for place in range(count)]
        self._cache.keep(order)
        self._positions = self._positions[torch.tensor(order, device=self._model.device)]
        return order

    def advance(self, ids: Sequence[int]) -> None:
        """Read one more id in each row; `last` is then its state (b, D)."""
        self._positions = self._positions + 1
        column = torch.tensor(ids)[:, None]
        read = self._model._forward(column, self._positions[:, None], self._direction, self._cache)
        self.last = read[:, -1]

    def _read(self, ids: Tensor, first: int) -> Tensor:
        positions = torch.arange(first, first + ids.shape[1], device=self._model.device)
        return self._model._forward(ids, positions.expand_as(ids), self._direction, self._cache)


def _shared_ids(prompts: Sequence[tuple[int, ...]]) -> int:
    """Return the length of the common prefix of the prompts; each keeps at least one id of its
    own.
    """
    if len(prompts) == 1:
        return 0
    alike = takewhile(lambda ids: len(set(ids)) == 1, zip(*prompts, strict=False))
    return min(sum(1 for _ in alike), min(map(len, prompts)) - 1)


def load_inference(
    checkpoint: Checkpoint, backbone: str, *, dtype: torch.dtype, device: str
) -> tuple[InferenceModel, TextTokenizer] | None:
    """Return the checkpoint on its backbone; None where the backbone is not of Llama's layout.

    Args:
        checkpoint: as `load_checkpoint` gives it.
        backbone: name or folder.
        dtype: of the weights; `torch.int8` for quantised ones on a CPU.
        device: of the computation.

    Raises:
        ConfigurationError: the checkpoint was not trained on that backbone.
        UnavailableError: the backbone cannot be had.
        IntegrityError: a file is damaged.
    """
    sources = backbone_folders(backbone)
    loaded: tuple[MergedWeights, Path] | None = None
    tried: list[str] = []
    for source in sources:
        if dtype == torch.int8 and source.identity:
            loaded = kept_int8_weights(checkpoint, source.identity)
            if loaded is not None:
                break
        try:
            folder = source.locate()
        except (OSError, ValueError, UnavailableError) as err:
            tried.append(f"{source.label}: {str(err).strip().splitlines()[0]}")
            continue
        config = LlamaConfig.read(folder)
        if config is None or not (folder / WEIGHTS).is_file():
            return None
        checkpoint.check_size(config.vocabulary, config.width, backbone)
        if dtype == torch.int8:
            loaded = keep_int8_weights(folder, config, checkpoint, source.identity)
        else:
            loaded = float_weights(folder, config, checkpoint, dtype, device), folder
        break
    if loaded is None:
        if not sources:
            return None
        raise UnavailableError(f"the backbone {backbone} cannot be had; tried {'; '.join(tried)}")
    weights, folder = loaded
    try:
        tokenizer = TextTokenizer(folder)
    except (OSError, ValueError, KeyError):
        return None  # of another kind, which transformers may know
    return InferenceModel(weights, checkpoint.rows(), device), tokenizer
