"""The metrics against values computed by hand, closed forms and scipy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg

from motion_agent.motion_core.errors import InputError
from motion_agent.motion_core.evaluation import (
    Estimate,
    diversity,
    fid,
    matching_distance,
    multimodality,
    r_precision,
)
from motion_agent.motion_core.evaluation.action_count import actions_named, count_actions
from motion_agent.motion_core.evaluation.captions import bleu_4, rouge_l, share


def _labels(count: int, of: int) -> list[str]:
    return [f"label {row % of}" for row in range(count)]


# Estimates --------------------------------------------------------------------------------


def test_interval_is_1_96_standard_errors_of_the_mean():
    estimate = Estimate.of_mean([1.0, 2.0, 3.0, 4.0])
    assert estimate.value == 2.5
    assert estimate.interval == pytest.approx(1.96 * np.std([1, 2, 3, 4], ddof=1) / 2)


def test_one_sample_has_no_interval_and_none_is_an_error():
    assert Estimate.of_mean([3.0]) == Estimate(3.0, None)
    with pytest.raises(InputError, match="no samples"):
        Estimate.of_mean([])


# R-precision ------------------------------------------------------------------------------


def test_captions_at_their_motions_are_found_every_time():
    points = np.random.default_rng(0).normal(size=(80, 8))
    found = r_precision(points, points, _labels(80, 40))
    assert found.candidates == 32
    assert [top.value for top in found.top] == [1.0, 1.0, 1.0]


def test_unrelated_captions_are_found_as_often_as_by_chance():
    rng = np.random.default_rng(1)
    motions, captions = rng.normal(size=(2, 2000, 16))
    top = r_precision(motions, captions, _labels(2000, 50), repeats=5).top
    assert [t.value for t in top] == pytest.approx([1 / 32, 2 / 32, 3 / 32], abs=0.015)


def test_an_encoder_that_maps_all_to_one_point_scores_chance():
    points = np.ones((3200, 4))
    top = r_precision(points, points, _labels(3200, 64), repeats=4).top
    assert top[2].value == pytest.approx(3 / 32, abs=0.01)


def test_rank_is_that_of_the_own_caption_among_the_others():
    motions = np.zeros((4, 1))
    captions = np.array([[1.0], [2.0], [3.0], [4.0]])  # nearest to every motion: the first
    found = r_precision(motions, captions, ["a", "b", "c", "d"], repeats=3)
    assert found.candidates == 4
    np.testing.assert_array_equal(found.hits, [[1, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 0]])


def test_captions_of_the_same_label_are_never_candidates():
    # The other "a" is nearer to the first motion than its own caption, and must not count.
    motions = np.array([[0.0], [0.0], [9.0]])
    captions = np.array([[1.0], [0.5], [9.0]])
    found = r_precision(motions, captions, ["a", "a", "b"])
    assert found.candidates == 2
    assert found.hits[:, 0].tolist() == [1.0, 1.0, 1.0]


def test_draws_are_repeated_by_the_seed():
    rng = np.random.default_rng(2)
    motions, captions = rng.normal(size=(2, 100, 4))
    labels = _labels(100, 40)
    first = r_precision(motions, captions, labels, seed=5).hits
    np.testing.assert_array_equal(first, r_precision(motions, captions, labels, seed=5).hits)
    assert not np.array_equal(first, r_precision(motions, captions, labels, seed=6).hits)


def test_every_other_label_is_drawn_equally_often():
    # Label 0's motion is beaten by label 7's caption alone: by how often 7 is a candidate.
    labels = [f"{row:02}" for row in range(40)]
    captions = np.full((40, 1), 5.0)
    captions[0], captions[7] = 1.0, 0.5
    found = r_precision(np.zeros((40, 1)), captions, labels, candidates=11, repeats=4000)
    assert 1 - found.hits[0, 0] == pytest.approx(10 / 39, abs=0.03)


def test_captions_of_the_same_group_are_never_candidates():
    # Row 1 has another label than row 0, but shows nearly the same: it is as near and no rival.
    motions = np.array([[0.0], [0.0], [5.0], [9.0]])
    captions = np.array([[0.1], [0.0], [5.0], [9.0]])
    labels = ["walk", "stroll", "jump", "bow"]
    assert r_precision(motions, captions, labels).top[0].value < 1.0
    found = r_precision(motions, captions, labels, groups=["a", "a", "b", "c"])
    assert found.candidates == 3
    assert found.top[0].value == 1.0
    with pytest.raises(InputError, match="outside of each motion's group"):
        r_precision(motions, captions, labels, groups=["a"] * 4)


@pytest.mark.parametrize(
    ("motions", "captions", "labels", "message"),
    [
        (np.ones((3, 2)), np.ones((3, 2)), ["a"] * 3, "at least 2 labels"),
        (np.ones((3, 2)), np.ones((2, 2)), ["a"] * 3, "same shape"),
        (np.ones((3, 2)), np.ones((3, 2)), ["a"] * 2, "2 labels for 3 motions"),
        (np.ones((0, 2)), np.ones((0, 2)), [], "not empty"),
        (np.full((2, 2), np.nan), np.ones((2, 2)), ["a", "b"], "NaN"),
    ],
)
def test_r_precision_refuses_what_it_cannot_measure(motions, captions, labels, message):
    with pytest.raises(InputError, match=message):
        r_precision(motions, captions, labels)


# FID --------------------------------------------------------------------------------------


def _with_moments(rng, count, mean, covariance):
    """Samples whose sample mean and covariance are exactly these."""
    white = rng.normal(size=(count, len(mean)))
    white -= white.mean(axis=0)
    white = white @ np.linalg.inv(np.linalg.cholesky(np.cov(white.T))).T
    return white @ np.linalg.cholesky(covariance).T + mean


def test_fid_of_two_gaussians_with_diagonal_covariances_has_a_closed_form():
    rng = np.random.default_rng(3)
    one = _with_moments(rng, 50, np.array([0.0, 0.0]), np.diag([1.0, 4.0]))
    other = _with_moments(rng, 70, np.array([3.0, -1.0]), np.diag([9.0, 1.0]))
    # |(3, -1)|² + (1 - 3)² + (2 - 1)²
    assert fid(one, other) == pytest.approx(10 + 4 + 1, rel=1e-10)


def test_fid_agrees_with_the_matrix_square_root():
    rng = np.random.default_rng(4)
    one = rng.normal(size=(200, 6)) @ rng.normal(size=(6, 6))
    other = rng.normal(size=(150, 6)) @ rng.normal(size=(6, 6)) + 0.5
    left, right = np.cov(one.T), np.cov(other.T)
    root = scipy.linalg.sqrtm(left @ right).real
    shift = one.mean(0) - other.mean(0)
    expected = shift @ shift + np.trace(left + right - 2 * root)
    assert fid(one, other) == pytest.approx(expected, rel=1e-9)


def test_fid_of_a_set_with_itself_is_zero_also_with_fewer_samples_than_dimensions():
    few = np.random.default_rng(5).normal(size=(10, 128))
    assert fid(few, few[::-1]) == pytest.approx(0.0, abs=1e-9)
    assert fid(few, few + np.eye(128)[0] * 2) == pytest.approx(4.0, rel=1e-9)


def test_fid_grows_with_the_distance():
    few = np.random.default_rng(6).normal(size=(30, 64))
    assert fid(few, few * 1.1) < fid(few, few * 1.5) < fid(few, few * 3)


def test_fid_refuses_single_motions_and_other_dimensions():
    with pytest.raises(InputError, match="at least 2"):
        fid(np.ones((1, 3)), np.ones((5, 3)))
    with pytest.raises(InputError, match="3 and 4 dimensions"):
        fid(np.ones((5, 3)), np.ones((5, 4)))


# Distances --------------------------------------------------------------------------------


def test_matching_distance_is_the_mean_distance_of_the_pairs():
    estimate = matching_distance([[0.0, 0.0], [1.0, 1.0]], [[3.0, 4.0], [1.0, 2.0]])
    assert estimate.value == 3.0
    assert estimate.interval == pytest.approx(1.96 * 2.0)


def test_diversity_of_points_at_two_places_is_half_their_distance():
    points = np.repeat([[0.0], [10.0]], 500, axis=0)
    assert diversity(points, repeats=40).value == pytest.approx(5.0, abs=0.2)
    assert diversity(np.array([[0.0], [10.0]])).value == 10.0
    with pytest.raises(InputError, match="at least 2"):
        diversity(np.zeros((1, 3)))


def test_multimodality_compares_takes_of_one_caption_only():
    far_captions = np.array([0.0, 1000.0])[:, None, None]
    takes = far_captions + np.array([0.0, 4.0])[None, :, None]  # (2, 2, 1)
    assert multimodality(takes).value == 4.0
    assert multimodality(np.zeros((3, 6, 2))).value == 0.0
    with pytest.raises(InputError, match="2 or more takes"):
        multimodality(np.zeros((3, 1, 2)))


# Captions ---------------------------------------------------------------------------------


def test_rouge_l_by_hand():
    # common: "a man forward"; precision 3/4, recall 3/5
    score = rouge_l("a man strides forward", "A man walks slowly forward.")
    precision, recall = 3 / 4, 3 / 5
    assert score == pytest.approx(2.44 * precision * recall / (recall + 1.44 * precision))
    assert rouge_l("a man walks", "a man walks") == pytest.approx(1.0)
    assert rouge_l("", "a man walks") == 0.0
    assert rouge_l("nothing shared", "a man walks") == 0.0


def test_bleu_4_by_hand():
    captions = ["a man walks forward slowly", "the man sits"]
    references = [["a man walks forward", "he walks on"], ["the man sits down on a chair"]]
    # n-grams found: 4+3 of 5+3 words, 3+2 of 4+2 pairs, 2+1 of 3+1 triples, 1+0 of 2+0.
    mean = (7 / 8 * 5 / 6 * 3 / 4 * 1 / 2) ** 0.25
    # 8 words, nearest references 4 and 7.
    assert bleu_4(captions, references) == pytest.approx(mean * np.exp(1 - 11 / 8))
    assert bleu_4(["a man walks on"], [["a man walks on"]]) == pytest.approx(1.0)
    assert bleu_4(["a man walks"], [["a man walks"]]) == 0.0  # no four words in a row
    # "the" occurs twice in a reference: the third is not found.
    clipped = bleu_4(["the the the man walks away now"], [["the the man walks away now"]])
    assert clipped == pytest.approx((6 / 7 * 5 / 6 * 4 / 5 * 3 / 4) ** 0.25)


@pytest.mark.parametrize(
    ("caption", "actions"),
    [
        ("a person walks up and down", 1),
        ("a man raises his left and right arm", 1),
        ("a person walks forward, turns around and sits down", 3),
        ("someone walks while waving", 2),
        ("he stands still before he runs, then he jumps followed by a kick.", 4),
        ("the person is jogging", 1),
        ("salsa", 1),
        ("A HUMAN STOPPED AND LAY DOWN", 2),
    ],
)
def test_actions_are_the_parts_of_a_caption_with_a_verb_of_motion(caption, actions):
    assert count_actions(caption) == actions
    assert actions_named(caption) == {1: "1", 2: "2"}.get(actions, "3+")


def test_share_of_motions_that_are_all_right_is_not_certain():
    assert share([None, None]) is None
    assert share([True, None, False, True, True]) == share([True, False, True, True])
    all_right = share([True] * 20)
    assert all_right.value == 1.0
    assert all_right.interval == pytest.approx(1.96 * np.sqrt(22 / 24 * 2 / 24 / 24))
