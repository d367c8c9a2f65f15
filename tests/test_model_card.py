"""The shipped model card says what was measured, and is filled by `motion-agent evaluate`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from motion_agent.cli.evaluate import BEGIN, END, marked, write_into_card
from motion_agent.motion_core.errors import InputError
from motion_agent.motion_core.motionllm import load_checkpoint
from motion_agent.motion_core.motionllm.engine import DEFAULT_CHECKPOINT

CARD = DEFAULT_CHECKPOINT / "README.md"


def test_the_card_tells_the_numbers_of_the_recorded_evaluation() -> None:
    measured = json.loads((DEFAULT_CHECKPOINT / "evaluation.json").read_text())
    _, tables, _ = marked(CARD)
    assert len(measured["targets"]) == 6
    for target in measured["targets"]:
        assert f"{target['reached']:.2f}{target['unit']} | met |" in tables
        assert target["met"]
    for motions in measured["motions"]:
        top3 = motions["r_precision"][2]["value"]
        assert f"| {motions['name']} |" in tables and f"{100 * top3:.1f} ±" in tables


def test_the_recorded_evaluation_is_of_the_shipped_weights() -> None:
    measured = json.loads((DEFAULT_CHECKPOINT / "evaluation.json").read_text())
    assert measured["engine"].endswith(load_checkpoint(DEFAULT_CHECKPOINT).version)


def test_the_checkpoint_stays_within_40_megabytes() -> None:
    assert sum(path.stat().st_size for path in DEFAULT_CHECKPOINT.iterdir()) <= 40e6


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
