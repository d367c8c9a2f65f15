"""The offline planner: several motions, files, exports, questions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from offline_planning import GREETING, NOTHING, ONE, SECOND, planned

from motion_agent.agent_graph.state import Caption


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("go back to the first motion", "open greeting"),
        ("open motion 1", "open greeting"),
        ("open greeting", "open greeting"),
        ("go back to the previous motion", "open greeting"),
        (
            "switch to greeting and add a bow at the end",
            "open greeting | =s1 | =s2 | +: a woman bows",
        ),
        (
            "open greeting, remove the dance and export it as glb",
            "open greeting | =s2 | export greeting.glb",
        ),
        (
            "go back to the other one and make it slower",
            "open greeting | s1: a woman dances [3 s] | s2: a woman bows [3 s]",
        ),
        ("make the dance in greeting slower", "open greeting | s1: a woman dances [3 s] | =s2"),
        (
            "in the first motion, make the dance slower",
            "open greeting | s1: a woman dances [3 s] | =s2",
        ),
        ("add a jump to the first motion", "open greeting | =s1 | =s2 | +: a woman jumps"),
        ("remove the bow from greeting", "open greeting | =s1"),
        ("call it hello", "name hello"),
        ("rename motion 1 to hello", "open greeting | name hello"),
        ('name this motion "Hello There"', "name Hello There"),
        ("what does the first one show?", "caption greeting"),
        ("what does greeting show?", "caption greeting"),
        ("what does motion 2 show?", "caption"),
        ("is he happy?", "caption"),
        ("export motion 1 as bvh", "open greeting | export greeting.bvh"),
        (
            "make another motion where a woman jumps, then claps",
            "+: a woman jumps | +: a woman claps",
        ),
        (
            "open walk.bvh, add a bow at the start, then a jump at the end and export it as"
            " new.bvh",
            "open walk.bvh | +: a person bows | =s1 | +: a person jumps | export new.bvh",
        ),
        ("describe walk.bvh", "caption walk.bvh"),
        (
            "What sport is played in clip.bvh, and which foot does most of the work?",
            "caption clip.bvh",
        ),
    ],
)
def test_motions_are_opened_named_and_edited(request_: str, expected: str) -> None:
    assert planned(request_, SECOND, others=[GREETING]) == expected


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            "make the walk in the first motion slower",
            "“I do not know which segment “the walk” is. There are: s1 (a",
        ),
        ("open motion 9", "“I do not know the motion “motion 9”. There are: greeting, m"),
        (
            "open walk.bvh and make it slower",
            "“I must open walk.bvh before I can change what is in it. Say",
        ),
        (
            "open walk.npz and add a bow",
            "“I must open walk.npz before I can change what is in it. Say",
        ),
        ("open ../../etc/passwd", "“I cannot read “../../etc/passwd”. I read .bvh, .npz and .np"),
        ("open song.mp3", "“I cannot read “song.mp3”. I read .bvh, .npz and .npy files"),
    ],
)
def test_what_cannot_be_opened_is_said(request_: str, expected: str) -> None:
    assert planned(request_, SECOND, others=[GREETING]).startswith(expected)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("export it as bvh", "export motion-1.bvh"),
        ("save this as bow.glb", "export bow.glb"),
        ("save it as hello.bvh", "export hello.bvh"),
        ("give me a video", "export motion-1.mp4"),
        ("i want a gif", "export motion-1.gif"),
        ("give me the bvh file", "export motion-1.bvh"),
        ("render it", "export motion-1.mp4"),
        ("convert it to bvh", "export motion-1.bvh"),
        ("export it for blender", "export motion-1.bvh"),
        ("export it as bvh and mp4", "export motion-1.bvh | export motion-1.mp4"),
        ("write it to out/bow.bvh", "export out/bow.bvh"),
        ('call it "my greeting" and export it as mp4', "name my greeting | export my-greeting.mp4"),
    ],
)
def test_motions_are_exported_under_a_name(request_: str, expected: str) -> None:
    assert planned(request_, ONE) == expected


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("export it as fbx", "“I cannot write fbx. I can write npz, mp"),
        ("export it", "“In which format? I can write npz,"),
        ("save it as greeting", "“In which format? I can write npz,"),
    ],
)
def test_an_export_without_a_format_is_asked_about(request_: str, expected: str) -> None:
    assert planned(request_, ONE).startswith(expected)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            "how long is it?",
            "“The motion lasts 6.0 s: s1: a man walks forward, 2.0 s; s2: a man wav",
        ),
        ("how long does the wave last?", "“s2 (a man waves with both hands) lasts 2.0 s."),
        ("how many segments are there?", "“There are 3 segments."),
        ("how many people are there?", "“There is 1 person."),
        (
            "list the segments",
            "“The motion has these segments: s1: a man walks forward, 2.0 s; s2: a",
        ),
        ("what is s2?", "“s2 is: a man waves with both hands (2.0 s)."),
        (
            "what motions are there?",
            "“There is: motion 1 (the current one): a man walks forward, a man wave",
        ),
        ("show it", "“I cannot show motions here. I can write npz, mp4, gif, html, png"),
        (
            "what's the weather like?",
            "“I can only speak about motions. Tell me what a person does and I make",
        ),
    ],
)
def test_facts_are_told_without_a_look(request_: str, expected: str) -> None:
    assert planned(request_, ONE).startswith(expected)


SEEN: list[Caption] = [
    {"motion": "m-123456", "name": "walk.bvh", "text": "a person walks in a circle"}
]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("is he happy?", "“In walk.bvh I see: a person walks in a circle."),
        ("and which foot does he use?", "“In walk.bvh I see: a person walks in a circle."),
        ("open it and add a bow", "open walk.bvh | =s1 | +: a person bows"),
        ("what happens in other.bvh?", "caption other.bvh"),
        ("what does motion 2 show?", "caption"),
        ("make the bow slower", "=s1 | =s2 | s3: a man bows [3 s]"),
    ],
)
def test_a_file_that_was_looked_at_needs_no_second_upload(request_: str, expected: str) -> None:
    plan = planned(request_, SECOND, others=[GREETING], looked_at=SEEN, about_file=True)
    assert plan.startswith(expected)


def test_captions_are_told_and_not_reasoned_beyond() -> None:
    plan = planned("Is he happy?", captions=SEEN)
    assert plan == (
        "“In walk.bvh I see: a person walks in a circle."
        " I cannot reason further than that without a language model."
    )


def test_the_order_of_motions_is_known_from_their_names() -> None:
    third = replace(GREETING, name="motion 3")
    first = replace(GREETING, name="motion 1")
    assert planned("open the third motion", SECOND, others=[first, third]) == "open motion 3"
    assert planned("open the first motion", SECOND, others=[first, third]) == "open motion 1"
    assert planned("what motions are there?", NOTHING).startswith("“There is no motion yet.")
