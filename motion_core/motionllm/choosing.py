"""How well `m2t` reads each of several takes, which chooses where the neighbours cannot.

The two adapters check each other: t2m draws takes of p(motion | text), and of these the one with
the highest p(text | motion) is kept. Known as noisy-channel reranking from machine translation
("Simple and Effective Noisy Channel Modeling", https://arxiv.org/abs/1908.05731).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

from .decoding import AnyModel
from .prompt import PromptFormat

_BATCH = 32  # rows at once
_TAKE = 1_000_003  # distance between the seeds of a request's takes; not small, so that the
# takes of neighbouring seeds differ


def take_seeds(seed: int, takes: int) -> list[int]:
    """Return the seeds of a request's takes; the first one is its own."""
    return [seed + take * _TAKE for take in range(takes)]


@torch.no_grad()
def reading_scores(
    model: AnyModel, prompt: PromptFormat, takes: Sequence[tuple[Sequence[int], str]]
) -> list[float]:
    """Return the log-probability of each description given its motion tokens, in nats; m2t must be
    in use.

    Args:
        model: with the adapter `m2t`.
        prompt: the checkpoint's prompt format.
        takes: motion tokens and the description that they should show.
    """
    before, after = prompt.around_motion()
    scores: list[float] = []
    device = model.device
    for first in range(0, len(takes), _BATCH):
        rows = []
        for tokens, description in takes[first : first + _BATCH]:
            motion = [model.motion_start, *model.token_ids(tokens), model.motion_end]
            rows.append(([*before, *motion, *after], prompt.answer(description)))
        longest = max(len(question) + len(answer) for question, answer in rows) - 1
        ids = torch.zeros(len(rows), longest, dtype=torch.long)
        targets = torch.full((len(rows), longest), -1)  # what follows each position
        for row, (question, answer) in enumerate(rows):
            whole = [*question, *answer[:-1]]
            ids[row, : len(whole)] = torch.tensor(whole)
            targets[row, len(question) - 1 : len(whole)] = torch.tensor(answer)
        targets = targets.to(device)
        output = model.states(ids.to(device), "m2t")  # (b, T, D)
        read = targets >= 0
        losses = F.cross_entropy(
            model.text_logits(output[read]), targets[read], reduction="none"
        )  # (answers,)
        per_row = torch.zeros(len(rows), device=device).index_add_(
            0, read.nonzero()[:, 0], losses.float()
        )
        scores += (-per_row).tolist()
    return scores
