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
    Caption,
    Clip,
    PreparedDataset,
    Recording,
    labels_in_caption,
    make_captions,
)
from motion_agent.motion_core.datasets.licences import CAPTION_SOURCES
from motion_agent.motion_core.engine import Coverage, GenerationRequest, MotionEngine, Take
from motion_agent.motion_core.errors import (
    ConfigurationError,
    GenerationError,
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
    matching_training,
    train_matching,
    word_vectors,
)
from motion_agent.motion_core.evaluation.matching_training import (
    _chances,
    held_out_pairs,
    matching_losses,
    new_network,
    validate,
)
from motion_agent.motion_core.evaluation.pairs import pairs_of
from motion_agent.motion_core.evaluation.recognition import Recogniser
from motion_agent.motion_core.evaluation.word_vectors import backbone_words
from motion_agent.motion_core.evaluation.words import BUCKETS, Vocabulary
from motion_agent.motion_core.tokenizer import MotionTokenizer, TokenizerConfig

ACTIONS = ("walk", "run", "bow", "kick", "punch", "squat")
STYLES = (None, "angry", "happy", "old", "sad", "tired")
LABELS = tuple((action, style) for action in ACTIONS for style in STYLES)  # 36
FEW = EvaluationOptions(limit=8, repeats=2)
FEW_ALL = EvaluationOptions(repeats=2, captions=False)
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
    """Training, validation and test clips of each label, each with a mirrored copy."""
    rng = np.random.default_rng(0)
    splits = ["train"] * takes + ["validation"] * min(takes, 1) + ["test"] * test_takes
    clips, recordings, rows, start = [], [], [], 0
    for number, (action, style) in enumerate(LABELS[:labels]):
        for take, split in enumerate(splits):
            for mirrored in (False, True):
                length, group = 12 + int(rng.integers(-3, 4)), f"toy/{number}_{take}"
                name = group + (":mirrored" if mirrored else "")
                at = {"source": "toy", "split": split, "start": start, "length": length}
                recordings.append(
                    Recording(id=name, action=action, group=group, mirrored=mirrored, **at)
                )
                clips.append(
                    Clip(
                        id=name,
                        recording=name,
                        action=action,
                        style=style,
                        actor=None,
                        mirrored=mirrored,
                        captions=tuple(Caption(text, "labels") for text in captions_of(number)),
                        **at,
                    )
                )
                rows.append(pose_of(number) + 0.3 * rng.normal(size=(length, 263)))
                start += length
    features = np.concatenate(rows).astype(np.float16)
    mean, std = np.zeros(263, np.float32), np.ones(263, np.float32)
    return PreparedDataset(tuple(clips), tuple(recordings), features, mean, std, {})


def replaced(dataset: PreparedDataset, clips: tuple[Clip, ...]) -> PreparedDataset:
    """The data set with other clips on the same recordings."""
    features, mean, std = dataset._features, dataset.mean, dataset.std
    return PreparedDataset(clips, dataset.recordings, features, mean, std, {})


def with_captions(dataset: PreparedDataset, source: str, texts: tuple[str, ...]) -> PreparedDataset:
    """The data set where each walk also has captions of another source."""
    more = tuple(Caption(text, source) for text in texts)
    return replaced(
        dataset,
        tuple(
            replace(clip, captions=(*clip.captions, *more)) if clip.action == "walk" else clip
            for clip in dataset.clips
        ),
    )


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
        average=0.8,
        validate_every=30,
    )
    train_matching(dataset, folder, options=options, network=toy_network(dataset))
    return MatchingNetwork.load(folder), folder


@pytest.fixture(scope="module")
def reports(dataset, trained):
    """Of an engine that understands, and of a deaf one."""
    options = EvaluationOptions(batch=16, multimodality=4, takes=4)
    return {
        deaf: evaluate(ToyEngine(deaf=deaf), dataset, trained[0], options=options)
        for deaf in (False, True)
    }


def toy_network(dataset: PreparedDataset, **sizes) -> MatchingNetwork:
    """Small, and without a backbone's word vectors."""
    return new_network(dataset, **{**SMALL, **sizes, "backbone": None})


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
    labels = torch.tensor([0, 1, 0])
    margin, contrast = matching_losses(motions, captions, labels[:, None] != labels, margin=4.0)
    # own: 1, 0, 0; other distances: |0-3|, |3-1|, |3-0|, |0-3|
    assert margin.item() == pytest.approx(1 / 3 + (1 + 4 + 1 + 1) / 4, rel=1e-3)

    def nats(own: float, *others: float) -> float:
        return own + float(np.log(np.exp(-np.array([own, *others])).sum()))

    by_motion = (nats(1, 3) + nats(0, 2, 3) + nats(0, 3)) / 3
    by_caption = (nats(1, 2) + nats(0, 3, 3) + nats(0, 3)) / 3
    assert contrast.item() == pytest.approx((by_motion + by_caption) / 2, rel=1e-3)


def test_pairs_of_one_label_or_group_mean_the_same(dataset):
    clip, other, third = (replace(dataset.clips[row], action="other") for row in (0, 1, 10))
    same = pairs_of(dataset, [clip, other])  # a take and its mirrored copy
    assert len(same) == 4  # two captions each
    assert {pair.group for pair in same} == {"toy/0_0"}
    assert len({pair.meaning for pair in same}) == 1
    # No rule could name either, so they need not show the same.
    assert pairs_of(dataset, [third])[0].meaning != same[0].meaning
    named = pairs_of(dataset, dataset.clips[12:14])
    assert {pair.meaning for pair in named} == {"walk|angry"}


def test_captions_are_drawn_by_the_weight_of_their_source(dataset):
    first = replace(dataset.clips[0], captions=(Caption("walks", "kit-ml"), Caption("x", "labels")))
    clips = [first, *dataset.split("train")[1:]]
    chances = _chances(dataset, clips)
    assert chances[0] / chances[1] == pytest.approx(1 / CAPTION_SOURCES["labels"].weight)
    assert chances.sum() == pytest.approx(1)
    # A clip that a person described is drawn more often than its mirrored copy, which has labels.
    assert chances[:2].sum() / chances[2:4].sum() == pytest.approx(1 / 0.7)
    assert [pair.kind for pair in pairs_of(dataset, [first])] == ["people", "labels"]


def test_people_s_captions_are_what_is_validated_where_there_are_some(dataset):
    assert len(held_out_pairs(dataset, "validation")) == 72
    described = with_captions(dataset, "humanml3d", ("he moves",))
    pairs = held_out_pairs(described, "validation")
    assert {pair.caption.text for pair in pairs} == {"he moves"}
    assert len(pairs) == len(STYLES)


def test_words_of_a_backbone_are_known_beyond_the_captions_and_stay_fixed(
    dataset, tmp_path, monkeypatch
):
    class Tokens:
        names = ("Ġwalk", "Ġswim", "Ġbow", "s", "x")

        def get_vocab(self):
            return {name: place for place, name in enumerate(self.names)}

        def encode(self, text, add_special_tokens):
            stem = "Ġ" + text[1:].removesuffix("s")
            known = [self.names.index(stem)] if stem in self.names else [4]
            return known + ([3] if text.endswith("s") else [])

    class Backbone:
        def get_input_embeddings(self):
            torch.manual_seed(0)
            return torch.nn.Embedding(5, 12)

    monkeypatch.setattr(word_vectors, "load_backbone", lambda name: (Backbone(), Tokens()))
    words, vectors = backbone_words(["walks", "bow"], 8)
    assert words == ("bow", "swim", "walk", "walks")
    assert vectors.shape == (4, 8)
    assert vectors.std() == pytest.approx(1.0)
    network = new_network(dataset, **SMALL)
    assert "swim" in network.config.words
    before = network.text_encoder.words.weight.clone()
    train_matching(dataset, tmp_path, options=MatchingTraining(steps=2, batch=8), network=network)
    torch.testing.assert_close(network.text_encoder.words.weight, before, rtol=0, atol=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_training_on_a_gpu_gives_a_network_on_the_cpu(dataset, tmp_path):
    options = MatchingTraining(steps=2, batch=8)
    network = train_matching(
        dataset, tmp_path, options=options, network=toy_network(dataset), device="cuda"
    )
    assert network.device.type == "cpu"
    assert MatchingNetwork.load(tmp_path).embed_captions(["a person walks"]).shape == (1, 24)


def test_training_learns_to_match_unseen_takes(dataset, trained):
    network, folder = trained
    clips = [clip for clip in dataset.split("test") if not clip.mirrored]
    pairs = held_out_pairs(dataset, "test")
    assert len(pairs) == 72  # each clip with its two captions
    assert validate(toy_network(dataset), dataset, pairs).top[2].value < 0.3
    found = validate(network, dataset, pairs)
    assert found.top[0].value > 0.7
    assert found.top[2].value > 0.9
    recogniser = Recogniser(network, dataset.split("train"))
    assert set(recogniser.labels) == set(LABELS)
    points = network.embed_motions([dataset.features(clip) for clip in clips])
    recognised = recogniser.recognise(points)
    pairs = list(zip(recognised, clips, strict=True))
    assert np.mean([labels[0] == clip.action for labels, clip in pairs]) > 0.9
    assert np.mean([labels[1] == clip.style for labels, clip in pairs]) > 0.8
    assert (folder / "log.csv").read_text().startswith("step,loss,margin,contrast,recognition")


def test_stopped_training_ends_where_an_uninterrupted_one_does(dataset, tmp_path, monkeypatch):
    options = MatchingTraining(steps=6, batch=8, validate_every=4)

    def train(folder):
        torch.manual_seed(0)
        network = toy_network(dataset, dropout=0.1)
        return train_matching(dataset, folder, options=options, network=network)

    whole = train(tmp_path / "whole")
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
    train_matching(dataset, tmp_path, options=options, network=toy_network(dataset))
    other = toy_dataset(labels=8, takes=2)
    with pytest.raises(ConfigurationError, match="choose another folder"):
        train_matching(other, tmp_path, options=options, network=toy_network(other))


def test_training_needs_clips_of_two_labels(tmp_path):
    with pytest.raises(InputError, match="fewer than 2 labels"):
        train_matching(toy_dataset(labels=1), tmp_path)
    with pytest.raises(InputError, match="fewer than 2 labels"):
        train_matching(toy_dataset(takes=0), tmp_path)


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
    assert generated.bleu_4 == pytest.approx(1.0)
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
    assert "longer than 12 s are not measured" in report.to_markdown()


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
