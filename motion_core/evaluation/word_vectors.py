"""Word vectors: a backbone's token embeddings of words, in fewer dimensions.

The captions are too few to teach a network that jogging is nearly running; a language model's
embeddings know it. They replace the T2M evaluator's GloVe vectors.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..motion import FloatArray
from ..motionllm.backbone import DEFAULT_BACKBONE, load_backbone

_COMMON = 8000  # words of the backbone's vocabulary known besides those of the captions
_WORD = re.compile(r"Ġ([a-z]{2,})")  # tokens that are a whole word after a space


def backbone_words(
    words: Sequence[str], width: int, *, backbone: str = DEFAULT_BACKBONE
) -> tuple[tuple[str, ...], FloatArray]:
    """Return these words and common ones in alphabetical order, and a vector (W, width) for each.

    A word's vector is the mean of its tokens' embeddings, projected on the principal axes of the
    given words; the standard deviation of all numbers is 1.

    Raises:
        UnavailableError: the backbone is unavailable.
    """
    model, tokenizer = load_backbone(backbone)
    embeddings: torch.Tensor = model.get_input_embeddings().weight.detach().float()
    known = tuple(sorted({*words, *_common_words(tokenizer)}))
    ids = [tokenizer.encode(f" {word}", add_special_tokens=False) for word in known]
    vectors = np.stack([embeddings[row].mean(dim=0).cpu().numpy() for row in ids])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    own = vectors[np.isin(known, words)]
    centre = own.mean(axis=0)
    axes = np.linalg.svd(own - centre, full_matrices=False)[2][:width]
    projected: NDArray[np.float32] = np.zeros((len(known), width), dtype=np.float32)
    projected[:, : len(axes)] = (vectors - centre) @ axes.T
    return known, projected / projected.std()


def _common_words(tokenizer: Any) -> list[str]:
    """Return the most frequent words: merges of a byte-pair vocabulary, and so ids, are in order of
    frequency.
    """
    tokens = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    matches = (_WORD.fullmatch(token) for token, _ in tokens)
    return [match[1] for match in matches if match][:_COMMON]
