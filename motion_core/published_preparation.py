"""A HumanML3D or KIT-ML folder as a prepared data set, for `train` and `evaluate`.

Features are used as published, without recomputing them; splits are the authors'. A motion and its
mirror (``M000021``) are in one group. KIT-ML keeps its 251 features of 21 joints at 12.5 fps.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from .datasets.licences import CAPTION_SOURCES, MOTION_SOURCES
from .datasets.prepare import statistics
from .datasets.prepared import SPLITS, VERSION, Caption, Clip, Recording
from .errors import ConfigurationError, InputError, UnavailableError
from .motion import FloatArray
from .published_data import PublishedDataset, Sample, Samples

_SOURCE = "custom"  # licence of the motion: users must observe AMASS's terms
_CAPTIONS = "humanml3d"
_UNNAMED = "other"  # action of clips without a class


@dataclass(frozen=True)
class Prepared:
    """The outcome of a preparation.

    Attributes:
        clips: number of samples in all splits.
        recordings: number of their motions.
        left_out: ``(name, reason)`` of each motion or caption that is no clip.
    """

    clips: int
    recordings: int
    left_out: tuple[tuple[str, str], ...]


def prepare_published(
    data: PublishedDataset,
    out: Path | str,
    *,
    progress: Callable[[str, int, int], None] | None = None,
) -> Prepared:
    """Write the existing splits as a prepared data set, which appears in `out` all at once.

    Args:
        data: HumanML3D or KIT-ML.
        out: a folder that does not exist yet.
        progress: called with (split, done, total).

    Raises:
        ConfigurationError: `out` exists.
        InputError: there is no split file, or no sample in the training split.
        UnavailableError: `out` cannot be written to.
    """
    out = Path(out)
    if out.exists():
        raise ConfigurationError(f"{out} is there already; choose another folder, or remove it")
    splits = [data.split(name) for name in SPLITS if (data.folder / _file(name)).is_file()]
    if not any(found.split == "train" and found.samples for found in splits):
        raise InputError(f"{data.folder} has no sample in a training split (train.txt)")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".new-") as temporary:
            fresh = Path(temporary) / "prepared"
            fresh.mkdir()
            found = _write(data, splits, fresh, progress)
            os.replace(fresh, out)
    except OSError as err:
        raise UnavailableError(f"cannot write {out}: {err.strerror or err}") from err
    return found


def _write(
    data: PublishedDataset,
    splits: list[Samples],
    folder: Path,
    progress: Callable[[str, int, int], None] | None,
) -> Prepared:
    recordings: list[Recording] = []
    clips: list[Clip] = []
    left_out: list[tuple[str, str]] = []
    rows = 0
    with (folder / "raw").open("wb") as file:
        for split in splits:
            left_out += split.left_out
            parts: dict[str, list[Sample]] = {}
            for sample in split.samples:
                parts.setdefault(sample.motion, []).append(sample)
            for done, (name, samples) in enumerate(parts.items(), 1):
                motion = data.motion(name)
                file.write(motion.astype(np.float16).tobytes())
                recording = Recording(
                    id=_id(name),
                    source=_SOURCE,
                    action=_UNNAMED,
                    group=name.removeprefix("M"),
                    mirrored=name.startswith("M"),
                    split=split.split,
                    start=rows,
                    length=len(motion),
                )
                recordings.append(recording)
                clips += [_clip(sample, recording) for sample in samples]
                rows += len(motion)
                if progress is not None:
                    progress(split.split, done, len(parts))
    raw = np.memmap(folder / "raw", dtype=np.float16, mode="r", shape=(rows, data.layout.features))
    np.save(folder / "features.npy", raw)
    del raw
    (folder / "raw").unlink()
    kept = np.load(folder / "features.npy", mmap_mode="r")

    def read(part: Recording) -> FloatArray:
        return np.asarray(kept[part.start : part.start + part.length], dtype=np.float32)

    mean, std = statistics([r for r in recordings if r.split == "train"], read)
    np.save(folder / "mean.npy", mean)
    np.save(folder / "std.npy", std)
    for name, lines in (("clips.jsonl", clips), ("recordings.jsonl", recordings)):
        with (folder / name).open("w", encoding="utf-8") as file_of_lines:
            for line in lines:
                file_of_lines.write(json.dumps(asdict(line), ensure_ascii=False) + "\n")
    description = {
        "version": VERSION,
        "fps": data.layout.fps,
        "sources": {_SOURCE: asdict(MOTION_SOURCES[_SOURCE])},
        "captions": {_CAPTIONS: asdict(CAPTION_SOURCES[_CAPTIONS])},
        "clips": len(clips),
        "recordings": len(recordings),
        "frames": rows,
    }
    text = json.dumps(description, indent=2, ensure_ascii=False)
    (folder / "dataset.json").write_text(text + "\n", encoding="utf-8")
    return Prepared(len(clips), len(recordings), tuple(left_out))


def _clip(sample: Sample, recording: Recording) -> Clip:
    part = sample.id.partition("#")[2]
    return Clip(
        id=_id(sample.motion, part),
        recording=recording.id,
        source=_SOURCE,
        action=_UNNAMED,
        style=None,
        actor=None,
        mirrored=recording.mirrored,
        split=recording.split,
        captions=tuple(Caption(caption.text, _CAPTIONS) for caption in sample.captions),
        start=recording.start + sample.start,
        length=sample.length,
    )


def _id(name: str, part: str = "") -> str:
    """Return the clip id ``custom/000021``, with ``:2`` for a part and ``:mirrored`` for a
    mirror.
    """
    whole = f"{_SOURCE}/{name.removeprefix('M')}"
    return whole + (f":{part}" if part else "") + (":mirrored" if name.startswith("M") else "")


def _file(split: str) -> str:
    return {"validation": "val"}.get(split, split) + ".txt"
