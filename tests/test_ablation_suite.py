"""The suite of scenarios, and the errors of a suite that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from motion_agent.ablation.checks import check_turn
from motion_agent.ablation.scenario import load_suite
from motion_agent.motion_core.errors import InputError

FAMILIES = {
    "single", "sequence", "vague", "abstract", "count", "negation", "long", "transition", "edit",
    "question", "mixed", "two_people", "language", "chat", "impossible", "adversarial",
}  # fmt: skip
GOOD = """
family: toys
about: for the tests
scenarios:
  - id: toy-walk
    turns: [{say: walk, expect: {actions: [walk|stroll]}}]
"""


def suite_of(folder: Path, text: str) -> Path:
    (folder / "toys.yaml").write_text(text, encoding="utf-8")
    return folder


def test_the_suite_has_all_families_and_enough_of_each() -> None:
    suite = load_suite()
    assert len(suite) >= 120
    assert {scenario.family for scenario in suite} == FAMILIES
    counts = {f: sum(s.family == f for s in suite) for f in FAMILIES}
    assert min(counts.values()) >= 5
    assert counts["edit"] >= 25


def test_the_documentation_tells_how_many_there_are() -> None:
    page = (Path(__file__).parent.parent / "docs" / "ablation" / "README.md").read_text("utf-8")
    assert f"a suite of {len(load_suite())} conversations" in page


def test_every_turn_checks_something() -> None:
    from motion_agent.ablation.checks import Evidence

    nothing = Evidence([], {}, "", {}, {}, "", [])
    for scenario in load_suite():
        for turn in scenario.turns:
            assert check_turn(turn.expect, nothing), scenario.id


def test_the_examples_of_the_paper_are_in_it() -> None:
    sources = [s.source for s in load_suite() if s.source]
    for number in range(1, 7):
        assert any(f"paper prompt, example {number}" in source for source in sources)
    [table_5] = load_suite().choose(ids=["mixed-paper-table-5"])
    assert len(table_5.turns) == 2


def test_every_edit_of_a_plan_has_a_scenario() -> None:
    used = {tool for s in load_suite() for turn in s.turns for tool in turn.expect.tools}
    expected = {"undo", "redo", "start_over", "open_motion", "name_motion", "export_motion"}
    assert expected | {"caption_motion"} <= used


def test_long_scripts_are_long() -> None:
    scripts = load_suite().choose(families=["long"])
    lengths = [len(s.turns[0].expect.actions) for s in scripts]
    assert sum(length >= 20 for length in lengths) >= 4


def test_some_of_it_can_be_chosen() -> None:
    suite = load_suite()
    assert {s.family for s in suite.choose(families=["chat", "long"])} == {"chat", "long"}
    assert len(suite.choose(first=1)) == len(FAMILIES)
    assert suite.choose(first=1).digest != suite.digest
    with pytest.raises(InputError, match="no family 'chats' in the suite; there are: abstract"):
        suite.choose(families=["chats"])


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        ("action: [walk]", "actions: [walk|stroll]", r"toys.yaml: scenario toy-walk: .*action"),
        ("actions: [$stroll]", "actions: [walk|stroll]", r"no set of words \$stroll in words"),
        ("timeline: [hold s1]", "actions: [walk|stroll]", r"'hold s1' is none of 'keep s1'"),
        ("steps: many", "actions: [walk|stroll]", r"toy-walk: turns.0.expect.steps"),
        ("tools: [fly]", "actions: [walk|stroll]", r"toy-walk: turns.0.expect.tools.0"),
        ("people: {3: [walk]}", "actions: [walk|stroll]", r"toy-walk: turns.0.expect.people"),
        ("id: Toy Walk", "id: toy-walk", r"scenario Toy Walk: id"),
        ("turns: []", "turns: [{say: walk, expect: {actions: [walk|stroll]}}]", "toy-walk: turns"),
        ("family: [", "family: toys", r"toys.yaml cannot be read as YAML"),
    ],
)
def test_a_wrong_file_is_told_by_scenario_and_field(
    tmp_path: Path, wrong: str, right: str, message: str
) -> None:
    assert right in GOOD
    with pytest.raises(InputError, match=message):
        load_suite(suite_of(tmp_path, GOOD.replace(right, wrong)))


def test_two_scenarios_with_one_id_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text(GOOD.replace("family: toys", "family: more"))
    with pytest.raises(InputError, match="two scenarios have the id 'toy-walk'"):
        load_suite(suite_of(tmp_path, GOOD))


def test_a_folder_without_scenarios_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no \*.yaml scenarios"):
        load_suite(tmp_path)


def test_a_suite_of_ones_own_loads(tmp_path: Path) -> None:
    [scenario] = load_suite(suite_of(tmp_path, GOOD))
    assert scenario.turns[0].expect.actions == ("walk|stroll",)
