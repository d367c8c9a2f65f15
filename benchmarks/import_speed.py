"""The speed of computing features from motion capture: all of Bandai-Namco's clips on 2 processes.

    python benchmarks/import_speed.py [FOLDER_OR_TAR] [--processes 2] [--clips N]

Reads the BVH files, resamples to 20 fps and computes the 263 features of each, as
`motion-agent data prepare` does. Without an argument it takes ../shared/data/bandai-namco.tar.xz,
whose unpacking is not part of the time.
"""

from __future__ import annotations

import argparse
import os
import tarfile
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

ARCHIVE = Path(__file__).resolve().parents[2] / "shared" / "data" / "bandai-namco.tar.xz"


def features_of(path: str) -> tuple[int, float, float]:
    """Return frames at 20 fps, and CPU seconds of reading and of computing features."""
    from motion_agent.motion_core.formats import read_joints
    from motion_agent.motion_core.representation import joints_to_features, resample

    start = time.process_time()
    joints, fps = read_joints(path)
    read = time.process_time()
    features = joints_to_features(resample(joints, fps=fps))
    return len(features), read - start, time.process_time() - read


def warm_up() -> None:
    """Import before the clock starts, and leave the cores to the processes."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import motion_agent.motion_core.formats
    import motion_agent.motion_core.representation  # noqa: F401


def measure(folder: Path, processes: int, clips: int | None) -> None:
    paths = [str(path) for path in sorted(folder.rglob("*.bvh"))][:clips]
    if not paths:
        raise SystemExit(f"no .bvh files in {folder}")
    with ProcessPoolExecutor(processes, initializer=warm_up) as pool:
        list(pool.map(int, range(processes)))
        start = time.perf_counter()
        results = list(pool.map(features_of, paths, chunksize=16))
        seconds = time.perf_counter() - start
    frames, reading, computing = (sum(column) for column in zip(*results, strict=True))
    cpu = reading + computing
    print(f"{len(paths)} clips, {frames / 20 / 3600:.2f} hours at 20 fps, {processes} processes")
    print(f"wall clock     {seconds:7.1f} s   {seconds / len(paths) * 1000:6.1f} ms a clip")
    print(f"CPU, in all    {cpu:7.1f} s   {cpu / len(paths) * 1000:6.1f} ms a clip")
    print(f"  reading      {reading:7.1f} s   {reading / len(paths) * 1000:6.1f} ms a clip")
    print(f"  features     {computing:7.1f} s   {computing / len(paths) * 1000:6.1f} ms a clip")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("source", type=Path, nargs="?", default=ARCHIVE)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--clips", type=int, default=None, help="use only the first N clips")
    arguments = parser.parse_args()
    if arguments.source.is_dir():
        measure(arguments.source, arguments.processes, arguments.clips)
        return
    if not arguments.source.exists():
        raise SystemExit(f"there is no {arguments.source}; give a folder of .bvh files")
    with tempfile.TemporaryDirectory() as folder, tarfile.open(arguments.source) as tar:
        tar.extractall(folder, filter="data")
        measure(Path(folder), arguments.processes, arguments.clips)


if __name__ == "__main__":
    main()
