"""Beam search as the paper's authors decode: the best of several token sequences, not a draw.

Their code calls ``generate(num_beams=2, early_stopping=True)`` of transformers. This gives the
same tokens: probabilities over the whole vocabulary, sums of their logarithms, division by the
length of a finished sequence, an end as soon as as many sequences as beams are finished.

Two things differ on purpose. What cannot follow is forbidden after the probabilities are taken, so
a motion holds motion tokens alone and ends in </Motion> and the end of text. And the tokens are
those of the winning sequence, where the authors read the best token of the first beam at every
step, which mixes sequences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..engine import Progress
from ..errors import GenerationError
from .decoding import CAPTION_TOKENS, MotionPrompt
from .model import Direction, MotionLLM

_NEVER = -1e9  # as transformers has it; a sum of log probabilities is above

Forbid = Callable[[Tensor, list[int]], None]
"""Sets to minus infinity what cannot follow the ids that were made, in log probabilities (V,)."""


@torch.inference_mode()
def search_motions(
    model: MotionLLM,
    prompts: Sequence[MotionPrompt],
    *,
    beams: int,
    words: int,
    ends: frozenset[int],
    progress: Progress | None = None,
) -> list[tuple[int, ...]]:
    """Return motion tokens of each prompt, at least `least` and at most `most`; seeds do not
    matter.

    Args:
        model: with the adapter t2m in use.
        prompts: ending with <Motion>.
        beams: sequences that are followed at a time.
        words: ids of the text tokenizer; the rest of the backbone's rows are padding.
        ends: ids that end a text, one of which follows </Motion>.
        progress: is told (prompts done, prompts).

    Raises:
        GenerationError: the model's numbers are not finite.
    """
    end, first = words + 1, words + 2  # </Motion>, <Motion_0> among `all_logits`

    def rule(prompt: MotionPrompt) -> Forbid:
        def forbid(scores: Tensor, tokens: list[int]) -> None:
            if tokens and tokens[-1] == end:
                allowed = scores[sorted(ends)]
                scores.fill_(-torch.inf)
                scores[sorted(ends)] = allowed
                return
            scores[:end] = -torch.inf
            if len(tokens) < prompt.least:
                scores[end] = -torch.inf
            if len(tokens) >= prompt.most:
                scores[first:] = -torch.inf

        return forbid

    searches = [
        _Search(prompt.ids, beams, prompt.most + 2, ends, rule(prompt)) for prompt in prompts
    ]
    _run(model, "t2m", searches, words, progress)
    return [tuple(i - first for i in search.best if i >= first) for search in searches]


@torch.inference_mode()
def search_captions(
    model: MotionLLM,
    prompts: Sequence[list[int]],
    *,
    beams: int,
    words: int,
    ends: frozenset[int],
    progress: Progress | None = None,
) -> list[list[int]]:
    """Return the words after each prompt, without the end; at least one. See `search_motions`.

    Raises:
        GenerationError: the model's numbers are not finite.
    """

    def forbid(scores: Tensor, tokens: list[int]) -> None:
        scores[words:] = -torch.inf
        if not tokens:
            scores[sorted(ends)] = -torch.inf

    searches = [_Search(prompt, beams, CAPTION_TOKENS, ends, forbid) for prompt in prompts]
    _run(model, "m2t", searches, words, progress)
    return [[i for i in search.best if i not in ends] for search in searches]


@dataclass
class _Search:
    """One prompt's sequences; ids are indices into `MotionLLM.all_logits`."""

    prompt: list[int]
    beams: int
    longest: int
    ends: frozenset[int]
    forbid: Forbid
    running: list[list[int]] = field(default_factory=list)
    scores: Tensor = field(default_factory=lambda: torch.zeros(0))  # (beams,)
    finished: list[tuple[float, list[int]]] = field(default_factory=list)
    done: bool = False

    def __post_init__(self) -> None:
        self.running = [[] for _ in range(self.beams)]
        self.scores = torch.full((self.beams,), _NEVER)
        self.scores[0] = 0.0  # all begin alike: only the first counts

    @property
    def best(self) -> list[int]:
        return self.finished[0][1]

    def step(self, log_probabilities: Tensor) -> list[int]:  # (beams, V) float32
        """Extend the sequences by one token; return which one each of the new ones extends."""
        for row, tokens in zip(log_probabilities, self.running, strict=True):
            self.forbid(row, tokens)
        width = log_probabilities.shape[1]
        total = (log_probabilities + self.scores[:, None]).flatten()
        count = min(max(2, 1 + len(self.ends)) * self.beams, len(total))
        top = total.topk(count)
        length = len(self.running[0]) + 1
        parents: list[int] = []
        running: list[list[int]] = []
        scores: list[Tensor] = []
        for place, (score, at) in enumerate(zip(top.values, top.indices.tolist(), strict=True)):
            parent, token = divmod(at, width)
            tokens = [*self.running[parent], token]
            if token not in self.ends and length < self.longest:
                if len(running) < self.beams and torch.isfinite(score):
                    parents.append(parent)
                    running.append(tokens)
                    scores.append(score)
            elif place < self.beams and torch.isfinite(score):
                self.finished.append((float(score / length), tokens))
        self.finished.sort(key=lambda one: -one[0])  # stable: the earlier of two alike stays first
        del self.finished[self.beams :]
        full = len(self.finished) == self.beams
        self.done = full or not running
        if self.done:
            return []
        while len(running) < self.beams:  # fewer ways on than beams: the rest cannot win
            parents.append(parents[0])
            running.append(running[0])
            scores.append(torch.tensor(_NEVER))
        self.running, self.scores = running, torch.stack(scores)
        return parents


def _run(
    model: MotionLLM,
    direction: Direction,
    searches: Sequence[_Search],
    words: int,
    progress: Progress | None,
) -> None:
    """Extend all sequences until each is done; finished ones leave the batch."""
    beams = searches[0].beams if searches else 1
    reading = model.reading(
        direction,
        [search.prompt for search in searches for _ in range(beams)],
        [search.longest for search in searches for _ in range(beams)],
    )
    active = list(searches)
    while active:
        logits = model.all_logits(reading.last, words).float().cpu()
        if torch.isnan(logits).any() or torch.isposinf(logits).any():
            raise GenerationError(
                "the model's numbers are not finite; the checkpoint does not fit its backbone"
            )
        scores = torch.log_softmax(logits, dim=-1).view(len(active), beams, -1)
        kept: list[int] = []
        for place, search in enumerate(active):
            kept += [place * beams + parent for parent in search.step(scores[place])]
        active = [search for search in active if not search.done]
        if progress is not None:
            progress(len(searches) - len(active), len(searches))
        if not active:
            break
        reading.select(kept)
        last = [tokens[-1] for search in active for tokens in search.running]
        # Motion tokens go on after the backbone's rows, not after the words.
        reading.advance([i if i < words else model.motion_start + i - words for i in last])
