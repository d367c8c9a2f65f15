"""Files from elsewhere, opened only if they are regular files.

A pipe instead of a file blocks a program forever, and a link to a device never ends.
"""

from __future__ import annotations

import os
import stat
from io import BufferedReader, BufferedWriter
from pathlib import Path

_WAITS_FOR_NOBODY = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading; links are followed.

    Raises:
        OSError: it does not exist, cannot be read, or is a folder, a pipe or a device.
    """
    return os.fdopen(_opened(path, os.O_RDONLY), "rb")


def open_own(path: Path) -> BufferedWriter:
    """Open one of our own files for appending; a missing one is created for its owner only.

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
