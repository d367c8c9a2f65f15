"""What was generated is written down at once, so that no segment is lost or generated twice.

Tokens are a function of engine, description, seed and wished duration. The journal keeps them
under these four: a turn that was killed goes on with the segments it had finished, and a request
that comes again costs nothing. One JSON object a line; a line that a kill has cut short is
skipped when the file is read.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from pathlib import Path

from .atomic import replacing
from .errors import UnavailableError
from .untrusted import checked_json, checked_seed, checked_tokens, checked_words

KEPT = 5000  # segments; the oldest are forgotten

Key = tuple[str, str, int, float]
"""Engine, description, seed, wished seconds (0 for no wish)."""


class SegmentJournal:
    """Tokens of finished segments. Thread-safe.

    Args:
        path: the file; None keeps them in memory only. It is read when first asked.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = None if path is None else Path(path)
        self._entries: OrderedDict[Key, tuple[int, ...]] | None = None
        self._lock = threading.Lock()

    def get(self, key: Key) -> tuple[int, ...] | None:
        """The tokens that were made from this, or None."""
        with self._lock:
            return self._read().get(key)

    def put(self, key: Key, tokens: tuple[int, ...]) -> None:
        """Keep the tokens; they are on disk when this returns.

        Raises:
            UnavailableError: the file cannot be written.
        """
        with self._lock:
            entries = self._read()
            entries[key] = tokens
            if self.path is not None:
                try:
                    self.path.parent.mkdir(parents=True, exist_ok=True)
                    with self.path.open("a", encoding="utf-8") as file:
                        file.write(_line(key, tokens))
                except OSError as err:
                    raise UnavailableError(
                        f"cannot write {self.path} ({err.strerror or err}); choose a folder that"
                        " can be written"
                    ) from err
            while len(entries) > KEPT:
                entries.popitem(last=False)

    def _read(self) -> OrderedDict[Key, tuple[int, ...]]:
        if self._entries is None:
            self._entries = OrderedDict()
            if self.path is not None and self.path.is_file():
                lines = self.path.read_bytes().split(b"\n")
                for line in lines:
                    if (entry := _entry(line)) is not None:
                        self._entries[entry[0]] = entry[1]
                while len(self._entries) > KEPT:
                    self._entries.popitem(last=False)
                if lines[-1] or len(lines) > 2 * KEPT:  # cut short, or mostly forgotten
                    with replacing(self.path) as temporary:
                        whole = "".join(_line(k, tokens) for k, tokens in self._entries.items())
                        temporary.write_text(whole, encoding="utf-8")
        return self._entries


def _line(key: Key, tokens: tuple[int, ...]) -> str:
    return json.dumps([*key, list(tokens)], ensure_ascii=False) + "\n"


def _entry(line: bytes) -> tuple[Key, tuple[int, ...]] | None:
    try:
        engine, description, seed, seconds, tokens = checked_json(line.decode("utf-8"))
        if not (isinstance(tokens, list) and tokens and isinstance(seconds, int | float)):
            return None
        key = (str(engine), checked_words(description), checked_seed(seed), float(seconds))
        return key, checked_tokens(tokens)
    except (ValueError, TypeError, OverflowError):
        return None
