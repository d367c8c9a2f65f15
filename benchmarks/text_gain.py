"""How much a t2m adapter heeds its descriptions, in nats a motion token.

    OMP_NUM_THREADS=1 python benchmarks/text_gain.py [--checkpoint FOLDER] [--split validation]

The loss of recorded motions after their own caption, after another clip's, and after none. The
first two differ by nothing in a model that only goes on from the motion before, however low its
loss is: R-precision needs generated motion and minutes, this needs neither.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import numpy as np
import torch

from motion_agent.motion_core.datasets.prepared import DEFAULT_FOLDER, PreparedDataset, Split
from motion_agent.motion_core.motionllm.backbone import load_backbone
from motion_agent.motion_core.motionllm.checkpoint import load_checkpoint
from motion_agent.motion_core.motionllm.engine import DEFAULT_CHECKPOINT, restore_model
from motion_agent.motion_core.motionllm.model import MotionLLM
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
def loss(model: MotionLLM, samples: Sequence[Sample]) -> float:
    """Mean over all target tokens, in nats."""
    total, count = 0.0, 0
    ordered = sorted(samples, key=lambda sample: len(sample.ids))
    for first in range(0, len(ordered), BATCH):
        ids, targets = collate(ordered[first : first + BATCH])
        tokens = int((targets >= 0).sum())
        total += float(model.loss(ids, targets, "t2m")) * tokens
        count += tokens
    return total / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--checkpoint", type=Path, default=DEFAULT_CHECKPOINT)
    parser.add_argument("--data", type=Path, default=DEFAULT_FOLDER)
    parser.add_argument("--split", choices=get_args(Split), default="validation")
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    checkpoint = load_checkpoint(arguments.checkpoint)
    tokenizer, config = checkpoint.tokenizer(), checkpoint.config
    backbone, text_tokenizer = load_backbone(config.backbone, dtype=torch.float32)
    model = restore_model(checkpoint, backbone, config.backbone)
    model.use("t2m")
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
    print(f"{count} clips of the {arguments.split} split, nats a motion token\n")
    for name, captions in (
        ("own caption", own),
        ("another clip's", [*own[1:], own[0]]),
        ("none", [""] * count),
    ):
        samples = [maker.t2m(c, t, t, None) for c, t in zip(captions, tokens, strict=True)]
        print(f"{name:15} {loss(model, samples):.3f}", flush=True)


if __name__ == "__main__":
    main()
