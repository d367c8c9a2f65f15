"""Files that are whole or absent: written under a temporary name, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import UnavailableError


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yields a temporary path beside `path`; it takes the name `path` when the block ends well.

    When the block fails the temporary file is removed and what stood at `path` stays.

    Raises:
        UnavailableError: the folder cannot be made or written to, or the disk is full.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix
        )
        os.close(handle)
    except OSError as err:
        raise UnavailableError(
            f"cannot write {path}: {err.strerror or err}; choose a folder you may write to"
        ) from err
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)  # mkstemp's 0600 would keep others from reading a checkpoint
        _flush_to_disk(temporary)
        os.replace(temporary, path)
    except OSError as err:
        raise UnavailableError(
            f"cannot write {path}: {err.strerror or err}; free some space or choose another folder"
        ) from err
    finally:
        temporary.unlink(missing_ok=True)


def _flush_to_disk(path: Path) -> None:
    """Without this a power cut after the rename may leave an empty file under the final name."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
