"""`CheckpointEngine`: what an engine does with a checkpoint alone, wherever its language model is.

Tokens to features and back, coverage, and the checks of what is asked for. `MotionLLMEngine` runs
the language model in this process, `ServedEngine` asks a server.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby, pairwise

from ..engine import (
    MAX_DESCRIPTION,
    CancelToken,
    Coverage,
    GenerationRequest,
    Progress,
    Take,
)
from ..errors import GenerationError, InputError
from ..motion import FloatArray
from ..stages import stage
from .checkpoint import Checkpoint
from .prompt import SECONDS_PER_TOKEN, PromptWording, check_description
from .sampling import Sampling

FILL_CONTEXT = 16  # motion tokens on each side of a gap; training saw 1 to 16
CAPTION_WINDOW = 50  # motion tokens; training saw up to 60


class CheckpointEngine:
    """The part of a `MotionEngine` that needs no language model.

    Args:
        checkpoint: as `load_checkpoint` gives it.

    Attributes:
        checkpoint: what it was made from.
        tokenizer: the motion tokenizer.
        sampling: how motion tokens are drawn; may be replaced.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self.tokenizer = checkpoint.tokenizer()
        self.sampling: Sampling = checkpoint.config.sampling
        self._known = checkpoint.known()

    @property
    def name(self) -> str:
        return f"motionllm {self.checkpoint.config.name} {self.checkpoint.version}"

    @property
    def codebook(self) -> str:
        """Eight hexadecimal digits that change with the motion tokenizer."""
        return self.checkpoint.config.digests["tokenizer.safetensors"][:8]

    def encode(self, features: FloatArray) -> tuple[int, ...]:
        return tuple(self.tokenizer.encode(features))

    def decode(
        self,
        tokens: Sequence[int],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> FloatArray:
        with stage("tokens to features"):
            return self.tokenizer.decode(tokens)

    def coverage(self, description: str) -> Coverage:
        return self._known.coverage(description)

    def _checked(self, requests: Sequence[GenerationRequest]) -> list[tuple[str, int, int]]:
        """Description on one line, least and most motion tokens of each request."""
        lengths = [self._length(request.seconds) for request in requests]
        lines = [check_description(r.description, MAX_DESCRIPTION) for r in requests]
        return [(line, *length) for line, length in zip(lines, lengths, strict=True)]

    def _length(self, seconds: float | None) -> tuple[int, int]:
        """Least and most motion tokens."""
        sampling = self.sampling
        if seconds is None:
            return sampling.min_tokens, sampling.max_tokens
        limit = sampling.longest * SECONDS_PER_TOKEN
        if not isinstance(seconds, (int, float)) or not math.isfinite(seconds) or seconds <= 0:
            raise InputError(f"seconds is {seconds!r}; give more than 0, at most {limit:g}")
        count = max(1, round(seconds / SECONDS_PER_TOKEN))
        if count > sampling.longest:
            raise InputError(
                f"{seconds:g} seconds are more than one description can fill ({limit:g}); "
                "split the motion into several steps"
            )
        return count, count

    def _caption_windows(self, take: Take) -> list[list[int]]:
        """The tokens of a take, cut into as few equal windows as `CAPTION_WINDOW` allows."""
        tokens: Sequence[int] = take.tokens
        if not tokens and take.features is not None:
            tokens = self.encode(take.features)
        checked = self._check_tokens(tokens)
        count = -(-len(checked) // CAPTION_WINDOW)
        cuts = [len(checked) * i // count for i in range(count + 1)]
        return [checked[a:b] for a, b in pairwise(cuts)]

    def _gap(
        self, before: Sequence[int], after: Sequence[int], length: int
    ) -> tuple[list[int], list[int]]:
        """The nearest `FILL_CONTEXT` tokens of each side of a gap of `length` tokens."""
        if not before and not after:
            raise InputError("a gap needs motion on one side at least; both are empty")
        if not 1 <= length <= self.sampling.longest:
            raise InputError(f"a gap has 1 to {self.sampling.longest} tokens, not {length}")
        near, far = (
            self._check_tokens(side) if side else []
            for side in (before[-FILL_CONTEXT:], after[:FILL_CONTEXT])
        )
        return near, far

    def _check_tokens(self, tokens: Sequence[int]) -> list[int]:
        checked = [int(token) for token in tokens]
        codes = self.checkpoint.config.codes
        if not checked:
            raise InputError("there are no motion tokens to caption")
        for token in checked:
            if not 0 <= token < codes:
                raise InputError(
                    f"motion token {token} is not in the codebook; tokens go from 0 to {codes - 1}"
                )
        return checked


def stated_seconds(request: GenerationRequest, prompt: PromptWording) -> float | None:
    """Return the duration that the prompt tells, as training rounded it: a whole number of
    tokens.
    """
    if request.seconds is None or not prompt.states_duration:
        return None
    return max(1, round(request.seconds / SECONDS_PER_TOKEN)) * SECONDS_PER_TOKEN


def one_caption(text: str) -> str:
    """Return what m2t wrote as one line.

    Raises:
        GenerationError: it has no words.
    """
    line = " ".join(text.split())
    if not line:
        raise GenerationError("the model wrote no caption; the motion may be too short")
    return line


def join_captions(sentences: Sequence[str]) -> str:
    """Return the captions of windows as one; the same caption twice in a row is said once."""
    return ", then ".join(sentence for sentence, _ in groupby(sentences))
