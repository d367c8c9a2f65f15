"""The report: the same numbers as Markdown, CSV and a page that needs no network."""

from __future__ import annotations

import csv
from html.parser import HTMLParser
from pathlib import Path

import pytest
from ablation_planners import CELL, Says, keep, make, plan

from motion_agent.ablation.asking import RecordingPlanner
from motion_agent.ablation.budget import Gatekeeper, Prices
from motion_agent.ablation.judge import judge_turns, question_of, verdict_of
from motion_agent.ablation.play import SkippedMotion, play
from motion_agent.ablation.records import Records
from motion_agent.ablation.report import write_report
from motion_agent.ablation.scenario import load_suite
from motion_agent.ablation.scoring import score
from motion_agent.ablation.strategy import Cell
from motion_agent.ablation.summary import by_cell, comparisons, summarise
from motion_agent.agent_graph.planners import Answer

STRICT = Cell("test:planner", "prompt")
OTHER = Cell("test:other <b>", "ladder")
EXERCISE = f"```\n{plan(*make('a person does jumping jacks', 'a person does push-ups'))}\n```"
LOOK = plan({"tool": "caption_motion", "motion": "crawl.npz"})
TALES: dict[str, dict[Cell, list[str]]] = {
    "single-wave": {
        CELL: [f"```json\n{plan(*make('a person waves'))}\n```"],
        STRICT: [],  # shares the answer
        OTHER: ["<script>alert(1)</script> | no plan"],
    },
    "edit-append": {
        CELL: [plan(*keep("s1", "s2"), *make("a person jumps"))],
        STRICT: [],
        OTHER: [plan(*keep("s1"), *make("a person jumps"))],
    },
    "mixed-paper-table-5": {
        CELL: [EXERCISE, LOOK, plan(say="Perhaps military training.")],
        STRICT: ["no"],  # to the second turn; the first is shared, but not read
        OTHER: [EXERCISE, LOOK, plan(say="I do not know.")],
    },
}


@pytest.fixture(scope="module")
def records() -> Records:
    records = Records()
    suite = load_suite()
    for scenario_id, tales in TALES.items():
        [scenario] = suite.choose(ids=[scenario_id])
        for cell, answers in tales.items():
            replies = [Answer(a, seconds=2.0, input_tokens=500, output_tokens=100) for a in answers]
            planner = RecordingPlanner(cell, Says(*replies), records, seed=0, gate=Gatekeeper())
            records.add_conversation(play(scenario, planner, records, SkippedMotion()))
    return records


@pytest.fixture(scope="module")
def report(records: Records, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    prices = Prices("2025-01-01", {"test:planner": (1.0, 10.0)})
    about = "What it is: `toys`, see [the paper](https://arxiv.org/abs/2405.17013)."
    (folder / "about.md").write_text(about, encoding="utf-8")
    write_report(records, load_suite(), folder, prices=prices)
    return folder


def test_the_numbers_of_a_cell(records: Records) -> None:
    prices = Prices("", {"test:planner": (1.0, 10.0)})
    cells = by_cell(score(records, load_suite()).turns)
    assert list(cells) == [STRICT, CELL, OTHER]
    ladder, strict, other = (summarise(c, cells[c], prices) for c in (CELL, STRICT, OTHER))
    assert (ladder.valid.count, ladder.valid.total, ladder.passed.count) == (4, 4, 4)
    assert (strict.valid.count, strict.passed.count) == (1, 1)
    assert (other.valid.count, other.passed.count) == (3, 1)
    assert (other.edit.count, other.edit.total) == (0, 1)
    assert (other.answer.count, other.answer.total) == (0, 1)
    mixed = other.families["mixed"]
    assert (mixed.count, mixed.total, mixed.independent) == (1, 2, 1)  # turns of one scenario
    assert other.faults["touched_segment"] == 1
    assert ladder.rungs == {"fence": 2, "json": 2}
    assert ladder.attempts == 5 / 4
    assert ladder.tokens_in == 500 * 5 / 4
    assert (ladder.p50, ladder.p95) == (2.0, pytest.approx(3.7))
    assert ladder.dollars == pytest.approx(1000 * 5 / 4 * (500 * 1 + 100 * 10) / 1e6)
    assert other.dollars is None


def test_a_mechanism_is_compared_with_the_one_before_it(records: Records) -> None:
    found = comparisons(by_cell(score(records, load_suite()).turns))
    pairs = {(c.first, c.second): c.valid for c in found}
    assert set(pairs) == {(STRICT, CELL), (CELL, OTHER)}
    assert (pairs[STRICT, CELL].only_first, pairs[STRICT, CELL].only_second) == (0, 3)
    assert pairs[STRICT, CELL].p == 0.5  # of two scenarios; of three turns it would be 0.25


class _Page(HTMLParser):
    """The tags of a page, their order, and everything that would be fetched."""

    _VOID = ("meta", "rect", "line", "path", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.fetched: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in self._VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "srcset", "data", "action", "xlink:href"):
                self.fetched.append(f"{name}={value}")
            if name == "href":
                (self.links if tag == "a" else self.fetched).append(str(value))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_opens_without_a_network(report: Path) -> None:
    text = (report / "report.html").read_text(encoding="utf-8")
    page = _Page()
    page.feed(text)
    page.close()
    assert page.open == []
    assert page.fetched == []
    assert {"script", "link", "img", "iframe"} & set(page.seen) == set()
    assert "@import" not in text
    assert "url(" not in text
    assert page.seen.count("svg") == 2
    assert page.links == ["https://arxiv.org/abs/2405.17013"]


def test_what_a_model_wrote_is_text_on_the_page(report: Path) -> None:
    text = (report / "report.html").read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "test:other &lt;b&gt;" in text


def test_the_tables_of_the_markdown_report(report: Path) -> None:
    text = (report / "report.md").read_text(encoding="utf-8")
    # Four turns of three scenarios tell as much as three turns that have nothing in common.
    assert "| test:planner, ladder | 4 | 100 % [44, 100] | 100 % [44, 100] | 100 %" in text
    assert (
        "| test:planner, prompt | test:planner, ladder | valid | 4 | 0 | 3 | -75 [-100, +10] |"
        " 0.500 | 1.000 |" in text
    )
    for title in ("Validity and sense", "Quality", "Tokens, time and cost", "Paired comparison"):
        assert f"## {title}" in text


def test_table_5_is_made_again_beside_the_papers(report: Path) -> None:
    text = (report / "report.md").read_text(encoding="utf-8")
    part = text[text.index("## Table 5") :]
    assert "| GPT-4-Turbo | paper | jumping jacks; push-ups; sit-ups; stretching |" in part
    assert "| Mixtral-8x7B | paper | no valid plan | no valid plan | – |" in part
    assert "| test:planner, ladder | here | a person does jumping jacks;" in part
    assert "Perhaps military training. | ✓✓ |" in part
    assert "I do not know. | ✓✗ |" in part
    assert "| test:planner, prompt | here | no valid plan | no valid plan | ✗✗ |" in part


def test_failures_can_be_read(report: Path) -> None:
    text = (report / "failures.md").read_text(encoding="utf-8")
    assert "## test:planner, ladder: 0 failed" in text
    assert "touched_segment: s2 did not stay as it was" in text
    assert "no valid plan in 1 answers; the last: there is no plan in the answer" in text


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_csv_files_have_every_cell_and_every_turn(report: Path) -> None:
    cells, turns = _rows(report / "cells.csv"), _rows(report / "turns.csv")
    valid = [row for row in cells if row["measure"] == "valid"]
    assert [row["planner"] for row in valid] == ["test:planner", "test:planner", "test:other <b>"]
    assert (valid[1]["count"], valid[1]["total"], valid[1]["low"]) == ("4", "4", "0.4385")
    assert not any("{" in value for row in cells for value in row.values())
    fences = [row["count"] for row in cells if row["measure"] == "rung:fence"]
    assert fences == ["2", "1"]
    assert len(turns) == 12
    assert sum(int(row["passed"]) for row in turns) == 6


def test_comparisons_have_effects_and_corrected_p_values(report: Path) -> None:
    rows = _rows(report / "comparisons.csv")
    assert [row["measure"] for row in rows] == ["valid", "sensible", "all checks"] * 2
    assert (rows[0]["effect"], rows[0]["p"], rows[0]["p_corrected"]) == ("-0.75", "0.5", "1")


def test_the_latex_table_is_escaped_and_whole(report: Path) -> None:
    text = (report / "table.tex").read_text(encoding="utf-8")
    assert r"{test:other \textless{}b\textgreater{}} \\" in text and r"\quad ladder & 4 & " in text
    body = text[text.index(r"\midrule") : text.index(r"\bottomrule")]
    columns = text[text.index("{l") + 1 :].partition("}")[0]
    rows = [line for line in body.splitlines() if line.endswith(r"\\")]
    planners = [line for line in rows if r"\multicolumn{" in line]
    assert all(
        line.strip().startswith(rf"\multicolumn{{{len(columns)}}}{{l}}") for line in planners
    )
    cells = [line for line in rows if line not in planners]
    assert {line.count(" & ") + 1 for line in cells} == {len(columns)}
    assert (len(planners), len(cells)) == (2, 3)
    assert text.count(r"\begin{") == text.count(r"\end{") == 2


def test_a_judge_is_asked_once_and_reported_apart(records: Records, tmp_path: Path) -> None:
    from fakes import ScriptedChatModel

    suite = load_suite()
    mine = Records()
    mine.exchanges, mine.conversations = records.exchanges, records.conversations
    turns = score(mine, suite).turns
    verdicts = ["It is.\nYES", "Soldiers crawl.\n**Yes**", "No idea, perhaps.", "no"]
    judge = ScriptedChatModel(script=verdicts)
    count = judge_turns(judge, "test:judge", turns, mine)
    assert count == 4  # two valid turns of two cells have a question
    assert judge_turns(judge, "test:judge", turns, mine) == 0
    assert "a person does jumping jacks" in judge.questions[0][1].text
    write_report(mine, suite, tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| test:judge | test:planner, ladder | 2/2 | 0 |" in text
    assert "| test:judge | test:other <b>, ladder | 0/1 | 1 |" in text


def test_verdicts() -> None:
    assert verdict_of("reason\n\nYES.\n") is True
    assert verdict_of("NO") is False
    assert verdict_of("YES or NO") is None
    assert verdict_of("") is None


def test_the_question_to_a_judge_has_request_and_plan(records: Records) -> None:
    turns = score(records, load_suite()).turns
    first = next(t for t in turns if t.scenario.id == "mixed-paper-table-5" and t.valid)
    assert question_of(first).splitlines()[0].startswith("The person said: Generate a motion")
    assert "2. a person does push-ups" in question_of(first)
