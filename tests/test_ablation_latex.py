"""The table for a paper compiles, whatever a planner is called."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ablation_planners import Moody
from fakes import ScriptedChatModel

from motion_agent.ablation import ablate, load_suite
from motion_agent.ablation.latex import escaped

NAMES = (
    "[first] of all",
    r"C:\models\my_planner.py:Mine",
    'a "quoted" 100 % & #1 $5 {x} ~ ^ <b> |',
    "größer: 模型 🤖 Ł",
    "two\nlines",
)
PROGRAM = next((p for p in ("pdflatex", "tectonic", "xelatex", "lualatex") if shutil.which(p)), "")
_COMMANDS = {
    *("begin", "end", "centering", "caption", "toprule", "midrule", "bottomrule", ",", "\\", "%"),
    *("&", "$", "#", "_", "{", "}", "textbackslash", "textasciitilde", "textasciicircum"),
    *("textless", "textgreater", "textbar", "multicolumn", "quad", "setlength", "tabcolsep"),
    *("resizebox", "ifdim", "width", "linewidth", "else", "fi"),
}


@pytest.fixture(scope="module")
def table() -> str:
    suite = load_suite().choose(ids=["single-wave"])
    planners = {name: Moody(seed) for seed, name in enumerate(NAMES)}
    chat = ScriptedChatModel(script=["no plan"] * 3)
    return ablate({**planners, "chat": chat, "offline": "offline"}, suite=suite).to_latex()


def document(table: str) -> str:
    packages = table.splitlines()[0].removeprefix("% ")
    return (
        f"\\documentclass{{article}} {packages}\n\\begin{{document}}\n{table}\n\\end{{document}}\n"
    )


def tokens(text: str) -> Iterator[str]:
    """What TeX reads: control sequences and characters, without comments."""
    text = re.sub(r"(?<!\\)%[^\n]*", "", text)
    yield from re.findall(r"\\[A-Za-z]+|\\.|.", text, re.DOTALL)


def test_every_command_is_known_and_every_group_is_closed(table: str) -> None:
    found = list(tokens(table))
    assert {t[1:] for t in found if len(t) > 1} <= _COMMANDS
    depth = 0
    for token in found:
        depth += {"{": 1, "}": -1}.get(token, 0)
        assert depth >= 0
    assert depth == 0
    assert not set(found) & {"#", "$", "^", "~", "_", '"'}  # each would be a command
    opened: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", table):
        assert kind == "begin" or opened.pop() == name
        opened += [name] * (kind == "begin")
    assert opened == []
    assert all(char.isascii() or char.isalpha() for char in table)


def test_every_row_has_the_cells_of_the_head_and_begins_with_no_argument(table: str) -> None:
    columns = table[table.index("{l") + 1 :].partition("}")[0]
    body = table[table.index(r"\toprule") : table.index(r"\bottomrule")]
    rows = [line.strip() for line in body.splitlines() if line.endswith(r"\\")]
    names = [row for row in rows if row.startswith(rf"\multicolumn{{{len(columns)}}}")]
    assert len(names) == len(NAMES) + 2
    rest = [row for row in rows if row not in names]
    assert len(rest) == 1 + len(NAMES) + 2
    assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rest} == {len(columns)}
    assert not any(row.startswith(("[", "*")) for row in rows)


def test_letters_without_a_glyph_are_told_by_number() -> None:
    assert escaped("größer 模") == "größer U+6A21"
    assert escaped("two\n lines\x00") == "two lines"


def wide(table: str) -> str:
    """The table with ten times as many rows of one planner, whose ways have long names."""
    row = r"    \quad a very long way of asking, with thinking, 0.8 & 33" + " & 100 [89, 100]" * 6
    columns = len(re.search(r"\{l(r+)\}", table)[1])  # type: ignore[index]
    row = "&".join(row.split("&")[: columns + 1])
    return table.replace(r"    \bottomrule", f"{row} \\\\\n" * 9 + r"    \bottomrule")


@pytest.mark.skipif(not PROGRAM, reason="no LaTeX is installed")
@pytest.mark.parametrize("much", [False, True])
def test_the_table_compiles_and_is_no_wider_than_the_text(
    table: str, tmp_path: Path, much: bool
) -> None:
    table = wide(table) if much else table
    (tmp_path / "paper.tex").write_text(document(table), encoding="utf-8")
    options = [] if PROGRAM == "tectonic" else ["-interaction=nonstopmode", "-halt-on-error"]
    if PROGRAM == "pdflatex":
        options.append("-draftmode")  # all but the PDF: fonts are the installation's matter
    done = subprocess.run(
        [PROGRAM, *options, "paper.tex"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout
    assert "Missing character" not in done.stdout
