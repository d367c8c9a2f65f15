"""The retrieval engine, and the table of motion engines."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from motion_agent.ablation.motionllm import EngineRow, engine_table, write_engine_report
from motion_agent.cli import app
from motion_agent.motion_core.datasets import Caption, Clip, PreparedDataset
from motion_agent.motion_core.engine import (
    CaptionEngine,
    GenerationRequest,
    MotionEngine,
    Take,
    TokenEngine,
)
from motion_agent.motion_core.errors import InputError
from motion_agent.motion_core.evaluation import Estimate
from motion_agent.motion_core.evaluation.report import MotionScores
from motion_agent.motion_core.retrieval import RetrievalEngine, load_retrieval
from motion_agent.motion_core.studio import Studio
from motion_agent.motion_core.timeline import Timeline

CAPTIONS = (
    ("a person walks forward", "someone strolls ahead"),
    ("a person kicks with the left leg", "a kick with the left foot"),
    ("a person kicks with the right leg", "a kick with the right foot"),
    ("an old man bows deeply", "a bow"),
    ("a person walks forward", "a person is walking"),
)
FRAMES = 48


@pytest.fixture(scope="module")
def engine() -> RetrievalEngine:
    rng = np.random.default_rng(0)
    features = np.concatenate(
        [
            np.full((FRAMES, 263), number) + 0.1 * rng.normal(size=(FRAMES, 263))
            for number in range(len(CAPTIONS))
        ]
    ).astype(np.float16)
    clips = tuple(
        Clip(f"toy/{number}", f"toy/{number}", "toy", "walk", None, None, False, "train",
             tuple(Caption(text, "custom") for text in captions), number * FRAMES, FRAMES)
        for number, captions in enumerate(CAPTIONS)
    )  # fmt: skip
    zeros, ones = np.zeros(263, np.float32), np.ones(263, np.float32)
    return RetrievalEngine(PreparedDataset(clips, (), features, zeros, ones, {}))


@pytest.mark.parametrize(
    ("description", "clip"),
    [
        ("a man kicks with his left leg", "toy/1"),
        ("kicking, right foot", "toy/2"),
        ("someone takes a deep bow", "toy/3"),
        ("somebody is strolling ahead", "toy/0"),
    ],
)
def test_the_nearest_caption_decides(engine: RetrievalEngine, description: str, clip: str) -> None:
    assert engine.nearest_clip(description).id == clip


def test_the_seed_draws_among_equally_near_clips_only(engine: RetrievalEngine) -> None:
    drawn = {engine.nearest_clip("a person walks forward", seed=seed).id for seed in range(20)}
    assert drawn == {"toy/0", "toy/4"}
    again = [engine.nearest_clip("a person walks forward", seed=3).id for _ in range(3)]
    assert len(set(again)) == 1
    assert engine.nearest_clip("a person walks forward", seed=9, greedy=True).id == "toy/0"


def test_a_take_is_the_clip_bit_for_bit(engine: RetrievalEngine) -> None:
    request = GenerationRequest("an old man bows deeply")
    (take,) = engine.generate([request])
    clip = engine.nearest_clip(request.description)
    assert take.tokens == ()
    assert take.features is not None
    assert take.features.tobytes() == engine._dataset.features(clip).tobytes()
    others = [GenerationRequest("kicking, right foot"), request, GenerationRequest("a bow", seed=3)]
    assert engine.generate(others)[1] == take


def test_a_motion_of_one_clip_keeps_its_bits_and_several_are_blended(
    engine: RetrievalEngine,
) -> None:
    studio = Studio(engine)
    bow = studio.render(Timeline().insert("an old man bows deeply"))
    clip = engine.nearest_clip("an old man bows deeply")
    assert bow.motions[1].features.tobytes() == engine._dataset.features(clip).tobytes()
    assert bow.motions[1].tokens == ()
    both = studio.render(bow.timeline.insert("someone strolls ahead"))
    assert len(both.motions[1]) == 2 * FRAMES
    assert both.timeline.segments[0] == bow.timeline.segments[0]
    if both.timeline.blends:  # what a blend does not reach is the clip's
        assert both.motions[1].features[:20].tobytes() == bow.motions[1].features[:20].tobytes()
    again = studio.open(both.motions[1])
    assert again.segments == both.timeline.segments
    assert studio.caption(bow.motions[1]) == "an old man bows deeply"


def test_a_clip_is_cut_or_repeated_to_the_wished_duration(engine: RetrievalEngine) -> None:
    bow = "an old man bows deeply"
    free, short, long = (
        take.features
        for take in engine.generate(
            [GenerationRequest(bow, seconds=seconds) for seconds in (None, 1.0, 6.0)]
        )
    )
    assert free is not None and short is not None and long is not None
    assert np.array_equal(short, free[:20])
    assert long.shape == (120, 263)
    assert np.array_equal(long[: FRAMES - 16], free[: FRAMES - 16])


def test_a_caption_is_that_of_the_clip_that_moves_most_alike(engine: RetrievalEngine) -> None:
    near = np.full((FRAMES, 263), 1.1, dtype=np.float32)
    assert engine.caption([Take(features=near)]) == ["a person kicks with the left leg"]
    with pytest.raises(InputError, match="reads features"):
        engine.caption([Take((1, 2, 3))])


def test_it_keeps_the_promises_of_an_engine(engine: RetrievalEngine) -> None:
    assert isinstance(engine, MotionEngine) and isinstance(engine, CaptionEngine)
    assert not isinstance(engine, TokenEngine)
    assert engine.coverage("an old man explodes").unknown == ("explodes",)
    assert engine.coverage("a person walked").score == 1
    progress: list[tuple[int, int]] = []
    engine.generate([GenerationRequest("a bow")] * 2, progress=lambda *args: progress.append(args))
    assert progress == [(1, 2), (2, 2)]
    for request in (
        GenerationRequest(" "),
        GenerationRequest("x" * 400),
        GenerationRequest("bow", seconds=900),
        GenerationRequest("bow", seconds=-1),
    ):
        with pytest.raises(InputError):  # fmt: skip
            engine.generate([request])


def test_without_a_data_set_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no prepared data set in"):
        load_retrieval(tmp_path)


def test_engines_stand_in_one_table(tmp_path: Path) -> None:
    half = Estimate(0.5, 0.125)
    scores = MotionScores("generated", (half, half, half), 0.25, Estimate(3.0, 0.5),
                          Estimate(9.0), None, None, 4.0)  # fmt: skip
    rows = [
        EngineRow("motionllm toy", "gemma", 64, 83_100_000, scores, 10.0),
        EngineRow("retrieval", "", None, None, scores, 1.0),
    ]
    assert engine_table(rows).rows[0] == (
        "motionllm toy", "gemma", "64", "83.1M", "50.0 ± 12.5 %", "50.0 ± 12.5 %",
        "50.0 ± 12.5 %", "0.250", "3.000 ± 0.500", "9.000",
    )  # fmt: skip
    assert engine_table(rows).rows[1][1:4] == ("–", "–", "–")
    paths = write_engine_report(rows, tmp_path, ["4 clips"])
    assert [path.name for path in paths] == ["engines.md", "engines.csv", "engines.json"]
    assert "| motionllm toy | gemma | 64 | 83.1M |" in paths[0].read_text(encoding="utf-8")


@pytest.mark.slow
def test_what_is_trained_of_the_default_checkpoint_is_counted() -> None:
    from motion_agent.ablation.motionllm import trainable_parameters
    from motion_agent.motion_core.motionllm.checkpoint import DEFAULT_CHECKPOINT, load_checkpoint

    # 9,768,960 of the adapter; 514 motion rows of 576 in the embedding and in the head, less the
    # start token, which the head does not have.
    rows = 2 * 514 * 576 - (514 - 513) * 576
    count = trainable_parameters(load_checkpoint(DEFAULT_CHECKPOINT))
    assert count == 9_768_960 + rows


FILE_ENGINE = """
from motion_agent.motion_core.errors import GenerationError
from motion_agent.motion_core.fake import FakeEngine

class Mine(FakeEngine):
    name = "mine"
    def generate(self, requests, **facts):
        if any("explodes" in request.description for request in requests):
            raise GenerationError("nobody explodes")
        return super().generate(requests, **facts)
"""


def test_an_engine_of_a_file_is_measured_without_a_data_set(tmp_path: Path) -> None:
    file, captions = tmp_path / "mine.py", tmp_path / "captions.txt"
    file.write_text(FILE_ENGINE)
    captions.write_text("a person walks\na person waves\n\na person jumps\na man explodes\n")
    told = ["ablate", "--engine", f"{file}:Mine", "--captions", str(captions), "--seed", "3"]
    result = CliRunner().invoke(app, [*told, "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    [row] = json.loads((tmp_path / "out" / "engines.json").read_text())
    assert (row["engine"], row["scores"]["clips"], row["scores"]["failed"]) == ("mine", 3, 1)
    assert row["scores"]["fid"] is None and row["scores"]["r_precision"][2]["value"] <= 0.75
    page = (tmp_path / "out" / "engines.md").read_text(encoding="utf-8")
    assert "FID needs the real motions of a data set and was not measured" in page
    assert "- all captions of" in page and "seed 3" in page
