"""What an engine makes for an evaluation: motions and captions, in batches, with progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..engine import GenerationRequest, MotionEngine
from ..motion import FloatArray

Stages = Callable[[str, int, int], None]
"""Called with (what is being done, done, total)."""


class Outputs:
    """An engine that is given `batch` pieces of work at a time and tells `progress` about it."""

    def __init__(self, engine: MotionEngine, *, batch: int, progress: Stages | None = None) -> None:
        self.engine = engine
        self._batch = batch
        self._tell = progress or (lambda stage, done, total: None)

    def motions(
        self, requests: Sequence[GenerationRequest], *, of: str = "motions"
    ) -> list[FloatArray]:
        """Decoded features (T, 263) for each request; `of` says in the progress what they are."""
        tokens: list[tuple[int, ...]] = []
        for begin in range(0, len(requests), self._batch):
            tokens += self.engine.generate(requests[begin : begin + self._batch])
            self._tell(f"generating {of}", len(tokens), len(requests))
        return self.decode(tokens, of=f"generated {of}")

    def encode(self, motions: Sequence[FloatArray]) -> list[tuple[int, ...]]:
        """Tokens of each motion."""
        tokens: list[tuple[int, ...]] = []
        for motion in motions:
            tokens.append(self.engine.encode(motion))
            self._tell("encoding real motions", len(tokens), len(motions))
        return tokens

    def decode(
        self, tokens: Sequence[Sequence[int]], *, of: str = "real motions"
    ) -> list[FloatArray]:
        """Features of each token sequence."""
        motions: list[FloatArray] = []
        for sequence in tokens:
            motions.append(self.engine.decode(sequence))
            self._tell(f"decoding {of}", len(motions), len(tokens))
        return motions

    def captions(self, tokens: Sequence[Sequence[int]]) -> list[str]:
        """A caption for each token sequence; batches of similar length hold little padding."""
        said = [""] * len(tokens)
        order = sorted(range(len(tokens)), key=lambda row: len(tokens[row]))
        for begin in range(0, len(order), self._batch):
            rows = order[begin : begin + self._batch]
            made = self.engine.caption([tokens[row] for row in rows])
            for row, caption in zip(rows, made, strict=True):
                said[row] = caption
            self._tell("captioning motions", begin + len(rows), len(order))
        return said
