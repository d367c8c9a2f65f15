"""The studio: the one way from descriptions to motion, whoever comes in by which door."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motion_agent.agent_graph import MotionAgent
from motion_agent.motion_core.engine import CancelToken, GenerationRequest, MotionEngine, Take
from motion_agent.motion_core.engines import load_engine
from motion_agent.motion_core.errors import Cancelled, ConfigurationError, FormatError, InputError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.motion import Motion
from motion_agent.motion_core.store import MotionStore
from motion_agent.motion_core.studio import Studio
from motion_agent.motion_core.timeline import Timeline
from motion_agent.motion_core.untrusted import checked_segment
from motion_agent.tools import motion_tools

WALK_WAVE = Timeline().insert("a person walks forward").insert("a person waves")


class Continuous:
    """An engine without tokens: features, and nothing else."""

    name = "continuous-1"

    def __init__(self) -> None:
        self.batches: list[int] = []

    def generate(self, requests: Any, **control: Any) -> list[Take]:
        self.batches.append(len(requests))
        return [Take(features=self._features(request)) for request in requests]

    def _features(self, request: GenerationRequest) -> Any:
        fake = FakeEngine()
        (take,) = fake.generate([request])
        return fake.decode(take.tokens)[:-1]  # no whole number of tokens


def test_every_door_makes_the_same_motion_with_the_same_provenance(tmp_path: Path) -> None:
    rendering = Studio(FakeEngine()).render(WALK_WAVE)
    agent = MotionAgent(engine=FakeEngine())
    turn = agent.run("A person walks forward, then waves.")
    store = MotionStore()
    generate, *_ = motion_tools(FakeEngine(), store)
    call = {
        "name": "generate_motion",
        "args": {"descriptions": ["a person walks forward", "a person waves"]},
        "id": "1",
        "type": "tool_call",
    }
    tool_motion = store.get(generate.invoke(call).artifact["motion_id"])
    motion = rendering.motions[1]
    assert rendering.repairs  # this join is repaired, by the same policy everywhere
    assert turn.motion is not None
    assert motion.id == turn.motion.id == tool_motion.id
    assert motion.provenance == turn.motion.provenance == tool_motion.provenance
    assert motion.provenance["blends"] and motion.provenance["next_segment"] == 3


def test_the_same_timeline_is_generated_once(tmp_path: Path) -> None:
    engine = FakeEngine()
    first = Studio(engine, MotionStore(tmp_path)).render(WALK_WAVE)
    calls = len(engine.generated)
    again = Studio(engine, MotionStore(tmp_path)).render(WALK_WAVE)
    assert again.motions[1].id == first.motions[1].id
    assert len(engine.generated[0]) == 2 and len(engine.generated) == calls
    assert Studio(engine, MotionStore(tmp_path)).render(first.timeline).new == ()


class Filler(FakeEngine):
    """Fills every gap with the token that came last before it."""

    def fill(self, before: Any, after: Any, length: int, **control: Any) -> tuple[int, ...]:
        return (before[-1],) * length


def test_a_smooth_join_is_found_kept_and_taken_back(tmp_path: Path) -> None:
    studio = Studio(Filler(), MotionStore(tmp_path), tmp_path, repair_seams=False)
    rough = studio.render(WALK_WAVE)
    smooth = studio.render(rough.timeline.smooth("s2", 0.8))
    fill = smooth.timeline.fills["s2"]
    assert fill.tokens == (rough.motions[1].segments[0].tokens[-3],) * 4
    assert smooth.motions[1].id != rough.motions[1].id
    assert not np.array_equal(smooth.motions[1].features, rough.motions[1].features)
    studio.export([smooth.motions[1]], "smooth.npz")
    opened = Studio(Filler(), MotionStore(), tmp_path).open("smooth.npz")
    assert opened.fills == smooth.timeline.fills
    longer = studio.render(opened.insert("a person bows"))
    assert longer.timeline.fills == opened.fills
    assert np.array_equal(longer.motions[1].features[:40, :3], smooth.motions[1].features[:40, :3])
    alone = studio.render(opened.remove("s1"))
    assert alone.timeline.fills == {}
    assert alone.motions[1].tokens == rough.motions[1].segments[1].tokens


def test_a_loop_ends_in_tokens_that_lead_back_and_the_segment_keeps_its_own(
    tmp_path: Path,
) -> None:
    studio = Studio(Filler(), MotionStore(tmp_path), tmp_path)
    rough = studio.render(WALK_WAVE)
    loop = studio.render(rough.timeline.smooth("s1", 0.8))
    last, before = rough.timeline.find("s2"), loop.timeline.find("s2")
    assert before.tokens == last.tokens and loop.timeline.fills["s1"].before == 4
    assert loop.timeline.fills["s1"].tokens == (last.tokens[-5],) * 4
    assert loop.timeline.blends == rough.timeline.blends  # the join inside is as it was
    features, old = loop.motions[1].features, rough.motions[1].features
    assert np.array_equal(features[:-16], old[:-16])
    assert not np.array_equal(features[-16:], old[-16:])
    studio.export([loop.motions[1]], "loop.npz")
    opened = Studio(Filler(), MotionStore(), tmp_path).open("loop.npz")
    assert opened.fills == loop.timeline.fills
    longer = studio.render(opened.insert("a person bows"))
    assert "s1" not in longer.timeline.fills
    assert longer.motions[1].segments[1].tokens == last.tokens


def test_an_engine_that_makes_no_transitions_says_so() -> None:
    studio = Studio(FakeEngine())
    rough = studio.render(WALK_WAVE)
    with pytest.raises(InputError, match="makes no transitions"):
        studio.render(rough.timeline.smooth("s2"))


@pytest.mark.parametrize(
    "fill",
    [7, {}, {"tokens": [1, 2], "before": 1, "after": 0}, {"tokens": [-1], "before": 1, "after": 0}],
)
def test_a_file_with_a_fill_that_is_none_is_refused(tmp_path: Path, fill: Any) -> None:
    motion = Studio(FakeEngine()).render(WALK_WAVE).motions[1].with_provenance(fills={"s2": fill})
    studio = Studio(FakeEngine(), MotionStore(), tmp_path)
    studio.export([motion], "bad.npz")
    with pytest.raises(FormatError, match="is damaged"):
        studio.open("bad.npz")


def test_an_empty_timeline_is_refused() -> None:
    with pytest.raises(InputError, match="the timeline is empty"):
        Studio(FakeEngine()).render(Timeline())


def test_a_cancelled_rendering_loses_nothing_that_was_generated() -> None:
    engine = FakeEngine()
    studio = Studio(engine)
    timeline = Timeline()
    for number in range(25):
        timeline = timeline.insert(f"a person walks {number} times")
    cancel = CancelToken()

    def after_twelve(done: int, total: int) -> None:
        if done >= total / 2:
            cancel.cancel()

    with pytest.raises(Cancelled):
        studio.render(timeline, progress=after_twelve, cancel=cancel)
    assert len(engine.generated) == 2
    studio.render(timeline)
    descriptions = [request.description for batch in engine.generated for request in batch]
    assert descriptions.count("a person walks 3 times") == 1


def test_a_cancelled_turn_can_be_resumed() -> None:
    cancel = CancelToken()

    class Cancelling(FakeEngine):
        def generate(self, requests: Any, **control: Any) -> list[Take]:
            if not self.generated:
                cancel.cancel()
            return super().generate(requests, **control)

    agent = MotionAgent(engine=Cancelling())
    with pytest.raises(Cancelled):
        agent.run("A person walks.", cancel=cancel)
    assert agent.unfinished() == "A person walks."
    *_, turn = agent.resume()
    assert turn.motion is not None  # type: ignore[union-attr]


async def test_a_cancelled_tool_call_stops_the_engine() -> None:
    import asyncio

    started, stopped = threading.Event(), threading.Event()

    class Slow(FakeEngine):
        def generate(
            self, requests: Any, *, progress: Any = None, cancel: CancelToken | None = None
        ) -> list[Take]:
            assert cancel is not None
            started.set()
            while not cancel.cancelled:
                threading.Event().wait(0.01)
            stopped.set()
            raise Cancelled("cancelled")

    generate, *_ = motion_tools(Slow())
    call = asyncio.ensure_future(generate.ainvoke({"descriptions": ["a person walks"]}))
    await asyncio.to_thread(started.wait, 600)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await asyncio.to_thread(stopped.wait, 600)


# ---- an engine of continuous motion ---------------------------------------------------------


@pytest.mark.parametrize("folder", [None, "motions"])
def test_an_engine_without_tokens_keeps_its_features_bit_for_bit(
    tmp_path: Path, folder: str | None
) -> None:
    store = MotionStore(None if folder is None else tmp_path / folder)
    studio = Studio(Continuous(), store, repair_seams=False)
    one = studio.render(Timeline().insert("a person walks forward"))
    (take,) = Continuous().generate([GenerationRequest("a person walks forward", 1)])
    assert take.features is not None
    assert one.motions[1].features.tobytes() == take.features.tobytes()
    assert one.motions[1].tokens == ()
    both = studio.render(one.timeline.insert("a person bows"))
    assert both.timeline.segments[0] == one.timeline.segments[0]
    assert len(both.motions[1]) == sum(segment.frames for segment in both.timeline.segments)
    assert studio.engine.batches == [1, 1]  # type: ignore[attr-defined]
    # The file alone is enough to go on with, in another place.
    elsewhere = Studio(Continuous(), repair_seams=False)
    opened = elsewhere.open(Motion(both.motions[1].features, both.motions[1].segments))
    edited = elsewhere.render(opened.remove("s1")).motions[1]
    assert np.array_equal(edited.features, both.motions[1].features[-len(edited) :])


def test_what_an_engine_cannot_do_is_said() -> None:
    studio = Studio(Continuous())
    motion = studio.render(WALK_WAVE).motions[1]
    with pytest.raises(ConfigurationError, match="continuous-1 cannot caption motions"):
        studio.caption(motion)
    tokens = Studio(FakeEngine()).render(WALK_WAVE).timeline
    with pytest.raises(ConfigurationError, match="has no tokenizer"):
        studio.render(tokens.remove("s2"))


def test_an_agent_works_with_an_engine_without_tokens() -> None:
    agent = MotionAgent(engine=Continuous())
    before = agent.run("A person walks, then bows.").motion
    turn = agent.run("replace the bow with a jump")
    assert turn.motion is not None and before is not None
    assert turn.motion.segments[0] == before.segments[0]
    assert agent.run("undo").motion_id == before.id


# ---- engines by name ------------------------------------------------------------------------

ENGINE = """
from motion_agent.motion_core.fake import FakeEngine

engine = FakeEngine()
number = 3


def make():
    return FakeEngine(delay=0.0)
"""


@pytest.mark.parametrize("name", ["engine", "make", "FakeEngine"])
def test_an_engine_is_loaded_from_a_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "mine.py").write_text(ENGINE)
    engine = load_engine(f"{tmp_path / 'mine.py'}:{name}")
    assert isinstance(engine, MotionEngine)
    assert Studio(engine).render(WALK_WAVE).motions[1].duration > 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "nothing",
            "unknown motion engine 'nothing'; give one of fake, llama.cpp, motiongpt, motionllm",
        ),
        ("nothing:3", "unknown motion engine 'nothing:3'"),
        ("{folder}/none.py:engine", "no such file"),
        ("{folder}/mine.py:other", "has no 'other'"),
        ("{folder}/mine.py:number", "is a int, not a motion engine"),
        ("{folder}/broken.py:engine", "cannot be run: ZeroDivisionError"),
    ],
)
def test_an_engine_that_cannot_be_loaded_is_said(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "mine.py").write_text(ENGINE)
    (tmp_path / "broken.py").write_text("1 / 0\n")
    with pytest.raises(ConfigurationError, match=message):
        load_engine(name.format(folder=tmp_path))


def test_an_argument_stands_behind_a_colon(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no prepared data set in"):
        load_engine(f"retrieval:{tmp_path}")


class Other(FakeEngine):
    """One whose tokens are not those of `FakeEngine`, with the same names."""

    codebook = "other-1"

    def __init__(self) -> None:
        super().__init__()
        self.read: list[tuple[int, ...]] = []

    def decode(self, tokens: Any, **control: Any) -> Any:
        self.read.append(tuple(tokens))
        return super().decode(tokens, **control)


def test_tokens_of_another_tokenizer_are_kept_as_features_and_never_decoded(
    tmp_path: Path,
) -> None:
    store = MotionStore(tmp_path)
    made = Studio(FakeEngine(), store).render(WALK_WAVE)
    old = made.motions[1]
    engine = Other()
    studio = Studio(engine, store, repair_seams=False)
    assert studio.render(made.timeline).motions[1].id == old.id  # as it is in the store
    for timeline in (studio.open(old), studio.readable(made.timeline)):
        assert [s.tokens for s in timeline.segments] == [(), ()]
        longer = studio.render(timeline.insert("a person bows"))
        new = longer.motions[1].segments[2]
        assert engine.read[-1] == new.tokens and new.codebook == "other-1"
        assert np.array_equal(longer.motions[1].features[: len(old)], old.features)
    with pytest.raises(InputError, match=r"s1, s2: made with another motion tokenizer"):
        studio.render(made.timeline.insert("a person bows"))
    assert set(engine.read) == {new.tokens}
    assert studio.take(old).tokens == engine.encode(old.features)
    again = Studio(Other(), store).open(longer.motions[1])
    assert again.segments == longer.timeline.segments
    assert Timeline.from_json(again.to_json()).segments == again.segments


def test_a_codebook_that_is_no_name_is_refused() -> None:
    entry = {"id": "s1", "description": "a person bows", "tokens": [1], "seed": 0}
    assert checked_segment(entry | {"codebook": "1f-a"}).codebook == "1f-a"
    for name in (7, "a b", "x" * 41):
        with pytest.raises(FormatError, match="codebook"):
            checked_segment(entry | {"codebook": name})
