"""What a planner is asked, and what whoever can be asked has to offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from langchain_core.messages import AnyMessage

from ..motion_core.timeline import Timeline
from .answers import Answer
from .state import Attempt, Caption


@dataclass(frozen=True)
class Task:
    """What a planner is asked.

    Attributes:
        request: the person's words.
        timeline: the current motion.
        others: the other motions of the conversation, oldest first.
        looked_at: what was captioned in earlier turns, the latest last.
        about_file: whether the last turn was about the latest of those and not about the current
            motion: a question without a name means it.
        captions: captions it asked for in this turn.
        history: earlier messages of the conversation, oldest first.
        failed: the answers to this task that were no plan; the last is shown to it.
    """

    request: str
    timeline: Timeline = field(default_factory=Timeline)
    others: Sequence[Timeline] = ()
    looked_at: Sequence[Caption] = ()
    about_file: bool = False
    captions: Sequence[Caption] = ()
    history: Sequence[AnyMessage] = ()
    failed: Sequence[Attempt] = ()


@runtime_checkable
class Planner(Protocol):
    """Whoever can be asked for a plan, and for the words of a reply."""

    @property
    def name(self) -> str:
        """Name for messages and records."""
        ...

    @property
    def tries(self) -> int:
        """How often asking can help: 1 for a planner that answers the same each time."""
        ...

    def ask(self, task: Task) -> Answer:
        """Answer the task.

        Raises:
            UnavailableError: the server cannot be reached or does not answer.
            ConfigurationError: the server refuses the key, the model or the request.
        """
        ...

    def reply(self, request: str, facts: str) -> str | None:
        """Return a reply to the person from these facts; None leaves it to the template."""
        ...
