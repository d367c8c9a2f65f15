"""What lets a backbone that is too large be trained: 4 bits, layers computed twice, processes."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from motionllm_toys import backbone, backbone_folder, motion_tokenizer, text_tokenizer
from typer.testing import CliRunner

from motion_agent.cli import app
from motion_agent.motion_core.errors import ConfigurationError, UnavailableError
from motion_agent.motion_core.motionllm import backbone as source
from motion_agent.motion_core.motionllm import lora
from motion_agent.motion_core.motionllm.recipe import cost, load_recipe
from motion_agent.motion_core.motionllm.samples import TokenisedClip, TrainingData, collate
from motion_agent.motion_core.motionllm.train import MotionLLMTraining, Trainer
from motion_agent.motion_core.training import Processes

CLIPS = [
    TokenisedClip((caption,), (1.0,), (np.array(tokens, np.int16),) * 4, 0.5)
    for caption, tokens in {"a man waves": [3, 4, 5, 3], "someone bows": [9, 8, 7, 6]}.items()
]


def trainer(lm: object, processes: Processes | None = None, **changes: object) -> Trainer:
    values = {"steps": 6, "batch": 4, "rank": 4, "lr": 2e-2, "warmup": 1, "bfloat16": False}
    training = MotionLLMTraining(**{**values, **changes})  # type: ignore[arg-type]
    return Trainer("t2m", lm, text_tokenizer(), motion_tokenizer(), training, processes)


@pytest.mark.parametrize("family", ["llama", "gemma2"])
@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_layers_that_are_computed_twice_give_the_same_gradients(
    family: str, dropout: float
) -> None:
    gradients, kept = [], []
    for checkpointing in (False, True):
        train = trainer(backbone(family), checkpointing=checkpointing, dropout=dropout)
        ids, targets = collate([train.maker.plain(clip) for clip in CLIPS])
        train.model.use("t2m")
        saved = [0]

        def count(tensor: torch.Tensor, saved: list[int] = saved) -> torch.Tensor:
            saved[0] += tensor.numel()
            return tensor

        torch.manual_seed(0)  # of the dropout
        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            loss = train.model.loss(ids, targets, "t2m")
        loss.backward()
        gradients.append([p.grad for p in train.trained])
        kept.append(saved[0])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)
    assert kept[1] < 0.5 * kept[0]


def test_four_bits_train_the_adapter_over_weights_that_stay(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    name = backbone_folder(tmp_path / "backbone")
    lm, _ = source.load_backbone(name, four_bit=True)
    train = trainer(lm, four_bit=True, dropout=0.0)
    layers = [layer for _, layer in lora.layers(train.model)]
    before = [layer.base.weight.clone() for layer in layers]
    assert all(weight.dtype == torch.uint8 for weight in before)
    assert layers[0].a["t2m"].shape == (4, 16)
    ids, targets = collate([train.maker.plain(clip) for clip in CLIPS])
    train.model.use("t2m")
    first = float(train.model.loss(ids, targets, "t2m").detach())
    train.fit(TrainingData(CLIPS), [], tmp_path / "out")
    assert float(train.model.loss(ids, targets, "t2m").detach()) < first
    assert all(map(torch.equal, before, (layer.base.weight for layer in layers)))
    assert all(bool(layer.b["t2m"].any()) for layer in layers)


def test_without_bitsandbytes_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        source, "find_spec", lambda name: None if name == "bitsandbytes" else found(name)
    )
    with pytest.raises(UnavailableError, match=r"motion-agent\[qlora\]") as caught:
        source.load_backbone(str(tmp_path), four_bit=True)
    assert "\n" not in str(caught.value)


def test_settings_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="choose one"):
        MotionLLMTraining(four_bit=True, shard=True)
    with pytest.raises(ConfigurationError, match="torchrun or accelerate launch"):
        trainer(backbone(), shard=True)
    with pytest.raises(ConfigurationError, match="4 samples cannot be shared by 5 processes"):
        trainer(backbone(), Processes(0, 5))


def test_the_dry_run_tells_what_they_save() -> None:
    plain = cost(load_recipe("paper-t2m"))
    saving = load_recipe("paper-t2m", four_bit=True, checkpointing=True)
    assert cost(saving).trainable == plain.trainable
    assert sum(cost(saving).gigabytes.values()) < 0.5 * sum(plain.gigabytes.values())
    options = ("--four-bit", "--checkpointing", "--dry-run")
    result = CliRunner().invoke(app, ["train", "recipe", "paper-t2m", *options])
    assert result.exit_code == 0, result.stderr
    assert "GB  backbone, 4 bits" in result.stdout and "83.1 M" in result.stdout
