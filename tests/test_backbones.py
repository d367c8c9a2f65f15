"""Every family of backbones that docs/how-to/paper.md lists: trained, assembled and asked, tiny."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from motionllm_toys import CODES, backbone, motion_tokenizer, text_tokenizer

from motion_agent.motion_core.engine import GenerationRequest, Take
from motion_agent.motion_core.motionllm.assembly import assemble_checkpoint
from motion_agent.motion_core.motionllm.backbone import load_backbone
from motion_agent.motion_core.motionllm.engine import MotionLLMEngine
from motion_agent.motion_core.motionllm.model import DIRECTIONS
from motion_agent.motion_core.motionllm.samples import TokenisedClip, TrainingData
from motion_agent.motion_core.motionllm.sampling import Sampling
from motion_agent.motion_core.motionllm.train import MotionLLMTraining, Trainer
from motion_agent.motion_core.motionllm.weights import save_direction
from motion_agent.motion_core.tokenizer import save_tokenizer

# What it stands for: family, tied head, rows of the embedding, pad token. Most have more rows than
# the text tokenizer has words, in odd numbers.
BACKBONES = {
    "SmolLM2": ("llama", True, 300, 0),
    "Llama 3": ("llama", False, 311, None),
    "Gemma 2": ("gemma2", True, 307, 0),
    "Gemma 3": ("gemma3", True, 319, 0),
    "Qwen 2.5, 0.5B to 3B": ("qwen2", True, 331, None),
    "Qwen 2.5, from 7B": ("qwen2", False, 331, None),
    "Qwen 3, 0.6B to 4B": ("qwen3", True, 331, None),
    "Qwen 3, from 8B": ("qwen3", False, 331, None),
    "Mixtral": ("mixtral", False, 300, None),
}


def clips() -> TrainingData:
    kinds = {"a man waves": [3, 4, 5, 3, 4, 5], "someone bows and kicks": [9, 8, 7, 6]}
    return TrainingData(
        [
            TokenisedClip((caption,), (1.0,), (np.array(tokens, np.int16),) * 4, 0.5)
            for caption, tokens in kinds.items()
        ]
    )


@pytest.mark.parametrize("name", BACKBONES)
def test_a_family_is_trained_and_asked_in_both_directions(name: str, tmp_path: Path) -> None:
    family, tied, rows, pad = BACKBONES[name]
    folder = tmp_path / "backbone"
    backbone(family, vocabulary=rows, tied=tied, pad=pad).save_pretrained(folder)
    text_tokenizer(pad=None if pad is None else "<end>").save_pretrained(folder)
    tokenizer = motion_tokenizer()
    save_tokenizer(tokenizer, tmp_path / "tokenizer")
    training = MotionLLMTraining(
        steps=8, batch=4, rank=4, lr=2e-2, rows_lr=4e-2, warmup=1, dropout=0.0, bfloat16=False
    )
    for direction in DIRECTIONS:
        lm, words = load_backbone(str(folder))
        trainer = Trainer(direction, lm, words, tokenizer, training)
        assert trainer.model.vocabulary == rows
        checks = [trainer.maker.plain(clip) for clip in clips().clips]
        before = trainer.validate(checks)["val_loss"]
        out = tmp_path / direction
        trainer.fit(clips(), [], out)
        after = trainer.validate(checks)["val_loss"]
        assert math.isfinite(before) and after < before
        facts = {"backbone": str(folder), "training": {"prompt": "compact"}}
        save_direction(trainer.model, direction, out, facts)
    engine = MotionLLMEngine(
        assemble_checkpoint(
            tmp_path / "tokenizer",
            *(tmp_path / direction for direction in DIRECTIONS),
            tmp_path / "checkpoint",
            sampling=Sampling(min_tokens=2, max_tokens=8, longest=30),
        )
    )
    texts = ["a man waves", "someone bows and kicks and walks forward"]
    requests = [GenerationRequest(text, seed=3) for text in texts]
    together = engine.generate(requests)
    alone = [engine.generate([request])[0] for request in requests]
    assert [take.tokens for take in together] == [take.tokens for take in alone]
    assert all(0 <= token < CODES for take in together for token in take.tokens)
    captions = engine.caption([Take((3, 4, 5)), Take((9, 8, 7, 6, 9, 8))])
    assert captions == [engine.caption([t])[0] for t in (Take((3, 4, 5)), Take((9, 8, 7, 6, 9, 8)))]
    assert all(isinstance(caption, str) for caption in captions)
