"""BERTScore: token similarity of captions and references under a language model.

Source: Zhang et al., "BERTScore: Evaluating Text Generation with BERT", ICLR 2020, equation 1 and
section 3: each token is matched with the nearest on the other side, weighted by its rarity among
the references. Scores depend on model and layer, so report both with them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import ConfigurationError, InputError, UnavailableError

LAYERS = {"roberta-large": 17, "bert-base-uncased": 9, "distilbert-base-uncased": 5}
"""The layers that the authors found best, by model; for another one its last."""


class BertScore:
    """A language model and the layer to read.

    Args:
        model: a folder, or a Hugging Face name such as ``roberta-large``.
        layer: 1 for the first; None for the one in `LAYERS`, or the last.

    Raises:
        UnavailableError: the model is unavailable.
        ConfigurationError: it has fewer layers.
    """

    def __init__(self, model: str, *, layer: int | None = None) -> None:
        from transformers import AutoModel, AutoTokenizer

        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(model, trust_remote_code=False)
            self._model: Any = AutoModel.from_pretrained(model, trust_remote_code=False)
        except (OSError, ValueError) as err:
            reason = (str(err).strip().splitlines() or [type(err).__name__])[0]
            raise UnavailableError(
                f"the BERTScore model {model} is unavailable ({reason}); give a local folder"
            ) from err
        self._model.eval().requires_grad_(False)
        layers = int(self._model.config.num_hidden_layers)
        self.layer = layer or min(LAYERS.get(Path(model).name, layers), layers)
        if not 1 <= self.layer <= layers:
            raise ConfigurationError(f"{model} has {layers} layers; there is no layer {layer}")
        self.name = f"{Path(model).name}, layer {self.layer}"

    def scores(
        self, captions: Sequence[str], references: Sequence[Sequence[str]], *, rare: bool = True
    ) -> list[float]:
        """Return the F1 of each caption with the nearest of its references.

        Args:
            captions: one for each motion.
            references: the motion's own captions, at least one.
            rare: weight tokens by their inverse document frequency among the references.

        Raises:
            InputError: a caption has no token.
        """
        texts = {*captions, *(reference for own in references for reference in own)}
        ids = {text: self._ids(text) for text in texts}
        weight = self._weights([ids[r] for own in references for r in own]) if rare else None
        points = {text: self._points(own) for text, own in ids.items()}

        def f1(caption: str, reference: str) -> float:
            near = points[caption] @ points[reference].T  # (C, R) cosines
            precision = _mean(near.max(dim=1).values, ids[caption], weight)
            recall = _mean(near.max(dim=0).values, ids[reference], weight)
            total = precision + recall
            return 2 * precision * recall / total if total else 0.0

        return [
            max(f1(caption, reference) for reference in own)
            for caption, own in zip(captions, references, strict=True)
        ]

    def _ids(self, text: str) -> list[int]:
        ids = list(self._tokenizer(text.strip(), add_special_tokens=False)["input_ids"])[:500]
        if not ids:
            raise InputError(f"the caption {text[:40]!r} has no word; BERTScore cannot read it")
        return ids

    @torch.inference_mode()
    def _points(self, ids: list[int]) -> Tensor:
        """Return unit vectors (T, D) of the tokens, in the context of the whole sentence."""
        around = self._frame()
        whole = torch.tensor([[*around[0], *ids, *around[1]]])
        hidden = self._model(input_ids=whole, output_hidden_states=True).hidden_states[self.layer]
        own = hidden[0, len(around[0]) : len(around[0]) + len(ids)].float()
        return torch.nn.functional.normalize(own, dim=-1)

    def _frame(self) -> tuple[list[int], list[int]]:
        """Return the special tokens before and after a sentence."""
        own = self._tokenizer
        begin = own.bos_token_id if own.cls_token_id is None else own.cls_token_id
        end = own.eos_token_id if own.sep_token_id is None else own.sep_token_id
        return [] if begin is None else [begin], [] if end is None else [end]

    @staticmethod
    def _weights(references: Sequence[Sequence[int]]) -> dict[int, float]:
        counts = Counter(token for reference in references for token in set(reference))
        count = len(references)
        weights = {token: math.log((count + 1) / (times + 1)) for token, times in counts.items()}
        return weights | {-1: math.log(count + 1)}  # of a token that no reference has


def _mean(values: Tensor, ids: Sequence[int], weight: dict[int, float] | None) -> float:
    if weight is None:
        return float(values.mean())
    weights = [weight.get(token, weight[-1]) for token in ids]
    total = sum(weights)
    if not total:  # every token is in every reference
        return float(values.mean())
    return sum(w * float(v) for w, v in zip(weights, values, strict=True)) / total
