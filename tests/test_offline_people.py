"""The offline planner: two people, who does what, and where they stand."""

from __future__ import annotations

import pytest
from offline_planning import ONE, TWO, planned

from motion_agent.motion_core.timeline import Timeline


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            "two people face each other; one bows and the other waves",
            "+: a person bows | 2/+: a person waves | @180,0,1.5",
        ),
        (
            "Two people stand face to face at one metre. The first bows, the second waves.",
            "+: a person bows | 2/+: a person waves | @180,0,1",
        ),
        (
            "two people shake hands",
            "+: a person shakes hands | 2/+: a person shakes hands | @180,0,1.5",
        ),
        ("a man and a woman dance", "+: a man dances | 2/+: a woman dances | @180,0,1.5"),
        ("A couple dances", "+: a person dances | 2/+: a person dances | @180,0,1.5"),
        (
            "A man walks forward and a woman bows",
            "+: a man walks forward | 2/+: a woman bows | @180,0,1.5",
        ),
        ("A man walks while a woman waves", "+: a man walks | 2/+: a woman waves | @180,0,1.5"),
        (
            "The king sits on the throne while the queen dances",
            "+: the king sits on the throne | 2/+: the queen dances | @180,0,1.5",
        ),
        ("he waves and she bows", "+: a man waves | 2/+: a woman bows | @180,0,1.5"),
        (
            "She kneels and he kneels opposite her, 2 m away.",
            "+: a woman kneels | 2/+: a man kneels | @180,0,2",
        ),
        ("first he bows, then he claps", "+: a person bows | +: a person claps"),
        ("A man bows and she curtsies", "+: a man bows | 2/+: a woman curtsies | @180,0,1.5"),
        (
            "A man stands 2 metres in front of a woman. He bows and she curtsies.",
            "+: a man bows | 2/+: a woman curtsies | @180,0,2",
        ),
        (
            "A man and a woman stand back to back. He claps, she waves.",
            "+: a man claps | 2/+: a woman waves | @180,0,-1",
        ),
        (
            "Two men stand side by side. Both jump, then one of them sits down.",
            "+: a man jumps | 2/+: a man jumps | +: a man sits down | @0,1,0",
        ),
        ("Two people. One jumps, one sits.", "+: a person jumps | 2/+: a person sits | @180,0,1.5"),
        (
            "Person 1: walk forward, wave. Person 2: sit down.",
            "+: a person walks forward | +: a person waves | 2/+: a person sits down | @180,0,1.5",
        ),
        (
            "person 1 kicks and person 2 falls down",
            "+: a person kicks | 2/+: a person falls down | @180,0,1.5",
        ),
        (
            "person A waves at person B; person B waves back",
            "+: a person waves at another person | 2/+: a person waves back | @180,0,1.5",
        ),
        (
            "one person pushes and the other falls backward",
            "+: a person pushes | 2/+: a person falls backward | @180,0,1.5",
        ),
        (
            "A person waves, a second person claps",
            "+: a person waves | 2/+: a person claps | @180,0,1.5",
        ),
        ("both bow", "+: a person bows | 2/+: a person bows | @180,0,1.5"),
        (
            "two dancers face each other two metres apart; the first spins, then the other jumps",
            "+: a dancer spins | 2/+: a dancer stands still [3 s] | 2/+: a dancer jumps | @180,0,2",
        ),
        (
            "two people walk towards each other and shake hands",
            "+: a person walks forward | 2/+: a person walks forward | +: a person shakes hands"
            " | 2/+: a person shakes hands | @180,0,3",
        ),
        (
            "Two people walk side by side, then hug",
            "+: a person walks | 2/+: a person walks | +: a person hugs | 2/+: a person hugs"
            " | @0,1,0",
        ),
        ("Two people stand 2m apart and bow", "+: a person bows | 2/+: a person bows | @180,0,2"),
        (
            "Two people: one jumps, the other sits",
            "+: a person jumps | 2/+: a person sits | @180,0,1.5",
        ),
        (
            "one bows, then the other waves",
            "+: a person bows | 2/+: a person stands still [3 s] | 2/+: a person waves"
            " | @180,0,1.5",
        ),
        (
            "A man walks for 4 seconds, then a woman bows, then he sits",
            "+: a man walks [4 s] | 2/+: a woman stands still [4 s] | 2/+: a woman bows"
            " | +: a man stands still [3 s] | +: a man sits | @180,0,1.5",
        ),
        (
            "Let two people face each other at a distance of three metres and wave",
            "+: a person waves | 2/+: a person waves | @180,0,3",
        ),
        (
            "Two boxers fight: one throws a punch, the other ducks and counters with a kick",
            "+: a boxer fights | 2/+: a boxer fights | +: a boxer throws a punch"
            " | 2/+: a boxer ducks | 2/+: a boxer counters with a kick | @180,0,1.5",
        ),
        (
            "Two women stand next to each other; both wave for 3 seconds",
            "+: a woman waves [3 s] | 2/+: a woman waves [3 s] | @0,1,0",
        ),
        ("someone bows, someone else waves", "+: someone bows | 2/+: a person waves | @180,0,1.5"),
        ("let one bow and the other wave", "+: a person bows | 2/+: a person waves | @180,0,1.5"),
        ("A man pushes a woman", "+: a man pushes a woman"),
        (
            "A man walks towards a woman who is waving",
            "+: a man walks towards a woman who is waving",
        ),
    ],
)
def test_two_people_each_do_what_they_are_told(request_: str, expected: str) -> None:
    assert planned(request_) == expected


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("add a second person who waves", "=s1 | =s2 | =s3 | 2/+: a person waves | @180,0,1.5"),
        (
            "add a second person who waves with the right hand, face to face at one metre",
            "=s1 | =s2 | =s3 | 2/+: a person waves with the right hand | @180,0,1",
        ),
        (
            "add a second person who claps at a distance of 2 m",
            "=s1 | =s2 | =s3 | 2/+: a person claps | @180,0,2",
        ),
        (
            "add a woman who dances and bows",
            "=s1 | =s2 | =s3 | 2/+: a woman dances | 2/+: a woman bows | @180,0,1.5",
        ),
        ("another person waves", "=s1 | =s2 | =s3 | 2/+: a person waves | @180,0,1.5"),
        ("a second person joins and waves", "=s1 | =s2 | =s3 | 2/+: a person waves | @180,0,1.5"),
        (
            "person 2 sits down, then stands up",
            "=s1 | =s2 | =s3 | 2/+: a person sits down | 2/+: a person stands up | @180,0,1.5",
        ),
        ("both bow", "=s1 | =s2 | =s3 | +: a man bows | 2/+: a man bows | @180,0,1.5"),
        (
            "make a new motion: two people face each other; one bows and the other waves",
            "+: a person bows | 2/+: a person waves | @180,0,1.5",
        ),
    ],
)
def test_a_second_person_comes_to_a_motion_of_one(request_: str, expected: str) -> None:
    assert planned(request_, ONE) == expected


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("he stands 2 metres in front of her", "@180,0,2"),
        ("let the second person stand behind the first", "@0,0,-1"),
        ("let the second person stand next to the first", "@0,1,0"),
        ("put person 2 behind", "@0,0,-1"),
        ("she stands to his left", "@0,1,0"),
        ("she stands half a metre to the right of him", "@0,-0.5,0"),
        ("closer", "@180,0,0.75"),
        ("move them closer together", "@180,0,0.75"),
        ("move them further apart", "@180,0,2.25"),
        ("put the second person two metres away", "@180,0,2"),
        ("Put the second person two metres away instead of one.", "@180,0,2"),
        ("place her three metres away rather than two metres", "@180,0,3"),
        ("they stand back to back", "@180,0,-1"),
        ("they face away from each other", "@180,0,-1"),
        ("they should face each other at one metre", "@180,0,1"),
        ("stand side by side", "@0,1,0"),
        (
            "person 2 sits down, then stands up",
            "=s1 | =s2 | =s3 | 2/+: a woman sits down | 2/+: a woman stands up",
        ),
        ("both bow", "=s1 | =s2 | =s3 | +: a man bows | 2/+: a woman bows"),
        (
            "then they shake hands",
            "=s1 | =s2 | =s3 | +: a man shakes hands | 2/+: a woman shakes hands",
        ),
        ("she jumps", "=s1 | =s2 | =s3 | 2/+: a woman jumps"),
        ("he jumps", "=s1 | =s2 | =s3 | +: a man jumps"),
        (
            "the woman jumps and the man claps",
            "=s1 | =s2 | =s3 | 2/+: a woman jumps | +: a man claps",
        ),
        (
            "he turns around and then she bows",
            "=s1 | =s2 | =s3 | +: a man turns around | 2/+: a woman bows",
        ),
        ("the other one sits", "=s1 | =s2 | =s3 | +: a man sits"),
        ("add a jump for the second person", "=s1 | =s2 | =s3 | 2/+: a woman jumps"),
        ("make the woman's wave slower", "=s1 | =s2 | 2/s3: a woman waves [3 s]"),
        ("remove the second person", "=s1 | =s2"),
        ("what does person 2 do?", "caption 2/"),
        ("export it as bvh", "export motion-1.bvh"),
    ],
)
def test_two_people_are_edited_and_placed(request_: str, expected: str) -> None:
    assert planned(request_, TWO) == expected


@pytest.mark.parametrize(
    ("request_", "current", "expected"),
    [
        ("add another person", ONE, "“What does the second person do? For example: “add a second"),
        (
            "let the second person stand behind",
            ONE,
            "“There is only one person here. Say for example “add a secon",
        ),
        (
            "remove the first person",
            TWO,
            "“Then only the second person would be left. Say “start over”",
        ),
        (
            "add a third person who dances",
            TWO,
            "“There are already two people, which is the most I can move.",
        ),
    ],
)
def test_what_two_people_cannot_do_is_said(request_: str, current: Timeline, expected: str) -> None:
    assert planned(request_, current).startswith(expected)
