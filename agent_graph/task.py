"""The task put to a planner, and the protocol that planners implement."""

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
    """A planner's task.

    Attributes:
        request: the person's words.
        timeline: the current motion.
        others: the other motions of the conversation, oldest first.
        looked_at: captions of earlier turns, the latest last.
        about_file: whether the last turn was about the latest of those rather than the current
            motion; a question without a name then refers to it.
        captions: captions requested in this turn.
        history: earlier messages of the conversation, oldest first.
        failed: invalid answers to this task; the last is shown again.
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
    """Anything that can be asked for a plan and for the words of a reply."""

    @property
    def name(self) -> str:
        """Name in messages and records."""
        ...

    @property
    def tries(self) -> int:
        """Number of attempts that make sense: 1 for a planner that always answers the same."""
        ...

    def ask(self, task: Task) -> Answer:
        """Answer the task.

        Raises:
            UnavailableError: the server cannot be reached or does not answer.
            ConfigurationError: the server refuses the key, the model or the request.
        """
        ...

    def reply(self, request: str, facts: str) -> str | None:
        """Return a reply worded from these facts; None leaves it to the template."""
        ...
