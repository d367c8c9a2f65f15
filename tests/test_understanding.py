"""What people say about motions by id, name and number, and slips on the command line."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import pytest
from fakes import ScriptedChatModel, plan_text, step
from typer.testing import CliRunner

from motion_agent.agent_graph import MotionAgent
from motion_agent.cli import app
from motion_agent.cli.chat import _ABILITIES, _SHOW
from motion_agent.motion_core.abilities import known_actions
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.formats import read_motion
from motion_agent.motion_core.motion import Motion


@pytest.fixture
def agent(tmp_path: Path) -> MotionAgent:
    agent = MotionAgent(engine=FakeEngine(), workspace=tmp_path)
    agent.run("a person walks, then waves")
    agent.run("make a new motion: a person dances")
    return agent


def ids(agent: MotionAgent) -> list[str]:
    return [next(iter(timeline.motions.values())) for timeline in agent.timelines()]


def test_an_id_opens_its_motion(agent: MotionAgent) -> None:
    turn = agent.run(f"open {ids(agent)[0]}")
    assert turn.name == "motion 1"
    assert "understand English" not in turn.reply


@pytest.mark.parametrize("opening", ["open", "go back to", "switch to"])
def test_a_motion_is_opened_and_changed_in_one_sentence(agent: MotionAgent, opening: str) -> None:
    before = agent.timelines()
    turn = agent.run(f"{opening} motion 1 and let him jump at the end")
    assert turn.name == "motion 1"
    assert agent.timelines()[0].segments[:2] == before[0].segments
    assert agent.timelines()[0].segments[2].description == "a person jumps"
    assert agent.timelines()[1] == before[1]


def test_an_id_is_looked_at(agent: MotionAgent) -> None:
    assert "motion 1 I see" in agent.run(f"what does {ids(agent)[0]} show?").reply


@pytest.mark.parametrize("reference", ["motion 1", "{id}", "the first motion"])
def test_any_motion_is_exported(agent: MotionAgent, tmp_path: Path, reference: str) -> None:
    turn = agent.run(f"export {reference.format(id=ids(agent)[0])} as y.glb")
    assert [Path(file).name for file in turn.files] == ["y.glb"]
    assert turn.name == "motion 1"
    assert str(tmp_path / "y.glb") in turn.reply  # it says where


@pytest.mark.parametrize("reference", ["motion 2", "{id}"])
def test_the_current_motion_is_exported_by_its_name_too(agent: MotionAgent, reference: str) -> None:
    turn = agent.run(f"export {reference.format(id=ids(agent)[1])} as y.glb")
    assert [Path(file).name for file in turn.files] == ["y.glb"]


def test_an_edit_of_another_motion_leaves_the_current_one(agent: MotionAgent) -> None:
    before = agent.timelines()
    turn = agent.run("make motion 1 slower")
    assert turn.name == "motion 1"
    assert agent.timelines()[1] == before[1]
    assert agent.timelines()[0].segments != before[0].segments
    agent.run("add a jump to motion 2")
    assert agent.timelines()[1].segments[-1].description == "a person jumps"


@pytest.mark.parametrize("request_", ["another take of {}", "try another version of {}", "redo {}"])
@pytest.mark.parametrize("reference", ["motion 1", "the first motion", "{id}"])
def test_another_take_of_a_motion_is_of_that_one(
    agent: MotionAgent, request_: str, reference: str
) -> None:
    before = agent.timelines()
    turn = agent.run(request_.format(reference.format(id=ids(agent)[0])))
    after = agent.timelines()
    assert turn.name == "motion 1"
    assert after[1] == before[1]
    assert [s.seed for s in after[0].segments] != [s.seed for s in before[0].segments]


@pytest.mark.parametrize(
    "request_", ["delete motion 1", "remove {id}", "export both motions as bvh"]
)
def test_what_would_touch_several_motions_changes_none(agent: MotionAgent, request_: str) -> None:
    before = agent.timelines()
    turn = agent.run(request_.format(id=ids(agent)[0]))
    assert agent.timelines() == before
    assert not turn.files


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("how long is {id}?", "s1: a person walks"),
        ("how many segments does motion 1 have?", "There are 2 segments."),
        ("how long is the walk in motion 1?", "s1 (a person walks) lasts"),
        ("how long is it?", "s1: a person dances"),
    ],
)
def test_length_and_parts_of_another_motion(agent: MotionAgent, request_: str, answer: str) -> None:
    assert answer in agent.run(request_.format(id=ids(agent)[0])).reply


@pytest.mark.parametrize("request_", ["play motion 1", "watch {id}", "show me the first motion"])
def test_to_play_a_motion_is_to_open_it(agent: MotionAgent, request_: str) -> None:
    turn = agent.run(request_.format(id=ids(agent)[0]))
    assert (turn.name, len(agent.timelines())) == ("motion 1", 2)


def test_a_motion_of_an_earlier_conversation_is_exported_by_its_id(agent: MotionAgent) -> None:
    turn = agent.run(f"export {ids(agent)[0]} as z.glb", thread="another")
    assert [Path(file).name for file in turn.files] == ["z.glb"]


def test_a_language_model_is_asked_with_names(tmp_path: Path) -> None:
    model = ScriptedChatModel(
        script=[plan_text(step(description="a person walks")), "Done.", plan_text(), "Done."]
    )
    agent = MotionAgent(model, engine=FakeEngine(), workspace=tmp_path)
    motion_id = agent.run("walk").motion_id
    agent.run(f"what does {motion_id} show?")
    assert model.questions[2][-1].text.endswith("User: what does motion 1 show?")


@pytest.mark.parametrize(
    "request_", ["show it", "play it", "Show me.", "let me see", "view it please"]
)
def test_show_it_opens_the_viewer_in_a_chat(request_: str) -> None:
    assert _SHOW.fullmatch(request_)


@pytest.mark.parametrize("request_", ["show me a man who walks", "play the violin", "watch out"])
def test_what_shows_an_action_does_not(request_: str) -> None:
    assert not _SHOW.fullmatch(request_)


def cli(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_another_take_never_overwrites_the_first(tmp_path: Path) -> None:
    arguments = (
        "run",
        "a person walks",
        "--engine",
        "fake",
        "--format",
        "npz",
        "--out",
        str(tmp_path),
    )
    for seed in ("0", "1", "2"):
        assert cli(*arguments, "--seed", seed)[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a-person-walks-2.npz",
        "a-person-walks-3.npz",
        "a-person-walks.npz",
    ]


def test_three_takes_are_put_side_by_side(tmp_path: Path) -> None:
    arguments = ("run", "a person walks", "--engine", "fake", "--takes", "3", "--json")
    code, out, _ = cli(*arguments, "--format", "npz,gif", "--out", str(tmp_path))
    assert code == 0
    takes = [take["id"] for take in json.loads(out)["takes"]]
    assert len(set(takes)) == 3
    names = ["a-person-walks.npz", "a-person-walks-2.npz", "a-person-walks-3.npz"]
    assert [read_motion(tmp_path / name).id for name in names] == takes
    shown = tmp_path / "a-person-walks-takes.gif"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, shown.name])
    one = tmp_path / "one.gif"
    assert cli("render", str(tmp_path / names[0]), "--out", str(one))[0] == 0
    assert picture_width(shown) > picture_width(one)


def picture_width(path: Path) -> int:
    return int.from_bytes(path.read_bytes()[6:8], "little")


def test_an_export_in_words_and_by_command_go_to_one_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTION_AGENT_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    lines = "a person walks\n/export bvh\nexport it as walk.bvh\n/export bvh\n"
    arguments = ["chat", "--engine", "fake", "--workspace", "mine"]
    result = CliRunner().invoke(app, arguments, input=lines)
    written = sorted((tmp_path / "mine").iterdir())
    assert len(written) == 3  # the second of one name is numbered
    assert all(str(path.resolve()) in result.stdout for path in written)
    assert {path.name for path in tmp_path.iterdir()} == {"data", "mine"}


def test_what_could_not_be_done_has_its_exit_code(tmp_path: Path) -> None:
    arguments = ("run", "the weather", "--engine", "fake", "--out", str(tmp_path))
    code, out, err = cli(*arguments)
    assert code == 1
    assert err.strip()
    code, out, _ = cli(*arguments, "--json")
    assert (code, json.loads(out)["error"]["exit_code"]) == (1, 1)


def test_a_sentence_without_quotes_is_told_so() -> None:
    code, _, err = cli("run", "A", "person", "bows")
    assert code == 2
    assert 'put the sentence in quotes: "A person bows"' in " ".join(err.split())


def test_help_is_a_command() -> None:
    assert "Usage: " in cli("help")[1]
    assert "TEXT" in cli("help", "run")[1]


def test_the_actions_that_the_model_knows_are_listed() -> None:
    code, out, _ = cli("actions", "--engine", "fake", "--json")
    assert code == 0
    found = json.loads(out)["actions"]
    assert "a person walks" in found
    assert "a person surfs" not in found
    engine = FakeEngine()
    assert found == known_actions(engine)
    assert all(not engine.coverage(sentence).unknown for sentence in found)
    assert _ABILITIES.fullmatch("What actions do you know?")


def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *lines: str) -> tuple[str, list[str]]:
    """What a chat says to these lines, and the descriptions of the motions that it showed."""
    shown: list[str] = []

    def show(people: list[Motion], *_: object, **__: object) -> None:
        shown.append(people[0].segments[0].description)

    monkeypatch.setenv("MOTION_AGENT_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(import_module("motion_agent.cli.render"), "show_page", show)
    told = ["chat", "--engine", "fake", "--workspace", str(tmp_path)]
    result = CliRunner().invoke(app, told, input="\n".join([*lines, ""]))
    return result.stdout + result.stderr, shown


def test_words_of_a_chat_open_the_viewer_on_the_motion_that_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ("a person walks", "call it stroll", "make a new motion: a person dances")
    asked = ("show it", "play motion 1", "show me stroll", "/view the first motion", "/view 9")
    text, shown = talk(tmp_path, monkeypatch, *made, *asked)
    assert shown == ["a person dances", *["a person walks"] * 3]
    assert "there is no motion '9'" in text


def test_a_chat_tells_its_abilities_and_what_is_near(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("What actions do you know?", "what can you do?", "/actions a person wallks")
    text, _ = talk(tmp_path, monkeypatch, *asked)
    listed = " ".join(text.split())
    verbs = ", ".join(action.removeprefix("a person ") for action in known_actions(FakeEngine()))
    assert listed.count(f"a person {verbs}") == 2
    assert listed.count('for example: "a person bows, then jumps"') == 2
    assert "not in the training captions: wallks the nearest known: a person walks" in listed


def test_every_action_that_is_listed_can_be_made(tmp_path: Path) -> None:
    agent = MotionAgent(engine=FakeEngine(), workspace=tmp_path)
    for number, sentence in enumerate(known_actions(FakeEngine())):
        turn = agent.run(sentence, thread=str(number))
        assert turn.plan is not None
        assert [step["tool"] for step in turn.plan["plan"]] == ["generate_motion"], sentence
        assert "not trained on" not in turn.reply


def test_a_name_is_understood_wherever_a_motion_can_be_meant(agent: MotionAgent) -> None:
    agent.run("call it ballet")
    assert agent.run("open motion 1").name == "motion 1"
    assert agent.run("open ballet").name == "ballet"
    assert "ballet I see" in agent.run("what does ballet show?").reply
    agent.run("open motion 1")
    turn = agent.run("export ballet as b.npz")
    assert (turn.name, [Path(file).name for file in turn.files]) == ("ballet", ["b.npz"])
    agent.run("open motion 1")
    assert agent.run("make ballet slower").name == "ballet"
