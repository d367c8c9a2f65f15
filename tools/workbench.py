"""What the tools share: engine, store, workspace and the threads of asynchronous calls."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

from ..motion_core.batching import BatchingEngine
from ..motion_core.engine import DEFAULT_ENGINE, MotionEngine, load_engine
from ..motion_core.exporting import export, export_suffix
from ..motion_core.joining import join_segments
from ..motion_core.motion import FRAMES_PER_TOKEN, Motion, Segment
from ..motion_core.placement import Placement
from ..motion_core.store import MotionStore, is_motion_id
from ..motion_core.workspace import Workspace

_READ_AT_ONCE = 50  # motion tokens, 10 s
_THREADS = 64  # calls that can be waiting for the next batch; most of them only wait


class Workbench:
    """Engine, motion store and workspace of one host. Thread-safe.

    Args:
        engine: an engine, or the name or folder of one; it is loaded on first use.
        store: where made motions are kept; a new one in memory by default.
        workspace: the only folder whose files may be read, and where new ones may be written;
            None allows no files.
    """

    def __init__(
        self,
        engine: MotionEngine | str | None = None,
        store: MotionStore | None = None,
        workspace: str | Path | None = None,
    ) -> None:
        self.store = MotionStore() if store is None else store
        self.workspace = Workspace(workspace)
        self._asked = DEFAULT_ENGINE if engine is None else engine
        self._engine: BatchingEngine | None = None
        self._lock = threading.Lock()

    @property
    def engine(self) -> BatchingEngine:
        """The engine; what comes from several threads at once goes to it as one batch.

        Raises:
            ConfigurationError: there is no such engine.
            UnavailableError: its weights cannot be had.
        """
        with self._lock:
            if self._engine is None:
                asked = self._asked
                engine = load_engine(asked) if isinstance(asked, str) else asked
                if not isinstance(engine, BatchingEngine):
                    engine = BatchingEngine(engine)
                self._engine = engine
            return self._engine

    @cached_property
    def threads(self) -> ThreadPoolExecutor:
        """Where asynchronous calls work; a thread is started when one is needed."""
        return ThreadPoolExecutor(_THREADS, thread_name_prefix="motion-agent")

    def find(self, reference: str) -> Motion:
        """The motion with that id, or in that file of the workspace.

        Raises:
            InputError: neither; the message says what there is.
        """
        reference = reference.strip()
        if is_motion_id(reference) or (self.workspace.folder is None and "." not in reference):
            return self.store.get(reference)
        return self.workspace.read(reference)

    def tokens(self, motion: Motion) -> tuple[int, ...]:
        """The motion's tokens, made from its features where a file does not tell as many."""
        told = max(1, len(motion) // FRAMES_PER_TOKEN)
        return motion.tokens if len(motion.tokens) == told else self.engine.encode(motion.features)

    def join(
        self,
        segments: Sequence[Segment],
        *,
        blends: Mapping[str, int] | None = None,
        provenance: Mapping[str, Any],
    ) -> Motion:
        """The motion of these segments, decoded as a whole; joins that are rough are blended.

        Durations and tokens stay as they are. The blends are in the provenance.

        Args:
            segments: in order.
            blends: those that hold already, as `join_segments` has them.
            provenance: facts to keep with the motion.

        Raises:
            InputError: there is no segment, or two have the same id.
        """
        joined = join_segments(
            self.engine,
            segments,
            requests={},
            blends=blends,
            repair=("blend",),
            provenance=provenance,
        )
        blended = dict(joined.blends)
        return joined.motion.with_provenance(blends=blended) if blended else joined.motion

    def caption(self, motion: Motion) -> str:
        """What the engine sees in the motion; a long one is read segment by segment."""
        tokens = self.tokens(motion)
        parts = [segment.tokens for segment in motion.segments if segment.tokens]
        if len(tokens) <= _READ_AT_ONCE or len(parts) < 2 or tokens != motion.tokens:
            return self.engine.caption([tokens])[0]
        # A window that lies across a join shows half of one action and half of another.
        return ", then ".join(said for said, _ in groupby(self.engine.caption(parts)))

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
            InputError: see `Workspace.write` and `exporting.export`.
            UnavailableError: the file cannot be written.
        """
        export_suffix(repr(name)[1:-1])  # without null bytes; told before anything is looked at
        return self.workspace.write(name, lambda path: export(motions, path, placement=placement))
