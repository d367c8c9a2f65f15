"""Files that somebody else may have put there: opened only if they are files.

A pipe in the place of a file holds a program for ever, and a link to a device has no end.
"""

from __future__ import annotations

import os
import stat
from io import BufferedReader, BufferedWriter
from pathlib import Path

_WAITS_FOR_NOBODY = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file to read it; links are followed.

    Raises:
        OSError: there is none, it cannot be read, or it is a folder, a pipe or a device.
    """
    return os.fdopen(_opened(path, os.O_RDONLY), "rb")


def open_own(path: Path) -> BufferedWriter:
    """Open a file of ours to add to its end; it is made, for its owner alone, if there is none.

    Raises:
        OSError: it cannot be written, or it is a link, a folder, a pipe or a device.
    """
    flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY | _NO_LINK
    return os.fdopen(_opened(path, flags), "ab")


def _opened(path: Path, flags: int) -> int:
    descriptor = os.open(path, flags | _WAITS_FOR_NOBODY, 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is no regular file")
    return descriptor
