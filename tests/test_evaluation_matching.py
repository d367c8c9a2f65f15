"""The matching network: its words, its points, its training and its file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from evaluation_toys import (
    LABELS,
    SMALL,
    STYLES,
    dataset,
    toy_dataset,
    toy_network,
    trained,
    with_captions,
)
from safetensors import safe_open
from safetensors.torch import save_file

from motion_agent.motion_core.datasets import Caption
from motion_agent.motion_core.datasets.licences import CAPTION_SOURCES
from motion_agent.motion_core.errors import ConfigurationError, InputError, IntegrityError
from motion_agent.motion_core.evaluation import (
    MatchingConfig,
    MatchingNetwork,
    MatchingTraining,
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

__all__ = ["dataset", "trained"]  # fixtures


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
