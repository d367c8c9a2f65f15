"""Pipes, devices and links where our files are expected: no call waits, none writes elsewhere."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from motion_agent.motion_core.errors import FormatError, InputError, MotionAgentError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.formats import read_motion
from motion_agent.motion_core.formats.character import load_character
from motion_agent.motion_core.formats.npy import map_npy, read_npy
from motion_agent.motion_core.journal import Clips, Entry, SegmentJournal
from motion_agent.motion_core.motion import Motion
from motion_agent.motion_core.motionllm.weights import file_digest
from motion_agent.motion_core.shelf import SqliteShelf
from motion_agent.motion_core.store import MotionStore
from motion_agent.motion_core.workspace import Workspace

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes and links of POSIX")

KEY = ("e", "walk", 1, 0.0)


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """A call that waits for ever fails after 40 s."""

    def stop(*_: object) -> None:
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(40)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def motion(token: int) -> Motion:
    return Motion(FakeEngine().decode([token, token]))


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    os.symlink("/dev/zero", path)


def folder(path: Path) -> None:
    path.mkdir()


PLACED = pytest.mark.parametrize("place", [pipe, device, folder])


@PLACED
def test_what_is_no_file_is_not_read(place: Callable[[Path], None], tmp_path: Path) -> None:
    for reader, name in (
        (lambda path: MotionStore(path.parent).get(path.stem), "m-aaaaaa.npz"),
        (lambda path: Clips(path.parent)[path.stem], "c-0123456789abcdef.npy"),
        (read_npy, "mean.npy"),
        (map_npy, "features.npy"),
        (file_digest, "rows.safetensors"),
        (read_motion, "walk.npz"),
        (read_motion, "walk.bvh"),
        (load_character, "ann.glb"),
    ):
        place(tmp_path / name)
        with pytest.raises((MotionAgentError, OSError, KeyError)):
            reader(tmp_path / name)  # type: ignore[operator]


@PLACED
def test_a_store_whose_order_is_no_file_loses_no_motion(
    place: Callable[[Path], None], tmp_path: Path
) -> None:
    kept = MotionStore(tmp_path).add(motion(1))
    (tmp_path / ".order").unlink()
    place(tmp_path / ".order")
    assert MotionStore(tmp_path).list() == (kept,)
    assert MotionStore(tmp_path).latest(3) == (kept,)
    added: tuple[str, ...] = ()
    with suppress(MotionAgentError):  # a folder stays where it is; what else is there is replaced
        added = (MotionStore(tmp_path).add(motion(2)),)
    assert bool(added) == (place is not folder)
    assert MotionStore(tmp_path).list() == (kept, *added)


@PLACED
def test_a_journal_that_is_no_file_is_told(place: Callable[[Path], None], tmp_path: Path) -> None:
    place(tmp_path / "segments.jsonl")
    journal = SegmentJournal(tmp_path / "segments.jsonl")
    assert journal.get(KEY) is None
    with pytest.raises(MotionAgentError, match="cannot write"):
        journal.put(KEY, Entry((1,)))


def test_nothing_is_added_to_the_file_that_a_planted_link_names(tmp_path: Path) -> None:
    victim = tmp_path / "bashrc"
    victim.write_text("mine\n")
    store = tmp_path / "store"
    MotionStore(store).add(motion(1))
    (store / ".order").unlink()
    for name in (".order", "segments.jsonl"):
        os.symlink(victim, store / name)
    with pytest.raises(MotionAgentError):
        MotionStore(store).add(motion(2))
    with pytest.raises(MotionAgentError):
        SegmentJournal(store / "segments.jsonl").put(("e", "$(id)", 1, 0.0), Entry((1,)))
    assert victim.read_text() == "mine\n"


def test_a_gltf_s_buffer_that_is_a_device_has_an_end(tmp_path: Path) -> None:
    device(tmp_path / "all.bin")
    text = '{"asset": {"version": "2.0"}, "buffers": [{"uri": "all.bin", "byteLength": 9}]}'
    (tmp_path / "walk.gltf").write_text(text)
    with pytest.raises(InputError, match="no regular file"):
        read_motion(tmp_path / "walk.gltf")


# Databases of motions ------------------------------------------------------------------------

_TABLE = "CREATE TABLE motions (user, id, came, data)"


def database(path: Path, *statements: str) -> SqliteShelf:
    connection = sqlite3.connect(path)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    return SqliteShelf(path)


@pytest.mark.parametrize("data", ["'text'", "2000000000", "null", "1.5", "zeroblob(300000001)"])
def test_what_is_no_motion_in_a_database_takes_no_memory(data: str, tmp_path: Path) -> None:
    row = f"INSERT INTO motions VALUES ('', 'm-aaaaaa', 'never', {data})"
    shelf = database(tmp_path / "motions.sqlite", _TABLE, row)
    with pytest.raises(FormatError, match="m-aaaaaa is no motion"):
        shelf.read("m-aaaaaa")
    assert shelf.came("m-aaaaaa") == 0.0


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW motions AS WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r)"
        " SELECT '' user, 'm-aaaaaa' id, x came, '' data FROM r",
        "CREATE TRIGGER t AFTER INSERT ON motions BEGIN DELETE FROM motions; END",
    ],
    ids=["endless view", "trigger"],
)
def test_a_database_that_does_work_of_its_own_is_refused(statement: str, tmp_path: Path) -> None:
    needed = () if "VIEW" in statement else (_TABLE,)
    store = MotionStore(database(tmp_path / "motions.sqlite", *needed, statement))
    with pytest.raises(MotionAgentError, match="work of its own"):
        store.list()
    with pytest.raises(MotionAgentError, match="work of its own"):
        store.add(motion(1))


# Workspaces ----------------------------------------------------------------------------------


def test_a_folder_that_goes_while_a_name_is_looked_at_is_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    found = os.path.realpath

    def gone(path: Any, **options: Any) -> Any:
        if str(path).endswith("sub"):  # a link that was taken away between the look and the read
            raise FileNotFoundError(2, "No such file or directory")
        return found(path, **options)

    monkeypatch.setattr(os.path, "realpath", gone)
    with pytest.raises(InputError, match="in a folder that the workspace does not have"):
        Workspace(tmp_path).write("sub/new.bvh", lambda path: [path])


def test_other_users_are_not_reached_in_other_letters(tmp_path: Path) -> None:
    own = Workspace(tmp_path).of("ann").folder
    assert own is not None
    for name in (".USERS", ".Users"):  # the same folder on some disks
        with pytest.raises(InputError, match="not a file name inside"):
            Workspace(tmp_path).path(f"{name}/{own.name}/walk.npz")
