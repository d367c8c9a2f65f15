"""`MotionLLMEngine`: a checkpoint and its backbone behind the `MotionEngine` protocol.

Notable:
- the checkpoint is read at once, the backbone when the first description or motion comes: one
  who only decodes or asks for coverage does not wait for it;
- one lock around the language model, so the engine serves many threads one after another; the
  adapter of the last call stays merged, since switching it costs a pass over all weights.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from ..engine import CancelToken, GenerationRequest, Progress, Take, checked_progress
from ..motion import FloatArray
from ..stages import stage
from .backbone import load_backbone
from .checkpoint import Checkpoint, load_checkpoint
from .checkpoint_engine import (
    CheckpointEngine,
    join_captions,
    stated_seconds,
)
from .choosing import reading_scores, take_seeds
from .continuations import Continuations
from .decoding import AnyModel, MotionPrompt, decode_motions
from .drawing import draw_motions, write_captions
from .inference import InferenceModel, load_inference
from .loading import check_device, decoding_device, decoding_dtype, restore_model
from .model import Direction, MotionLLM
from .nearest import NearestClips
from .prompt import PromptFormat, prompt_format
from .samples import gap_prompt

_MAX_STATES = 2048  # of texts that are kept


class MotionLLMEngine(CheckpointEngine):
    """Text to motion tokens and back; see `MotionEngine`.

    Args:
        checkpoint: as `load_checkpoint` gives it.
        backbone: folder or name, in place of the one that the checkpoint names.
        dtype: of the weights, `torch.int8` for quantised ones; None for `decoding_dtype`.
        device: of the language model, such as "cuda"; None for `decoding_device`.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        backbone: str | None = None,
        dtype: torch.dtype | None = None,
        device: str | None = None,
    ) -> None:
        super().__init__(checkpoint)
        self._backbone = backbone or checkpoint.config.backbone
        self._dtype = dtype
        self._states: dict[str, FloatArray] = {}  # of texts whose meaning was asked for
        self._lock = threading.RLock()
        self._device = device or decoding_device()
        self._loaded: tuple[AnyModel, PromptFormat] | None = None
        self._direction: Direction | None = None

    @property
    def device(self) -> str:
        """Where the language model computes, once it is loaded."""
        return self._device if self._loaded is None else str(self._loaded[0].device)

    def generate(
        self,
        requests: Sequence[GenerationRequest],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[Take]:
        """Return a take for each request, decoded as one batch; none is empty.

        Several takes of a request are drawn, `sampling.takes` unless it says how many; the one
        that shows it best is returned.

        Args:
            requests: what to make; more than 64 takes are decoded in several batches.
            progress: is told the motion tokens made and the most there can be.
            cancel: is checked with each token.

        Raises:
            InputError: an empty or too long description, or a duration that cannot be made.
            GenerationError: no usable motion came out.
            UnavailableError, ConfigurationError: the backbone cannot be had or does not fit.
            Cancelled: `cancel` was set meanwhile.
        """
        step = checked_progress(progress, cancel)
        checked = self._checked(requests)
        if not requests:
            return []
        with self._lock:
            model, prompt = self._use("t2m")
            blank = (*prompt.description(""), model.motion_start)
            near = self._nearest
            continuations = {
                line: None if near is None else near.motions(line) for line, _, _ in checked
            }
            rows = [
                MotionPrompt(
                    [
                        *prompt.description(line, stated_seconds(request, prompt)),
                        model.motion_start,
                    ],
                    seed,
                    least,
                    most,
                    request.greedy,
                    blank,
                    request.cancel,
                    continuations[line],
                )
                for request, (line, least, most) in zip(requests, checked, strict=True)
                for seed in take_seeds(int(request.seed), self._takes(request))
            ]
            with stage("drawing motion tokens"):
                takes = iter(draw_motions(model, prompt, rows, self.sampling, step))
            best = self._best(
                [
                    (line, _worth_choosing(request, [next(takes) for _ in seeds]))
                    for request, (line, _, _), seeds in zip(
                        requests, checked, (range(self._takes(r)) for r in requests), strict=True
                    )
                ]
            )
            return [Take(tokens) for tokens in best]

    def caption(
        self,
        takes: Sequence[Take],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[str]:
        """Return a sentence for each motion; features without tokens are encoded first.

        What is longer than `CAPTION_WINDOW` is cut into as few equal windows as it takes, and
        their captions are joined; the same caption twice in a row is said once.

        Raises:
            InputError: no tokens, or one that is not in the codebook.
            GenerationError: the model wrote nothing.
            UnavailableError, ConfigurationError: the backbone cannot be had or does not fit.
            Cancelled: `cancel` was set meanwhile.
        """
        windows = [self._caption_windows(take) for take in takes]
        flat = [window for group in windows for window in group]
        if not flat:
            return []
        with self._lock:
            model, prompt = self._use("m2t")
            before, after = prompt.around_motion()
            start, end = model.motion_start, model.motion_end
            prompts = [[*before, start, *model.token_ids(w), end, *after] for w in flat]
            said = self._said(model, prompt, flat, cancel)
            sentences = write_captions(
                model, prompt, prompts, said, self.sampling, progress=progress, cancel=cancel
            )
        rest = iter(sentences)
        return [join_captions([next(rest) for _ in group]) for group in windows]

    def meanings(self, texts: Sequence[str]) -> FloatArray:
        """Return the state (N, D) in which each text leaves the language model.

        Raises:
            UnavailableError, ConfigurationError: the backbone cannot be had or does not fit.
        """
        if new := [text for text in dict.fromkeys(texts) if text not in self._states]:
            with self._lock, torch.no_grad():
                model, prompt = self._use("t2m")
                encode = prompt.text_tokenizer
                ids = [list(encode(text, add_special_tokens=False).input_ids) for text in new]
                states = model.reading("t2m", ids, [1] * len(ids)).last.float().cpu().numpy()
                kept = self._states if len(self._states) < _MAX_STATES else {}
                self._states = {**kept, **dict(zip(new, states, strict=True))}
        known = self._states
        return np.stack([known[text] for text in texts])

    def warm_up(self) -> None:
        """Load the backbone, merged for descriptions, now rather than at the first call."""
        with self._lock:
            self._use("t2m")

    def _said(
        self,
        model: AnyModel,
        prompt: PromptFormat,
        windows: Sequence[Sequence[int]],
        cancel: CancelToken | None,
    ) -> list[Continuations | None]:
        """Return how captions of similar motions continue, for each window; empty for none."""
        if (near := self._nearest) is None:
            return []
        found: list[Continuations | None] = []
        for window in windows:
            if cancel is not None:
                cancel.check()
            movement = self.tokenizer.movement(window)
            found.append(near.captions(movement, prompt.answer, model.vocabulary))
        return found

    @property
    def _nearest(self) -> NearestClips | None:
        """The training clips to look up; None if sampling uses none."""
        if not self.sampling.neighbours or self.sampling.beams > 1:
            return None
        return self._training_clips

    @cached_property
    def _training_clips(self) -> NearestClips:
        return self.checkpoint.nearest_clips(self._known, self.tokenizer.quantizer.codebook)

    def _takes(self, request: GenerationRequest) -> int:
        """Return the number of takes; beam search gives one answer, whatever the seed."""
        if request.greedy or self.sampling.beams > 1:
            return 1
        return request.takes or self.sampling.takes

    def _best(self, drawn: Sequence[tuple[str, list[tuple[int, ...]]]]) -> list[tuple[int, ...]]:
        """Return, for each description, the take that fits it best.

        Training clips that move alike decide, or, where they cannot, how well `m2t` reads it.
        """
        if all(len(takes) == 1 for _, takes in drawn):
            return [takes[0] for _, takes in drawn]
        with stage("choosing takes"):
            chosen = [(line, self._fitting(line, takes)) for line, takes in drawn]
        if all(len(takes) == 1 for _, takes in chosen):
            return [takes[0] for _, takes in chosen]
        model, prompt = self._use("m2t")
        with stage("choosing takes"):
            return self._read_best(model, prompt, chosen)

    def _fitting(self, line: str, takes: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
        """Return only the take that the training clips favour, or all if they cannot decide."""
        if (near := self._nearest) is None or len(takes) == 1:
            return takes
        scores = near.fitting(line, [self.tokenizer.movement(take) for take in takes])
        return takes if scores is None else [takes[scores.index(max(scores))]]

    def _read_best(
        self,
        model: AnyModel,
        prompt: PromptFormat,
        drawn: Sequence[tuple[str, list[tuple[int, ...]]]],
    ) -> list[tuple[int, ...]]:
        pairs = [(take, line) for line, takes in drawn if len(takes) > 1 for take in takes]
        scores = iter(reading_scores(model, prompt, pairs))
        return [
            max(takes, key=lambda _: next(scores)) if len(takes) > 1 else takes[0]
            for _, takes in drawn
        ]

    # ---- parts -----------------------------------------------------------------------------

    def _use(self, direction: Direction) -> tuple[AnyModel, PromptFormat]:
        model, prompt = self._model()
        if self._direction != direction:
            self._direction = None  # until all layers are merged: Ctrl-C may come between
            with stage("weights"):
                model.use(direction)
            self._direction = direction
        return model, prompt

    def _model(self) -> tuple[AnyModel, PromptFormat]:
        # Beam search needs transformers' cache, and float32 as the authors have it.
        searches = self.sampling.beams > 1
        if self._loaded is None or (searches and isinstance(self._loaded[0], InferenceModel)):
            self._direction = None
            with stage("weights"):
                model, text_tokenizer = self._load()
            prompt = prompt_format(self.checkpoint.config.prompt, text_tokenizer)
            self._loaded = (model, prompt)
        return self._loaded

    def _load(self) -> tuple[AnyModel, Any]:
        """Load the model with its text tokenizer, on our own decoder if the backbone fits it."""
        dtype = self._dtype or decoding_dtype(self._device)
        if self.sampling.beams == 1:
            found = load_inference(
                self.checkpoint, self._backbone, dtype=dtype, device=self._device
            )
            if found is not None:
                return found
        if dtype == torch.int8:
            dtype = torch.float32
        backbone, text_tokenizer = load_backbone(self._backbone, dtype=dtype)
        model = restore_model(self.checkpoint, backbone, self._backbone).to(self._device)
        return model.requires_grad_(False), text_tokenizer


class InfillingEngine(MotionLLMEngine):
    """The engine of a checkpoint whose t2m adapter can also fill gaps; see `FillEngine`."""

    def fill(
        self,
        before: Sequence[int],
        after: Sequence[int],
        length: int,
        *,
        seed: int = 0,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> tuple[int, ...]:
        """Return `length` tokens that lead from the tokens `before` to the tokens `after`.

        The nearest `FILL_CONTEXT` tokens of each side are read; one side may be empty.

        Raises:
            InputError: both sides are empty, a token that is not in the codebook, or a length
                that cannot be filled.
            GenerationError: no usable motion came out.
            UnavailableError, ConfigurationError: the backbone cannot be had or does not fit.
            Cancelled: `cancel` was set meanwhile.
        """
        near, far = self._gap(before, after, length)
        with self._lock:
            model, prompt = self._use("t2m")
            trained = cast(MotionLLM, model)  # both number tokens alike
            ids = [*gap_prompt(trained, prompt, near, far, length), model.motion_start]
            row = MotionPrompt(ids, seed, length, length)
            step = checked_progress(progress, cancel)
            with stage("drawing motion tokens"):
                return decode_motions(model, [row], self.sampling, step)[0]


def load_motionllm(
    checkpoint: Path | str | None = None,
    *,
    backbone: str | None = None,
    dtype: torch.dtype | None = None,
    device: str | None = None,
) -> MotionLLMEngine:
    """Load the engine of a checkpoint.

    Args:
        checkpoint: its folder; None for $MOTION_AGENT_CHECKPOINT, else the one that is shipped.
        backbone: folder or name, instead of the checkpoint's own.
        dtype: of the weights, `torch.int8` for quantised ones; None for `decoding_dtype`.
        device: of the language model, such as "cuda"; None for $MOTION_AGENT_DEVICE, else
            `decoding_device`.

    Raises:
        UnavailableError: there is no checkpoint.
        IntegrityError: one of its files is missing or damaged.
        ConfigurationError: its version is unknown, or there is no such device.
    """
    device = device or os.environ.get("MOTION_AGENT_DEVICE")
    if device:
        check_device(device)
    with stage("checkpoint"):
        loaded = load_checkpoint(checkpoint)
        kind = InfillingEngine if loaded.config.fills else MotionLLMEngine
        return kind(loaded, backbone=backbone, dtype=dtype, device=device)


def _worth_choosing(
    request: GenerationRequest, takes: list[tuple[int, ...]]
) -> list[tuple[int, ...]]:
    """Return the takes to choose from; a cancelled request gets one that is never empty."""
    cancelled = request.cancel is not None and request.cancel.cancelled
    return [takes[0] or (0,)] if cancelled else takes
