"""Motion in and out as files; `exporting.export` writes any format by suffix.

    reading   .bvh  .amc + .asf  .glb .gltf .vrm .vrma  .fbx  .npy  .npz (ours, AMASS)
    writing   .bvh  .glb  .npy and .joints.npy  .csv  .amass.npz  .npz (ours)

Every reader refuses what it cannot make sense of with one `FormatError` that names the file;
every writer leaves a whole file or none. Each is imported when it is first asked for: readers need
SciPy, writing most formats does not.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

_WRITERS = {
    "save_joints": "tables",
    "save_npy": "tables",
    "save_npz": "npz",
    "write_amass": "amass",
    "write_bvh": "bvh_writing",
    "write_csv": "tables",
    "write_glb": "glb",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_WRITERS.get(name, 'reading')}", __name__), name)
