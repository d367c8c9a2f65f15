"""Caption metrics: ROUGE-L, BLEU and CIDEr."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from .metrics import Estimate
from .words import split_words

_LONGEST = 4  # words in the longest n-gram of BLEU-4 and CIDEr
_SIGMA = 6.0  # word pairs


def rouge_l(caption: str, reference: str, *, beta: float = 1.2) -> float:
    """Return the F-measure of the longest common subsequence of words, 0 to 1.

    Source: Lin, "ROUGE: A Package for Automatic Evaluation of Summaries", 2004, equations 2-4;
    beta as in the COCO caption evaluation that motion captioning papers use.
    """
    words, target = split_words(caption), split_words(reference)
    if not words or not target:
        return 0.0
    row = [0] * (len(target) + 1)
    for word in words:
        left_above = 0
        for at, other in enumerate(target, 1):
            above = row[at]
            row[at] = left_above + 1 if word == other else max(above, row[at - 1])
            left_above = above
    common = row[-1]
    precision, recall = common / len(words), common / len(target)
    if not common:
        return 0.0
    return (1 + beta**2) * precision * recall / (recall + beta**2 * precision)


def bleu(
    captions: Sequence[str], references: Sequence[Sequence[str]], longest: int = _LONGEST
) -> float:
    """Return BLEU with n-grams of up to `longest` words over all captions, 0 to 1.

    Args:
        captions: one for each motion.
        references: the motion's own captions, at least one.
        longest: 4 for BLEU-4, 1 for BLEU-1.

    Source: Papineni et al., "BLEU: a Method for Automatic Evaluation of Machine Translation",
    2002, section 2.3: clipped counts over all captions, the geometric mean of the precisions, and
    the brevity penalty with the reference length nearest to the caption's. No smoothing.
    """
    hits, totals = [0] * longest, [0] * longest
    length = nearest = 0
    for caption, own in zip(captions, references, strict=True):
        words, targets = split_words(caption), [split_words(reference) for reference in own]
        length += len(words)
        nearest += min((abs(len(t) - len(words)), len(t)) for t in targets)[1]
        for n in range(1, longest + 1):
            counts = _ngrams(words, n)
            most: Counter[tuple[str, ...]] = Counter()
            for target in targets:
                most |= _ngrams(target, n)
            hits[n - 1] += (counts & most).total()
            totals[n - 1] += counts.total()
    if not all(hits):
        return 0.0
    precision = sum(math.log(h / t) for h, t in zip(hits, totals, strict=True)) / longest
    return math.exp(precision + min(0.0, 1 - nearest / length))


def bleu_4(captions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Return `bleu` with n-grams of up to 4 words."""
    return bleu(captions, references)


def cider(captions: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
    """Return the CIDEr-D of each caption, 0 to 10.

    The cosine of tf-idf vectors of n-grams of 1 to 4 words, clipped to the reference's counts and
    weighted by the similarity of lengths (sigma 6 words), averaged over n and the references.
    Rarity of n-grams comes from the references of all motions.

    Args:
        captions: one for each motion.
        references: the motion's own captions, at least one.

    Source: Vedantam et al., "CIDEr: Consensus-based Image Description Evaluation", CVPR 2015,
    equations 1, 2, 6 and 7; lengths are counted in word pairs, as the COCO evaluation does.
    """
    counts: Counter[tuple[str, ...]] = Counter()
    for own in references:
        grams: set[tuple[str, ...]] = set()
        for reference in own:
            words = split_words(reference)
            for n in range(1, _LONGEST + 1):
                grams |= _ngrams(words, n).keys()
        counts.update(grams)
    motions = math.log(len(references)) if references else 0.0

    def weights(words: Sequence[str], n: int) -> dict[tuple[str, ...], float]:
        return {
            gram: count * (motions - math.log(max(1, counts[gram])))
            for gram, count in _ngrams(words, n).items()
        }

    def similarity(candidate: Sequence[str], target: Sequence[str]) -> float:
        apart = max(len(candidate) - 1, 0) - max(len(target) - 1, 0)
        total = 0.0
        for n in range(1, _LONGEST + 1):
            one, other = weights(candidate, n), weights(target, n)
            norms = math.hypot(*one.values()) * math.hypot(*other.values())
            if norms:
                shared = sum(min(w, other[g]) * other[g] for g, w in one.items() if g in other)
                total += shared / norms
        return total / _LONGEST * math.exp(-(apart**2) / (2 * _SIGMA**2))

    return [
        10 * sum(similarity(split_words(c), split_words(r)) for r in own) / len(own)
        for c, own in zip(captions, references, strict=True)
    ]


def _ngrams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + n]) for at in range(len(words) - n + 1))


def share(right: Sequence[bool | None]) -> Estimate | None:
    """Return the share of True among those that are not None; None if there are none.

    The interval is that of Agresti and Coull (1998), "add two successes and two failures": the
    usual one would give ± 0 for 20 motions that are all right.
    """
    known = [value for value in right if value is not None]
    if not known:
        return None
    count, hits = len(known), sum(known)
    middle = (hits + 2) / (count + 4)
    return Estimate(hits / count, 1.96 * math.sqrt(middle * (1 - middle) / (count + 4)))
