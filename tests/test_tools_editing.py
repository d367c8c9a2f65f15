"""`edit_motion`: each operation, and that nothing else changes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool

from motion_agent.motion_core.composition import assemble
from motion_agent.motion_core.engine import GenerationRequest
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.motion import Motion, Segment
from motion_agent.motion_core.store import MotionStore
from motion_agent.motion_core.studio import Studio
from motion_agent.tools import motion_tools

TEXTS = ["a person walks", "a person waves", "a person bows"]


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def store() -> MotionStore:
    return MotionStore()


@pytest.fixture
def tools(engine: FakeEngine, store: MotionStore) -> dict[str, BaseTool]:
    return {tool.name: tool for tool in motion_tools(engine, store)}


@pytest.fixture
def old(tools: dict[str, BaseTool], store: MotionStore) -> Motion:
    """Three segments, s1 to s3, of which the second was asked to last 4 s."""
    first = call(tools["generate_motion"], descriptions=TEXTS).artifact["motion_id"]
    longer = call(
        tools["edit_motion"], motion=first, operation="another_take", segment="s2", seconds=4
    )
    return store.get(longer.artifact["motion_id"])


def call(tool: BaseTool, **args: Any) -> ToolMessage:
    message = tool.invoke({"name": tool.name, "args": args, "id": "1", "type": "tool_call"})
    assert isinstance(message, ToolMessage)
    return message


def edit(
    tools: dict[str, BaseTool], store: MotionStore, motion: Motion | str, **args: Any
) -> tuple[Motion, str]:
    motion_id = motion if isinstance(motion, str) else motion.id
    message = call(tools["edit_motion"], motion=motion_id, **args)
    assert message.status == "success", message.text
    return store.get(message.artifact["motion_id"]), message.text


def ids(motion: Motion) -> list[str]:
    return [segment.id for segment in motion.segments]


@pytest.mark.parametrize(
    ("position", "order"),
    [
        (None, ["s1", "s2", "s3", "s4"]),
        ("end", ["s1", "s2", "s3", "s4"]),
        ("start", ["s4", "s1", "s2", "s3"]),
        ("before s2", ["s1", "s4", "s2", "s3"]),
        ("after s2", ["s1", "s2", "s4", "s3"]),
        ("After S2 ", ["s1", "s2", "s4", "s3"]),
        ("s1", ["s1", "s4", "s2", "s3"]),
        ("after segment 1", ["s1", "s4", "s2", "s3"]),
    ],
)
def test_an_action_is_inserted_where_it_should_go(
    tools: dict[str, BaseTool],
    store: MotionStore,
    engine: FakeEngine,
    old: Motion,
    position: str | None,
    order: list[str],
) -> None:
    engine.generated.clear()
    engine.decoded.clear()
    new, answer = edit(
        tools, store, old, operation="insert", description="a person jumps", position=position
    )
    assert ids(new) == order
    kept = {s.id: s for s in new.segments}
    assert [kept[s.id] for s in old.segments] == list(old.segments)
    assert kept["s4"].description == "a person jumps"
    assert engine.generated == [(GenerationRequest("a person jumps", 4),)]
    assert engine.decoded == [len(new.tokens)]
    assert "'a person jumps' (new)" in answer
    assert f"{old.id} is unchanged." in answer


def test_insert_may_name_the_segment_that_it_follows(
    tools: dict[str, BaseTool], store: MotionStore, old: Motion
) -> None:
    new, _ = edit(tools, store, old, operation="insert", segment="s1", description="a person sits")
    assert ids(new) == ["s1", "s4", "s2", "s3"]


def test_the_old_motion_stays_as_it_was(
    tools: dict[str, BaseTool], store: MotionStore, old: Motion
) -> None:
    features, segments = old.features.copy(), old.segments
    new, _ = edit(tools, store, old, operation="remove", segment="s2")
    assert new.id != old.id
    assert store.get(old.id).segments == segments
    assert np.array_equal(store.get(old.id).features, features)
    assert new.segments == (old.segments[0], old.segments[2])


def test_replace_makes_a_new_segment_in_the_same_place(
    tools: dict[str, BaseTool], store: MotionStore, old: Motion
) -> None:
    new, _ = edit(
        tools, store, old, operation="replace", segment="s2", description="a person kicks",
        seconds=2,
    )  # fmt: skip
    assert ids(new) == ["s1", "s4", "s3"]
    assert new.segments[1].description == "a person kicks"
    assert new.segments[1].frames == 40
    assert new.segments[::2] == old.segments[::2]


@pytest.mark.parametrize(
    ("segment", "position", "order"),
    [
        ("s3", "start", ["s3", "s1", "s2"]),
        ("s1", "end", ["s2", "s3", "s1"]),
        ("s3", "before s2", ["s1", "s3", "s2"]),
        ("s1", "after s2", ["s2", "s1", "s3"]),
    ],
)
def test_moving_generates_nothing(
    tools: dict[str, BaseTool],
    store: MotionStore,
    engine: FakeEngine,
    old: Motion,
    segment: str,
    position: str,
    order: list[str],
) -> None:
    engine.generated.clear()
    new, _ = edit(tools, store, old, operation="move", segment=segment, position=position)
    assert ids(new) == order
    assert set(new.segments) == set(old.segments)
    assert engine.generated == []


def test_repeating_copies_the_tokens_under_new_ids(
    tools: dict[str, BaseTool], store: MotionStore, old: Motion
) -> None:
    new, _ = edit(tools, store, old, operation="repeat", segment="s2", times=2)
    assert ids(new) == ["s1", "s2", "s4", "s5", "s3"]
    assert {s.tokens for s in new.segments[1:4]} == {old.segments[1].tokens}
    once, _ = edit(tools, store, old, operation="repeat", segment="s1", position="end")
    assert ids(once) == ["s1", "s2", "s3", "s4"]
    assert once.segments[3].tokens == old.segments[0].tokens


def test_another_take_is_another_each_time(
    tools: dict[str, BaseTool], store: MotionStore, old: Motion
) -> None:
    one, _ = edit(tools, store, old, operation="another_take", segment="s1")
    two, _ = edit(tools, store, one, operation="another_take", segment="s1")
    assert ids(one) == ids(two) == ids(old)
    assert [m.segments[0].seed for m in (old, one, two)] == [1, 1001, 2001]
    assert len({m.segments[0].tokens for m in (old, one, two)}) == 3
    chosen, _ = edit(tools, store, old, operation="another_take", segment="s1", seed=77)
    assert chosen.segments[0].seed == 77


def test_a_join_is_made_smooth_by_an_engine_that_can() -> None:
    class Filler(FakeEngine):
        def fill(self, before: Any, after: Any, length: int, **control: Any) -> tuple[int, ...]:
            return (before[-1],) * length

    for engine, smooth in ((Filler(), True), (FakeEngine(), False)):
        store = MotionStore()
        tools = {tool.name: tool for tool in motion_tools(engine, store)}
        words = ["a person walks", "a person bows"]
        first = tools["generate_motion"].invoke({"descriptions": words})
        motion = re.search("m-[0-9a-f]{6}", first)[0]  # type: ignore[index]
        arguments = {"motion": motion, "operation": "smooth", "segment": "s2", "seconds": 0.8}
        answer = tools["edit_motion"].invoke(arguments)
        assert ("Made motion" in answer) is smooth
        assert smooth or "makes no transitions" in answer


@pytest.mark.parametrize(
    ("operation", "seconds", "frames"),
    [
        ("longer", None, 120),  # one and a half times 4 s
        ("shorter", None, 52),
        ("longer", 7, 140),
        ("shorter", 1, 20),
        ("longer", 20, 400),
    ],
)
def test_longer_and_shorter_keep_description_and_seed(
    tools: dict[str, BaseTool],
    store: MotionStore,
    old: Motion,
    operation: str,
    seconds: float | None,
    frames: int,
) -> None:
    assert old.segments[1].frames == 80
    new, _ = edit(tools, store, old, operation=operation, segment="s2", seconds=seconds)
    assert new.segments[1].frames == frames
    assert new.segments[1].seed == old.segments[1].seed
    assert new.segments[::2] == old.segments[::2]


def test_ids_are_never_used_twice(
    tools: dict[str, BaseTool], store: MotionStore, old: Motion
) -> None:
    new, _ = edit(tools, store, old, operation="insert", description="a person jumps")
    new, _ = edit(tools, store, new, operation="remove", segment="s4")
    new, _ = edit(tools, store, new, operation="remove", segment="s3")
    new, _ = edit(tools, store, new, operation="insert", description="a person kicks")
    assert ids(new) == ["s1", "s2", "s5"]


def test_a_motion_of_one_segment_needs_no_id(
    tools: dict[str, BaseTool], store: MotionStore
) -> None:
    motion_id = call(tools["generate_motion"], descriptions=TEXTS[:1]).artifact["motion_id"]
    new, _ = edit(tools, store, motion_id, operation="longer", seconds=6)
    assert new.segments[0].frames == 120


def test_a_foreign_motion_is_one_segment_to_add_to(
    tools: dict[str, BaseTool], store: MotionStore, engine: FakeEngine
) -> None:
    tokens = tuple([32 * 5 + 1] * 10)
    foreign = store.add(Motion(engine.decode(tokens)))
    new, answer = edit(tools, store, foreign, operation="insert", description="a person walks")
    assert new.segments[0] == Segment("s1", "a person bows", tokens)
    assert ids(new) == ["s1", "s2"]
    assert "s1 2.0 s 'a person bows', s2 " in answer


def test_what_an_operation_does_not_use_is_told(
    tools: dict[str, BaseTool], store: MotionStore, old: Motion
) -> None:
    plain, _ = edit(tools, store, old, operation="remove", segment="s2")
    filled, answer = edit(
        tools, store, old, operation="remove", segment="s2", description="the wave", seconds=3
    )
    assert filled.id == plain.id
    assert answer.endswith("Not used by 'remove': description, seconds.")


def test_unknown_words_of_new_segments_are_told(tools: dict[str, BaseTool], old: Motion) -> None:
    message = call(
        tools["edit_motion"], motion=old.id, operation="insert", description="a person does a flic"
    )
    assert "was not trained on 'flic'" in message.text
    assert message.artifact["unknown_words"] == ["flic"]


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (
            {"operation": "remove"},
            "say which segment, by its id (there are s1 'a person walks', s2",
        ),
        (
            {"operation": "remove", "segment": "s9"},
            "there is no segment 's9'; there are s1",
        ),
        ({"operation": "insert"}, "insert needs a description, such as"),
        ({"operation": "replace", "segment": "s1"}, "replace needs a description"),
        ({"operation": "insert", "description": "x" * 301}, "301 characters, the limit is 300"),
        (
            {"operation": "insert", "description": "a person sits", "position": "in the middle"},
            "there is no segment 'in the middle'; there are",
        ),
        ({"operation": "move", "segment": "s1"}, "move needs a position: 'start'"),
        (
            {"operation": "move", "segment": "s1", "position": "after s1"},
            "there is no segment 's1'; there are s2",
        ),
        (
            {"operation": "longer", "segment": "s2", "seconds": 2},
            "s2 lasts 4.0 s; longer needs more than that as seconds",
        ),
        (
            {"operation": "shorter", "segment": "s2", "seconds": 5},
            "s2 lasts 4.0 s; shorter needs less than that as seconds",
        ),
        ({"operation": "repeat", "segment": "s1", "times": 21}, "less than or equal to 20"),
        ({"operation": "undo"}, "operation: Input should be 'insert', 'replace'"),
    ],
)
def test_what_cannot_be_done_is_told_so_that_it_can_be_put_right(
    tools: dict[str, BaseTool], store: MotionStore, old: Motion, args: dict[str, Any], hint: str
) -> None:
    before = store.list()
    message = call(tools["edit_motion"], motion=old.id, **args)
    assert message.status == "error"
    assert hint in message.text
    assert "\n" not in message.text
    assert store.list() == before


def test_the_only_segment_cannot_be_removed(tools: dict[str, BaseTool]) -> None:
    motion_id = call(tools["generate_motion"], descriptions=TEXTS[:1]).artifact["motion_id"]
    message = call(tools["edit_motion"], motion=motion_id, operation="remove", segment="s1")
    assert "s1 is the only segment" in message.text


def test_a_motion_does_not_grow_without_bound(tools: dict[str, BaseTool]) -> None:
    motion = call(tools["generate_motion"], descriptions=["a person walks"] * 50).artifact
    message = call(
        tools["edit_motion"], motion=motion["motion_id"], operation="repeat", segment="s1", times=20
    )
    assert "the motion would have 70 segments, the limit is 64" in message.text


def test_a_long_file_is_not_repeated_beyond_the_limit_of_frames(
    tools: dict[str, BaseTool],
    store: MotionStore,
    engine: FakeEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("motion_agent.motion_core.studio.MAX_FRAMES", 200)
    long = store.add(Motion(engine.decode([1] * 10)))
    engine.decoded.clear()
    message = call(tools["edit_motion"], motion=long, operation="repeat", times=5)
    assert "would have 240 frames; the limit is 200" in message.text
    assert engine.decoded == []


def test_blends_hold_where_both_segments_still_meet(
    tools: dict[str, BaseTool], store: MotionStore, engine: FakeEngine, old: Motion
) -> None:
    blended = assemble(
        engine, old.segments, blends={"s2": 8, "s3": 4}, provenance={"blends": {"s2": 8, "s3": 4}}
    )
    motion_id = store.add(blended)
    assert motion_id != old.id
    new, _ = edit(tools, store, motion_id, operation="move", segment="s1", position="end")
    assert new.provenance["blends"]["s3"] == 4
    assert "s2" not in new.provenance["blends"]
    again = assemble(engine, new.segments, blends=new.provenance["blends"])
    assert np.array_equal(new.features, again.features)
    opened = Studio(engine, store).open(motion_id)
    assert opened.blends == {"s2": 8, "s3": 4}
    assert opened.retake("s3").blends == {"s2": 8}


@pytest.mark.parametrize(
    "blends", [None, 3, "s2", {"s2": 10**9}, {"s2": [8]}, {"s2": -1}, {"s1": 8}]
)
def test_blends_that_a_file_makes_up_are_not_believed(
    engine: FakeEngine, old: Motion, blends: Any
) -> None:
    motion = old.with_provenance(blends=blends)
    assert Studio(engine).open(motion).blends == {}
