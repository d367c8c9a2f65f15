"""How good captions are: do they name what was performed, and in words that people use for it?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .metrics import Estimate
from .words import split_words

Labels = tuple[str | None, str | None]
"""Action and style."""


@dataclass(frozen=True)
class CaptionScores:
    """Scores of one caption for each of N motions.

    Attributes:
        action_right: for each motion, whether its caption names its action; None if it has none.
        style_right: the same for styles.
        rouge_l: for each motion, the best ROUGE-L against its own captions.
    """

    action_right: tuple[bool | None, ...]
    style_right: tuple[bool | None, ...]
    rouge_l: tuple[float, ...]

    @property
    def action(self) -> Estimate | None:
        """Share of right actions among the motions that have one."""
        return share(self.action_right)

    @property
    def style(self) -> Estimate | None:
        """Share of right styles among the motions that have one."""
        return share(self.style_right)


def score_captions(
    captions: Sequence[str],
    truths: Sequence[Labels],
    references: Sequence[Sequence[str]],
    labels_in_caption: Callable[[str], Labels],
) -> CaptionScores:
    """Scores captions of motions whose labels and own captions are known.

    Args:
        captions: one for each motion.
        truths: the motion's action and style; None for what it does not have.
        references: the motion's own captions.
        labels_in_caption: reads the action and style that a text names.
    """
    named = [labels_in_caption(caption) for caption in captions]
    pairs = list(zip(named, truths, strict=True))
    return CaptionScores(
        tuple(None if true[0] is None else said[0] == true[0] for said, true in pairs),
        tuple(None if true[1] is None else said[1] == true[1] for said, true in pairs),
        tuple(
            max((rouge_l(caption, reference) for reference in own), default=0.0)
            for caption, own in zip(captions, references, strict=True)
        ),
    )


def rouge_l(caption: str, reference: str, *, beta: float = 1.2) -> float:
    """F-measure of the longest common subsequence of words, 0 to 1.

    Source: Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004, equations 2-4;
    beta as in the COCO caption evaluation that motion captioning papers use.
    """
    said, meant = split_words(caption), split_words(reference)
    if not said or not meant:
        return 0.0
    row = [0] * (len(meant) + 1)
    for word in said:
        left_above = 0
        for at, other in enumerate(meant, 1):
            above = row[at]
            row[at] = left_above + 1 if word == other else max(above, row[at - 1])
            left_above = above
    common = row[-1]
    precision, recall = common / len(said), common / len(meant)
    if not common:
        return 0.0
    return (1 + beta**2) * precision * recall / (recall + beta**2 * precision)


def share(right: Sequence[bool | None]) -> Estimate | None:
    """Share of True among those that are not None; None if there are none.

    The interval is that of Agresti and Coull (1998), "add two successes and two failures": the
    usual one would say ± 0 of 20 motions that are all right.
    """
    known = [value for value in right if value is not None]
    if not known:
        return None
    count, hits = len(known), sum(known)
    middle = (hits + 2) / (count + 4)
    return Estimate(hits / count, 1.96 * math.sqrt(middle * (1 - middle) / (count + 4)))
