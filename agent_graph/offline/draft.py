"""The motion during an edit, and the plan's steps for the result.

Every command of a request works on the same draft, so "add a jump and make it slower" is one plan.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, fields
from typing import Any

from ...motion_core.limits import MAX_SECONDS
from ...motion_core.motion import Segment
from ...motion_core.placement import FACE_TO_FACE
from ...motion_core.timeline import Timeline
from .predicates import subject_of
from .scene import Cast, Scene
from .wording import CannotDo

Steps = list[dict[str, Any]]


@dataclass(eq=False)
class Row:
    """One segment of the draft.

    Attributes:
        description: what the person does.
        person: 1 or 2.
        seconds: the requested duration; 0 for none.
        source: id of the existing segment; empty for a new one.
        lasts: its duration; 0 if it is not generated yet.
        changed: whether it is generated again in place of its source.
        foreign: whether it comes from a file that was not opened.
    """

    description: str
    person: int = 1
    seconds: float = 0.0
    source: str = ""
    lasts: float = 0.0
    changed: bool = False
    foreign: bool = False

    @property
    def name(self) -> str:
        """Its id and description, for replies."""
        return f"{self.source} ({self.description})" if self.source else f"“{self.description}”"


@dataclass
class Draft:
    """The current motion as the commands so far have changed it.

    Attributes:
        rows: its segments in order.
        placement: where person 2 stands after the edit; empty for face to face.
        touched: what the last command changed: "it".
        opened: the motion to open first; empty for the current one.
        fresh: whether it is a new motion beside the old ones.
        emptied: whether it starts over.
        name: its new name; empty to keep the old one.
        exports: files to write.
        captions: motions to caption, each with its person.
        known: the motion's name; empty if there is none yet.
        sealed: whether its segments are unknown because they are in a file.
    """

    rows: list[Row] = field(default_factory=list)
    placement: tuple[float, ...] = ()
    touched: list[Row] = field(default_factory=list)
    opened: str = ""
    fresh: bool = False
    emptied: bool = False
    name: str = ""
    exports: list[str] = field(default_factory=list)
    captions: list[tuple[str, int]] = field(default_factory=list)
    known: str = ""
    sealed: bool = False
    _before: list[str] = field(default_factory=list)
    _placed: tuple[float, ...] = ()

    @classmethod
    def of(cls, timeline: Timeline) -> Draft:
        """Return a draft of the motion, unchanged."""
        rows = [_row(segment) for segment in timeline.segments]
        placement = timeline.placement
        return cls(
            rows=rows,
            placement=placement,
            known=timeline.name,
            _before=[row.source for row in rows],
            _placed=placement,
        )

    @property
    def people(self) -> list[int]:
        """The people who move."""
        return sorted({row.person for row in self.rows})

    @property
    def cast(self) -> Cast:
        """Names of the people in descriptions."""
        names = {
            person: subject_of(next(r.description for r in self.rows if r.person == person))
            for person in self.people
        }
        latest = self.touched or self.rows[-1:]
        return Cast(names, (latest[-1].person,) if latest else (1,))

    def rows_of(self, person: int) -> list[Row]:
        """Return one person's rows in order."""
        return [row for row in self.rows if row.person == person]

    def insert(self, scene: Scene, place: int) -> list[Row]:
        """Insert new rows before the row at `place` and return them."""
        new = [Row(a.description, a.person, a.seconds) for a in scene.actions]
        self.rows[place:place] = new
        self.placement = scene.placement or self.placement
        if not self.placement and 2 in self.people:
            self.placement = (FACE_TO_FACE.theta, FACE_TO_FACE.x, FACE_TO_FACE.z)
        self.touched = new or self.touched
        return new

    def change(self, row: Row, *, description: str = "", seconds: float | None = None) -> None:
        """Generate a row again, unchanged (another take) or with another duration.

        Raises:
            CannotDo: longer than one segment can last, or in a file that was not opened.
        """
        if row.foreign:
            raise CannotDo(
                f"I must open {self.opened} before I can change what is in it. Say “open"
                f" {self.opened}”, then the change."
            )
        if seconds is not None and seconds > MAX_SECONDS:
            raise CannotDo(
                f"A segment can last {MAX_SECONDS:g} s at most, and {row.name} would last"
                f" {seconds:g} s. Repeat it instead, or make it shorter."
            )
        row.description = description or row.description
        row.seconds = row.seconds if seconds is None else seconds
        row.changed = bool(row.source)

    def repeat(self, rows: list[Row], more: int) -> None:
        """Repeat each of the rows `more` times; all rows together repeat in order."""
        if len(rows) == len(self.rows):
            again = [copy.copy(row) for _ in range(more) for row in rows]
            self.rows += [_copied(row) for row in again]
        else:
            chosen = {id(row) for row in rows}
            self.rows = [
                _copied(row) if number else row
                for row in self.rows
                for number in range(1 + more * (id(row) in chosen))
            ]
        self.touched = rows

    def empty(self) -> None:
        """Start over."""
        self.rows, self.touched, self.emptied = [], [], True

    def steps(self) -> Steps:
        """Return the steps of the plan for the edited motion.

        Raises:
            CannotDo: no plan can express it.
        """
        steps: Steps = []
        if self.opened:
            steps.append({"tool": "open_motion", "motion": self.opened})
        kept = [row.source for row in self.rows if row.source]
        same = kept == self._before and not any(row.changed or not row.source for row in self.rows)
        emptied = self.emptied or bool(self._before and not kept and not self.fresh)
        if emptied and self.opened:
            raise CannotDo("One thing after the other, please: open it first, then start over.")
        if emptied:
            steps.append({"tool": "start_over"})
        if not same:
            steps += [_step(row) for row in self.rows]
        if self.name:
            steps.append({"tool": "name_motion", "motion": self.name})
        steps += [{"tool": "export_motion", "motion": file} for file in self.exports]
        steps += [
            {"tool": "caption_motion", "motion": motion, "person": person}
            for motion, person in self.captions
        ]
        return steps

    @property
    def new_placement(self) -> tuple[float, ...]:
        """The placement if the commands changed it, else empty."""
        return self.placement if self.placement != self._placed or self.fresh else ()

    def as_new(self) -> None:
        """Start a new motion; the old one stays beside it."""
        self.rows, self.touched, self._before = [], [], []
        self.placement, self._placed = (), ()
        self.opened, self.name, self.known, self.fresh = "", "", "", True

    def become(self, other: Draft) -> None:
        """Continue with another motion."""
        for each in fields(self):
            setattr(self, each.name, getattr(other, each.name))

    def remember(self) -> None:
        """Remember the rows as the motion's original segments."""
        self._before = [row.source for row in self.rows]

    def segment_names(self) -> str:
        """Return the names of all segments, for a reply."""
        return ", ".join(row.name for row in self.rows)


def _row(segment: Segment) -> Row:
    return Row(
        segment.description,
        segment.person,
        segment.seconds,
        segment.id,
        segment.duration,
    )


def _copied(row: Row) -> Row:
    again = copy.copy(row)
    if row.changed:  # one step replaces the segment; its repetitions are new
        again.source, again.changed = "", False
    return again


def _step(row: Row) -> dict[str, Any]:
    if row.source and not row.changed:
        return {"tool": "keep_segment", "segment": row.source, "person": row.person}
    return {
        "tool": "generate_motion",
        "description": row.description,
        "seconds": row.seconds,
        "segment": row.source,
        "person": row.person,
    }
