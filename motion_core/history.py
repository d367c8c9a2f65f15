"""History of a conversation's motions: edits of several timelines, undo and redo.

    history = History().change("1", Timeline().insert("a person walks"))
    history = history.change("1", history.timeline.insert("a person bows"))
    history.undo().timeline                                    # the walk alone
    history.undo().redo().timeline                             # the walk and the bow

Like `Timeline`, a frozen value that JSON can hold. A change touches one timeline, so undo keeps how
that one was, and which was current.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from typing_extensions import TypedDict

from .errors import InputError
from .timeline import Timeline

UNDO_DEPTH = 20  # changes
MAX_MOTIONS = 50  # the oldest are forgotten; the motion store keeps them


class Change(TypedDict):
    """What undo or redo puts back: which motion was current, and how one of them was."""

    current: str
    key: str
    timeline: dict[str, Any] | None  # as JSON; None where the motion did not exist


@dataclass(frozen=True)
class History:
    """Any number of motions, one of them current, with undo and redo.

    Attributes:
        motions: by key, "1", "2", …, oldest first.
        current: key of the motion that is talked about; empty for none.
        past: what `undo` puts back, the latest last.
        future: what `redo` puts back, the next one last.
    """

    motions: Mapping[str, Timeline] = field(default_factory=dict)
    current: str = ""
    past: tuple[Change, ...] = ()
    future: tuple[Change, ...] = ()

    @property
    def timeline(self) -> Timeline:
        """The current motion; an empty one where there is none."""
        return self.motions.get(self.current) or Timeline()

    @property
    def new_key(self) -> str:
        """Key of the next new motion."""
        return str(max(map(int, self.motions), default=0) + 1)

    def change(self, key: str, timeline: Timeline) -> History:
        """Set the timeline of that motion, or add a new one, and make it current."""
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
        """Redo the change that was undone last.

        Raises:
            InputError: there is none.
        """
        if not self.future:
            raise InputError("there is nothing to redo")
        changed, before = self._put_back(self.future[-1])
        return replace(changed, past=_pushed(self.past, before), future=self.future[:-1])

    def renamed(self, key: str, name: str) -> History:
        """Name that motion; undo keeps the name."""
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
        """Return the history of `to_json`, of this release or of 0.1; what is missing is empty."""
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
        """Return the history with that timeline, and the change that takes it back."""
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
