"""The cheap checks of docs/reference/programs.md; benchmarks/foreign_readers has the rest."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from motion_agent import Motion, read_motion
from motion_agent.motion_core.exporting import EXPORTS, export
from motion_agent.motion_core.formats import READABLE_SUFFIXES, read_joints
from motion_agent.motion_core.formats.bvh_styles import BVH_STYLES

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def rough() -> Motion:
    """A walk whose bones change their length, as those of generated motions do."""
    walk = read_motion(REPOSITORY / "tests" / "samples" / "walk.npy")
    features = np.array(walk.features)
    features[:, 4:67] += np.random.default_rng(0).normal(scale=0.003, size=(len(walk), 63))
    return Motion(features)


@pytest.fixture(scope="module")
def research_bvh() -> ModuleType:
    path = REPOSITORY / "benchmarks" / "foreign_readers" / "research_bvh.py"
    spec = importlib.util.spec_from_file_location("research_bvh", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("style", list(BVH_STYLES))
def test_the_reader_of_research_code_reads_every_style(
    rough: Motion, tmp_path: Path, research_bvh: ModuleType, style: str
) -> None:
    (path,) = export(rough, tmp_path / "a.bvh", bvh=BVH_STYLES[style])
    names, places, seconds = research_bvh.read(path)
    unit = 0.01 if BVH_STYLES[style].unit == "cm" else 1.0
    order = [names.index(name) for name in BVH_STYLES[style].names]
    off = np.linalg.norm(unit * places[:, order] - rough.joints, axis=-1)
    assert seconds == pytest.approx(0.05) and off.mean() < 0.005 and off.max() < 0.03


def test_the_reader_of_research_code_fails_where_channels_are_mixed(
    tmp_path: Path, research_bvh: ModuleType
) -> None:
    walk = read_motion(REPOSITORY / "tests" / "samples" / "walk.npy")
    (path,) = export(walk, tmp_path / "a.bvh")
    lines = path.read_text().splitlines()
    last = max(at for at, line in enumerate(lines) if "CHANNELS 3" in line)
    lines[last] = lines[last].replace("3 ", "6 Xposition Yposition Zposition ", 1)
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match="reshape"):
        research_bvh.read(path)


@pytest.mark.parametrize(
    ("suffix", "most"),
    [
        *((suffix, 1e-5) for suffix in ("npz", "npy", "joints.npy")),
        *((suffix, 0.03) for suffix in ("bvh", "amass.npz")),
        ("glb", 0.12),  # on a human skeleton of our own: lengths are not carried over
    ],
)
def test_our_own_exports_come_back(rough: Motion, tmp_path: Path, suffix: str, most: float) -> None:
    (path,) = export(rough, tmp_path / f"a.{suffix}")
    joints, fps = read_joints(path)
    joints = joints[:: round(fps / 20)].astype(np.float64)
    assert joints.shape == rough.joints.shape
    moved = joints - joints.mean(axis=(0, 1)) + rough.joints.mean(axis=(0, 1))
    assert np.linalg.norm(moved - rough.joints, axis=-1).max() < most


def test_every_export_that_can_be_read_is_in_the_list_above() -> None:
    readable = {suffix for suffix in EXPORTS if Path(f"x.{suffix}").suffix in READABLE_SUFFIXES}
    assert readable == {"npz", "npy", "joints.npy", "bvh", "amass.npz", "glb"}
