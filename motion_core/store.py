"""The motion store: where motions are kept, by id.

Ids come from LLMs and strangers: one must look like an id before it is looked up.
"""

from __future__ import annotations

import io
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

from .errors import ConfigurationError, FormatError, InputError, UnavailableError
from .motion import Motion
from .shelf import FolderShelf, Shelf, SqliteShelf
from .shelf import is_motion_id as is_motion_id
from .users import user_key

MAX_KEPT = 500  # motions of a store in memory; the most recently used stay
MAX_KEPT_OF_USER = 50  # … of one user among many
_KEEP_LOADED = 64  # motions cached in memory beside a shelf
_KEEP_LOADED_OF_USER = 4
_MAX_USERS = 1000  # users with open stores; beyond that, stores in memory are lost
_LATEST = 5  # ids in a hint


class MotionStore:
    """Motions by id, in memory or on a shelf that survives restarts. Thread-safe.

    Args:
        place: a folder, for one ``.npz`` a motion; any `Shelf`; None for memory.
        cap: maximum number of motions; None for the last `MAX_KEPT` used in memory, and for all on
            a shelf, where the oldest are dropped.
        expiry: seconds after which a motion is dropped; None for never.

    Attributes:
        is_part: whether it is one user's part of a store: `of`.
    """

    def __init__(
        self,
        place: str | Path | Shelf | None = None,
        *,
        cap: int | None = None,
        expiry: float | None = None,
    ) -> None:
        if place is not None and not isinstance(place, (str, Path, Shelf)):
            raise ConfigurationError(
                f"motions cannot be kept in a {type(place).__name__}; give a folder or a shelf"
                " (motion_core.shelf)"
            )
        if (cap is not None and cap < 1) or (expiry is not None and expiry <= 0):
            raise ConfigurationError(f"cap {cap} and expiry {expiry} must be above 0, or None")
        self.shelf: Shelf | None = FolderShelf(place) if isinstance(place, (str, Path)) else place
        self.cap = cap
        self.expiry = expiry
        self.is_part = False
        self._motions: OrderedDict[str, Motion] = OrderedDict()
        self._came: dict[str, float] = {}  # motions in memory, in order of arrival
        self._users: OrderedDict[str, MotionStore] = OrderedDict()
        self._lock = threading.RLock()

    @property
    def folder(self) -> Path | None:
        """The folder of the motions, if there is one."""
        return self.shelf.folder if isinstance(self.shelf, FolderShelf) else None

    @property
    def place(self) -> Path | None:
        """The folder or the database file of the motions, if there is one."""
        return self.shelf.path if isinstance(self.shelf, SqliteShelf) else self.folder

    def of(self, user: str) -> MotionStore:
        """Return the store of only that user's motions, in the same place, with the same limits.

        Raises:
            ConfigurationError: the name is empty or invalid.
        """
        key = user_key(user)
        with self._lock:
            store = self._users.get(key)
            if store is None:
                place = None if self.shelf is None else self.shelf.of(user)
                store = MotionStore(place, cap=self.cap, expiry=self.expiry)
                store.is_part = True
                self._users[key] = store
                if len(self._users) > _MAX_USERS:
                    self._users.popitem(last=False)
            self._users.move_to_end(key)
            return store

    def add(self, motion: Motion) -> str:
        """Keep the motion and return its id; the same motion always gets the same id.

        The id is `Motion.id`, with a digit or two more if another motion has that one.

        Raises:
            UnavailableError: it cannot be written.
        """
        with self._lock:
            motion_id = self._free_id(motion)
            if self.shelf is not None and motion_id not in self.shelf:
                from .formats.npz import packed_npz

                self.shelf.write(motion_id, packed_npz(motion))
            self._remember(motion_id, motion)
            self._forget_old()
            return motion_id

    def get(self, motion_id: str) -> Motion:
        """Return the motion with that id.

        Raises:
            InputError: it is not an id, or there is no such motion; the message lists the latest.
        """
        if not is_motion_id(motion_id):
            raise InputError(
                f"{motion_id[:40]!r} is not a motion id; ids look like m-3fa9c1. {self._hint()}"
            )
        with self._lock:
            if self.expiry is not None:
                self._forget_old()
            if motion_id in self._motions and (self.shelf is None or motion_id in self.shelf):
                self._motions.move_to_end(motion_id)  # the least recently used is dropped
                return self._motions[motion_id]
            data = None if self.shelf is None else self.shelf.read(motion_id)
            if data is None:
                raise InputError(f"there is no motion {motion_id}. {self._hint()}")
            motion = _unpacked(motion_id, data)
            self._remember(motion_id, motion)
            return motion

    def delete(self, motion_id: str) -> None:
        """Delete a motion; motions derived from it stay.

        Raises:
            InputError: it is not an id, or there is no such motion.
        """
        with self._lock:
            if motion_id not in self:
                raise InputError(f"there is no motion {motion_id[:40]!r}. {self._hint()}")
            self._drop(motion_id)

    def clear(self) -> None:
        """Delete all motions of this store; those of its users stay."""
        with self._lock:
            for motion_id in self.list():
                self._drop(motion_id)

    def list(self) -> tuple[str, ...]:
        """Return all ids, oldest first."""
        with self._lock:
            if self.expiry is not None:
                self._forget_old()
            return self._ids()

    def latest(self, number: int = _LATEST) -> tuple[str, ...]:
        """Return the latest ids, oldest first, reading only the end of the list."""
        with self._lock:
            if self.expiry is not None:
                self._forget_old()
            if self.shelf is None:
                return tuple(self._came)[-number:]
            return self.shelf.latest(number)

    def __contains__(self, motion_id: object) -> bool:
        if not isinstance(motion_id, str) or not is_motion_id(motion_id):
            return False
        with self._lock:
            if self.shelf is None:
                return motion_id in self._motions
            return motion_id in self.shelf

    def __len__(self) -> int:
        return len(self.list())

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.RLock())

    def _ids(self) -> tuple[str, ...]:
        return tuple(self._came) if self.shelf is None else self.shelf.ids()

    def _came_at(self, motion_id: str) -> float:
        if self.shelf is None:
            return self._came[motion_id]
        return self.shelf.came(motion_id)

    def _free_id(self, motion: Motion) -> str:
        motion_id = motion.id
        if motion_id not in self or _same(self.get(motion_id), motion):
            return motion_id
        for digits in range(7, 13):
            motion_id = f"m-{motion.digest[:digits]}"
            if motion_id not in self or _same(self.get(motion_id), motion):
                return motion_id
        raise UnavailableError(f"no free id is left for the motion {motion.id} in this store")

    def _remember(self, motion_id: str, motion: Motion) -> None:
        self._motions[motion_id] = motion
        self._motions.move_to_end(motion_id)
        self._came.setdefault(motion_id, time.time())
        if self.shelf is None:
            most = self.cap or (MAX_KEPT_OF_USER if self.is_part else MAX_KEPT)
        else:
            most = _KEEP_LOADED_OF_USER if self.is_part else _KEEP_LOADED
        while len(self._motions) > most:
            del self._came[self._motions.popitem(last=False)[0]]

    def _forget_old(self) -> None:
        """Drop motions beyond a shelf's cap and expired ones."""
        if self.expiry is None and (self.cap is None or self.shelf is None):
            return
        ids = self._ids()
        beyond = 0 if self.cap is None or self.shelf is None else len(ids) - self.cap
        for number, motion_id in enumerate(ids):
            fresh = self.expiry is None or self._came_at(motion_id) >= time.time() - self.expiry
            if number >= beyond and fresh:
                return  # those after it came later
            self._drop(motion_id)

    def _drop(self, motion_id: str) -> None:
        if self.shelf is not None:
            self.shelf.remove(motion_id)
        self._motions.pop(motion_id, None)
        self._came.pop(motion_id, None)

    def _hint(self) -> str:
        latest = self.latest()
        if not latest:
            return "The store is empty: generate a motion first."
        return f"The latest are: {', '.join(reversed(latest))}."


def _unpacked(motion_id: str, data: bytes) -> Motion:
    from .formats.npz import unpack_motion

    try:
        return unpack_motion(io.BytesIO(data))
    except FormatError as err:
        raise FormatError(f"{motion_id}.npz {err}") from err


def _same(one: Motion, other: Motion) -> bool:
    return one.digest == other.digest
