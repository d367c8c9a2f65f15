"""Help texts laid out for 80 columns.

This is Typer's plain help with three changes: plain names for values (``N`` for ``<int range>``),
options and commands in sections (`rich_help_panel` names them), and no braces in the usage line.
"""

from __future__ import annotations

import re
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

_VALUES = {"int": "N", "float": "X", "str": "TEXT", "path": "PATH", "file": "FILE", "dir": "FOLDER"}
_TYPE = re.compile(r"<(?:list\[)?(\w+)(?: range)?\]?>")
_CHOICES = re.compile(r"<([\w.-]+(?:\|[\w.-]+)+)>")
_AT_LEAST = re.compile(r"; x>=[\d.]+|  \[x>=[\d.]+\]")
_BETWEEN = re.compile(r"([\d.]+)<=x<=([\d.]+)")


class _Helpful:
    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        pieces: list[str] = super().collect_usage_pieces(ctx)  # type: ignore[misc]
        return [re.sub(r"^\{(.*)\}", r"\1", piece).replace("......", "...") for piece in pieces]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):  # type: ignore[attr-defined]
            record = param.get_help_record(ctx)
            if record is not None:
                is_argument = param.param_type_name == "argument"
                title = param.rich_help_panel or ("Arguments" if is_argument else "Options")
                sections.setdefault(title, []).append(_plain(record[0], record[1], is_argument))
        sections["Options"] = sections.pop("Options", [])  # with --help, so last
        for title, rows in sections.items():
            _write_section(formatter, title, rows)


class HelpfulCommand(_Helpful, TyperCommand):
    """A command with the help layout described above."""


class HelpfulGroup(_Helpful, TyperGroup):
    """A group of commands with the help layout described above."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        self.format_commands(ctx, formatter)
        super().format_options(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands in their sections."""
        sections: dict[str, list[tuple[str, str]]] = {}
        width = max((len(name) for name in self.commands), default=0)
        for name, command in self.commands.items():
            if not command.hidden:
                title = getattr(command, "rich_help_panel", None) or "Commands"
                row = (name.ljust(width), command.get_short_help_str(formatter.width - width - 4))
                sections.setdefault(title, []).append(row)
        for title, rows in sections.items():
            _write_section(formatter, title, rows)


def _plain(name: str, about: str, is_argument: bool) -> tuple[str, str]:
    if is_argument:
        name, about = name.partition(" <")[0], about.replace("  [required]", "")
    name = _CHOICES.sub(r"\1", _TYPE.sub(lambda found: _VALUES.get(found[1], found[1]), name))
    return name, _BETWEEN.sub(r"\1 to \2", _AT_LEAST.sub("", about))


def _write_section(formatter: Any, title: str, rows: list[tuple[str, str]]) -> None:
    if rows:
        with formatter.section(typer.style(title, bold=True)):
            formatter.write_dl(rows)
