"""Decoding: many descriptions to motion tokens, many motions to captions, with a KV cache.

    prompt of row 0   T  e  x  t  <Motion>        | 17  4  4  90 </Motion>
    prompt of row 1   T  e  x  t  :  …  <Motion>  |  3  3  8  8  25 …

Notable:
- after <Motion> the head is evaluated for the 513 tokens that may follow, so nothing else can;
- all rows of a call are one batch; each draws from its own generator, so the others change
  nothing but rounding, and with 8-bit weights not even that (`llama`, `int8`);
- rows that have ended leave the batch, and the cache with them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ..engine import CancelToken, Progress
from ..errors import GenerationError
from .continuations import Continuations
from .inference import InferenceModel
from .model import END, Direction, MotionLLM
from .sampling import Sampling, draw, guided, probabilities

CAPTION_TOKENS = 40
_SEEDS = 4_294_967_291  # a prime: the generator reads 32 bits of a seed

Choose = Callable[[Tensor, list[int], int], Tensor]
"""(logits (b, V), the rows they belong to, step) -> the token of each row (b,)."""

AnyModel = MotionLLM | InferenceModel


class Reading(Protocol):
    """Rows that are read token by token, with a cache.

    Attributes:
        last: states (b, D) of what each row read last.
    """

    last: Tensor

    def keep(self, places: Sequence[int]) -> list[int]:
        """Drop all rows but these; returns the places in the order that the rows have now."""
        ...

    def advance(self, ids: Sequence[int]) -> None:
        """Read one more id in each row."""
        ...


@dataclass(frozen=True)
class MotionPrompt:
    """One row to decode.

    Attributes:
        ids: the prompt, ending with <Motion>.
        seed: of its draws.
        least, most: motion tokens; both the same when the duration is given.
        greedy: the most probable token each time.
        blank: the prompt without its description, for `Sampling.guidance`; empty for none.
        cancel: once it is set, the row leaves the batch.
        continuations: of training motions, for `Sampling.neighbours`; None for none.
    """

    ids: list[int]
    seed: int
    least: int
    most: int
    greedy: bool = False
    blank: tuple[int, ...] = ()
    cancel: CancelToken | None = None
    continuations: Continuations | None = None


@torch.inference_mode()
def decode_motions(
    model: AnyModel,
    prompts: Sequence[MotionPrompt],
    sampling: Sampling,
    progress: Progress | None = None,
) -> list[tuple[int, ...]]:
    """Return motion tokens of each prompt, at least `least` and at most `most`; fewer if it is
    cancelled.

    A row that is guided has a twin, which reads the same motion tokens after the blank prompt.

    Raises:
        GenerationError: the model's numbers are not finite.
    """
    seeds = [torch.Generator().manual_seed(prompt.seed % _SEEDS) for prompt in prompts]
    twins = [row for row, prompt in enumerate(prompts) if prompt.blank and sampling.guidance != 1]
    numbered = list(enumerate(twins, start=len(prompts)))
    histories: list[list[int]] = [[] for _ in prompts]  # tokens of each row, for its neighbours

    def choose(logits: Tensor, rows: list[int], step: int) -> Tensor:
        places = {row: place for place, row in enumerate(rows)}
        pairs = [(places[row], places[twin]) for twin, row in numbered if twin in places]
        own, twin = torch.tensor(pairs, dtype=torch.long).view(-1, 2).T
        logits[own] = guided(logits[own], logits[twin], sampling.guidance)
        first = torch.tensor([place for row, place in places.items() if row < len(prompts)])
        chosen = torch.zeros(len(rows), dtype=torch.long)
        chosen[first] = choose_own(logits[first], [rows[place] for place in first], step)
        chosen[twin] = chosen[own]
        return chosen

    def choose_own(logits: Tensor, rows: list[int], step: int) -> Tensor:
        early = torch.tensor([step < prompts[row].least for row in rows])
        for place, row in enumerate(rows):
            continuations = prompts[row].continuations
            if continuations is None or not sampling.neighbours:
                logits[place, END] -= sampling.end_penalty_alone
                continue
            logits[place, END] -= sampling.end_penalty
            logits[place] = continuations.mixed(logits[place], histories[row], sampling.neighbours)
        logits[early, END] = -torch.inf
        uniform = torch.stack([torch.rand((), generator=seeds[row]) for row in rows])
        drawn = draw(probabilities(logits, sampling), uniform)
        greedy = torch.tensor([prompts[row].greedy for row in rows])
        chosen = torch.where(greedy, logits.argmax(-1), drawn)
        for row, index in zip(rows, chosen.tolist(), strict=True):
            histories[row].append(index - 1)
        return chosen

    def stopped() -> set[int]:
        tokens = [(row, prompt.cancel) for row, prompt in enumerate(prompts)]
        gone = {row for row, cancel in tokens if cancel is not None and cancel.cancelled}
        return gone | {twin for twin, row in numbered if row in gone}

    indices = _decode(
        model,
        "t2m",
        [prompt.ids for prompt in prompts] + [list(prompts[row].blank) for row in twins],
        limits=[prompt.most for prompt in prompts] + [prompts[row].most for row in twins],
        choose=choose if twins else choose_own,
        ends=frozenset({END}),
        first_id=model.motion_start + 1,  # </Motion> has the logit 0, token k the logit 1 + k
        progress=progress,
        twins=len(twins),
        stopped=stopped,
    )
    return [tuple(index - 1 for index in row) for row in indices[: len(prompts)]]


@torch.inference_mode()
def decode_captions(
    model: AnyModel,
    prompts: Sequence[list[int]],
    ends: frozenset[int],
    progress: Progress | None = None,
    *,
    continuations: Sequence[Continuations | None] = (),
    neighbours: float = 0.0,
) -> list[list[int]]:
    """Return the most probable words after each prompt, up to the first of `ends`; at least one.

    Args:
        model: with the direction m2t.
        prompts: ids of each.
        ends: ids of which any ends a caption.
        progress: is told the words made and the most there can be.
        continuations: of captions of similar motions, one for each prompt; None for none.
        neighbours: their weight, as in `Sampling`.

    Raises:
        GenerationError: the model's numbers are not finite.
    """
    stops = torch.tensor(sorted(ends))
    near = dict(enumerate(continuations)) if neighbours else {}
    histories: list[list[int]] = [[] for _ in prompts]

    def choose(logits: Tensor, rows: list[int], step: int) -> Tensor:
        for place, row in enumerate(rows):
            if (own := near.get(row)) is not None:
                logits[place] = own.mixed(logits[place], histories[row], neighbours)
        if step == 0:
            logits[:, stops] = -torch.inf
        chosen = logits.argmax(-1)
        for row, index in zip(rows, chosen.tolist(), strict=True):
            histories[row].append(index)
        return chosen

    return _decode(
        model,
        "m2t",
        prompts,
        limits=[CAPTION_TOKENS] * len(prompts),
        choose=choose,
        ends=ends,
        first_id=0,
        progress=progress,
    )


def _decode(
    model: AnyModel,
    direction: Direction,
    prompts: Sequence[list[int]],
    *,
    limits: Sequence[int],
    choose: Choose,
    ends: frozenset[int],
    first_id: int,
    progress: Progress | None,
    twins: int = 0,
    stopped: Callable[[], Collection[int]] = tuple,
) -> list[list[int]]:
    """Return the indices sampled from logits; the next input id is `first_id` + index.

    Rows that are `stopped` leave the batch with their tokens so far. The last rows may be `twins`
    of others, which `progress` does not count.
    """
    head = model.motion_logits if direction == "t2m" else model.text_logits
    reading: Reading = model.reading(direction, prompts, limits)
    sequences: list[list[int]] = [[] for _ in prompts]
    rows, own = list(range(len(prompts))), len(prompts) - twins
    total = sum(limits[:own])
    for step in range(max(limits)):
        logits = head(reading.last).cpu()  # (b, V)
        if not torch.isfinite(logits).all():
            raise GenerationError(
                "the model's numbers are not finite; the checkpoint does not fit its backbone"
            )
        indices = choose(logits, rows, step).tolist()
        staying, gone = [], stopped()
        for place, (row, index) in enumerate(zip(rows, indices, strict=True)):
            if index not in ends:
                sequences[row].append(index)
                if len(sequences[row]) < limits[row] and row not in gone:
                    staying.append(place)
        if 0 < len(staying) < len(rows):
            staying = reading.keep(staying)
        rows = [rows[place] for place in staying]
        if progress is not None:
            progress(total - sum(limits[row] - step - 1 for row in rows if row < own), total)
        if not rows:
            break
        reading.advance([first_id + indices[place] for place in staying])
    return sequences
