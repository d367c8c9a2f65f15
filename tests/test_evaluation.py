"""`evaluate`, with an engine that understands and with a deaf one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from evaluation_toys import (
    ACTIONS,
    LABELS,
    captions_of,
    dataset,
    pose_of,
    replaced,
    toy_dataset,
    trained,
    with_captions,
)

from motion_agent.motion_core.datasets import labels_in_caption
from motion_agent.motion_core.engine import Coverage, GenerationRequest, MotionEngine, Take
from motion_agent.motion_core.errors import (
    ConfigurationError,
    GenerationError,
    InputError,
    UnavailableError,
)
from motion_agent.motion_core.evaluation import EvaluationOptions, evaluate
from motion_agent.motion_core.tokenizer import MotionTokenizer, TokenizerConfig

__all__ = ["dataset", "trained"]  # fixtures

FEW = EvaluationOptions(limit=8, repeats=2)
FEW_ALL = EvaluationOptions(repeats=2, captions=False)


class ToyEngine:
    """Its tokens are label numbers. A `deaf` engine makes motions of any label."""

    name = "toy-1"

    def __init__(self, *, deaf: bool = False) -> None:
        self.deaf = deaf
        self.requests: list[GenerationRequest] = []
        self.batches: list[int] = []

    def generate(self, requests: Sequence[GenerationRequest], **control):
        self.requests += requests
        self.batches.append(len(requests))
        return [Take(self._tokens(request)) for request in requests]

    def _tokens(self, request: GenerationRequest) -> tuple[int, ...]:
        count = 6 if request.seconds is None else round(request.seconds * 5)
        if self.deaf:
            return (int(np.random.default_rng(request.seed).integers(len(LABELS))),) * count
        return (LABELS.index(labels_in_caption(request.description)),) * count

    def caption(self, takes, **control):
        if self.deaf:
            return ["a person walks"] * len(takes)
        return [captions_of(take.tokens[0])[0] for take in takes]

    def encode(self, features):
        apart = [np.linalg.norm(features.mean(0) - pose_of(n)) for n in range(len(LABELS))]
        return (int(np.argmin(apart)),) * max(1, len(features) // 4)

    def decode(self, tokens, **control):
        return np.repeat([pose_of(token) for token in tokens], 4, axis=0).astype(np.float32)

    def coverage(self, description: str) -> Coverage:
        return Coverage(1.0)


@pytest.fixture(scope="module")
def reports(dataset, trained):
    """Of an engine that understands, and of a deaf one."""
    options = EvaluationOptions(batch=16, multimodality=4, takes=4)
    return {
        deaf: evaluate(ToyEngine(deaf=deaf), dataset, trained[0], options=options)
        for deaf in (False, True)
    }


# Evaluation -------------------------------------------------------------------------------


def scores_of(report, name: str):
    """Scores of a set of motions for the first kind of captions."""
    return next(scores for scores in report.motions if scores.name == name)


def test_engine_that_understands_is_as_good_as_the_real_motions(reports):
    report = reports[False]
    assert [scores.name for scores in report.motions] == [
        *("real", "reconstructed", "generated", "retrieval")
    ]
    for scores in report.motions:
        assert scores.r_precision[2].value > 0.9
        assert (scores.clips, scores.failed) == (36, 0)
    assert scores_of(report, "generated").action.value > 0.9
    assert all(target.met for target in report.targets[:3])


def test_deaf_engine_scores_chance_and_misses_the_targets(reports):
    report = reports[True]
    real, generated = scores_of(report, "real"), scores_of(report, "generated")
    assert real.r_precision[2].value > 0.9  # the same clips, captions and candidates
    assert generated.r_precision[2].value < 0.35
    assert generated.distance.value > 2 * real.distance.value
    assert generated.action.value < 0.5
    assert [target.met for target in report.targets[:3]] == [True, False, False]


def test_captions_are_held_against_real_motions_and_other_captions(reports):
    own, generated, nearest = reports[False].kinds[0].captions
    assert (own.name, nearest.name) == ("own", "nearest training clip")
    assert own.r_precision == scores_of(reports[False], "real").r_precision
    assert generated.r_precision[2].value > 0.9
    assert generated.rouge_l.value == 1.0
    assert generated.bleu_4 == generated.bleu_1 == pytest.approx(1.0)
    assert generated.cider.value > 1 and generated.bert_score is None
    [bert] = [note for note in reports[False].notes if note.startswith("BERTScore")]
    assert "not run: needs --bert-score" in bert
    assert nearest.r_precision[2].value > 0.9
    deaf = reports[True].kinds[0].captions[1]
    assert deaf.r_precision[2].value < 0.2  # one caption for all
    assert deaf.rouge_l.value < 0.7


def test_fid_and_multimodality_tell_the_engines_apart(reports):
    assert scores_of(reports[False], "generated").fid < scores_of(reports[True], "generated").fid
    # The same caption, the same motion; or any motion.
    assert reports[False].multimodality.value == pytest.approx(0.0, abs=1e-5)
    assert reports[True].multimodality.value > 1.0


def test_captions_of_each_kind_are_measured_apart_and_by_their_actions(dataset, trained):
    described = with_captions(dataset, "humanml3d", ("a man turns", "he walks and then he waves"))
    report = evaluate(ToyEngine(deaf=True), described, trained[0], options=FEW)
    people, labels = report.kinds
    assert (people.kind, people.clips) == ("people", 6)  # the walks
    assert (labels.kind, labels.clips) == ("labels", 8)  # the limit
    assert report.motions == people.motions
    by_actions = people.breakdowns[1]
    assert by_actions.by == "actions"
    assert set(by_actions.clips) == {"1", "2"}
    assert sum(by_actions.clips.values()) == 6
    assert set(by_actions.top3["1"]) == {"real", "reconstructed", "generated", "retrieval"}
    assert people.breakdowns[0].clips == {"toy": 6}
    text = report.to_markdown()
    assert "## Captions by people: 6 clips, 6 candidates" in text
    assert "## Class labels: 8 clips" in text
    assert "| top-3 by actions in the caption | clips | real |" in text


def test_long_clips_are_not_measured(dataset, trained):
    clips = tuple(
        replace(clip, start=0, length=241) if clip.action == "bow" else clip
        for clip in dataset.clips
    )
    report = evaluate(ToyEngine(), replaced(dataset, clips), trained[0], options=FEW_ALL)
    assert report.kinds[0].clips == 30
    assert "longer than 12 s and mirrored copies are not measured" in report.to_markdown()


def test_failed_generations_are_counted_as_misses(dataset, trained):
    class Failing(ToyEngine):
        def generate(self, requests, *, progress=None):
            if any("kick" in request.description for request in requests):
                raise GenerationError("nothing came out")
            return super().generate(requests)

    report = evaluate(Failing(), dataset, trained[0], options=FEW_ALL)
    generated = scores_of(report, "generated")
    assert (generated.clips, generated.failed) == (30, 6)
    assert generated.r_precision[2].value <= 30 / 36
    assert report.kinds[0].breakdowns[2].top3["kick"]["generated"].value == 0.0
    assert "| failed | 0 | 0 | 6 | 0 |" in report.to_markdown()


def test_engine_that_always_fails_leaves_a_report(dataset, trained):
    class Failing(ToyEngine):
        def generate(self, requests, *, progress=None):
            raise GenerationError("nothing came out")

    report = evaluate(
        Failing(), dataset, trained[0], options=EvaluationOptions(limit=8, multimodality=1)
    )
    generated = scores_of(report, "generated")
    assert (generated.clips, generated.failed, generated.fid) == (0, 8, None)
    assert report.multimodality is None
    assert report.targets[1].reached is None
    assert "| 8 |" in report.to_markdown()


def test_retrieval_answers_with_training_clips_only(dataset, trained):
    retrieval = scores_of(evaluate(ToyEngine(), dataset, trained[0], options=FEW), "retrieval")
    lengths = [clip.length for clip in dataset.split("train")]
    assert min(lengths) / 20 <= retrieval.seconds <= max(lengths) / 20


@pytest.mark.parametrize(("split", "clips"), [("train", 144), ("validation", 36), ("all", 216)])
def test_every_split_can_be_measured(split, clips, dataset, trained):
    options = EvaluationOptions(split=split, repeats=1, captions=False)
    report = evaluate(ToyEngine(), dataset, trained[0], options=options)
    assert report.kinds[0].clips == clips
    assert report.setting["split"] == split


def test_every_test_clip_is_asked_for_once_with_its_own_caption_and_seed(dataset, trained):
    engine, stages = ToyEngine(), []
    options = EvaluationOptions(batch=16, captions=False, seed=5)
    evaluate(engine, dataset, trained[0], options=options, progress=lambda *t: stages.append(t))
    clips = [clip for clip in dataset.split("test") if not clip.mirrored]
    assert isinstance(engine, MotionEngine)
    assert engine.batches == [16, 16, 4]
    assert all(r.description in c.texts for r, c in zip(engine.requests, clips, strict=True))
    assert [request.seed for request in engine.requests] == list(range(5, 5 + 36))
    assert {request.seconds for request in engine.requests} == {None}
    assert ("generating for labels", 32, 36) in stages
    assert ("encoding real motions", 36, 36) in stages


def test_options_reach_the_engine(dataset, trained):
    engine = ToyEngine()
    options = EvaluationOptions(limit=10, match_length=True, greedy=True, repeats=1)
    report = evaluate(engine, dataset, trained[0], options=options)
    assert report.kinds[0].clips == 10
    lengths = {clip.length / 20 for clip in dataset.split("test")}
    assert {request.seconds for request in engine.requests} <= lengths
    assert all(request.greedy for request in engine.requests)


def test_same_seed_same_report(dataset, trained):
    first, second = (
        evaluate(ToyEngine(), dataset, trained[0], options=EvaluationOptions(limit=12, repeats=2))
        for _ in range(2)
    )
    assert replace(first, seconds=0) == replace(second, seconds=0)


def test_engine_with_a_tokenizer_has_it_measured(dataset, trained):
    engine = ToyEngine()
    engine.tokenizer = MotionTokenizer(TokenizerConfig(width=8, codes=16))
    report = evaluate(engine, dataset, trained[0], options=EvaluationOptions(limit=4))
    assert report.tokenizer.overall.clips == 36  # all of the split
    assert "tokenizer: local joint error" in report.to_markdown()
    assert report.targets[6].reached == report.tokenizer.overall.mpjpe_mm


def test_fewer_labels_than_candidates_are_told_in_the_report(trained):
    report = evaluate(ToyEngine(), toy_dataset(labels=7, takes=2), trained[0])
    assert report.kinds[0].candidates == 7
    assert "has 7 candidate captions instead of 32" in report.to_markdown()


def test_splits_that_cannot_be_measured_are_refused(trained):
    with pytest.raises(InputError, match="test split has no clips"):
        evaluate(ToyEngine(), toy_dataset(labels=3, takes=1, test_takes=0), trained[0])
    with pytest.raises(InputError, match="fewer than 2 labels"):
        evaluate(ToyEngine(), toy_dataset(labels=1, takes=1), trained[0])


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"limit": 1}, {"candidates": 1}, {"takes": 1}])
def test_options_that_measure_nothing_are_refused(wrong):
    with pytest.raises(ConfigurationError, match="give at least"):
        EvaluationOptions(**wrong)


# Report -----------------------------------------------------------------------------------


def test_markdown_shows_targets_tables_and_intervals(reports):
    text = reports[True].to_markdown()
    lines = text.splitlines()
    target = next(line for line in lines if "top-3 of generated motions" in line)
    assert target.endswith("| ≥ 80 % | " + target.split(" | ")[2] + " | missed |")
    assert "not measured" in next(line for line in lines if "local joint error" in line)
    head = next(line for line in lines if line.startswith("| text to motion |"))
    assert head == "| text to motion | real | reconstructed | generated | retrieval |"
    for row in ("R-precision top-1", "MM-Dist", "Diversity", "recognised action"):
        line = next(line for line in lines if line.startswith((f"| {row} |", f"| {row} ↓ |")))
        assert line.count("±") == 4
        assert line.count("|") == head.count("|")
    assert next(line for line in lines if line.startswith("| FID ↓")).count(" of 36 ") == 4
    assert sum(line.startswith(f"| {action} |") for line in lines for action in ACTIONS) == 6
    assert "| bow | 6 |" in text


def test_json_holds_the_same_numbers(reports, tmp_path):
    markdown, machine = reports[True].save(tmp_path)
    values = json.loads(machine.read_text())
    motions = values["kinds"][0]["motions"]
    assert motions[2]["name"] == "generated"
    assert motions[2]["fid"] == reports[True].motions[2].fid
    assert values["targets"][1]["met"] is False
    assert values["kinds"][0]["captions"][1]["bleu_4"] == reports[True].kinds[0].captions[1].bleu_4
    assert markdown.read_text() == reports[True].to_markdown()


def test_report_into_a_file_is_refused(reports, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(UnavailableError, match="choose"):
        reports[False].save(tmp_path / "taken")
