"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import UnavailableError


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to; it becomes `path` if the block succeeds.

    Missing folders are made. The temporary file keeps the suffix and is removed on failure.

    Raises:
        UnavailableError: the folder or file cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}-{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        reason = error.strerror or error
        raise UnavailableError(f"{path} cannot be written: {reason}; choose another") from error
    finally:
        with suppress(OSError):  # gone already, or never there
            temporary.unlink()
