"""An engine's outputs for an evaluation: motions and captions, in batches, with progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..engine import (
    GenerationRequest,
    MotionEngine,
    Take,
    TokenEngine,
    caption_takes,
    take_features,
)
from ..errors import GenerationError
from ..motion import FloatArray

Stages = Callable[[str, int, int], None]
"""Called with (what is being done, done, total)."""


class Outputs:
    """Sends requests to an engine in batches and reports to `progress`."""

    def __init__(self, engine: MotionEngine, *, batch: int, progress: Stages | None = None) -> None:
        self.engine = engine
        self._batch = batch
        self._tell = progress or (lambda stage, done, total: None)

    def motions(
        self, requests: Sequence[GenerationRequest], *, of: str = "motions"
    ) -> list[FloatArray | None]:
        """Return features (T, 263) for each request; None where generation failed.

        `of` names them in the progress.
        """
        motions: list[FloatArray | None] = []
        for begin in range(0, len(requests), self._batch):
            for take in self._generate(requests[begin : begin + self._batch]):
                motions.append(None if take is None else take_features(self.engine, take))
            self._tell(f"generating {of}", len(motions), len(requests))
        return motions

    def _generate(self, requests: Sequence[GenerationRequest]) -> list[Take | None]:
        """Return the results of a batch; one by one if it fails as a whole."""
        try:
            return [*self.engine.generate(requests)]
        except GenerationError:
            if len(requests) == 1:
                return [None]
            return [take for request in requests for take in self._generate([request])]

    def encode(self, motions: Sequence[FloatArray]) -> list[Take]:
        """Return each motion with its tokens, if the engine has any."""
        takes: list[Take] = []
        for motion in motions:
            tokens = self.engine.encode(motion) if isinstance(self.engine, TokenEngine) else ()
            takes.append(Take(tokens, motion))
            self._tell("encoding real motions", len(takes), len(motions))
        return takes

    def decode(self, takes: Sequence[Take], *, of: str = "real motions") -> list[FloatArray]:
        """Return the features of each take, decoded if it has only tokens."""
        motions: list[FloatArray] = []
        for take in takes:
            motions.append(take_features(self.engine, take))
            self._tell(f"decoding {of}", len(motions), len(takes))
        return motions

    def captions(self, takes: Sequence[Take]) -> list[str]:
        """Return a caption for each take, in batches of similar length to save padding.

        Raises:
            ConfigurationError: the engine does not caption.
        """
        captions = [""] * len(takes)
        order = sorted(range(len(takes)), key=lambda row: takes[row].frames)
        for begin in range(0, len(order), self._batch):
            rows = order[begin : begin + self._batch]
            batch = caption_takes(self.engine, [takes[row] for row in rows])
            for row, caption in zip(rows, batch, strict=True):
                captions[row] = caption
            self._tell("captioning motions", begin + len(rows), len(order))
        return captions
