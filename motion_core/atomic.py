"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import UnavailableError

PRIVATE = 0o600
"""The mode of what somebody said and made: read and written by the owner alone."""


@contextmanager
def replacing(path: str | os.PathLike[str], *, private: bool = False) -> Iterator[Path]:
    """Yield a temporary file beside `path` that becomes `path` if the block succeeds.

    Missing folders are created. The temporary file keeps the suffix, exists from the start (so a
    read-only folder fails before the work) and is removed on failure; `path` then stays unchanged.

    Args:
        path: final path.
        private: only the owner may read the file, and the folder if it is created.

    Raises:
        UnavailableError: the folder or file cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem[:100]}-{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        if private:
            private_folder(path.parent)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.touch(PRIVATE if private else 0o666, exist_ok=False)
        mode = temporary.stat().st_mode
        yield temporary
        temporary.chmod(mode)  # some libraries make their files private
        _flush_to_disk(temporary)
        os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or error
        if isinstance(error, FileExistsError):
            reason = f"{path.parent} is no folder"
        raise UnavailableError(f"{path} cannot be written: {reason}; choose another") from error
    finally:
        with suppress(OSError):  # gone already, or never there
            temporary.unlink()


def private_folder(folder: Path) -> None:
    """Create a folder that only its owner may enter; an existing one stays unchanged."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)


def private_file(path: Path) -> None:
    """Create an empty file that only its owner may read, if there is none.

    Raises:
        OSError: it cannot be created, or the path is not a regular file.
    """
    flags = os.O_CREAT | os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags, PRIVATE)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is no regular file")
    finally:
        os.close(descriptor)


def _flush_to_disk(path: Path) -> None:
    """Flush to disk: otherwise a power cut after the rename may leave an empty file under the final
    name.
    """
    with path.open("rb") as file:
        os.fsync(file.fileno())
