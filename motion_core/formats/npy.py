"""NumPy's ``.npy`` arrays, of numbers only and refused before anything is allocated.

`numpy.load` allocates what a header promises and parses the header as Python; a file of some
dozen bytes can promise a terabyte. Here the promise must equal the bytes that are there.
Format: numpy.lib.format, versions 1.0 and 2.0 (3.0 is for structured arrays only).
"""

from __future__ import annotations

import math
import re
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError

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


def read_array(file: IO[bytes], size: int, *, text: bool = False) -> NDArray[Any]:
    """The array in an open ``.npy`` of `size` bytes.

    Args:
        file: open at its beginning.
        size: bytes in it.
        text: whether an array of strings is wanted instead of one of numbers.

    Raises:
        FormatError: not ``.npy``, of another type, or not as long as it says.
        PickledError: pickled; the file then is where the pickle begins.
    """
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
    promised = math.prod(lengths) * dtype.itemsize
    there = size - 8 - width - len(header)
    if promised != there:
        raise FormatError(
            f"is damaged or truncated: an array of the shape {tuple(lengths)} has {promised} "
            f"bytes, {there} are there"
        )
    values = np.frombuffer(file.read(promised), dtype=dtype)
    return values.reshape(lengths, order="F" if order[1] == "True" else "C")
