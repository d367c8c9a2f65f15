"""JSON for three.js: bones, and the animation as ``THREE.AnimationClip.parse`` takes it.

    {"motion": "m-3fa9c1", "fps": 20, "seconds": 4.4, "segments": […],
     "bones": [{"name": "pelvis", "parent": -1, "position": [0, 0, 0]}, …],
     "clip": {"name": …, "duration": 4.4, "tracks": [
         {"name": "pelvis.position", "type": "vector", "times": […], "values": […]},
         {"name": "pelvis.quaternion", "type": "quaternion", …}, …]}}

    const bones = data.bones.map(({ name }) => Object.assign(new THREE.Bone(), { name }));
    data.bones.forEach(({ parent, position }, i) => {
      bones[i].position.fromArray(position);
      if (parent >= 0) bones[parent].add(bones[i]);
    });
    const mixer = new THREE.AnimationMixer(bones[0]);
    mixer.clipAction(THREE.AnimationClip.parse(data.clip)).play();

Metres, y up, facing +z.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ..motion import Motion
from ..skeleton import FPS, JOINT_NAMES, PARENTS
from .glb import motion_extras, quaternions
from .posing import CHILDREN, solve_pose

_DIGITS = 5  # hundredths of a millimetre


def three_json(motion: Motion) -> str:
    """Return bones and animation of a motion as JSON text."""
    pose = solve_pose(motion.joints.astype(np.float64))
    times = _rounded(np.arange(len(motion)) / FPS)
    tracks = [
        _track(f"{JOINT_NAMES[joint]}.position", "vector", times, values)
        for joint, values in pose.translations.items()
    ]
    for joint, children in enumerate(CHILDREN):
        if children:
            turns = quaternions(pose.rotations[:, joint])
            tracks.append(_track(f"{JOINT_NAMES[joint]}.quaternion", "quaternion", times, turns))
    name = "; ".join(segment.description for segment in motion.segments) or motion.id
    value = {
        **motion_extras(motion),
        "fps": FPS,
        "bones": [
            {"name": name, "parent": parent, "position": _rounded(offset)}
            for name, parent, offset in zip(JOINT_NAMES, PARENTS, pose.offsets, strict=True)
        ],
        "clip": {"name": name, "duration": times[-1], "tracks": tracks},
    }
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _track(name: str, kind: str, times: list[float], values: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "times": times, "values": _rounded(np.ravel(values))}


def _rounded(values: Any) -> list[float]:
    rounded: list[float] = np.round(values, _DIGITS).tolist()
    return rounded
