"""Output files: the right suffix, and no half-written file under the final name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..atomic import replacing
from ..errors import InputError


@contextmanager
def finished_file(path: str | os.PathLike[str], *suffixes: str) -> Iterator[Path]:
    """Yield a temporary path beside `path` that becomes `path` if the block succeeds.

    Raises:
        InputError: `path` does not end in one of `suffixes`.
        UnavailableError: the folder cannot be created or written to, or the disk is full.
    """
    final = Path(path)
    if final.suffix.lower() not in suffixes:
        raise InputError(
            f"{final.name!r} does not end in {' or '.join(suffixes)}; "
            f"name the file {' or '.join('*' + suffix for suffix in suffixes)}"
        )
    with replacing(final) as temporary:
        yield temporary
