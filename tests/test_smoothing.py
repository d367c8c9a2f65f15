"""Our NumPy versions give SciPy's results."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import solveh_banded
from scipy.ndimage import gaussian_filter1d, maximum_filter1d, uniform_filter1d
from scipy.spatial.transform import Rotation

from motion_agent.motion_core import rotations
from motion_agent.motion_core.formats.posing import _tridiagonal_solution
from motion_agent.motion_core.smoothing import gaussian, largest_around, low_pass


@pytest.mark.parametrize("frames", [1, 2, 7, 300])
def test_filters_are_those_of_scipy(frames: int) -> None:
    signal = np.random.default_rng(frames).normal(size=(frames, 3)).cumsum(0)
    nearest = {"axis": 0, "mode": "nearest"}
    for sigma in (3, 14.0, 20):
        expected = gaussian_filter1d(signal, sigma, **nearest)
        np.testing.assert_allclose(gaussian(signal, sigma), expected, atol=1e-12)
        np.testing.assert_allclose(gaussian(signal[:, 0], sigma), expected[:, 0], atol=1e-12)
    expected = uniform_filter1d(signal, 9, **nearest)
    np.testing.assert_allclose(low_pass(signal, np.ones(9)), expected, atol=1e-12)
    for size in (9, 20):
        expected = maximum_filter1d(signal[:, 0], size)
        np.testing.assert_array_equal(largest_around(signal[:, 0], size), expected)


def test_quaternions_of_matrices_are_those_of_scipy() -> None:
    turns = Rotation.random(400, random_state=0).as_matrix()
    half_turns = [np.diag(signs) for signs in ([1, -1, -1], [-1, 1, -1], [-1, -1, 1], [1, 1, 1])]
    matrices = np.concatenate([turns, np.array(half_turns, np.float64)])
    found = rotations.from_matrix(matrices.reshape(4, 101, 3, 3)).reshape(-1, 4)
    np.testing.assert_allclose(
        np.roll(found, -1, axis=-1), Rotation.from_matrix(matrices).as_quat(), atol=1e-12
    )


@pytest.mark.parametrize("rows", [1, 2, 500])
def test_a_tridiagonal_system_is_solved_as_by_scipy(rows: int) -> None:
    random = np.random.default_rng(rows)
    diagonal, right = random.uniform(3, 4, rows), random.normal(size=rows)
    found = _tridiagonal_solution(diagonal, -1.4, right)
    bands = np.stack([np.full(rows, -1.4), diagonal])
    expected = solveh_banded(bands, right) if rows > 1 else right / diagonal
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("axes", ["zxy", "xyz", "y", "xz", "zxz"])
def test_rotations_in_turn_are_those_of_scipy(axes: str) -> None:
    angles = np.random.default_rng(0).uniform(-7, 7, (50, len(axes)))
    expected = Rotation.from_euler(axes.upper(), angles).as_matrix()
    np.testing.assert_allclose(rotations.euler_matrices(axes, angles), expected, atol=1e-14)
