"""From segments to one motion with good seams.

    decode all at once ─ measure the seams ─ bad ones: take ─ trim ─ blend ─ fill ─ decode

`mending` has the repairs; each is for seams that the earlier ones leave bad.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .composition import generate_segments
from .engine import MotionEngine
from .journal import Clips
from .mending import KINDS, Generate, Kind, Mending, Repair
from .motion import Fill, Motion, Segment
from .seams import SeamReport, measure_seams
from .stages import stage


@dataclass(frozen=True)
class Joined:
    """A joined motion and its seams.

    Attributes:
        motion: decoded once from all segments, and blended.
        segments: as given, except new ones that were retaken (another seed) or trimmed.
        seams: a report for each join of `motion`.
        repairs: one for each bad seam that no neighbour's repair has fixed.
        blends: id of the later segment → half-width in frames; with `segments` it gives the
            same motion again, through `assemble` or `join_segments(…, repair=False)`.
        fills: id of the later segment → the tokens of the join; likewise.
    """

    motion: Motion
    segments: tuple[Segment, ...]
    seams: tuple[SeamReport, ...]
    repairs: tuple[Repair, ...] = ()
    blends: Mapping[str, int] = field(default_factory=dict)
    fills: Mapping[str, Fill] = field(default_factory=dict)


def join_segments(
    engine: MotionEngine,
    segments: Sequence[Segment],
    *,
    new: Collection[str] = (),
    clips: Clips | None = None,
    blends: Mapping[str, int] | None = None,
    fills: Mapping[str, Fill] | None = None,
    repair: bool | Sequence[Kind] = True,
    provenance: Mapping[str, Any] | None = None,
    generate: Generate | None = None,
) -> Joined:
    """Return one motion of one person's segments; bad seams are mended where they can be.

    Deterministic: a function of the arguments.

    Args:
        engine: decodes and, for other takes, generates.
        segments: in order.
        new: ids of the segments that are new in this edit; all others stay as they are.
        clips: features of the segments without tokens.
        blends: those of earlier edits that still hold: id of the later segment → half-width.
        fills: likewise, and of the first segment to close a loop; those without tokens are found
            now.
        repair: all of `KINDS`, none, or only some.
        provenance: facts to keep with the motion.
        generate: makes other takes, at most once, of at most `MOST_TAKES` segments of which
            several have the same id; `generate_segments` if left out.

    Raises:
        InputError: there is no segment, two have the same id, or a fill has no tokens and the
            engine cannot find them.
        GenerationError: no usable motion came out for another take.
    """
    kinds = (KINDS if repair else ()) if isinstance(repair, bool) else tuple(repair)
    ids = [segment.id for segment in segments]
    kept = {name: width for name, width in (blends or {}).items() if name in ids[1:]}
    filled = {name: fill for name, fill in (fills or {}).items() if name in ids}
    clips = Clips() if clips is None else clips
    work = Mending(engine, list(segments), frozenset(new), clips, kept, filled)
    work.find_fills()
    motion = work.assembled(provenance)
    seams = measure_seams(motion)
    if not kinds or not any(seam.bad for seam in seams):
        return Joined(motion, tuple(segments), seams, (), kept, work.fills)
    with stage("repairing joins"):
        repairs = work.mend(
            seams, kinds, generate or (lambda takes: generate_segments(engine, takes, clips=clips))
        )
    motion = work.assembled(provenance)
    seams = measure_seams(motion)
    kept_repairs = tuple(
        replace(repair, severity=(repair.severity[0], seams[at].severity))
        for at, repair in sorted(repairs.items())
        if repair.won or seams[at].bad
    )
    return Joined(motion, tuple(work.segments), seams, kept_repairs, work.blends, work.fills)
