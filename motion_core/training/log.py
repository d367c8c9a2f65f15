"""What a training logs: ``log.csv``, and ``curves.png`` if matplotlib is installed."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Mapping
from pathlib import Path

from ..atomic import replacing
from ..errors import UnavailableError


class TrainingLog:
    """The file ``log.csv``: step, then a column for each logged name.

    Args:
        path: of the file.
        writes: False in a process that does not lead: it keeps its rows to itself.
    """

    def __init__(self, path: Path, *, writes: bool = True) -> None:
        self.path, self._writes = path, writes
        self.rows: list[dict[str, float]] = []
        self._columns: list[str] = ["step"]
        self._unwritten: list[dict[str, float]] = []
        self._last_write = 0.0

    @property
    def last(self) -> Mapping[str, float]:
        """The values of the last row."""
        row = self.rows[-1] if self.rows else {}
        return {name: value for name, value in row.items() if name != "step"}

    def open(self, *, first_step: int) -> None:
        """Keep the rows of steps before `first_step` and drop the rest."""
        self.rows, self._columns = [], ["step"]
        if first_step > 0 and self.path.exists():
            with self.path.open(newline="") as file:
                for read in csv.DictReader(file):
                    row = _parse_row(read)
                    if row is not None and row["step"] < first_step:
                        self.rows.append(row)
                        self._columns += [name for name in row if name not in self._columns]
        self._rewrite()

    def add(self, step: int, values: dict[str, float]) -> None:
        """Add a row; it is written within a second or so, or by `flush`."""
        row = {"step": step, **values}
        self.rows.append(row)
        new = [name for name in row if name not in self._columns]
        if new:
            self._columns += new
            self._rewrite()
            return
        self._unwritten.append(row)
        if time.monotonic() - self._last_write > 1.0:
            self.flush()

    def flush(self) -> None:
        """Write the rows that are not in the file yet.

        Raises:
            UnavailableError: the file cannot be written.
        """
        if not self._unwritten or not self._writes:
            return
        try:
            with self.path.open("a", newline="") as file:
                csv.DictWriter(file, self._columns).writerows(self._unwritten)
        except OSError as err:
            raise UnavailableError(f"cannot write {self.path}: {err.strerror or err}") from err
        self._unwritten.clear()
        self._last_write = time.monotonic()

    def _rewrite(self) -> None:
        if not self._writes:
            return
        with replacing(self.path) as path, path.open("w", newline="") as file:
            writer = csv.DictWriter(file, self._columns)
            writer.writeheader()
            writer.writerows(self.rows)
        self._unwritten.clear()
        self._last_write = time.monotonic()


def _parse_row(read: Mapping[str, str | None]) -> dict[str, float] | None:
    """Parse a row; return None for the torn last line that a kill can leave."""
    try:
        row = {name: float(text) for name, text in read.items() if text}
    except ValueError:
        return None
    if "step" not in row:
        return None
    return {**row, "step": int(row["step"])}


def draw_curves(rows: list[dict[str, float]], title: str, path: Path) -> None:
    """Draw a small plot over the steps for each logged name."""
    names = list(dict.fromkeys(name for row in rows for name in row if name != "step"))
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        return
    if not names or len(rows) < 3:
        return
    across = min(3, len(names))
    down = math.ceil(len(names) / across)
    figure = Figure(figsize=(4.2 * across, 2.6 * down), layout="tight")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    for index, name in enumerate(names):
        points = [(row["step"], row[name]) for row in rows if name in row]
        axes = figure.add_subplot(down, across, index + 1)
        axes.plot(*zip(*points, strict=True), linewidth=0.9)
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelsize=7)
        if all(value > 0 for _, value in points):
            axes.set_yscale("log")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110)
