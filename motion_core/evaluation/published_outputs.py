"""An engine's outputs for a HumanML3D split as files, to be measured like any other model's.

    OUT/motions/1/NAME.npy …    a motion for each sample, a folder for each generation
    OUT/captions.jsonl          a caption for each sample

Existing files are not made again, so an interrupted evaluation continues.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ..atomic import replacing
from ..engine import MAX_DESCRIPTION, GenerationRequest, MotionEngine
from ..errors import ConfigurationError
from ..features import FEATURES
from ..motion import FloatArray
from ..published_data import PublishedDataset, PublishedSplit
from ..skeleton import FPS
from .outputs import Outputs, Stages


def generate_motions(
    engine: MotionEngine,
    data: PublishedDataset,
    out: Path,
    *,
    split: PublishedSplit = "test",
    generations: int = 1,
    batch: int = 32,
    seed: int = 0,
    match_length: bool = False,
    progress: Stages | None = None,
) -> Path:
    """Generate a motion for one caption of each sample; a failed one leaves no file.

    Args:
        engine: to measure.
        data: HumanML3D or KIT-ML, as the engine.
        out: folder in which ``motions`` is created.
        split: of `data`.
        generations: motions of each sample.
        batch: descriptions given to the engine at a time.
        seed: for captions and sampling; each generation has its own.
        match_length: request motions as long as the real ones.
        progress: called with (stage, done, total).

    Returns:
        The folder for `score_motions`.

    Raises:
        ConfigurationError: the data set has another skeleton than the engine.
        UnavailableError: a file cannot be written.
    """
    _check(engine, data)
    outputs = Outputs(engine, batch=batch, progress=progress)
    samples = data.split(split).samples
    folder = out / "motions"
    for number in range(1, generations + 1):
        rng = np.random.default_rng([seed, number])
        requests = [
            GenerationRequest(
                sample.captions[int(rng.integers(len(sample.captions)))].text[:MAX_DESCRIPTION],
                seed=seed + 1000 * number + at,
                seconds=sample.length / FPS if match_length else None,
            )
            for at, sample in enumerate(samples)
        ]
        paths = [folder / str(number) / f"{sample.id}.npy" for sample in samples]
        missing = [at for at, path in enumerate(paths) if not path.is_file()]
        for first in range(0, len(missing), batch):
            rows = missing[first : first + batch]
            stage = f"generation {number}, {first + len(rows)} of {len(missing)}"
            motions = outputs.motions([requests[at] for at in rows], of=stage)
            for at, motion in zip(rows, motions, strict=True):
                if motion is not None:
                    _save(paths[at], motion.astype(np.float32))
    return folder


def caption_motions(
    engine: MotionEngine,
    data: PublishedDataset,
    out: Path,
    *,
    split: PublishedSplit = "test",
    batch: int = 32,
    progress: Stages | None = None,
) -> Path:
    """Write the engine's caption of each real motion of a split; return the file.

    Raises:
        ConfigurationError: the engine does not caption, or has another skeleton.
        UnavailableError: the file cannot be written.
    """
    _check(engine, data)
    outputs = Outputs(engine, batch=batch, progress=progress)
    samples = data.split(split).samples
    captions = outputs.captions(outputs.encode([data.features(sample) for sample in samples]))
    path = out / "captions.jsonl"
    rows = [{"id": s.id, "caption": c} for s, c in zip(samples, captions, strict=True)]
    with replacing(path) as temporary:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        temporary.write_text(text, encoding="utf-8")
    return path


def _check(engine: MotionEngine, data: PublishedDataset) -> None:
    config = getattr(getattr(engine, "tokenizer", None), "config", None)
    features = getattr(config, "features", FEATURES)
    if data.layout.features != features:
        raise ConfigurationError(
            f"{data.folder} is {data.layout.name}, whose frames have {data.layout.features} "
            f"features; the engine {engine.name} makes {features}"
        )


def _save(path: Path, motion: FloatArray) -> None:
    with replacing(path) as temporary:
        np.save(temporary, motion)
