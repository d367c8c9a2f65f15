"""The timeline: each edit, and the one rule for ids."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from motion_agent.motion_core.errors import InputError
from motion_agent.motion_core.motion import Fill, Segment
from motion_agent.motion_core.timeline import Entry, Timeline, changed_duration


def rendered(timeline: Timeline) -> Timeline:
    """The timeline as if each pending segment had been generated."""
    segments = tuple(
        replace(s, tokens=(s.seed % 512,) * 10) if s.pending else s for s in timeline.segments
    )
    motions = {person: f"m-00000{person}" for person in timeline.people}
    return replace(timeline, segments=segments, motions=motions)


WALK_WAVE_BOW = rendered(Timeline().insert("walk").insert("wave").insert("bow"))


def ids(timeline: Timeline) -> list[str]:
    return [segment.id for segment in timeline.segments]


def test_new_segments_count_up_and_seeds_follow_their_numbers() -> None:
    timeline = Timeline(seed=40).insert("walk").insert("bow", 0, seconds=2.0)
    assert [(s.id, s.seed, s.seconds) for s in timeline.segments] == [
        ("s2", 42, 2.0),
        ("s1", 41, 0),
    ]
    assert timeline.next_segment == 3 and len(timeline.pending) == 2


def test_into_the_first_segment_leads_the_end_and_a_new_end_or_beginning_takes_that_back() -> None:
    smooth = WALK_WAVE_BOW.smooth("s1", 0.8)
    assert smooth.fills == {"s1": Fill((), 4, 0)} and not smooth.motions
    found = rendered(replace(smooth, fills={"s1": Fill((1, 2, 3, 4), 4, 0)}))
    assert found.retake("s2").fills == found.insert("turn", 1).fills == found.fills
    for edited in (found.insert("turn"), found.retake("s3"), found.remove("s1"), found.move("s1")):
        assert edited.fills == {}
    alone = WALK_WAVE_BOW.remove("s2").remove("s3").smooth("s1", 1.0)
    assert alone.fills == {"s1": Fill((), 5, 0)}
    with pytest.raises(InputError, match=r"from s3 to s1 .* at most 1 s fit"):
        WALK_WAVE_BOW.smooth("s1", 1.2)


def test_a_join_of_two_segments_is_no_loop_when_they_change_places() -> None:
    pair = WALK_WAVE_BOW.remove("s3")
    joined = rendered(replace(pair.smooth("s2", 0.4), fills={"s2": Fill((1, 2), 1, 1)}))
    assert joined.move("s1").fills == {}
    looped = rendered(replace(pair.smooth("s1", 0.4), fills={"s1": Fill((1, 2), 2, 0)}))
    assert looped.move("s1").fills == {}


def test_smoothing_one_join_keeps_the_others() -> None:
    both = WALK_WAVE_BOW.smooth("s3", 0.4).smooth("s2", 0.4).smooth("s1", 0.4)
    assert set(both.fills) == {"s1", "s2", "s3"}


def test_another_description_is_a_new_segment() -> None:
    edited = WALK_WAVE_BOW.replace("s3", "jump")
    assert ids(edited) == ["s1", "s2", "s4"]
    assert edited.segments[:2] == WALK_WAVE_BOW.segments[:2]
    assert [s.id for s in edited.pending] == ["s4"]


def test_a_smooth_join_covers_both_neighbours_and_goes_with_either() -> None:
    smooth = WALK_WAVE_BOW.smooth("s2", 0.8)
    assert smooth.fills == {"s2": Fill((), 2, 2)} and smooth.find("s2").take == 2
    assert smooth.find("s2").tokens == WALK_WAVE_BOW.find("s2").tokens and not smooth.motions
    found = rendered(replace(smooth, fills={"s2": Fill((1, 2, 3, 4), 2, 2)}))
    assert Timeline.from_json(json.loads(json.dumps(found.to_json()))).fills == found.fills
    assert found.retake("s3").fills == found.fills
    for edited in (found.remove("s1"), found.remove("s2"), found.retake("s1"), found.move("s1")):
        assert edited.fills == {}
    with pytest.raises(InputError, match=r"at most 2 s fit"):
        WALK_WAVE_BOW.smooth("s2", 3.0)


def test_a_retake_keeps_the_id_and_counts() -> None:
    once = WALK_WAVE_BOW.retake("s2")
    twice = rendered(once).retake("s2")
    assert ids(twice) == ids(WALK_WAVE_BOW)
    assert [(t.find("s2").take, t.find("s2").seed) for t in (WALK_WAVE_BOW, once, twice)] == [
        (1, 2),
        (2, 1002),
        (3, 2002),
    ]


def test_another_duration_keeps_id_and_seed_and_counts() -> None:
    wave = WALK_WAVE_BOW.retime("s2", 4.0).find("s2")
    assert (wave.id, wave.seed, wave.seconds, wave.take, wave.pending) == ("s2", 2, 4.0, 2, True)


def test_a_blend_keeps_the_id_and_counts() -> None:
    blended = WALK_WAVE_BOW.blend("s2", 8)
    assert blended.blends == {"s2": 8} and blended.find("s2").take == 2
    assert blended.blend("s2", 0).blends == {}


def test_moving_keeps_ids_and_repeating_makes_new_ones() -> None:
    assert ids(WALK_WAVE_BOW.move("s3", 0)) == ["s3", "s1", "s2"]
    repeated = WALK_WAVE_BOW.repeat("s1", 2)
    assert ids(repeated) == ["s1", "s4", "s5", "s2", "s3"]
    assert {s.tokens for s in repeated.segments[:3]} == {WALK_WAVE_BOW.segments[0].tokens}
    assert repeated.pending == ()


def test_an_id_is_never_used_again() -> None:
    timeline = WALK_WAVE_BOW.insert("jump").remove("s4").remove("s3").insert("kick")
    assert ids(timeline) == ["s1", "s2", "s5"]


def test_what_an_edit_leaves_side_by_side_keeps_its_blend() -> None:
    blended = replace(WALK_WAVE_BOW, blends={"s2": 8, "s3": 4})
    assert blended.move("s1").blends == {"s3": 4}
    assert blended.retake("s3").blends == {"s2": 8}
    assert blended.insert("jump").blends == blended.blends


def test_the_motion_of_somebody_who_is_not_touched_stays() -> None:
    two = rendered(WALK_WAVE_BOW.insert("clap", person=2))
    assert two.retake("s4").motions == {1: "m-000001"}
    assert two.retake("s1").motions == {2: "m-000002"}
    assert two.placed((90.0, 0.0, 1.0)).motions == two.motions


def test_a_new_order_is_made_of_edits() -> None:
    edited = WALK_WAVE_BOW.arrange(
        [
            Entry("s3"),
            Entry("s2", "kick"),
            Entry("s3"),
            Entry("", "jump", person=2),
            Entry("s1", "walk", 5.0),
        ]
    )
    assert ids(edited) == ["s3", "s4", "s5", "s6", "s1"]
    bow, kick, copy, jump, walk = edited.segments
    assert bow == WALK_WAVE_BOW.find("s3") and copy == replace(bow, id="s5")
    assert kick.pending and jump.person == 2
    assert (walk.seconds, walk.take, walk.seed) == (5.0, 2, 1)


def test_a_segment_that_is_kept_beside_its_new_take_is_a_repetition() -> None:
    edited = WALK_WAVE_BOW.arrange([Entry("s1"), Entry("s1", "walk")])
    assert ids(edited) == ["s4", "s1"]
    assert edited.segments[0].tokens == WALK_WAVE_BOW.segments[0].tokens


def test_a_timeline_is_json_and_back() -> None:
    timeline = replace(WALK_WAVE_BOW, name="x", placement=(90.0, 0.0, 1.0), blends={"s2": 8})
    timeline = timeline.insert("clap", person=2)
    assert Timeline.from_json(json.loads(json.dumps(timeline.to_json()))) == timeline
    clip = Timeline("x", (Segment("s1", "walk", clip="c-0123456789abcdef", clip_frames=33),), 2)
    assert Timeline.from_json(json.loads(json.dumps(clip.to_json()))) == clip
    assert clip.duration == 33 / 20


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda t: t.remove("s9"), "no such segment: 's9'; there are s1, s2, s3"),
        (lambda t: t.insert("  "), "needs a description"),
        (lambda t: t.repeat("s1", 62), "65 segments, the limit is 64"),
        (lambda t: t.arrange([Entry("s7")]), "no such segment: 's7'"),
        (lambda t: t.placed((1.0, 2.0)), "three numbers"),
    ],
)
def test_impossible_edits_are_refused(edit: Callable[[Timeline], Timeline], message: str) -> None:
    with pytest.raises(InputError, match=message):
        edit(WALK_WAVE_BOW)


def test_longer_and_shorter_are_whole_tokens() -> None:
    walk = WALK_WAVE_BOW.find("s1")  # 2 s
    assert changed_duration(walk, longer=True) == 3.0
    assert changed_duration(walk, longer=False) == 1.4
    with pytest.raises(InputError, match="longer needs more than that"):
        changed_duration(walk, longer=True, seconds=1.0)


EDITS: tuple[Callable[[Timeline, str, int], Timeline], ...] = (
    lambda t, target, at: t.insert(f"new {at}", at % (len(t.segments) + 1)),
    lambda t, target, at: t.replace(target, f"other {at}"),
    lambda t, target, at: t.remove(target),
    lambda t, target, at: t.move(target, 0),
    lambda t, target, at: t.repeat(target),
    lambda t, target, at: t.retake(target),
    lambda t, target, at: t.retime(target, 3.0),
)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(EDITS), st.integers(0, 5)), max_size=12))
def test_whatever_is_edited_ids_are_never_used_again(
    edits: list[tuple[Callable[[Timeline, str, int], Timeline], int]],
) -> None:
    timeline = WALK_WAVE_BOW
    descriptions = {s.id: s.description for s in timeline.segments}
    for edit, at in edits:
        if not timeline.segments:
            break
        target = timeline.segments[at % len(timeline.segments)].id
        timeline = rendered(edit(timeline, target, at))
        assert len(set(ids(timeline))) == len(timeline.segments)
        for segment in timeline.segments:
            assert descriptions.setdefault(segment.id, segment.description) == segment.description
            assert int(segment.id[1:]) < timeline.next_segment
