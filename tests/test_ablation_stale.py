"""What a name does not say counts too: nothing that another thing of that name made is printed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from ablation_planners import Moody, make, plan
from fakes import ScriptedChatModel
from langchain_openai import ChatOpenAI
from typer.testing import CliRunner

from motion_agent.ablation import Suite, ablate, load_suite, score
from motion_agent.ablation import fingerprint as fingerprints
from motion_agent.ablation.identity import engine_in_words, identity_of, served_model
from motion_agent.ablation.judge import current_judgements, judge_turns
from motion_agent.ablation.records import Records
from motion_agent.ablation.runner import Ablation, run
from motion_agent.ablation.strategy import Cell, cells_of
from motion_agent.agent_graph import planners
from motion_agent.agent_graph.planners import Answer, ChatPlanner, Task
from motion_agent.agent_graph.scope import ANY
from motion_agent.cli import app
from motion_agent.motion_core.engines import load_engine
from motion_agent.motion_core.fake import FakeEngine

WAVE, BOW = plan(*make("a person waves")), plan(*make("a person bows"))


def wave() -> Suite:
    return load_suite().choose(ids=["single-wave"])


def cli(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["ablate", *arguments])
    return result.exit_code, result.output


# ---- the model -------------------------------------------------------------------------------


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A server of OpenAI's protocol that says what it serves: the facts that it is given."""
    facts: dict[str, Any] = {"meta": {"n_params": 135}}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told = json.dumps({"data": [{"id": "small", "created": id(self), **facts}]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as httpd:
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{httpd.server_port}/v1")
        thread = threading.Thread(target=httpd.serve_forever, daemon=True)
        thread.start()
        yield facts
        httpd.shutdown()
        thread.join()


def test_other_weights_behind_one_server_are_asked_again(server: dict[str, Any]) -> None:
    records, asked = Records(), []
    cells = cells_of(["openai:small"], ["ladder"])

    def play() -> int:
        before = len(asked)
        run(
            Ablation(wave(), cells),
            records,
            open_planner=lambda *_: Moody(0, lambda: asked.append(1)),
        )
        return len(asked) - before

    assert (play(), play()) == (1, 0)
    server["meta"] = {"n_params": 360}
    assert (play(), play()) == (1, 0)
    assert score(records, wave()).stale == {}


def test_a_silent_server_is_taken_for_what_it_was(
    server: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    records = Records()
    experiment = Ablation(wave(), cells_of(["openai:small"], ["ladder"]))
    run(experiment, records, open_planner=lambda *_: Moody())
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    assert served_model("openai", "openai:small") == ""
    refuse: Callable[..., Any] = lambda *_: pytest.fail("nobody is asked")  # noqa: E731
    assert run(experiment, records, open_planner=refuse).done == 1
    assert len(score(records, wave()).turns) == 1


def test_a_chat_model_object_with_other_settings_is_asked_again(tmp_path: Path) -> None:
    for answer, words in ((WAVE, "a person waves"), (BOW, "a person bows"), (WAVE, "waves")):
        model = ScriptedChatModel(script=[answer])
        report = ablate({"mine": model}, suite=wave(), out=tmp_path)
        assert words in report.scores.turns[0].plans[0].plan[0].description
        assert len(model.questions) <= 1
    told = {
        identity_of(ChatOpenAI(model="m", api_key="k", **facts))
        for facts in (
            {},
            {"temperature": 0.5},
            {"base_url": "http://127.0.0.1:1/v1"},
            {"base_url": "http://127.0.0.1:2/v1"},
            {"max_tokens": 9},
        )
    }
    assert len(told) == 5
    again = {identity_of(ChatOpenAI(model="m", api_key=key)) for key in ("k", "another key")}
    assert len(again) == 1  # a key makes no other model, and is in no record


def planner_class(answer: str) -> type:
    class Mine:
        name = "mine"
        tries = 1

        def ask(self, task: Task) -> Answer:
            return Answer(answer)

        def reply(self, request: str, facts: str) -> str | None:
            return None

    return Mine


def test_a_planner_object_with_other_values_is_asked_again(tmp_path: Path) -> None:
    for text in (WAVE, BOW):
        mine = planner_class(text)()
        mine.answer = text
        report = ablate([mine], suite=wave(), out=tmp_path)
        assert report.scores.turns[0].plans[0].plan[0].description in text


PLANNER_FILE = """
from words import TEXT
from motion_agent.agent_graph.planners import Answer

class Mine:
    name, tries = "mine", 1
    def ask(self, task):
        return Answer(TEXT)
    def reply(self, request, facts):
        return None
"""


def test_what_a_planner_file_imports_counts_in_a_run_and_in_a_replay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    file, out = tmp_path / "my.py", tmp_path / "out"
    file.write_text(PLANNER_FILE)
    (tmp_path / "words.py").write_text(f"TEXT = {WAVE!r}")
    told = ("--planner", f"{file}:Mine", "--strategy", "prompt", "--scenario", "single-wave")
    assert cli(*told, "--out", str(out))[0] == 0
    assert cli("--replay", "--out", str(out))[0] == 0
    (tmp_path / "words.py").write_text(f"TEXT = {BOW!r}  # changed")
    code, output = cli("--replay", "--out", str(out))
    assert (code, "model: 1" in " ".join(output.split())) == (2, True)


# ---- the question ----------------------------------------------------------------------------


def test_another_schema_for_the_request_is_another_question() -> None:
    model = ChatOpenAI(model="small", api_key="k", base_url="http://127.0.0.1:1/v1")
    planner, task = ChatPlanner(model, strategy="schema"), Task("a person waves")
    before = planner.sends(task)
    assert planner.sends(task) == before
    with patch.object(planners, "scope_of", lambda *_, **__: ANY):
        assert planner.sends(task) != before
    warmer = ChatPlanner(model.model_copy(update={"temperature": 0.9}), strategy="schema")
    assert warmer.sends(task) != before


def test_the_rules_of_another_day_are_not_those_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    records = Records()
    run(Ablation(wave(), cells_of(["offline"])), records)
    monkeypatch.setattr(fingerprints, "_code", lambda: "newer")
    assert score(records, wave()).stale == {"code": 1}


# ---- the engine ------------------------------------------------------------------------------

ENGINE_FILE = """
from motion_agent.motion_core.fake import FakeEngine

class Mine(FakeEngine):
    name = "mine"
    def caption(self, takes, *, progress=None, cancel=None):
        return ["a person {verb}" for take in takes]
"""


def test_an_edited_engine_of_a_file_is_another_engine(tmp_path: Path) -> None:
    told = []
    for verb in ("waves", "waves", "bows"):
        file = tmp_path / "engine.py"
        file.write_text(ENGINE_FILE.replace("{verb}", verb))
        told.append(engine_in_words(load_engine(f"{file}:Mine")))
    assert told[0] == told[1] != told[2]
    assert engine_in_words(FakeEngine()) == FakeEngine.name


def test_nothing_is_played_again_with_another_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    records = Records()
    cells = cells_of(["test:moody"], ["ladder"])
    run(Ablation(wave(), cells), records, engine=FakeEngine(), open_planner=lambda *_: Moody())
    monkeypatch.setattr(fingerprints, "_code", lambda: "newer")
    [(reason, count)] = score(records, wave()).stale.items()
    assert (count, "engine" in reason) == (1, True)
    assert score(records, wave(), engine=FakeEngine()).replayed == 1


# ---- runs ------------------------------------------------------------------------------------


def test_a_run_that_ended_before_its_first_answer_leaves_the_finished_one(tmp_path: Path) -> None:
    records, cells = Records(), cells_of(["test:moody"], ["ladder"])

    def stop() -> None:
        raise KeyboardInterrupt

    run(Ablation(wave(), cells), records, open_planner=lambda *_: Moody())
    with pytest.raises(KeyboardInterrupt):
        run(Ablation(wave(), cells, seed=99), records, open_planner=lambda *_: Moody(0, stop))
    assert score(records, wave()).stale == {"seed": 1}
    run(Ablation(wave(), cells), records, open_planner=lambda *_: Moody())
    scores = score(records, wave())
    assert (scores.stale, [made["seed"] for made in scores.fingerprints]) == ({}, ["0"])


def test_a_judgement_of_another_plan_is_not_counted() -> None:
    suite = load_suite().choose(ids=["abstract-proposal"])  # it has a question
    records, cell = Records(), Cell("test:moody", "ladder")
    for text in (WAVE, BOW):
        model = ScriptedChatModel(script=[text])
        opened = ChatPlanner(model, name="test:moody", strategy="prompt")
        run(
            Ablation(suite, [cell], models={"test:moody": text}),
            records,
            open_planner=lambda *_, p=opened: p,
        )
        turns = score(records, suite).turns
        assert current_judgements(turns, records) == []  # none of this plan yet
        judge_turns(ScriptedChatModel(script=["YES"]), "test:judge", turns, records)
        assert len(current_judgements(turns, records)) == 1
    assert len(records.judgements) == 2


@pytest.mark.parametrize(
    "option", [("--seed", "99"), ("--short-prompts",), ("--motion",), ("--repeats", "2")]
)
def test_replay_refuses_options_that_would_change_nothing(
    tmp_path: Path, option: tuple[str, ...]
) -> None:
    code, output = cli("--replay", *option, "--out", str(tmp_path))
    assert (code, f"{option[0]} has no effect with --replay" in " ".join(output.split())) == (
        2,
        True,
    )


def test_replay_scores_what_is_chosen(tmp_path: Path) -> None:
    asked = ("--scenario", "single-wave", "--scenario", "sequence-jump-sit")
    assert cli("--planner", "offline", *asked, "--out", str(tmp_path))[0] == 0
    for chosen, turns in ((asked[:2], 1), (("--family", "sequence"), 1), ((), 2)):
        assert cli("--replay", *chosen, "--out", str(tmp_path))[0] == 0
        text = (tmp_path / "report.md").read_text(encoding="utf-8")
        assert f"- {turns} conversations, {turns} turns" in text
    code, output = cli("--replay", "--planner", "openai:gpt-4o", "--out", str(tmp_path))
    assert (code, "no recorded conversations of these" in " ".join(output.split())) == (2, True)
