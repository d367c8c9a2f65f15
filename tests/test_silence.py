"""The head of an exported t2m keeps words out by itself."""

from __future__ import annotations

import pytest
import torch

from motion_agent.motion_core.motionllm.checkpoint import load_checkpoint
from motion_agent.motion_core.motionllm.inference import load_inference
from motion_agent.motion_core.motionllm.prompt import prompt_format
from motion_agent.motion_core.motionllm.silence import motion_states, silencing_row


@pytest.mark.slow
def test_no_word_is_drawn_after_descriptions_that_were_not_fitted() -> None:
    checkpoint = load_checkpoint()
    found = load_inference(
        checkpoint, checkpoint.config.backbone, dtype=torch.float32, device="cpu"
    )
    assert found is not None
    model, prompt = found[0], prompt_format(checkpoint.config.prompt, found[1])
    texts = {"a person does a cartwheel": None, "someone plays the violin": 2.0, "karate": 4.0}
    ids = [[*prompt.description(t, s), model.motion_start] for t, s in texts.items()]
    h = motion_states(model, ids, seed=99)  # (N, D)
    word = h @ silencing_row(checkpoint) + torch.log(torch.tensor(model.vocabulary + 1.0))
    motion = model.motion_logits(h).float().logsumexp(-1)
    assert (word - motion).max() < -20  # log-odds of any word at all
