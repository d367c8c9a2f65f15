"""Training and measuring the tokenizer: windows, resuming, learning something, the report."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from motion_agent.motion_core.errors import ConfigurationError, InputError
from motion_agent.motion_core.tokenizer import (
    TokenizerConfig,
    TokenizerTraining,
    evaluate_tokenizer,
    load_tokenizer,
    train_tokenizer,
)
from motion_agent.motion_core.tokenizer import train as train_module
from motion_agent.motion_core.tokenizer.windows import Windows

TINY = TokenizerConfig(codes=16, code_dim=4, width=8, depth=2)
SHORT = TokenizerTraining(steps=12, batch=4, window=16, warmup=2, unquantized=4, bfloat16=False)


@dataclass(frozen=True)
class FakeClip:
    action: str
    index: int
    length: int
    mirrored: bool = False
    split: str = "train"


class FakeDataset:
    """Slow waves in all features; each clip has its own phase and length."""

    def __init__(self, lengths: tuple[int, ...] = (40, 9, 130, 24), *, test: int = 1) -> None:
        self.clips = tuple(
            FakeClip(
                action="wave" if index % 2 else "bow",
                index=index,
                length=length,
                split="test" if index >= len(lengths) - test else "train",
            )
            for index, length in enumerate(lengths)
        )
        self.mean = np.zeros(263, dtype=np.float32)
        self.std = np.full(263, 0.7, dtype=np.float32)

    def motions(self, name: str) -> tuple[FakeClip, ...]:
        return tuple(clip for clip in self.clips if clip.split == name)

    def features(self, clip: FakeClip) -> np.ndarray:
        time = np.arange(clip.length)[:, None] / 10
        features = np.sin(time * (1 + np.arange(263) % 3) + clip.index)
        features[:, :3] *= 0.02
        return features.astype(np.float32)


# Windows ------------------------------------------------------------------------------------


def test_a_short_clip_is_drawn_whole_and_padded_with_its_last_frame() -> None:
    dataset = FakeDataset((9, 5))
    windows, valid = Windows(dataset, "train", frames=16).draw(3, np.random.default_rng(0))
    clip = dataset.features(dataset.clips[0])
    assert windows.shape == (3, 16, 263)
    assert valid.tolist() == [[True] * 9 + [False] * 7] * 3
    np.testing.assert_array_equal(windows[0, :9], clip.astype(np.float16))
    last = np.repeat(clip[-1:].astype(np.float16), 7, axis=0)
    np.testing.assert_array_equal(windows[0, 9:], last)


def test_every_start_of_a_long_clip_is_drawn() -> None:
    dataset = FakeDataset((19, 5))
    windows, valid = Windows(dataset, "train", frames=16).draw(200, np.random.default_rng(0))
    firsts = {tuple(window[0].tolist()) for window in windows}
    rows = dataset.features(dataset.clips[0])[:4].astype(np.float16).astype(np.float32)
    assert firsts == {tuple(row.tolist()) for row in rows}
    assert valid.all()


@pytest.mark.parametrize(("balance", "share"), [(0.0, 0.2), (1.0, 1 / 3), (0.5, 4 / 15)])
def test_clips_are_drawn_by_frames_and_by_class(balance: float, share: float) -> None:
    dataset = FakeDataset((20, 80, 5))
    windows = Windows(dataset, "train", frames=16, balance=balance)
    drawn, _ = windows.draw(4000, np.random.default_rng(0))
    # Clip 1 is one radian ahead: tell the clips by the first feature's start and slope.
    short = dataset.features(dataset.clips[0])[:, 5]
    from_short = np.isclose(drawn[:, :1, 5].numpy(), short[None, :5], atol=1e-3).any(axis=1)
    slope = np.isclose(drawn[:, 1:2, 5].numpy(), short[None, 1:6], atol=1e-3).any(axis=1)
    assert (from_short & slope).mean() == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(
    ("frames", "balance", "message"),
    [(15, 0.5, "multiple of 4"), (0, 0.5, "multiple of 4"), (16, 1.5, "balance is 1.5")],
)
def test_impossible_windows_are_refused(frames: int, balance: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Windows(FakeDataset(), "train", frames=frames, balance=balance)


def test_a_data_set_without_training_clips_is_refused() -> None:
    with pytest.raises(InputError, match="no motion in its train split"):
        Windows(FakeDataset((9,)), "train")


# Training -----------------------------------------------------------------------------------


def stop_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """Ctrl-C in the middle of that step."""
    original = train_module._Session.step

    def step(self: Any, number: int) -> Any:
        if number == steps:
            os.kill(os.getpid(), signal.SIGINT)
        return original(self, number)

    monkeypatch.setattr(train_module._Session, "step", step)


@pytest.mark.parametrize("at", [2, 3, 7])  # before, at and after the codebook's start
def test_a_stopped_training_ends_with_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    dataset = FakeDataset()
    whole = train_tokenizer(dataset, tmp_path / "whole", config=TINY, training=SHORT)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        stop_after(patch, at)
        train_tokenizer(dataset, tmp_path / "parts", config=TINY, training=SHORT)
    assert not (tmp_path / "parts" / "tokenizer.safetensors").exists()
    parts = train_tokenizer(dataset, tmp_path / "parts", config=TINY, training=SHORT)
    for (name, tensor), other in zip(
        whole.state_dict().items(), parts.state_dict().values(), strict=True
    ):
        assert torch.equal(tensor, other), name


def test_another_config_does_not_continue(tmp_path: Path) -> None:
    train_tokenizer(FakeDataset(), tmp_path, config=TINY, training=SHORT)
    with pytest.raises(ConfigurationError, match="saved training has width=8, this one 12"):
        train_tokenizer(FakeDataset(), tmp_path, config=replace(TINY, width=12), training=SHORT)
    with pytest.raises(ConfigurationError, match=r"lr=0\.001, this one 0\.1"):
        train_tokenizer(FakeDataset(), tmp_path, config=TINY, training=replace(SHORT, lr=0.1))


def test_training_learns(tmp_path: Path) -> None:
    """On waves of two parameters a tiny tokenizer halves the error of giving the mean."""
    dataset = FakeDataset()
    config = replace(TINY, codes=32, code_dim=8, width=16)
    training = TokenizerTraining(
        steps=250, batch=8, window=32, lr=5e-3, warmup=10, unquantized=60, bfloat16=False
    )
    tokenizer = train_tokenizer(dataset, tmp_path, config=config, training=training)
    report = evaluate_tokenizer(tokenizer, dataset, "train")
    flat = np.concatenate([dataset.features(clip)[:, 4:67] for clip in dataset.motions("train")])
    giving_the_mean = 1000 * np.linalg.norm(flat.reshape(-1, 21, 3), axis=-1).mean()
    assert report.overall.mpjpe_mm < 0.5 * giving_the_mean
    assert report.codes_used > 8


def test_bfloat16_changes_little(tmp_path: Path) -> None:
    tokenizer = train_tokenizer(FakeDataset(), tmp_path, config=TINY, training=SHORT)
    features = torch.from_numpy(FakeDataset().features(FakeDataset().clips[2]))[None, :64]
    exact, rounded = tokenizer(features), tokenizer(features, bfloat16=True)
    assert rounded.features.dtype == torch.float32
    assert rounded.loss.item() == pytest.approx(exact.loss.item(), rel=0.05)


def test_the_learning_rate_rises_and_falls() -> None:
    training = TokenizerTraining(steps=1000, warmup=100, lr=1.0)
    assert training.rate(0) == pytest.approx(0.01)
    assert training.rate(99) == pytest.approx(1.0)
    assert training.rate(550) == pytest.approx(0.505, abs=0.002)
    assert training.rate(1000) == pytest.approx(0.01)


# Report -------------------------------------------------------------------------------------


class Perfect:
    """Stands in for a tokenizer: gives back what it was given, moved by what a test wants."""

    training = False
    parameters_count = 1_000_000

    def __init__(self, change: Any = None) -> None:
        self.config = TINY
        self._change = change

    def eval(self) -> None: ...

    def train(self, mode: bool) -> None: ...

    def encode(self, features: np.ndarray) -> list[int]:
        self._kept = features.copy()
        return [index % 4 for index in range(max(len(features) // 4, 1))]

    def decode(self, tokens: list[int]) -> np.ndarray:
        if self._change is not None:
            self._change(self._kept)
        return self._kept


def measure(change: Any = None, **options: Any) -> Any:
    dataset = FakeDataset((20, 121, 40), test=2)
    return evaluate_tokenizer(Perfect(change), dataset, **options)  # type: ignore[arg-type]


def test_a_perfect_tokenizer_has_no_error() -> None:
    report = measure()
    assert report.overall.mpjpe_mm == 0
    assert report.overall.drift_cm == 0
    assert report.overall.short_drift_cm == 0
    assert report.overall.contact_accuracy == 1
    assert (report.overall.clips, report.overall.frames) == (2, 160)
    assert (report.codes_used, report.codes_used_share) == (4, 0.25)
    assert report.perplexity == pytest.approx(4, rel=0.01)


def test_joint_error_is_in_millimetres() -> None:
    def change(features: np.ndarray) -> None:
        features[:, 4:67:3] += 0.03  # x of each joint
        features[:, 5:67:3] += 0.04  # y

    assert measure(change).overall.mpjpe_mm == pytest.approx(50, rel=1e-4)


def test_drift_is_measured_after_five_seconds_and_at_the_end_of_shorter_clips() -> None:
    def change(features: np.ndarray) -> None:
        features[:, 3] += 0.02

    report = measure(change)  # only the height is wrong
    assert report.overall.drift_cm == pytest.approx(2, rel=1e-4)

    def slip(features: np.ndarray) -> None:
        features[:, 2] += 0.001

    straight = FakeDataset((20, 121, 40), test=2)
    plain = straight.features

    def without_turns(clip: FakeClip) -> np.ndarray:  # so the slip goes straight on
        features = plain(clip)
        features[:, 0] = 0
        return features

    straight.features = without_turns  # type: ignore[method-assign]
    report = evaluate_tokenizer(Perfect(slip), straight)  # type: ignore[arg-type]
    assert report.overall.drift_clips == 1
    assert report.overall.drift_cm == pytest.approx(10, rel=1e-3)  # 100 frames of a millimetre
    assert report.overall.short_drift_cm == pytest.approx(3.9, rel=1e-3)  # 39 steps
    assert report.overall.heading_deg == pytest.approx(0, abs=1e-6)


def test_the_report_has_a_row_for_each_action() -> None:
    report = measure()
    assert list(report.actions) == ["bow", "wave"]
    markdown = report.to_markdown()
    assert "| local MPJPE, 21 joints | 0.0 mm |" in markdown
    assert "| codes in use | 4 of 16 (25 %), perplexity 4 |" in markdown
    assert "| wave | 1 | 0.0 | 0.0 (1) | - | 100.0 |" in markdown
    table = json.loads(report.to_json())
    assert table["overall"]["clips"] == 2
    assert table["codes_used_share"] == 0.25


def test_a_split_without_clips_is_refused() -> None:
    with pytest.raises(InputError, match="no clips to measure in its test split"):
        evaluate_tokenizer(Perfect(), FakeDataset((9,), test=0))  # type: ignore[arg-type]


def test_the_finished_file_is_what_is_returned(tmp_path: Path) -> None:
    trained = train_tokenizer(FakeDataset(), tmp_path, config=TINY, training=SHORT)
    features = FakeDataset().features(FakeDataset().clips[2])
    assert load_tokenizer(tmp_path).encode(features) == trained.encode(features)
