"""What 8 bits or fewer cost: most probable tokens that stay, and rows that their batch changes.

    OMP_NUM_THREADS=2 python benchmarks/bits.py --data data/prepared

Motions are drawn at float32 for captions of the validation split. After each of their prefixes the
most probable next token is asked for with other weights and activations; shown are the share that
agrees with float32, the same where float32 prefers its token by more than 0.1 nats over the second,
and the divergence of the distributions. `ours` is `Int8Weight`; the others are simulated. Last,
motions are drawn with the default engine in batches and one by one.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from motion_agent.motion_core.datasets.prepared import PreparedDataset
from motion_agent.motion_core.engine import GenerationRequest
from motion_agent.motion_core.motionllm import load_motionllm
from motion_agent.motion_core.motionllm.checkpoint import load_checkpoint
from motion_agent.motion_core.motionllm.decoding import MotionPrompt, decode_motions
from motion_agent.motion_core.motionllm.inference import InferenceModel, load_inference
from motion_agent.motion_core.motionllm.int8 import Int8Weight
from motion_agent.motion_core.motionllm.llama import Weight
from motion_agent.motion_core.motionllm.prompt import PromptFormat, prompt_format
from motion_agent.motion_core.motionllm.sampling import Sampling

STACKS = ("qkv", "out", "gate_up", "down")
TIE = 0.1  # nats
BATCH = 8
Rounding = Callable[[Tensor], Tensor]


class Simulated:
    """A float32 product of a rounded weight and rounded activations."""

    def __init__(self, weight: Tensor, weights: Rounding, activations: Rounding) -> None:
        self._weight, self._round = weights(weight), activations

    def project(self, x: Tensor) -> Tensor:
        return torch.nn.functional.linear(self._round(x), self._weight)


def exact(x: Tensor) -> Tensor:
    return x


def by_row(x: Tensor, bits: int = 8) -> Tensor:
    """Round to the levels of so many bits of each row's largest; 8 bits have 255."""
    scale = x.abs().amax(-1, keepdim=True).clamp_min(1e-20) / (2 ** (bits - 1) - 1)
    return (x / scale).round_() * scale


def blocks(x: Tensor, bits: int = 8) -> Tensor:
    """Round likewise by the largest of each 32 numbers.

    With 8 bits as llama.cpp's q8_0; its q4_0 and q5_0 have one level more, below zero.
    """
    return by_row(x.unflatten(-1, (-1, 32)), bits).flatten(-2)  # type: ignore[no-untyped-call]


def bfloat16(x: Tensor) -> Tensor:
    return x.bfloat16().float()


VARIANTS: dict[str, Callable[[Tensor], Weight]] = {
    "ours": Int8Weight.quantise,
    "one digit of activations": lambda w: Simulated(w, by_row, by_row),
    "8-bit weights alone": lambda w: Simulated(w, by_row, exact),
    "blocks of 32 (q8_0)": lambda w: Simulated(w, blocks, blocks),
    **{
        f"{bits}-bit weights in blocks": lambda w, bits=bits: Simulated(  # type: ignore[misc]
            w, lambda x: blocks(x, bits), exact
        )
        for bits in (6, 5, 4)
    },
    "bfloat16": lambda w: Simulated(w, bfloat16, bfloat16),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("data/prepared"))
    parser.add_argument("--captions", type=int, default=48)
    parser.add_argument("--tokens", type=int, default=25, help="of each motion")
    arguments = parser.parse_args()
    clips = PreparedDataset.load(arguments.data).split("validation")
    texts = list(dict.fromkeys(clip.texts[0] for clip in clips if clip.texts))
    texts = texts[:: max(1, len(texts) // arguments.captions)][: arguments.captions]
    checkpoint = load_checkpoint()
    found = load_inference(
        checkpoint, checkpoint.config.backbone, dtype=torch.float32, device="cpu"
    )
    assert found is not None
    model, prompt = found[0], prompt_format(checkpoint.config.prompt, found[1])
    count = arguments.tokens
    sampling = Sampling(takes=1, max_tokens=max(count, 4))
    motions: list[tuple[int, ...]] = []
    for first in range(0, len(texts), BATCH):
        rows = [
            MotionPrompt([*prompt.description(text), model.motion_start], first + n, count, count)
            for n, text in enumerate(texts[first : first + BATCH])
        ]
        motions += decode_motions(model, rows, sampling)
    reference = _logits(model, prompt, texts, motions).log_softmax(-1)
    best = reference.topk(2).values
    clear = best[:, 0] - best[:, 1] > TIE
    print(f"{len(reference)} prefixes, {clear.double().mean():.1%} of them without a near tie")
    print(f"{'':26}  agree  without ties  divergence, nats")
    decoder = model._weights.decoder("t2m")
    layers = decoder.layers
    for name, make in VARIANTS.items():
        decoder.layers = tuple(
            replace(layer, **{s: make(getattr(layer, s).weight) for s in STACKS})
            for layer in layers
        )
        logits = _logits(model, prompt, texts, motions).log_softmax(-1)
        same = (logits.argmax(-1) == reference.argmax(-1)).double()
        away = (reference.exp() * (reference - logits)).sum(-1).mean()
        print(f"{name:26} {same.mean():6.1%}  {same[clear].mean():12.1%}  {away:.5f}", flush=True)
    del model, decoder, layers, found
    engine = load_motionllm()
    requests = [GenerationRequest(text, seed=n) for n, text in enumerate(texts)]
    together = [
        take.tokens
        for first in range(0, len(texts), BATCH)
        for take in engine.generate(requests[first : first + BATCH])
    ]
    alone = [engine.generate([request])[0].tokens for request in requests]
    differ = sum(a != b for a, b in zip(alone, together, strict=True))
    print(f"rows that a batch of {BATCH} changes: {differ} of {len(texts)}")


@torch.inference_mode()
def _logits(
    model: InferenceModel,
    prompt: PromptFormat,
    texts: list[str],
    motions: list[tuple[int, ...]],
) -> Tensor:  # (prefixes, 1 + codes)
    found = []
    for text, motion in zip(texts, motions, strict=True):
        ids = [*prompt.description(text), model.motion_start]
        whole = torch.tensor([[*ids, *model.token_ids(motion[:-1])]])
        states = model.states(whole, "t2m")[0, len(ids) - 1 :]
        found.append(model.motion_logits(states))
    return torch.cat(found)


if __name__ == "__main__":
    main()
