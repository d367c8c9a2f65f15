"""Building a prepared data set from published motion capture.

Each take is read, resampled to 20 fps and turned into features, once unchanged and once mirrored;
captioned parts become clips; takes are split. An existing data set in the folder keeps its other
sources. The new folder is built beside it and swapped in at the end: an interrupted run leaves the
old one.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import tempfile
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..choices import PREPARED
from ..errors import InputError, UnavailableError
from ..features import Columns
from ..motion import FEATURES, FloatArray
from ..skeleton import FPS
from .archives import opened
from .cutting import CutTake, cut
from .licences import CAPTION_SOURCES, FREE_CAPTIONS, MOTION_SOURCES
from .prepared import VERSION, Clip, PreparedDataset, Recording
from .progress import print_summary, tracked
from .sources import SOURCES, find_takes, unknown_files
from .split import NEAR_DUPLICATE, assign_splits, near_duplicates, take_of
from .takes import Take

_FILES = {
    "features.npy",
    "recordings.jsonl",
    "clips.jsonl",
    "mean.npy",
    "std.npy",
    "dataset.json",
}
# Columns that share one standard deviation, as in HumanML3D.


@dataclass(frozen=True)
class Report:
    """The outcome of preparing a data set.

    Attributes:
        dataset: the result.
        left_out: take id and reason, for takes left out on purpose.
        unreadable: take id and reason, for unusable files.
        unexplained: files whose names their source does not understand.
    """

    dataset: PreparedDataset
    left_out: tuple[tuple[str, str], ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    unexplained: tuple[str, ...] = ()


def prepare(
    sources: Mapping[str, str | Path],
    out: str | Path = PREPARED,
    *,
    captions: Collection[str] = FREE_CAPTIONS,
    workers: int = 2,
    strict: bool = False,
    quiet: bool = False,
) -> Report:
    """Build or extend the prepared data set in the folder `out`.

    Args:
        sources: name (in `SOURCES`) and folder or tar archive.
        out: the data set's folder. Its other sources stay.
        captions: names of caption sources (in `CAPTION_SOURCES`); motion without captions from them
            becomes recordings only.
        workers: number of reader processes.
        strict: stop at the first unreadable file instead of counting it.
        quiet: no progress bar.

    Raises:
        InputError: unknown source, wrong folder, nothing usable, or (strict) an unreadable file.
        UnavailableError: the output cannot be written: read-only, no room.
    """
    out = Path(out)
    if not sources:
        raise InputError(f"no source given; there are: {', '.join(SOURCES)}")
    if unknown := sorted(set(captions) - CAPTION_SOURCES.keys()):
        raise InputError(
            f"unknown caption source {unknown[0]!r}; choose among {', '.join(CAPTION_SOURCES)}"
        )
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
        takes = [_with_captions(take, captions) for take in takes]
        folder = stack.enter_context(_built_beside(out))
        cuts = _cut_all(takes, workers=workers, strict=strict, quiet=quiet)
        content = _Content()
        _write_features(folder, kept, cuts, content)
        if not content.recordings:
            raise InputError(
                f"none of {len(takes)} files could be used; first: {content.unreadable[:1]}"
            )
        twins = {take.id: take.twin for take in takes if take.twin}
        _finish(folder, content, twins)
    dataset = PreparedDataset.load(out)
    report = Report(dataset, tuple(content.left_out), tuple(content.unreadable), tuple(unexplained))
    if not quiet:
        print_summary(report)
    return report


@dataclass
class _Content:
    """What has been written so far, and what has not."""

    recordings: list[Recording] = field(default_factory=list)
    clips: list[Clip] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)


def _with_captions(take: Take, sources: Collection[str]) -> Take:
    """Return the take without captions from other sources."""
    spans = tuple(
        replace(span, captions=tuple(c for c in span.captions if c.source in sources))
        for span in take.spans
    )
    return replace(
        take,
        captions=tuple(caption for caption in take.captions if caption.source in sources),
        labelled=take.labelled and "labels" in sources,
        spans=tuple(span for span in spans if span.captions),
    )


def _existing(out: Path, *, replaced: set[str]) -> PreparedDataset | None:
    """Return the data set already in `out`, without the sources to be replaced.

    Raises:
        InputError: the folder holds something other than a prepared data set.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return None
    if not out.is_dir() or {path.name for path in out.iterdir()} - _FILES:
        raise InputError(
            f"{out} holds something other than a prepared data set; choose another --out"
        )
    dataset = PreparedDataset.load(out)
    dataset.clips = tuple(clip for clip in dataset.clips if clip.source not in replaced)
    dataset.recordings = tuple(r for r in dataset.recordings if r.source not in replaced)
    return dataset


def _leave_ctrl_c_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # each worker would print a traceback


def _cut_all(
    takes: Sequence[Take], *, workers: int, strict: bool, quiet: bool
) -> Iterator[CutTake]:
    with ExitStack() as stack:
        if workers > 1:
            # BLAS threads would compete for the workers' cores.
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
    folder: Path, kept: PreparedDataset | None, cuts: Iterator[CutTake], content: _Content
) -> None:
    with (folder / "features.npy").open("wb") as file:
        _write_header(file, 0)
        rows = 0

        def write(recording: Recording, features: NDArray[Any], clips: Sequence[Clip]) -> None:
            """Write one recording and its clips, whose starts count from its first frame."""
            nonlocal rows
            file.write(features.astype(np.float16).tobytes())
            content.recordings.append(replace(recording, start=rows))
            content.clips += [replace(clip, start=rows + clip.start) for clip in clips]
            rows += recording.length

        if kept is not None:
            parts: dict[str, list[Clip]] = defaultdict(list)
            for clip in kept.clips:
                parts[clip.recording].append(clip)
            for recording in kept.recordings:
                clips = [
                    replace(clip, start=clip.start - recording.start)
                    for clip in parts[recording.id]
                ]
                write(recording, kept.features(recording), clips)
        for result in cuts:
            if result.unreadable:
                content.unreadable.append((result.take.id, result.unreadable))
            if result.left_out:
                content.left_out.append((result.take.id, result.left_out))
            for recording, features in result.recordings:
                own = [clip for clip in result.clips if clip.recording == recording.id]
                write(recording, features, own)
        file.seek(0)
        _write_header(file, rows)


def _write_header(file: BinaryIO, rows: int) -> None:
    # NumPy pads the header so that the number of rows can grow in place.
    header = {"descr": "<f2", "fortran_order": False, "shape": (rows, FEATURES)}
    np.lib.format.write_array_header_1_0(file, header)


def _finish(folder: Path, content: _Content, twins: Mapping[str, str]) -> None:
    """Write split, mean and deviation, and the remaining files."""
    features: NDArray[Any] = np.load(folder / "features.npy", mmap_mode="r")

    def read(part: Recording) -> FloatArray:
        return np.asarray(features[part.start : part.start + part.length], dtype=np.float32)

    # Groups of an earlier preparation persist: their twins are not listed again.
    known = {take_of(r.id): r.group for r in content.recordings if take_of(r.id) not in twins}
    groups = near_duplicates(content.recordings, read, {**known, **twins})
    splits = assign_splits(content.clips, groups)
    clips = [replace(clip, split=splits[take_of(clip.id)]) for clip in content.clips]
    recordings = [
        replace(r, split=splits[take_of(r.id)], group=groups[take_of(r.id)])
        for r in content.recordings
    ]
    mean, std = statistics([r for r in recordings if r.split == "train"], read)
    np.save(folder / "mean.npy", mean)
    np.save(folder / "std.npy", std)
    for name, rows in (("clips.jsonl", clips), ("recordings.jsonl", recordings)):
        with (folder / name).open("w", encoding="utf-8") as file:
            for row in rows:
                file.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")
    motions = {recording.source for recording in recordings}
    words = {caption.source for clip in clips for caption in clip.captions}
    description = {
        "version": VERSION,
        "fps": FPS,
        "near_duplicate": NEAR_DUPLICATE,
        "sources": {n: asdict(s) for n, s in MOTION_SOURCES.items() if n in motions},
        "captions": {n: asdict(s) for n, s in CAPTION_SOURCES.items() if n in words},
        "clips": len(clips),
        "recordings": len(recordings),
        "frames": sum(recording.length for recording in recordings),
    }
    text = json.dumps(description, indent=2, ensure_ascii=False)
    (folder / "dataset.json").write_text(text + "\n", encoding="utf-8")


def statistics(
    recordings: Sequence[Recording], read: Callable[[Recording], FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Return the mean and standard deviation of each feature over all frames of the recordings.

    As in HumanML3D, the columns of one kind (root turn, root velocity, height, positions,
    rotations, velocities, contacts) share the mean of their deviations. Never zero.
    """
    count = 0
    total = squares = np.zeros(1)
    for recording in recordings:
        values = read(recording).astype(np.float64)
        count += len(values)
        total = total + values.sum(0)
        squares = squares + (values**2).sum(0)
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))
    for group in Columns(len(mean)).groups:
        shared = deviation[group].mean()
        deviation[group] = shared if shared > 1e-6 else 1.0
    return mean.astype(np.float32), deviation.astype(np.float32)


@contextmanager
def _built_beside(out: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `out` that replaces it on success.

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
