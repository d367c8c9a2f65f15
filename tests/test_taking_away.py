"""A motion as a page, as bytes and as JSON, without a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.motion import Motion, Segment


@pytest.fixture(scope="module")
def motion() -> Motion:
    segment = Segment("s1", "a person </script> walks", tuple(range(32, 42)))
    return Motion(FakeEngine().decode(segment.tokens), (segment,))


def test_the_page_is_that_of_an_export(motion: Motion, tmp_path: Path) -> None:
    assert motion.to_html() == motion.export(tmp_path / "a.html").read_text(encoding="utf-8")


def test_the_glb_is_that_of_an_export(motion: Motion, tmp_path: Path) -> None:
    assert motion.to_glb() == motion.export(tmp_path / "a.glb").read_bytes()


def test_the_json_moves_the_joints_to_where_they_are(motion: Motion) -> None:
    value = json.loads(motion.to_json())
    tracks = {track["name"]: track for track in value["clip"]["tracks"]}
    times = tracks["pelvis.position"]["times"]
    assert len(times) == len(motion)
    assert value["clip"]["duration"] == times[-1]
    found = np.zeros((len(motion), 22, 3))
    turns = [Rotation.identity(len(motion))] * 22
    for joint, bone in enumerate(value["bones"]):
        name, parent = bone["name"], bone["parent"]
        moved = tracks.get(f"{name}.position", {"values": bone["position"] * len(motion)})
        step = np.reshape(moved["values"], (-1, 3))
        above = turns[parent] if parent >= 0 else Rotation.identity(len(motion))
        found[:, joint] = above.apply(step) + (found[:, parent] if parent >= 0 else 0.0)
        turned = tracks.get(f"{name}.quaternion")
        own = Rotation.from_quat(np.reshape(turned["values"], (-1, 4))) if turned else None
        turns[joint] = above * own if own is not None else above
    assert np.abs(found - motion.joints).max() < 0.02
    assert value["segments"][0]["description"] == "a person </script> walks"
