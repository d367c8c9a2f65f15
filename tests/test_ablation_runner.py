"""The runner: interruption and resumption, limits, sharing of answers, failures."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from ablation_planners import Moody, Says, make, plan

from motion_agent.ablation.asking import RecordingPlanner
from motion_agent.ablation.budget import BudgetSpentError, Gatekeeper, Limits, Prices
from motion_agent.ablation.play import SkippedMotion, play
from motion_agent.ablation.records import FILE, Records
from motion_agent.ablation.report import cells_to_csv
from motion_agent.ablation.runner import Ablation, Result, run
from motion_agent.ablation.scenario import Suite, load_suite
from motion_agent.ablation.scoring import score
from motion_agent.ablation.strategy import STRATEGIES, Cell, cells_of
from motion_agent.ablation.tables import make_tables
from motion_agent.agent_graph.planners import Answer, Planner, Task
from motion_agent.motion_core.errors import ConfigurationError, UnavailableError, UnexpectedError

IDS = ("single-wave", "sequence-jump-sit", "edit-append", "edit-two-turns", "chat-hello")
FREE = Prices(models={"test:moody": (1.0, 2.0)})


def toys() -> Suite:
    return load_suite().choose(ids=IDS)


def moody(before: Callable[[], None] | None = None) -> Callable[[Cell, int], Planner]:
    return lambda cell, seed: Moody(seed, before)


def experiment(**changes: object) -> Ablation:
    cells = cells_of(["test:moody"], ["prompt", "ladder", "reask"], [0.0])
    settings: dict[str, Any] = {"cells": cells, "repeats": 2, "prices": FREE, **changes}
    return Ablation(toys(), **settings)


def table(records: Records) -> str:
    return cells_to_csv(make_tables(records, score(records, toys()), FREE))


@pytest.fixture(scope="module")
def uninterrupted() -> Records:
    records = Records()
    result = run(experiment(), records, open_planner=moody())
    assert result == Result(30, 30, None, {}, result.tokens, result.dollars)
    return records


def test_a_run_asks_everything_once_and_a_second_run_nothing(uninterrupted: Records) -> None:
    def refuse() -> None:
        raise AssertionError("asked again")

    before = len(uninterrupted.exchanges), len(uninterrupted.runs)
    run(experiment(), uninterrupted, open_planner=moody(refuse))
    assert (len(uninterrupted.exchanges), len(uninterrupted.runs)) == before


@pytest.mark.parametrize("seed", range(4))
def test_interrupted_at_random_and_resumed_it_gives_the_same_table(
    seed: int, tmp_path: Path, uninterrupted: Records
) -> None:
    chance = random.Random(seed)
    interruptions = 0
    lock = threading.Lock()

    def interrupt() -> None:
        with lock:
            if chance.random() < 0.3:
                raise KeyboardInterrupt

    while True:
        try:
            records = Records(tmp_path)
            result = run(experiment(concurrency=2), records, open_planner=moody(interrupt))
        except KeyboardInterrupt:
            interruptions += 1
            file = tmp_path / FILE
            if file.exists() and chance.random() < 0.7:  # a crash tears the last line, or more
                size = file.stat().st_size
                with file.open("rb+") as torn:
                    torn.truncate(max(size - chance.randrange(1, 400), 0))
            continue
        break
    assert result.done == 30
    assert interruptions >= 1
    assert table(Records(tmp_path)) == table(uninterrupted)


def test_the_ways_that_ask_the_same_at_first_share_the_answer(uninterrupted: Records) -> None:
    keys: dict[tuple[str, int], dict[str, str]] = {}
    for (cell, scenario, repeat), conversation in uninterrupted.conversations.items():
        first = conversation.turns[0]["asks"][0]["exchange"]
        keys.setdefault((scenario, repeat), {})[cell.strategy] = first
    assert len(keys) == 10
    assert all(len(set(by_way.values())) == 1 for by_way in keys.values())


def test_a_mechanism_never_makes_less_of_the_same_answers(uninterrupted: Records) -> None:
    scores = score(uninterrupted, toys())
    valid = {
        way: sum(turn.valid for turn in scores.turns if turn.cell.strategy == way)
        for way in ("prompt", "ladder", "reask")
    }
    assert valid["prompt"] < valid["ladder"] < valid["reask"]


def test_many_at_a_time_ask_no_more_than_one_after_the_other(uninterrupted: Records) -> None:
    records = Records()
    run(experiment(concurrency=6), records, open_planner=moody())
    assert set(records.exchanges) == set(uninterrupted.exchanges)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(tokens=900), "of 900 tokens are spent"),
        (Limits(dollars=0.001), "of 0.001 dollars are spent"),
        (Limits(minutes=1e-6), "minutes are used up"),
    ],
)
def test_a_limit_stops_the_run_and_the_next_goes_on(limits: Limits, reason: str) -> None:
    records = Records()
    result = run(experiment(limits=limits), records, open_planner=moody())
    assert result.stopped is not None
    assert reason in result.stopped
    assert result.done < result.expected
    assert len(records.conversations) == result.done
    again = run(experiment(), records, open_planner=moody())
    assert (again.stopped, again.done) == (None, 30)


def test_money_is_not_limited_without_a_price() -> None:
    cells = cells_of(["openai:never-heard-of"], ["prompt"])
    with pytest.raises(ConfigurationError, match="no price is known for openai:never-heard-of"):
        Ablation(toys(), cells, limits=Limits(dollars=1), prices=Prices.load())
    assert Prices.load().cost("openai:gpt-4o-mini", 1_000_000, 1_000_000) == pytest.approx(0.75)
    assert Prices.load().cost("ollama:llama3.1:8b", 10, 10) == 0
    assert Prices.load().cost("openai:gpt-4o", None, 10) is None


def test_questions_to_a_provider_keep_their_distance() -> None:
    waits: list[float] = []
    gate = Gatekeeper(Limits(per_minute=30), clock=lambda: 100.0, sleep=waits.append)
    for planner in ("a:x", "a:y", "b:z", "a:x"):
        gate.enter(Cell(planner, "prompt"))
    assert waits == [2.0, 4.0]  # a:y and the second a:x; b is another provider


def test_a_stopped_gate_lets_nothing_pass() -> None:
    gate = Gatekeeper()
    gate.stop("interrupted")
    with pytest.raises(BudgetSpentError, match="interrupted"):
        gate.enter(Cell("a:x", "prompt"))


class Broken:
    name, tries = "test:broken", 1

    def __init__(self, error: Exception) -> None:
        self.error = error

    def ask(self, task: Task) -> Answer:
        raise self.error

    def reply(self, request: str, facts: str) -> str | None:
        return None


@pytest.mark.parametrize(
    "error", [UnavailableError("no server answers"), ConfigurationError("the key is refused")]
)
def test_a_planner_that_cannot_be_asked_is_given_up_and_the_others_go_on(error: Exception) -> None:
    cells = [Cell("test:broken", "prompt"), Cell("test:moody", "prompt")]

    def opened(cell: Cell, seed: int) -> Planner:
        return Broken(error) if cell.planner == "test:broken" else Moody(seed)

    records = Records()
    result = run(experiment(cells=cells, repeats=1), records, open_planner=opened)
    assert result.failures == {"test:broken, prompt": str(error)}
    assert {cell.planner for cell, _, _ in records.conversations} == {"test:moody"}
    assert (result.done, result.expected) == (5, 10)


def test_a_prompt_that_does_not_fit_is_the_planners_failure() -> None:
    too_long = ConfigurationError("the request needs 9000 tokens, but the model's window is 4096")
    cells = [Cell("test:broken", "prompt")]
    records = Records()
    run(experiment(cells=cells, repeats=1), records, open_planner=lambda c, s: Broken(too_long))
    turns = score(records, toys()).turns
    assert len(turns) == 6
    assert not any(turn.valid for turn in turns)


def test_a_bug_is_not_hidden() -> None:
    def opened(cell: Cell, seed: int) -> Planner:
        return Broken(RuntimeError("a bug"))

    with pytest.raises(UnexpectedError, match="a bug"):
        run(experiment(repeats=1), Records(), open_planner=opened)


def test_cells_are_all_combinations_and_offline_is_one() -> None:
    cells = cells_of(["offline", "openai:gpt-4o"], tuple(STRATEGIES), (0.0, 0.8))
    assert len(cells) == 1 + 5 * 2
    assert cells[0] == Cell("offline", "rules")
    with pytest.raises(ConfigurationError, match="no strategy 'magic'; there are prompt, ladder"):
        cells_of(["offline"], ["magic"])


def test_progress_is_told_by_cell() -> None:
    progress: list[tuple[str, int, int]] = []
    cells = cells_of(["test:moody"], ["prompt"])
    run(
        experiment(cells=cells, repeats=1),
        Records(),
        open_planner=moody(),
        progress=lambda *args: progress.append(args),
    )
    assert progress == [("test:moody, prompt", done, 5) for done in range(6)]


def test_what_is_written_down_is_enough_to_play_it_again(uninterrupted: Records) -> None:
    quick, slow = (score(uninterrupted, toys(), replay=replay) for replay in (False, True))
    assert (quick.replayed, slow.replayed, slow.missing) == (0, 30, 0)
    assert [t.findings for t in quick.turns] == [t.findings for t in slow.turns]
    assert [t.valid for t in quick.turns] == [t.valid for t in slow.turns]


def _records_of(answers: Sequence[str], cell: Cell) -> Records:
    records = Records()
    [scenario] = toys().choose(ids=["single-wave"])
    planner = RecordingPlanner(cell, Says(*answers), records, seed=0, gate=Gatekeeper())
    records.add_conversation(play(scenario, planner, records, SkippedMotion()))
    return records


def test_a_changed_parser_is_measured_on_the_recorded_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from motion_agent.agent_graph.plan import InvalidPlanError

    records = _records_of([plan(*make("a person waves"))], Cell("test:planner", "reask"))

    def stricter(text: str, **_: object) -> object:
        raise InvalidPlanError("nothing is good enough")

    with monkeypatch.context() as patched:
        patched.setattr("motion_agent.agent_graph.answers.parse_plan", stricter)
        patched.setattr("motion_agent.agent_graph.graph.parse_plan", stricter, raising=False)
        strict = score(records, toys())
    assert (strict.replayed, strict.turns[0].valid) == (1, False)
    assert strict.missing == 2  # it would have been asked twice more
    assert score(records, toys()).turns[0].passed


def test_replies_are_the_templates_unless_the_model_shall_word_them() -> None:
    [scenario] = toys().choose(ids=["single-wave"])
    words = {}
    for replies in (False, True):
        records = Records()
        planner = RecordingPlanner(
            Cell("test:planner", "ladder"),
            Says(plan(*make("a person waves"))),
            records,
            seed=0,
            gate=Gatekeeper(),
            replies=replies,
        )
        words[replies] = play(scenario, planner, records, SkippedMotion()).turns[0]["reply"]
    assert words[False].startswith("Made motion 1")
    assert words[True].startswith("said by the model")
