"""The engine protocol: all that code above `motion_core` sees of a motion model.

An engine turns descriptions into takes. A take carries motion tokens, features, or both, so a
model of continuous motion needs no tokenizer. Only `name` and `generate` are required; the other
parts are detected with `isinstance`:

    TokenEngine      encode, decode     tokens ↔ features
    CaptionEngine    caption            a motion in words
    CoverageEngine   coverage           which words training knew
    FillEngine       fill               tokens between two stretches of tokens

An engine may also have ``warm_up()``, which loads its weights now rather than at the first call;
``device``, the name of the device that it computes on; and ``codebook``, a short name of its motion
tokens: those of another codebook are never decoded; their motion is kept as features. Engines serve
several threads, and the result for a request never depends on the other requests of its batch.

`engines.load_engine` finds engines by name.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from .errors import Cancelled, ConfigurationError, GenerationError, InputError
from .limits import MAX_DESCRIPTION as MAX_DESCRIPTION
from .motion import FRAMES_PER_TOKEN, FloatArray

Progress = Callable[[int, int], None]
"""Called with (done, total) units of work."""


class CancelToken:
    """Tells running work to stop. Thread-safe.

    Args:
        seconds: after which it sets itself; None for never.
        parent: another token that also sets this one.
    """

    def __init__(self, *, seconds: float | None = None, parent: CancelToken | None = None) -> None:
        self._event = threading.Event()
        self._seconds = seconds
        self._end = None if seconds is None else time.monotonic() + seconds
        self._parent = parent

    @property
    def cancelled(self) -> bool:
        """Whether the work should stop."""
        return (
            self._event.is_set()
            or (self._end is not None and time.monotonic() >= self._end)
            or (self._parent is not None and self._parent.cancelled)
        )

    @property
    def reason(self) -> str:
        """Why the work was stopped, for the caller."""
        if self._parent is not None and self._parent.cancelled:
            return self._parent.reason
        if self._end is not None and not self._event.is_set():
            return f"stopped: a call may take {self._seconds:g} s; ask for less at once"
        return "cancelled"

    def cancel(self) -> None:
        """Ask the work to stop at its next `check`."""
        self._event.set()

    def check(self) -> None:
        """Return if the work may continue.

        Raises:
            Cancelled: it should stop.
        """
        if self.cancelled:
            raise Cancelled(self.reason)


def checked_progress(progress: Progress | None, cancel: CancelToken | None) -> Progress | None:
    """Return a `progress` that also raises `Cancelled` once `cancel` is set."""
    if cancel is None:
        return progress

    def step(done: int, total: int) -> None:
        cancel.check()
        if progress is not None:
            progress(done, total)

    return step


@dataclass(frozen=True)
class GenerationRequest:
    """One description to turn into motion.

    Attributes:
        description: 1 to `MAX_DESCRIPTION` characters, for example "a person walks forward".
        seed: sampling is a function of description, seed and checkpoint.
        seconds: requested duration; None lets the model decide.
        takes: number of takes to choose the best from; None for the engine's own.
        greedy: take the most probable token each time instead of sampling.
        cancel: set when nobody waits for this request any more; an engine may then skip it and
            return anything.
    """

    description: str
    seed: int = 0
    seconds: float | None = None
    takes: int | None = None
    greedy: bool = False
    cancel: CancelToken | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, eq=False)
class Take:
    """One answer to a description: motion tokens, features, or both.

    Attributes:
        tokens: one per 4 frames; empty if the engine has none.
        features: ``(T, 263)`` float32; None if the tokens are to be decoded.
    """

    tokens: tuple[int, ...] = ()
    features: FloatArray | None = None

    @property
    def frames(self) -> int:
        """Number of frames at 20 fps; 0 for an empty take."""
        if self.features is not None:
            return len(self.features)
        return len(self.tokens) * FRAMES_PER_TOKEN

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Take) or self.tokens != other.tokens:
            return False
        if self.features is None or other.features is None:
            return self.features is other.features
        return np.array_equal(self.features, other.features)

    def __hash__(self) -> int:
        return hash((self.tokens, self.frames))


@dataclass(frozen=True)
class Coverage:
    """How much of a description the engine was trained on.

    Attributes:
        score: how well the training captions cover the description, 0 to 1.
        unknown: words that they do not cover, whole and in their own script.
    """

    score: float
    unknown: tuple[str, ...] = ()


@runtime_checkable
class MotionEngine(Protocol):
    """The required part of every engine."""

    @property
    def name(self) -> str:
        """Name with version or checkpoint, for provenance."""
        ...

    def generate(
        self,
        requests: Sequence[GenerationRequest],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[Take]:
        """Return a take for each request, generated as one batch; none is empty.

        Raises:
            InputError: a description is empty or too long, or a duration is impossible.
            GenerationError: there was no usable motion.
            Cancelled: `cancel` was set.
        """
        ...


@runtime_checkable
class TokenEngine(MotionEngine, Protocol):
    """An engine with a motion tokenizer."""

    def encode(self, features: FloatArray) -> tuple[int, ...]:
        """Return the motion tokens of features ``(T, 263)``: ``T // 4``, at least one."""
        ...

    def decode(
        self,
        tokens: Sequence[int],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> FloatArray:
        """Return the features ``(4 * len(tokens), 263)`` of motion tokens.

        Raises:
            InputError: there are no tokens, or one is not in the codebook.
        """
        ...


@runtime_checkable
class CaptionEngine(Protocol):
    """An engine that captions motions."""

    def caption(
        self,
        takes: Sequence[Take],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[str]:
        """Return a sentence for each motion. A take may hold tokens, features, or both.

        Raises:
            InputError: a take has nothing that the engine can read.
            GenerationError: the caption is empty.
        """
        ...


@runtime_checkable
class CoverageEngine(Protocol):
    """An engine that knows what it was trained on."""

    def coverage(self, description: str) -> Coverage:
        """Return how much of the description training knew."""
        ...


@runtime_checkable
class MeaningEngine(Protocol):
    """An engine that embeds the meaning of sentences."""

    def meanings(self, texts: Sequence[str]) -> FloatArray:
        """Return a vector (N, D) for each of the N texts; the smaller the angle, the nearer."""
        ...


@runtime_checkable
class FillEngine(Protocol):
    """An engine that generates the transition between two stretches of motion."""

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

        Raises:
            InputError: both stretches are empty, or the length is impossible.
            GenerationError: there was no usable motion.
        """
        ...


def check_description(description: str) -> None:
    """Check that a description can be generated.

    Raises:
        InputError: it is empty or too long.
    """
    if not description.strip():
        raise InputError("a description is empty; say what the person does")
    if len(description) > MAX_DESCRIPTION:
        raise InputError(
            f"a description has {len(description)} characters; the limit is {MAX_DESCRIPTION}"
        )


def codebook_of(engine: MotionEngine) -> str:
    """Return the name of the engine's motion tokens; empty if it has none."""
    return str(getattr(engine, "codebook", ""))


def take_features(
    engine: MotionEngine,
    take: Take,
    *,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> FloatArray:
    """Return the features of a take, decoded if it has only tokens.

    Raises:
        GenerationError: the take is empty.
        ConfigurationError: the engine cannot decode its tokens.
    """
    if take.features is not None:
        return take.features
    if not take.tokens:
        raise GenerationError(f"the engine {engine.name} returned an empty take; try another seed")
    if not isinstance(engine, TokenEngine):
        raise ConfigurationError(
            f"the engine {engine.name} has no tokenizer; open this motion with the engine that made"
            " it"
        )
    return engine.decode(take.tokens, progress=progress, cancel=cancel)


def caption_takes(
    engine: MotionEngine,
    takes: Sequence[Take],
    *,
    progress: Progress | None = None,
    cancel: CancelToken | None = None,
) -> list[str]:
    """Return a sentence for each take.

    Raises:
        ConfigurationError: the engine does not caption.
    """
    if not isinstance(engine, CaptionEngine):
        raise ConfigurationError(f"the engine {engine.name} cannot caption motions; choose another")
    return engine.caption(takes, progress=progress, cancel=cancel)


def unknown_words(engine: MotionEngine, descriptions: Iterable[str]) -> list[str]:
    """Return the words that training did not know, each once; none if the engine does not say."""
    if not isinstance(engine, CoverageEngine):
        return []
    words = [word for text in descriptions for word in engine.coverage(text).unknown]
    return list(dict.fromkeys(words))
