"""Real motion capture: Bandai-Namco against its reference joints, CMU's two forms of one take."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest

from motion_agent.motion_core.formats import read_joints, read_motion, write_bvh
from motion_agent.motion_core.representation import resample
from motion_agent.motion_core.skeleton import PARENTS

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
TRIALS = ("01", "04")  # a walk, and a jump on the spot
LIMBS = (4, 5, 7, 8, 18, 19, 20, 21)  # knees, ankles, elbows, wrists: the bones that end there


def extract(archive: str, members: set[str], folder: Path) -> Path:
    """Only these files of an archive; it is read no further than the last of them."""
    path = DATA / archive
    if not path.exists():
        pytest.skip(f"no {path}: these tests need the motion capture data of the project")
    left = set(members)
    with tarfile.open(path, "r|xz") as tar:
        for member in tar:
            if member.name in left:
                source = tar.extractfile(member)
                assert source is not None
                target = folder / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read())
                left.remove(member.name)
                if not left:
                    return folder
    raise AssertionError(f"{archive} lacks {left}")


@pytest.fixture(scope="session")
def cmu(tmp_path_factory: pytest.TempPathFactory) -> Path:
    members = {f"cmu/002_{trial}.bvh" for trial in TRIALS} | {"cmu/007_03.bvh"}
    members |= {f"cmu/asfamc/02_{trial}.amc" for trial in TRIALS} | {"cmu/asfamc/02.asf"}
    return extract("cmu.tar.xz", members, tmp_path_factory.mktemp("cmu")) / "cmu"


@pytest.fixture(scope="session")
def bandai(tmp_path_factory: pytest.TempPathFactory) -> Path:
    members = {f"bvh/{name}.bvh" for name in ("dataset-1_bow_old_001", "dataset-1_kick_normal_001")}
    return extract("bandai-namco.tar.xz", members, tmp_path_factory.mktemp("bandai")) / "bvh"


@pytest.fixture(scope="session")
def hdm05(tmp_path_factory: pytest.TempPathFactory) -> Path:
    members = {"hdm05/HDM_bd_depositFloorR_001_120.amc", "hdm05/HDM_bd.asf"}
    return extract("hdm05.tar.xz", members, tmp_path_factory.mktemp("hdm05")) / "hdm05"


@pytest.mark.parametrize("name", ["dataset-1_bow_old_001", "dataset-1_kick_normal_001"])
def test_bandai_namco_reproduces_the_reference_joints(bandai: Path, name: str) -> None:
    with np.load(DATA / "humanml3d-sample" / "reference" / f"{name}.npz") as reference:
        expected = reference["joints"]
    joints, fps = read_joints(bandai / f"{name}.bvh")
    assert fps == 30
    found = resample(joints, fps=fps)[: len(expected)]
    np.testing.assert_allclose(found, expected, atol=2e-4)  # metres


@pytest.mark.parametrize("trial", TRIALS)
def test_the_same_take_as_bvh_and_as_asf_amc_agrees(cmu: Path, trial: str) -> None:
    bvh, fps = read_joints(cmu / f"002_{trial}.bvh")
    assert fps == 60
    amc, fps = read_joints(cmu / "asfamc" / f"02_{trial}.amc")
    assert fps == 120
    amc = amc[1::2][: len(bvh)]  # BVH was made of every second frame, from the second on
    limbs, expected = directions(bvh), directions(amc)

    # The BVH files were turned about the vertical axis.
    flat = [each[..., 2] + 1j * each[..., 0] for each in (expected, limbs)]
    yaw = np.angle((flat[0] * flat[1].conj()).sum())
    c, s = np.cos(yaw), np.sin(yaw)
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    angles = np.degrees(np.arccos(np.clip(((limbs @ turn.T) * expected).sum(-1), -1, 1)))
    assert np.median(angles) < 1  # degrees; seen 0.6
    assert np.percentile(angles, 95) < 4  # seen 2.7

    # A longer-legged character takes the same path, larger.
    path = (bvh[:, 0] - bvh[0, 0]) @ turn.T
    root_path = amc[:, 0] - amc[0, 0]
    scale = leg(bvh) / leg(amc)
    assert 1.1 < scale < 1.2
    assert np.sqrt(((path - root_path * scale)[:, [0, 2]] ** 2).mean()) < 0.03  # metres


def directions(joints: np.ndarray) -> np.ndarray:
    bones = joints[:, list(LIMBS)] - joints[:, [PARENTS[joint] for joint in LIMBS]]
    return bones / np.linalg.norm(bones, axis=-1, keepdims=True)


def leg(joints: np.ndarray) -> float:
    return float(np.linalg.norm(joints[0, 4] - joints[0, 1])) + float(
        np.linalg.norm(joints[0, 7] - joints[0, 4])
    )


def test_cmu_bvh_without_its_reference_frame_starts_where_the_walk_starts(cmu: Path) -> None:
    joints, _ = read_joints(cmu / "007_03.bvh")
    assert len(joints) == 207  # of 208 frames
    assert np.linalg.norm(np.diff(joints, axis=0), axis=-1).max() < 0.15


def test_hdm05_stands_on_the_floor_in_metres(hdm05: Path) -> None:
    joints, fps = read_joints(hdm05 / "HDM_bd_depositFloorR_001_120.amc")
    assert (joints.shape, fps) == ((301, 22, 3), 120)
    assert -0.1 < joints[..., 1].min() < 0.1
    assert 1.5 < joints[0, 15, 1] < 1.7
    assert joints[:, 20:22, 1].min() < 0.5  # a hand goes to the floor


def test_recorded_motion_written_as_bvh_comes_back(
    bandai: Path, cmu: Path, hdm05: Path, tmp_path: Path
) -> None:
    for path in (
        bandai / "dataset-1_kick_normal_001.bvh",
        cmu / "002_04.bvh",
        cmu / "asfamc" / "02_04.amc",
        hdm05 / "HDM_bd_depositFloorR_001_120.amc",
    ):
        motion = read_motion(path)
        write_bvh(motion, tmp_path / "again.bvh")
        joints, _ = read_joints(tmp_path / "again.bvh")
        assert np.linalg.norm(joints - motion.joints, axis=-1).max() < 0.05, path  # constant bones
