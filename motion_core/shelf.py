"""Shelves: where a motion store keeps its motions, as bytes by id.

    FolderShelf     one .npz a motion; what the command line uses
    SqliteShelf     one file for all, many processes at a time
    LangGraph's     `tools.langgraph_shelf`: any BaseStore

A shelf checks nothing: `MotionStore` checks ids and encodes and decodes the bytes.
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from .arrivals import Arrivals
from .atomic import private_file, private_folder, replacing
from .errors import FormatError, UnavailableError
from .regular_file import open_regular
from .users import USERS, user_key

_ID = re.compile(r"m-[0-9a-f]{6,12}")
_MOST_BYTES = 300_000_000  # bytes of a file; the longest motion has a third
_DATA = (
    f"SELECT CASE WHEN length(data) <= {_MOST_BYTES} THEN data END"
    " FROM motions WHERE user = ? AND id = ?"
)
_FOREIGN = "SELECT 1 FROM sqlite_master WHERE type IN ('trigger', 'view')"  # ours has neither


@runtime_checkable
class Shelf(Protocol):
    """Bytes by motion id, in order of arrival. Thread-safe.

    Every method may raise `UnavailableError` if the place cannot be reached.
    """

    def read(self, motion_id: str) -> bytes | None:
        """Return the bytes kept under the id, or None."""
        ...

    def write(self, motion_id: str, data: bytes) -> None:
        """Keep the bytes, all or none of them, replacing any under the same id."""
        ...

    def remove(self, motion_id: str) -> None:
        """Delete the motion, if it exists."""
        ...

    def __contains__(self, motion_id: object) -> bool: ...

    def ids(self) -> tuple[str, ...]:
        """Return all ids, oldest first."""
        ...

    def came(self, motion_id: str) -> float:
        """Return when the motion was written, in seconds since 1970; 0 if it does not exist."""
        ...

    def latest(self, number: int) -> tuple[str, ...]:
        """Return the latest ids, oldest first, without reading all the others."""
        ...

    def of(self, user: str) -> Shelf:
        """Return another shelf in the same place that holds only this user's motions."""
        ...


def is_motion_id(text: str) -> bool:
    """Return whether `text` has the form of a motion id: ``m-`` and six (to twelve) hex digits."""
    return _ID.fullmatch(text) is not None


class FolderShelf:
    """One ``.npz`` a motion in a folder that only its owner may read.

    Args:
        folder: created with the first motion.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._arrivals = Arrivals(self.folder)

    def read(self, motion_id: str) -> bytes | None:
        path = self._path(motion_id)
        try:
            with open_regular(path) as file:
                if os.fstat(file.fileno()).st_size > _MOST_BYTES:
                    raise FormatError(f"{path.name} is larger than any motion")
                return file.read(_MOST_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as err:
            raise UnavailableError(f"{path} cannot be read: {err.strerror or err}") from err

    def write(self, motion_id: str, data: bytes) -> None:
        path = self._path(motion_id)
        try:
            private_folder(self.folder)
            with self._arrivals.adding(motion_id), replacing(path, private=True) as temporary:
                temporary.write_bytes(data)
        except OSError as err:
            raise UnavailableError(
                f"cannot write the motion store {self.folder}: {err.strerror or err}; "
                "choose a folder that can be written"
            ) from err

    def remove(self, motion_id: str) -> None:
        with suppress(FileNotFoundError):
            self._path(motion_id).unlink()

    def __contains__(self, motion_id: object) -> bool:
        return isinstance(motion_id, str) and self._path(motion_id).is_file()

    def ids(self) -> tuple[str, ...]:
        return self._arrivals.all()

    def came(self, motion_id: str) -> float:
        try:
            return self._path(motion_id).stat().st_mtime
        except OSError:  # deleted meanwhile
            return 0.0

    def latest(self, number: int) -> tuple[str, ...]:
        return self._arrivals.latest(number)

    def of(self, user: str) -> FolderShelf:
        return FolderShelf(self.folder / USERS / user_key(user))

    def _path(self, motion_id: str) -> Path:
        return self.folder / f"{motion_id}.npz"


class SqliteShelf:
    """Motions in one SQLite file that only its owner may read.

    Args:
        path: the file; created when first needed.
        user: owner of the motions; the empty name is for those without a user.
    """

    def __init__(self, path: str | Path, user: str = "") -> None:
        self.path = Path(path)
        self._user = user
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def read(self, motion_id: str) -> bytes | None:
        rows = self._ask(_DATA, motion_id)
        if not rows:
            return None
        data = rows[0][0]
        if not isinstance(data, bytes):
            raise FormatError(f"what is kept as {motion_id} is no motion, or larger than any")
        return data

    def write(self, motion_id: str, data: bytes) -> None:
        self._ask(
            "INSERT INTO motions (user, id, came, data) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (user, id) DO UPDATE SET came = excluded.came, data = excluded.data",
            *(motion_id, time.time(), data),
        )

    def remove(self, motion_id: str) -> None:
        self._ask("DELETE FROM motions WHERE user = ? AND id = ?", motion_id)

    def __contains__(self, motion_id: object) -> bool:
        return bool(self._ask("SELECT 1 FROM motions WHERE user = ? AND id = ?", motion_id))

    def ids(self) -> tuple[str, ...]:
        rows = self._ask("SELECT id FROM motions WHERE user = ? ORDER BY rowid")
        return tuple(str(name) for (name,) in rows)

    def came(self, motion_id: str) -> float:
        rows = self._ask("SELECT came FROM motions WHERE user = ? AND id = ?", motion_id)
        return float(rows[0][0]) if rows and isinstance(rows[0][0], float) else 0.0

    def latest(self, number: int) -> tuple[str, ...]:
        query = "SELECT id FROM motions WHERE user = ? ORDER BY rowid DESC LIMIT ?"
        return tuple(str(name) for (name,) in self._ask(query, number))[::-1]

    def of(self, user: str) -> SqliteShelf:
        return SqliteShelf(self.path, user_key(user))

    def close(self) -> None:
        """Close the file; it is opened again when next needed."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __del__(self) -> None:
        with suppress(Exception):  # an incompletely built shelf, or an exiting interpreter
            self.close()

    def __reduce__(self) -> tuple[type[SqliteShelf], tuple[Path, str]]:
        return SqliteShelf, (self.path, self._user)

    def _ask(self, statement: str, *values: object) -> list[Any]:
        with self._lock:
            try:
                connection = self._connection or self._open()
                with connection:
                    return connection.execute(statement, (self._user, *values)).fetchall()
            except (OSError, sqlite3.Error) as err:
                raise UnavailableError(
                    f"the motion store {self.path} cannot be used: {err}; choose another file"
                ) from err

    def _open(self) -> sqlite3.Connection:
        private_folder(self.path.parent)
        private_file(self.path)
        connection = sqlite3.connect(self.path, check_same_thread=False, timeout=30)
        if connection.execute(_FOREIGN).fetchone():
            connection.close()
            raise sqlite3.DatabaseError("it was not written by us: it does work of its own")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS motions (user TEXT NOT NULL, id TEXT NOT NULL,"
            " came REAL NOT NULL, data BLOB NOT NULL, UNIQUE (user, id))"
        )
        self._connection = connection
        return connection
