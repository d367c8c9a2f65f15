"""A data set whose labels are easy to tell apart, and a matching network trained on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from motion_agent.motion_core.datasets import (
    Caption,
    Clip,
    PreparedDataset,
    Recording,
    labels_in_caption,
    make_captions,
)
from motion_agent.motion_core.evaluation import MatchingNetwork, MatchingTraining, train_matching
from motion_agent.motion_core.evaluation.matching_training import new_network

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


def toy_network(dataset: PreparedDataset, **sizes) -> MatchingNetwork:
    """Small, and without a backbone's word vectors."""
    return new_network(dataset, **{**SMALL, **sizes, "backbone": None})
