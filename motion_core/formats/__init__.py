"""Motion in and out as files.

    reading     .bvh  .amc + .asf  .npy (joints or features)  .npz (ours)
    writing     .bvh               .npy (features)            .npz (ours)

Every reader refuses what it cannot make sense of with one `FormatError` that names the file;
every writer leaves a whole file or none.
"""

from .atomic import replacing
from .bvh_writing import write_bvh
from .npz import save_npz
from .reading import READABLE_SUFFIXES, load_npz, read_joints, read_motion
from .saving import WRITABLE_SUFFIXES, save_motion, save_npy

__all__ = [
    "READABLE_SUFFIXES",
    "WRITABLE_SUFFIXES",
    "load_npz",
    "read_joints",
    "read_motion",
    "replacing",
    "save_motion",
    "save_npy",
    "save_npz",
    "write_bvh",
]
