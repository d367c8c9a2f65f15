"""Training of MotionLLM, one direction at a time: `motion-agent train t2m`, `train m2t`.

The same command continues a training that was stopped. In the folder: the finished
``{direction}.safetensors``, ``{direction}_rows.safetensors`` and ``{direction}.json``, and the
state, log and curves of the training. Two directions can train side by side.

t2m first learns motion alone, from every recording, then captions among it. The last weights are
the ones that are kept: the loss on the validation split, which is logged, rises while what is
generated still comes nearer to its description.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..errors import ConfigurationError
from ..json_text import parse_json
from ..training import Processes, TrainingRun
from . import lora
from .assembly import load_direction, read_direction
from .backbone import DEFAULT_BACKBONE, load_backbone
from .distilling import GuidedTeacher
from .frozen_norm import replace_norms
from .memory import checkpoint_layers, spread_layers
from .model import IGNORE, Direction, MotionLLM
from .prompt import prompt_format
from .samples import (
    Augmentation,
    SampleMaker,
    TokenisedClip,
    TrainingBatches,
    TrainingData,
    collate,
    nearest_codes,
)
from .sampling import Sampling
from .tokenised import tokenise
from .weights import save_direction

if TYPE_CHECKING:
    from ..datasets import PreparedDataset
    from ..tokenizer import MotionTokenizer

_FIXED = ("rank", "scale", "prompt", "seed", "batch", "guidance")  # of a training that goes on


@dataclass(frozen=True)
class MotionLLMTraining:
    """How a direction is trained.

    Attributes:
        steps: optimiser steps; an upper bound when `minutes` is given.
        minutes: wall clock of training; the learning rate then follows the clock. None: no limit.
        batch: samples a step, of all processes together.
        rank: of the LoRA adapter; None means 32 for t2m and 16 for m2t.
        scale: of the adapter, alpha / rank.
        dropout: on the adapter's input; above 0 it costs a third of a CPU's speed.
        lr: peak learning rate of the adapter; warm-up, then a cosine down to a twentieth.
        rows_lr: peak learning rate of the motion rows; 0 leaves them as they are initialised.
        warmup: steps.
        weight_decay: of AdamW, on the adapter alone.
        clip: largest norm of the gradient.
        augmentation: how samples vary.
        prompt: format of the prompts, which the checkpoint keeps.
        motion_first: share of the training in which t2m learns motion without captions.
        guidance: with a teacher, how it is guided; see `distilling`.
        bfloat16: the frozen backbone and activations in bfloat16; five times faster on CPUs with
            AVX-512 BF16 or AMX. None: where it is fast.
        checkpointing: keep the input of each layer alone and compute the rest again on the way
            back: less memory, a third more time.
        four_bit: the frozen layers in 4 bits (QLoRA); needs bitsandbytes.
        shard: the frozen layers spread over the processes (FSDP), each gathered when it is used.
        validate_every: steps between two looks at the validation split.
        seed: of adapters, rows and samples.
    """

    steps: int = 3000
    minutes: float | None = None
    batch: int = 16
    rank: int | None = None
    scale: float = 2.0
    dropout: float = 0.1
    lr: float = 4e-4
    rows_lr: float = 2e-3
    warmup: int = 50
    weight_decay: float = 0.01
    clip: float = 1.0
    augmentation: Augmentation = field(default_factory=Augmentation)
    prompt: str = "compact"
    bfloat16: bool | None = None
    motion_first: float = 0.3
    guidance: float = 4.0
    checkpointing: bool = False
    four_bit: bool = False
    shard: bool = False
    validate_every: int = 250
    seed: int = 0

    def __post_init__(self) -> None:
        Sampling(guidance=self.guidance)  # which says what is wrong with it
        if self.four_bit and self.shard:
            raise ConfigurationError("4-bit layers cannot be spread over processes; choose one")

    def rate(self, step: int, progress: float) -> float:
        """Return the factor of the peak learning rate at a step, with `progress` from 0 to 1."""
        cosine = 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
        return min(1.0, (step + 1) / max(self.warmup, 1)) * cosine


def train_motionllm(
    direction: Direction,
    dataset: PreparedDataset,
    tokenizer: MotionTokenizer,
    out: Path | str,
    *,
    backbone: str = DEFAULT_BACKBONE,
    training: MotionLLMTraining | None = None,
    wordings: Iterable[str] = (),
    start: Path | str | None = None,
    teacher: Path | str | None = None,
) -> MotionLLM:
    """Train one direction, or continue; write its adapter and rows to `out`.

    Args:
        direction: t2m or m2t.
        dataset: a prepared one.
        tokenizer: for the motion tokens; frozen.
        out: folder for state and result.
        backbone: Hugging Face name of a causal LM, or its folder.
        training: settings.
        wordings: captions without motion, from which m2t learns phrasing; by default the data
            set's.
        start: folder of a finished training of the same direction, rank and tokenizer, or of a
            checkpoint, whose weights are the first ones.
        teacher: such a folder, of which t2m learns what it makes with `training.guidance`.

    Raises:
        UnavailableError: the backbone is unavailable or `out` cannot be written to.
        IntegrityError: the saved state in `out` is damaged.
        ConfigurationError: the state is of another training, `start` does not fit, or the
            training diverged.
        KeyboardInterrupt: stopped by the user, after saving the state.
    """
    training = training or MotionLLMTraining()
    out = Path(out)
    processes = Processes.join()
    bfloat16 = fast_bfloat16() if training.bfloat16 is None else training.bfloat16
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.bfloat16 if bfloat16 else torch.float32
    with processes.first():  # which may fetch it
        lm, text_tokenizer = load_backbone(backbone, dtype=dtype, four_bit=training.four_bit)
    if device == "cuda":
        lm.set_attn_implementation("sdpa")
    if not (training.four_bit or training.shard):  # which see to it themselves
        lm = lm.to(device)
    trainer = Trainer(direction, lm, text_tokenizer, tokenizer, training, processes)
    if start is not None:
        load_direction(trainer.model, direction, start)
    if teacher is not None:
        trainer.learn_from(teacher, load_backbone(backbone, dtype=dtype)[0].to(device))
    with processes.first():
        train = tokenise(
            dataset,
            tokenizer,
            "train",
            out / "tokens-train.npz",
            power=training.augmentation.power,
            wordings=wordings,
        )
    trainer.fit(train, tokenise(dataset, tokenizer, "validation").clips, out)
    if processes.leads:
        facts = {"backbone": backbone, "training": asdict(training)}
        save_direction(trainer.model, direction, out, facts)
    processes.leave()
    return trainer.model


class Trainer:
    """One direction's model, optimiser and random state."""

    def __init__(
        self,
        direction: Direction,
        backbone: Any,
        text_tokenizer: Any,
        tokenizer: MotionTokenizer,
        training: MotionLLMTraining,
        processes: Processes | None = None,
    ) -> None:
        self.direction, self.training = direction, training
        self.processes = processes or Processes()
        if training.batch < self.processes.count:
            raise ConfigurationError(
                f"a batch of {training.batch} samples cannot be shared by "
                f"{self.processes.count} processes; give a larger one"
            )
        torch.manual_seed(training.seed)
        replace_norms(backbone.base_model)
        codebook = tokenizer.quantizer.codebook.detach()
        self.model = model = MotionLLM(backbone, codes=len(codebook))
        if training.checkpointing:
            checkpoint_layers(backbone)
        rank = training.rank or (32 if direction == "t2m" else 16)
        model.add_direction(direction, rank=rank, scale=training.scale)
        model.initialise_rows(codebook, direction, training.seed)
        if training.shard:
            spread_layers(model, self.processes)
        for _, layer in lora.layers(model):
            layer.dropout.p = training.dropout
        self.maker = SampleMaker(
            model,
            prompt_format(training.prompt, text_tokenizer),
            direction,
            nearest_codes(codebook.cpu()),
            training.augmentation,
        )
        rows = list(model.rows.values())
        adapter = [p for p in model.parameters() if p.requires_grad and not _is_in(p, rows)]
        for row in rows:
            row.requires_grad_(training.rows_lr > 0)
        self.trained = adapter + rows
        self.teacher: GuidedTeacher | None = None
        self.optimiser = torch.optim.AdamW(
            [
                {"params": adapter, "peak": training.lr, "weight_decay": training.weight_decay},
                {"params": rows, "peak": training.rows_lr, "weight_decay": 0.0},
            ],
            lr=training.lr,
            betas=(0.9, 0.98),
            fused=True,
        )

    def learn_from(self, folder: Path | str, backbone: Any) -> None:
        """Learn what a finished t2m makes with guidance, in place of the recordings.

        Args:
            folder: of its training, or of a checkpoint.
            backbone: of its own, as the student's.

        Raises:
            UnavailableError, IntegrityError: it is missing or damaged.
            ConfigurationError: it is of another backbone or codebook, or the student is m2t.
        """
        if self.direction != "t2m":
            raise ConfigurationError("a teacher guides t2m; m2t has nothing to learn from one")
        facts = read_direction(folder, "t2m").facts
        teacher = MotionLLM(backbone, codes=self.model.codes)
        teacher.add_direction("t2m", rank=facts["rank"], scale=facts["scale"])
        load_direction(teacher, "t2m", folder)
        self.teacher = GuidedTeacher(teacher, self.maker.prompt, self.training.guidance)

    def fit(self, train: TrainingData, validation: Sequence[TokenisedClip], out: Path) -> None:
        """Run the remaining steps."""
        settings = self.training
        device = self.trained[0].device
        run = TrainingRun(
            out,
            steps=settings.steps,
            title=f"MotionLLM {self.direction}",
            save=self._state,
            processes=self.processes,
        )
        first = run.resume(self._load)
        if self.processes.count > 1:
            if settings.minutes is not None:
                raise ConfigurationError("several processes have no common clock; give steps")
            torch.manual_seed(settings.seed + 1_000_003 * self.processes.rank + first)  # dropout
        limit = None if settings.minutes is None else settings.minutes * 60
        batches = self._batches(train, settings.steps)
        checks = sorted((self.maker.plain(clip) for clip in validation), key=lambda s: len(s.ids))
        if limit is not None:
            left = max(0.0, limit - run.seconds)
            run.steps = first + max(1, round(left / self._seconds_per_step(batches)))
            batches = self._batches(train, run.steps)  # an estimate: the clock ends it
        begin, seen, losses = time.monotonic(), 0, []
        for step in run:
            if limit is not None:
                if run.seconds >= limit:
                    break
                run.steps = max(run.steps, step + 2)
            progress = (run.seconds / limit) if limit else step / settings.steps
            ids, targets = batches[step]
            loss = self._step(ids.to(device), targets.to(device), step, progress)
            losses.append(loss)
            seen += len(ids)
            due = checks and step % settings.validate_every == settings.validate_every - 1
            if due or step % 10 == 9:
                speed = seen / (time.monotonic() - begin)
                rate = self.optimiser.param_groups[0]["lr"]
                values = {
                    "loss": float(torch.stack(losses).mean()),
                    "lr": rate,
                    "samples_per_s": speed,
                }
                losses.clear()
                if due:
                    values |= self.validate(checks)
                run.log(**values)
        last = self.validate(checks) if checks else {}
        if last:
            run.log(**last)
        run.save_now()
        told = "".join(f", validation loss {value:.3f}" for value in last.values())
        if self.processes.leads:
            print(f"{self.direction}: {run.step} steps in {run.seconds / 60:.1f} min{told}")

    def _batches(self, data: TrainingData, steps: int) -> TrainingBatches:
        settings = self.training
        first = round(settings.motion_first * steps) if self.direction == "t2m" else 0
        return TrainingBatches(
            data, self.maker, batch=settings.batch, seed=settings.seed, motion_first=first
        )

    def _seconds_per_step(self, batches: TrainingBatches) -> float:
        """Measure the seconds per step without changing anything."""
        self.model.use(self.direction)
        device, taken = self.trained[0].device, []
        for step in range(4):
            begin = time.monotonic()
            ids, targets = batches[step]
            loss = self._loss(ids.to(device), targets.to(device))
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.zero_grad()
            float(loss.detach())  # waits for a GPU
            taken.append(time.monotonic() - begin)
        return float(np.mean(taken[1:]))  # the first one pays for warming up

    def _step(self, ids: Tensor, targets: Tensor, step: int, progress: float) -> Tensor:
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * self.training.rate(step, progress)
        self.model.use(self.direction)
        own = self.processes.share(targets)
        part = (own != IGNORE).sum() / (targets != IGNORE).sum()
        loss = self._loss(self.processes.share(ids), own) * part
        loss.backward()  # type: ignore[no-untyped-call]
        self.processes.add([*(p.grad for p in self.trained if p.grad is not None), loss.data])
        torch.nn.utils.clip_grad_norm_(self.trained, self.training.clip)
        self.optimiser.step()
        self.optimiser.zero_grad()
        return loss.detach()

    def _loss(self, ids: Tensor, targets: Tensor) -> Tensor:
        taught = None if self.teacher is None else self.teacher.probabilities(ids, targets)
        return self.model.loss(ids, targets, self.direction, taught)

    @torch.no_grad()
    def validate(self, checks: Sequence[Any]) -> dict[str, float]:
        """Mean loss in nats a token over the given samples."""
        self.model.use(self.direction)
        device = self.trained[0].device
        for _, layer in lora.layers(self.model):
            layer.eval()  # no dropout
        total, count = 0.0, 0
        for i in range(0, len(checks), 64):
            ids, targets = collate(checks[i : i + 64])
            tokens = int((targets >= 0).sum())
            loss = self._loss(ids.to(device), targets.to(device))
            total += float(loss) * tokens
            count += tokens
        for _, layer in lora.layers(self.model):
            layer.train()
        return {"val_loss": total / count}

    def _state(self) -> dict[str, Any]:
        return {
            "trained": [tensor.detach() for tensor in self.trained],
            "optimiser": self.optimiser.state_dict(),
            "training": json.dumps(asdict(self.training)),
        }

    def _load(self, state: dict[str, Any]) -> None:
        kept = {**asdict(MotionLLMTraining()), **parse_json(state["training"])}
        now = asdict(self.training)
        changed = [k for k in _FIXED if kept[k] != now[k]]
        if changed:
            raise ConfigurationError(
                f"the training in this folder was started with {changed[0]}={kept[changed[0]]!r}, "
                f"not {now[changed[0]]!r}; give the same or choose another folder"
            )
        with torch.no_grad():
            for own, tensor in zip(self.trained, state["trained"], strict=True):
                own.copy_(tensor)
        self.optimiser.load_state_dict(state["optimiser"])


def fast_bfloat16() -> bool:
    """Return whether matrix products in bfloat16 are much faster than in float32 on this
    machine.
    """
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    from torch import cpu

    return bool(cpu._is_avx512_bf16_supported() or cpu._is_amx_tile_supported())


def _is_in(parameter: Tensor, tensors: Sequence[Tensor]) -> bool:
    return any(parameter is tensor for tensor in tensors)
