"""Files below a folder, reached without following a link on the way.

A checked path can be redirected before it is opened, if another program replaces a folder with a
link. Here each folder on the way is opened by the descriptor of the one above it and never through
a link, so everything read or written is below the folder, whatever happens meanwhile. Windows has
no such descriptors; there the path is opened directly.
"""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

HAS_DESCRIPTORS = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_BLOCK = 1 << 20


class Directory:
    """An open folder.

    Args:
        path: of the folder.
        descriptor: of the folder; None on systems without folder descriptors.
    """

    def __init__(self, path: Path, descriptor: int | None) -> None:
        self._path = path
        self._descriptor = descriptor

    def copy(self, name: str, target: Path, *, most: int) -> int:
        """Copy a regular file of this folder to `target`; return its size.

        A file of more than `most` bytes is not copied.

        Raises:
            OSError: the file does not exist, is a link or not a regular file, or cannot be read.
        """
        flags = os.O_RDONLY | _NO_LINK | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(self._open(name, flags), "rb") as source:
            status = os.fstat(source.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise OSError(f"{name} is no regular file")
            if status.st_size <= most:
                with target.open("wb") as copy:
                    left = most
                    while left > 0 and (block := source.read(min(_BLOCK, left))):
                        left -= copy.write(block)
            return status.st_size

    def has(self, name: str) -> bool:
        """Return whether that name exists, even as a link."""
        try:
            os.stat(self._place(name), dir_fd=self._descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def check_writable(self) -> None:
        """Check that a file can be created here.

        Raises:
            OSError: it cannot.
        """
        os.unlink(self._place(self._temporary(b"")), dir_fd=self._descriptor)

    def place(self, files: Sequence[Path]) -> bool:
        """Copy the files here: all of them, or none if a name is taken.

        Raises:
            OSError: they cannot be written.
        """
        temporary: list[str] = []
        reserved: list[str] = []
        try:
            for file in files:
                temporary.append(self._temporary(file.read_bytes()))
            for file in files:
                flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | _NO_LINK
                os.close(self._open(file.name, flags))  # fails if the name exists
                reserved.append(file.name)
            for name, file in zip(list(temporary), files, strict=True):
                os.replace(
                    self._place(name),
                    self._place(file.name),
                    src_dir_fd=self._descriptor,
                    dst_dir_fd=self._descriptor,
                )
                temporary.remove(name)
                reserved.remove(file.name)
        except FileExistsError:
            return False
        finally:
            for name in (*temporary, *reserved):
                with suppress(OSError):
                    os.unlink(self._place(name), dir_fd=self._descriptor)
        return True

    def _temporary(self, data: bytes) -> str:
        name = f".writing-{uuid.uuid4().hex[:12]}"
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | _NO_LINK | getattr(os, "O_BINARY", 0)
        with os.fdopen(self._open(name, flags), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return name

    def _open(self, name: str, flags: int) -> int:
        return os.open(self._place(name), flags, 0o666, dir_fd=self._descriptor)

    def _place(self, name: str) -> str:
        return name if self._descriptor is not None else str(self._path / name)


@contextmanager
def open_directory(root: Path, below: Path) -> Iterator[Directory]:
    """Yield the folder `below` a root, a relative path without ``..`` and without links.

    Raises:
        OSError: there is none, or the path contains a link.
    """
    if not HAS_DESCRIPTORS:
        yield Directory(root / below, None)
        return
    flags = os.O_RDONLY | os.O_DIRECTORY | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(root, flags)  # chosen by the host, perhaps through a link
    try:
        for part in below.parts:
            inner = os.open(part, flags | _NO_LINK, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield Directory(root / below, descriptor)
    finally:
        os.close(descriptor)
