"""Several motions in one conversation, files, two people, and what is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fakes import step

from motion_agent.agent_graph import MotionAgent, Turn
from motion_agent.agent_graph.planners import Answer, Task
from motion_agent.motion_core.engine import Take
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.formats import load_npz, save_npz
from motion_agent.motion_core.motion import Motion
from motion_agent.motion_core.placement import FACE_TO_FACE, Placement

WALK = step(description="a person walks")
BOW = step(description="a person bows")
KEEP_2 = step("keep_segment", segment="s2")


class PlansInOrder:
    """A planner that gives these plans, and remembers what it was asked."""

    name = "plans in order"
    tries = 1

    def __init__(self, *plans: str) -> None:
        self.plans = list(plans)
        self.tasks: list[Task] = []

    def ask(self, task: Task) -> Answer:
        self.tasks.append(task)
        return Answer(self.plans.pop(0))

    def reply(self, request: str, facts: str) -> str | None:
        return None


def plan(*steps: dict[str, Any], placement: tuple[float, ...] = (), reasoning: str = "") -> str:
    return json.dumps({"reasoning": reasoning, "plan": list(steps), "placement": list(placement)})


def talk(*plans: str, **settings: Any) -> tuple[list[Turn], MotionAgent, PlansInOrder]:
    planner = PlansInOrder(*plans)
    agent = MotionAgent(planner, engine=FakeEngine(), **settings)
    return [agent.run(f"request {number}") for number in range(1, len(plans) + 1)], agent, planner


def motion_of(turn: Turn) -> Motion:
    assert turn.error is None, turn.error
    assert turn.motion is not None
    return turn.motion


class Filler(FakeEngine):
    """Fills every gap with the token that came last before it."""

    def fill(self, before: Any, after: Any, length: int, **control: Any) -> tuple[int, ...]:
        return (before[-1],) * length


@pytest.mark.parametrize("kept", [(), (step("keep_segment", segment="s1"), KEEP_2)])
@pytest.mark.parametrize(("segment", "fill"), [("s2", (2, 2)), ("s1", (4, 0))])
def test_a_join_is_made_smooth_and_a_motion_made_to_loop(
    kept: tuple[dict[str, Any], ...], segment: str, fill: tuple[int, int]
) -> None:
    smooth = step("smooth_join", segment=segment, seconds=0.8)
    planner = PlansInOrder(plan(WALK, BOW), plan(*kept, smooth), plan(step("undo")))
    agent = MotionAgent(planner, engine=Filler())
    first, turn, undone = (agent.run(f"request {number}") for number in range(3))
    assert turn.name == "motion 1" and motion_of(turn).id != motion_of(first).id
    assert [(f["before"], f["after"]) for f in motion_of(turn).provenance["fills"].values()] == [
        fill
    ]
    assert motion_of(turn).tokens == motion_of(first).tokens  # the segments' own
    assert turn.reply.startswith("Changed motion 1")
    assert motion_of(undone).id == motion_of(first).id


def test_a_smooth_join_that_no_engine_can_make_is_told_and_loses_nothing() -> None:
    turns, _, _ = talk(plan(WALK, BOW), plan(step("smooth_join", segment="s2")))
    assert turns[1].error is not None and "makes no transitions" in turns[1].reply
    assert turns[1].motion_id == motion_of(turns[0]).id


def test_a_plan_without_old_segments_makes_a_motion_beside_the_first() -> None:
    turns, agent, planner = talk(plan(WALK), plan(BOW), plan(step("undo")))
    assert [t.name for t in turns] == ["motion 1", "motion 2", "motion 1"]
    assert [t.name for t in planner.tasks[2].others] == ["motion 1"]
    assert turns[2].motion_id == turns[0].motion_id
    assert [t.name for t in agent.timelines()] == ["motion 1"]


@pytest.mark.parametrize(
    "reference",
    ["motion 1", "Motion 1", "1", "first", "the first one", "the first motion", "previous"],
)
def test_a_motion_is_opened_by_what_people_call_it(reference: str) -> None:
    turns, _, _ = talk(plan(WALK), plan(BOW), plan(step("open_motion", motion=reference)))
    assert turns[2].name == "motion 1"
    assert turns[2].motion_id == turns[0].motion_id
    assert turns[2].reply.startswith("Opened motion 1 (m-")


def test_a_motion_is_opened_by_its_id() -> None:
    turns, agent, planner = talk(plan(WALK), plan(BOW))
    planner.plans = [plan(step("open_motion", motion=str(turns[0].motion_id)))]
    assert agent.run("that one").name == "motion 1"


def test_an_opened_motion_is_edited_and_the_others_stay() -> None:
    turns, agent, _ = talk(
        plan(WALK),
        plan(BOW),
        plan(step("open_motion", motion="first"), step("keep_segment", segment="s1"), BOW),
    )
    assert [s.description for s in motion_of(turns[2]).segments] == [
        "a person walks",
        "a person bows",
    ]
    assert motion_of(turns[2]).segments[0] == motion_of(turns[0]).segments[0]
    assert [len(t.segments) for t in agent.timelines()] == [2, 1]
    back = agent.graph.get_state({"configurable": {"thread_id": "default"}}).values["undo"][-1]
    assert (back["current"], back["key"]) == ("2", "1")


def test_a_motion_that_is_not_there_is_told_with_those_that_are() -> None:
    turns, _, _ = talk(plan(WALK), plan(step("open_motion", motion="the dance")))
    assert turns[1].error is not None
    assert "there is no motion 'the dance' in this conversation (it has: motion 1)" in str(
        turns[1].error
    )


def test_a_name_is_kept_and_found_again_and_outlives_undo() -> None:
    turns, agent, _ = talk(
        plan(WALK, step("name_motion", motion="Greeting")),
        plan(BOW),
        plan(step("open_motion", motion="greeting"), step("keep_segment", segment="s1"), BOW),
        plan(step("undo")),
        plan(step("open_motion", motion="greeting")),
    )
    assert "It is called 'Greeting' now." in turns[0].reply
    assert turns[2].name == "Greeting"
    assert [t.name for t in agent.timelines()] == ["Greeting", "motion 2"]
    assert turns[4].motion_id == turns[0].motion_id


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("motion 1", "already"),
        ("first", "already"),
        ("…", "is not a valid name"),
        ("x" * 61, "is not a valid name"),
    ],
)
def test_a_name_must_be_one(name: str, problem: str) -> None:
    turns, agent, _ = talk(plan(WALK), plan(BOW), plan(step("name_motion", motion=name)))
    assert problem in str(turns[2].error)
    assert [t.name for t in agent.timelines()] == ["motion 1", "motion 2"]


def test_starting_over_empties_the_motion_and_undo_brings_it_back() -> None:
    turns, agent, _ = talk(
        plan(WALK, BOW), plan(step("start_over")), plan(BOW), plan(step("undo")), plan(step("undo"))
    )
    assert turns[1].reply == "Started over: tell me what the person does."
    assert turns[1].motion is None
    assert turns[2].name == "motion 1"
    assert [s.id for s in motion_of(turns[2]).segments] == ["s1"]
    assert turns[4].motion_id == turns[0].motion_id
    assert len(agent.timelines()) == 1


def test_a_file_is_taken_in_and_goes_on(tmp_path: Path) -> None:
    engine = FakeEngine()
    clip = MotionAgent(engine=engine).run("A person kicks.").motion
    assert clip is not None
    save_npz(Motion(clip.features), tmp_path / "clip.npz")
    turns, _, _ = talk(
        plan(step("open_motion", motion="clip.npz"), step("keep_segment", segment="s1"), BOW),
        workspace=tmp_path,
    )
    motion = motion_of(turns[0])
    assert [s.description for s in motion.segments] == ["a person kicks", "a person bows"]
    assert motion.segments[0].tokens == clip.tokens


def test_a_question_about_a_file_needs_no_second_upload(tmp_path: Path) -> None:
    clip = MotionAgent(engine=FakeEngine()).run("A person kicks.").motion
    assert clip is not None
    save_npz(clip, tmp_path / "clip.npz")
    planner = PlansInOrder(
        plan(step("caption_motion", motion="clip.npz")),
        plan(reasoning="He kicks."),
        plan(step("caption_motion", motion="clip.npz")),
        plan(reasoning="With a foot."),
        plan(WALK),
        plan(),
    )
    agent = MotionAgent(planner, engine=FakeEngine(), workspace=tmp_path)
    assert agent.run("what is in clip.npz?").reply == "He kicks."
    (tmp_path / "clip.npz").unlink()
    assert agent.run("and with what?").reply == "With a foot."
    first, again = planner.tasks[0], planner.tasks[2]
    assert (first.about_file, again.about_file) == (False, True)
    assert [(c["name"], c["text"]) for c in again.looked_at] == [("clip.npz", "a person kicks")]
    assert again.captions == []
    agent.run("a person walks")
    agent.run("and now?")
    assert planner.tasks[-1].about_file is False


def test_a_second_person_joins_and_the_first_keeps_every_token() -> None:
    wave = step(description="a woman waves", person=2)
    turns, agent, planner = talk(
        plan(WALK, BOW),
        plan(
            step("keep_segment", segment="s1"),
            step("keep_segment", segment="s2"),
            wave,
            placement=(180, 0, 1),
        ),
        plan(placement=(90, 1, 0.5)),
    )
    assert turns[1].motions[1].segments == motion_of(turns[0]).segments
    assert [s.description for s in turns[1].motions[2].segments] == ["a woman waves"]
    assert turns[1].placement == Placement(180, 0, 1)
    assert "person 2: a woman waves (s3, " in turns[1].reply
    assert turns[2].placement == Placement(90, 1, 0.5)
    assert turns[2].reply.startswith("Moved person 2 in motion 1 (m-")
    assert turns[2].motions[1].id == turns[1].motions[1].id
    assert agent.placement() == Placement(90, 1, 0.5)
    planner.plans = [plan(step("caption_motion")), plan(step("caption_motion", person=2)), plan()]
    agent.run("what do they do?")
    assert [(c["name"], c["text"]) for c in planner.tasks[-1].captions] == [
        ("motion 1, person 1", "a person walks, then bows"),
        ("motion 1, person 2", "a person waves"),
        ("motion 1, person 2", "a person waves"),
    ]


def test_a_removed_second_person_is_gone() -> None:
    wave = step(description="a woman waves", person=2)
    turns, _, _ = talk(plan(WALK, wave), plan(step("keep_segment", segment="s1")))
    assert turns[0].placement == FACE_TO_FACE
    assert set(turns[0].motions) == {1, 2}
    assert set(turns[1].motions) == {1}
    assert turns[1].placement is None


def test_nobody_can_be_placed_before_there_is_a_motion() -> None:
    turns, _, _ = talk(plan(placement=(180, 0, 1)))
    assert "there are no people to place yet" in str(turns[0].error)


def test_what_is_made_is_written_into_the_workspace(tmp_path: Path) -> None:
    turns, agent, planner = talk(
        plan(WALK, step("export_motion", motion="walk.npz")), workspace=tmp_path
    )
    assert turns[0].files == (str(tmp_path / "walk.npz"),)
    assert load_npz(tmp_path / "walk.npz").segments == motion_of(turns[0]).segments
    assert turns[0].reply.endswith(f"Written: {tmp_path / 'walk.npz'}.")
    planner.plans = [plan(step("export_motion", motion="walk.npz"))]
    assert agent.run("again").files == (str(tmp_path / "walk-2.npz"),)


@pytest.mark.parametrize("name", ["../out.npz", "/tmp/out.npz", "walk.exe", "https://x.y/a.npz"])
def test_a_motion_is_made_even_where_its_file_cannot_be(name: str, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    turns, agent, _ = talk(plan(WALK, step("export_motion", motion=name)), workspace=workspace)
    assert turns[0].error is not None
    assert turns[0].reply.startswith("Made motion 1 (m-")
    assert turns[0].error.lower() in turns[0].reply.lower()
    assert len(agent.motions()) == 1
    assert [path.name for path in tmp_path.rglob("*")] == ["workspace"]


def test_the_oldest_of_many_motions_are_forgotten_but_not_by_the_store() -> None:
    turns, agent, _ = talk(*[plan(step(description=f"a person jumps {n}")) for n in range(52)])
    assert len(agent.timelines()) == 50
    assert agent.timelines()[0].name == "motion 3"
    assert turns[0].motion_id in agent.store


def test_who_is_not_touched_is_not_decoded_again() -> None:
    wave = step(description="a woman waves", person=2)
    stay = [step("keep_segment", segment="s1"), step("keep_segment", segment="s2")]
    planner = PlansInOrder(plan(WALK, BOW), plan(*stay, wave), plan(placement=(0, 1, 0)))
    engine = FakeEngine()
    agent = MotionAgent(planner, engine=engine, repair_seams=False)
    counts = []
    for request in ("make it", "add her", "move her"):
        assert agent.run(request).error is None
        counts.append(len(engine.decoded))
    assert counts == [1, 2, 2]


def test_a_long_motion_is_read_segment_by_segment() -> None:
    long = [step(description=f"a person {verb}", seconds=8) for verb in ("walks", "bows", "bows")]
    turns, agent, planner = talk(plan(*long))
    planner.plans = [plan(step("caption_motion")), plan()]
    agent.run("what is it?")
    assert planner.tasks[-1].captions[0]["text"] == "a person walks, then a person bows"
    engine = agent.studio.engine
    assert engine.caption([Take(motion_of(turns[0]).tokens)]) == ["a person walks, then bows"]
