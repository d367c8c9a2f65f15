"""The shipped model card says what was measured, and is filled by `motion-agent evaluate`."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from motion_agent.cli.evaluate import BEGIN, END, marked, write_into_card
from motion_agent.motion_core.datasets import attributions
from motion_agent.motion_core.datasets.licences import (
    CAPTION_SOURCES,
    MOTION_SOURCES,
    terms_of,
)
from motion_agent.motion_core.errors import InputError
from motion_agent.motion_core.motionllm import load_checkpoint
from motion_agent.motion_core.motionllm.checkpoint import DEFAULT_CHECKPOINT
from motion_agent.motion_core.motionllm.known_captions import KnownCaptions

REPOSITORY = Path(__file__).resolve().parent.parent
CARD = DEFAULT_CHECKPOINT / "README.md"


@pytest.fixture(scope="module")
def known() -> KnownCaptions:
    """What the shipped checkpoint's training captions cover, by meaning."""
    found = load_checkpoint(DEFAULT_CHECKPOINT).known()
    assert isinstance(found, KnownCaptions)
    return found


def test_the_card_tells_the_numbers_of_the_recorded_evaluation() -> None:
    measured = json.loads((DEFAULT_CHECKPOINT / "evaluation.json").read_text())
    _, tables, _ = marked(CARD)
    assert measured["setting"]["split"] == "test" and "split: test" in tables
    assert len(measured["targets"]) == 9
    for target in measured["targets"]:
        verdict = "met" if target["met"] else "missed"
        assert f"{target['reached']:.2f}{target['unit']} | {verdict} |" in tables
    people = measured["kinds"][0]
    assert people["kind"] == "people"
    assert f"Captions by people: {people['clips']} clips" in tables
    for motions in people["motions"]:
        top3 = motions["r_precision"][2]["value"]
        assert motions["name"] in tables and f"{100 * top3:.1f} ±" in tables


def test_the_evaluation_says_something_and_the_model_beats_chance_by_far() -> None:
    """Real motions' top-3 is 50 % at least, else the network says nothing; chance is 3 of 32."""
    people = json.loads((DEFAULT_CHECKPOINT / "evaluation.json").read_text())["kinds"][0]
    assert people["candidates"] == 32 and people["captions"]
    top3 = {motions["name"]: motions["r_precision"][2] for motions in people["motions"]}
    assert set(top3) == {"real", "reconstructed", "generated", "retrieval"}
    assert top3["real"]["value"] >= 0.5
    assert top3["generated"]["value"] - top3["generated"]["interval"] > 2 * 3 / 32


def test_the_recorded_evaluation_is_of_the_shipped_weights() -> None:
    measured = json.loads((DEFAULT_CHECKPOINT / "evaluation.json").read_text())
    assert measured["engine"].endswith(load_checkpoint(DEFAULT_CHECKPOINT).version)


def test_a_company_may_use_the_weights_and_every_file_says_the_same() -> None:
    config = load_checkpoint(DEFAULT_CHECKPOINT).config
    assert terms_of(config.data.split(", "), config.caption_sources) == "share-alike"
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert project["license"] == "MIT AND CC-BY-SA-4.0 AND OFL-1.1"
    notice = (REPOSITORY / "NOTICE").read_text()
    assert "1. The shipped weights: CC BY-SA 4.0" in notice
    for text in (CARD.read_text(), (REPOSITORY / "README.md").read_text()):
        assert "CC BY-SA 4.0" in text and "non-commercial use only" not in text
    for source in ("CMU Graphics Lab", "HDM05", "DeepMimic", "Mesh2Motion", "KayKit"):
        assert source in notice and source in CARD.read_text()


def test_terms_are_the_strictest_of_any_source_and_each_source_has_its_attribution() -> None:
    assert terms_of(["cmu-mocap", "kaykit"], ["humanml3d"]) == "free"
    assert terms_of(["cmu-mocap"], ["humanml3d", "babel"]) == "non-commercial"
    assert terms_of(["bandai-namco", "hdm05"], ["labels"]) == "non-commercial"
    assert set(MOTION_SOURCES) - set(attributions.MOTION) == {"custom"}
    own = {"custom", "description", "labels"}  # nobody else's, or told with the motion
    assert set(CAPTION_SOURCES) - set(attributions.CAPTIONS) == own
    mixed = attributions.notice(["kaykit", "bandai-namco"], ["labels"])
    assert "NON-COMMERCIAL" in mixed and "arXiv:2306.08861" in mixed and "HDM05" not in mixed


def test_the_checkpoint_stays_within_60_megabytes() -> None:
    assert sum(path.stat().st_size for path in DEFAULT_CHECKPOINT.iterdir()) <= 60e6


@pytest.mark.parametrize(
    "description",
    """
    a person sits down on a chair|a person drinks from a cup|a person crawls on the floor
    a person does push-ups|a person dances salsa|a person swings a golf club|a person kicks
    a person gets up from lying on the floor|a person climbs stairs|a person sweeps the floor
    a person walks forward|a person waves with both hands|a person runs and then stops
    """.strip()
    .replace("\n", "|")
    .split("|"),
)
def test_what_people_ask_for_first_is_not_doubted(known: KnownCaptions, description: str) -> None:
    covered = known.coverage(description.strip())
    assert covered.unknown == () and covered.score > 0.5


@pytest.mark.parametrize(
    ("description", "word"),
    [
        ("a dragon flies over the castle", "castle"),
        ("a person plays the violin", "violin"),
        ("a person knits a sweater", "knits"),
        ("a person skis downhill", "skis"),
        ("a person rides a horse", "rides"),
        ("一个人向前走", "一个人向前走"),
    ],
)
def test_what_it_has_never_read_is_said(known: KnownCaptions, description: str, word: str) -> None:
    assert word in known.coverage(description).unknown


def test_a_report_replaces_what_is_between_the_marks(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text(f"# Card\n{BEGIN}\nold\n{END}\n## Limits\n")
    write_into_card(card, "# Evaluation of x\n\nsplit: test\n\n## Targets\n\n| a |\n")
    assert card.read_text() == (
        f"# Card\n{BEGIN}\n\nsplit: test\n\n### Targets\n\n| a |\n\n{END}\n## Limits\n"
    )


def test_a_card_without_marks_is_refused(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text("# Card\n")
    with pytest.raises(InputError, match="needs the two lines"):
        marked(card)
    with pytest.raises(InputError, match="cannot read"):
        marked(tmp_path / "none.md")
