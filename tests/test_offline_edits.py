"""The offline planner: commands that change the current motion."""

from __future__ import annotations

import pytest
from offline_planning import GREETING, ONE, planned, timeline


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("add a jump at the end", "=s1 | =s2 | =s3 | +: a man jumps"),
        ("add a jump at the beginning", "+: a man jumps | =s1 | =s2 | =s3"),
        ("Can you add a turn before the bow?", "=s1 | =s2 | +: a man turns | =s3"),
        ("insert a jump after s1", "=s1 | +: a man jumps | =s2 | =s3"),
        ("before the bow, let him jump", "=s1 | =s2 | +: a man jumps | =s3"),
        ("let him clap before he bows", "=s1 | =s2 | +: a man claps | =s3"),
        ("let him wave before he bows", "=s1 | =s2 | +: a man waves | =s3"),
        ("make him clap after he walks", "=s1 | +: a man claps | =s2 | =s3"),
        ("he waves before he sits", "=s1 | =s2 | =s3 | +: a man waves | +: a man sits"),
        ("let it start with a stretch", "+: a man stretches | =s1 | =s2 | =s3"),
        ("let it end with a jump", "=s1 | =s2 | =s3 | +: a man jumps"),
        ("swap the first two parts", "=s2 | =s1 | =s3"),
        ("that was better before. Go back one step.", "undo"),
        ("Start this motion over: he just jumps.", "start_over | +: a person jumps"),
        ("Now a new, separate motion: someone kicks.", "+: someone kicks"),
        ("put a jump between the wave and the bow", "=s1 | =s2 | +: a man jumps | =s3"),
        (
            "between the walk and the wave he turns around",
            "=s1 | +: a man turns around | =s2 | =s3",
        ),
        (
            "between the walk and the wave he claps, then jumps",
            "=s1 | +: a man claps | +: a man jumps | =s2 | =s3",
        ),
        ("before he waves, he jumps", "=s1 | +: a man jumps | =s2 | =s3"),
        ("after he bows, he sits down", "=s1 | =s2 | =s3 | +: a man sits down"),
        ("after that he sits down", "=s1 | =s2 | =s3 | +: a man sits down"),
        ("at the beginning, he stretches", "+: a man stretches | =s1 | =s2 | =s3"),
        (
            "Insert a pause of 2 seconds between the walk and the wave",
            "=s1 | +: a man pauses [2 s] | =s2 | =s3",
        ),
        ("add a jump and a kick", "=s1 | =s2 | =s3 | +: a man jumps | +: a man kicks"),
        ("add two jumps", "=s1 | =s2 | =s3 | +: a man jumps | +: a man jumps"),
        (
            "add a wave, three times",
            "=s1 | =s2 | =s3 | +: a man waves | +: a man waves | +: a man waves",
        ),
        ("add a jump before everything", "+: a man jumps | =s1 | =s2 | =s3"),
        ("add jumping jacks", "=s1 | =s2 | =s3 | +: a man does jumping jacks"),
        ("Add the bow again at the beginning", "=s3 | =s1 | =s2 | =s3"),
        ("What about a bow at the end?", "=s1 | =s2 | =s3 | +: a man bows"),
        ("how about a kick?", "=s1 | =s2 | =s3 | +: a man kicks"),
        ("and a jump at the end please", "=s1 | =s2 | =s3 | +: a man jumps"),
        (", then a jump and a turn", "=s1 | =s2 | =s3 | +: a man jumps | +: a man turns"),
        ("then sit down for 3 seconds", "=s1 | =s2 | =s3 | +: a man sits down [3 s]"),
        ("Now he sits down slowly", "=s1 | =s2 | =s3 | +: a man sits down slowly"),
        ("he also claps", "=s1 | =s2 | =s3 | +: a man claps"),
        ("and wave", "=s1 | =s2 | =s3 | +: a man waves"),
        ("Make him jump", "=s1 | =s2 | =s3 | +: a man jumps"),
        ("end with a bow", "=s1 | =s2 | =s3 | +: a man bows"),
        ("start with a jump", "+: a man jumps | =s1 | =s2 | =s3"),
        ("remove the last", "=s1 | =s2"),
        ("please remove the first step", "=s2 | =s3"),
        ("delete the walking part", "=s2 | =s3"),
        ("remove it", "=s1 | =s2"),
        ("remove s1, s3", "=s2"),
        ("remove the first and the last", "=s2"),
        ("remove everything but the bow", "=s3"),
        ("keep only the wave", "=s2"),
        ("change only the second part to a kick", "=s1 | s2: a man kicks | =s3"),
        ("keep only the first two", "=s1 | =s2"),
        ("get rid of the waving", "=s1 | =s3"),
        ("no bow please", "=s1 | =s2"),
        ("without the bow", "=s1 | =s2"),
        ("he should not wave", "=s1 | =s3"),
        ("he no longer waves", "=s1 | =s3"),
        ("don't bow", "=s1 | =s2"),
        ("remove everything", "start_over"),
        ("replace the wave with a kick", "=s1 | s2: a man kicks | =s3"),
        ("replace the bow with a slow turn", "=s1 | =s2 | s3: a man does a slow turn"),
        ("replace s2 and s3 with a jump", "=s1 | s2: a man jumps"),
        ("change the wave to a punch", "=s1 | s2: a man punches | =s3"),
        ("turn the wave into a kick", "=s1 | s2: a man kicks | =s3"),
        ("make the second one a jump", "=s1 | s2: a man jumps | =s3"),
        ("the second one should be a kick", "=s1 | s2: a man kicks | =s3"),
        ("step 2 should be a jump", "=s1 | s2: a man jumps | =s3"),
        ("he should jump instead", "=s1 | =s2 | s3: a man jumps"),
        ("wave with the left hand instead", "=s1 | s2: a man waves with the left hand | =s3"),
        ("instead of the bow, let him jump", "=s1 | =s2 | s3: a man jumps"),
        ("instead of waving, he should clap", "=s1 | s2: a man claps | =s3"),
        ("jump instead of bowing", "=s1 | =s2 | s3: a man jumps"),
        ("use a kick instead of the wave", "=s1 | s2: a man kicks | =s3"),
        ("the wave should be with the left hand", "=s1 | s2: a man waves with the left hand | =s3"),
        ("use the left hand for the wave", "=s1 | s2: a man waves with the left hand | =s3"),
        ("swap the wave and the bow", "=s1 | =s3 | =s2"),
        ("swap s1 with s3", "=s3 | =s2 | =s1"),
        ("swap the first and the last", "=s3 | =s2 | =s1"),
        ("move the bow to the beginning", "=s3 | =s1 | =s2"),
        ("move the walk after the wave", "=s2 | =s1 | =s3"),
        ("the bow should come first", "=s3 | =s1 | =s2"),
        ("put the bow first", "=s3 | =s1 | =s2"),
        ("reverse the order", "=s3 | =s2 | =s1"),
        ("repeat the wave twice", "=s1 | =s2 | =s2 | =s2 | =s3"),
        ("repeat everything twice", "=s1 | =s2 | =s3 | =s1 | =s2 | =s3 | =s1 | =s2 | =s3"),
        ("repeat it", "=s1 | =s2 | =s3 | =s1 | =s2 | =s3"),
        ("loop the wave 3 times", "=s1 | =s2 | =s2 | =s2 | =s2 | =s3"),
        ("do the bow again", "=s1 | =s2 | =s3 | =s3"),
        ("duplicate the wave", "=s1 | =s2 | =s2 | =s3"),
        ("another take of the bow", "=s1 | =s2 | s3: a man bows"),
        ("one more take of the bow", "=s1 | =s2 | s3: a man bows"),
        ("regenerate s1", "s1: a man walks forward | =s2 | =s3"),
        (
            "another take",
            "s1: a man walks forward | s2: a man waves with both hands | s3: a man bows",
        ),
        ("make the wave slower", "=s1 | s2: a man waves with both hands [3 s] | =s3"),
        (
            "please make the wave a bit slower, thanks",
            "=s1 | s2: a man waves with both hands [2.5 s] | =s3",
        ),
        (
            "make everything 20% slower",
            "s1: a man walks forward [2.4 s] | s2: a man waves with both hands [2.4 s]"
            " | s3: a man bows [2.4 s]",
        ),
        (
            "slow it down",
            "s1: a man walks forward [3 s] | s2: a man waves with both hands [3 s]"
            " | s3: a man bows [3 s]",
        ),
        ("speed up the walk", "s1: a man walks forward [1.3 s] | =s2 | =s3"),
        ("could you shorten the walk a bit?", "s1: a man walks forward [1.3 s] | =s2 | =s3"),
        ("can the bow be longer?", "=s1 | =s2 | s3: a man bows [3 s]"),
        ("the walk is too long", "s1: a man walks forward [1.3 s] | =s2 | =s3"),
        ("make him walk slower", "s1: a man walks forward [3 s] | =s2 | =s3"),
        (
            "make it twice as fast",
            "s1: a man walks forward [1 s] | s2: a man waves with both hands [1 s]"
            " | s3: a man bows [1 s]",
        ),
        (
            "play it at half speed",
            "s1: a man walks forward [4 s] | s2: a man waves with both hands [4 s]"
            " | s3: a man bows [4 s]",
        ),
        ("make the wave 2 seconds longer", "=s1 | s2: a man waves with both hands [4 s] | =s3"),
        ("add 2 seconds to the wave", "=s1 | s2: a man waves with both hands [4 s] | =s3"),
        ("make s2 5 seconds long", "=s1 | s2: a man waves with both hands [5 s] | =s3"),
        (
            "make it 10 seconds long",
            "s1: a man walks forward [3.3 s] | s2: a man waves with both hands [3.3 s]"
            " | s3: a man bows [3.3 s]",
        ),
        ("the walk should last five seconds", "s1: a man walks forward [5 s] | =s2 | =s3"),
        (
            "make the walk and the wave slower",
            "s1: a man walks forward [3 s] | s2: a man waves with both hands [3 s] | =s3",
        ),
        ("undo", "undo"),
        ("undo that please", "undo"),
        ("Undo the last change!", "undo"),
        ("take that back", "undo"),
        ("go back", "undo"),
        ("redo", "redo"),
        ("redo it", "redo"),
        ("start over", "start_over"),
        ("start over: a woman dances", "start_over | +: a woman dances"),
        (
            "start over. A woman dances. Then she bows",
            "start_over | +: a woman dances | +: a woman bows",
        ),
        ("forget it, start again", "start_over"),
        ("remove the bow and make the walk slower", "s1: a man walks forward [3 s] | =s2"),
        (
            "replace the wave with a kick and the bow with a jump",
            "=s1 | s2: a man kicks | s3: a man jumps",
        ),
        (
            "make the walk slower and the bow longer",
            "s1: a man walks forward [3 s] | =s2 | s3: a man bows [3 s]",
        ),
        (
            "add a jump at the start and a bow at the end",
            "+: a man jumps | =s1 | =s2 | =s3 | +: a man bows",
        ),
        ("add a bow, then make it slower", "=s1 | =s2 | =s3 | +: a man bows slowly"),
        (
            "make the last one slower and add a jump after it",
            "=s1 | =s2 | s3: a man bows [3 s] | +: a man jumps",
        ),
        (
            "add a jump. export it as jump.bvh and call it jumping",
            "=s1 | =s2 | =s3 | +: a man jumps | name jumping | export jump.bvh",
        ),
        ("a jump at the end", "=s1 | =s2 | =s3 | +: a man jumps"),
        ("I want a jump at the end", "=s1 | =s2 | =s3 | +: a man jumps"),
        ("I want him to jump at the end", "=s1 | =s2 | =s3 | +: a man jumps"),
        ("I'd like another kick", "=s1 | =s2 | =s3 | +: a man kicks"),
        ("replace everything with a dance", "s1: a man dances"),
        ("Thanks! Now make him sit.", "=s1 | =s2 | =s3 | +: a man sits"),
        ("A woman runs", "+: a woman runs"),
        ("walk forward", "+: a person walks forward"),
        ("make a new motion: a person bows", "+: a person bows"),
        ("new: a person dances", "+: a person dances"),
    ],
)
def test_commands_edit_the_current_motion(request_: str, expected: str) -> None:
    assert planned(request_, ONE) == expected


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            "remove the kick",
            "“I do not know which segment “the kick” is. There are: s1 (a man walks",
        ),
        ("remove s9", "“I do not know which segment “s9” is. There are: s1 (a man walks forwa"),
        (
            "remove the second wave",
            "“I do not know which segment “the second wave” is. There are: s1 (a ma",
        ),
        (
            "insert a jump after the kick",
            "“I do not know which segment “the kick” is. There are: s1 (a man walks",
        ),
        (
            "make s2 30 seconds long",
            "“A segment can last 20 s at most, and s2 (a man waves with both hands)",
        ),
        (
            "he does not jump",
            "“Nobody does that in this motion. There are: s1 (a man walks forward),",
        ),
        (
            "he should wave with both hands",
            "“s2 (a man waves with both hands) says so already. For another try say",
        ),
        (
            "add a jump in the middle",
            "“Between which two? There are: s1 (a man walks forward), s2 (a man wav",
        ),
        ("add nothing", "“I do not understand “nothing”. Say it with a verb, such as “a person"),
        (
            "make it happier",
            "“I do not understand the edit “make it happier”. I know: add … (at the",
        ),
        ("make him tired", "“I do not understand the edit “make him tired”. I know: add … (at the"),
        (
            "make the man old",
            "“I do not understand the edit “make the man old”. I know: add … (at th",
        ),
        ("mirror it", "“I do not understand the edit “mirror it”. I know: add … (at the end,"),
        (
            "copy the bow to the start",
            "“I do not understand the edit “copy the bow to the start”. I know: add",
        ),
        (
            "I don't like the wave",
            "“I do not understand the edit “I don't like the wave”. I know: add … (",
        ),
        ("I want the wave at the end", "“Shall I add another one or move it?"),
        ("the jump comes last", "“I do not understand “the jump” here: who is that?"),
        ("undo and add a bow", "“One thing after the other, please: say “undo” first, by itself."),
        ("undo twice", "“I go one change at a time: say “undo” or “redo” again for each."),
        (
            "remove the bow. A woman runs.",
            "“I did nothing because I am not sure: should “A woman runs.” be",
        ),
        (
            "export the walk as bvh",
            "“I can only export a whole motion. Remove the rest first, or say “expo",
        ),
        ("call it", "“I do not understand the edit “call it”. I know: add … (at the end, be"),
    ],
)
def test_no_edit_is_guessed(request_: str, expected: str) -> None:
    assert planned(request_, ONE).startswith(expected)


WAVES = timeline(
    "motion 1",
    "a man waves",
    "a man walks forward",
    "a man waves with the left hand",
    "a man walks while waving",
)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("remove the first wave", "=s2 | =s3 | =s4"),
        ("remove the second wave", "=s1 | =s2 | =s4"),
        ("remove the last wave", "=s1 | =s2 | =s4"),
        ("remove the wave with the left hand", "=s1 | =s2 | =s4"),
        ("remove all waves", "=s2 | =s4"),
        ("remove the wave", "“Which one do you mean with “the wave”? There are: s1 (a man waves)"),
        ("repeat the walk forward", "=s1 | =s2 | =s2 | =s3 | =s4"),
    ],
)
def test_of_several_like_segments_the_one_that_is_told_is_meant(
    request_: str, expected: str
) -> None:
    assert planned(request_, WAVES).startswith(expected)


def test_a_segment_that_was_repeated_is_one_reference() -> None:
    repeated = timeline("motion 1", "a man jumps", "a man jumps", "a man bows")
    assert planned("remove the jump", repeated) == "=s3"
    assert planned("add a turn after the jump", repeated) == "=s1 | =s2 | +: a man turns | =s3"


def test_the_only_segment_can_be_replaced_and_removed() -> None:
    one = timeline("motion 1", "a man jumps")
    assert planned("replace the jump with a bow", one) == "s1: a man bows"
    assert planned("remove the jump", one) == "start_over"
    assert planned("undo", GREETING) == "undo"
