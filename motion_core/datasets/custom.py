"""Your own motion capture: motion files and one CSV that describes them.

    file,action,style,caption,actor,start,end
    take1.bvh,walk,tired,,ann,,
    take2.bvh,juggle,,a person juggles three balls,bob,,
    take2.bvh,juggle,,someone drops a ball and picks it up,bob,12.5,17

Several rows of one file are several captions; rows with a start and an end, in seconds, describe
that part. An action that the phrase grammar knows needs no caption. The other columns come from a
file's first row.
"""

from __future__ import annotations

import csv
import math
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from ..errors import InputError
from ..skeleton import FPS
from .prepared import Caption
from .takes import CONTINUING, Span, Take
from .wordings import ACTIONS

_Row = dict[str, str]


def find_custom(folder: Path) -> Iterator[Take]:
    """Yield all takes in the folder's only CSV.

    Raises:
        InputError: there is no CSV or several, or a row is incomplete or wrong; the message says
            which.
    """
    tables = sorted(folder.glob("*.csv"))
    if len(tables) != 1:
        raise InputError(
            f"{len(tables)} CSV files in {folder}; expected one with the columns "
            "file, action and optionally style, caption, actor, start, end"
        )
    by_file: dict[str, list[tuple[str, _Row]]] = defaultdict(list)
    for line, row in _rows(tables[0]):
        where = f"line {line} of {tables[0].name}"
        if not row.get("file") or not row.get("action"):
            raise InputError(f"{where} lacks a file or an action")
        by_file[row["file"]].append((where, row))
    for file, rows in by_file.items():
        yield _take(folder, file, rows)


def read_table(path: Path) -> list[dict[str, str | None]]:
    """Return the rows of a CSV file in UTF-8.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        raise InputError(f"cannot read the table {path}: {err}") from err


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line number and values of each non-empty row, by lower-case column.

    Columns are separated by commas, or by semicolons or tabs as in spreadsheets of some countries.

    Raises:
        InputError: it is unreadable, or lacks the columns file and action.
    """
    try:
        data = path.read_bytes()
        wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        try:
            text = data.decode("utf-16" if wide else "utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252")  # Excel in Western Europe
        said = re.match(r'"?sep=(.)"?\s*\n', text)  # as Excel writes for itself
        text = text[said.end() :] if said else text
        divider = said[1] if said else max(",;\t", key=text.partition("\n")[0].count)
        reader = csv.reader(text.splitlines(keepends=True), delimiter=divider)
        columns = [name.strip().lower() for name in next(reader, [])]
        if not {"file", "action"} <= set(columns):
            raise InputError(
                f"{path.name} has the columns {', '.join(columns) or 'none'}; "
                "expected file, action and optionally style, caption, actor, start, end"
            )
        for cells in reader:
            row = dict(zip(columns, map(str.strip, cells), strict=False))
            if any(row.values()):
                yield reader.line_num, row
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        raise InputError(f"cannot read the table {path}: {err}") from err


def _take(folder: Path, file: str, rows: list[tuple[str, _Row]]) -> Take:
    where, first = rows[0]
    path = (folder / file).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise InputError(f"{where}: {file!r} is outside the folder")
    action = first["action"]
    whole: list[Caption] = []
    parts: dict[tuple[int, int], list[Caption]] = defaultdict(list)
    for where, row in rows:
        if row["action"] != action:
            raise InputError(
                f"{where}: {file!r} has the action {action!r} in an earlier row, here "
                f"{row['action']!r}; give one action a file"
            )
        caption, part = row.get("caption", ""), _part(row, where)
        if not caption and (action not in ACTIONS or part is not None):
            reason = "a part needs" if part else f"the action {action!r} has no wordings; give"
            raise InputError(f"{where}: {reason} a caption")
        if part is not None:
            parts[part].append(Caption(caption, "custom"))
        elif caption:
            whole.append(Caption(caption, "custom"))
    return Take(
        id=f"custom/{Path(file).with_suffix('').as_posix()}",
        path=path,
        source="custom",
        action=action,
        style=first.get("style") or None,
        actor=first.get("actor") or None,
        captions=tuple(whole),
        labelled=action in ACTIONS,
        spans=tuple(Span(start, end, tuple(texts)) for (start, end), texts in parts.items()),
        long="cut" if action in CONTINUING else "crop",
    )


def _part(row: _Row, where: str) -> tuple[int, int] | None:
    """Return frames at 20 fps for the row's start and end in seconds; None for the whole."""
    start, end = row.get("start", ""), row.get("end", "")
    if not start and not end:
        return None
    try:
        seconds = float(start or 0), float(end)
        if not 0 <= seconds[0] < seconds[1] or not math.isfinite(seconds[1]):
            raise ValueError
    except ValueError as err:
        raise InputError(
            f"{where}: start {start!r} and end {end!r} are not a part of a file; give seconds, with"
            " the end after the start"
        ) from err
    return round(seconds[0] * FPS), round(seconds[1] * FPS)
