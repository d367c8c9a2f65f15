"""The offline planner answers any text with a valid plan, and soon."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from offline_planning import GREETING, NOTHING, ONE, SECOND, TWO, planned, segments_of

from motion_agent.agent_graph.answers import read_answer
from motion_agent.agent_graph.offline import OfflinePlanner
from motion_agent.agent_graph.plan import InvalidPlanError, check_against_timeline
from motion_agent.agent_graph.planners import Task
from motion_agent.motion_core.verbs import VERBS

COMMANDS = """
a the man woman person he she it they them and then before after with both hands while slower
longer make add remove replace insert repeat swap move s1 s2 s9 second first last third times
for 5 seconds not doesn't without never undo redo open motion 1 2 greeting walk.bvh a.npz call
export as bvh mp4 . , ; : ? ! two people each other face behind one next to in front of closer
instead of end beginning between keep only everything start over again new what does show how
person another take twice half too metre metres 99999999999 0 0.5 20% minutes hello thanks
"""
WORDS = [*sorted(VERBS), *COMMANDS.split(), "\n"]
CURRENT = st.sampled_from([NOTHING, ONE, TWO, SECOND])


def check(request: str, current: dict, **task: object) -> None:  # type: ignore[type-arg]
    """The answer is a valid plan for the motion, or breaks a limit that is told."""
    answer = OfflinePlanner().ask(Task(request, current, **task))  # type: ignore[arg-type]
    try:
        plan = read_answer(answer).plan
    except InvalidPlanError as err:
        assert "limit" in str(err) or "at most" in str(err), (request, str(err))
        return
    check_against_timeline(plan, segments_of(plan, current, **task))  # type: ignore[arg-type]
    assert plan.plan or plan.placement or plan.reasoning
    for step in plan.steps_of("generate_motion"):
        assert len(step.description.split()) > 1, (request, step.description)


@settings(max_examples=400)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=25), CURRENT)
def test_any_words_of_the_lexicon_give_a_valid_plan(words, current) -> None:  # type: ignore[no-untyped-def]
    check(" ".join(words), current, others=[GREETING])


@settings(max_examples=200)
@given(st.text(min_size=1, max_size=300), CURRENT)
def test_any_text_gives_a_valid_plan(text, current) -> None:  # type: ignore[no-untyped-def]
    check(text, current)


@pytest.mark.parametrize(
    "text",
    [
        "and " * 2000, "a" * 8000, "before " * 1000, "before walking " * 570, "é" * 8000,
        "after he walks, " * 500, "make the " * 900, "add a jump after " * 450, "((" * 4000,
        "walks, " * 1100, "!" * 8000, " " * 7999 + "x", "a man and a " * 600, "9" * 8000,
        "replace the wave with " * 360, "between " * 1000, "1. " * 2600, "he " * 2600,
        "s1 and " * 1100, "the " * 2000, "instead of " * 700, "jump " + "9" * 400 + " times",
        "walk for 999999999 minutes", "face each other " * 500, "two people " * 700,
        "export it as bvh and " * 380, "open " * 1600, "in the first motion " * 400,
        "while " * 1300, "as a " * 2000, "without " * 1000, "not " * 2000, "0.5 " * 2000,
        "A person " * 880, "slower " * 1100, "is too " * 1100, "? " * 4000, "\n" * 7999 + "x",
        "- \n" * 2600, "' \"" * 2600, "half a metre " * 600, "keep only " * 800, "a-" * 4000,
        "and then " * 880, "\n1. walk" * 800, "very " * 1590 + "slowly", "walk and " * 880,
        "a man walks then a woman bows then " * 228, "add " + "a jump, " * 900, "\ud800 walk",
        "\x00\x01walk", "{}", "$HOME", "s1", "while", "three times", "for 5 seconds", "…", "???",
    ],
)  # fmt: skip
def test_hostile_texts_are_answered_in_time(text: str) -> None:
    start = time.process_time()
    for current in (NOTHING, ONE, TWO):
        check(text[:8000], current)
    assert time.process_time() - start < 5  # each takes a few milliseconds; exponential is hours


def test_the_same_request_gives_the_same_plan() -> None:
    text = "A man walks, then jumps twice for two seconds"
    assert len({OfflinePlanner().ask(Task(text)).text for _ in range(5)}) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A person jumps 100 times", "the plan has 100 steps, the limit is 64"),
        ("A person walks " + "very " * 100 + "slowly", "characters, the limit is 300"),
        ("two people stand 90 metres apart and bow", "90 m away; the limit is 20 m"),
    ],
)
def test_limits_are_told(text: str, message: str) -> None:
    with pytest.raises(InvalidPlanError, match=message):
        read_answer(OfflinePlanner().ask(Task(text)))


def test_what_is_denied_is_never_generated() -> None:
    for verb in ("wave", "bow", "jump", "kick"):
        for request in (
            f"a person walks and doesn't {verb}",
            f"a person walks but never {verb}s",
            f"walk without {verb}ing",
            f"a person walks, not {verb}ing, and sits",
            f"he walks and will not {verb} or clap",
            f"neither sit nor {verb}, just walk",
        ):
            assert verb not in planned(request), request
