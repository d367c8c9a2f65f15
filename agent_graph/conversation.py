"""The motions of a conversation: which there are, which is meant, and what undo puts back.

A conversation has any number of motions, "motion 1", "motion 2" or as the person calls them; one
of them is the current one. A turn changes one motion at most, so undo keeps for each turn how
that one was, and which was current.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Literal

from ..motion_core.errors import InputError
from ..motion_core.timeline import Timeline
from .state import AgentState, Change

UNDO_DEPTH = 20
MAX_MOTIONS = 50  # of a conversation; the oldest are forgotten, the motion store keeps them
MAX_NAME = 60  # characters

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


class Conversation:
    """The motions of a conversation while a plan is carried out.

    Args:
        state: of the graph; it is not changed, `update` tells what is to be.
    """

    def __init__(self, state: AgentState) -> None:
        values = state.get("motions", {})
        self.motions = {key: Timeline.from_json(value) for key, value in values.items()}
        self.current = state.get("current", "")
        self._undo = list(state.get("undo", []))
        self._redo = list(state.get("redo", []))

    @property
    def timeline(self) -> Timeline:
        """The current motion."""
        return self.motions.get(self.current) or Timeline()

    @property
    def others(self) -> list[Timeline]:
        """The other motions, oldest first."""
        return [timeline for key, timeline in self.motions.items() if key != self.current]

    def find(self, reference: str) -> str | None:
        """Key of the motion that is meant: by name, number, ordinal or motion id."""
        meant = " ".join(reference.lower().split()).removeprefix("the ")
        if meant in ("", "current", "current motion", "current one", "it", "this"):
            return self.current or None
        for key, timeline in self.motions.items():
            if meant in (timeline.name.lower(), *timeline.motions.values()):
                return key
        bare = re.sub(r"\s*\b(?:motion|one|number|no\.?|#)\s*", " ", meant).strip(" #.")
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

    def new_key(self) -> str:
        """Key of the next new motion."""
        return str(max(map(int, self.motions), default=0) + 1)

    def change(self, key: str, timeline: Timeline) -> None:
        """Put the timeline in place of that motion and make it the current one; undo knows."""
        self._undo.append(self._replaced(key, timeline, current=key))
        self._redo = []
        for oldest in list(self.motions)[:-MAX_MOTIONS]:
            del self.motions[oldest]

    def rename(self, key: str, name: str) -> str:
        """Call that motion by a name that no other has; gives the name as it is kept.

        Raises:
            InputError: no such motion, or a name that cannot be one.
        """
        name = " ".join(name.split())
        if key not in self.motions:
            raise InputError("there is no motion to name yet; make one first")
        if not re.search(r"\w", name) or len(name) > MAX_NAME:
            raise InputError(f"{name[:MAX_NAME]!r} is no name; give 1 to {MAX_NAME} characters")
        owner = self.find(name)
        if owner is not None and owner != key:
            raise InputError(f"there is a motion {name!r} already; choose another name")
        self.motions[key] = replace(self.motions[key], name=name)
        return name

    def travel(self, direction: Literal["undo", "redo"]) -> None:
        """Go one change back, or forward again.

        Raises:
            InputError: there is nothing to undo or redo.
        """
        source, target = (
            (self._undo, self._redo) if direction == "undo" else (self._redo, self._undo)
        )
        if not source:
            raise InputError(f"there is nothing to {direction}")
        back = source.pop()
        value = back["timeline"]
        timeline = None if value is None else Timeline.from_json(value)
        target.append(self._replaced(back["key"], timeline, current=back["current"]))

    def update(self) -> dict[str, Any]:
        """What changes in the graph's state."""
        return {
            "motions": {key: timeline.to_json() for key, timeline in self.motions.items()},
            "current": self.current,
            "undo": self._undo[-UNDO_DEPTH:],
            "redo": self._redo[-UNDO_DEPTH:],
        }

    def _replaced(self, key: str, timeline: Timeline | None, *, current: str) -> Change:
        old = self.motions.get(key)
        before: Change = {
            "current": self.current,
            "key": key,
            "timeline": None if old is None else old.to_json(),
        }
        if timeline is None:
            self.motions.pop(key, None)
        else:
            name = (old or timeline).name  # a name outlives undo
            self.motions[key] = replace(timeline, name=name)
            self.motions = dict(sorted(self.motions.items(), key=lambda item: int(item[0])))
        self.current = current
        return before
