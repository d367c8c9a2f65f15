"""What all reports share: tables in Markdown, and their two files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ..atomic import replacing


class Written(Protocol):
    """A report that can be written down."""

    def to_markdown(self) -> str:
        """Return it for people."""
        ...

    def to_json(self) -> str:
        """Return it for machines."""
        ...


def save_report(report: Written, folder: Path | str, name: str) -> tuple[Path, Path]:
    """Write ``NAME.md`` and ``NAME.json``; return their paths."""
    paths = Path(folder) / f"{name}.md", Path(folder) / f"{name}.json"
    for path, text in zip(paths, (report.to_markdown(), report.to_json()), strict=True):
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return paths


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
