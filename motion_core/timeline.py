"""The timeline: who does what and when, as one frozen value that edits turn into another.

    timeline = Timeline().insert("a person walks").insert("a person bows")
    timeline = timeline.replace("s2", "a person waves")        # s1, s3

A timeline holds the segments of one person or two, the blends and fills at their joins, and where
person 2 stands. Nothing is generated here: an edit leaves `pending` segments for `Studio.render`.

One rule for ids: another take, another duration or a blend keeps a segment's id and increments its
take; another description is a new segment with a new id; moving keeps ids, repeating makes new
ones; an id is never used again. What an edit does not touch stays bit for bit, and so do the blends
and fills between two segments that it leaves side by side.

Undo and redo are in `history`, over all the motions of a conversation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from typing import Any

from .errors import InputError
from .limits import MAX_SECONDS
from .motion import FRAMES_PER_TOKEN, Fill, Segment
from .placement import FACE_TO_FACE, Placement, as_placement
from .skeleton import FPS

MAX_SEGMENTS = 64
NEXT_TAKE = 1000  # added to a segment's seed for another take of it
SECONDS_PER_TOKEN = FRAMES_PER_TOKEN / FPS
SMOOTH_SECONDS = 6 * SECONDS_PER_TOKEN  # of a transition, if nobody says otherwise
LEAST_SECONDS = 2 * SECONDS_PER_TOKEN
_MAX_SEED = 2**31
_ID = re.compile(r"s([0-9]{1,6})")


@dataclass(frozen=True)
class Entry:
    """One place in a new order of segments.

    Attributes:
        segment: id of the segment to keep or generate again; empty for a new one.
        description: to generate; empty for a segment that stays.
        seconds: requested duration; 0 for none.
        person: 1 or 2.
    """

    segment: str = ""
    description: str = ""
    seconds: float = 0.0
    person: int = 1


@dataclass(frozen=True)
class Timeline:
    """One motion of one person or two, as it can be edited.

    Attributes:
        name: what it is called; may be empty.
        segments: in order; those of two people may alternate.
        next_segment: number of the next new id.
        motions: by person, the id of the motion that was rendered from the segments as they are.
        placement: theta, x, z of person 2; empty for face to face.
        blends: id of a segment → frames blended on either side of where it begins.
        fills: id of a segment → tokens that lie over where it begins; of a person's first segment:
            over the end, so that the motion loops.
        seed: of new segments; each adds the number in its id.
    """

    name: str = ""
    segments: tuple[Segment, ...] = ()
    next_segment: int = 1
    motions: Mapping[int, str] = field(default_factory=dict)
    placement: tuple[float, ...] = ()
    blends: Mapping[str, int] = field(default_factory=dict)
    fills: Mapping[str, Fill] = field(default_factory=dict)
    seed: int = 0

    # ---- reading ---------------------------------------------------------------------------

    @property
    def people(self) -> tuple[int, ...]:
        """The people in it: (1,), (1, 2), or ()."""
        return tuple(sorted({segment.person for segment in self.segments}))

    @property
    def pending(self) -> tuple[Segment, ...]:
        """The segments that are still to be generated."""
        return tuple(segment for segment in self.segments if segment.pending)

    @property
    def joins(self) -> tuple[tuple[Segment, Segment], ...]:
        """Each pair of one person's neighbouring segments."""
        return tuple(pair for person in self.people for pair in pairwise(self.of(person)))

    @property
    def place(self) -> Placement:
        """Person 2's placement."""
        return as_placement(self.placement) if self.placement else FACE_TO_FACE

    @property
    def duration(self) -> float:
        """Seconds until the last person is done."""
        return max((sum(s.duration for s in self.of(p)) for p in self.people), default=0.0)

    def of(self, person: int) -> tuple[Segment, ...]:
        """Return the segments of one person, in order."""
        return tuple(segment for segment in self.segments if segment.person == person)

    def find(self, segment_id: str) -> Segment:
        """Return the segment with that id.

        Raises:
            InputError: there is none.
        """
        return self.segments[self._at(segment_id)]

    # ---- edits -----------------------------------------------------------------------------

    def insert(
        self,
        description: str,
        at: int | None = None,
        *,
        seconds: float = 0.0,
        person: int = 1,
        seed: int | None = None,
    ) -> Timeline:
        """Add a new segment before position `at`, or at the end."""
        ids = self._ids()
        new = self._new(next(ids), description, seconds, person, seed)
        return self._with(_spliced(self.segments, at, [new]))

    def replace(
        self,
        segment_id: str,
        description: str,
        *,
        seconds: float = 0.0,
        seed: int | None = None,
    ) -> Timeline:
        """Put a new segment in place of another."""
        at = self._at(segment_id)
        new = self._new(next(self._ids()), description, seconds, self.segments[at].person, seed)
        return self._with([*self.segments[:at], new, *self.segments[at + 1 :]])

    def remove(self, segment_id: str) -> Timeline:
        """Remove a segment."""
        at = self._at(segment_id)
        return self._with([*self.segments[:at], *self.segments[at + 1 :]])

    def move(self, segment_id: str, at: int | None = None) -> Timeline:
        """Move a segment to position `at` among the others, or to the end."""
        segment = self.find(segment_id)
        others = [other for other in self.segments if other is not segment]
        return self._with(_spliced(others, at, [segment]))

    def repeat(self, segment_id: str, times: int = 1, at: int | None = None) -> Timeline:
        """Add copies of a segment, after it or before position `at`."""
        index = self._at(segment_id)
        ids = self._ids()
        copies = [replace(self.segments[index], id=next(ids)) for _ in range(times)]
        return self._with(_spliced(self.segments, index + 1 if at is None else at, copies))

    def retake(
        self, segment_id: str, *, seconds: float | None = None, seed: int | None = None
    ) -> Timeline:
        """Sample a segment again, from another seed."""
        segment = self.find(segment_id)
        wish = segment.seconds if seconds is None else seconds
        return self._in_place(
            _retaken(segment, wish, _next_seed(segment) if seed is None else seed)
        )

    def retime(self, segment_id: str, seconds: float) -> Timeline:
        """Sample a segment again with that many seconds; 0 leaves its length to the engine."""
        segment = self.find(segment_id)
        return self._in_place(_retaken(segment, seconds, segment.seed))

    def blend(self, segment_id: str, half_width: int) -> Timeline:
        """Blend that many frames on either side of a segment's start; 0 for no blend."""
        segment = self.find(segment_id)
        edited = self._in_place(replace(segment, take=segment.take + 1))
        blends = {**edited.blends, segment_id: half_width}
        return replace(edited, blends={i: width for i, width in blends.items() if width > 0})

    def smooth(self, segment_id: str, seconds: float = SMOOTH_SECONDS) -> Timeline:
        """Generate a transition from the segment before into this one, half of it in each.

        Before a person's first segment stands the last one: its end then leads back to the
        beginning, and the motion loops. Taking either segment away, or making it anew, brings back
        what the other had there.

        Raises:
            InputError: either segment is too short.
        """
        later = self.find(segment_id)
        own = self.of(later.person)
        loops = later == own[0]
        earlier = own[own.index(later) - 1]
        covered = (earlier,) if loops else (earlier, later)
        count = max(1, round(seconds / (len(covered) * SECONDS_PER_TOKEN)))
        room = min(len(s.tokens) if s.tokens else 2 * count for s in covered) // 2
        if count > room:
            raise InputError(
                f"a transition of {seconds:g} s from {earlier.id} to {segment_id} would take more"
                f" than half of one; at most {len(covered) * room * SECONDS_PER_TOKEN:g} s fit"
            )
        edited = self._in_place(replace(later, take=later.take + 1))
        blends = {i: width for i, width in edited.blends.items() if i != segment_id}
        fills = {**edited.fills, segment_id: Fill((), count, 0 if loops else count)}
        return replace(edited, blends=blends, fills=fills)

    def arrange(self, entries: Iterable[Entry]) -> Timeline:
        """Put segments that stay, segments made again and new ones in a new order.

        A segment that stands in several places is repeated. One that is made again with the same
        description and duration is another take.

        Raises:
            InputError: a segment is named that does not exist, or too many segments.
        """
        entries = list(entries)
        again = {e.segment for e in entries if e.segment and e.description and self._same_words(e)}
        ids = self._ids()
        taken: set[str] = set()
        segments: list[Segment] = []
        for entry in entries:
            before = self.find(entry.segment) if entry.segment else None
            if before is None or (entry.description and before.id not in again):
                new = self._new(next(ids), entry.description, entry.seconds, entry.person, None)
                segments.append(new)
            elif entry.description:
                seed = before.seed if entry.seconds != before.seconds else _next_seed(before)
                segments.append(_retaken(before, entry.seconds, seed))
                taken.add(before.id)
            elif before.id in taken | again:
                segments.append(replace(before, id=next(ids)))
            else:
                segments.append(before)
                taken.add(before.id)
        return self._with(segments)

    def placed(self, placement: Sequence[float]) -> Timeline:
        """Put person 2 at theta, x, z.

        Raises:
            InputError: it is not a placement.
        """
        as_placement(placement)
        return replace(self, placement=tuple(placement))

    # ---- JSON ------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """Return JSON values only."""
        return {
            "name": self.name,
            "segments": [_segment_to_json(segment) for segment in self.segments],
            "next_segment": self.next_segment,
            "motions": {str(person): motion for person, motion in self.motions.items()},
            "placement": list(self.placement),
            "blends": dict(self.blends),
            "fills": {name: asdict(fill) for name, fill in self.fills.items()},
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Timeline:
        """Return the timeline from `to_json`, of this release or of 0.1."""
        return cls(
            name=value["name"],
            segments=tuple(_segment_from_json(segment) for segment in value["segments"]),
            next_segment=value["next_segment"],
            motions={int(person): motion for person, motion in value["motions"].items()},
            placement=tuple(value["placement"]),
            blends=dict(value.get("blends", {})),
            fills={name: _fill_from_json(fill) for name, fill in value.get("fills", {}).items()},
        )

    # ---- parts -----------------------------------------------------------------------------

    def _with(self, segments: Sequence[Segment]) -> Timeline:
        """Return the timeline with other segments, dropping what no longer holds."""
        if len(segments) > max(MAX_SEGMENTS, len(self.segments)):
            raise InputError(
                f"the motion would have {len(segments)} segments, the limit is {MAX_SEGMENTS};"
                " remove some first or make a second motion"
            )
        edited = replace(self, segments=tuple(segments), motions={}, blends={}, fills={})
        kept = dict(edited._meetings() & self._meetings())
        edited = replace(
            edited,
            blends={i: width for i, width in self.blends.items() if i in kept},
            fills={i: fill for i, fill in self.fills.items() if i in kept},
            next_segment=max(self.next_segment, next_number(segments)),
        )
        same = {p: m for p, m in self.motions.items() if edited._state_of(p) == self._state_of(p)}
        return replace(edited, motions=same)

    def _meetings(self) -> set[tuple[str, tuple[Any, ...]]]:
        """Where segments meet: the later one's id, and what is the same while they still do."""
        joins = {
            (later.id, ("join", *_motion_of(one), *_motion_of(later))) for one, later in self.joins
        }
        ends = ((own[-1], own[0]) for own in map(self.of, self.people))
        return joins | {
            (first.id, ("loop", *_motion_of(last), *_motion_of(first))) for last, first in ends
        }

    def _state_of(self, person: int) -> tuple[tuple[Segment, ...], list[Any]]:
        segments = self.of(person)
        return segments, [(self.blends.get(s.id), self.fills.get(s.id)) for s in segments]

    def _in_place(self, segment: Segment) -> Timeline:
        return self._with([segment if s.id == segment.id else s for s in self.segments])

    def _new(
        self, segment_id: str, description: str, seconds: float, person: int, seed: int | None
    ) -> Segment:
        if not description.strip():
            raise InputError("a segment needs a description; say what the person does")
        number = int(segment_id[1:])
        seed = (self.seed + number) % _MAX_SEED if seed is None else seed
        return Segment(segment_id, description, seed=seed, seconds=seconds, person=person)

    def _same_words(self, entry: Entry) -> bool:
        segment = self.find(entry.segment)
        return (segment.description, segment.person) == (entry.description, entry.person)

    def _at(self, segment_id: str) -> int:
        for at, segment in enumerate(self.segments):
            if segment.id == segment_id:
                return at
        known = ", ".join(segment.id for segment in self.segments) or "none"
        raise InputError(f"no such segment: {segment_id[:40]!r}; there are {known}")

    def _ids(self) -> Iterator[str]:
        number = self.next_segment
        while True:
            yield f"s{number}"
            number += 1


def next_number(segments: Iterable[Segment]) -> int:
    """Return the least n such that no segment has the id ``sN`` for any N ≥ n."""
    numbers = [int(match[1]) for s in segments if (match := _ID.fullmatch(s.id))]
    return max(numbers, default=0) + 1


def changed_duration(segment: Segment, *, longer: bool, seconds: float | None = None) -> float:
    """Return the seconds of a longer or shorter segment: those requested, or half as much again.

    Raises:
        InputError: the request goes the other way.
    """
    now = segment.duration
    wish = seconds or (now * 1.5 if longer else now / 1.5)
    wish = round(wish / SECONDS_PER_TOKEN) * SECONDS_PER_TOKEN
    wish = min(max(wish, LEAST_SECONDS), MAX_SECONDS)
    if (wish <= now) if longer else (wish >= now):
        change, amount = ("longer", "more") if longer else ("shorter", "less")
        raise InputError(
            f"{segment.id} lasts {now:.1f} s; {change} needs {amount} than that as seconds, the"
            f" whole new duration, from {LEAST_SECONDS:g} to {MAX_SECONDS:g}"
        )
    return round(wish, 2)


def _motion_of(segment: Segment) -> tuple[str, tuple[int, ...], str]:
    return segment.id, segment.tokens, segment.clip


def _retaken(segment: Segment, seconds: float, seed: int) -> Segment:
    return Segment(
        segment.id,
        segment.description,
        seed=seed,
        seconds=seconds,
        person=segment.person,
        take=segment.take + 1,
    )


def _next_seed(segment: Segment) -> int:
    return (segment.seed + NEXT_TAKE) % _MAX_SEED


def _spliced(segments: Sequence[Segment], at: int | None, new: Sequence[Segment]) -> list[Segment]:
    at = len(segments) if at is None else at
    return [*segments[:at], *new, *segments[at:]]


def _segment_to_json(segment: Segment) -> dict[str, Any]:
    value = {
        "id": segment.id,
        "description": segment.description,
        "tokens": list(segment.tokens),
        "seed": segment.seed,
        "seconds": segment.seconds,
        "person": segment.person,
        "take": segment.take,
    }
    if segment.clip_frames:
        value |= {"clip": segment.clip, "clip_frames": segment.clip_frames}
    if segment.codebook:
        value |= {"codebook": segment.codebook}
    return value


def _segment_from_json(value: Mapping[str, Any]) -> Segment:
    return Segment(**{**value, "tokens": tuple(value["tokens"])})


def _fill_from_json(value: Mapping[str, Any]) -> Fill:
    return Fill(tuple(value["tokens"]), value["before"], value["after"])
