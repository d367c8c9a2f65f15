"""`MotionGPTEngine`: MotionGPT behind the `MotionEngine` protocol.

"MotionGPT: Human Motion as a Foreign Language", NeurIPS 2023, https://arxiv.org/abs/2306.14795.
Its authors' templates are used: ``Generate motion: …``, ``Generate motion with 80 frames: …`` and
``Generate text: …``; motion is drawn as they draw it, from the 50 most probable tokens.

Notable:
- as with MotionLLM, a motion can hold motion tokens alone, and never ends empty;
- each row draws from its own generator, so a take depends on nothing else of its batch.
"""

from __future__ import annotations

import hashlib
import inspect
import math
import os
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..engine import (
    CancelToken,
    GenerationRequest,
    Progress,
    Take,
    check_description,
    checked_progress,
)
from ..errors import ConfigurationError, GenerationError, InputError, IntegrityError
from ..motion import FRAMES_PER_TOKEN, FloatArray
from ..motionllm.sampling import Sampling, draw, probabilities
from ..motionllm.weights import file_digest
from ..tokenizer.checkpoint import FILE_NAME, load_tokenizer
from .checkpoint import MARKS, T5, read_config

FOLDER_VARIABLE = "MOTION_AGENT_MOTIONGPT"
SECONDS_PER_TOKEN = 0.2
CAPTION_TOKENS = 40
_BATCH = 32
_SEEDS = 4_294_967_291
_LONGEST_PROMPT = 256  # ids, as in the authors' settings


class MotionGPTEngine:
    """Text to motion tokens and back; see `MotionEngine`.

    Args:
        folder: of a converted checkpoint, see `convert_motiongpt`.

    Attributes:
        tokenizer: the motion tokenizer.
        sampling: how motion tokens are drawn; may be replaced.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.config = read_config(self.folder)
        self.tokenizer = load_tokenizer(self.folder)
        if self.tokenizer.config.codes != self.config.codes:
            raise IntegrityError(
                f"the tokenizer in {folder} has {self.tokenizer.config.codes} codes, expected"
                f" {self.config.codes}; convert the checkpoint again"
            )
        self.sampling = Sampling(
            top_k=50, top_p=1.0, min_tokens=1, max_tokens=50, longest=100, takes=1
        )
        self._lock = threading.RLock()
        self._loaded: tuple[Any, Any] | None = None

    @property
    def name(self) -> str:
        return f"motiongpt {self.folder.name}"

    @cached_property
    def codebook(self) -> str:
        """Eight hexadecimal digits that change with the motion tokenizer."""
        return file_digest(self.folder / FILE_NAME)[:8]

    @property
    def fingerprint(self) -> str:
        """What tells these files and this sampling from others, in a few hex digits."""
        stats = [(path.name, path.stat()) for path in sorted(self.folder.iterdir())]
        told = repr([self.sampling, [(name, s.st_size, s.st_mtime_ns) for name, s in stats]])
        return hashlib.sha256(told.encode()).hexdigest()[:12]

    @property
    def device(self) -> str:
        """Where the language model computes, once it is loaded."""
        return "cpu" if self._loaded is None else str(self._loaded[0].device)

    def generate(
        self,
        requests: Sequence[GenerationRequest],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[Take]:
        """Return a take for each request, never an empty one.

        Raises:
            InputError: an empty or too long description, or a duration that cannot be made.
            GenerationError: no usable motion came out.
            Cancelled: `cancel` was set meanwhile.
        """
        step = checked_progress(progress, cancel)
        lengths = [self._length(request.seconds) for request in requests]
        for request in requests:
            check_description(request.description)
        takes: list[Take] = []
        with self._lock:
            for first in range(0, len(requests), _BATCH):
                group = requests[first : first + _BATCH]
                rows = self._draw(group, lengths[first : first + _BATCH], step, len(requests))
                takes += [Take(tokens) for tokens in rows]
                if step is not None:
                    step(len(takes), len(requests))
        return takes

    def caption(
        self,
        takes: Sequence[Take],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[str]:
        """Return the most probable sentence for each motion.

        Raises:
            InputError: a take that holds nothing, or a token that is not in the codebook.
            GenerationError: no words came out.
        """
        step = checked_progress(progress, cancel)
        motions = [self._tokens(take) for take in takes]
        sentences: list[str] = []
        with self._lock:
            model, text_tokenizer = self._model()
            words, end = self.config.words, int(text_tokenizer.eos_token_id)
            instruction = list(
                text_tokenizer("Generate text: ", add_special_tokens=False)["input_ids"]
            )

            def choose(logits: Tensor, answer: list[list[int]]) -> list[int]:
                logits[:, words:] = -torch.inf
                if not answer[0]:
                    logits[:, end] = -torch.inf
                return [int(i) for i in logits.argmax(-1)]

            for motion in motions:
                ids = [*instruction, *self._motion_ids(motion)][: _LONGEST_PROMPT - 1]
                [answer] = _decode(model, [[*ids, end]], choose, [end], [CAPTION_TOKENS], step)
                text = str(text_tokenizer.decode(answer, skip_special_tokens=True))
                sentences.append(" ".join(text.split()))
                if not sentences[-1]:
                    raise GenerationError("the model wrote no caption; the motion may be too short")
                if step is not None:
                    step(len(sentences), len(motions))
        return sentences

    def encode(self, features: FloatArray) -> tuple[int, ...]:
        """Return the motion tokens of features ``(T, 263)``."""
        return tuple(self.tokenizer.encode(features))

    def decode(
        self,
        tokens: Sequence[int],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> FloatArray:
        """Return the features of motion tokens."""
        return self.tokenizer.decode(tokens)

    def warm_up(self) -> None:
        """Load the language model now rather than at the first call."""
        with self._lock:
            self._model()

    # ---- parts -----------------------------------------------------------------------------

    def _draw(
        self,
        requests: Sequence[GenerationRequest],
        lengths: Sequence[tuple[int, int]],
        progress: Progress | None,
        total: int,
    ) -> list[tuple[int, ...]]:
        model, text_tokenizer = self._model()
        begin = self.config.words + self.config.codes
        first, end = self.config.words, begin + 1
        seeds = [torch.Generator().manual_seed(int(r.seed) % _SEEDS) for r in requests]
        prompts = []
        for request in requests:
            stated = "Generate motion: "
            if request.seconds is not None:
                frames = round(request.seconds / SECONDS_PER_TOKEN) * FRAMES_PER_TOKEN
                stated = f"Generate motion with {max(frames, FRAMES_PER_TOKEN)} frames: "
            text = stated + " ".join(request.description.split())
            encoded = text_tokenizer(text, add_special_tokens=False, split_special_tokens=True)
            ids = list(encoded["input_ids"])[: _LONGEST_PROMPT - 1]
            prompts.append([*ids, int(text_tokenizer.eos_token_id)])

        def choose(logits: Tensor, rows: list[list[int]]) -> list[int]:
            chosen = []
            for row, (request, (least, _)) in enumerate(zip(requests, lengths, strict=True)):
                count = len(rows[row]) - 1
                if count < 0:
                    chosen.append(begin)  # the one token that a motion can begin with
                    continue
                scores = torch.cat([logits[row, end : end + 1], logits[row, first:begin]])[None]
                if count < least:
                    scores[:, 0] = -torch.inf
                if request.greedy:
                    at = int(scores.argmax())
                else:
                    uniform = torch.rand((1,), generator=seeds[row])
                    at = int(draw(probabilities(scores, self.sampling), uniform))
                chosen.append(end if at == 0 else first + at - 1)
            return chosen

        limits = [most + 1 for _, most in lengths]
        rows = _decode(model, prompts, choose, [end], limits, progress, total)
        return [tuple(i - first for i in row[1:]) for row in rows]

    def _model(self) -> tuple[Any, Any]:
        if self._loaded is None:
            from transformers import AutoTokenizer, T5ForConditionalGeneration

            folder = self.folder / T5
            try:
                model: Any = T5ForConditionalGeneration.from_pretrained(folder)
                text_tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
            except (OSError, ValueError) as err:
                reason = (str(err).strip().splitlines() or [type(err).__name__])[0]
                raise IntegrityError(
                    f"{folder} is damaged ({reason}); convert the checkpoint again"
                ) from err
            rows = self.config.words + self.config.codes + MARKS
            if len(model.shared.weight) != rows or len(text_tokenizer) != self.config.words:
                raise IntegrityError(f"{folder} is of another size; convert the checkpoint again")
            if torch.cuda.is_available():
                model = model.to("cuda")
            self._loaded = (model.eval().requires_grad_(False), text_tokenizer)
        return self._loaded

    def _motion_ids(self, tokens: Sequence[int]) -> list[int]:
        begin = self.config.words + self.config.codes
        return [begin, *(self.config.words + token for token in tokens), begin + 1]

    def _tokens(self, take: Take) -> list[int]:
        tokens = list(take.tokens)
        if not tokens and take.features is not None:
            tokens = list(self.encode(take.features))
        if not tokens:
            raise InputError("there are no motion tokens to caption")
        for token in tokens:
            if not 0 <= token < self.config.codes:
                raise InputError(
                    f"motion token {token} is not in the codebook; tokens go from 0 to"
                    f" {self.config.codes - 1}"
                )
        return tokens

    def _length(self, seconds: float | None) -> tuple[int, int]:
        """Return the minimum and maximum number of motion tokens."""
        if seconds is None:
            return self.sampling.min_tokens, self.sampling.max_tokens
        limit = self.sampling.longest * SECONDS_PER_TOKEN
        if not isinstance(seconds, int | float) or not math.isfinite(seconds) or seconds <= 0:
            raise InputError(f"seconds is {seconds!r}; give more than 0, at most {limit:g}")
        if seconds > limit:
            raise InputError(
                f"{seconds:g} seconds are more than one description can fill ({limit:g}); "
                "split the motion into several steps"
            )
        count = max(1, round(seconds / SECONDS_PER_TOKEN))
        return count, count


def load_motiongpt(folder: Path | str | None = None) -> MotionGPTEngine:
    """Return the engine of a converted checkpoint.

    Args:
        folder: of it; None for $MOTION_AGENT_MOTIONGPT.

    Raises:
        ConfigurationError: no folder is given.
        UnavailableError: there is no checkpoint in it.
        IntegrityError: it is damaged.
    """
    folder = folder or os.environ.get(FOLDER_VARIABLE)
    if not folder:
        raise ConfigurationError(
            "the engine motiongpt needs a folder: motiongpt:FOLDER, or "
            f"{FOLDER_VARIABLE}=FOLDER; `motion-agent checkpoint convert --from motiongpt` makes it"
        )
    return MotionGPTEngine(folder)


@torch.inference_mode()
def _decode(
    model: Any,
    prompts: Sequence[list[int]],
    choose: Any,
    ends: Sequence[int],
    limits: Sequence[int],
    progress: Progress | None,
    total: int = 1,
) -> list[list[int]]:
    """Return ids of each row without the end; rows that have ended go on unseen until all have."""
    from transformers import DynamicCache, EncoderDecoderCache

    longest = max(len(prompt) for prompt in prompts)
    ids = torch.zeros(len(prompts), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):  # T5 pads on the right
        ids[row, : len(prompt)] = torch.tensor(prompt)
        mask[row, : len(prompt)] = 1
    device = model.device
    ids, mask = ids.to(device), mask.to(device)
    encoded = model.get_encoder()(input_ids=ids, attention_mask=mask)
    rows: list[list[int]] = [[] for _ in prompts]
    open_rows = set(range(len(prompts)))
    start = int(model.config.decoder_start_token_id)
    last = torch.full((len(prompts), 1), start, device=device)
    renamed = "cache" in inspect.signature(model.forward).parameters  # since transformers 5.24
    cache: Any = EncoderDecoderCache(
        DynamicCache(config=model.config), DynamicCache(config=model.config)
    )
    kept = {"cache" if renamed else "past_key_values": cache, "use_cache": True}
    while open_rows:
        output = model(encoder_outputs=encoded, attention_mask=mask, decoder_input_ids=last, **kept)
        logits = output.logits[:, -1].float().cpu()
        if not torch.isfinite(logits).all():
            raise GenerationError(
                "the model's numbers are not finite; convert the checkpoint again"
            )
        chosen = choose(logits, rows)
        for row in sorted(open_rows):
            if chosen[row] in ends:
                open_rows.discard(row)
                continue
            rows[row].append(chosen[row])
            if len(rows[row]) >= limits[row]:
                open_rows.discard(row)
        last = torch.tensor(chosen, device=device)[:, None]
        if progress is not None:
            progress(0, total)  # so that cancelling is noticed with each token
    return rows
