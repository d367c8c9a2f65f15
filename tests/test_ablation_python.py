"""Ablations from Python, with planners of one's own; what one costs, told beforehand."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ablation_planners import Moody, Says, make, plan
from fakes import ScriptedChatModel
from typer.testing import CliRunner

from motion_agent.ablation import ablate, load_suite
from motion_agent.ablation.checks import check_turn
from motion_agent.ablation.new_suite import new_suite
from motion_agent.ablation.scenario import Expect, Scenario, Turn
from motion_agent.ablation.statistics import Paired, Share, corrected
from motion_agent.cli import app
from motion_agent.motion_core.errors import ConfigurationError, InputError

WAVE = plan(*make("a person waves"))
PAGE = Path(__file__).parent.parent / "docs" / "how-to" / "scenarios.md"


def cli(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["ablate", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_chat_model_object_is_a_planner() -> None:
    suite = load_suite().choose(ids=["single-wave"])
    model = ScriptedChatModel(script=["no plan", WAVE])
    report = ablate([model, "offline"], suite=suite)
    assert [s.cell.name for s in report.tables.summaries] == [
        "ScriptedChatModel, reask",
        "offline, rules",
    ]
    assert [s.passed.count for s in report.tables.summaries] == [1, 1]
    assert "| ScriptedChatModel, reask | 1 | 0 %" in report._repr_markdown_()
    latex = report.to_latex()
    assert "{ScriptedChatModel} \\\\\n    \\quad reask & 1 & " in latex


def test_a_planner_of_ones_own_and_names_of_ones_own(tmp_path: Path) -> None:
    suite = load_suite().choose(ids=["single-wave"])
    report = ablate({"mine": Says(WAVE), "moody": Moody()}, suite=suite, out=tmp_path)
    assert [s.cell.name for s in report.tables.summaries] == ["mine, rules", "moody, rules"]
    assert (tmp_path / "records.jsonl").is_file()
    assert {path.name for path in report.write(tmp_path)} > {"report.md", "table.tex"}


def test_two_planners_of_one_name_are_told_apart_or_refused() -> None:
    with pytest.raises(ConfigurationError, match="two planners are called 'test:moody'"):
        ablate([Moody(), Moody(1)])
    with pytest.raises(ConfigurationError, match="give a list"):
        ablate("offline")


SOURCE = """
from motion_agent.agent_graph.planners import Answer

class Waver:
    name, tries = "waver", 1
    def ask(self, task):
        return Answer('{"reasoning": "", "plan": [{"tool": "generate_motion",'
                      ' "description": "a person waves"}]}')
    def reply(self, request, facts):
        return None

ready = Waver()
"""


@pytest.mark.parametrize("name", ["Waver", "ready"])
def test_a_planner_of_a_python_file(tmp_path: Path, name: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(SOURCE)
    planner = f"{file}:{name}"
    out = ("--strategy", "ladder", "--scenario", "single-wave", "--out", str(tmp_path / "out"))
    assert f"| {planner}, ladder | 1 | 100 %" in cli("--planner", planner, *out)
    file.write_text(SOURCE.replace("waves", "sleeps"))  # its source is in the fingerprint
    output = cli("--planner", planner, *out)
    assert "a person sleeps" in (tmp_path / "out" / "failures.md").read_text()
    assert output.count(f"| {planner}, ladder | 1 |") == 1


@pytest.mark.parametrize(
    ("source", "message"),
    [("x = 1", "no 'planner' in"), ("1 / 0", "ZeroDivisionError"), ("planner = 3", "int is no")],
)
def test_a_wrong_python_file_is_told(tmp_path: Path, source: str, message: str) -> None:
    (tmp_path / "mine.py").write_text(source)
    arguments = ["ablate", "--planner", f"{tmp_path}/mine.py:planner", "--out", str(tmp_path / "o")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_a_new_suite_can_be_played_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "suite"
    assert str(folder / "mine.yaml") in cli("new-suite", str(folder))
    out = cli("--planner", "offline", "--suite", str(folder), "--out", str(tmp_path / "out"))
    assert "| offline, rules | 4 | 100 %" in out
    with pytest.raises(InputError, match="not empty"):
        new_suite(folder)


def test_what_it_takes_is_told_and_nobody_is_asked(tmp_path: Path) -> None:
    out = ("--scenario", "single-wave", "--dry-run", "--out", str(tmp_path / "out"))
    file = tmp_path / "mine.py"
    file.write_text(SOURCE)
    output = cli("--planner", f"{file}:Waver", "--repeats", "3", "--strategy", "reask", *out)
    assert "3 calls (9 with every re-ask)" in output
    assert f"no price is known for: {file}:Waver" in output
    facts = json.loads(cli("--planner", "offline", *out, "--json"))
    assert facts["estimates"][0]["calls"] == 1
    assert facts["estimates"][0]["dollars"] == 0
    assert not (tmp_path / "out").exists()


def test_latex_and_json_on_stdout(tmp_path: Path) -> None:
    out = ("--planner", "offline", "--scenario", "single-wave", "--out", str(tmp_path))
    assert r"\begin{tabular}" in cli(*out, "--latex")
    facts = json.loads(cli(*out, "--json", "--quiet"))
    assert facts["tables"][0]["rows"][0]["planner, strategy, temperature"] == "offline, rules"


def test_repetitions_of_one_scenario_are_one_case() -> None:
    alike = Share.of([True] * 10 + [False] * 10, ["a"] * 10 + ["b"] * 10)
    assert alike.interval == pytest.approx(Share(1, 2).interval)
    apart = Share.of([True] * 10 + [False] * 10, list(range(20)))
    assert apart.interval == Share(10, 20).interval
    once = Paired.of([(True, False)] * 10)
    assert once.p == pytest.approx(2 / 2**10)
    assert Paired.of([(True, False)] * 10, ["a"] * 10).p == 1


def test_p_values_are_corrected_for_their_number() -> None:
    assert corrected([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert corrected([]) == []
    assert corrected([0.9, 0.8]) == [1.0, 1.0]


def test_the_page_explains_every_field_and_every_fault() -> None:
    text = PAGE.read_text(encoding="utf-8")
    fields = {*Expect.model_fields, *Scenario.model_fields, *Turn.model_fields, "about"}
    sources = Path(check_turn.__code__.co_filename).parent.glob("*check*.py")
    faults = {
        name
        for path in sources
        for name in re.findall(r'(?:yield|Finding\(.*?,) "([a-z]+_[a-z]+)"', path.read_text())
    }
    assert len(faults) > 10
    assert sorted(name for name in fields | faults if f"`{name}`" not in text) == []
