"""Edits never guess: every word of an edit is used, or the edit is refused with what was not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from offline_planning import ONE, planned

from motion_agent.agent_graph.offline import OfflinePlanner
from motion_agent.agent_graph.plan import Plan
from motion_agent.agent_graph.planners import Task

EDITS = (
    "remove {}", "delete {}", "repeat {}", "another take of {}", "replace {} with a jump",
    "make {} slower", "make {} 3 seconds long", "move {} to the end", "swap {} and s3",
    "keep only {}", "add a jump after {}", "insert a jump before {}", "remove everything after {}",
    "use the left hand for {}",
)  # fmt: skip
TARGETS = ("the walk", "s2", "the first step", "the waving part")
STRANGE = st.sampled_from(
    ["half", "floor", "corner", "sideways", "quarter", "edge", "tail", "banana", "briefly",
     "partly", "roughly", "middle", "bottom", "xyzzy"]
)  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        ("cut the walk in half", "half"),
        ("cut the walk short", "short"),
        ("erase only the start of the walk", "start"),
        ("delete the bow's second half", "half"),
        ("drop the bow to the floor", "floor"),
        ("remove the wave on tuesdays", "tuesdays"),
        ("repeat the walk backwards", "backwards"),
        ("replace the first half of the bow with a jump", "half"),
    ],
)
def test_an_edit_that_is_not_understood_is_refused(request_: str, word: str) -> None:
    answer = planned(request_, ONE)
    assert answer.startswith("“"), answer
    assert word in answer


@settings(max_examples=300)
@given(st.sampled_from(EDITS), st.sampled_from(TARGETS), st.lists(STRANGE, min_size=1, max_size=3))
def test_a_strange_word_is_never_passed_over(edit: str, target: str, words: list[str]) -> None:
    answer = planned(edit.format(f"{target} {' '.join(words)}"), ONE)
    assert answer.startswith("“"), answer


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("target", TARGETS)
def test_without_strange_words_they_are_carried_out(edit: str, target: str) -> None:
    assert not planned(edit.format(target), ONE).startswith("“")


@pytest.mark.parametrize(
    "story",
    [
        "a person who has just bowed walks forward",
        "a man that was running sits down",
        "the man who waves walks and the man who bows jumps",
        "a person, who is tired of dancing, sits down",
        "a person whose brother dances waves",
        "the person he kicked falls",
        "a man who carries a box walks to the table",
        "a person makes coffee, who then sits down",
        "the man stretches and then, although he is tired, walks on",
        "he walks slowly, then faster and faster until he runs",
    ],
)
def test_what_somebody_does_by_the_way_is_refused_and_not_made(story: str) -> None:
    assert planned(story).startswith("“I do not understand who does what there")


@pytest.mark.parametrize(
    "story",
    ["after the storm he bows", "before the show he claps", "clap, jump, bow - no, skip the jump"],
)
def test_an_order_that_cannot_be_read_is_refused_and_not_made(story: str) -> None:
    assert planned(story).startswith("“I do not understand")


@pytest.mark.parametrize(
    ("story", "plan"),
    [
        ("a person who walks", "+: a person walks"),
        ("he runs faster", "+: a person runs faster"),
        ("show me a man that jumps", "+: a man jumps"),
        ("a woman who waves her arms and jumps", "+: a woman waves her arms | +: a woman jumps"),
        ("a person walks like someone who kicks a ball",) * 2,
    ],
)
def test_what_somebody_does_is_made_though_it_says_who(story: str, plan: str) -> None:
    assert planned(story).removeprefix("+: ") == plan.removeprefix("+: ")


@pytest.mark.parametrize(
    ("request_", "unread"),
    [
        ("walk, but not before bowing", "but not before bowing"),
        ("bow, but not until you have waved", "but not until you have waved"),
        ("he walks, but only after bowing", "but only after bowing"),
        ("he wants to dance but sits", "wants to dance but sits"),
        ("she would like to jump, but walks", "would like to jump, but walks"),
        ("he could jump but he walks", "could jump but he walks"),
        ("he jumps unless he is tired", "unless he is tired"),
        ("if he walks then he bows", "if he walks then he bows"),
        ("if you can, make him walk", "if you can"),
        ("nobody walks", "nobody walks"),
        ("rather than run he walks", "rather than run he walks"),
    ],
)
def test_what_is_not_read_is_told_and_never_left_out(request_: str, unread: str) -> None:
    answer = OfflinePlanner().plan(Task(request_))
    assert isinstance(answer, Plan) and answer.empty
    assert f"I do not understand “{unread}”" in answer.reasoning


@pytest.mark.parametrize(
    ("request_", "wanted"),
    [
        ("she wants to dance", "+: a person dances"),
        ("a man tries to jump but falls", "+: a man jumps | +: a man falls"),
        ("bow before walking", "+: a person bows | +: a person walks"),
    ],
)
def test_what_is_read_is_still_read(request_: str, wanted: str) -> None:
    assert planned(request_) == wanted
