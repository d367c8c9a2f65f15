"""Training of the motion tokenizer.

`motion-agent train tokenizer`; the same command continues a stopped training. The folder gets the
finished ``tokenizer.safetensors``, ``report.md`` and ``report.json`` with its scores on the test
split, and the state, log and curves of the training.

With `refine`, only the decoder of a finished tokenizer keeps training. Encoder and codebook are
frozen, so every motion keeps its tokens and a MotionLLM trained on them still fits.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ..atomic import replacing
from ..errors import ConfigurationError
from ..training import TrainingRun
from .checkpoint import load_tokenizer, save_tokenizer
from .model import MotionTokenizer, Reconstruction, TokenizerConfig
from .report import TokenizerReport
from .windows import FeatureDataset, Windows


@dataclass(frozen=True)
class TokenizerTraining:
    """Settings for training a tokenizer.

    Attributes:
        steps: optimiser steps.
        batch: windows a step.
        window: frames a window.
        lr: peak learning rate; it rises over `warmup` steps and falls to a hundredth as a cosine.
        unquantized: first steps as a plain autoencoder; the codebook then starts from encoder
            outputs that already distinguish poses.
        weight_decay: of AdamW.
        clip: largest norm of the gradient.
        balance: share of class-balanced sampling, see `Windows`.
        bfloat16: convolutions in bfloat16, about 1.6 times faster on CPUs with AVX-512 BF16.
        seed: for weights and windows.
        save_every: seconds between saves.
    """

    steps: int = 8_000
    batch: int = 64
    window: int = 64
    lr: float = 1e-3
    warmup: int = 200
    unquantized: int = 300
    weight_decay: float = 0.0
    clip: float = 1.0
    balance: float = 0.5
    bfloat16: bool = True
    seed: int = 0
    save_every: float = 120.0

    def rate(self, step: int) -> float:
        """Return the learning rate of a step."""
        if step < self.warmup:
            return self.lr * (step + 1) / self.warmup
        done = (step - self.warmup) / max(self.steps - self.warmup, 1)
        return self.lr * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))


def train_tokenizer(
    dataset: FeatureDataset,
    out: Path | str,
    *,
    config: TokenizerConfig | None = None,
    training: TokenizerTraining | None = None,
    refine: Path | str | None = None,
    device: torch.device | str | None = None,
) -> MotionTokenizer:
    """Train a tokenizer, or continue; return the result of `load_tokenizer(out)`.

    Args:
        dataset: to train on.
        out: folder for state and result.
        config: size and losses; by default that of `refine`.
        training: settings.
        refine: folder of a finished tokenizer of which only the decoder keeps training.
        device: None for a GPU if there is one.

    Raises:
        UnavailableError: `out` cannot be written to.
        IntegrityError: the saved state in `out` is damaged.
        ConfigurationError: `out` holds the training of another config, or the loss diverged.
        KeyboardInterrupt: Ctrl-C, after saving the state.
    """
    training = training or TokenizerTraining()
    if refine is None:
        tokenizer = _new_tokenizer(dataset, config or TokenizerConfig(), training.seed)
    else:
        tokenizer = load_tokenizer(refine)
        tokenizer.decoder.requires_grad_(True)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    session = _Session(dataset, tokenizer.to(device), training)
    run = TrainingRun(
        out,
        steps=training.steps,
        title="tokenizer",
        save=session.state,
        every_seconds=training.save_every,
    )
    run.resume(session.load)
    for step in run:
        result = session.step(step)
        if step % 20 == 0 or step == training.steps - 1:
            run.log(**session.log_row(step, result))
    save_tokenizer(session.tokenizer, out)
    return load_tokenizer(out)


def _new_tokenizer(dataset: FeatureDataset, config: TokenizerConfig, seed: int) -> MotionTokenizer:
    torch.manual_seed(seed)
    config = replace(config, features=len(dataset.mean))
    return MotionTokenizer(config, mean=dataset.mean, std=dataset.std).train()


class _Session:
    """Everything that a step changes. A tokenizer in evaluation mode keeps its codebook."""

    def __init__(
        self, dataset: FeatureDataset, tokenizer: MotionTokenizer, training: TokenizerTraining
    ) -> None:
        self.training = training
        self.tokenizer = tokenizer
        self.optimizer = torch.optim.AdamW(
            [parameter for parameter in tokenizer.parameters() if parameter.requires_grad],
            lr=training.lr,
            betas=(0.9, 0.99),
            weight_decay=training.weight_decay,
            fused=True,
        )
        self.windows = Windows(
            dataset,
            "train",
            frames=training.window,
            balance=training.balance,
            device=tokenizer.mean.device,
        )
        self.generator = np.random.default_rng(training.seed)
        self.resets = 0  # since the last row of the log

    def step(self, step: int) -> Reconstruction:
        training = self.training
        for group in self.optimizer.param_groups:
            group["lr"] = training.rate(step)
        learning_codes = self.tokenizer.quantizer.training
        self.tokenizer.quantizer.bypassed = learning_codes and step < training.unquantized
        windows, valid = self.windows.draw(training.batch, self.generator)
        result: Reconstruction = self.tokenizer(windows, valid, bfloat16=training.bfloat16)
        self.optimizer.zero_grad(set_to_none=True)
        result.loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.tokenizer.parameters(), training.clip)
        self.optimizer.step()
        self.resets += self.tokenizer.quantizer.resets
        return result

    def log_row(self, step: int, result: Reconstruction) -> dict[str, float]:
        parts = {name: part.item() for name, part in result.parts.items()}
        uses = self.tokenizer.quantizer.uses
        share = uses / uses.sum()
        log_row = {
            "loss": result.loss.item(),
            "mpjpe_mm": 1000 * parts.pop("distance"),
            **parts,
            "perplexity": torch.exp(-(share * (share + 1e-12).log()).sum()).item(),
            "resets": float(self.resets),
            "lr": self.training.rate(step),
        }
        self.resets = 0
        return log_row

    def state(self) -> dict[str, Any]:
        return {
            "config": self.tokenizer.config.to_dict(),
            "training": asdict(self.training),
            "tokenizer": self.tokenizer.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.bit_generator.state,
            "resets": self.resets,
        }

    def load(self, state: dict[str, Any]) -> None:
        now = {**self.tokenizer.config.to_dict(), **asdict(self.training)}
        kept = {**state["config"], **state["training"]}
        for name in now:
            if name != "save_every" and now[name] != kept.get(name):
                raise ConfigurationError(
                    f"the saved training has {name}={kept.get(name)}, this one {now[name]}; "
                    "give the same value or another folder"
                )
        self.tokenizer.load_state_dict(state["tokenizer"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.bit_generator.state = state["generator"]
        self.resets = state["resets"]


def write_report(report: TokenizerReport, folder: Path | str) -> None:
    """Write ``report.md`` and ``report.json`` in `folder`."""
    for name, text in (("report.md", report.to_markdown()), ("report.json", report.to_json())):
        with replacing(Path(folder) / name) as path:
            path.write_text(text, encoding="utf-8")
