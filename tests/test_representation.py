"""Joints ↔ 263 features, held against the values of the HumanML3D reference code."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from humanml3d_reference import (
    at_the_origin,
    on_the_standard_skeleton,
    reference_features,
    reference_joints,
)

from motion_agent.motion_core import rotations
from motion_agent.motion_core.errors import InputError
from motion_agent.motion_core.representation import (
    features_to_joints,
    features_to_root,
    joints_to_features,
    mirror_joints,
    resample,
)
from motion_agent.motion_core.skeleton import KINEMATIC_CHAINS, PARENTS, TARGET_OFFSETS

SAMPLES = Path(__file__).parent / "samples"
REFERENCES = (
    "dataset-1_bow_old_001",
    "dataset-1_kick_normal_001",
    "dataset-2_walk-turn-left_exhausted_001",
)
OWN = ("walk", "turn")  # of tests/samples
PUBLISHED = ("007005", "012314", "M010968")


def standing_person(frames: int = 30) -> np.ndarray:
    """Somebody in rest pose who walks 1 m along +z."""
    joints = np.zeros((frames, 22, 3))
    joints[:, 0, 1] = 0.95
    joints[:, 0, 2] = np.linspace(0, 1, frames)
    for chain in KINEMATIC_CHAINS:
        for parent, joint in pairwise(chain):
            joints[:, joint] = joints[:, parent] + TARGET_OFFSETS[joint]
    return joints


@pytest.mark.parametrize("name", REFERENCES)
def test_features_agree_with_the_reference_code(shared_data: Path, name: str) -> None:
    pair = np.load(shared_data / "humanml3d-sample" / "reference" / f"{name}.npz")
    features = joints_to_features(pair["joints"])
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, pair["features"], atol=1e-4)


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("size", [0.7, 1.0])
def test_features_agree_with_the_definition(name: str, size: float) -> None:
    joints = size * np.load(SAMPLES / f"{name}.npy").astype(np.float64)
    joints[:, 15] += [0, 0.03, 0]  # other proportions than the standard skeleton's
    np.testing.assert_allclose(joints_to_features(joints), reference_features(joints), atol=1e-4)


@pytest.mark.parametrize("name", OWN)
def test_joints_agree_with_the_definition(name: str) -> None:
    features = joints_to_features(np.load(SAMPLES / f"{name}.npy"))
    np.testing.assert_allclose(features_to_joints(features), reference_joints(features), atol=1e-5)


@pytest.mark.parametrize("name", OWN)
def test_joints_come_back_from_their_features(name: str) -> None:
    joints = np.load(SAMPLES / f"{name}.npy")
    expected = at_the_origin(on_the_standard_skeleton(joints.astype(np.float64)))
    # Smoothing turns every frame but the first, so the path starts turned by as much.
    found = features_to_joints(joints_to_features(joints))
    np.testing.assert_allclose(found[0], expected[0], atol=1e-5)
    steps = [np.linalg.norm(np.diff(each[:, 0], axis=0), axis=-1) for each in (found, expected)]
    np.testing.assert_allclose(steps[0], steps[1][:-1], atol=1e-5)
    for one, other in ((20, 21), (10, 15)):
        apart = [np.linalg.norm(e[:, one] - e[:, other], axis=-1) for e in (found, expected)]
        np.testing.assert_allclose(apart[0], apart[1][:-1], atol=1e-5)


@pytest.mark.parametrize("name", PUBLISHED)
def test_joints_agree_with_the_published_ones(shared_data: Path, name: str) -> None:
    folder = shared_data / "humanml3d-sample"
    features = np.load(folder / "new_joint_vecs" / f"{name}.npy")
    joints = np.load(folder / "new_joints" / f"{name}.npy")
    np.testing.assert_allclose(features_to_joints(features), joints[: len(features)], atol=1e-5)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_joints_come_back_within_the_tolerance_of_the_reference(
    shared_data: Path, name: str
) -> None:
    folder = shared_data / "humanml3d-sample"
    published = np.load(folder / "new_joint_vecs" / f"{name}.npy")
    features = joints_to_features(np.load(folder / "new_joints" / f"{name}.npy"))
    error = np.abs(features[: len(published)] - published[: len(features)])
    assert error[:, 67:193].max() < 0.02  # rotations
    assert error[:, :4].max() < 6e-4  # root


def test_a_person_walking_forward_moves_along_z_at_the_speed_they_walk() -> None:
    features = joints_to_features(standing_person())
    half_angle, root = features_to_root(features)
    np.testing.assert_allclose(half_angle, 0, atol=1e-6)
    np.testing.assert_allclose(np.diff(root[:, 2]), 1 / 29, atol=1e-5)
    np.testing.assert_allclose(root[:, 0], 0, atol=1e-6)


def test_where_somebody_stands_and_looks_does_not_matter() -> None:
    joints = standing_person()
    moved = joints + np.array([3, 0.5, -2])
    turned = rotations.rotate(rotations.about_y(np.array(1.1)), moved)
    np.testing.assert_allclose(joints_to_features(turned), joints_to_features(joints), atol=1e-5)


def test_size_does_not_matter() -> None:
    joints = standing_person()
    np.testing.assert_allclose(
        joints_to_features(joints * 1.3), joints_to_features(joints), atol=1e-5
    )


def test_mirroring_twice_changes_nothing_and_once_swaps_the_sides() -> None:
    joints = standing_person()
    joints[:, 20] += [0.1, 0.4, 0.2]  # the left wrist
    mirrored = mirror_joints(joints)
    np.testing.assert_array_equal(mirror_joints(mirrored), joints)
    np.testing.assert_allclose(mirrored[:, 21], joints[:, 20] * [-1, 1, 1])


def test_resampling_keeps_duration_and_path() -> None:
    joints = standing_person(frames=61)  # 2 s at 30 fps
    at_20 = resample(joints, fps=30)
    assert len(at_20) == 41
    np.testing.assert_allclose(at_20[:, 0, 2], np.linspace(0, 1, 41), atol=1e-12)
    assert len(resample(joints[:1], fps=30)) == 1


def test_batches_of_features_give_the_joints_of_each() -> None:
    one = joints_to_features(standing_person())
    two = joints_to_features(standing_person() * [1, 1, 0.5])
    both = features_to_joints(np.stack([one, two]))
    np.testing.assert_array_equal(both[1], features_to_joints(two))


@pytest.mark.parametrize(
    ("joints", "message"),
    [
        (np.zeros((5, 21, 3)), "shape"),
        (np.zeros((0, 22, 3)), "no frames"),
        (np.full((5, 22, 3), np.nan), "NaN"),
        (np.zeros((5, 22, 3)), "leg"),
        (standing_person() * 1e5, "metres"),
        (standing_person(1), "at least 2 frames"),
    ],
)
def test_joints_that_cannot_be_are_refused(joints: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        joints_to_features(joints)


def test_frame_rates_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="frames per second"):
        resample(standing_person(), fps=float("nan"))


def test_opposite_vectors_are_half_a_turn_apart() -> None:
    a = rotations.normalize(np.random.default_rng(0).normal(size=(50, 3)))
    for b in (a, -a, np.roll(a, 1, axis=0)):
        np.testing.assert_allclose(rotations.rotate(rotations.between(a, b), a), b, atol=1e-9)


def test_chains_and_parents_tell_the_same_tree() -> None:
    bones = {joint: parent for c in KINEMATIC_CHAINS for parent, joint in pairwise(c)}
    assert bones == {joint: parent for joint, parent in enumerate(PARENTS) if joint}
