"""Nothing stale is printed: what made a conversation is compared with what would make it now."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from ablation_planners import Moody
from fakes import ScriptedChatModel, plan_text, step
from typer.testing import CliRunner

from motion_agent.ablation import fingerprint as fingerprints
from motion_agent.ablation.records import FILE, Records
from motion_agent.ablation.runner import Ablation, Result, run
from motion_agent.ablation.scenario import SUITE, Suite, load_suite
from motion_agent.ablation.scoring import score
from motion_agent.ablation.strategy import Cell, cells_of
from motion_agent.agent_graph.planners import ChatPlanner, Planner
from motion_agent.cli.ablate import ablate
from motion_agent.motion_core.errors import ConfigurationError, InputError, UnavailableError
from motion_agent.motion_core.fake import FakeEngine

IDS = ("single-wave", "sequence-jump-sit")
app = typer.Typer()
app.command()(ablate)


def toys() -> Suite:
    return load_suite().choose(ids=IDS)


class Counted:
    """Opens moody planners and counts how often they are asked."""

    def __init__(self) -> None:
        self.questions = 0

    def __call__(self, cell: Cell, seed: int) -> Planner:
        def count() -> None:
            self.questions += 1

        return Moody(seed, count)


def play(records: Records, suite: Suite | None = None, **changes: int) -> tuple[Result, int]:
    opened = Counted()
    cells = cells_of(["test:moody"], ["ladder"])
    experiment = Ablation(suite or toys(), cells, **changes)  # type: ignore[arg-type]
    return run(experiment, records, open_planner=opened), opened.questions


def edited(suite: Suite, **changes: object) -> Suite:
    first = suite[0]
    turn = first.turns[0].model_copy(update=changes)
    return Suite([first.model_copy(update={"turns": (turn,)}), *suite[1:]], suite.about)


@pytest.fixture
def records() -> Records:
    records = Records()
    assert play(records) == (Result(2, 2, None, {}, 0, 0.0), 2) or records.conversations
    return records


def test_what_is_the_same_is_not_asked_again(records: Records) -> None:
    assert play(records)[1] == 0
    assert score(records, toys()).stale == {}


def test_an_edited_question_is_asked_again_and_the_old_plan_never_shown(records: Records) -> None:
    suite = edited(toys(), say="somebody hops")
    assert score(records, suite).stale == {"scenario": 1}
    assert [turn.scenario.id for turn in score(records, suite).turns] == [suite[1].id]
    assert score(records, suite, as_recorded=True).stale == {"scenario": 1}
    assert play(records, suite)[1] == 1
    requests = {turn.request for turn in score(records, suite).turns}
    assert "somebody hops" in requests


def test_an_edited_check_is_made_anew_without_asking(records: Records) -> None:
    suite = edited(toys(), expect=toys()[1].turns[0].expect)
    assert play(records, suite)[1] == 0
    assert score(records, suite).stale == {}


def test_another_seed_is_another_experiment(records: Records) -> None:
    result, calls = play(records, seed=99)
    assert (result.done, calls) == (2, 2)
    scores = score(records, toys())
    assert {origin["seed"] for origin in scores.fingerprints} == {"99"}
    assert play(records)[1] == 0  # the answers of the first seed are still there
    assert {origin["seed"] for origin in score(records, toys()).fingerprints} == {"0"}


def test_a_seed_whose_run_was_cut_short_is_not_mixed_with_the_old_one(records: Records) -> None:
    play(records, toys().choose(ids=IDS[:1]), seed=99)
    scores = score(records, toys())
    assert [turn.scenario.id for turn in scores.turns] == [IDS[0]]
    assert scores.stale == {"seed": 1}


def _other_prompts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fingerprints, "_prompts", lambda: "others")


def _other_version(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fingerprints, "_version", lambda package: "99.0")


def _other_schema(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fingerprints, "_schema", lambda: "another")


@pytest.mark.parametrize(
    ("change", "part"),
    [(_other_prompts, "prompts"), (_other_version, "versions"), (_other_schema, "schema")],
)
def test_prompts_versions_and_schema_of_today_count(
    records: Records,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[pytest.MonkeyPatch], None],
    part: str,
) -> None:
    change(monkeypatch)
    scores = score(records, toys())
    assert (scores.turns, scores.stale) == ((), {part: 2})
    recorded = score(records, toys(), as_recorded=True)
    assert (len(recorded.turns), recorded.changed) == (2, {part: 2})
    play(records)
    assert score(records, toys()).stale == {}


def test_another_server_is_another_model(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell("openai:local", "ladder")
    names = []
    for url in ("http://127.0.0.1:1/v1", "http://127.0.0.1:2/v1", "https://one.example/v1"):
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        model = fingerprints.model_in_words(cell)
        names.append((model, fingerprints.asking(cell, model=model)))
    assert names[0] == names[1]  # a port that was drawn
    assert names[2][0] == "openai:local at one.example"
    assert names[2][1] != names[0][1]


def test_another_setting_is_another_question(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell("openai:local", "ladder")
    before = fingerprints.asking(cell, model="openai:local")
    monkeypatch.setenv("MOTION_AGENT_MAX_TOKENS", "300")
    assert fingerprints.asking(cell, model="openai:local") != before
    assert fingerprints.settings_in_words(short=True) == "short prompts, MAX_TOKENS 300"


def test_another_engine_is_another_experiment(records: Records) -> None:
    cells = cells_of(["test:moody"], ["ladder"])
    run(Ablation(toys(), cells), records, engine=FakeEngine(), open_planner=Counted())
    assert {origin["engine"] for origin in score(records, toys()).fingerprints} == {FakeEngine.name}


def test_other_code_plays_again_what_was_answered(
    records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprints, "_code", lambda: "newer")
    result, asked = play(records)
    assert (result.done, asked) == (2, 2)  # this planner is code that may use ours
    model = ScriptedChatModel(script=[plan_text(step(description="a person bows"))] * 2)
    cells = cells_of(["test:model"], ["ladder"])
    for code, asked in (("newest", 2), ("newer than that", 2)):  # a language model is not
        monkeypatch.setattr(fingerprints, "_code", lambda code=code: code)
        opened = ChatPlanner(model, name="test:model", strategy="prompt")
        result = run(Ablation(toys(), cells), records, open_planner=lambda *_, p=opened: p)
        assert (result.done, len(model.questions)) == (2, asked)


def test_records_without_a_fingerprint_are_scored_only_as_recorded(records: Records) -> None:
    for name, conversation in list(records.conversations.items()):
        old = {**conversation.__dict__, "fingerprint": {}}
        records.conversations[name] = type(conversation)(**old)
    assert score(records, toys()).stale == {"fingerprint": 2}
    assert score(records, toys(), as_recorded=True).changed == {"fingerprint": 2}
    suite = edited(toys(), say="somebody hops")  # never the new question beside the old plan
    assert score(records, suite, as_recorded=True).stale == {"fingerprint": 1}


def run_cli(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_replay_refuses_what_would_be_otherwise_today(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = ("--out", str(tmp_path / "out"))
    run_cli("--planner", "offline", "--scenario", "single-wave", *out)
    run_cli("--replay", *out)
    with monkeypatch.context() as patched:
        _other_version(patched)
        with pytest.raises(InputError, match=r"changed since.*versions: 1.*run again without"):
            run_cli("--replay", *out)
        run_cli("--replay", "--as-recorded", *out)
        report = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
        assert "**1 conversations as recorded, though these have changed**: versions" in report
    suite = tmp_path / "suite"
    shutil.copytree(SUITE, suite)
    file = suite / "single.yaml"
    [scenario] = load_suite().choose(ids=["single-wave"])
    file.write_text(file.read_text().replace(scenario.turns[0].say, "somebody hops"))
    with pytest.raises(InputError, match="scenario: 1"):
        run_cli("--replay", "--suite", str(suite), *out)


def test_the_header_tells_the_seed_that_was_used(tmp_path: Path) -> None:
    out = ("--planner", "offline", "--scenario", "single-wave", "--out", str(tmp_path))
    run_cli(*out)
    run_cli(*out, "--seed", "99")
    assert "- seed: 99\n" in (tmp_path / "report.md").read_text(encoding="utf-8")
    lines = (tmp_path / FILE).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["kind"] for line in lines].count("conversation") == 2


@pytest.mark.parametrize(
    ("planner", "kind", "message"),
    [
        ("olama:llama3", ConfigurationError, "did you mean 'ollama'"),
        ("openai:gpt-4o", UnavailableError, "OPENAI_API_KEY is not set"),
        ("nobody.py:me", ConfigurationError, "nobody.py cannot be read"),
    ],
)
def test_a_planner_that_there_is_not_ends_it_before_all_else(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    planner: str,
    kind: type[Exception],
    message: str,
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(kind, match=message):
        run_cli("--planner", planner, "--first", "1", "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_ctrl_c_leaves_a_report_of_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 0

    def interrupt() -> None:
        nonlocal count
        count += 1
        if count > 1:
            raise KeyboardInterrupt

    opened = lambda cell, **_: Moody(0, interrupt)  # noqa: E731
    monkeypatch.setattr("motion_agent.ablation.runner.open_planner", opened)
    monkeypatch.setattr("motion_agent.ablation.strategy.open_planner", opened)
    arguments = ["--planner", "test:moody", "--strategy", "ladder", "--family", "single"]
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path)])
    assert result.exit_code == 130
    assert "| test:moody, ladder | 1 |" in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_a_server_that_is_away_ends_with_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    with pytest.raises(UnavailableError, match="no server answers"):
        run_cli(
            *("--planner", "openai:local", "--strategy", "ladder", "--family", "single"),
            *("--first", "3", "--out", str(tmp_path)),
        )
    assert not (tmp_path / "report.md").exists()
