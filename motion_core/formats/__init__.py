"""Motion in and out as files; `exporting.export` writes any format by suffix.

    reading   .bvh  .amc + .asf  .glb .gltf .vrm .vrma  .fbx  .npy  .npz (ours, AMASS)
    writing   .bvh  .glb  .npy and .joints.npy  .csv  .amass.npz  .npz (ours)

Every reader refuses what it cannot make sense of with one `FormatError` that names the file;
every writer leaves a whole file or none.
"""

from .amass import write_amass
from .bvh_writing import write_bvh
from .glb import write_glb
from .npz import save_npz
from .reading import (
    READABLE_SUFFIXES,
    Capture,
    find_map,
    list_clips,
    load_npz,
    read_capture,
    read_joints,
    read_motion,
)
from .tables import save_joints, save_npy, write_csv

__all__ = [
    "READABLE_SUFFIXES",
    "Capture",
    "find_map",
    "list_clips",
    "load_npz",
    "read_capture",
    "read_joints",
    "read_motion",
    "save_joints",
    "save_npy",
    "save_npz",
    "write_amass",
    "write_bvh",
    "write_csv",
    "write_glb",
]
