"""Guidance that t2m learns to do without, on tiny random parts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from motionllm_toys import backbone
from test_motionllm_training import PLAIN, clips, trainer

from motion_agent.motion_core.errors import ConfigurationError, UnavailableError
from motion_agent.motion_core.motionllm.assembly import load_direction
from motion_agent.motion_core.motionllm.samples import Augmentation, TrainingData, collate
from motion_agent.motion_core.motionllm.sampling import guided
from motion_agent.motion_core.motionllm.train import Trainer
from motion_agent.motion_core.motionllm.weights import save_direction


def student(folder: Path, **changes: object) -> Trainer:
    """A trainer whose rows say something, with a teacher of the same weights."""
    train = trainer(augmentation=Augmentation(**PLAIN), dropout=0.0, guidance=4.0, **changes)
    train.model.rows["t2m_head"].data.mul_(20.0)
    facts = {"backbone": "toy", "training": {"prompt": "compact"}}
    save_direction(train.model, "t2m", folder, facts)
    load_direction(train.model, "t2m", folder)  # as it was rounded for the disk
    train.learn_from(folder, backbone())
    return train


def test_the_teacher_guides_what_follows_a_description_and_nothing_else(tmp_path: Path) -> None:
    train = student(tmp_path)
    maker, tokens = train.maker, np.array([3, 4, 5], np.int16)
    described = [maker.plain(clip) for clip in clips()]
    gap = maker.gap(tokens, tokens, tokens, tokens)
    free = maker.free(tokens, tokens)
    ids, targets = collate([described[0], gap, free, described[1]])
    assert train.teacher is not None
    found = train.teacher.probabilities(ids, targets).split((targets >= 0).sum(1).tolist())

    def logits(prompt: list[int], motion: list[int]) -> torch.Tensor:
        states = train.model.states(torch.tensor([[*prompt, *motion]]), "t2m")
        return train.model.motion_logits(states)[0, len(prompt) :]

    blank = maker.prompt.description("")
    for sample, rows in zip(described, (found[0], found[3]), strict=True):
        first = sample.ids.index(train.model.motion_start)
        prompt, motion = sample.ids[:first], sample.ids[first:]
        with torch.no_grad():
            own, alone = logits(prompt, motion), logits(blank, motion)
        expected = guided(own, alone, 4.0).softmax(-1)
        torch.testing.assert_close(rows, expected, atol=1e-5, rtol=1e-4)
        assert (rows - own.softmax(-1)).abs().max() > 1e-3
    for sample, rows in ((gap, found[1]), (free, found[2])):
        first = len(sample.ids) - 4  # <Motion> and three tokens
        with torch.no_grad():
            own = logits(sample.ids[:first], sample.ids[first:])[: len(rows)]
        torch.testing.assert_close(rows, own.softmax(-1), atol=1e-5, rtol=1e-4)


def test_the_student_comes_to_say_alone_what_the_teacher_says(tmp_path: Path) -> None:
    train = student(tmp_path / "teacher", steps=80, lr=3e-2)
    checks = [train.maker.plain(clip) for clip in clips()]
    ids, targets = collate(checks)
    assert train.teacher is not None
    taught = train.teacher.probabilities(ids, targets)

    def distance() -> float:
        train.model.use("t2m")
        with torch.no_grad():
            logits = train.model.motion_logits(train.model.states(ids, "t2m")[targets >= 0])
        return float((logits.softmax(-1) - taught).abs().sum(-1).mean())

    before = distance()
    train.fit(TrainingData(clips()), clips(), tmp_path / "student")
    assert distance() < 0.3 * before
    assert torch.equal(train.teacher.probabilities(ids, targets), taught)  # which stays as it was


def test_a_teacher_is_nothing_for_m2t(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="t2m"):
        trainer("m2t").learn_from(tmp_path, backbone())


def test_a_teacher_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="finish the training"):
        trainer().learn_from(tmp_path, backbone())


def test_guidance_below_1_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"guidance is 0\.5"):
        trainer(guidance=0.5)
