"""Captions without motion: rows of JSON with a ``text``, from which m2t learns phrasing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FormatError, InputError
from ..json_text import parse_json

if TYPE_CHECKING:
    from .prepared import PreparedDataset


def read_wordings(path: Path, dataset: PreparedDataset) -> list[str]:
    """Return the distinct texts of a file, without those of the data set's held-out clips.

    Raises:
        InputError: the file cannot be read.
        FormatError: it is not a JSON list of objects with a ``text``.
    """
    held_out = {
        _plain(text)
        for clip in (*dataset.split("validation"), *dataset.split("test"))
        for text in clip.texts
    }
    try:
        rows = parse_json(path.read_text(encoding="utf-8"))
        texts = {" ".join(row["text"].split()) for row in rows}
    except OSError as err:
        raise InputError(f"cannot read the captions {path}: {err.strerror or err}") from err
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise FormatError(f"{path} is not a JSON list of objects with a text: {err!r}") from err
    return sorted(text for text in texts if text and _plain(text) not in held_out)


def _plain(text: str) -> str:
    return " ".join(text.lower().split()).rstrip(" .!")
