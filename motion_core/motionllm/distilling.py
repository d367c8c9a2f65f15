"""Guidance distillation: t2m learns to make alone what guidance made with a second pass.

    teacher   guided(p(token | description, motion so far), p(token | motion so far))
    student   p(token | description, motion so far)

After "On Distillation of Guided Diffusion Models", https://arxiv.org/abs/2210.03142, section 3.1,
with the probabilities of tokens in place of predicted noise. The student best begins with the
teacher's weights. What it makes needs half the rows of a batch, and no server has to know guidance.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .model import IGNORE, MotionLLM
from .prompt import PromptFormat
from .sampling import guided


class GuidedTeacher:
    """What a finished t2m says of each next token, with guidance.

    Args:
        model: with the direction t2m; nothing of it trains.
        prompt: the checkpoint's prompt format.
        guidance: as in `Sampling.guidance`.
    """

    def __init__(self, model: MotionLLM, prompt: PromptFormat, guidance: float) -> None:
        self._model, self._guidance = model.requires_grad_(False), guidance
        self._blank = prompt.description("")
        model.use("t2m")

    @torch.no_grad()
    def probabilities(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Return the probabilities (N, 1 + codes) of what follows the N positions with a target.

        Gaps, whose prompts hold motion, have nothing to be guided by.

        Args:
            ids: (B, T), as `samples.collate` gives them.
            targets: (B, T), `IGNORE` where there is no loss.
        """
        scored = targets != IGNORE
        logits = self._logits(ids, scored)
        described = [row for row in range(len(ids)) if self._is_described(ids[row], scored[row])]
        if described:
            motions = [ids[row][scored[row]] for row in described]  # <Motion>, tokens
            longest = max(map(len, motions))
            blank = ids.new_zeros(len(described), len(self._blank) + longest)
            after = torch.zeros_like(blank, dtype=torch.bool)
            blank[:, : len(self._blank)] = ids.new_tensor(self._blank)
            for place, motion in enumerate(motions):
                part = slice(len(self._blank), len(self._blank) + len(motion))
                blank[place, part], after[place, part] = motion, True
            rows = scored.nonzero()[:, 0]  # of each scored position
            own = torch.isin(rows, rows.new_tensor(described))
            logits[own] = guided(logits[own], self._logits(blank, after), self._guidance)
        return logits.softmax(-1)

    def _logits(self, ids: Tensor, scored: Tensor) -> Tensor:
        return self._model.motion_logits(self._model.states(ids, "t2m")[scored])

    def _is_described(self, ids: Tensor, scored: Tensor) -> bool:
        first = int(scored.int().argmax())  # of <Motion>, after the prompt
        return bool((ids[:first] < self._model.vocabulary).all())
