"""The matching network and `evaluate`, on a data set whose labels are easy to tell apart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from motion_agent.motion_core.datasets import (
    Clip,
    PreparedDataset,
    labels_in_caption,
    make_captions,
)
from motion_agent.motion_core.engine import Coverage, GenerationRequest, MotionEngine, Take
from motion_agent.motion_core.errors import (
    ConfigurationError,
    InputError,
    IntegrityError,
    UnavailableError,
)
from motion_agent.motion_core.evaluation import (
    EvaluationOptions,
    MatchingConfig,
    MatchingNetwork,
    MatchingTraining,
    evaluate,
    train_matching,
)
from motion_agent.motion_core.evaluation.command import main as evaluate_command
from motion_agent.motion_core.evaluation.matching_training import (
    matching_losses,
    new_network,
    split_takes,
    validate,
)
from motion_agent.motion_core.evaluation.recognition import Recogniser
from motion_agent.motion_core.evaluation.train import main as train_command
from motion_agent.motion_core.evaluation.words import BUCKETS, Vocabulary
from motion_agent.motion_core.tokenizer import MotionTokenizer, TokenizerConfig

ACTIONS = ("walk", "run", "bow", "kick", "punch", "squat")
STYLES = (None, "angry", "happy", "old", "sad", "tired")
LABELS = tuple((action, style) for action in ACTIONS for style in STYLES)  # 36
SMALL = {"width": 24, "word_width": 16, "text_width": 16, "space": 24, "dropout": 0.0}


def captions_of(number: int) -> tuple[str, ...]:
    """Two captions that say the whole label."""
    wordings = make_captions(*LABELS[number], seed=0, count=20)
    return tuple(text for text in wordings if labels_in_caption(text) == LABELS[number])[:2]


def pose_of(number: int) -> np.ndarray:
    """The pose (263,) of a label: that of its action and, weaker, that of its style."""
    action, style = LABELS[number]
    poses = np.random.default_rng(7).normal(size=(len(ACTIONS) + len(STYLES), 263))
    return poses[ACTIONS.index(action)] + 0.7 * poses[len(ACTIONS) + STYLES.index(style)]


def toy_dataset(*, labels: int = len(LABELS), takes: int = 4, test_takes: int = 1):
    """Training and test clips of each label, each with a mirrored copy."""
    rng = np.random.default_rng(0)
    clips, rows, start = [], [], 0
    for number, (action, style) in enumerate(LABELS[:labels]):
        for take in range(takes + test_takes):
            for mirrored in (False, True):
                length, name = 12 + int(rng.integers(-3, 4)), f"toy/{number}_{take}"
                clips.append(
                    Clip(
                        id=name + (":mirrored" if mirrored else ""),
                        source="toy",
                        action=action,
                        style=style,
                        actor=None,
                        take=str(take),
                        mirrored=mirrored,
                        split="train" if take < takes else "test",
                        captions=captions_of(number),
                        start=start,
                        length=length,
                    )
                )
                rows.append(pose_of(number) + 0.3 * rng.normal(size=(length, 263)))
                start += length
    features = np.concatenate(rows).astype(np.float16)
    mean, std = np.zeros(263, np.float32), np.ones(263, np.float32)
    return PreparedDataset(tuple(clips), features, mean, std, {})


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
def dataset() -> PreparedDataset:
    return toy_dataset()


@pytest.fixture(scope="module")
def trained(dataset, tmp_path_factory) -> tuple[MatchingNetwork, object]:
    folder = tmp_path_factory.mktemp("matching")
    torch.manual_seed(0)
    options = MatchingTraining(
        steps=60,
        batch=64,
        learning_rate=1e-2,
        margin=5.0,
        contrast=5.0,
        recognition=10.0,
        validate_every=30,
        validation=0.2,
    )
    train_matching(dataset, folder, options=options, network=new_network(dataset, **SMALL))
    return MatchingNetwork.load(folder), folder


@pytest.fixture(scope="module")
def reports(dataset, trained):
    """Of an engine that understands, and of a deaf one."""
    options = EvaluationOptions(batch=16, multimodality=4, takes=4)
    return {
        deaf: evaluate(ToyEngine(deaf=deaf), dataset, trained[0], options=options)
        for deaf in (False, True)
    }


def _untrained() -> MatchingNetwork:
    torch.manual_seed(1)
    return MatchingNetwork(MatchingConfig(words=("a", "walks"), **SMALL)).eval()


# Words ------------------------------------------------------------------------------------


def test_vocabulary_knows_frequent_words_and_hashes_the_rest():
    vocabulary = Vocabulary.from_captions(["A man walks.", "a man's walk", "the man runs"])
    assert vocabulary.words == ("a", "man")
    first = 1 + BUCKETS
    ids = vocabulary.encode("A MAN cartwheels, somersaults!")
    assert ids[:2] == [first, first + 1]
    assert all(1 <= i <= BUCKETS for i in ids[2:])
    assert ids == vocabulary.encode("a man cartwheels somersaults")
    assert ids[2] != ids[3]
    assert vocabulary.forget(ids)[2:] == ids[2:]
    assert all(1 <= i <= BUCKETS for i in vocabulary.forget(ids))


def test_caption_without_a_word_is_refused():
    with pytest.raises(InputError, match="no word"):
        Vocabulary(("a",)).encode(" ... ")


# Network ----------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [1, 4, 13, 30])
def test_point_of_a_motion_does_not_depend_on_its_batch(length):
    network = _untrained()
    rng = np.random.default_rng(length)
    motion = rng.normal(size=(length, 263)).astype(np.float32)
    others = [rng.normal(size=(n, 263)).astype(np.float32) for n in (7, 61, 34)]
    alone = network.embed_motions([motion])[0]
    together = network.embed_motions([others[0], motion, *others[1:]])[1]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_points_keep_the_order_of_motions_and_captions_over_batches():
    network = _untrained()
    rng = np.random.default_rng(0)
    motions = [rng.normal(size=(n, 263)).astype(np.float32) for n in (40, 5, 22, 9, 31)]
    whole, pairs = (network.embed_motions(motions, batch=batch) for batch in (5, 2))
    np.testing.assert_allclose(whole, pairs, atol=1e-5)
    captions = ["a walks a", "a", "walks a", "who walks there now"]
    whole, pairs = (network.embed_captions(captions, batch=batch) for batch in (4, 1))
    np.testing.assert_allclose(whole, pairs, atol=1e-5)


def test_foot_contacts_are_not_read():
    network = _untrained()
    motion = np.random.default_rng(0).normal(size=(20, 263)).astype(np.float32)
    other = motion.copy()
    other[:, 259:] += 5
    np.testing.assert_array_equal(network.embed_motions([motion]), network.embed_motions([other]))


def test_embedding_refuses_nothing_and_other_shapes():
    network = _untrained()
    with pytest.raises(InputError, match="no motion"):
        network.embed_motions([])
    with pytest.raises(InputError, match="no caption"):
        network.embed_captions([])
    with pytest.raises(InputError, match=r"\(20, 22\)"):
        network.embed_motions([np.zeros((20, 22), np.float32)])


def test_saved_network_is_float16_and_gives_the_same_points(tmp_path):
    network = _untrained()
    network.mean.fill_(1e-6)  # would be lost in float16
    path = network.save(tmp_path)
    loaded = MatchingNetwork.load(tmp_path)
    assert loaded.config == network.config
    np.testing.assert_array_equal(loaded.mean, network.mean)
    motion = np.random.default_rng(0).normal(size=(20, 263)).astype(np.float32)
    np.testing.assert_allclose(
        loaded.embed_motions([motion]), network.embed_motions([motion]), atol=5e-3
    )
    with safe_open(path, "pt") as file:
        assert file.get_tensor("motion_encoder.first.weight").dtype == torch.float16


def test_default_size_with_1500_words_fits_the_checkpoint(tmp_path):
    config = MatchingConfig(words=tuple(f"w{n}" for n in range(1500)))
    assert MatchingNetwork(config).save(tmp_path).stat().st_size <= 2.5e6


def test_loading_tells_missing_foreign_and_damaged_files_apart(tmp_path):
    with pytest.raises(ConfigurationError, match="train one with"):
        MatchingNetwork.load(tmp_path)
    path = tmp_path / "matching.safetensors"
    save_file({"x": torch.zeros(2)}, path)
    with pytest.raises(ConfigurationError, match="not a matching network"):
        MatchingNetwork.load(tmp_path)
    path = _untrained().save(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(IntegrityError, match="damaged"):
        MatchingNetwork.load(path)
    with safe_open(_untrained().save(tmp_path), "pt") as file:
        header, tensors = file.metadata(), {"mean": file.get_tensor("mean")}
    save_file(tensors, path, metadata=header)
    with pytest.raises(IntegrityError, match="do not fit"):
        MatchingNetwork.load(path)


def test_statistics_must_be_finite():
    with pytest.raises(InputError, match="finite"):
        MatchingNetwork(MatchingConfig(words=("a",)), mean=np.full(263, np.nan))


# Training ---------------------------------------------------------------------------------


def test_margin_and_contrast_by_hand():
    # Rows 0 and 2 have one label: neither pushes the other away.
    motions = torch.tensor([[0.0], [3.0], [0.0]])
    captions = torch.tensor([[1.0], [3.0], [0.0]])
    margin, contrast = matching_losses(motions, captions, torch.tensor([0, 1, 0]), margin=4.0)
    # own: 1, 0, 0; other distances: |0-3|, |3-1|, |3-0|, |0-3|
    assert margin.item() == pytest.approx(1 / 3 + (1 + 4 + 1 + 1) / 4, rel=1e-3)

    def nats(own: float, *others: float) -> float:
        return own + float(np.log(np.exp(-np.array([own, *others])).sum()))

    by_motion = (nats(1, 3) + nats(0, 2, 3) + nats(0, 3)) / 3
    by_caption = (nats(1, 2) + nats(0, 3, 3) + nats(0, 3)) / 3
    assert contrast.item() == pytest.approx((by_motion + by_caption) / 2, rel=1e-3)


def test_takes_are_set_aside_whole_and_labels_keep_one(dataset):
    clips = dataset.split("train")
    training, aside = split_takes(clips, 0.2, seed=0)
    assert len(aside) == 29  # of 144 takes, without the mirrored copies
    assert not any(clip.mirrored for clip in aside)
    names = {clip.id for clip in aside}
    assert not any(clip.id.removesuffix(":mirrored") in names for clip in training)
    assert len(training) == len(clips) - 2 * len(aside)
    _, greedy = split_takes(clips, 0.99, seed=0)
    assert len(greedy) == 144 - 36
    assert split_takes(clips, 0.0, seed=0)[1] == ()


def test_training_learns_to_match_unseen_takes(dataset, trained):
    network, folder = trained
    clips = [clip for clip in dataset.split("test") if not clip.mirrored]
    untrained = validate(new_network(dataset, **SMALL), dataset, clips)
    first, third = validate(network, dataset, clips)
    assert untrained[1] < 0.3
    assert first > 0.7
    assert third > 0.9
    recogniser = Recogniser(network, dataset.split("train"))
    assert set(recogniser.labels) == set(LABELS)
    points = network.embed_motions([dataset.features(clip) for clip in clips])
    recognised = recogniser.recognise(points)
    pairs = list(zip(recognised, clips, strict=True))
    assert np.mean([said[0] == clip.action for said, clip in pairs]) > 0.9
    assert np.mean([said[1] == clip.style for said, clip in pairs]) > 0.8
    assert (folder / "log.csv").read_text().startswith("step,loss,margin,contrast,recognition")


def test_stopped_training_ends_where_an_uninterrupted_one_does(dataset, tmp_path, monkeypatch):
    options = MatchingTraining(steps=6, batch=8, validate_every=4)

    def train(folder):
        torch.manual_seed(0)
        network = new_network(dataset, **{**SMALL, "dropout": 0.1})
        return train_matching(dataset, folder, options=options, network=network)

    whole = train(tmp_path / "whole")
    from motion_agent.motion_core.evaluation import matching_training

    step = matching_training._Trainer.step

    def stop_at_four(self, number):
        if number == 3:
            import os
            import signal

            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, number)

    with monkeypatch.context() as patch:
        patch.setattr(matching_training._Trainer, "step", stop_at_four)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "parts")
    assert not (tmp_path / "parts" / "matching.safetensors").exists()
    resumed = train(tmp_path / "parts")
    for name, tensor in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], tensor, rtol=0, atol=0, msg=name)


def test_training_of_other_data_in_the_folder_is_refused(dataset, tmp_path):
    options = MatchingTraining(steps=1, batch=4)
    train_matching(dataset, tmp_path, options=options, network=new_network(dataset, **SMALL))
    other = toy_dataset(labels=8, takes=2)
    with pytest.raises(ConfigurationError, match="choose another folder"):
        train_matching(other, tmp_path, options=options, network=new_network(other, **SMALL))


def test_training_needs_clips_of_two_labels(tmp_path):
    with pytest.raises(InputError, match="fewer than 2 labels"):
        train_matching(toy_dataset(labels=1), tmp_path)
    with pytest.raises(InputError, match="fewer than 2 labels"):
        train_matching(toy_dataset(takes=0), tmp_path)


# Evaluation -------------------------------------------------------------------------------


def test_engine_that_understands_is_as_good_as_the_real_motions(reports):
    real, reconstructed, generated = reports[False].motions
    assert (real.name, reconstructed.name) == ("real", "reconstructed")
    assert reconstructed.r_precision[2].value > 0.9
    assert real.r_precision[2].value > 0.9
    assert generated.r_precision[2].value > 0.9
    assert generated.action.value > 0.9
    assert reports[False].targets[0].met is True
    assert reports[False].captions.action.value == 1.0


def test_deaf_engine_scores_chance_and_misses_the_targets(reports):
    report = reports[True]
    real, _, generated = report.motions
    assert real.r_precision[2].value > 0.9  # the same clips, captions and candidates
    assert generated.r_precision[2].value < 0.35
    assert generated.distance.value > 2 * real.distance.value
    assert generated.action.value < 0.5
    assert report.targets[0].met is False
    assert report.captions.action.value == pytest.approx(1 / 6)
    assert report.captions.style.value == 0.0


def test_fid_and_multimodality_tell_the_engines_apart(reports):
    assert reports[False].motions[2].fid < reports[True].motions[2].fid
    # The same caption, the same motion; or any motion.
    assert reports[False].multimodality.value == pytest.approx(0.0, abs=1e-5)
    assert reports[True].multimodality.value > 1.0


def test_every_test_clip_is_asked_for_once_with_its_own_caption_and_seed(dataset, trained):
    engine, told = ToyEngine(), []
    options = EvaluationOptions(batch=16, captions=False, seed=5)
    evaluate(engine, dataset, trained[0], options=options, progress=lambda *t: told.append(t))
    clips = [clip for clip in dataset.split("test") if not clip.mirrored]
    assert isinstance(engine, MotionEngine)
    assert engine.batches == [16, 16, 4]
    assert all(r.description in c.captions for r, c in zip(engine.requests, clips, strict=True))
    assert [request.seed for request in engine.requests] == list(range(5, 5 + 36))
    assert {request.seconds for request in engine.requests} == {None}
    assert ("generating motions", 32, 36) in told
    assert ("encoding real motions", 36, 36) in told


def test_options_reach_the_engine(dataset, trained):
    engine = ToyEngine()
    options = EvaluationOptions(limit=10, match_length=True, greedy=True, repeats=1)
    report = evaluate(engine, dataset, trained[0], options=options)
    assert report.setting["clips"] == 10
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
    assert report.targets[3].reached == report.tokenizer.overall.mpjpe_mm


def test_fewer_labels_than_candidates_are_told_in_the_report(trained):
    report = evaluate(ToyEngine(), toy_dataset(labels=7, takes=2), trained[0])
    assert report.setting["candidates"] == 7
    assert "only 7 labels" in report.to_markdown()


def test_splits_that_cannot_be_measured_are_refused(trained):
    with pytest.raises(InputError, match="test split has no clips"):
        evaluate(ToyEngine(), toy_dataset(labels=3, takes=1, test_takes=0), trained[0])
    with pytest.raises(InputError, match="at least 2 labels"):
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
    assert target.endswith("| ≥ 85 % | " + target.split(" | ")[2] + " | missed |")
    assert "not measured" in next(line for line in lines if "local joint error" in line)
    real = next(line for line in lines if line.startswith("| real "))
    assert real.count("±") == 7
    head = next(line for line in lines if line.startswith("| motions "))
    assert real.count("|") == head.count("|")
    assert sum(line.startswith(f"| {action} |") for line in lines for action in ACTIONS) == 6
    assert "| bow | 6 |" in text


def test_json_holds_the_same_numbers(reports, tmp_path):
    markdown, machine = reports[True].save(tmp_path)
    values = json.loads(machine.read_text())
    assert values["motions"][2]["name"] == "generated"
    assert values["motions"][2]["fid"] == reports[True].motions[2].fid
    assert values["targets"][0]["met"] is False
    assert values["captions"]["action"]["value"] == pytest.approx(1 / 6)
    assert markdown.read_text() == reports[True].to_markdown()


def test_report_into_a_file_is_refused(reports, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(UnavailableError, match="choose"):
        reports[False].save(tmp_path / "taken")


# Commands ---------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [train_command, evaluate_command])
def test_commands_end_in_one_line_without_a_data_set(command, tmp_path, capsys):
    assert command(["--data", str(tmp_path / "none"), "--out", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: no prepared data set")
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_train_command_tells_the_precision_of_real_test_motions(
    dataset, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(PreparedDataset, "load", classmethod(lambda cls, folder: dataset))
    assert train_command(["--out", str(tmp_path), "--steps", "1", "--batch", "4"]) == 0
    assert "R-precision of 36 real test motions: top-1" in capsys.readouterr().out
    assert (tmp_path / "matching.safetensors").stat().st_size < 2.5e6
