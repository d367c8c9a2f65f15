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
    *("textless", "textgreater", "textbar"),
}


@pytest.fixture(scope="module")
def table() -> str:
    suite = load_suite().choose(ids=["single-wave"])
    planners = {name: Moody(seed) for seed, name in enumerate(NAMES)}
    chat = ScriptedChatModel(script=["no plan"] * 3)
    return ablate({**planners, "chat": chat, "offline": "offline"}, suite=suite).to_latex()


def document(table: str) -> str:
    head = r"\documentclass{article} \usepackage{booktabs} \begin{document}"
    return f"{head}\n{table}\n\\end{{document}}\n"


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
    assert len(rows) == 1 + len(NAMES) + 2
    assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(columns)}
    assert not any(row.startswith(("[", "*")) for row in rows)


def test_letters_without_a_glyph_are_told_by_number() -> None:
    assert escaped("größer 模") == "größer U+6A21"
    assert escaped("two\n lines\x00") == "two lines"


@pytest.mark.skipif(not PROGRAM, reason="no LaTeX is installed")
def test_the_table_compiles(table: str, tmp_path: Path) -> None:
    (tmp_path / "paper.tex").write_text(document(table), encoding="utf-8")
    options = [] if PROGRAM == "tectonic" else ["-interaction=nonstopmode", "-halt-on-error"]
    if PROGRAM == "pdflatex":
        options.append("-draftmode")  # all but the PDF: fonts are the installation's matter
    done = subprocess.run(
        [PROGRAM, *options, "paper.tex"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout[-2000:]
