"""NumPy's ``.npy`` arrays, of numbers only and refused before anything is allocated.

`numpy.load` allocates what a header promises and parses the header as Python; a file of some
dozen bytes can promise a terabyte. Here the promise must equal the bytes that are there.
Format: numpy.lib.format, versions 1.0 and 2.0 (3.0 is for structured arrays only).
"""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError
from ..regular_file import open_regular

_MAGIC = b"\x93NUMPY"
_MAX_HEADER = 4096
_MAX_DIMENSIONS = 8
_ENTRY = {
    "descr": re.compile(r"""['"]descr['"]\s*:\s*['"]([^'"]*)['"]"""),
    "fortran_order": re.compile(r"""['"]fortran_order['"]\s*:\s*(True|False)"""),
    "shape": re.compile(r"""['"]shape['"]\s*:\s*\(([\d\s,L]*)\)"""),
}
_NUMBERS = re.compile(r"[<>|=](f[248]|[iu][1248])")
_TEXT = re.compile(r"[<>|=]U[1-9]\d{0,8}")


class PickledError(FormatError):
    """An array of Python objects, which `pickled.read_results` may be able to read."""


class _Header(NamedTuple):
    """What an array is and where its numbers begin."""

    dtype: np.dtype[Any]
    lengths: list[int]
    order: Literal["C", "F"]
    start: int

    @property
    def promised(self) -> int:
        """Bytes."""
        return math.prod(self.lengths) * self.dtype.itemsize


def read_npy(path: Path) -> NDArray[Any]:
    """Read the array of numbers in a file.

    Raises:
        OSError: it cannot be read.
        FormatError: see `read_array`; the message does not name the file.
    """
    with open_regular(path) as file:
        return read_array(file, os.fstat(file.fileno()).st_size)


def map_npy(path: Path) -> NDArray[Any]:
    """Map the array of numbers in a file, read from disk where it is used.

    Raises:
        OSError: it cannot be read.
        FormatError: see `read_array`; the message does not name the file.
    """
    with open_regular(path) as file:
        header = _header(file, os.fstat(file.fileno()).st_size, text=False)
        shape, order = tuple(header.lengths), header.order
        return np.memmap(file, header.dtype, "r", header.start, shape, order)


def read_array(file: IO[bytes], size: int, *, text: bool = False) -> NDArray[Any]:
    """Read the array in an open ``.npy`` of `size` bytes.

    Args:
        file: open at its beginning.
        size: bytes in it.
        text: whether to read an array of strings instead of numbers.

    Raises:
        FormatError: it is not ``.npy``, has another type, or not the stated length.
        PickledError: pickled; the file then is where the pickle begins.
    """
    header = _header(file, size, text=text)
    values = np.frombuffer(file.read(header.promised), dtype=header.dtype)
    return values.reshape(header.lengths, order=header.order)


def _header(file: IO[bytes], size: int, *, text: bool) -> _Header:
    start = file.read(8)
    if not start.startswith(_MAGIC) or len(start) < 8:
        raise FormatError("is not a NumPy array: it does not begin as .npy does")
    if start[6] not in (1, 2):
        raise FormatError(f"is of .npy version {start[6]}; arrays of numbers are 1 or 2")
    width = 2 if start[6] == 1 else 4
    header_size = int.from_bytes(file.read(width), "little")
    if header_size > _MAX_HEADER:
        raise FormatError(f"has a header of {header_size} bytes; not an array of numbers")
    header = file.read(header_size).decode("latin-1")
    found = {key: pattern.search(header) for key, pattern in _ENTRY.items()}
    descr, order, shape = found["descr"], found["fortran_order"], found["shape"]
    if descr and "O" in descr[1]:
        raise PickledError("holds pickled Python objects, which are refused; save plain numbers")
    if not (descr and order and shape):
        raise FormatError("is damaged or not a plain array: its header cannot be read")
    if not (_TEXT if text else _NUMBERS).fullmatch(descr[1]):
        raise FormatError(f"holds values of the type {descr[1]!r}; numbers are expected")
    dtype = np.dtype(descr[1])
    lengths = [int(digits) for digits in re.findall(r"\d+", shape[1])]
    no_tokens = lengths == [0]  # an imported motion has none
    if (0 in lengths and not no_tokens) or len(lengths) > _MAX_DIMENSIONS:
        raise FormatError(f"has no frames: it is an array of the shape ({shape[1]})")
    whole = _Header(dtype, lengths, "F" if order[1] == "True" else "C", 8 + width + len(header))
    if whole.promised != size - whole.start:
        raise FormatError(
            f"is damaged or truncated: an array of the shape {tuple(lengths)} has "
            f"{whole.promised} bytes, {size - whole.start} are there"
        )
    return whole
