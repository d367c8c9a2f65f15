"""What the tools share: the engine, loaded when first needed, the store and the workspace."""

from __future__ import annotations

import threading
from pathlib import Path

from ..motion_core.engine import DEFAULT_ENGINE, MotionEngine, load_engine
from ..motion_core.motion import Motion
from ..motion_core.store import MotionStore, Workspace, is_motion_id


class Workbench:
    """Engine, motion store and workspace of one host. Thread-safe.

    Args:
        engine: an engine, or the name or folder of one; it is loaded on first use.
        store: where made motions are kept; a new one in memory by default.
        workspace: the only folder whose files may be read; None allows no files.
    """

    def __init__(
        self,
        engine: MotionEngine | str | None = None,
        store: MotionStore | None = None,
        workspace: str | Path | None = None,
    ) -> None:
        self.store = MotionStore() if store is None else store
        self.workspace = Workspace(workspace)
        self._engine = DEFAULT_ENGINE if engine is None else engine
        self._lock = threading.Lock()

    @property
    def engine(self) -> MotionEngine:
        """The engine.

        Raises:
            ConfigurationError: there is no such engine.
            UnavailableError: its weights cannot be had.
        """
        if isinstance(self._engine, str):
            with self._lock:
                if isinstance(self._engine, str):
                    self._engine = load_engine(self._engine)
        return self._engine

    def find(self, reference: str) -> Motion:
        """The motion with that id, or in that file of the workspace.

        Raises:
            InputError: neither; the message says what there is.
        """
        reference = reference.strip()
        if is_motion_id(reference) or (self.workspace.folder is None and "." not in reference):
            return self.store.get(reference)
        return self.workspace.read(reference)

    def caption(self, motion: Motion) -> str:
        """What the engine sees in the motion."""
        tokens = motion.tokens or self.engine.encode(motion.features)
        return self.engine.caption([tokens])[0]
