"""The offline planner: sentences are split into clauses with subject, count and duration."""

from __future__ import annotations

import pytest

from motion_agent.agent_graph.offline.scene import scene_of


def descriptions(text: str) -> str:
    """Descriptions with their durations, in one line."""
    return " | ".join(
        a.description + (f" [{a.seconds:g} s]" if a.seconds else "") for a in scene_of(text).actions
    )


@pytest.mark.parametrize(
    ("text", "expected"),
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
def test_sequences_are_split_into_actions(text: str, expected: str) -> None:
    assert descriptions(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A person waves with both hands and feet", "a person waves with both hands and feet"),
        ("someone throws kicks and punches", "someone throws kicks and punches"),
        ("a person steps left and right", "a person steps left and right"),
        ("a person walks slowly, carefully", "a person walks slowly, carefully"),
        ("A person runs after the ball", "a person runs after the ball"),
        ("A person walks while waving his left hand", "a person walks while waving his left hand"),
        ("While walking, she waves", "a person waves while walking"),
        ("A man pushes a woman", "a man pushes a woman"),
    ],
)
def test_what_is_one_action_stays_one(text: str, expected: str) -> None:
    assert descriptions(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "A person sits down after walking in a circle",
            "a person walks in a circle | a person sits down",
        ),
        ("After walking forward, he waves", "a person walks forward | a person waves"),
        ("after clapping she waves", "a person claps | a person waves"),
        ("before he sits down he stretches", "a person stretches | a person sits down"),
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
def test_before_and_after_are_put_in_time_order(text: str, expected: str) -> None:
    assert descriptions(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
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
def test_subject_and_style_are_carried_over(text: str, expected: str) -> None:
    assert descriptions(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
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
def test_counts_repeat_and_durations_are_seconds(text: str, expected: str) -> None:
    assert descriptions(text) == expected.removesuffix(" | ")


@pytest.mark.parametrize(
    ("text", "expected"),
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
def test_wishes_and_tenses_become_plain_sentences(text: str, expected: str) -> None:
    assert descriptions(text) == expected
