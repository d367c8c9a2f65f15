"""`evaluate --motions FOLDER`: the motions of any model, measured as in published tables.

The folder holds ``NAME.npy`` for each sample of a HumanML3D or KIT-ML split: features ``(T, 263)``,
not normalised, or joints ``(T, 22, 3)`` in metres. Several generations are in subfolders; with two
or more, MultiModality is measured. A sample without a file counts as failed: a miss of R-precision,
not replaced.

Two protocols are reported: motions at the model's own length, and cut to the length of the real
one. Candidates are random batches of 32, as in T2M-GPT's code: for each caption, is its own motion
among the nearest one, two or three of the batch?
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError, InputError
from ..formats.npy import read_npy
from ..motion import FloatArray
from ..published_data import (
    CaptionSequence,
    PublishedDataset,
    PublishedSplit,
    Sample,
    TaggedCaption,
    left_out_lines,
)
from ..representation import joints_to_features
from .composition import REAL_JERK, WINDOW, mean_jerk, smoothness, windows_of
from .metrics import Estimate, diversity, fid, multimodality
from .motion_files_report import TOPS, MotionFilesReport, SetScores

BATCH = 32
DRAWS = 20

Points = NDArray[Any]


@dataclass(frozen=True)
class Space:
    """The space in which motions and captions are compared; one for a whole table.

    Attributes:
        name: of the networks.
        motions: maps features to points ``(N, D)``.
        captions: maps captions to points ``(N, D)``.
    """

    name: str
    motions: Callable[[Sequence[FloatArray]], Points]
    captions: Callable[[Sequence[TaggedCaption]], Points]


def read_motion(path: Path, features: int = 263) -> FloatArray:
    """Read features ``(T, features)`` from a ``.npy`` of features or of joints ``(T, 22, 3)``.

    Raises:
        FormatError: it is damaged, has another shape, or contains numbers that are not finite.
    """
    try:
        array = read_npy(path)
    except (OSError, ValueError) as err:
        raise FormatError(f"{path} is not a .npy file, or is damaged") from err
    if array.ndim == 3 and array.shape[1:] == (22, 3) and features == 263 and len(array) > 1:
        array = joints_to_features(array)
    if array.ndim != 2 or array.shape[1] != features or not len(array):
        raise FormatError(f"{path} has the shape {array.shape}; (T, {features}) is expected")
    if not np.isfinite(array).all():
        raise FormatError(f"{path} holds NaN or infinity")
    motion: FloatArray = array.astype(np.float32)
    return motion


def generations_of(folder: Path) -> tuple[Path, ...]:
    """Return the folder itself, or its subfolders with motions, one for each generation.

    Raises:
        InputError: it contains no motions.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}")
    inner = tuple(p for p in sorted(folder.iterdir()) if p.is_dir() and any(p.glob("*.npy")))
    own = any(folder.glob("*.npy"))
    if own and inner:
        raise InputError(
            f"{folder} has both motions and subfolders of motions; keep one of the two"
        )
    if not own and not inner:
        raise InputError(f"there are no .npy files in {folder}")
    return (folder,) if own else inner


def score_motions(
    folder: Path,
    data: PublishedDataset,
    space: Space,
    *,
    split: PublishedSplit = "test",
    draws: int = DRAWS,
    seed: int = 0,
) -> MotionFilesReport:
    """Measure the motions of a folder against a split of a published data set.

    Args:
        folder: of the motions.
        data: with the real motions and their captions.
        space: to compare them in.
        split: of `data`.
        draws: number of draws of captions and batches.
        seed: of the draws.

    Raises:
        InputError: fewer than two motions belong to the split.
        FormatError: a motion is damaged.
    """
    found = data.split(split)
    samples, left_out = found.samples, left_out_lines(found.left_out)
    if len(samples) < 2:
        raise InputError(
            f"the {split} split of {data.folder} has {len(samples)} usable samples, 2 are needed"
            + "".join(f"; {line}" for line in left_out)
        )
    real = [data.features(sample) for sample in samples]
    runs = [
        _read_generation(path, samples, data.layout.features) for path in generations_of(folder)
    ]
    if not any(motion is not None for run in runs for motion in run):
        raise InputError(
            f"no file in {folder} is named after a sample of the {split} split, such as"
            f" {samples[0].id}.npy"
        )
    lines = [caption for sample in samples for caption in sample.captions]
    caption_points = np.split(
        space.captions(lines), np.cumsum([len(sample.captions) for sample in samples])[:-1]
    )
    real_points = space.motions(real)
    measure = _Measure(caption_points, real_points, draws, seed)
    cut = [
        [None if m is None else m[: len(r)] for m, r in zip(run, real, strict=True)] for run in runs
    ]
    sets = (
        measure.scores("real", [(real_points, np.ones(len(real), dtype=bool))], real=True),
        measure.scores("own length", [_embed(run, space, real_points) for run in runs]),
        measure.scores("cut to the real length", [_embed(run, space, real_points) for run in cut]),
    )
    return MotionFilesReport(
        source=folder.name,
        space=space.name,
        samples=len(samples),
        generations=len(runs),
        candidates=min(BATCH, len(samples)),
        sets=sets,
        left_out=left_out,
        not_run={}
        if len(runs) > 1
        else {"MultiModality": "not run: needs two or more subfolders, one for each generation"},
    )


class _Measure:
    def __init__(self, captions: Sequence[Points], real: Points, draws: int, seed: int) -> None:
        self._captions, self._real, self._seed = captions, real, seed
        rng = np.random.default_rng(seed)
        self._draws = [
            (rng.permutation(len(captions)), [int(rng.integers(len(own))) for own in captions])
            for _ in range(draws)
        ]

    def scores(
        self, name: str, runs: Sequence[tuple[Points, NDArray[np.bool_]]], *, real: bool = False
    ) -> SetScores:
        tops, distances = [], []
        for points, there in runs:
            drawn = [self._draw(points, there, *draw) for draw in self._draws]
            tops.append([top for top, _ in drawn])
            distances.append([distance for _, distance in drawn])
        whole = [points[there] for points, there in runs]
        several = len(runs) > 1

        def over(values: Any) -> Estimate:
            array = np.asarray(values)  # (generations, draws)
            return Estimate.of_mean(array.mean(axis=1) if several else array[0])

        every = np.logical_and.reduce([there for _, there in runs])
        modes = None
        if several and every.any():
            takes = np.stack([points[every] for points, _ in runs], axis=1)
            modes = multimodality(takes, seed=self._seed)
        pairs = [diversity(points, repeats=1, seed=self._seed).value for points in whole]
        return SetScores(
            name=name,
            r_precision=tuple(over(np.asarray(tops)[:, :, k]) for k in range(TOPS)),
            fid=None if real else Estimate.of_mean([fid(self._real, points) for points in whole]),
            distance=over(distances),
            diversity=Estimate.of_mean(pairs),
            multimodality=modes,
            failed=int(sum((~there).sum() for _, there in runs)),
        )

    def _draw(
        self, points: Points, there: NDArray[np.bool_], order: NDArray[Any], chosen: Sequence[int]
    ) -> tuple[NDArray[np.float64], float]:
        """Return top-k and MM-Dist of one draw of captions and batches."""
        captions = np.stack([self._captions[row][chosen[row]] for row in order])
        motions, found = points[order], there[order]
        size = min(BATCH, len(order))
        hits, count = np.zeros(TOPS), 0
        for first in range(0, len(order) - size + 1, size):
            rows = slice(first, first + size)
            apart = np.linalg.norm(captions[rows, None] - motions[None, rows], axis=-1)
            apart[:, ~found[rows]] = np.inf  # a missing motion must match no caption
            own = np.diagonal(apart)
            rank = (apart < own[:, None]).sum(axis=1)
            hits += ((rank[:, None] <= np.arange(TOPS)) & found[rows, None]).sum(axis=0)
            count += size
        distance = np.linalg.norm(captions - motions, axis=1)[found]
        return hits / count, float(distance.mean()) if len(distance) else float("nan")


def _embed(
    run: Sequence[FloatArray | None], space: Space, like: Points
) -> tuple[Points, NDArray[np.bool_]]:
    there = np.array([motion is not None for motion in run])
    if there.sum() < 2:
        raise InputError("a generation has fewer than two motions; nothing can be measured")
    points = np.zeros_like(like)
    points[there] = space.motions([motion for motion in run if motion is not None])
    return points, there


def _read_generation(
    folder: Path, samples: Sequence[Sample], features: int
) -> list[FloatArray | None]:
    motions: list[FloatArray | None] = []
    for sample in samples:
        path = folder / f"{sample.id}.npy"
        motion = read_motion(path, features) if path.is_file() else None
        motions.append(None if motion is None or len(motion) < 4 else motion)
    return motions


def score_joins(
    folder: Path,
    sequences: Sequence[CaptionSequence],
    *,
    data: PublishedDataset | None = None,
    space: Space | None = None,
    split: PublishedSplit = "test",
) -> MotionFilesReport:
    """Measure the joins of composed motions, ``ID.npy`` for each sequence.

    Args:
        folder: of the motions.
        sequences: descriptions and frames of each part.
        data: real motions, for the transition FID and their mean jerk.
        space: to compare windows in; needs `data`.
        split: of `data`.

    Raises:
        InputError: a motion is missing, or shorter than its sequence says.
        FormatError: a motion is damaged.
    """
    motions = []
    for sequence in sequences:
        path = folder / f"{sequence.id}.npy"
        if not path.is_file():
            raise InputError(f"{path} is missing; each sequence needs a motion named after its id")
        motion = read_motion(path)
        if len(motion) < sum(sequence.frames):
            raise InputError(
                f"{path} has {len(motion)} frames, its sequence {sum(sequence.frames)}; give the"
                " generated lengths"
            )
        motions.append(motion)
    joins = [sequence.joins for sequence in sequences]
    not_run, transition, real_jerk = {}, None, REAL_JERK
    if data is None or space is None or data.layout.features != 263:
        not_run["transition FID"] = "not run: needs --data with the folder of HumanML3D"
    else:
        real = real_windows(data, split)
        real_jerk = mean_jerk(real)
        windows = [
            part for m, own in zip(motions, joins, strict=True) for part in windows_of(m, own)[0]
        ]
        transition = fid(space.motions(real), space.motions(windows))
    return MotionFilesReport(
        source=folder.name,
        space="" if space is None else space.name,
        samples=len(motions),
        generations=1,
        candidates=0,
        not_run=not_run,
        smoothness=smoothness(motions, joins, real_jerk=real_jerk),
        transition_fid=transition,
    )


def t2m_space(folder: Path) -> Space:
    """Return the space of the T2M evaluators; see `T2MEvaluators` for what it raises."""
    from .t2m_evaluators import T2MEvaluators

    networks = T2MEvaluators(folder)
    return Space(
        f"the T2M evaluators ({networks.features} features)",
        networks.embed_motions,
        lambda captions: networks.embed_captions([caption.tokens for caption in captions]),
    )


def own_space(folder: Path) -> Space:
    """Return the space of our own matching network, whose numbers compare only with each other."""
    from .matching import MatchingNetwork

    network = MatchingNetwork.load(folder)
    return Space(
        f"the matching network of {folder.name}, whose numbers compare only with each other",
        network.embed_motions,
        lambda captions: network.embed_captions([caption.text for caption in captions]),
    )


def real_windows(data: PublishedDataset, split: PublishedSplit, *, seed: int = 0) -> list[Any]:
    """Return a window of each real motion that is long enough, at a random place."""
    rng = np.random.default_rng(seed)
    motions = [data.features(sample) for sample in data.split(split).samples]
    long = [motion for motion in motions if len(motion) >= WINDOW]
    starts = [int(rng.integers(len(motion) - WINDOW + 1)) for motion in long]
    return [motion[at : at + WINDOW] for motion, at in zip(long, starts, strict=True)]
