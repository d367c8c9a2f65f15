"""History of a conversation's motions: edits of several timelines, undo and redo.

    history = History().change("1", Timeline().insert("a person walks"))
    history = history.change("1", history.timeline.insert("a person bows"))
    history.undo().timeline                                    # the walk alone
    history.undo().redo().timeline                             # the walk and the bow

Like `Timeline`, it is frozen and converts to JSON. A change concerns one timeline, so undo keeps
that one's earlier state, and which was current.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from typing_extensions import TypedDict

from .errors import InputError
from .timeline import Timeline

UNDO_DEPTH = 20  # changes
MAX_MOTIONS = 50  # older ones are dropped; the motion store keeps them


class Change(TypedDict):
    """The state that undo or redo restores: which motion was current, and one of them."""

    current: str
    key: str
    timeline: dict[str, Any] | None  # as JSON; None if the motion did not exist


@dataclass(frozen=True)
class History:
    """Any number of motions, one of them current, with undo and redo.

    Attributes:
        motions: by key, "1", "2", …, oldest first.
        current: key of the current motion; empty if none.
        past: states for `undo`, the latest last.
        future: states for `redo`, the next one last.
    """

    motions: Mapping[str, Timeline] = field(default_factory=dict)
    current: str = ""
    past: tuple[Change, ...] = ()
    future: tuple[Change, ...] = ()

    @property
    def timeline(self) -> Timeline:
        """The current motion; an empty one if there is none."""
        return self.motions.get(self.current) or Timeline()

    @property
    def new_key(self) -> str:
        """Key of the next new motion."""
        return str(max(map(int, self.motions), default=0) + 1)

    def change(self, key: str, timeline: Timeline) -> History:
        """Set the timeline of a motion, or add a new one, and make it current."""
        changed, before = self._put(key, timeline, current=key)
        motions = dict(list(changed.motions.items())[-MAX_MOTIONS:])
        return replace(changed, motions=motions, past=_pushed(self.past, before), future=())

    def undo(self) -> History:
        """Undo the latest change.

        Raises:
            InputError: there is none.
        """
        if not self.past:
            raise InputError("there is nothing to undo")
        changed, before = self._put_back(self.past[-1])
        return replace(changed, past=self.past[:-1], future=_pushed(self.future, before))

    def redo(self) -> History:
        """Redo the last undone change.

        Raises:
            InputError: there is none.
        """
        if not self.future:
            raise InputError("there is nothing to redo")
        changed, before = self._put_back(self.future[-1])
        return replace(changed, past=_pushed(self.past, before), future=self.future[:-1])

    def renamed(self, key: str, name: str) -> History:
        """Rename a motion; undo keeps the name."""
        return replace(self, motions={**self.motions, key: replace(self.motions[key], name=name)})

    def to_json(self) -> dict[str, Any]:
        """Return JSON values only."""
        return {
            "motions": {key: timeline.to_json() for key, timeline in self.motions.items()},
            "current": self.current,
            "undo": list(self.past),
            "redo": list(self.future),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> History:
        """Return the history from `to_json`, of this release or 0.1; missing fields are empty."""
        motions = value.get("motions", {})
        return cls(
            motions={key: Timeline.from_json(timeline) for key, timeline in motions.items()},
            current=value.get("current", ""),
            past=tuple(value.get("undo", ())),
            future=tuple(value.get("redo", ())),
        )

    def _put_back(self, change: Change) -> tuple[History, Change]:
        value = change["timeline"]
        timeline = None if value is None else Timeline.from_json(value)
        return self._put(change["key"], timeline, current=change["current"])

    def _put(self, key: str, timeline: Timeline | None, *, current: str) -> tuple[History, Change]:
        """Return the history with that timeline, and the change that reverts it."""
        old = self.motions.get(key)
        before: Change = {
            "current": self.current,
            "key": key,
            "timeline": None if old is None else old.to_json(),
        }
        motions = {other: motion for other, motion in self.motions.items() if other != key}
        if timeline is not None:
            motions[key] = replace(timeline, name=(old or timeline).name)
            motions = dict(sorted(motions.items(), key=lambda item: int(item[0])))
        return replace(self, motions=motions, current=current), before


def _pushed(changes: tuple[Change, ...], change: Change) -> tuple[Change, ...]:
    return (*changes, change)[-UNDO_DEPTH:]
