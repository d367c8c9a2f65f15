"""An action that training did not know is answered with the nearest ones that it did."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from fakes import ScriptedChatModel, plan_text, step
from typer.testing import CliRunner

from motion_agent import MotionAgent, motion_tools
from motion_agent.cli import app
from motion_agent.motion_core.abilities import known_actions, nearest_actions
from motion_agent.motion_core.engine import Coverage, unknown_words
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.motion import FloatArray

MEANING = {  # on foot, with the arms, in the air
    "walks": (1, 0, 0), "runs": (0.9, 0, 0.2), "waves": (0, 1, 0), "claps": (0.1, 0.9, 0),
    "jumps": (0.2, 0, 1), "moonwalks": (1, 0, 0.05), "salutes": (0, 1, 0.05), "harp": (0, 0.9, 0.1),
}  # fmt: skip


class Meaningful(FakeEngine):
    """An engine whose sentences mean what their last words mean."""

    asked: Sequence[str] = ()

    def coverage(self, description: str) -> Coverage:
        known = ("a", "person", "man", "and", "then", "the", *list(MEANING)[:5])
        unknown = [word for word in description.lower().split() if word not in known]
        return Coverage(0.0 if unknown else 1.0, tuple(unknown))

    def meanings(self, texts: Sequence[str]) -> FloatArray:
        self.asked = texts
        return np.array([MEANING.get(text.split()[-1], (0.5, 0.5, 0.5)) for text in texts])


@pytest.mark.parametrize(
    ("description", "nearest"),
    [
        ("a person moonwalks", ("walks", "runs")),
        ("a person salutes", ("waves", "claps")),
        ("the man plays the harp", ("waves", "claps")),
        ("a person wallks", ("walks",)),  # a slip of the pen comes before what is near
        ("a person walks", ()),
        ("ein 人", ()),
    ],
)
def test_the_nearest_in_meaning_come_first(description: str, nearest: tuple[str, ...]) -> None:
    found = nearest_actions(Meaningful(), [description], count=2)
    assert found[: len(nearest)] == tuple(f"a person {verb}" for verb in nearest)
    assert (found == ()) is (nearest == ())


def test_what_is_near_is_what_this_engine_knows() -> None:
    engine = Meaningful()
    known = ("claps", "jumps", "runs", "walks", "waves")
    assert known_actions(engine) == [f"a person {verb}" for verb in known]
    nearest_actions(engine, ["a man strides and moonwalks", "a person walks"])
    assert engine.asked[-1] == "a person strides"  # from the verb to what is unknown, no further
    assert len(engine.asked) == 6


def test_each_unknown_action_has_its_nearest_before_any_has_a_second() -> None:
    two = nearest_actions(Meaningful(), ["a person moonwalks", "a person salutes"], count=2)
    assert two == ("a person walks", "a person waves")


def test_an_engine_without_meanings_mends_a_slip_and_guesses_nothing() -> None:
    assert nearest_actions(FakeEngine(), ["a person wallks"]) == ("a person walks",)
    assert nearest_actions(FakeEngine(), ["a person yodels"]) == ()
    assert unknown_words(FakeEngine(), ["a person yodels"]) == ["yodels"]


@pytest.mark.parametrize("planner", ["offline", "model"])
def test_every_planners_reply_names_them(tmp_path: Path, planner: str) -> None:
    model = ScriptedChatModel(
        script=[plan_text(step(description="a person moonwalks")), "Here he goes."]
    )
    chosen = model if planner == "model" else "offline"
    reply = MotionAgent(chosen, engine=Meaningful(), workspace=tmp_path).run("he moonwalks").reply
    assert "I was not trained on 'moonwalks'; the result may not show it." in reply
    assert "The nearest that I know: a person walks, a person runs, a person jumps." in reply
    if planner == "model":  # it is told, too
        assert "a person walks, a person runs" in model.questions[1][0].text


def test_tools_tell_them_to_the_model_and_to_the_host() -> None:
    generate = next(tool for tool in motion_tools(Meaningful()) if tool.name == "generate_motion")
    call = {"name": generate.name, "args": {"descriptions": ["a person moonwalks"]}, "id": "1"}
    message = generate.invoke({**call, "type": "tool_call"})
    assert (
        "The nearest that it knows: a person walks, a person runs, a person jumps." in message.text
    )
    assert message.artifact["nearest_actions"][0] == "a person walks"


def test_the_command_tells_what_is_near_to_an_action(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["actions", "a person wallks", "--engine", "fake", "--json"])
    assert (result.exit_code, json.loads(result.stdout)["nearest_actions"]) == (
        0,
        ["a person walks"],
    )
    made = ["generate", "a person wallks", "--engine", "fake", "--format", "npz", "--json"]
    told = json.loads(CliRunner().invoke(app, [*made, "--out", str(tmp_path)]).stdout)
    assert told["nearest_actions"] == ["a person walks"]
