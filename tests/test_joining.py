"""Joining segments: bad seams are mended, within bounds, and what is not new is left alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from motion_agent.motion_core import mending
from motion_agent.motion_core.composition import assemble
from motion_agent.motion_core.engine import (
    CancelToken,
    GenerationRequest,
    Progress,
    Take,
)
from motion_agent.motion_core.engines import load_engine
from motion_agent.motion_core.errors import GenerationError, InputError
from motion_agent.motion_core.fake import BLOCK, FakeEngine
from motion_agent.motion_core.fills import known_fills
from motion_agent.motion_core.joining import Joined, join_segments
from motion_agent.motion_core.mending import (
    CONTEXT,
    MOST_TAKES,
    RETAKE,
    SHORTEST,
    TAKES,
    Kind,
)
from motion_agent.motion_core.motion import Fill, Segment

STAND, WALK, RUN = 0, 1 * BLOCK, 2 * BLOCK  # tokens of the fake engine: 0, 1.2 and 3 m/s
TENTH = 10  # tokens a segment here has, 2 s


class Director(FakeEngine):
    """Generates what the test wrote down for a seed, else standing."""

    def __init__(self, takes: Mapping[int, Sequence[int]] | None = None) -> None:
        super().__init__()
        self.takes = dict(takes or {})

    def generate(
        self,
        requests: Sequence[GenerationRequest],
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> list[Take]:
        self.generated.append(tuple(requests))
        return [Take(tuple(self.takes.get(r.seed, [STAND] * TENTH))) for r in requests]


def segments_of(*parts: Sequence[int] | int) -> list[Segment]:
    """Segments s1, s2, … of these tokens, or of ten of one; seed 1, 2, …"""
    tokens = [(part,) * TENTH if isinstance(part, int) else tuple(part) for part in parts]
    return [Segment(f"s{i}", f"part {i}", t, seed=i) for i, t in enumerate(tokens, start=1)]


def ids(*segments: Segment) -> set[str]:
    return {segment.id for segment in segments}


def lasting(seconds: float, segments: list[Segment]) -> list[Segment]:
    return [replace(segment, seconds=seconds) for segment in segments]


def join(
    engine: FakeEngine,
    segments: list[Segment],
    new: Collection[str],
    *repair: Kind,
) -> Joined:
    return join_segments(engine, segments, new=new, repair=repair or True)


def test_good_seams_cost_one_decode_and_nothing_is_tried() -> None:
    engine = Director()
    segments = segments_of(STAND, WALK, STAND)
    joined = join(engine, segments, ids(*segments))
    assert engine.decoded == [30] and engine.generated == []
    assert joined.segments == tuple(segments) == joined.motion.segments
    assert joined.repairs == () and joined.blends == {}
    assert [seam.bad for seam in joined.seams] == [False, False]


def test_without_repair_a_bad_seam_is_reported_and_left() -> None:
    engine = Director()
    segments = segments_of(RUN, STAND)
    joined = join_segments(engine, segments, new=ids(*segments), repair=False)
    assert joined.seams[0].bad and joined.repairs == ()
    assert engine.decoded == [20] and engine.generated == []


def test_another_take_of_the_later_segment_wins() -> None:
    engine = Director({2 + 2 * RETAKE: [RUN] * 8})
    segments = segments_of(RUN, STAND)
    joined = join(engine, segments, ids(*segments), "take")
    assert joined.segments[0] == segments[0]
    assert joined.segments[1] == Segment("s2", "part 2", (RUN,) * 8, seed=2 + 2 * RETAKE)
    assert [request.seed for request in engine.generated[0]] == [
        2 + RETAKE * take for take in range(1, TAKES + 1)
    ]
    assert len(engine.generated) == 1
    (repair,) = joined.repairs
    assert (repair.kind, repair.retaken, repair.seed) == ("take", "s2", 202)
    assert repair.severity[0] > 1 >= repair.severity[1] == joined.seams[0].severity
    assert str(repair) == "the join of s1 and s2: mended by another take of s2 (seed 202)"


def test_a_take_that_shows_less_of_the_description_is_not_kept() -> None:
    smooth = {2 + RETAKE: [RUN] * TENTH}  # joins well, but nobody stands in it
    first, second = segments_of(RUN, STAND)
    second = replace(second, description="a person stands")
    joined = join(Director(smooth), [first, second], ids(first, second), "take")
    assert joined.segments == (first, second) and joined.repairs[0].kind == "none"
    second = replace(second, description="a person runs")
    joined = join(Director(smooth), [first, second], ids(first, second), "take")
    assert joined.repairs[0].kind == "take" and joined.segments[1].seed == 2 + RETAKE


def test_the_earlier_segment_is_retaken_where_only_it_is_new() -> None:
    engine = Director({1 + RETAKE: [STAND] * 7})
    segments = segments_of(RUN, STAND)
    joined = join(engine, segments, ids(segments[0]), "take")
    assert joined.segments == (
        Segment("s1", "part 1", (STAND,) * 7, seed=1 + RETAKE),
        segments[1],
    )


def test_takes_are_not_asked_for_where_a_quick_repair_is_enough() -> None:
    engine = Director({2 + RETAKE: [RUN] * TENTH})
    segments = segments_of(RUN, STAND)
    joined = join(engine, segments, ids(*segments))
    assert engine.generated == []
    assert joined.repairs[0].won == ("blend",) and not joined.seams[0].bad
    assert joined.segments == tuple(segments)


def test_takes_are_asked_for_where_quick_repairs_leave_a_seam_rough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = Director({2 + RETAKE: [RUN] * TENTH})
    segments = segments_of(RUN, [STAND] * 2)  # too short to blend enough, or to trim
    joined = join(engine, segments, ids(*segments))
    assert 1 < joined.seams[0].severity < mending.ROUGH and engine.generated == []
    monkeypatch.setattr(mending, "ROUGH", 1.0)
    joined = join(engine, segments, ids(*segments))
    assert len(engine.generated) == 1
    assert joined.repairs[0].won == ("take",) and joined.segments[1].seed == 2 + RETAKE
    assert not joined.seams[0].bad


def test_takes_that_do_not_help_are_dropped() -> None:
    engine = Director()  # stands again
    segments = segments_of(RUN, STAND)
    joined = join(engine, segments, ids(*segments), "take")
    assert joined.segments == tuple(segments)
    assert joined.repairs[0].kind == "none" and joined.repairs[0].tried == ("take",)
    assert str(joined.repairs[0]) == "the join of s1 and s2 stays rough; tried in vain: take"


def test_the_generate_of_the_caller_makes_the_takes() -> None:
    calls: list[list[Segment]] = []

    def generate(pending: Sequence[Segment]) -> list[Segment]:
        calls.append(list(pending))
        assert all(segment.pending for segment in pending)
        return [replace(segment, tokens=(RUN,) * 6) for segment in pending]

    segments = lasting(2.0, segments_of(RUN, STAND))
    engine = Director()
    new = ids(*segments)
    joined = join_segments(engine, segments, new=new, repair=["take"], generate=generate)
    assert engine.generated == [] and len(calls) == 1
    assert [(r.id, r.seconds) for r in calls[0]] == [("s2", 2.0)] * TAKES
    assert joined.segments[1].tokens == (RUN,) * 6


def test_a_failure_to_generate_is_passed_on() -> None:
    class Failing(Director):
        def generate(self, requests: Sequence[GenerationRequest], **control: Any) -> list[Take]:
            raise GenerationError("no motion came out; try another seed")

    segments = segments_of(RUN, STAND)
    with pytest.raises(GenerationError, match="another seed"):
        join(Failing(), segments, ids(*segments), "take")


def test_two_tokens_are_trimmed_where_they_spoil_the_join() -> None:
    segments = segments_of([STAND] * 10 + [RUN] * 2, STAND)
    joined = join(Director(), segments, ids(*segments), "trim")
    assert joined.segments[0].tokens == (STAND,) * 10 and joined.segments[1] == segments[1]
    (repair,) = joined.repairs
    assert (repair.kind, repair.trimmed) == ("trim", (2, 0))
    assert str(repair) == "the join of s1 and s2: mended by 0.4 s trimmed"
    assert len(joined.motion) == 80 and not joined.seams[0].bad


def test_the_least_trim_that_mends_is_taken() -> None:
    segments = segments_of(STAND, [RUN] + [STAND] * 9)
    joined = join(Director(), segments, ids(*segments), "trim")
    assert joined.repairs[0].trimmed == (0, 1)


@pytest.mark.parametrize("why", ["not new", "seconds wished", "too short"])
def test_some_segments_are_never_trimmed(why: str) -> None:
    segments = segments_of([STAND] * 10 + [RUN] * 2, STAND)
    new = ids(*segments)
    if why == "not new":
        new = ids(segments[1])
    elif why == "seconds wished":
        segments = lasting(2.4, segments)
    else:
        segments = segments_of([STAND] * (SHORTEST - 2) + [RUN] * 2, [STAND] * SHORTEST)
    joined = join(Director(), segments, new, "trim")
    assert joined.segments == tuple(segments)
    assert joined.repairs[0].kind == "none" and joined.seams[0].bad


def test_old_segments_keep_their_tokens_and_can_still_be_blended() -> None:
    engine = Director({2 + RETAKE: [RUN] * TENTH})
    segments = segments_of(RUN, STAND)
    joined = join(engine, segments, ())
    assert joined.segments == tuple(segments) and engine.generated == []
    assert joined.repairs[0].tried == ("blend",)
    assert joined.blends == {"s2": joined.repairs[0].half_width} and not joined.seams[0].bad


def test_a_blend_is_reproduced_bit_for_bit_and_changes_no_token() -> None:
    segments = segments_of(RUN, STAND, WALK)
    joined = join(Director(), segments, ids(*segments), "blend")
    assert list(joined.blends) == ["s2"]
    again = join_segments(Director(), joined.segments, blends=joined.blends, repair=False)
    assert again.motion.features.tobytes() == joined.motion.features.tobytes()
    assert again.blends == joined.blends and again.seams == joined.seams
    assert (
        assemble(Director(), segments, blends=joined.blends).features.tobytes()
        == joined.motion.features.tobytes()
    )
    assert assemble(Director(), segments).features.tobytes() != joined.motion.features.tobytes()
    assert joined.motion.tokens == tuple(t for s in segments for t in s.tokens)


class Filler(Director):
    """Fills every gap with walking."""

    def fill(
        self,
        before: Sequence[int],
        after: Sequence[int],
        length: int,
        *,
        seed: int = 0,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> tuple[int, ...]:
        self.gaps = [*getattr(self, "gaps", []), (tuple(before), tuple(after), length, seed)]
        return (WALK,) * length


def test_a_fill_lies_over_the_segments_and_changes_none() -> None:
    segments = segments_of((RUN,) * 20, (STAND,) * 20)
    engine = Filler()
    joined = join(engine, segments, ids(*segments), "fill")
    (repair,) = joined.repairs
    assert joined.segments == tuple(segments) == joined.motion.segments
    fill = joined.fills["s2"]
    assert fill == Fill((WALK,) * repair.filled, repair.filled // 2, repair.filled // 2)
    assert repair.kind == "fill" and repair.severity[1] < repair.severity[0]
    assert "better by a new transition" in str(repair)
    before, after, length, seed = engine.gaps[0]
    assert (before, after, length, seed) == ((RUN,) * 18, (STAND,) * 18, 4, 2)
    # Walking is decoded at the join, and only there.
    plain = assemble(Director(), segments).features
    covered = slice((20 - fill.before) * 4, (20 + fill.after) * 4)
    walked = joined.motion.features[covered, 2]
    assert np.allclose(walked, 1.2 / 20)
    assert np.array_equal(joined.motion.features[: covered.start], plain[: covered.start])
    again = join_segments(Director(), segments, fills=joined.fills, repair=False)
    assert again.motion.features.tobytes() == joined.motion.features.tobytes()
    assert again.seams == joined.seams and known_fills(again.motion) == joined.fills


def test_a_fill_is_judged_at_both_of_its_ends() -> None:
    segments = segments_of((RUN,) * 20, (STAND,) * 20)
    far = Fill((WALK,) * 8, 4, 4)  # from running to walking is a jump too, 0.8 s before the join
    (seam,) = join_segments(Director(), segments, fills={"s2": far}, repair=False).seams
    assert seam.root_jump == pytest.approx(1.8, abs=0.01) and seam.bad


def test_an_engine_that_cannot_fill_is_not_asked_to() -> None:
    segments = segments_of(RUN, STAND)
    joined = join(Director(), segments, ids(*segments), "fill")
    assert joined.repairs[0].tried == () and joined.fills == {}
    with pytest.raises(InputError, match="makes no transitions"):
        join_segments(Director(), segments, fills={"s2": Fill((), 2, 2)})


def test_blends_without_a_seam_before_them_are_left_out() -> None:
    segments = segments_of(RUN, STAND)
    joined = join_segments(Director(), segments, blends={"s1": 8, "s7": 8}, repair=False)
    assert joined.blends == {}
    plain = assemble(Director(), segments)
    blended = assemble(Director(), segments, blends={"s1": 8, "s7": 8})
    assert (
        blended.features.tobytes() == plain.features.tobytes() == (joined.motion.features.tobytes())
    )


def test_a_repair_that_spoils_another_seam_is_not_kept() -> None:
    # Running on would mend the first join and break the second, which is good as it is.
    engine = Director({2 + RETAKE * take: [RUN] * TENTH for take in range(1, TAKES + 1)})
    segments = segments_of(RUN, STAND, STAND)
    joined = join(engine, segments, ids(segments[1]), "take")
    assert joined.segments == tuple(segments)
    assert [seam.bad for seam in joined.seams] == [True, False]


def test_many_bad_seams_ask_for_few_takes_in_one_batch() -> None:
    engine = Director()
    segments = segments_of(*[RUN, STAND] * 10)
    rough = join_segments(engine, segments, repair=False)
    assert sum(seam.bad for seam in rough.seams) == 19
    join(engine, segments, ids(*segments), "take")
    assert [len(requests) for requests in engine.generated] == [MOST_TAKES]


def test_a_try_in_a_long_motion_decodes_only_what_is_near() -> None:
    engine = Director()
    segments = segments_of(*[STAND] * 40, RUN, *[STAND] * 40)
    join(engine, segments, ids(*segments), "trim", "blend")
    tries = engine.decoded[1:-1]
    assert engine.decoded[0] == engine.decoded[-1] == 810
    assert 10 < len(tries) < 60 and max(tries) <= 100


def test_it_is_a_function_of_its_arguments() -> None:
    segments = segments_of(RUN, STAND, RUN, [STAND] * 9, WALK)
    one, other = (join(FakeEngine(), segments, ids(*segments)) for _ in range(2))
    assert one.segments == other.segments and one.blends == other.blends
    assert one.repairs == other.repairs and one.seams == other.seams
    assert one.motion.id == other.motion.id


def test_nothing_to_join_is_an_error() -> None:
    with pytest.raises(InputError, match="at least one segment"):
        join_segments(Director(), [])
    twice = [*segments_of(STAND), *segments_of(STAND)]
    with pytest.raises(InputError, match="same id"):
        join_segments(Director(), twice)


def test_provenance_is_kept() -> None:
    segments = segments_of(RUN, STAND)
    joined = join_segments(Director(), segments, new=ids(*segments), provenance={"person": 2})
    assert joined.motion.provenance == {"engine": "fake-1", "person": 2}


@pytest.mark.slow
def test_the_default_tokenizer_looks_no_farther_than_the_context() -> None:
    engine = load_engine()
    tokens = np.random.default_rng(0).integers(0, 512, 128).tolist()
    whole = engine.decode(tokens)[4 * 60 : 4 * 68]  # of 8 tokens in the middle
    near = engine.decode(tokens[60 - CONTEXT : 68 + CONTEXT])[4 * CONTEXT : -4 * CONTEXT]
    assert near == pytest.approx(whole, abs=1e-4)


@pytest.mark.slow
def test_random_tokens_of_the_default_tokenizer_are_joined_better_and_reproducibly() -> None:
    engine = load_engine()
    random = np.random.default_rng(0)
    segments = segments_of(*[random.integers(0, 512, 12).tolist() for _ in range(6)])
    joined = join(engine, segments, ids(*segments), "trim", "blend")
    rough = join_segments(engine, segments, repair=False)
    assert sum(s.bad for s in joined.seams) < sum(s.bad for s in rough.seams)
    for repair in joined.repairs:
        if repair.won:
            assert repair.severity[1] < repair.severity[0]
    again = assemble(engine, joined.segments, blends=joined.blends)
    assert again.features.tobytes() == joined.motion.features.tobytes()
