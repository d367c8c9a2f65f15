"""Where motions are kept: folder, SQLite, LangGraph's store; caps, expiry, deleting."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.store.memory import InMemoryStore

from motion_agent import MotionAgent
from motion_agent.motion_core.errors import ConfigurationError, InputError, UnavailableError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.motion import Motion, Segment
from motion_agent.motion_core.store import MotionStore
from motion_agent.motion_core.studio import Studio
from motion_agent.tools import motion_tools
from motion_agent.tools.host import host_studio, motion_store


def motion(token: int) -> Motion:
    segment = Segment("s1", "a person walks", (token,), seed=3)
    return Motion(FakeEngine().decode([token]), (segment,), provenance={"engine": "fake-1"})


@pytest.fixture(params=["folder", "sqlite", "langgraph"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., MotionStore]:
    """Opens the same place again, as another process would."""
    graph_store = InMemoryStore()
    places = {"folder": tmp_path / "kept", "sqlite": tmp_path / "kept.sqlite"}
    place: Any = {**places, "langgraph": graph_store}[request.param]

    def opening(**options: Any) -> MotionStore:
        return MotionStore(motion_store(place).shelf, **options)

    return opening


def test_motions_survive_and_come_in_order(opened: Callable[..., MotionStore]) -> None:
    store = opened()
    ids = [store.add(motion(token)) for token in (3, 1, 2)]
    assert store.add(motion(1)) == ids[1]
    again = opened()
    assert again.list() == tuple(ids)
    assert again.latest(2) == tuple(ids[1:])
    assert again.get(ids[0]).segments == motion(3).segments
    assert ids[0] in again and "m-ffffff" not in again
    with pytest.raises(InputError, match=f"The latest are: {ids[2]}, {ids[1]}, {ids[0]}"):
        again.get("m-ffffff")


def test_what_is_deleted_is_gone_for_everybody(opened: Callable[..., MotionStore]) -> None:
    store, other = opened(), opened()
    kept, gone = store.add(motion(1)), store.add(motion(2))
    assert other.get(gone)
    store.delete(gone)
    for each in (store, other, opened()):
        assert each.list() == (kept,)
        with pytest.raises(InputError, match="there is no motion"):
            each.get(gone)
    with pytest.raises(InputError, match="there is no motion"):
        store.delete(gone)
    store.of("ann").add(motion(3))
    store.clear()
    assert (len(opened()), len(opened().of("ann"))) == (0, 1)


def test_beyond_the_cap_the_oldest_go(opened: Callable[..., MotionStore]) -> None:
    store = opened(cap=2)
    ids = [store.add(motion(token)) for token in (1, 2, 3)]
    assert opened().list() == tuple(ids[1:])
    of_ann = store.of("ann")
    for token in (1, 2, 3):
        of_ann.add(motion(token))
    assert (len(of_ann), len(store)) == (2, 2)


def test_what_has_expired_is_forgotten(
    opened: Callable[..., MotionStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(expiry=3600)
    motion_id = store.add(motion(1))
    now = time.time()
    monkeypatch.setattr("motion_agent.motion_core.store.time.time", lambda: now + 3000)
    assert store.list() == (motion_id,)
    monkeypatch.setattr("motion_agent.motion_core.store.time.time", lambda: now + 3700)
    with pytest.raises(InputError, match="The store is empty"):
        store.get(motion_id)
    assert opened().list() == ()


def test_an_agent_goes_on_after_a_restart(opened: Callable[..., MotionStore]) -> None:
    from langgraph.checkpoint.memory import InMemorySaver

    saver = InMemorySaver()
    before = MotionAgent("offline", engine=FakeEngine(), store=opened(), checkpointer=saver)
    motion = before.run("A person walks, then bows.").motion
    after = MotionAgent("offline", engine=FakeEngine(), store=opened(), checkpointer=saver)
    assert motion is not None
    assert after.motions()[1].id == motion.id
    assert len(after.run("remove the bow").motions[1].segments) == 1


def test_what_is_no_store_is_refused_before_anything_is_generated() -> None:
    for place in (object(), 7, {"a": 1}):
        with pytest.raises(ConfigurationError, match="cannot be kept in a"):
            MotionStore(place)  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match="cannot be kept in a"):
            host_studio("fake", place)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="is no motion store"):
        Studio("fake", InMemoryStore())  # type: ignore[arg-type]


def test_a_cap_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="above 0"):
        MotionStore(cap=0)


def test_the_environment_names_the_store_the_workspace_and_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTION_AGENT_STORE", str(tmp_path / "kept.sqlite"))
    monkeypatch.setenv("MOTION_AGENT_WORKSPACE", str(tmp_path / "files"))
    monkeypatch.setenv("MOTION_AGENT_ENGINE", "fake")
    monkeypatch.setenv("MOTION_AGENT_PLANNER", "offline")
    turn = MotionAgent().run("A person bows, and export it as bow.csv.")
    assert turn.motion_id in host_studio().store
    assert host_studio().workspace.folder == tmp_path / "files"
    assert host_studio().engine.name == "fake-1"


def test_a_database_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "kept.sqlite").write_text("this is no database, and long enough to be seen as none")
    with pytest.raises(UnavailableError, match="cannot be used"):
        motion_store(tmp_path / "kept.sqlite").add(motion(1))


@pytest.mark.parametrize("name", ["kept", "kept.sqlite"])
def test_a_tool_s_failure_does_not_tell_where_the_motions_are(tmp_path: Path, name: str) -> None:
    tools = motion_tools(FakeEngine(), tmp_path / name, user="ann")
    message = {"name": "generate_motion", "id": "1", "type": "tool_call"}
    call = {**message, "args": {"descriptions": ["a person walks"]}}
    assert tools[0].invoke(call).status == "success"
    place = tmp_path / name
    place.rename(tmp_path / "away")
    place.write_text("a file that is no folder and no database, but long enough for one")
    answer = tools[0].invoke({**call, "args": {"descriptions": ["a person bows"]}})
    assert answer.artifact["error"]["kind"] == "unavailable"
    assert str(tmp_path) not in f"{answer.text}{answer.artifact}"


def test_deleted_motions_do_not_hide_the_latest(tmp_path: Path) -> None:
    store = MotionStore(tmp_path)
    ids = [store.add(motion(token)) for token in range(1, 9)]
    for motion_id in ids[1:]:
        store.delete(motion_id)
    assert store.latest(1) == (ids[0],)


def test_a_hundred_users_in_memory_hold_a_bounded_number_of_motions() -> None:
    store = MotionStore()
    for number in range(3):
        for token in range(60):
            store.of(f"user {number}").add(motion(token))
    assert [len(store.of(f"user {number}")) for number in range(3)] == [50] * 3
