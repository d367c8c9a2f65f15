"""What training the motion rows brings: SmolLM2's t2m with and without it, from one start.

    OMP_NUM_THREADS=1 python benchmarks/motion_rows.py --out runs/motion-rows

In the paper's code the embedding and head of the motion tokens keep their first values and the
adapter alone trains; here they train too unless a recipe says `rows: false`. Both trainings see the
same samples in the same order: captioned clips of the training split, not mirrored. They are kept
in ``OUT/trained`` and ``OUT/not-trained``, for `motion-agent train assemble` and `evaluate`; the
same command continues a stopped one.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

import torch

from motion_agent.motion_core.choices import PREPARED
from motion_agent.motion_core.datasets.licences import CAPTION_SOURCES
from motion_agent.motion_core.datasets.prepared import PreparedDataset, Split
from motion_agent.motion_core.motionllm.backbone import DEFAULT_BACKBONE, load_backbone
from motion_agent.motion_core.motionllm.checkpoint import DEFAULT_CHECKPOINT
from motion_agent.motion_core.motionllm.samples import TokenisedClip, TrainingData
from motion_agent.motion_core.motionllm.tokenised import encode_many
from motion_agent.motion_core.motionllm.train import MotionLLMTraining, Trainer, fast_bfloat16
from motion_agent.motion_core.motionllm.weights import save_direction
from motion_agent.motion_core.tokenizer import MotionTokenizer, load_tokenizer


def captioned(
    dataset: PreparedDataset, tokenizer: MotionTokenizer, split: Split
) -> list[TokenisedClip]:
    """Return the captioned clips of a split as tokens, without mirror images."""
    clips = [clip for clip in dataset.split(split) if not clip.mirrored]
    tokens = encode_many(tokenizer, [dataset.features(clip) for clip in clips])
    return [
        TokenisedClip(
            clip.texts,
            tuple(CAPTION_SOURCES[caption.source].weight for caption in clip.captions),
            (own,),
            1.0,
        )
        for clip, own in zip(clips, tokens, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=PREPARED)
    parser.add_argument("--out", type=Path, default=Path("runs/motion-rows"))
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=6, help="6 as in the paper")
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    dataset = PreparedDataset.load(arguments.data)
    tokenizer = load_tokenizer(DEFAULT_CHECKPOINT)
    train = TrainingData(captioned(dataset, tokenizer, "train"))
    checks = captioned(dataset, tokenizer, "validation")
    rows = []
    for name, rows_lr in (("trained", MotionLLMTraining.rows_lr), ("not-trained", 0.0)):
        training = MotionLLMTraining(
            steps=arguments.steps, batch=arguments.batch, rows_lr=rows_lr, dropout=0.0
        )
        lm, words = load_backbone(dtype=torch.bfloat16 if fast_bfloat16() else torch.float32)
        trainer = Trainer("t2m", lm, words, tokenizer, training)
        samples = [trainer.maker.plain(clip) for clip in checks]
        before = trainer.validate(samples)["val_loss"]
        out = arguments.out / name
        trainer.fit(train, [], out)
        after = trainer.validate(samples)["val_loss"]
        count = sum(p.numel() for p in trainer.trained if p.requires_grad)
        rows.append(f"| {name} | {count / 1e6:.2f} M | {before:.3f} | {after:.3f} |")
        facts = {"backbone": DEFAULT_BACKBONE, "training": asdict(training)}
        save_direction(trainer.model, "t2m", out, facts)
    print(
        f"{arguments.steps} steps of {arguments.batch} out of {len(train.clips)} clips; loss in "
        f"nats a token on {len(checks)} validation clips\n"
    )
    print("| motion rows | trainable | loss before | loss after |\n|---|--:|--:|--:|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
