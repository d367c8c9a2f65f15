"""Runs in a process of its own: an FBX file on stdin, the arrays of its skeleton on stdout.

The Python package of `ufbx` (0.0.5) frees objects that others still point to: it may crash while a
file is read, or when Python ends. Here that is nobody's loss, and a file that is made to crash a
reader crashes this one only. It imports nothing of ours, and all that it is given by ufbx it keeps.

    python -I fbx_scene.py [CLIP] < FILE.fbx > ARRAYS.npz

Written are ``clips``, names of the animations; then, of the one of that number or the longest,
``fps``, ``names``, ``parents``, ``translations`` (J, T, 3), ``rotations`` (J, T, 4) x y z w,
``scales`` (J, T, 3), and ``rest`` (J, 3, 4), from the bind pose to the world; or ``error``, words.
"""

import io
import os
import sys
from typing import Any

import numpy as np
import ufbx

MAX_FRAMES = 100_000
_kept: list[Any] = []


def keep(value: Any) -> Any:
    """Return the value; it lives as long as this process."""
    _kept.append(value)
    return value


def scene_arrays(data: bytes, number: int) -> dict[str, Any]:
    """Return the arrays that are written; see above."""
    try:
        scene = keep(
            ufbx.load_memory(
                data,
                target_axes=ufbx.axes_right_handed_y_up,
                handedness_conversion_axis=ufbx.MirrorAxis.X,  # of left-handed files only
                target_unit_meters=1.0,
                ignore_geometry=False,
            )
        )
    except ufbx.Error as error:
        return {"error": f"is not FBX, or damaged: {str(error)[:120]}"}
    stacks = [keep(stack) for stack in keep(scene.anim_stacks)]
    arrays: dict[str, Any] = {"clips": np.array([stack.name for stack in stacks], dtype=str)}
    if not stacks:
        return arrays
    longest = max(range(len(stacks)), key=lambda at: stacks[at].time_end - stacks[at].time_begin)
    stack = stacks[number if number >= 0 else longest]
    fps = float(keep(scene.settings).frames_per_second or 30)
    fps = fps if 10 <= fps <= 240 else 30.0
    frames = int((stack.time_end - stack.time_begin) * fps + 1e-3) + 1
    if not 1 <= frames <= MAX_FRAMES:
        return {**arrays, "error": f"has {frames} frames; expected 1 to {MAX_FRAMES}"}
    nodes = _skeleton(scene)
    place = {node.element_id: at for at, node in enumerate(nodes)}
    above = [keep(node.parent) for node in nodes]
    times = stack.time_begin + np.arange(frames) / fps
    motion = keep(stack.anim)
    moves = [
        [keep(ufbx.evaluate_transform(motion, node, float(time))) for time in times]
        for node in nodes
    ]

    def values(part: str, axes: str) -> Any:
        return np.array(
            [
                [[getattr(keep(getattr(move, part)), a) for a in axes] for move in row]
                for row in moves
            ]
        )

    bound = {}
    for pose in keep(scene.poses):
        if keep(pose).is_bind_pose:
            for bone in keep(pose.bone_poses):
                bound[keep(keep(bone).bone_node).element_id] = keep(bone.bone_to_world)
    for cluster in keep(scene.skin_clusters):
        bone = keep(keep(cluster).bone_node)
        if bone is not None:
            bound[bone.element_id] = keep(cluster.bind_to_world)
    rest = [keep(bound.get(node.element_id) or node.node_to_world) for node in nodes]
    return {
        **arrays,
        "fps": fps,
        "names": np.array([node.name for node in nodes], dtype=str),
        "parents": np.array([place.get(each.element_id, -1) if each else -1 for each in above]),
        "translations": values("translation", "xyz"),
        "rotations": values("rotation", "xyzw"),
        "scales": values("scale", "xyz"),
        "rest": np.array([[list(column) for column in m] for m in rest]).transpose(0, 2, 1),
    }


def _skeleton(scene: Any) -> list[Any]:
    """Return the nodes without meshes, lights and cameras of their own, parents first.

    The root is one of them: it scales the file's unit to metres.
    """
    nodes = [keep(node) for node in keep(scene.nodes)]
    nodes = [
        node
        for node in nodes
        if keep(node.mesh) is None and keep(node.light) is None and keep(node.camera) is None
    ]
    return sorted(nodes, key=lambda node: node.node_depth)


if __name__ == "__main__":
    chosen = int(sys.argv[1]) if len(sys.argv) > 1 else -1
    buffer = io.BytesIO()
    np.savez(buffer, **scene_arrays(sys.stdin.buffer.read(), chosen))
    sys.stdout.buffer.write(buffer.getvalue())
    sys.stdout.buffer.flush()
    os._exit(0)  # without the end of Python, in which ufbx may crash
