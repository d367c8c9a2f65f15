"""The check of sense: what was asked for and nothing else, without a judge."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from ablation_planners import make, plan, scored

from motion_agent.ablation.asking import RecordingPlanner
from motion_agent.ablation.budget import Gatekeeper
from motion_agent.ablation.play import SkippedMotion, play
from motion_agent.ablation.records import Records
from motion_agent.ablation.scenario import SENSE_SUITE, Scenario, load_suite
from motion_agent.ablation.scoring import score
from motion_agent.ablation.sense import Sense
from motion_agent.ablation.strategy import Cell
from motion_agent.agent_graph.planners import Answer, Task

SUITE = load_suite(SENSE_SUITE)


class Says:
    name, tries = "test:planner", 1

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def ask(self, task: Task) -> Answer:
        return Answer(self.answer)

    def reply(self, request: str, facts: str) -> str | None:
        return None


def sense(scenario_id: str, answer: str) -> Sense:
    [scenario] = SUITE.choose(ids=[scenario_id])
    return sense_in(scenario, answer)


def sense_in(scenario: Scenario, answer: str) -> Sense:
    records = Records()
    planner = RecordingPlanner(
        Cell("test:planner", "ladder"), Says(answer), records, seed=0, gate=Gatekeeper()
    )
    records.add_conversation(play(scenario, planner, records, SkippedMotion()))
    [turn] = score(records, [scenario]).turns
    return turn.sense


def test_the_requests_are_of_ten_families_and_six_languages() -> None:
    assert len(SUITE) >= 150
    families = Counter(scenario.family for scenario in SUITE)
    assert len(families) == 10
    assert min(families.values()) >= 15
    languages = Counter(scenario.id[-2:] for scenario in SUITE)
    assert set(languages) == {"en", "de", "fr", "es", "it", "zh"}
    assert min(languages.values()) >= 10
    odd = sum(int(re.findall(r"\d+", scenario.id)[-1]) % 2 for scenario in SUITE)
    assert abs(odd - len(SUITE) / 2) <= 5


WALK_SIT = "sense-sequence-01-en"  # a person walks forward, then sits down


@pytest.mark.parametrize(
    ("scenario", "steps", "verdict"),
    [
        (WALK_SIT, make("a person walks forward", "a person sits down"), "sensible"),
        (WALK_SIT, make("a man strolls", "he takes a seat"), "sensible"),
        (WALK_SIT, make("a person sits down", "a person walks forward"), "partly"),
        (WALK_SIT, make("a person walks forward"), "partly"),
        (WALK_SIT, make("a person walks", "a person sits", "a person bows"), "partly"),
        (WALK_SIT, make("a person cooks"), "wrong"),
        (WALK_SIT, make(*["a person walks", "a person sits"] * 4), "wrong"),
        (WALK_SIT, [], "wrong"),
        (WALK_SIT, make("a person walks", "a person sits", seconds=4), "partly"),
        (WALK_SIT, make("a person walks") + make("a person sits", person=2), "partly"),
        ("sense-single-11-de", make("a woman waves"), "sensible"),
        ("sense-single-11-de", make("eine Frau winkt"), "wrong"),
        ("sense-count-01-en", make("a person jumps three times"), "sensible"),
        ("sense-count-01-en", make(*["a person jumps"] * 3), "sensible"),
        ("sense-count-01-en", make("a person jumps twice"), "partly"),
        ("sense-duration-01-en", make("a person walks", seconds=5), "sensible"),
        ("sense-duration-01-en", make("a person walks"), "partly"),
        ("sense-negation-01-en", make("a person walks"), "sensible"),
        ("sense-negation-01-en", make("a person walks and waves"), "wrong"),
        ("sense-manner-01-en", make("a person walks while waving"), "sensible"),
        ("sense-manner-01-en", make("a person walks"), "partly"),
        ("sense-talk-01-en", [], "sensible"),
        ("sense-talk-01-en", make("a person waves"), "wrong"),
    ],
)
def test_verdicts(scenario: str, steps: list[dict[str, object]], verdict: str) -> None:
    found = sense(scenario, plan(*steps, say="Hello."))
    assert found.verdict == verdict, found.reasons
    assert bool(found.reasons) == (verdict != "sensible")


# Invented: what a person says, what was requested, the steps of a plan, the verdict.
SPIN = {"steps": 1, "actions": ("spin",), "nothing_else": True}
VAGUE = {"steps": (1, 8), "actions": ("garden|rake|dig",)}
GALLOP_BOW = {"steps": (2, 3), "actions": ("gallop", "bow"), "nothing_else": True}
LAUGHS = {"steps": (1, 3), "actions": ("laugh",), "times": {"laugh": 3}, "nothing_else": True}


@pytest.mark.parametrize(
    ("request_", "expect", "steps", "verdict"),
    [
        # made more often than asked
        ("a juggler spins", SPIN, make("a juggler spins", "a juggler spins"), "partly"),
        ("a juggler spins", SPIN, make(*["a juggler spins"] * 3), "wrong"),
        ("do some gardening", VAGUE, make("a man rakes leaves", "the man rakes leaves"), "partly"),
        ("do some gardening", VAGUE, make(*["he digs"] * 3), "wrong"),
        (
            "garden for six seconds",
            {**VAGUE, "seconds": {"all": 6}},
            make("she digs", "she digs"),
            "partly",
        ),
        ("laugh three times", LAUGHS, make(*["a man laughs three times"] * 2), "partly"),
        (
            "gallop, then bow",
            GALLOP_BOW,
            make("he gallops", "he bows", "he gallops"),
            "partly",
        ),
        # repeats that the request has
        ("laugh three times", LAUGHS, make(*["a man laughs"] * 3), "sensible"),
        ("laugh three times", LAUGHS, make("a man laughs three times"), "sensible"),
        ("rake the lawn again and again", VAGUE, make(*["he rakes"] * 4), "sensible"),
        ("noch einmal graben", VAGUE, make("he digs", "he digs"), "sensible"),
        ("keep digging", VAGUE, make("he digs", "he digs"), "sensible"),
        (
            "gallop, bow, gallop",
            {"steps": 3, "actions": ("gallop", "bow", "gallop"), "nothing_else": True},
            make("a knight gallops", "a knight bows", "a knight gallops"),
            "sensible",
        ),
        (
            "dig for twenty seconds",
            {**VAGUE, "seconds": {"all": 20}},
            make("he digs", "he digs", seconds=10),
            "sensible",
        ),
        # not the same, or nothing at all
        (
            "gallop in a circle",
            {"steps": (1, 2), "actions": ("gallop",), "nothing_else": True},
            make("he gallops half a circle", "he gallops the other half"),
            "sensible",
        ),
        (
            "do some gardening",
            VAGUE,
            make("he stands still", "he digs", "he stands still"),
            "sensible",
        ),
        (
            "two clowns bow",
            {"people": {1: ("bow",), 2: ("bow",)}},
            [*make("a clown bows"), *make("a clown bows", person=2)],
            "sensible",
        ),
        # added to what was asked for
        ("a juggler spins", SPIN, make("a juggler spins and then crawls away"), "partly"),
        ("a juggler spins", SPIN, make("a juggler spins, crawls and kneels"), "wrong"),
        ("a juggler spins", SPIN, make("a juggler spins", "a juggler sneezes"), "partly"),
        ("a juggler spins", SPIN, make("he sneezes", "he spins", "he naps"), "wrong"),
        ("a juggler spins", SPIN, [*make("he spins"), *make("he spins", person=2)], "partly"),
        ("a juggler spins", SPIN, make("a juggler raises both arms and spins"), "sensible"),
        ("spin while singing", SPIN, make("a person spins while singing"), "sensible"),
        ("do some gardening", VAGUE, make("he digs, kneels and picks a flower"), "sensible"),
    ],
)
def test_what_is_added_or_repeated_lowers_the_verdict(
    request_: str, expect: dict[str, object], steps: list[dict[str, object]], verdict: str
) -> None:
    turn = {"say": request_, "expect": expect}
    scenario = Scenario.model_validate({"id": "invented", "family": "test", "turns": [turn]})
    found = sense_in(scenario, plan(*steps))
    assert found.verdict == verdict, found.reasons


def test_what_is_no_plan_makes_no_sense() -> None:
    assert sense(WALK_SIT, "I would rather not.").verdict == "wrong"


def test_every_turn_of_the_ablation_has_a_verdict() -> None:
    [turn] = scored("single-wave", plan(*make("a person waves")))
    assert turn.sense == Sense("sensible")
