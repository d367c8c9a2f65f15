"""The studio: engine, store, workspace and journal. Whoever makes or reads motion comes here.

    studio = Studio()
    rendering = studio.render(Timeline().insert("a person walks").insert("a person bows"))
    rendering.motions[1].export("walk.bvh")

`Studio.render` is the only way from descriptions to motion: all pending segments in batches, each
written down in the journal before anything else happens; one decode over the tokens of a person;
bad joins repaired; the motion kept in the store. The graph, the tools, the command line and the
notebooks are callers of it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from .abilities import nearest_actions
from .batching import Batcher
from .composition import check_codebook, filled_segment, keep_take, segment_request
from .engine import (
    CancelToken,
    MotionEngine,
    Progress,
    Take,
    TokenEngine,
    unknown_words,
)
from .errors import ConfigurationError, GenerationError, InputError
from .exporting import export, export_suffix
from .foreign_tokens import ForeignTokens
from .joining import Joined, join_segments
from .journal import KEPT, KEPT_OF_USER, Clips, Key, SegmentJournal
from .limits import MAX_DESCRIPTION, Limits
from .mending import Repair
from .motion import FRAMES_PER_TOKEN, MAX_FRAMES, Motion, Segment
from .placement import Placement
from .provenance import known_timeline
from .seams import SeamReport
from .serving import ServedEngine, cancelled_by, current_cancel, serve_engine
from .stages import stage
from .store import MotionStore, is_motion_id
from .timeline import Timeline
from .users import Usage, user_key
from .workspace import Workspace

JOURNAL = "segments.jsonl"  # beside the motions, where they are in a folder
_BATCH = 10  # descriptions that are written down together: what the default engine decodes at once
_LONG = 200  # frames, 10 s, above which a motion is captioned segment by segment
_MAX_USERS = 256  # whose studios are open

Listener = Callable[[Segment, int, int], None]
"""Called with (segment, its number, how many) for each segment that is generated."""


@dataclass(frozen=True)
class Rendering:
    """A timeline as motion.

    Attributes:
        timeline: with its segments generated, its blends, and the ids of its motions.
        motions: by person.
        new: ids of the segments that were pending.
        seams: by person, a report for each join of what was rendered now.
        repairs: what was done about bad joins.
        unknown: words of the new descriptions that training did not know.
        nearest: known actions that are near to what was unknown.
    """

    timeline: Timeline
    motions: Mapping[int, Motion]
    new: tuple[str, ...] = ()
    seams: Mapping[int, tuple[SeamReport, ...]] = field(default_factory=dict)
    repairs: tuple[Repair, ...] = ()
    unknown: tuple[str, ...] = ()
    nearest: tuple[str, ...] = ()


class Studio:
    """Engine, motion store, workspace and journal of one host. Thread-safe.

    Args:
        engine: an engine, or the name of one (`engines.load_engine`), which is loaded on first use
            and once in a process; None for ``$MOTION_AGENT_ENGINE``, else the default one.
        store: where motions are kept; a new one in memory by default. The journal is beside it.
        workspace: the only folder whose files may be read, and where new ones may be written;
            None allows no files.
        repair_seams: repair joins between segments that are seen to be bad.
        limits: what one call and one user may have.

    Raises:
        ConfigurationError: `store` is no motion store.
    """

    def __init__(
        self,
        engine: MotionEngine | ServedEngine | str | None = None,
        store: MotionStore | None = None,
        workspace: str | Path | Workspace | None = None,
        *,
        repair_seams: bool = True,
        limits: Limits | None = None,
    ) -> None:
        if store is not None and not isinstance(store, MotionStore):
            raise ConfigurationError(
                f"a {type(store).__name__} is no motion store; give MotionStore(place), with a"
                " folder or a shelf (motion_core.shelf) as its place"
            )
        self.store = MotionStore() if store is None else store
        self.workspace = workspace if isinstance(workspace, Workspace) else Workspace(workspace)
        self.repair_seams = repair_seams
        self.limits = limits or Limits()
        self.usage = Usage(self.limits)
        folder = self.store.folder
        self.journal = SegmentJournal(
            None if folder is None else folder / JOURNAL,
            kept=KEPT_OF_USER if self.store.is_part else KEPT,
        )
        self._served = serve_engine(engine)
        self._foreign = ForeignTokens(self._served, self.journal.clips)
        self._users: OrderedDict[str, Studio] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def engine(self) -> MotionEngine:
        """The engine; see `ServedEngine.engine`."""
        return self._served.engine

    @property
    def batcher(self) -> Batcher:
        """Brings calls that come at the same time, of all users of the engine, into one batch."""
        return self._served.batcher

    def of(self, user: str | None) -> Studio:
        """Return the studio of a user: the same engine, and a store and files of their own.

        Args:
            user: any text that names them, such as the id of their account; None for nobody in
                particular, which is this studio.

        Raises:
            ConfigurationError: the name is empty, or none.
        """
        if user is None:
            return self
        key = user_key(user)
        with self._lock:
            studio = self._users.get(key)
            if studio is None:
                studio = self._users[key] = Studio(
                    self._served,
                    self.store.of(user),
                    self.workspace.of(user),
                    repair_seams=self.repair_seams,
                    limits=self.limits,
                )
                if len(self._users) > _MAX_USERS:
                    self._users.popitem(last=False)
            self._users.move_to_end(key)
            return studio

    def warm_up(self, progress: Progress | None = None) -> None:
        """Load the engine and its weights now; see `ServedEngine.warm_up`."""
        self._served.warm_up(progress)

    @contextmanager
    def call(self, cancel: CancelToken | None = None) -> Iterator[CancelToken]:
        """Count what is done within as one call of this user, and stop it where it takes too long.

        Args:
            cancel: stops it before; that of the asynchronous call it belongs to if None.

        Raises:
            InputError: the user has too many calls under way.
        """
        with self.usage.call(cancel or current_cancel()) as token, cancelled_by(token):
            yield token

    async def run(self, work: Callable[[], Any]) -> Any:
        """Do something in a thread, and stop it if this task is cancelled: `ServedEngine.run`."""
        return await self._served.run(work)

    def __deepcopy__(self, memo: dict[int, Any]) -> Studio:
        return self  # one host, however often its tools are copied

    def __reduce__(self) -> tuple[Any, ...]:
        settings = (self.repair_seams, self.limits)
        return _unpickled, (self._served.source, self.store, self.workspace, *settings)

    @property
    def clips(self) -> Clips:
        """Features of segments without tokens."""
        return self.journal.clips

    @property
    def threads(self) -> ThreadPoolExecutor:
        """Where asynchronous calls work."""
        return self._served.threads

    # ---- rendering -------------------------------------------------------------------------

    def render(
        self,
        timeline: Timeline,
        *,
        progress: Progress | None = None,
        listener: Listener | None = None,
        cancel: CancelToken | None = None,
    ) -> Rendering:
        """Generate what is pending, decode each person as a whole, repair bad joins.

        What the timeline's `motions` say is rendered already is not rendered again. The same
        timeline always becomes the same motion.

        Args:
            timeline: what to render.
            progress: is told how far generating is.
            listener: is told of each new segment.
            cancel: stops it; what the journal has is not lost. That of the `call` if None.

        Raises:
            InputError: no segments, a description that cannot be generated, too many frames, or
                more than the limits allow.
            GenerationError: no usable motion came out.
            Cancelled: `cancel` was set meanwhile.
        """
        if not timeline.segments:
            raise InputError("the timeline is empty; say what the person should do")
        cancel = cancel or current_cancel()
        pending = timeline.pending
        for person in timeline.people:
            segments = timeline.of(person)
            self.usage.check_motion(len(segments), sum(s.seconds or s.duration for s in segments))
        filled = iter(self._generate(pending, progress, cancel))
        timeline = replace(
            timeline, segments=tuple(next(filled) if s.pending else s for s in timeline.segments)
        )
        new = tuple(segment.id for segment in pending)
        for number, segment in enumerate(pending, start=1):
            if listener is not None:
                listener(timeline.find(segment.id), number, len(pending))
        motions: dict[int, Motion] = {}
        seams: dict[int, tuple[SeamReport, ...]] = {}
        repairs: list[Repair] = []
        for person in timeline.people:
            motion_id = timeline.motions.get(person)
            if motion_id is not None and motion_id in self.store:
                motions[person] = self.store.get(motion_id)
                continue
            if cancel is not None:
                cancel.check()
            joined = self._join(timeline, person, new, cancel)
            timeline = _with_joined(timeline, joined)
            motion_id = self.store.add(joined.motion)
            timeline = replace(timeline, motions={**timeline.motions, person: motion_id})
            motions[person] = joined.motion
            seams[person] = joined.seams
            repairs += joined.repairs
        descriptions = [segment.description for segment in pending]
        with stage("coverage"):
            words = tuple(unknown_words(self.engine, descriptions))
            nearest = nearest_actions(self.engine, descriptions) if words else ()
        return Rendering(timeline, motions, new, seams, tuple(repairs), words, nearest)

    def _join(
        self, timeline: Timeline, person: int, new: Collection[str], cancel: CancelToken | None
    ) -> Joined:
        segments = timeline.of(person)
        frames = sum(segment.frames for segment in segments)
        if frames > MAX_FRAMES:
            raise InputError(f"the motion would have {frames} frames; the limit is {MAX_FRAMES}")
        check_codebook(self.engine, segments)
        own = {segment.id for segment in segments}
        # One that was rendered before and is only no longer in the store is not repaired again.
        lost = person in timeline.motions
        joined = join_segments(
            self.engine,
            segments,
            new=own.intersection(new),
            clips=self.clips,
            blends={i: width for i, width in timeline.blends.items() if i in own},
            fills={i: fill for i, fill in timeline.fills.items() if i in own},
            repair=self.repair_seams and not lost,
            generate=lambda takes: self._generate(takes, None, cancel),
        )
        facts: dict[str, Any] = {"seed": timeline.seed, "next_segment": timeline.next_segment}
        if joined.blends:
            facts["blends"] = dict(joined.blends)
        return replace(joined, motion=joined.motion.with_provenance(**facts))

    def _generate(
        self, segments: Sequence[Segment], progress: Progress | None, cancel: CancelToken | None
    ) -> list[Segment]:
        """Generate the segments, taking from the journal those generated before."""
        keys = [self._key(segment) for segment in segments]
        known = {key: entry for key in keys if (entry := self.journal.get(key)) is not None}
        missing = [i for i, key in enumerate(keys) if key not in known]
        self.usage.charge(len(missing))
        batches = [missing[i : i + _BATCH] for i in range(0, len(missing), _BATCH)]
        for number, batch in enumerate(batches):
            step = None if progress is None else _share(progress, number, len(batches))
            requests = [segment_request(segments[i]) for i in batch]
            takes = self.batcher.generate(requests, progress=step, cancel=cancel)
            if len(takes) != len(requests):
                raise GenerationError(
                    f"the engine {self.engine.name} returned {len(takes)} takes for"
                    f" {len(requests)} descriptions"
                )
            for i, take in zip(batch, takes, strict=True):
                known[keys[i]] = keep_take(self.engine, take, self.clips)
                self.journal.put(keys[i], known[keys[i]])
        return [
            filled_segment(self.engine, s, known[key])
            for s, key in zip(segments, keys, strict=True)
        ]

    def _key(self, segment: Segment) -> Key:
        return self.engine.name, segment.description, segment.seed, segment.seconds

    # ---- reading and writing ---------------------------------------------------------------

    def find(self, reference: str) -> Motion:
        """Return the motion with that id, or in that file of the workspace.

        Raises:
            InputError: neither; the message says what there is.
        """
        reference = reference.strip()
        if is_motion_id(reference) or (self.workspace.folder is None and "." not in reference):
            return self.store.get(reference)
        return self.workspace.read(reference)

    def open(self, motion: Motion | str) -> Timeline:
        """Return the timeline of a motion, to edit it: its segments, or one of the whole.

        Args:
            motion: a motion, its id, or the name of a file of the workspace.

        Raises:
            InputError: there is no such motion.
        """
        motion = self.find(motion) if isinstance(motion, str) else motion
        if motion.segments:
            segments = self._foreign.segments_of(motion)
        else:
            entry = keep_take(self.engine, self.take(motion), self.clips)
            description = self.caption(motion)[:MAX_DESCRIPTION]
            segments = (filled_segment(self.engine, Segment("s1", description), entry),)
        timeline = known_timeline(motion, segments)
        if timeline.segments == motion.segments:
            timeline = replace(timeline, motions={1: self.store.add(motion)})
        return timeline

    def readable(self, timeline: Timeline) -> Timeline:
        """Return a timeline that can be edited here: tokens of another tokenizer become clips.

        Their features are those of the motions that were rendered from it. Where these are no
        longer in the store the segments stay, and rendering them says so.
        """
        return self._foreign.without(timeline, self.store)

    def take(self, motion: Motion) -> Take:
        """Return the motion as the engine reads it: features, and tokens where it has any."""
        tokens = () if self._foreign.in_motion(motion) else motion.tokens
        if len(tokens) != max(1, len(motion) // FRAMES_PER_TOKEN):
            engine = self.engine
            tokens = engine.encode(motion.features) if isinstance(engine, TokenEngine) else ()
        return Take(tokens, motion.features)

    def caption(self, motion: Motion) -> str:
        """Say what the engine sees in the motion; a long one is read segment by segment.

        Raises:
            ConfigurationError: the engine writes no captions.
            Cancelled: the token of the `call` was set meanwhile.
        """
        spans, cancel = motion.segment_frames(), current_cancel()
        if len(motion) <= _LONG or len(spans) < 2:
            return self.batcher.caption([self.take(motion)], cancel=cancel)[0]
        # A window that lies across a join shows half of one action and half of another.
        foreign = self._foreign.in_motion(motion)
        parts = [
            Take(() if foreign else s.tokens, motion.features[first:end]) for s, first, end in spans
        ]
        captions = self.batcher.caption(parts, cancel=cancel)
        return ", then ".join(text for text, _ in groupby(captions))

    def export(
        self, motions: Sequence[Motion], name: str, placement: Placement | None = None
    ) -> tuple[Path, ...]:
        """Write one motion, or those of two people, to a new file in the workspace.

        Args:
            motions: person 1's, perhaps person 2's.
            name: file name; the suffix says the format. If it is taken, the next free one is used.
            placement: of person 2; face to face if None.

        Returns:
            The files that were written.

        Raises:
            InputError: see `Workspace.write` and `exporting.export`; or the user's files are larger
                than the limit.
            UnavailableError: the file cannot be written.
        """
        export_suffix(repr(name)[1:-1])  # without null bytes; told before anything is looked at
        if self.limits.file_bytes is not None:
            self.usage.check_files(self.workspace.size())
        return self.workspace.write(name, lambda path: export(motions, path, placement=placement))


def _unpickled(
    source: MotionEngine | str,
    store: MotionStore,
    workspace: Workspace,
    repair_seams: bool,
    limits: Limits,
) -> Studio:
    return Studio(source, store, workspace, repair_seams=repair_seams, limits=limits)


def _with_joined(timeline: Timeline, joined: Joined) -> Timeline:
    """Return the timeline with one person's segments, blends and fills as joined."""
    own = {segment.id: segment for segment in joined.segments}
    blends = {i: width for i, width in timeline.blends.items() if i not in own}
    fills = {i: fill for i, fill in timeline.fills.items() if i not in own}
    return replace(
        timeline,
        segments=tuple(own.get(segment.id, segment) for segment in timeline.segments),
        blends={**blends, **joined.blends},
        fills={**fills, **joined.fills},
    )


def _share(progress: Progress, number: int, count: int) -> Progress:
    """Return the progress of one of several batches as that of the whole."""
    return lambda done, total: progress(number * total + done, count * total)
