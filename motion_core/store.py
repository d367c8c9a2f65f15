"""The motion store: where motions are kept, by id.

Ids come from LLMs and strangers: one must look like an id before it is looked up.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from pathlib import Path

from .arrivals import Arrivals
from .atomic import private_folder
from .errors import InputError, UnavailableError
from .motion import Motion

_ID = re.compile(r"m-[0-9a-f]{6,12}")
_KEEP_LOADED = 64  # motions kept in memory beside a folder
MAX_KEPT = 500  # motions of a store without a folder; those that were used last stay
_LATEST = 5  # ids in a hint


class MotionStore:
    """Motions by id, in memory or in a folder that survives restarts. Thread-safe.

    Files and the folders made for them can be read by their owner alone.

    Args:
        folder: where to keep one ``.npz`` a motion; None keeps the last `MAX_KEPT` in memory.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = None if folder is None else Path(folder)
        self._arrivals = None if self.folder is None else Arrivals(self.folder)
        self._motions: OrderedDict[str, Motion] = OrderedDict()
        self._came: dict[str, None] = {}  # what is in memory, in order of arrival
        self._lock = threading.RLock()

    def add(self, motion: Motion) -> str:
        """Keep the motion and give its id; the same motion again gives the same id.

        The id is `Motion.id`, longer by a digit or two where another motion has that one.

        Raises:
            UnavailableError: the folder cannot be written.
        """
        with self._lock:
            motion_id = self._free_id(motion)
            if self.folder is not None and not self._path(motion_id).exists():
                self._write(motion, motion_id)
            self._remember(motion_id, motion)
            return motion_id

    def get(self, motion_id: str) -> Motion:
        """The motion with that id.

        Raises:
            InputError: not an id, or an id that is not here; the message lists the latest.
        """
        if not is_motion_id(motion_id):
            raise InputError(
                f"{motion_id[:40]!r} is not a motion id; ids look like m-3fa9c1. {self._hint()}"
            )
        with self._lock:
            if motion_id in self._motions:
                self._motions.move_to_end(motion_id)  # the least used is forgotten
                return self._motions[motion_id]
            if self.folder is not None and self._path(motion_id).is_file():
                from .formats import load_npz

                motion = load_npz(self._path(motion_id))
                self._remember(motion_id, motion)
                return motion
            raise InputError(f"there is no motion {motion_id}. {self._hint()}")

    def list(self) -> tuple[str, ...]:
        """All ids, oldest first."""
        with self._lock:
            if self._arrivals is None:
                return tuple(self._came)
            return self._arrivals.all()

    def latest(self, number: int = _LATEST) -> tuple[str, ...]:
        """The ids that came last, oldest first; however many there are, it reads only the end."""
        with self._lock:
            if self._arrivals is None:
                return tuple(self._came)[-number:]
            return self._arrivals.latest(number)

    def __contains__(self, motion_id: object) -> bool:
        if not isinstance(motion_id, str) or not is_motion_id(motion_id):
            return False
        with self._lock:
            return motion_id in self._motions or (
                self.folder is not None and self._path(motion_id).is_file()
            )

    def __len__(self) -> int:
        return len(self.list())

    def _free_id(self, motion: Motion) -> str:
        motion_id = motion.id
        if motion_id not in self or _same(self.get(motion_id), motion):
            return motion_id
        for digits in range(7, 13):
            motion_id = f"m-{motion.digest[:digits]}"
            if motion_id not in self or _same(self.get(motion_id), motion):
                return motion_id
        raise UnavailableError(f"no free id is left for the motion {motion.id} in this store")

    def _path(self, motion_id: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{motion_id}.npz"

    def _write(self, motion: Motion, motion_id: str) -> None:
        from .formats import save_npz

        path = self._path(motion_id)
        assert self._arrivals is not None
        try:
            private_folder(path.parent)
            with self._arrivals.adding(motion_id):
                save_npz(motion, path, private=True)
        except OSError as err:
            raise UnavailableError(
                f"cannot write the motion store {path.parent}: {err.strerror or err}; "
                "choose a folder that can be written"
            ) from err

    def _remember(self, motion_id: str, motion: Motion) -> None:
        self._motions[motion_id] = motion
        self._came.setdefault(motion_id)
        if len(self._motions) > (MAX_KEPT if self.folder is None else _KEEP_LOADED):
            del self._came[self._motions.popitem(last=False)[0]]

    def _hint(self) -> str:
        latest = self.latest()
        if not latest:
            return "The store is empty: generate a motion first."
        return f"The latest are: {', '.join(reversed(latest))}."


def is_motion_id(text: str) -> bool:
    """Whether `text` has the form of a motion id: ``m-`` and six (to twelve) hex digits."""
    return _ID.fullmatch(text) is not None


def _same(one: Motion, other: Motion) -> bool:
    return one.digest == other.digest
