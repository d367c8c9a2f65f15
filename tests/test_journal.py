"""What was generated is on disk at once, and a cut line spoils nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from motion_agent.motion_core.errors import UnavailableError
from motion_agent.motion_core.journal import Entry, SegmentJournal

KEY = ("engine", "a person walks", 3, 0.0)


def test_it_is_read_by_the_next_process(tmp_path: Path) -> None:
    SegmentJournal(tmp_path / "deep" / "j").put(KEY, Entry((1, 2, 3)))
    again = SegmentJournal(tmp_path / "deep" / "j")
    assert again.get(KEY) == Entry((1, 2, 3))
    for other in (("other", *KEY[1:]), (*KEY[:2], 4, 0.0), (*KEY[:3], 2.0)):
        assert again.get(other) is None


def test_a_line_that_was_cut_short_is_skipped_and_cleaned_away(tmp_path: Path) -> None:
    path = tmp_path / "j"
    SegmentJournal(path).put(KEY, Entry((1, 2)))
    with path.open("ab") as file:
        file.write(b'["engine", "a person bo')
    again = SegmentJournal(path)
    assert again.get(KEY) == Entry((1, 2))
    again.put((*KEY[:2], 4, 0.0), Entry((5,)))
    third = SegmentJournal(path)
    assert (third.get(KEY), third.get((*KEY[:2], 4, 0.0))) == (Entry((1, 2)), Entry((5,)))
    assert len(path.read_text().splitlines()) == 2


@pytest.mark.parametrize("line", [b"\xff\xfe", b"[]", b"{}", b'["e","d",1,0.0,["x"]]', b"7"])
def test_foreign_lines_are_skipped(line: bytes, tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_bytes(line + b"\n")
    journal = SegmentJournal(path)
    assert journal.get(KEY) is None
    journal.put(KEY, Entry((1,)))
    assert SegmentJournal(path).get(KEY) == Entry((1,))


def test_it_does_not_grow_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "j"
    first, beside = SegmentJournal(path, kept=10), SegmentJournal(path, kept=10)
    for seed in range(30):
        first.put((*KEY[:2], seed, 0.0), Entry((seed,)))
        assert len(path.read_text().splitlines()) <= 21
    assert first.get((*KEY[:2], 19, 0.0)) is None
    assert first.get((*KEY[:2], 20, 0.0)) == Entry((20,))
    assert SegmentJournal(path).get((*KEY[:2], 29, 0.0)) == Entry((29,))
    beside.put(("other", *KEY[1:]), Entry((7,)))
    for seed in range(30, 34):
        first.put((*KEY[:2], seed, 0.0), Entry((seed,)))
    assert len(path.read_text().splitlines()) <= 12
    assert SegmentJournal(path).get(("other", *KEY[1:])) == Entry((7,))


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="cannot write"):
        SegmentJournal(tmp_path / "file" / "j").put(KEY, Entry((1,)))
