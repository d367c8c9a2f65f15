"""Runs in a Python with Blender's module bpy: opens a file, saves its joints, and FBX if asked.

python in_blender.py FILE.bvh|FILE.glb OUT.npz [SAVE.fbx]
"""

import sys

import bpy
import numpy as np

source, out, *save = sys.argv[1:]
bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
scene.render.fps = 20
if source.endswith(".bvh"):
    bpy.ops.preferences.addon_enable(module="io_anim_bvh")
    bpy.ops.import_anim.bvh(filepath=source, update_scene_fps=True, update_scene_duration=True)
    first = 1  # where Blender puts a BVH's first frame
else:
    bpy.ops.import_scene.gltf(filepath=source)
    first = 0
armature = next(each for each in bpy.data.objects if each.type == "ARMATURE")
last = round(max(action.frame_range[1] for action in bpy.data.actions))
names = [bone.name for bone in armature.pose.bones]
frames = []
for frame in range(first, last + 1):
    scene.frame_set(frame)
    frames.append([armature.matrix_world @ bone.head for bone in armature.pose.bones])
places = np.array(frames)[..., [0, 2, 1]] * [1, 1, -1]  # Blender's z is up
np.savez(out, names=np.array(names), places=places, seconds=1 / scene.render.fps)
if save:
    scene.frame_start, scene.frame_end = first, last
    bpy.ops.export_scene.fbx(filepath=save[0], add_leaf_bones=False, bake_anim=True)
