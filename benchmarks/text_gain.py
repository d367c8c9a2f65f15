"""How much a t2m adapter heeds its descriptions, in nats per motion token.

    OMP_NUM_THREADS=1 python benchmarks/text_gain.py [--checkpoint FOLDER] [--bits 8]

It measures the loss of recorded motions after their own caption, after another clip's, and after
none. The first two are equal for a model that only continues the motion so far, however low its
loss: R-precision needs generated motion and minutes, this needs neither. With ``--bits 8`` the
weights are quantised, so two runs show the cost of rounding.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import torch
import torch.nn.functional as F

from motion_agent.motion_core.choices import PREPARED
from motion_agent.motion_core.datasets.prepared import PreparedDataset, Split
from motion_agent.motion_core.motionllm.checkpoint import DEFAULT_CHECKPOINT, load_checkpoint
from motion_agent.motion_core.motionllm.inference import InferenceModel, load_inference
from motion_agent.motion_core.motionllm.prompt import prompt_format
from motion_agent.motion_core.motionllm.samples import (
    Augmentation,
    Sample,
    SampleMaker,
    collate,
    nearest_codes,
)

BATCH = 16


@torch.inference_mode()
def loss(model: InferenceModel, samples: Sequence[Sample]) -> float:
    """Return the mean loss over all target tokens, in nats."""
    total, count = 0.0, 0
    ordered = sorted(samples, key=lambda sample: len(sample.ids))
    for first in range(0, len(ordered), BATCH):
        ids, targets = collate(ordered[first : first + BATCH])
        target = targets >= 0
        logits = model.motion_logits(model.states(ids, "t2m")[target])
        total += float(F.cross_entropy(logits.float(), targets[target], reduction="sum"))
        count += int(target.sum())
    return total / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--data", type=Path, default=PREPARED)
    parser.add_argument("--split", choices=get_args(Split), default="validation")
    parser.add_argument("--bits", type=int, choices=(8, 32), default=32)
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    checkpoint = load_checkpoint(arguments.checkpoint)
    tokenizer, config = checkpoint.tokenizer(), checkpoint.config
    dtype = torch.int8 if arguments.bits == 8 else torch.float32
    loaded = load_inference(checkpoint, config.backbone, dtype=dtype, device="cpu")
    assert loaded is not None, "the backbone's layout is not one that is decoded in 8 bits"
    model, text_tokenizer = loaded
    near = nearest_codes(tokenizer.quantizer.codebook.detach())
    prompt = prompt_format(config.prompt, text_tokenizer)
    maker = SampleMaker(model, prompt, "t2m", near, Augmentation())

    dataset = PreparedDataset.load(arguments.data)
    clips = [c for c in dataset.split(arguments.split) if not c.id.endswith("mirrored")]
    random = np.random.default_rng(arguments.seed)
    count = min(arguments.clips, len(clips))
    clips = [clips[i] for i in random.choice(len(clips), count, replace=False)]
    longest = maker.augmentation.longest
    tokens = [np.array(tokenizer.encode(dataset.features(c)), np.int16)[:longest] for c in clips]
    own = [clip.texts[0] for clip in clips]
    print(f"{count} clips of the {arguments.split} split, {arguments.bits} bits\n")
    for name, captions in (
        ("own caption", own),
        ("another clip's", [*own[1:], own[0]]),
        ("none", [""] * count),
    ):
        samples = [maker.t2m(c, t, t, None) for c, t in zip(captions, tokens, strict=True)]
        print(f"{name:15} {loss(model, samples):.3f}", flush=True)


if __name__ == "__main__":
    main()
