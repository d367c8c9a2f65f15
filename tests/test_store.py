"""The motion store and the workspace: what goes in comes out, and no name leads elsewhere."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from motion_agent.motion_core.errors import InputError, UnavailableError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.motion import Motion, Segment
from motion_agent.motion_core.store import MotionStore, is_motion_id
from motion_agent.motion_core.workspace import Workspace

ENGINE = FakeEngine()


def motion(*tokens: int) -> Motion:
    return Motion(
        ENGINE.decode(tokens),
        segments=(Segment("s1", "a person walks", tuple(tokens), seed=3),),
        provenance={"engine": "fake-1"},
    )


@pytest.fixture(params=["memory", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> MotionStore:
    return MotionStore(tmp_path / "motions" if request.param == "folder" else None)


def test_a_motion_comes_back_by_its_id(store: MotionStore) -> None:
    kept = motion(1, 2, 3)
    motion_id = store.add(kept)
    found = store.get(motion_id)
    assert motion_id == kept.id
    assert np.array_equal(found.features, kept.features)
    assert found.segments == kept.segments
    assert motion_id in store
    assert len(store) == 1


def test_the_same_motion_has_one_id_and_order_is_of_arrival(store: MotionStore) -> None:
    ids = [store.add(motion(1)), store.add(motion(2)), store.add(motion(1))]
    assert ids[0] == ids[2]
    store.get(ids[0])
    assert set(store.list()) == {ids[0], ids[1]}
    assert len(store.list()) == 2


def test_two_motions_with_the_same_short_hash_are_kept_apart(
    store: MotionStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Motion, "id", "m-000000")
    first, second = store.add(motion(1)), store.add(motion(2))
    assert first == "m-000000"
    assert second != first
    assert is_motion_id(second)
    assert store.get(second).tokens == (2,)
    assert store.add(motion(2)) == second


@pytest.mark.parametrize(
    "name",
    ["", "m-", "m-12345", "m-12345g", "M-123456", "m-123456\n", "../m-123456", "m-123456.npz", "x"],
)
def test_what_is_no_id_is_refused(store: MotionStore, name: str) -> None:
    with pytest.raises(InputError, match="is not a motion id"):
        store.get(name)
    assert name not in store


def test_an_unknown_id_tells_which_there_are(store: MotionStore) -> None:
    with pytest.raises(InputError, match="The store is empty"):
        store.get("m-ffffff")
    motion_id = store.add(motion(5))
    with pytest.raises(InputError, match=f"The latest are: {motion_id}"):
        store.get("m-ffffff")


def test_a_folder_survives_a_restart(tmp_path: Path) -> None:
    kept = motion(7, 8)
    motion_id = MotionStore(tmp_path).add(kept)
    found = MotionStore(tmp_path).get(motion_id)
    assert np.array_equal(found.features, kept.features)
    assert found.segments == kept.segments
    assert MotionStore(tmp_path).list() == (motion_id,)


def test_a_folder_holds_nothing_but_whole_motions(tmp_path: Path) -> None:
    store = MotionStore(tmp_path / "motions")
    motion_id = store.add(motion(7, 8))
    names = {p.name for p in (tmp_path / "motions").iterdir()}
    assert names == {".order", f"{motion_id}.npz"}


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError, match="cannot write the motion store"):
        MotionStore(tmp_path / "file" / "motions").add(motion(1))


def test_many_threads_may_add_and_get(store: MotionStore) -> None:
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            for token in range(5):
                assert store.get(store.add(motion(token))).tokens == (token,)
        except Exception as err:
            failures.append(err)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(store) == 5


def test_a_workspace_gives_its_own_files(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "walk.bvh").write_text("x")
    assert Workspace(tmp_path).path("inner/walk.bvh") == tmp_path.resolve() / "inner" / "walk.bvh"


@pytest.mark.parametrize(
    "name",
    ["../secret.npz", "inner/../../secret.npz", "/etc/passwd", "link.npz", "file:///etc/passwd",
     "http://example.org/x.npz", "a\x00b", "x" * 5000, "..", "~/x.npz", ""],
)  # fmt: skip
def test_no_name_leads_out_of_a_workspace(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (tmp_path / "secret.npz").write_text("secret")
    os.symlink(tmp_path / "secret.npz", folder / "link.npz")
    with pytest.raises(InputError, match=r"not a file name inside|there is no file"):
        Workspace(folder).path(name)


def test_without_a_workspace_no_file_is_read() -> None:
    with pytest.raises(InputError, match="no workspace folder was given"):
        Workspace(None).path("walk.bvh")


def test_the_fake_engine_keeps_the_promises_of_an_engine() -> None:
    from motion_agent.motion_core.engine import (
        CaptionEngine,
        CoverageEngine,
        GenerationRequest,
        Take,
        TokenEngine,
    )

    engine = FakeEngine()
    for part in (TokenEngine, CaptionEngine, CoverageEngine):
        assert isinstance(engine, part)
    requests = [
        GenerationRequest("a person walks", seed=1),
        GenerationRequest("a person walks", seed=2),
        GenerationRequest("a person bows", seconds=3),
    ]
    walk, other, bow = engine.generate(requests)
    assert engine.generate(requests) == [walk, other, bow]
    assert walk != other
    assert len(bow.tokens) == 15
    assert engine.encode(engine.decode(walk.tokens)) == walk.tokens
    assert engine.caption([Take(walk.tokens + bow.tokens)]) == ["a person walks, then bows"]
    assert engine.coverage("a person does a backflip").unknown == ("backflip",)
    with pytest.raises(InputError, match="limit is 300"):
        engine.generate([GenerationRequest("x" * 10_000)])
    with pytest.raises(InputError, match="empty"):
        engine.generate([GenerationRequest(" ")])


def test_a_fake_motion_stands_on_the_floor_and_walks_forward() -> None:
    engine = FakeEngine()
    joints = Motion(engine.decode([1 * 32] * 10)).joints
    assert joints.shape == (40, 22, 3)
    assert abs(joints[:, [10, 11], 1]).max() < 0.02
    assert joints[-1, 0, 2] - joints[0, 0, 2] == pytest.approx(39 * 0.06, abs=0.01)
