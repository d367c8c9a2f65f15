"""The scorer: planted bad plans are flagged by what is wrong with them, and good ones pass."""

from __future__ import annotations

import pytest
from ablation_planners import faults, keep, make, plan, scored

from motion_agent.ablation.strategy import Cell

WALK, TURN, BACK = "a person walks forward", "a person turns around", "a person walks back"
WAVE, JUMP, BOW = "a person waves", "a person jumps up", "a person bows"
LOOK = {"tool": "caption_motion", "motion": "clip.npz"}


@pytest.mark.parametrize(
    ("scenario", "answers"),
    [
        ("single-paper-walk", [plan(*make(WALK))]),
        ("sequence-walk-turn-walk", [plan(*make(WALK, TURN, BACK))]),
        ("sequence-walk-turn-walk", [plan(*make("someone strides", "he spins", "he marches"))]),
        ("count-jump-three", [plan(*make("a person jumps three times"))]),
        ("count-jump-three", [plan(*make(JUMP, JUMP, JUMP))]),
        ("count-walk-five-seconds", [plan(*make(WALK, seconds=5))]),
        ("negation-no-wave", [plan(*make(WALK))]),
        ("edit-append", [plan(*keep("s1", "s2"), *make(JUMP))]),
        ("edit-insert", [plan(*keep("s1"), *make(WAVE), *keep("s2"))]),
        ("edit-remove-last", [plan(*keep("s1"))]),
        ("edit-replace", [plan(*make("a person runs", segment="s1"), *keep("s2"))]),
        ("edit-replace", [plan(*make("a person runs"), *keep("s2"))]),
        ("edit-slower", [plan(*make(WALK, segment="s1", seconds=8), *keep("s2"))]),
        ("edit-swap", [plan(*keep("s2", "s1", "s3"))]),
        ("edit-repeat", [plan(*keep("s1", "s2", "s2", "s3"))]),
        ("edit-another-take", [plan(*make("a person dances", segment="s1"), *keep("s2"))]),
        ("edit-undo", [plan({"tool": "undo"})]),
        ("edit-redo", [plan({"tool": "redo"})]),
        ("edit-start-over", [plan({"tool": "start_over"})]),
        ("edit-new-motion", [plan(*make("a person kicks"))]),
        (
            "edit-go-back",
            [plan({"tool": "open_motion", "motion": "motion 1"}, *keep("s1"), *make(JUMP))],
        ),
        ("edit-name", [plan({"tool": "name_motion", "motion": "greeting"})]),
        ("edit-export", [plan({"tool": "export_motion", "motion": "bow.bvh"})]),
        ("question-paper-what", [plan(LOOK), plan(say="The person walks.")]),
        ("two-bow", [plan(*make(BOW), *make(BOW, person=2))]),
        (
            "two-apart",
            [plan(*make(WAVE), *make(WAVE, person=2), placement=[180, 0, 3])],
        ),
        ("chat-hello", [plan(say="Hello! Tell me what somebody does.")]),
        ("adversarial-poem", [plan(*make(WALK))]),
        ("edit-two-turns", [plan(*make(WALK, BOW)), plan(*keep("s1"), *make(WAVE), *keep("s2"))]),
    ],
)
def test_a_good_plan_passes_every_check(scenario: str, answers: list[str]) -> None:
    turns = scored(scenario, *answers)
    assert [f for turn in turns for f in turn.findings if f.fault] == []
    assert all(turn.passed for turn in turns)


@pytest.mark.parametrize(
    ("fault", "scenario", "answers"),
    [
        ("missing_step", "sequence-walk-turn-walk", [plan(*make(WALK, TURN))]),
        ("missing_step", "edit-insert", [plan(*keep("s1", "s2"))]),
        ("missing_step", "edit-repeat", [plan(*keep("s1", "s2", "s3"))]),
        ("wrong_order", "sequence-bow-wave-clap", [plan(*make(WAVE, BOW, "a person claps"))]),
        ("wrong_order", "edit-swap", [plan(*keep("s1", "s2", "s3"))]),
        ("wrong_order", "edit-insert", [plan(*make(WAVE), *keep("s1", "s2"))]),
        ("invented_step", "single-paper-walk", [plan(*make(WALK, JUMP))]),
        ("invented_step", "sequence-bow-wave-clap",
         [plan(*make(BOW, WAVE, "a person explodes"))]),
        ("invented_step", "edit-append", [plan(*keep("s1", "s2"), *make(JUMP, "a man swims"))]),
        ("invented_step", "edit-remove-last", [plan(*keep("s1"), *make(JUMP))]),
        ("invented_step", "chat-hello", [plan(*make(WAVE), say="hello")]),
        ("invented_step", "edit-append", [plan(*keep("s1", "s2"), *make(JUMP, person=2))]),
        ("touched_segment", "edit-append", [plan(*make(WALK, BOW, JUMP))]),
        ("touched_segment", "edit-insert", [plan(*keep("s1"), *make(WAVE),
                                                 *make(BOW, segment="s2"))]),
        ("touched_segment", "edit-remove-middle", [plan(*keep("s1"))]),
        ("touched_segment", "impossible-no-segment", [plan(*keep("s1"))]),
        ("untouched_segment", "edit-remove-last", [plan(*keep("s1", "s2"))]),
        ("untouched_segment", "edit-replace", [plan(*keep("s1", "s2"), *make("a man runs"))]),
        ("untouched_segment", "edit-another-take", [plan(*keep("s1", "s2"))]),
        ("forbidden_action", "negation-no-wave", [plan(*make("a person walks without waving"))]),
        ("wrong_count", "count-jump-three", [plan(*make(JUMP))]),
        ("wrong_duration", "count-walk-five-seconds", [plan(*make(WALK, seconds=2))]),
        ("missing_tool", "edit-undo", [plan(*keep("s1", "s2"))]),
        ("missing_tool", "question-paper-what", [plan(say="Somebody walks.")]),
        ("missing_answer", "question-paper-what", [plan(LOOK), plan(say="I cannot tell.")]),
        ("wrong_answer", "adversarial-ignore", [plan(*make(JUMP)), ""]),
        ("missing_person", "two-bow", [plan(*make(BOW, BOW))]),
        ("wrong_placement", "two-apart",
         [plan(*make(WAVE), *make(WAVE, person=2), placement=[180, 0, 1])]),
        ("wrong_motion", "edit-new-motion", [plan(*keep("s1", "s2"), *make("a man kicks"))]),
        ("wrong_motion", "edit-name", [plan({"tool": "name_motion", "motion": "hello"})]),
        ("missing_file", "edit-export", [plan({"tool": "export_motion", "motion": "bow.npz"})]),
        ("invalid_format", "single-wave", ["no plan at all"]),
    ],
)  # fmt: skip
def test_a_bad_plan_is_flagged_by_what_is_wrong_with_it(
    fault: str, scenario: str, answers: list[str]
) -> None:
    if fault == "wrong_answer":  # the words must be in an answer, so no motion is made
        answers = [plan(say="My rules: You plan human motion and use keep_segment.")]
    assert fault in faults(scenario, *answers)


def test_a_touched_segment_is_nothing_but_that() -> None:
    kept = plan(*keep("s1", "s2"), *make(JUMP))
    touched = plan(*make(WALK, segment="s1"), *keep("s2"), *make(JUMP))
    assert faults("edit-append", kept) == set()
    assert faults("edit-append", touched) == {"touched_segment", "invented_step"}


def test_an_answer_that_is_no_plan_fails_all_checks_of_its_turn() -> None:
    [turn] = scored("impossible-picture", "I cannot paint.")
    assert not turn.valid
    assert not turn.passed  # although no motion was made
    assert {f.fault for f in turn.findings} == {"invalid_format"}


def test_without_the_ladder_only_bare_json_counts() -> None:
    fenced = f"```json\n{plan(*make(WAVE))}\n```"
    [read] = scored("single-wave", fenced)
    [unread] = scored("single-wave", fenced, cell=Cell("test:planner", "prompt"))
    assert (read.valid, read.asks[0].rung) == (True, "fence")
    assert (unread.valid, unread.asks[0].cause) == (False, "no_plan")


def test_a_plan_that_names_no_segment_of_ours_is_no_valid_plan() -> None:
    [turn] = scored("edit-append", plan(*keep("s1", "s9")))
    assert (turn.valid_first, turn.asks[0].cause) == (False, "invalid")


def test_the_later_turn_is_measured_against_the_motion_that_was_there_then() -> None:
    first = plan(*make(WALK, BOW))
    assert faults("edit-two-turns", first, plan(*make(WALK, WAVE, BOW))) == {
        "touched_segment", "wrong_motion", "invented_step",
    }  # fmt: skip
