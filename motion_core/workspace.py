"""The workspace: a folder of motion files that a host lets its agent use.

File names come from LLMs and strangers. A name must lead to a regular file inside the folder, links
followed; nothing else is opened, and nothing is ever overwritten.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from .directory import open_directory
from .errors import FormatError, InputError, MotionAgentError, UnavailableError
from .motion import Motion
from .users import USERS, user_key
from .words import without_options

_FILE_NAME = re.compile(r"\w[\w .()+-]{0,99}")
_MAX_TAKEN = 1000  # names tried: walk.bvh, walk-2.bvh, …


class Workspace:
    """A folder of motion files that a host lets its agent read and add to.

    Existing files are never changed. Messages use a file's requested name, not the folder's path.

    Args:
        folder: the only place where files are read and written; None allows no file at all.
        max_bytes: largest file to read.
    """

    def __init__(self, folder: str | Path | None = None, *, max_bytes: int = 100_000_000) -> None:
        self.folder = None if folder is None else Path(folder)
        self.max_bytes = max_bytes

    def of(self, user: str) -> Workspace:
        """Return that user's own workspace, inside this one but unreachable by any name.

        Raises:
            ConfigurationError: the name is empty or invalid.
        """
        key = user_key(user)
        folder = None if self.folder is None else self.folder / USERS / key
        return Workspace(folder, max_bytes=self.max_bytes)

    def path(self, name: str) -> Path:
        """Return the file of that name inside the workspace.

        Raises:
            InputError: there is no workspace, the name leads outside it, or there is no such file.
        """
        if self.folder is None:
            raise InputError(
                f"{_shown(name)} is no motion id, and no workspace folder was given to read files"
            )
        path = self._inside(name)
        try:
            found = path is not None and path.is_file()  # not a folder, pipe or device
        except OSError:
            found = False
        if path is None:
            raise InputError(f"{_shown(name)} is not a file name inside the workspace folder")
        if not found:
            raise InputError(
                f"there is no file {_shown(name)} in the workspace folder; {self._hint()}"
            )
        return path

    def read(self, name: str) -> Motion:
        """Return the motion in that file.

        Raises:
            InputError: see `path`; or the file is too large, or not readable as motion
                (`FormatError`).
        """
        from .formats import read_motion

        path = self.path(name)
        with tempfile.TemporaryDirectory(prefix="motion-agent-") as folder:
            copy = Path(folder, path.name)
            self._copy(path, copy, name)
            try:
                if path.suffix.lower() == ".amc":
                    self._copy_skeleton(path, copy.parent, name)
                return read_motion(copy)
            except InputError as err:
                message = str(err)
                for place, shown in (
                    *((str(copy), _shown(name)), (str(path), _shown(name))),
                    *((f"{copy.parent}{os.sep}", ""), (f"{path.parent}{os.sep}", "")),
                ):
                    message = message.replace(place, shown)
                raise type(err)(without_options(message)) from err

    def data(self, name: str) -> bytes:
        """Return the bytes of that file.

        Raises:
            InputError: see `path`; or the file is too large.
        """
        path = self.path(name)
        with tempfile.TemporaryDirectory(prefix="motion-agent-") as folder:
            copy = Path(folder, "copy")
            self._copy(path, copy, name)
            return copy.read_bytes()

    def files(self, limit: int = 20) -> tuple[str, ...]:
        """Return names of motion files directly in the folder, newest first, at most `limit`."""
        from .formats import READABLE_SUFFIXES

        if self.folder is None:
            return ()
        files: list[tuple[int, str]] = []
        try:
            for entry in os.scandir(self.folder):
                readable = Path(entry.name).suffix.lower() in READABLE_SUFFIXES
                if readable and entry.is_file(follow_symlinks=False):
                    files.append((-entry.stat().st_mtime_ns, entry.name))
        except OSError:
            return ()
        return tuple(name for _, name in sorted(files)[:limit])

    def size(self) -> int:
        """Return the bytes of all files in the folder, without those of its users."""
        total = 0
        for folder, folders, files in os.walk(self.folder) if self.folder is not None else ():
            folders[:] = [name for name in folders if name != USERS]
            for name in files:
                with suppress(OSError):  # deleted meanwhile
                    total += os.lstat(os.path.join(folder, name)).st_size
        return total

    def write(self, name: str, writer: Callable[[Path], Sequence[Path]]) -> tuple[Path, ...]:
        """Write new files in the workspace; if `name` is taken, ``walk-2.bvh`` and so on.

        Args:
            name: the file's name, perhaps in an existing folder.
            writer: called with a path of that name in an empty folder; returns the files it wrote
                there, that one and perhaps others.

        Returns:
            The files, in the order of `writer`, in the workspace.

        Raises:
            InputError: there is no workspace, or the name leads outside it or is not a file name.
            UnavailableError: the folder cannot be written.
        """
        folder, file_name = self._place(name)
        assert self.folder is not None
        root = self.folder.resolve()
        try:
            with (
                open_directory(root, folder.relative_to(root)) as directory,
                tempfile.TemporaryDirectory(prefix="motion-agent-") as temporary,
            ):
                directory.check_writable()  # before the work
                for number in range(1, _MAX_TAKEN + 1):
                    numbered = _numbered(file_name, number)
                    if directory.has(numbered):
                        continue
                    files = _write_hiding(f"{temporary}{os.sep}", writer, Path(temporary, numbered))
                    if directory.place(files):
                        return tuple(folder / path.name for path in files)
        except OSError as err:
            raise UnavailableError(
                f"cannot write {_shown(name)} in the workspace folder: {err.strerror or err}"
            ) from err
        raise UnavailableError(f"{_MAX_TAKEN} files are called like {_shown(name)}; choose another")

    def _place(self, name: str) -> tuple[Path, str]:
        """Return the existing folder and the file name in it for `name`."""
        if self.folder is None:
            raise InputError(
                f"{_shown(name)} cannot be written: no workspace folder was given for files"
            )
        path = self._inside(name)
        file_name = name.rpartition("/")[2]
        if path is None or not _FILE_NAME.fullmatch(file_name):
            raise InputError(
                f"{_shown(name)} is not a file name inside the workspace folder; give letters,"
                " digits, '-' and a suffix, such as walk.bvh"
            )
        root = self.folder.resolve()
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise UnavailableError(
                f"the workspace folder cannot be made: {err.strerror or err}"
            ) from err
        folder = _resolved((root / name).parent)
        if folder is None or not folder.is_dir() or not folder.is_relative_to(root):
            raise InputError(
                f"{_shown(name)} is in a folder that the workspace does not have; leave it out"
            )
        return folder, file_name

    def _inside(self, name: str) -> Path | None:
        """Return the location of `name`, if it is inside the folder."""
        assert self.folder is not None
        root = self.folder.resolve()
        path = _resolved(root / name)
        foreign = "://" in name or "\\" in name or Path(name).is_absolute()
        if path is None or foreign or not path.is_relative_to(root):
            return None
        parts = [part.casefold() for part in path.relative_to(root).parts]  # some disks ignore case
        return None if USERS in parts else path

    def _copy(self, path: Path, target: Path, name: str) -> None:
        """Copy a workspace file to a place where no other program can exchange it."""
        assert self.folder is not None
        root = self.folder.resolve()
        try:
            with open_directory(root, path.parent.relative_to(root)) as directory:
                size = directory.copy(path.name, target, most=self.max_bytes)
        except (OSError, ValueError) as err:  # ValueError: no longer below the root
            reason = getattr(err, "strerror", None) or "it is no file inside the workspace folder"
            raise InputError(f"{_shown(name)} cannot be read: {reason}") from err
        if size > self.max_bytes:
            raise FormatError(
                f"{_shown(name)} has {size / 1e6:.0f} MB; the limit is {self.max_bytes / 1e6:.0f}"
            )

    def _copy_skeleton(self, amc: Path, folder: Path, name: str) -> None:
        """Copy the .asf beside an .amc file, which must be inside the workspace as well."""
        from .formats.acclaim import find_asf

        asf = find_asf(amc)
        assert self.folder is not None
        inside = asf.resolve()
        if not inside.is_relative_to(self.folder.resolve()) or not asf.is_file():
            raise InputError(
                f"the skeleton {_shown(asf.name)} of {_shown(name)} is not a file inside the"
                " workspace folder"
            )
        self._copy(inside, folder / asf.name, asf.name)

    def _hint(self) -> str:
        files = ", ".join(map(_shown, self.files(5)))
        return f"there: {files}" if files else "it holds no motion files"


def _resolved(path: Path) -> Path | None:
    """Return where a path leads; None if that cannot be determined."""
    try:
        return path.resolve()
    except (OSError, ValueError, RuntimeError):  # too long, null byte, loop, deleted meanwhile
        return None


def _shown(name: str) -> str:
    """Return a stranger's file name as it may appear in a message."""
    return repr(name if len(name) <= 80 else f"{name[:79]}…")


def _numbered(file_name: str, number: int) -> str:
    if number == 1:
        return file_name
    stem, dot, suffixes = file_name.partition(".")
    return f"{stem}-{number}{dot}{suffixes}"


def _write_hiding(
    folder: str, writer: Callable[[Path], Sequence[Path]], path: Path
) -> Sequence[Path]:
    """Return the result of `writer` for `path`, hiding the folder from its errors."""
    try:
        return writer(path)
    except MotionAgentError as err:
        raise type(err)(str(err).replace(folder, "")) from err
