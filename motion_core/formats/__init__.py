"""Motion in and out as files; `exporting.export` writes any format by suffix.

    reading   .bvh  .amc + .asf  .glb .gltf .vrm .vrma  .fbx  .npy  .npz (ours, AMASS)
    writing   .bvh  .glb  .npy and .joints.npy  .csv  .amass.npz  .npz (ours)

Every reader refuses what it cannot make sense of with one `FormatError` that names the file;
every writer leaves a whole file or none. Each is imported when it is first asked for: readers need
SciPy, writing most formats does not.
"""

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
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

__getattr__ = lazy_names(
    __name__,
    {
        "amass": "write_amass",
        "bvh_writing": "write_bvh",
        "glb": "write_glb",
        "npz": "save_npz",
        "reading": "READABLE_SUFFIXES Capture find_map list_clips load_npz read_capture read_joints"
        " read_motion",
        "tables": "save_joints save_npy write_csv",
    },
)
