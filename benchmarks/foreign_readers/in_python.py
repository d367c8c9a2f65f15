"""Runs in an environment with bvhio and pybvh: reads the joints of a BVH with these packages.

python in_python.py pybvh|bvhio FILE.bvh OUT.npz
"""

import sys
from typing import Any

import numpy as np


def with_pybvh(path: str) -> tuple[list[str], Any, float]:
    import pybvh

    file = pybvh.read_bvh_file(path)
    places = np.asarray(file.joint_positions())
    return list(file.joint_names), places, file.frame_time


def with_bvhio(path: str) -> tuple[list[str], Any, float]:
    import bvhio

    root = bvhio.readAsHierarchy(path)
    joints = [joint for joint, _, _ in root.layout()]
    first, last = root.getKeyframeRange()
    frames = []
    for frame in range(first, last + 1):
        root.loadPose(frame)
        frames.append([list(joint.PositionWorld) for joint in joints])
    return [joint.Name for joint in joints], np.array(frames), bvhio.readAsBvh(path).FrameTime


if __name__ == "__main__":
    program, source, out = sys.argv[1:]
    names, places, seconds = (with_pybvh if program == "pybvh" else with_bvhio)(source)
    np.savez(out, names=np.array(names), places=places, seconds=seconds)
