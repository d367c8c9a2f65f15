"""Order of arrival of the motions in a folder, without scanning it.

A file beside the motions lists them, one a line. Its modification time is the folder's from when
both agreed, so a folder changed by another program is noticed and scanned, once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from stat import S_ISREG

from .atomic import replacing
from .errors import UnavailableError
from .regular_file import open_own, open_regular

_FILE = ".order"
_NAME = re.compile(r"m-[0-9a-f]{6,12}")
_LINES = re.compile(r"^m-[0-9a-f]{6,12}$", re.MULTILINE)
_LINE = len("m-0123456789ab\n")
_MOST_BYTES = 100_000_000  # bytes read of the file: some millions of motions


class Arrivals:
    """Names of the ``.npz`` files in a folder, in order of arrival.

    Args:
        folder: need not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / _FILE

    def all(self) -> tuple[str, ...]:
        """Return all names, oldest first; scan the folder only after a change by others."""
        if not self._folder.is_dir():
            return ()
        return self._known() if self._up_to_date() else self._look()

    def latest(self, number: int) -> tuple[str, ...]:
        """Return the latest names, oldest first, reading only the end of the file."""
        lines = self._lines(_LINE * number * 4)
        if lines is None:
            return self.all()[-number:]
        here = (name for name in reversed(lines) if (self._folder / f"{name}.npz").is_file())
        found = tuple(islice(dict.fromkeys(here), number))[::-1]
        if len(found) < number <= len(lines):  # deleted, or never written: the disk was full
            return self.all()[-number:]
        return found

    @contextmanager
    def adding(self, name: str) -> Iterator[None]:
        """Record the arrival of a motion; the block writes its file.

        Raises:
            OSError: the folder cannot be written.
        """
        if not self._file.exists():
            self._look()
        with open_own(self._file) as file:
            up_to_date = self._up_to_date()
            file.write(f"{name}\n".encode("ascii"))
            file.flush()
            yield
            if up_to_date and os.path.samestat(os.fstat(file.fileno()), self._file.stat()):
                self._agree()

    def _known(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._lines(_MOST_BYTES) or ()))

    def _lines(self, most: int) -> list[str] | None:
        """Return the names in the last `most` bytes of the file; None if it cannot be read."""
        with suppress(OSError), open_regular(self._file) as file:
            file.seek(max(file.seek(0, os.SEEK_END) - most, 0))
            return _LINES.findall(file.read(most).decode("ascii", "replace"))
        return None

    def _up_to_date(self) -> bool:
        with suppress(OSError):
            status = self._file.stat()
            return S_ISREG(status.st_mode) and status.st_mtime_ns == self._folder.stat().st_mtime_ns
        return False

    def _agree(self) -> None:
        with suppress(OSError):  # not our file: the folder is scanned again
            time = self._folder.stat().st_mtime_ns
            os.utime(self._file, ns=(time, time))

    def _look(self) -> tuple[str, ...]:
        """Scan the folder and record what it contains."""
        names: tuple[str, ...] = ()
        with suppress(UnavailableError):  # a read-only folder
            with replacing(self._file, private=True) as temporary:
                before = self._folder.stat().st_mtime_ns
                names = self._there()
                temporary.write_text("".join(f"{name}\n" for name in names), encoding="ascii")
                unchanged = self._folder.stat().st_mtime_ns == before
            if unchanged:
                self._agree()
            return names
        return self._there()

    def _there(self) -> tuple[str, ...]:
        here: set[str] = set()
        with os.scandir(self._folder) as entries:
            for entry in entries:
                stem, _, suffix = entry.name.rpartition(".")
                if suffix == "npz" and _NAME.fullmatch(stem):
                    here.add(stem)
        known = self._known()
        others = []
        for name in here.difference(known):
            with suppress(FileNotFoundError):  # deleted meanwhile
                others.append(((self._folder / f"{name}.npz").stat().st_mtime_ns, name))
        return (*(name for name in known if name in here), *(name for _, name in sorted(others)))
