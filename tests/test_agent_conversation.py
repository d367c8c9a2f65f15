"""Edits in a conversation: what was not touched stays bit for bit, and undo brings all back."""

from __future__ import annotations

import pytest
from fakes import ScriptedChatModel, plan_text, step

from motion_agent.agent_graph import MotionAgent, Turn
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.motion import Motion

EXAMPLE = "A man walks forward, then waves, then bows."


def motion_of(turn: Turn) -> Motion:
    assert turn.error is None, turn.error
    assert turn.motion is not None
    return turn.motion


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def agent(engine: FakeEngine) -> MotionAgent:
    return MotionAgent(engine=engine)


def test_adding_keeps_every_token(agent: MotionAgent) -> None:
    before = motion_of(agent.run(EXAMPLE))
    after = motion_of(agent.run("add a jump before the bow"))
    assert [s.id for s in after.segments] == ["s1", "s2", "s4", "s3"]
    assert (after.segments[0], after.segments[1], after.segments[3]) == before.segments
    assert after.tokens[: len(before.segments[0].tokens)] == before.segments[0].tokens


def test_replacing_makes_a_new_id_and_keeps_the_others(agent: MotionAgent) -> None:
    before = motion_of(agent.run(EXAMPLE))
    after = motion_of(agent.run("replace the wave with a kick"))
    assert after.segments[0] == before.segments[0]
    assert after.segments[2] == before.segments[2]
    assert (after.segments[1].id, after.segments[1].description) == ("s4", "a man kicks")


def test_another_take_changes_the_seed_and_only_that_segment(agent: MotionAgent) -> None:
    before = motion_of(agent.run(EXAMPLE))
    after = motion_of(agent.run("another take of the wave"))
    assert after.segments[1].seed == before.segments[1].seed + 1000
    assert after.segments[1].tokens != before.segments[1].tokens
    assert after.segments[::2] == before.segments[::2]
    third = motion_of(agent.run("another take of the wave"))
    assert third.segments[1].seed == before.segments[1].seed + 2000


def test_longer_changes_the_duration_and_not_the_seed(agent: MotionAgent) -> None:
    before = motion_of(agent.run(EXAMPLE))
    after = motion_of(agent.run("make the wave 6 seconds long"))
    assert after.segments[1].frames == 120
    assert after.segments[1].seed == before.segments[1].seed


def test_removing_needs_no_generation(agent: MotionAgent, engine: FakeEngine) -> None:
    before = motion_of(agent.run(EXAMPLE))
    batches = len(engine.generated)
    after = motion_of(agent.run("remove the wave"))
    assert after.segments == (before.segments[0], before.segments[2])
    assert len(engine.generated) == batches
    assert len(engine.decoded) == 2


def test_repeating_copies_tokens_under_new_ids(agent: MotionAgent) -> None:
    before = motion_of(agent.run(EXAMPLE))
    after = motion_of(agent.run("repeat the wave twice"))
    assert [s.id for s in after.segments] == ["s1", "s2", "s4", "s5", "s3"]
    assert {s.tokens for s in after.segments[1:4]} == {before.segments[1].tokens}


def test_ids_are_never_used_twice_in_a_motion(agent: MotionAgent) -> None:
    agent.run(EXAMPLE)
    agent.run("remove the last")
    after = motion_of(agent.run("add a jump"))
    assert [s.id for s in after.segments] == ["s1", "s2", "s4"]


def test_a_new_motion_starts_at_s1(agent: MotionAgent) -> None:
    agent.run(EXAMPLE)
    after = motion_of(agent.run("A woman runs."))
    assert [(s.id, s.description) for s in after.segments] == [("s1", "a woman runs")]


def test_undo_and_redo_walk_through_everything(agent: MotionAgent) -> None:
    first = motion_of(agent.run(EXAMPLE))
    second = motion_of(agent.run("add a jump"))
    third = motion_of(agent.run("remove the first step"))
    assert motion_of(agent.run("undo")).id == second.id
    assert motion_of(agent.run("undo")).id == first.id
    assert motion_of(agent.run("redo")).id == second.id
    assert motion_of(agent.run("redo")).id == third.id
    nothing = agent.run("redo")
    assert nothing.error == "there is nothing to redo"
    assert nothing.motion is None


def test_undo_of_the_first_motion_leaves_none(agent: MotionAgent) -> None:
    agent.run(EXAMPLE)
    turn = agent.run("undo")
    assert turn.motion is None
    assert turn.reply.startswith("There is no motion now.")
    assert agent.run("undo").error == "there is nothing to undo"


def test_a_failed_edit_changes_nothing(agent: MotionAgent) -> None:
    before = agent.run(EXAMPLE)
    turn = agent.run("A person jumps 100 times.")
    assert turn.error is not None
    assert "the plan has 100 steps, the limit is 64" in turn.error
    assert turn.motion is None
    assert agent.run("what is it?").motion_id == before.motion_id


def test_a_hundred_turns_stay_bounded(agent: MotionAgent) -> None:
    agent.run("A person walks.")
    for _ in range(30):
        assert agent.run("another take").reply.startswith("Made motion 1 (m-")
    state = agent.graph.get_state({"configurable": {"thread_id": "default"}}).values
    assert len(state["undo"]) == 20
    assert len(state["messages"]) == 41
    assert len(state["motions"]["1"]["segments"]) == 1


def test_a_language_model_edits_by_naming_what_stays() -> None:
    engine = FakeEngine()
    model = ScriptedChatModel(
        script=[
            plan_text(step(description="a man walks"), step(description="a man bows")),
            "done",
            plan_text(
                step("keep_segment", segment="s2"),
                step(description="a man jumps", segment="s1"),
                step("keep_segment", segment="s2"),
            ),
            "changed",
        ]
    )
    agent = MotionAgent(model, engine=engine)
    before = motion_of(agent.run("walk, bow"))
    after = motion_of(agent.run("bow, jump, bow"))
    assert [s.id for s in after.segments] == ["s2", "s3", "s4"]
    assert after.segments[0] == before.segments[1]
    assert after.segments[2].tokens == before.segments[1].tokens
    assert 's2: "a man bows"' in model.questions[2][-1].text


def test_two_people_are_two_motions_from_one_batch() -> None:
    engine = FakeEngine()
    model = ScriptedChatModel(
        script=[
            plan_text(step(description="a man walks"), step(description="a woman waves", person=2)),
            "done",
        ]
    )
    turn = MotionAgent(model, engine=engine).run("a man walks while a woman waves at him")
    assert [len(batch) for batch in engine.generated] == [2]
    assert len(engine.decoded) == 2
    assert [s.description for s in turn.motions[1].segments] == ["a man walks"]
    assert [s.description for s in turn.motions[2].segments] == ["a woman waves"]
    assert turn.motion is turn.motions[1]
