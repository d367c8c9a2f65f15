"""Captions say what the labels say, and the labels can be told back from every one of them."""

import pytest

from motion_agent.motion_core.datasets import labels_in_caption, make_captions
from motion_agent.motion_core.datasets.captions import mirrored_action, swap_sides
from motion_agent.motion_core.datasets.wordings import ACTIONS, STYLES
from motion_agent.motion_core.errors import InputError

LABELS = [(action, style) for action in ACTIONS for style in (None, *STYLES)]


def test_every_action_and_style_has_six_wordings():
    for action, wordings in ACTIONS.items():
        assert len(set(wordings)) >= 6, action
    for style, words in STYLES.items():
        assert len({*words.adjectives, *words.adverbs, *words.phrases}) >= 6, style


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("action", ACTIONS)
def test_labels_are_told_back_from_every_caption(action, mirrored):
    for style in (None, *STYLES):
        for text in make_captions(action, style, mirrored=mirrored, seed=7, count=24):
            action_found, style_found = labels_in_caption(text)
            assert action_found == action, text
            assert style_found in (style, None), text


def test_styled_captions_name_their_style_nine_times_in_ten():
    texts = [
        (text, style)
        for action, style in LABELS
        if style
        for text in make_captions(action, style, seed=f"{action}{style}", count=20)
    ]
    named = sum(labels_in_caption(text)[1] == style for text, style in texts)
    assert 0.88 < named / len(texts) < 0.97


def test_captions_are_distinct_and_depend_on_the_seed_alone():
    first = make_captions("walk", "tired", seed="a", count=20)
    assert first == make_captions("walk", "tired", seed="a", count=20)
    assert first != make_captions("walk", "tired", seed="b", count=20)
    assert len(set(first)) == 20


def test_the_clauses_of_a_request_are_in_the_language_of_the_captions():
    seen = {
        text
        for action, style in [("walk", "tired"), ("wave both hands", "tired"), ("bow", None)]
        for seed in range(400)
        for text in make_captions(action, style, seed=seed, count=24)
    }
    assert {
        "a tired person walks forward",
        "a tired person waves with both hands",
        "waves with both hands tiredly",
        "bows",
        "a person bows",
    } <= seen


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("A weary man strolls forward.", ("walk", "tired")),
        ("as if exhausted, a woman walks backwards", ("walk backward", "tired")),
        ("He waves goodbye with his left hand.", ("wave goodbye", None)),
        ("a person waves their left hand proudly", ("wave the left hand", "proud")),
        ("swordplay", ("swing a sword", None)),
        ("basketball - forward dribble, 90-degree left turns", ("dribble a basketball", None)),
        ("punch/strike", ("punch", None)),
        ("the sun shines", (None, None)),
        ("", (None, None)),
    ],
)
def test_labels_in_free_text(text, labels):
    assert labels_in_caption(text) == labels


def test_sides_are_swapped_word_by_word():
    assert swap_sides("Left turn, right-hand wave, CLOCKWISE, bright") == (
        "Right turn, left-hand wave, COUNTERCLOCKWISE, bright"
    )
    assert mirrored_action("walk and turn left") == "walk and turn right"
    assert all(mirrored_action(action) in ACTIONS for action in ACTIONS)


def test_mirrored_captions_of_one_label_name_the_other_side():
    straight = " ".join(make_captions("wave goodbye", seed=1, count=60))
    mirrored = " ".join(make_captions("wave goodbye", mirrored=True, seed=1, count=60))
    assert "right hand" in straight and "left" not in straight
    assert "left hand" in mirrored and "right" not in mirrored


def test_unknown_labels_are_refused():
    with pytest.raises(InputError, match="'fly'"):
        make_captions("fly", seed=1, count=3)
    with pytest.raises(InputError, match="'purple'"):
        make_captions("walk", "purple", seed=1, count=3)
