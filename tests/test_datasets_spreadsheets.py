"""Tables of labels as spreadsheets write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from recordings import person

from motion_agent.motion_core.datasets.sources import find_takes
from motion_agent.motion_core.errors import InputError


@pytest.fixture
def mocap(tmp_path: Path) -> Path:
    """A folder with one motion."""
    np.save(tmp_path / "walk1.npy", person(60))
    return tmp_path


def spreadsheet(divider: str, header: str = "file,action,style,caption", end: str = "\n") -> str:
    """Return a table of one clip as a spreadsheet saves it."""
    row = ["walk1.npy", "walk", "tired", '"Someone walks; slowly, home."']
    return divider.join(header.split(",")) + end + divider.join(row) + end


SPREADSHEETS = {
    "commas": spreadsheet(",").encode(),
    "semicolons": spreadsheet(";", end="\r\n").encode(),
    "tabs": spreadsheet("\t").encode(),
    "unicode text": spreadsheet("\t").encode("utf-16"),
    "byte order mark": spreadsheet(";").encode("utf-8-sig"),
    "capitals and spaces": spreadsheet(",", "File , ACTION,Style,caption").encode(),
    "quoted header": spreadsheet(",", '"file","action",style,caption').encode(),
    "empty rows": spreadsheet(",", end="\n,,,\n").encode() + b",,,\n\n",
    "an empty row of semicolons": spreadsheet(";").encode() + b";;;\n",
    "fewer cells in the last row": spreadsheet(",").encode() + b",\n",
    "told separator": b"sep=;\r\n" + spreadsheet(";", end="\r\n").encode(),
    "old Mac": spreadsheet(",", end="\r").encode(),
}


@pytest.mark.parametrize("kind", SPREADSHEETS)
def test_tables_as_spreadsheets_write_them(mocap: Path, kind: str) -> None:
    (mocap / "labels.csv").write_bytes(SPREADSHEETS[kind])
    (take,) = find_takes("custom", mocap)
    assert (take.action, take.style, take.path.name) == ("walk", "tired", "walk1.npy")
    assert [each.text for each in take.captions] == ["Someone walks; slowly, home."]


def test_umlauts_of_western_europes_excel(mocap: Path) -> None:
    text = "file;action;caption\nwalk1.npy;walk;Jemand läuft müde.\n"
    (mocap / "labels.csv").write_bytes(text.encode("cp1252"))
    assert next(iter(find_takes("custom", mocap))).captions[0].text == "Jemand läuft müde."


@pytest.mark.parametrize(
    ("header", "said"),
    [("name,action", "name, action"), ("file|action", r"file\|action"), ("", "none")],
)
def test_a_header_without_the_columns_is_named(mocap: Path, header: str, said: str) -> None:
    (mocap / "labels.csv").write_text(f"{header}\nwalk1.npy,walk\n")
    with pytest.raises(InputError, match=f"has the columns {said}; expected file, action"):
        find_takes("custom", mocap)
