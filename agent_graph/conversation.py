"""A conversation's motions during a plan, and how references to them resolve.

A conversation has any number of motions, named "motion 1", "motion 2" or by the person; one of them
is current. `History` holds them and what undo restores.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..motion_core.errors import InputError
from ..motion_core.history import History
from ..motion_core.timeline import Timeline
from .state import AgentState

MAX_NAME = 60  # characters

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


class Conversation:
    """The history of a conversation while a plan's steps change it.

    Args:
        state: of the graph; never modified, `update` returns the changes.

    Attributes:
        history: its present value.
    """

    def __init__(self, state: AgentState) -> None:
        self.history = History.from_json(state)

    @property
    def motions(self) -> Mapping[str, Timeline]:
        """All motions by key, oldest first."""
        return self.history.motions

    @property
    def current(self) -> str:
        """Key of the current motion; empty if there is none."""
        return self.history.current

    @property
    def timeline(self) -> Timeline:
        """The current motion."""
        return self.history.timeline

    @property
    def others(self) -> list[Timeline]:
        """The other motions, oldest first."""
        return [timeline for key, timeline in self.motions.items() if key != self.current]

    def find(self, reference: str) -> str | None:
        """Return the key of the motion with that name, number, ordinal or motion id."""
        name = " ".join(reference.lower().split()).removeprefix("the ")
        if name in ("", "current", "current motion", "current one", "it", "this"):
            return self.current or None
        for key, timeline in self.motions.items():
            if name in (timeline.name.lower(), *timeline.motions.values()):
                return key
        bare = re.sub(r"\s*\b(?:motion|one|number|no\.?|#)\s*", " ", name).strip(" #.")
        keys = list(self.motions)
        if bare in keys:
            return bare
        if bare in _ORDINALS and _ORDINALS.index(bare) < len(keys):
            return keys[_ORDINALS.index(bare)]
        if bare in ("last", "latest", "newest") and keys:
            return keys[-1]
        if bare in ("previous", "other") and len(keys) > 1:
            return next(key for key in reversed(keys) if key != self.current)
        return None

    def rename(self, key: str, name: str) -> None:
        """Give that motion a name that no other has.

        Raises:
            InputError: no such motion, or an invalid name.
        """
        name = " ".join(name.split())
        if key not in self.motions:
            raise InputError("there is no motion to name yet; make one first")
        if not re.search(r"\w", name) or len(name) > MAX_NAME:
            raise InputError(
                f"{name[:MAX_NAME]!r} is not a valid name; use 1 to {MAX_NAME} characters"
            )
        owner = self.find(name)
        if owner is not None and owner != key:
            raise InputError(f"there is already a motion {name!r}; choose another name")
        self.history = self.history.renamed(key, name)

    def update(self) -> dict[str, Any]:
        """Return the update of the graph's state."""
        return self.history.to_json()
