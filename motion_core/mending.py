"""Repairs of bad seams, each tried and measured: take, trim, blend, fill.

1. **take**: the later segment from other seeds (the earlier one if the later is not new); all seams
   and seeds in one batch. It gives the best joins but takes seconds rather than milliseconds, so it
   is for seams that the others do not fix.
2. **trim**: up to 0.4 s off the two segments where they meet; only of tokens.
3. **blend**: the decoded features around the seam (`blend_seams`); it touches no token.
4. **fill**: new tokens between the two stretches, from an engine that can (`FillEngine`), instead
   of a blend. They cover the segments' own tokens, which are kept.

Only segments that are new in this edit are retaken or trimmed. A repair is kept if it improves its
seam by the measure and makes no other seam bad.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from .composition import assemble
from .engine import CaptionEngine, FillEngine, MotionEngine, Take
from .errors import InputError
from .journal import Clips
from .motion import FRAMES_PER_TOKEN, Fill, Motion, Segment
from .seams import SeamReport, measure_seams
from .skeleton import FPS

Kind = Literal["take", "trim", "blend", "fill"]
Generate = Callable[[Sequence[Segment]], Sequence[Segment]]

KINDS: tuple[Kind, ...] = ("take", "trim", "blend", "fill")
TAKES = 3  # other seeds of a segment to try
ROUGH = 2.0  # severity from which takes are tried: they take ten times as long as the rest together
MOST_TAKES = 6  # takes in all: generation dominates the time; the worst seams come first
RETAKE = 100  # difference between the seeds of those takes
CUTS = ((0, 1), (1, 0), (0, 2), (1, 1), (2, 0))  # tokens off the earlier and the later segment
SHORTEST = 5  # tokens, 1 s: the minimum length after trimming
HALF_WIDTHS = (4, 8, 12)  # half-widths of the blend in frames
COVERS = (2, 3, 4, 6)  # tokens on either side that a fill covers
FILL_SEEDS = 2  # fills of each length
CONTEXT = 24  # tokens on either side that affect a decoded frame, and a few more
# Without their endings, so "hi" is "his".
_EMPTY_WORDS = {"a", "an", "the", "i", "and", "then", "with", "in", "to", "person", "hi", "her"}
_GAIN = 0.05  # minimum relative gain in severity for a repair


@dataclass(frozen=True)
class Repair:
    """A repair of a bad seam.

    Attributes:
        before, after: ids of the two segments.
        tried: the kinds tried, in order.
        won: the kinds that improved the seam and were kept; they add up.
        retaken: id of the segment with another take, or empty.
        seed: the seed of that take.
        trimmed: tokens cut off the earlier segment's end and the later one's beginning.
        half_width: frames blended on either side.
        filled: number of new tokens.
        severity: `SeamReport.severity` before and after; up to 1 is good.
    """

    before: str
    after: str
    tried: tuple[Kind, ...]
    won: tuple[Kind, ...] = ()
    retaken: str = ""
    seed: int | None = None
    trimmed: tuple[int, int] = (0, 0)
    half_width: int = 0
    filled: int = 0
    severity: tuple[float, float] = (0.0, 0.0)

    @property
    def kind(self) -> Literal["take", "trim", "blend", "fill", "none"]:
        """The last repair that was kept, or ``none``."""
        return self.won[-1] if self.won else "none"

    def __str__(self) -> str:
        names = {
            "take": f"another take of {self.retaken} (seed {self.seed})",
            "trim": f"{sum(self.trimmed) * FRAMES_PER_TOKEN / FPS:.1f} s trimmed",
            "blend": f"a blend over {2 * self.half_width / FPS:.1f} s",
            "fill": f"a new transition of {self.filled * FRAMES_PER_TOKEN / FPS:.1f} s",
        }
        seam = f"the join of {self.before} and {self.after}"
        if not self.won:
            tries = f"; tried in vain: {', '.join(self.tried)}" if self.tried else ""
            return f"{seam} stays rough{tries}"
        how = " and ".join(names[kind] for kind in self.won)
        return f"{seam}: mended by {how}" if self.severity[1] <= 1 else f"{seam}: better by {how}"


@dataclass(frozen=True)
class _Change:
    """A candidate change at a seam: other segments by position, a blend, or a fill.

    `facts` are fields of the resulting `Repair`.
    """

    facts: Mapping[str, Any]
    segments: Mapping[int, Segment] = field(default_factory=dict)
    blends: Mapping[str, int] = field(default_factory=dict)
    fills: Mapping[str, Fill] = field(default_factory=dict)


@dataclass
class Mending:
    """The timeline during mending. Seam k is between segments k and k + 1."""

    engine: MotionEngine
    segments: list[Segment]
    new: frozenset[str]
    clips: Clips
    blends: dict[str, int]
    fills: dict[str, Fill]

    def assembled(self, provenance: Mapping[str, Any] | None = None) -> Motion:
        return assemble(
            self.engine,
            self.segments,
            clips=self.clips,
            blends=self.blends,
            fills=self.fills,
            provenance=provenance,
        )

    def find_fills(self) -> None:
        """Generate the tokens of fills that have none yet."""
        before = (*self.segments[-1:], *self.segments)
        for earlier, later in zip(before, self.segments, strict=False):
            fill = self.fills.get(later.id)
            if fill is not None and not fill.tokens:
                found = self._fill(earlier, later, fill.before, fill.after, later.seed)
                self.fills[later.id] = found

    def mend(
        self, seams: Sequence[SeamReport], kinds: Sequence[Kind], generate: Generate
    ) -> dict[int, Repair]:
        """Mend the bad seams in place; return the repairs by seam."""
        bad = {
            at: Repair(seam.before, seam.after, (), severity=(seam.severity, 0.0))
            for at, seam in enumerate(seams)
            if seam.bad
        }
        # Alone, takes are for every bad seam; with the others, for what they leave rough.
        limit = ROUGH if len(kinds) > 1 else 1.0
        quick = replace(
            self,
            segments=list(self.segments),
            blends=dict(self.blends),
            fills=dict(self.fills),
        )
        repairs = quick._without_takes(bad, kinds)
        if "take" in kinds:
            rough = [at for at in bad if quick._severity(at) > limit]
            takes = self._takes(sorted(rough, key=lambda at: -seams[at].severity), generate)
            if takes:
                for at, changes in takes.items():
                    bad[at] = self._best(at, "take", changes, bad[at])
                return self._without_takes(bad, kinds)
        self.segments, self.blends, self.fills = quick.segments, quick.blends, quick.fills
        return repairs

    def _without_takes(
        self, repairs: Mapping[int, Repair], kinds: Sequence[Kind]
    ) -> dict[int, Repair]:
        done = dict(repairs)
        if "trim" in kinds:
            done = {at: self._best(at, "trim", self._trims(at), r) for at, r in done.items()}
        if "blend" in kinds:
            done = {at: self._best(at, "blend", self._blends(at), r) for at, r in done.items()}
        if "fill" in kinds:
            done = {at: self._best(at, "fill", self._fills(at), r) for at, r in done.items()}
        return done

    def _severity(self, at: int) -> float:
        place, seams = self._measure(at)
        return seams[place].severity

    def _best(self, at: int, kind: Kind, changes: Iterable[_Change], repair: Repair) -> Repair:
        """Make the first change that leaves the seam good, else the most helpful one."""
        place, before = self._measure(at)
        if not before[place].bad:  # a neighbour's repair was enough
            return repair
        best: tuple[float, _Change] | None = None
        change = None
        for change in changes:
            _, after = self._measure(at, change)
            severity = after[place].severity
            if severity > (1 - _GAIN) * before[place].severity or any(
                seam.bad and seam.severity > (1 + _GAIN) * old.severity
                for seam, old in zip(after, before, strict=True)
            ):
                continue
            if best is None or severity < best[0]:
                best = (severity, change)
            if not after[place].bad:
                break
        if change is None:
            return repair
        repair = replace(repair, tried=(*repair.tried, kind))
        if best is None:
            return repair
        self.segments = self._changed(best[1])
        self.blends = _set(self.blends, best[1].blends)
        self.fills.update(best[1].fills)
        return replace(repair, won=(*repair.won, kind), **best[1].facts)

    def _measure(
        self, at: int, change: _Change | None = None
    ) -> tuple[int, tuple[SeamReport, ...]]:
        """Return the reports of the seams around seam `at`, and its index among them, as if
        changed.

        Only the two segments and the context of their decoding are decoded, so that a try costs the
        same in long and short motions.
        """
        first, last = max(0, at - 1), min(len(self.segments), at + 3)
        while first > 0 and _tokens(self.segments[first:at]) < CONTEXT:
            first -= 1
        while last < len(self.segments) and _tokens(self.segments[at + 2 : last]) < CONTEXT:
            last += 1
        segments = (self._changed(change) if change else self.segments)[first:last]
        fills = {**self.fills, **change.fills} if change else self.fills
        motion = assemble(
            self.engine,
            segments,
            clips=self.clips,
            blends=_set(self.blends, change.blends) if change else self.blends,
            fills={s.id: fills[s.id] for s in segments[1:] if s.id in fills},  # closes no loop
        )
        return at - first, measure_seams(motion)

    def _changed(self, change: _Change) -> list[Segment]:
        return [change.segments.get(i, segment) for i, segment in enumerate(self.segments)]

    # ---- what can be tried at a seam --------------------------------------------------------

    def _takes(self, seams: Sequence[int], generate: Generate) -> dict[int, list[_Change]]:
        """Return other takes for seams in order of urgency, all generated as one batch."""
        pending: dict[int, list[Segment]] = {}  # by position of the segment
        position: dict[int, int] = {}  # of the segment that each seam would have retaken
        for at in seams:
            new = [i for i in (at + 1, at) if self.segments[i].id in self.new]
            if not new:
                continue
            if new[0] not in pending:
                if TAKES * (len(pending) + 1) > MOST_TAKES:
                    continue
                segment = self.segments[new[0]]
                pending[new[0]] = [
                    replace(
                        segment,
                        seed=segment.seed + RETAKE * take,
                        tokens=(),
                        clip="",
                        clip_frames=0,
                    )
                    for take in range(1, TAKES + 1)
                ]
            position[at] = new[0]
        if not pending:
            return {}
        order = [i for i, takes in pending.items() for _ in takes]
        generated = generate([segment for takes in pending.values() for segment in takes])
        shown = self._shown([*generated, *(self.segments[i] for i in pending)])
        least = dict(zip(pending, shown[len(generated) :], strict=True))
        takes: dict[int, list[Segment]] = {i: [] for i in pending}
        for i, segment, words in zip(order, generated, shown, strict=False):
            # A smoother join is not worth a motion that shows less of its description.
            if words >= least[i]:
                takes[i].append(segment)
        return {
            at: [
                _Change({"retaken": take.id, "seed": take.seed}, segments={i: take})
                for take in takes[i]
            ]
            for at, i in position.items()
        }

    def _shown(self, segments: Sequence[Segment]) -> list[int]:
        """Return how many words of its description each segment shows; 0 if the engine does not
        say.
        """
        if not isinstance(self.engine, CaptionEngine):
            return [0] * len(segments)
        takes = [
            Take(s.tokens) if s.tokens else Take(features=self.clips[s.clip]) for s in segments
        ]
        captions = self.engine.caption(takes)
        return [_words_shown(s.description, c) for s, c in zip(segments, captions, strict=True)]

    def _trims(self, at: int) -> list[_Change]:
        one, other = self.segments[at : at + 2]
        changes = []
        for cut in CUTS:
            if all(
                count == 0 or self._can_lose(segment, count)
                for segment, count in zip((one, other), cut, strict=True)
            ):
                shorter = {
                    at: replace(one, tokens=one.tokens[: len(one.tokens) - cut[0]]),
                    at + 1: replace(other, tokens=other.tokens[cut[1] :]),
                }
                changes.append(_Change({"trimmed": cut}, segments=shorter))
        return changes

    def _can_lose(self, segment: Segment, count: int) -> bool:
        return (
            segment.id in self.new
            and not segment.seconds  # a requested duration is kept
            and len(segment.tokens) - count >= SHORTEST
        )

    def _blends(self, at: int) -> list[_Change]:
        """Return the blends that leave at least half of either segment as decoded."""
        one, other = self.segments[at : at + 2]
        room = min(one.frames, other.frames) // 2
        before = self.blends.get(other.id, 0)
        return [
            _Change({"half_width": width}, blends={other.id: width})
            for width in HALF_WIDTHS
            if before < width <= room
        ]

    def _fills(self, at: int) -> Iterator[_Change]:
        """Return the fills that leave at least half of either segment unchanged, instead of any
        blend.
        """
        one, other = self.segments[at : at + 2]
        if not isinstance(self.engine, FillEngine):
            return
        room = min(len(one.tokens), len(other.tokens)) // 2
        for cover in COVERS:
            if cover > room:
                return
            for number in range(FILL_SEEDS):
                fill = self._fill(one, other, cover, cover, other.seed + number)
                yield _Change({"filled": 2 * cover}, blends={other.id: 0}, fills={other.id: fill})

    def _fill(self, one: Segment, other: Segment, before: int, after: int, seed: int) -> Fill:
        """Return new tokens that lead from one segment into another."""
        if not isinstance(self.engine, FillEngine):
            raise InputError(
                f"the engine {self.engine.name} makes no transitions; use one that can, such as"
                " motionllm"
            )
        if len(one.tokens) < before or len(other.tokens) < after or not before + after:
            raise InputError(
                f"a transition from {one.id} to {other.id} covers {before} and {after} tokens; they"
                f" have {len(one.tokens)} and {len(other.tokens)}"
            )
        earlier, later = one.tokens[: len(one.tokens) - before], other.tokens[after:]
        return Fill(self.engine.fill(earlier, later, before + after, seed=seed), before, after)


def _set(blends: Mapping[str, int], changed: Mapping[str, int]) -> dict[str, int]:
    """Return the blends after a change, in which a width of 0 means none."""
    return {name: width for name, width in {**blends, **changed}.items() if width}


def _tokens(segments: Sequence[Segment]) -> int:
    return sum(segment.frames // FRAMES_PER_TOKEN for segment in segments)


def _words_shown(description: str, caption: str) -> int:
    """Return how many words of the description are also in the caption, ignoring endings."""
    one, other = (
        {re.sub(r"(?:ing|ed|es|s)$", "", word) for word in re.findall(r"[a-z]+", text.lower())}
        for text in (description, caption)
    )
    return len(one & other - _EMPTY_WORDS)
