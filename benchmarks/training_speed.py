"""How much faster t2m trains here than with a straightforward loop over the same samples.

    OMP_NUM_THREADS=1 python benchmarks/training_speed.py [--float32]

The straightforward loop is what one writes first: a causal LM
of transformers with a longer vocabulary and peft's LoRA, each motion encoded by the VQ-VAE whenever
it is drawn, batches in the order in which they are drawn, logits of the whole vocabulary at every
position. Ours: motions encoded once, batches of similar length, logits of the motion tokens where
one is to be predicted. Backbone, rank, dropout, precision, optimiser and samples are the same. Both
are timed in one run, in turns, by the processor's time of one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import peft
import torch

from motion_agent.motion_core.choices import PREPARED
from motion_agent.motion_core.datasets.prepared import Clip, PreparedDataset
from motion_agent.motion_core.motionllm.backbone import load_backbone
from motion_agent.motion_core.motionllm.checkpoint import DEFAULT_CHECKPOINT
from motion_agent.motion_core.motionllm.samples import (
    Sample,
    TokenisedClip,
    Tokens,
    collate,
)
from motion_agent.motion_core.motionllm.tokenised import encode_many
from motion_agent.motion_core.motionllm.train import MotionLLMTraining, Trainer
from motion_agent.motion_core.tokenizer import MotionTokenizer, load_tokenizer

LONGEST = 60  # motion tokens
PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


class Straightforward:
    """A model of transformers and peft whose vocabulary was made longer."""

    def __init__(self, trainer: Trainer, dtype: torch.dtype) -> None:
        settings = trainer.training
        lm, _ = load_backbone(dtype=dtype)
        lm.resize_token_embeddings(
            trainer.model.vocabulary + trainer.model.codes + 2, mean_resizing=False
        )
        rank = settings.rank
        config = peft.LoraConfig(
            r=rank,
            lora_alpha=int(settings.scale * rank),
            lora_dropout=settings.dropout,
            target_modules=PROJECTIONS,
        )
        self.lm: Any = peft.get_peft_model(lm, config).train()
        self.first = trainer.model.motion_start + 1  # </Motion>, then the tokens
        self.trained = [p for p in self.lm.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(self.trained, lr=settings.lr, fused=True)
        self.clip = settings.clip

    def step(self, samples: Sequence[Sample]) -> float:
        """Train on a batch; return its loss."""
        ids, targets = collate(samples)
        shifted = torch.full_like(targets, -100)  # the model shifts them back
        shifted[:, 1:] = torch.where(targets >= 0, targets + self.first, targets)[:, :-1]
        loss = self.lm(input_ids=ids, labels=shifted).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, self.clip)
        self.optimiser.step()
        self.optimiser.zero_grad()
        return float(loss.detach())


def drawn(dataset: PreparedDataset, count: int) -> list[Clip]:
    """Return clips of the training split, drawn at random."""
    clips = [clip for clip in dataset.split("train") if clip.length >= 4]
    rows = np.random.default_rng(0).choice(len(clips), count, replace=False)
    return [clips[row] for row in rows]


def sample(trainer: Trainer, caption: str, tokens: Tokens) -> Sample:
    """Return a training sample without augmentation."""
    clip = TokenisedClip((caption,), (1.0,), (tokens,), 1.0)
    return trainer.maker.plain(clip)


def straightforward_batches(
    trainer: Trainer, tokenizer: MotionTokenizer, dataset: PreparedDataset, clips: Sequence[Clip]
) -> Iterator[list[Sample]]:
    """Yield batches in the order of the clips, encoding each motion as it is drawn."""
    for first in range(0, len(clips), trainer.training.batch):
        yield [
            sample(
                trainer,
                clip.texts[0],
                np.array(tokenizer.encode(dataset.features(clip)[: 4 * LONGEST]), np.int16),
            )
            for clip in clips[first : first + trainer.training.batch]
        ]


def timed(work: Callable[[], None]) -> float:
    """Return the processor seconds of some work."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=PREPARED)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--batches", type=int, default=16, help="in each of the rounds")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--dropout", type=float, default=MotionLLMTraining.dropout)
    parser.add_argument("--float32", action="store_true", help="rather than bfloat16")
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    dataset = PreparedDataset.load(arguments.data)
    tokenizer = load_tokenizer(DEFAULT_CHECKPOINT)
    dtype = torch.float32 if arguments.float32 else torch.bfloat16
    lm, text_tokenizer = load_backbone(dtype=dtype)
    training = MotionLLMTraining(
        batch=arguments.batch,
        rank=32,
        dropout=arguments.dropout,
        rows_lr=0.0,  # as in the authors' code
        warmup=1,
        bfloat16=not arguments.float32,
    )
    ours = Trainer("t2m", lm, text_tokenizer, tokenizer, training)
    theirs = Straightforward(ours, dtype)

    clips = drawn(dataset, arguments.batch * arguments.batches)
    begin = time.process_time()
    tokens = encode_many(tokenizer, [dataset.features(clip)[: 4 * LONGEST] for clip in clips])
    encoding = time.process_time() - begin

    def straightforward(clips: Sequence[Clip] = clips) -> None:
        for batch in straightforward_batches(ours, tokenizer, dataset, clips):
            theirs.step(batch)

    def as_here(clips: Sequence[Clip] = clips) -> None:
        samples = [sample(ours, c.texts[0], t) for c, t in zip(clips, tokens, strict=False)]
        samples.sort(key=lambda one: len(one.ids))
        for first in range(0, len(samples), arguments.batch):
            ours._step(*collate(samples[first : first + arguments.batch]), 1, 0.0)

    for loop in (as_here, straightforward):  # warms up
        loop(clips[: arguments.batch])
    rows = [(timed(straightforward), timed(as_here)) for _ in range(arguments.rounds)]
    slow, fast = (sorted(column)[len(rows) // 2] for column in zip(*rows, strict=True))
    precision = "float32" if arguments.float32 else "bfloat16"
    print(
        f"{len(clips)} samples in batches of {arguments.batch}, rank 32, dropout "
        f"{arguments.dropout:g}, {precision}, one thread, middle of {len(rows)} rounds"
    )
    print(f"straightforward  {len(clips) / slow:6.2f} samples/s")
    print(f"motion-agent     {len(clips) / fast:6.2f} samples/s")
    print(f"the motions once {encoding:6.2f} s, before the first step")
    print(f"ratio            {slow / fast:6.2f}")


if __name__ == "__main__":
    main()
