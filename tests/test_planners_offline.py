"""The offline planner: clauses, subjects, counts, durations, edits, questions, small talk."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from motion_agent.agent_graph.clauses import split_actions
from motion_agent.agent_graph.offline import OfflinePlanner
from motion_agent.agent_graph.parsing import parse_plan
from motion_agent.agent_graph.plan import InvalidPlanError
from motion_agent.agent_graph.planners import Task
from motion_agent.agent_graph.state import Timeline, empty_timeline

TIMELINE: Timeline = {
    "segments": [
        {
            "id": f"s{number}",
            "description": description,
            "tokens": [1] * 10,  # 2 s
            "seed": number,
            "seconds": 0.0,
            "person": 1,
        }
        for number, description in enumerate(
            ["a man walks forward", "a man waves with both hands", "a man bows"], start=1
        )
    ],
    "next_segment": 4,
    "motions": {"1": "m-abcdef"},
}


def said(text: str) -> str:
    """Descriptions with their durations, in one line."""
    return " | ".join(
        a.description + (f" [{a.seconds:g} s]" if a.seconds else "") for a in split_actions(text)
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "A tired person walks forward, then waves with both hands, then bows.",
            "a tired person walks forward | a tired person waves with both hands"
            " | a tired person bows",
        ),
        ("a man runs and jumps", "a man runs | a man jumps"),
        ("Walk forward and wave", "a person walks forward | a person waves"),
        ("run, jump, and bow", "a person runs | a person jumps | a person bows"),
        ("Dance!", "a person dances"),
        (
            "First he walks. Then he runs. Finally, he collapses.",
            "a person walks | a person runs | a person collapses",
        ),
        (
            "1. walk forward 2. turn around 3. sit down",
            "a person walks forward | a person turns around | a person sits down",
        ),
        ("- walks forward\n- waves", "a person walks forward | a person waves"),
        (
            "A person bows and, after a short pause, walks away.",
            "a person bows | a person walks away",
        ),
    ],
)
def test_sequences_are_split_into_actions(text: str, wanted: str) -> None:
    assert said(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("A person waves with both hands and feet", "a person waves with both hands and feet"),
        ("someone throws kicks and punches", "someone throws kicks and punches"),
        ("a person steps left and right", "a person steps left and right"),
        ("a person walks slowly, carefully", "a person walks slowly, carefully"),
        ("A person runs after the ball", "a person runs after the ball"),
        ("A person walks while waving his left hand", "a person walks while waving his left hand"),
        ("While walking, she waves", "a person waves while walking"),
        ("two people shake hands", "two people shake hands"),
    ],
)
def test_what_is_one_action_stays_one(text: str, wanted: str) -> None:
    assert said(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "A person sits down after walking in a circle",
            "a person walks in a circle | a person sits down",
        ),
        ("After walking forward, he waves", "a person walks forward | a person waves"),
        (
            "Before sitting down, a woman turns around",
            "a woman turns around | a woman sits down",
        ),
        (
            "A drunk man stumbles before falling down and getting up.",
            "a drunk man stumbles | a drunk man falls down | a drunk man gets up",
        ),
    ],
)
def test_before_and_after_are_put_in_time_order(text: str, wanted: str) -> None:
    assert said(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("A man walks forward and a woman bows", "a man walks forward | a woman bows"),
        (
            "A man who is angry walks, then punches",
            "a man who is angry walks | a man who is angry punches",
        ),
        ("An old man sits. He waves.", "an old man sits | an old man waves"),
        ("An old man sits. The man waves.", "an old man sits | an old man waves"),
        (
            "the wizard raises his arms and casts a spell",
            "the wizard raises his arms | the wizard casts a spell",
        ),
        (
            "In a happy way, a person walks forward, then waves",
            "a person walks forward in a happy way | a person waves in a happy way",
        ),
        ("tired person walks", "a tired person walks"),
    ],
)
def test_subject_and_style_are_carried_over(text: str, wanted: str) -> None:
    assert said(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "Make him jump three times, then sit down",
            "a person jumps | " * 3 + "a person sits down",
        ),
        ("a person kicks twice with the left leg", "a person kicks with the left leg | " * 2),
        (
            "please make a person who is happy dance for five seconds",
            "a person who is happy dances [5 s]",
        ),
        (
            "walk 3 seconds, run for 2.5 s, stop",
            "a person walks [3 s] | a person runs [2.5 s] | a person stops",
        ),
        ("A person walks for a minute", "a person walks [10 s] | " * 6),
        ("A person takes three steps", "a person takes three steps"),
    ],
)
def test_counts_repeat_and_durations_are_seconds(text: str, wanted: str) -> None:
    assert said(text) == wanted.removesuffix(" | ")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Generate a motion of a man walking and then waving", "a man walks | a man waves"),
        ("I want to see an old man sitting down.", "an old man sits down"),
        ("Can you show me a robot that dances?", "a robot dances"),
        ("Could a tall man wave?", "a tall man waves"),
        ("A person is running in place", "a person runs in place"),
        ("A person walked forward and sat down", "a person walks forward | a person sits down"),
        ("I want a person to walk and then jump", "a person walks | a person jumps"),
        ("a backflip", "a person backflips"),
        ("jumping jacks", "a person does jumping jacks"),
        ("a person turns left then right", "a person turns left | a person turns right"),
    ],
)
def test_wishes_and_tenses_become_plain_sentences(text: str, wanted: str) -> None:
    assert said(text) == wanted


def planned(text: str, timeline: Timeline = TIMELINE, **task: Any) -> str:
    """The plan of the offline planner in short: = kept, s2: replaced, + new."""
    answer = OfflinePlanner().ask(Task(text, timeline, **task))
    plan = parse_plan(answer.text).plan
    told = []
    for s in plan.plan:
        seconds = f" [{s.seconds:g} s]" if s.seconds else ""
        told.append(
            {
                "keep_segment": f"={s.segment}",
                "generate_motion": f"{s.segment or '+'}: {s.description}{seconds}",
                "caption_motion": f"caption {s.motion}".strip(),
            }.get(s.tool, s.tool)
        )
    return " | ".join(told) or plan.reasoning


KEPT = "=s1 | =s2 | =s3"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("add a jump at the end", f"{KEPT} | +: a man jumps"),
        ("add a jump at the beginning", f"+: a man jumps | {KEPT}"),
        ("Can you add a turn before the bow?", "=s1 | =s2 | +: a man turns | =s3"),
        ("insert a jump after s1", "=s1 | +: a man jumps | =s2 | =s3"),
        ("before the bow, let him jump", "=s1 | =s2 | +: a man jumps | =s3"),
        ("put a jump between the wave and the bow", "=s1 | =s2 | +: a man jumps | =s3"),
        ("then sit down for 3 seconds", f"{KEPT} | +: a man sits down [3 s]"),
        ("he also claps", f"{KEPT} | +: a man claps"),
        ("Make him jump", f"{KEPT} | +: a man jumps"),
        ("add a jump and a kick", f"{KEPT} | +: a man jumps | +: a man kicks"),
        ("replace the wave with a kick", "=s1 | s2: a man kicks | =s3"),
        ("make the second one a jump", "=s1 | s2: a man jumps | =s3"),
        ("he should jump instead", "=s1 | =s2 | s3: a man jumps"),
        ("instead of the bow, let him jump", "=s1 | =s2 | s3: a man jumps"),
        ("jump instead of bowing", "=s1 | =s2 | s3: a man jumps"),
        ("remove the last", "=s1 | =s2"),
        ("please remove the first step", "=s2 | =s3"),
        ("delete the walking part", "=s2 | =s3"),
        ("swap the wave and the bow", "=s1 | =s3 | =s2"),
        ("move the bow to the beginning", "=s3 | =s1 | =s2"),
        ("repeat the wave twice", "=s1 | =s2 | =s2 | =s2 | =s3"),
        ("another take of the bow", "=s1 | =s2 | s3: a man bows"),
        (
            "another take",
            "s1: a man walks forward | s2: a man waves with both hands | s3: a man bows",
        ),
        ("make the wave slower", "=s1 | s2: a man waves with both hands [3 s] | =s3"),
        ("make s2 5 seconds long", "=s1 | s2: a man waves with both hands [5 s] | =s3"),
        ("undo", "undo"),
        ("undo that please", "undo"),
        ("redo", "redo"),
        ("start over: a woman dances", "+: a woman dances"),
        ("A woman runs", "+: a woman runs"),
        ("what does it show?", "caption"),
        ("What happens in walk.bvh?", "caption walk.bvh"),
        ("describe m-3fa9c1", "caption m-3fa9c1"),
    ],
)
def test_follow_ups_edit_the_timeline(text: str, wanted: str) -> None:
    assert planned(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("remove the kick", "I do not know which segment “the kick” is. There are: s1 (a man"),
        ("remove everything", "Nothing would be left."),
        ("make it happier", "I do not understand the edit “make it happier”."),
        ("the wave should be with the left hand", "I do not understand the edit"),
        ("hello", "Hello! Tell me what a person does"),
        ("thanks!", "You are welcome."),
        ("banana", "I found no action in “banana”."),
        ("start over", "Let us start over"),
    ],
)
def test_what_it_cannot_do_it_says(text: str, wanted: str) -> None:
    assert planned(text).startswith(wanted)


def test_edits_without_a_motion_begin_one_or_say_so() -> None:
    assert planned("add a jump", empty_timeline()) == "+: a person jumps"
    assert planned("then wave", empty_timeline()) == "+: a person waves"
    assert planned("remove the jump", empty_timeline()).startswith("There is no motion yet")
    assert planned("what does it show?", empty_timeline()).startswith("There is no motion yet")


def test_captions_are_told_and_not_reasoned_beyond() -> None:
    told = planned(
        "Is he happy?",
        captions=[{"motion": "m-abcdef", "name": "walk.bvh", "text": "a person walks"}],
    )
    assert told.startswith("In walk.bvh I see: a person walks.")
    assert "without a language model" in told


def test_the_same_request_gives_the_same_plan() -> None:
    text = "A man walks, then jumps twice for two seconds"
    assert len({OfflinePlanner().ask(Task(text)).text for _ in range(5)}) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("A person jumps 100 times", "the plan has 100 steps, the limit is 64"),
        ("A person walks " + "very " * 100 + "slowly", "characters, the limit is 300"),
    ],
)
def test_limits_are_told(text: str, told: str) -> None:
    with pytest.raises(InvalidPlanError, match=told):
        parse_plan(OfflinePlanner().ask(Task(text)).text)


def test_odd_input_neither_crashes_nor_hangs() -> None:
    odd = [
        "and", "then", ",,,,", "???", "…", "a", "he", "the", "before", "after after after",
        "🕺💃", "走る", "ходит", "\x00\x01", "{}", "$HOME", "s1", "add", "remove", "replace with",
        "make it", "while", "for 5 seconds", "three times", "A person",
        "and then " * 800, "a " * 3900, "walk and " * 800, "(" * 7000, "walks, " * 1000,
        "before " * 1000, "make the " * 800, "add a jump after " * 400, "x" * 8000,
    ]  # fmt: skip
    start = time.process_time()
    for text in odd:
        for timeline in (empty_timeline(), TIMELINE):
            answer = OfflinePlanner().ask(Task(text, timeline)).text
            assert isinstance(json.loads(answer), dict), text
    assert time.process_time() - start < 20
