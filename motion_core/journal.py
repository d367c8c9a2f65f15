"""A journal of generated segments, so that none is lost or generated twice.

A take is a function of engine, description, seed and requested duration. The journal keeps it under
these four: a killed turn continues with its finished segments, and a repeated request costs
nothing. It has one JSON object a line; a line truncated by a kill is skipped on reading. Features
without tokens are too large for a line: they are files beside it, the `Clips`, referenced by the
line.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .atomic import private_folder, replacing
from .errors import FormatError, InputError, UnavailableError
from .formats.npy import read_npy
from .motion import FloatArray, check_features
from .regular_file import open_own
from .untrusted import (
    checked_clip,
    checked_frames,
    checked_json,
    checked_seed,
    checked_tokens,
    checked_words,
)

KEPT = 5000  # segments; older ones are dropped
KEPT_OF_USER = 500  # … of one user among many
_MOST_BYTES = 100_000_000  # bytes read at the end of the file; ours are far smaller

Key = tuple[str, str, int, float]
"""Engine, description, seed, wished seconds (0 for no wish)."""


class Entry(NamedTuple):
    """A generated segment: tokens, or a clip with its number of frames."""

    tokens: tuple[int, ...] = ()
    clip: str = ""
    clip_frames: int = 0


class Clips(Mapping[str, FloatArray]):
    """Features of segments that have no tokens, by a hash of their content. Thread-safe.

    Args:
        folder: where to keep one ``.npy`` a clip; None keeps them in memory only.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.folder = None if folder is None else Path(folder)
        self._clips: dict[str, FloatArray] = {}

    def add(self, features: FloatArray) -> str:
        """Keep features ``(T, 263)``; return their id.

        Raises:
            UnavailableError: the folder cannot be written.
        """
        features = check_features(features)
        clip = f"c-{hashlib.sha256(features.tobytes()).hexdigest()[:16]}"
        path = self._path(clip)
        if path is None:
            self._clips[clip] = features
        elif not path.is_file():
            with replacing(path, private=True) as temporary, temporary.open("wb") as file:
                np.save(file, features)
        return clip

    def __getitem__(self, clip: str) -> FloatArray:
        """Return the features with that id.

        Raises:
            KeyError: there are none.
        """
        path = self._path(clip)
        if path is None:
            return self._clips[clip]
        if not path.is_file():
            raise KeyError(clip)
        try:
            return check_features(read_npy(path))
        except (OSError, ValueError, InputError) as err:
            raise KeyError(clip) from err

    def __iter__(self) -> Iterator[str]:
        if self.folder is None:
            return iter(list(self._clips))
        return iter([path.stem for path in self.folder.glob("c-*.npy")])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _path(self, clip: str) -> Path | None:
        if self.folder is None:
            return None
        try:
            return self.folder / f"{checked_clip(clip)}.npy"
        except FormatError as err:
            raise KeyError(clip) from err


class SegmentJournal:
    """Finished segments. Thread-safe.

    Args:
        path: the file, read on first use; None keeps them in memory only. The clips are in the
            folder ``clips`` beside it.
        kept: most segments; older ones are dropped.
    """

    def __init__(self, path: str | Path | None = None, *, kept: int = KEPT) -> None:
        self.path = None if path is None else Path(path)
        self.kept = kept
        self._lines = 0  # of the file
        self.clips = Clips(None if self.path is None else self.path.parent / "clips")
        self._entries: OrderedDict[Key, Entry] | None = None
        self._lock = threading.Lock()

    def get(self, key: Key) -> Entry | None:
        """Return what was generated for this key, or None."""
        with self._lock:
            entry = self._read().get(key)
        if entry is not None and entry.clip and entry.clip not in self.clips:
            return None
        return entry

    def put(self, key: Key, entry: Entry) -> None:
        """Keep the entry, which is on disk when this returns.

        Raises:
            UnavailableError: the file cannot be written.
        """
        with self._lock:
            entries = self._read()
            entries[key] = entry
            try:
                if self.path is not None:
                    private_folder(self.path.parent)
                    with open_own(self.path) as file:
                        file.write(_line(key, entry).encode("utf-8"))
                    self._lines += 1
                if self._lines > 2 * self.kept:
                    self._entries = None
                    self._read()  # with what other processes wrote
            except OSError as err:
                raise UnavailableError(
                    f"cannot write {self.path} ({err.strerror or err}); choose a folder that can be"
                    " written"
                ) from err
            while len(entries) > self.kept:
                entries.popitem(last=False)

    def _read(self) -> OrderedDict[Key, Entry]:
        if self._entries is None:
            self._entries = OrderedDict()
            if self.path is not None and self.path.is_file():
                with self.path.open("rb") as file:
                    file.seek(max(file.seek(0, os.SEEK_END) - _MOST_BYTES, 0))
                    lines = file.read(_MOST_BYTES).split(b"\n")
                for line in lines:
                    if (found := _parse(line)) is not None:
                        self._entries[found[0]] = found[1]
                self._lines = len(lines) - 1
                while len(self._entries) > self.kept:
                    self._entries.popitem(last=False)
                if lines[-1] or self._lines > 2 * self.kept:  # truncated, or mostly dropped entries
                    with replacing(self.path, private=True) as temporary:
                        whole = "".join(_line(key, entry) for key, entry in self._entries.items())
                        temporary.write_text(whole, encoding="utf-8")
                    self._lines = len(self._entries)
        return self._entries


def _line(key: Key, entry: Entry) -> str:
    clip = [entry.clip, entry.clip_frames] if entry.clip else []
    return json.dumps([*key, list(entry.tokens), *clip], ensure_ascii=False) + "\n"


def _parse(line: bytes) -> tuple[Key, Entry] | None:
    try:
        engine, description, seed, seconds, tokens, *clip = checked_json(line.decode("utf-8"))
        if not (isinstance(tokens, list) and isinstance(seconds, int | float)):
            return None
        key = (str(engine), checked_words(description), checked_seed(seed), float(seconds))
        if tokens:
            return key, Entry(checked_tokens(tokens))
        name, frames = clip
        return key, Entry((), checked_clip(name), checked_frames(frames))
    except (ValueError, TypeError, OverflowError):
        return None
