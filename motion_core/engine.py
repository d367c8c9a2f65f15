"""What everything above `motion_core` sees of a motion model: the `MotionEngine` protocol.

MotionLLM is the first engine. Others are found by name through the entry-point group
``motion_agent.engines``; each entry point is a callable that returns an engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Protocol, runtime_checkable

from .errors import ConfigurationError
from .motion import FloatArray

Progress = Callable[[int, int], None]
"""Called with (done, total) units of work."""

DEFAULT_ENGINE = "motionllm"
ENTRY_POINT_GROUP = "motion_agent.engines"
MAX_DESCRIPTION = 300  # characters


@dataclass(frozen=True)
class GenerationRequest:
    """One description to turn into motion tokens.

    Attributes:
        description: 1 to `MAX_DESCRIPTION` characters, for example "a person walks forward".
        seed: sampling is a function of description, seed and checkpoint.
        seconds: wished duration; None lets the model decide when to stop.
        greedy: take the most probable token each time instead of sampling.
    """

    description: str
    seed: int = 0
    seconds: float | None = None
    greedy: bool = False


@dataclass(frozen=True)
class Coverage:
    """How much of a description the engine was trained on.

    Attributes:
        score: share of the description's content words that were in the training captions, 0 to 1.
        unknown: the content words that were not.
    """

    score: float
    unknown: tuple[str, ...] = ()


@runtime_checkable
class MotionEngine(Protocol):
    """The few things an engine can do. Engines are safe to call from several threads."""

    @property
    def name(self) -> str:
        """Name with version or checkpoint, for provenance."""
        ...

    def generate(
        self, requests: Sequence[GenerationRequest], *, progress: Progress | None = None
    ) -> list[tuple[int, ...]]:
        """Motion tokens for each request, decoded as one batch; never empty.

        Raises:
            InputError: an empty or too long description.
            GenerationError: no usable motion came out.
        """
        ...

    def caption(self, token_sequences: Sequence[Sequence[int]]) -> list[str]:
        """A sentence for each sequence of motion tokens."""
        ...

    def encode(self, features: FloatArray) -> tuple[int, ...]:
        """Motion tokens of features ``(T, 263)``: ``T // 4`` of them, at least one."""
        ...

    def decode(self, tokens: Sequence[int]) -> FloatArray:
        """Features ``(4 * len(tokens), 263)`` of motion tokens."""
        ...

    def coverage(self, description: str) -> Coverage:
        """How much of the description is known from training."""
        ...


def load_engine(name: str = DEFAULT_ENGINE) -> MotionEngine:
    """The engine of that name, or the MotionLLM checkpoint in that folder.

    Raises:
        ConfigurationError: no such engine; the message lists those that are installed.
    """
    if "/" in name or name.startswith("."):
        from .motionllm import load_motionllm

        return load_motionllm(name)
    found = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    if name in found:
        engine = found[name].load()()
        if not isinstance(engine, MotionEngine):
            raise ConfigurationError(f"entry point {name!r} gave no MotionEngine: {engine!r}")
        return engine
    if name == DEFAULT_ENGINE:  # uninstalled use: no entry points
        from .motionllm import load_motionllm

        return load_motionllm()
    raise ConfigurationError(
        f"no motion engine named {name!r}; installed: {', '.join(sorted(found)) or 'none'}"
    )
