"""The command ``ablate``: from a planner's name to a report, without a network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from fakes import openai_server
from typer.testing import CliRunner

from motion_agent.ablation.records import FILE
from motion_agent.cli.ablate import ablate
from motion_agent.motion_core.errors import InputError

app = typer.Typer()
app.command()(ablate)

GOOD = '{"reasoning": "", "plan": [{"tool": "generate_motion", "description": "a man waves"}]}'


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_the_offline_planner_gets_a_report(tmp_path: Path) -> None:
    out = run("--planner", "offline", "--family", "single", "--out", str(tmp_path))
    assert "| offline, rules | 11 | 100 %" in out
    for name in ("report.md", "failures.md", "cells.csv", "turns.csv", "report.html", FILE):
        assert (tmp_path / name).is_file()


def test_replay_makes_the_same_report_and_asks_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run("--planner", "offline", "--scenario", "edit-append", "--out", str(tmp_path))
    records = (tmp_path / FILE).read_bytes()
    monkeypatch.setattr("motion_agent.ablation.runner.open_planner", None)
    again = run("--replay", "--out", str(tmp_path))
    assert [line for line in again.splitlines() if line.startswith("|")] == [
        line for line in first.splitlines() if line.startswith("|")
    ]
    assert (tmp_path / FILE).read_bytes() == records


def test_every_strategy_over_http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "sk-test-abcdefghijklmnop"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with openai_server() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        prose = "I cannot say."
        # prompt, ladder and reask share the first answer; reask asks once more.
        server.answers += [prose, GOOD, GOOD, GOOD]
        out = run(
            *("--planner", "openai:toy", "--scenario", "single-wave"),
            *("--temperature", "0.2", "--seed", "5", "--out", str(tmp_path)),
        )
    assert len(server.requests) == 4
    assert [r["seed"] for r in server.requests] == [5] * 4
    assert "response_format" in server.requests[2]
    assert server.requests[3]["tools"][0]["function"]["name"] == "motion_plan"
    rows = {row.split(",")[1].strip(): row for row in out.splitlines() if "openai:toy" in row}
    assert set(rows) == {"prompt", "ladder", "reask", "schema", "tools"}
    log = (tmp_path / FILE).read_text(encoding="utf-8")
    assert key not in log
    turns = [
        record["turns"][0]["asks"][-1]["rung"]
        for record in map(json.loads, log.splitlines())
        if record["kind"] == "conversation"
    ]
    assert turns == [None, None, "json", "json", "json"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give at least one --planner"),
        (["--planner", "offline", "--temperature", "warm"], "--temperature is 'warm'"),
        (["--planner", "offline", "--family", "sport"], "no family 'sport'"),
        (["--replay"], "no recorded conversations"),
        (["--planner", "offline", "--motionllm", "x"], "exclude each other"),
    ],
)
def test_what_cannot_be_done_is_told(tmp_path: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(*arguments, "--out", str(tmp_path / "out"))
