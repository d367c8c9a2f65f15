"""What MDM and its kin save with `numpy.save`: a dictionary of arrays and words, pickled.

A pickle is a program. This one is read by a machine that knows how to build arrays of numbers,
dictionaries, lists, text and numbers, and nothing else: what a pickle wants to call is looked up
among the stand-ins below, which only check and keep what they are given, and anything else is
refused before it is imported. NumPy's own types never see what the file says of them.

    {"motion": (N, J, 3, T), "lengths": (N,), "text": [N], "num_samples": …}    MDM's results.npy

Source: github.com/GuyTevet/motion-diffusion-model, sample/generate.py.
"""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError

MAX_BYTES = 1 << 28
"""Of a pickled file."""

_KIND = re.compile(r"[fiub][1248]")
_WAY_OUT = "save plain numbers: np.save('motion.npy', results['motion'])"
_REFUSED = f"holds pickled Python objects, which are refused; {_WAY_OUT}"


@dataclass(frozen=True)
class Results:
    """Motions that a model wrote.

    Attributes:
        motions: numbers of any shape, `arrays.as_joints` says of which.
        lengths: frames of each motion that count; none where all do.
    """

    motions: NDArray[Any]
    lengths: tuple[int, ...] | None = None


def read_results(file: IO[bytes], size: int) -> Results:
    """Return the motions in a pickled ``.npy``, read from behind its header to the end.

    Raises:
        FormatError: it holds more than arrays of numbers, dictionaries and words, or no motion.
    """
    if size > MAX_BYTES:
        raise FormatError(f"has {size / 1e6:.0f} MB of pickled objects; {_WAY_OUT}")
    try:
        found = _Machine(file).load()
    except FormatError:
        raise
    except Exception as error:  # a damaged pickle can end in any error at all
        raise FormatError(f"is damaged: its pickled objects end in {error!r:.100}") from error
    found = _plain(found)
    while isinstance(found, list) and len(found) == 1:
        found = found[0]
    if not isinstance(found, dict):
        found = {"motion": found}
    motions, lengths = found.get("motion"), found.get("lengths")
    if not isinstance(motions, np.ndarray):
        names = ", ".join(str(name) for name in found)[:100]
        raise FormatError(f"holds pickled objects without an array called motion: {names}")
    if not isinstance(lengths, np.ndarray) or lengths.shape != motions.shape[:1]:
        return Results(motions)
    return Results(motions, tuple(int(length) for length in lengths))


class _Machine(pickle.Unpickler):
    """Reads pickles of arrays, dictionaries, lists, text and numbers."""

    def find_class(self, module: str, name: str) -> Any:
        makers: dict[str, Callable[..., Any]] = {
            "multiarray _reconstruct": lambda *_: _Array(),
            "multiarray scalar": _scalar,
            "numeric _frombuffer": _from_buffer,
            "numpy ndarray": lambda *_: _Array(),
            "numpy dtype": lambda code, *_: _Type(code),
            "_codecs encode": _encode,
        }
        place = re.sub(r"^numpy\._?core\.", "", module)
        maker = makers.get(f"{place} {name}")
        if maker is None:
            raise FormatError(f"{_REFUSED} (it asks for {module}.{name})"[:300])
        return _Maker(maker)

    def persistent_load(self, pid: Any) -> Any:
        raise FormatError(_REFUSED)


class _Kept:
    """Base of objects whose state a pickle cannot set."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        raise FormatError(_REFUSED)


class _Maker(_Kept):
    """A stand-in for what the pickle wants to call."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def __call__(self, *arguments: Any) -> Any:
        return self._make(*arguments)


class _Type(_Kept):
    """A type of numbers, of text or of objects."""

    __slots__ = ("code", "order")

    def __init__(self, code: Any) -> None:
        self.code, self.order = str(code)[:20], "<"

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, tuple) and len(state) > 1 and state[1] in ("<", ">", "|", "="):
            self.order = state[1]

    def numbers(self) -> np.dtype[Any]:
        code = self.code.lstrip("<>|=")
        if not _KIND.fullmatch(code):
            raise FormatError(f"holds values of the type {self.code!r}; numbers are expected")
        return np.dtype("?" if code == "b1" else self.order.replace("|", "<") + code)


class _Array(_Kept):
    """An array in the making: its state comes in one piece."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: Any = None

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise FormatError(_REFUSED)
        _, shape, kind, by_columns, data = state
        if not (
            isinstance(shape, tuple)
            and all(type(side) is int and side >= 0 for side in shape)
            and len(shape) <= 8
            and isinstance(kind, _Type)
        ):
            raise FormatError(_REFUSED)
        if kind.code.lstrip("<>|=").startswith(("O", "U", "S")):
            self.values = list(data) if isinstance(data, list) else []  # words, or a dictionary
            return
        dtype = kind.numbers()
        if not isinstance(data, bytes) or len(data) != math.prod(shape) * dtype.itemsize:
            raise FormatError("is damaged: an array in it has fewer numbers than it says")
        values = np.frombuffer(data, dtype)
        self.values = values.reshape(shape, order="F" if by_columns else "C")


def _from_buffer(data: Any, kind: Any, shape: Any, order: Any, axes: Any = None) -> _Array:
    """Return an array as pickles of protocol 5 hold it."""
    array = _Array()
    if not isinstance(data, bytes | bytearray):
        raise FormatError(_REFUSED)
    array.__setstate__((1, shape, kind, order == "F", bytes(data)))
    if axes is not None:
        if not isinstance(axes, tuple) or sorted(axes) != list(range(len(shape))):
            raise FormatError(_REFUSED)
        array.values = array.values.transpose(axes)
    return array


def _scalar(kind: Any, data: Any = None) -> Any:
    if not isinstance(kind, _Type) or not isinstance(data, bytes):
        raise FormatError(_REFUSED)
    dtype = kind.numbers()
    if len(data) != dtype.itemsize:
        raise FormatError("is damaged: a number in it is cut off")
    return np.frombuffer(data, dtype)[0].item()


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    """Return bytes, as pickles of protocol 2 hold them."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise FormatError(_REFUSED)
    return text.encode("latin1")


def _plain(value: Any) -> Any:
    """Return the value with its arrays rebuilt; anything deeper than a list in a dictionary is
    dropped.
    """
    if isinstance(value, _Array):
        return _plain(value.values)
    if isinstance(value, dict):
        return {
            key: each.values if isinstance(each, _Array) else each
            for key, each in value.items()
            if isinstance(key, str)
        }
    if isinstance(value, list | tuple) and len(value) == 1:
        return [_plain(value[0])]
    return value
