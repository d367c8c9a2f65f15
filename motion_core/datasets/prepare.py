r"""Build a prepared data set from motion capture as it was published.

    python -m motion_agent.motion_core.datasets.prepare \
        bandai-namco=bandai-namco.tar.xz hdm05=hdm05/ cmu=cmu/ --out data/prepared

Each take is read, resampled to 20 fps and turned into features, once as it is and once mirrored;
takes longer than ten seconds are cut; captions are drawn; the split is dealt. A data set that
exists in the folder keeps its other sources. The folder is built beside and swapped in at the
end: an interrupted run leaves the old one.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, MotionAgentError, UnavailableError
from ..motion import FEATURES, FloatArray
from .archives import opened
from .cutting import MAX_FRAMES, CutTake, cut
from .prepared import DEFAULT_FOLDER, VERSION, Clip, PreparedDataset
from .progress import print_summary, tracked
from .sources import LICENCES, SOURCES, Take, find_takes, unknown_files
from .split import NEAR_DUPLICATE, assign_splits, near_duplicates, take_of

_FILES = {"features.npy", "clips.jsonl", "mean.npy", "std.npy", "dataset.json"}
# Columns that share one standard deviation, as in HumanML3D.
_GROUPS = ((0, 1), (1, 3), (3, 4), (4, 67), (67, 193), (193, 259), (259, 263))


@dataclass(frozen=True)
class Report:
    """What went into a data set and what did not.

    Attributes:
        dataset: the result.
        left_out: take id and reason, for takes left out on purpose.
        unreadable: take id and reason, for files that could not be used.
        unexplained: files whose names say nothing to their source.
    """

    dataset: PreparedDataset
    left_out: tuple[tuple[str, str], ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    unexplained: tuple[str, ...] = ()


def prepare(
    sources: Mapping[str, str | Path],
    out: str | Path = DEFAULT_FOLDER,
    *,
    workers: int = 2,
    strict: bool = False,
    quiet: bool = False,
) -> Report:
    """Build or extend the prepared data set in the folder `out`.

    Args:
        sources: name ("bandai-namco", "hdm05", "cmu", "custom") and folder or tar archive.
        out: the data set's folder. What it holds of other sources stays.
        workers: processes that read files.
        strict: let the first unreadable file end it, instead of counting it.
        quiet: no progress bar.

    Raises:
        InputError: unknown source, wrong folder, nothing usable, or (strict) an unreadable file.
        UnavailableError: the output cannot be written: read-only, no room.
    """
    out = Path(out)
    if not sources:
        raise InputError(f"no source given; there are: {', '.join(SOURCES)}")
    kept = _existing(out, replaced=set(sources))
    with ExitStack() as stack:
        takes: list[Take] = []
        unexplained: list[str] = []
        for name, path in sources.items():
            if name not in SOURCES:
                raise InputError(f"no data source named {name!r}; there are: {', '.join(SOURCES)}")
            folder = stack.enter_context(opened(Path(path)))
            found = find_takes(name, folder)
            takes += found
            unexplained += unknown_files(name, folder, found)
        folder = stack.enter_context(_built_beside(out))
        cuts = _cut_all(takes, workers=workers, strict=strict, quiet=quiet)
        left_out: list[tuple[str, str]] = []
        unreadable: list[tuple[str, str]] = []
        clips = _write_features(folder, kept, cuts, left_out, unreadable)
        if not clips:
            raise InputError(f"none of {len(takes)} files could be used; first: {unreadable[:1]}")
        _finish(folder, clips, [name for name in SOURCES if name in {c.source for c in clips}])
    dataset = PreparedDataset.load(out)
    report = Report(dataset, tuple(left_out), tuple(unreadable), tuple(unexplained))
    if not quiet:
        print_summary(report)
    return report


def _existing(out: Path, *, replaced: set[str]) -> list[tuple[Clip, PreparedDataset]]:
    """Clips of other sources already in `out`.

    Raises:
        InputError: the folder holds something else than a prepared data set.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return []
    if not out.is_dir() or {path.name for path in out.iterdir()} - _FILES:
        raise InputError(f"{out} holds something else than a prepared data set; give another --out")
    dataset = PreparedDataset.load(out)
    return [(clip, dataset) for clip in dataset.clips if clip.source not in replaced]


def _leave_ctrl_c_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # each worker would print a traceback


def _cut_all(
    takes: Sequence[Take], *, workers: int, strict: bool, quiet: bool
) -> Iterator[CutTake]:
    with ExitStack() as stack:
        if workers > 1:
            # Threads of BLAS would fight over the cores that the workers use.
            spawn = multiprocessing.get_context("spawn")
            pool = stack.enter_context(spawn.Pool(workers, _leave_ctrl_c_to_the_parent))
            results: Iterator[CutTake] = pool.imap(cut, takes, chunksize=8)
        else:
            results = map(cut, takes)
        for result in tracked(results, total=len(takes), quiet=quiet):
            if strict and result.unreadable:
                raise InputError(f"{result.take.path}: {result.unreadable}")
            yield result


def _write_features(
    folder: Path,
    kept: Sequence[tuple[Clip, PreparedDataset]],
    cuts: Iterator[CutTake],
    left_out: list[tuple[str, str]],
    unreadable: list[tuple[str, str]],
) -> list[Clip]:
    clips: list[Clip] = []
    with (folder / "features.npy").open("wb") as file:
        _write_header(file, 0)
        rows = 0
        for clip, dataset in kept:
            file.write(dataset.features(clip).astype(np.float16).tobytes())
            clips.append(replace(clip, start=rows))
            rows += clip.length
        for result in cuts:
            if result.unreadable:
                unreadable.append((result.take.id, result.unreadable))
            if result.left_out:
                left_out.append((result.take.id, result.left_out))
            for clip, features in result.clips:
                file.write(features.tobytes())
                clips.append(replace(clip, start=rows))
                rows += clip.length
        file.seek(0)
        _write_header(file, rows)
    return clips


def _write_header(file: BinaryIO, rows: int) -> None:
    # NumPy pads the header so that the number of rows can grow in place.
    header = {"descr": "<f2", "fortran_order": False, "shape": (rows, FEATURES)}
    np.lib.format.write_array_header_1_0(file, header)


def _finish(folder: Path, clips: list[Clip], sources: list[str]) -> None:
    """Split, mean and deviation, and the rest of the files."""
    features: NDArray[Any] = np.load(folder / "features.npy", mmap_mode="r")

    def read(clip: Clip) -> FloatArray:
        return np.asarray(features[clip.start : clip.start + clip.length], dtype=np.float32)

    splits = assign_splits(clips, near_duplicates(clips, read))
    clips = [replace(clip, split=splits[take_of(clip)]) for clip in clips]
    mean, std = statistics([clip for clip in clips if clip.split == "train"], read)
    np.save(folder / "mean.npy", mean)
    np.save(folder / "std.npy", std)
    with (folder / "clips.jsonl").open("w", encoding="utf-8") as file:
        for clip in clips:
            file.write(json.dumps(asdict(clip), ensure_ascii=False) + "\n")
    description = {
        "version": VERSION,
        "fps": 20,
        "max_frames": MAX_FRAMES,
        "near_duplicate": NEAR_DUPLICATE,
        "captions": "generated from class labels; for cmu its own descriptions",
        "sources": {name: LICENCES[name] for name in sources},
        "clips": len(clips),
        "frames": sum(clip.length for clip in clips),
    }
    text = json.dumps(description, indent=2, ensure_ascii=False)
    (folder / "dataset.json").write_text(text + "\n", encoding="utf-8")


def statistics(clips: Sequence[Clip], read: Any) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation ``(263,)`` over all frames of the clips.

    As in HumanML3D, the columns of one kind (root turn, root velocity, height, positions,
    rotations, velocities, contacts) share the mean of their deviations. Never zero.
    """
    count = 0
    total = np.zeros(FEATURES)
    squares = np.zeros(FEATURES)
    for clip in clips:
        values = read(clip).astype(np.float64)
        count += len(values)
        total += values.sum(0)
        squares += (values**2).sum(0)
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
    for first, last in _GROUPS:
        shared = deviation[first:last].mean()
        deviation[first:last] = shared if shared > 1e-6 else 1.0
    return mean.astype(np.float32), deviation.astype(np.float32)


@contextmanager
def _built_beside(out: Path) -> Iterator[Path]:
    """A temporary folder beside `out` that takes its place if all goes well.

    Raises:
        UnavailableError: it cannot be written.
    """
    folder: Path | None = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        yield folder
        folder.chmod(0o755)
        if out.exists():
            old = folder.with_name(folder.name + "-old")
            os.replace(out, old)
            os.replace(folder, out)
            shutil.rmtree(old)
        else:
            os.replace(folder, out)
    except OSError as err:
        raise UnavailableError(f"cannot write the data set {out}: {err}") from err
    finally:
        if folder is not None and folder.exists():
            shutil.rmtree(folder, ignore_errors=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; see the module's text."""
    parser = argparse.ArgumentParser(prog="prepare", description="Build a prepared data set.")
    parser.add_argument(
        "sources", nargs="+", metavar="SOURCE=PATH", help=f"of {', '.join(SOURCES)}"
    )
    parser.add_argument("--out", type=Path, default=DEFAULT_FOLDER)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--strict", action="store_true", help="stop at the first unreadable file")
    options = parser.parse_args(arguments)
    try:
        pairs = [source.partition("=") for source in options.sources]
        if bad := next(("".join(pair) for pair in pairs if not pair[0] or not pair[2]), None):
            raise InputError(f"{bad!r} is not SOURCE=PATH, such as cmu=data/cmu.tar.xz")
        prepare(
            {name: path for name, _, path in pairs},
            options.out,
            workers=options.workers,
            strict=options.strict,
        )
    except MotionAgentError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the data set is as it was", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
