"""The metrics of text-to-motion work, on embeddings of motions and captions. NumPy only.

Source of the set: Guo et al., "Generating Diverse and Natural 3D Human Motions From Text", CVPR
2022, section 5 (https://github.com/EricGuo5513/text-to-motion), in the form that T2M-GPT and
Motion-Agent report. Embeddings are rows: N motions or captions in D dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

Floats = NDArray[np.float64]

CANDIDATES = 32
REPEATS = 20
_Z = 1.96  # 95 % quantile of a normal distribution, two-sided


@dataclass(frozen=True)
class Estimate:
    """A value and the half width of its 95 % confidence interval (None without one)."""

    value: float
    interval: float | None = None

    @classmethod
    def of_mean(cls, samples: Sequence[float] | NDArray[Any]) -> Estimate:
        """Return the mean of independent samples with 1.96 standard errors; one sample has no
        interval.
        """
        array = np.asarray(samples, dtype=np.float64)
        if array.size == 0:
            raise InputError("no samples to average; is the split empty?")
        if array.size == 1:
            return cls(float(array[0]))
        return cls(float(array.mean()), float(_Z * array.std(ddof=1) / np.sqrt(array.size)))

    def __str__(self) -> str:
        return f"{self.value:.3f}" + ("" if self.interval is None else f" ± {self.interval:.3f}")


@dataclass(frozen=True)
class RPrecision:
    """R-precision of N motions.

    Attributes:
        hits: ``(N, K)``, how often (0 to 1, over repeated draws of candidates) each motion's own
            caption was among the nearest 1, 2, … K.
        candidates: number of captions that each motion was compared with, including its own.
    """

    hits: Floats
    candidates: int

    @property
    def top(self) -> tuple[Estimate, ...]:
        """Top-1, top-2, … with intervals over the motions."""
        return tuple(Estimate.of_mean(column) for column in self.hits.T)


def r_precision(
    motions: NDArray[Any],
    captions: NDArray[Any],
    labels: Sequence[str],
    *,
    groups: Sequence[str] | None = None,
    candidates: int = CANDIDATES,
    repeats: int = REPEATS,
    seed: int = 0,
) -> RPrecision:
    """Return how often a motion's own caption is nearest among captions of other labels.

    Row i of `motions` (N, D) belongs to row i of `captions` (N, D). The candidates of a motion are
    its caption and one caption each of ``candidates - 1`` other labels, so that no candidate is
    right by accident; they are redrawn in each of `repeats` rounds. Labels with a row in the
    motion's own group are left out as well. Ties are broken at random: an encoder that maps
    everything to one point scores at chance level.

    Source: R-precision of Guo et al. 2022, section 5.1 (there the other captions are random
    rows of the batch, which may say the same thing).

    Raises:
        InputError: shapes do not match, there is no motion, or there are fewer than two labels.
            With fewer labels than `candidates` all are used; see `RPrecision.candidates`.
    """
    motions, captions = _paired(motions, captions)
    count = len(motions)
    if len(labels) != count:
        raise InputError(f"{len(labels)} labels for {count} motions; give one for each")
    names, label = np.unique(np.asarray(labels), return_inverse=True)
    if len(names) < 2:
        raise InputError("R-precision needs motions of at least 2 labels; the split has 1")
    same = _labels_in_own_group(label, groups)
    candidates = min(candidates, len(names) + 1 - int(same.sum(axis=1).max()))
    if candidates < 2:
        raise InputError("R-precision needs a label outside of each motion's group")

    distances = _distances(motions, captions)  # (N, N)
    by_label = np.argsort(label, kind="stable")
    sizes = np.bincount(label)  # clips of each label
    first = np.cumsum(sizes) - sizes
    tops = min(3, candidates)
    rng = np.random.default_rng(seed)
    hits = np.zeros((count, tops))
    rows = np.arange(count)
    for _ in range(repeats):
        order = rng.random((count, len(names)))
        order[same] = 2.0  # last: never one of the other candidates
        others = np.argpartition(order, candidates - 2, axis=1)[:, : candidates - 1]  # (N, C-1)
        one_each = first[others] + rng.integers(sizes[others])
        rival = np.take_along_axis(distances, by_label[one_each], axis=1)  # (N, C-1)
        own = distances[rows, rows, None]
        nearer = (rival < own).sum(axis=1)
        equal = (rival == own).sum(axis=1)
        rank = nearer + rng.integers(equal + 1)  # 0 is the nearest
        hits += rank[:, None] <= np.arange(tops)
    return RPrecision(hits / repeats, candidates)


def matching_distance(motions: NDArray[Any], captions: NDArray[Any]) -> Estimate:
    """Return MM-Dist: the mean Euclidean distance between motions (N, D) and their captions (N, D).

    Source: "multimodal distance" of Guo et al. 2022, section 5.1.
    """
    motions, captions = _paired(motions, captions)
    return Estimate.of_mean(np.linalg.norm(motions - captions, axis=1))


def fid(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Return the Fréchet distance of Gaussians fitted to two sets of embeddings, (N, D) and (M, D).

    |m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^½). With Ai the centred rows over sqrt(n - 1), Ci = Aiᵀ Ai
    and tr (C1 C2)^½ is the sum of the singular values of A1 A2ᵀ. This needs no matrix square root
    and works for fewer samples than dimensions, where `scipy.linalg.sqrtm` fails. The distance of
    finite samples is biased upwards; compare sets of the same size.

    Source: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", 2017, equation 6.

    Raises:
        InputError: there are fewer than two rows, different dimensions, or values that are not
            finite.
    """
    first, second = _rows(first), _rows(second)
    if first.shape[1] != second.shape[1]:
        raise InputError(f"embeddings of {first.shape[1]} and {second.shape[1]} dimensions")
    if min(len(first), len(second)) < 2:
        raise InputError("FID needs at least 2 motions on each side")
    left, right = _root_of_covariance(first), _root_of_covariance(second)
    cross = np.linalg.svd(left @ right.T, compute_uv=False).sum()
    shift = first.mean(axis=0) - second.mean(axis=0)
    value = shift @ shift + (left**2).sum() + (right**2).sum() - 2.0 * cross
    return max(float(value), 0.0)


def diversity(
    motions: NDArray[Any], *, pairs: int = 300, repeats: int = REPEATS, seed: int = 0
) -> Estimate:
    """Return the mean distance of two random motions of a set (N, D), with an interval over the
    repeats.

    Each repeat draws two disjoint halves of `pairs` rows (fewer if the set is small) and
    compares them in order.

    Source: Guo et al. 2022, section 5.1, with its S_d = 300.
    """
    motions = _rows(motions)
    if len(motions) < 2:
        raise InputError("diversity needs at least 2 motions")
    pairs = min(pairs, len(motions) // 2)
    rng = np.random.default_rng(seed)
    means = []
    for _ in range(repeats):
        drawn = rng.permutation(len(motions))[: 2 * pairs].reshape(2, pairs)
        means.append(np.linalg.norm(motions[drawn[0]] - motions[drawn[1]], axis=1).mean())
    return Estimate.of_mean(means)


def multimodality(takes: NDArray[Any], *, pairs: int = 10, seed: int = 0) -> Estimate:
    """Return the mean distance of two motions for one caption; `takes` is (captions, takes, D).

    The interval is over the captions. With fewer than ``2 * pairs`` takes, half of them.

    Source: Guo et al. 2022, section 5.1 (there 30 takes and 10 pairs a caption).
    """
    takes = np.asarray(takes, dtype=np.float64)
    if takes.ndim != 3 or takes.shape[0] < 1 or takes.shape[1] < 2:
        raise InputError(f"multimodality needs (captions, 2 or more takes, D), not {takes.shape}")
    pairs = min(pairs, takes.shape[1] // 2)
    rng = np.random.default_rng(seed)
    drawn = rng.permuted(np.tile(np.arange(takes.shape[1]), (len(takes), 1)), axis=1)
    one = np.take_along_axis(takes, drawn[:, :pairs, None], axis=1)
    other = np.take_along_axis(takes, drawn[:, pairs : 2 * pairs, None], axis=1)
    return Estimate.of_mean(np.linalg.norm(one - other, axis=2).mean(axis=1))


def _labels_in_own_group(
    label: NDArray[np.intp], groups: Sequence[str] | None
) -> NDArray[np.bool_]:
    """Return a mask (N, labels): the row's own label, and those of the other rows of its group."""
    same: NDArray[np.bool_] = label[:, None] == np.arange(label.max() + 1)
    if groups is not None:
        group = np.unique(np.asarray(groups), return_inverse=True)[1]
        joint = np.zeros((group.max() + 1, same.shape[1]), dtype=bool)
        joint[group, label] = True
        same = joint[group]
    return same


def _root_of_covariance(rows: Floats) -> Floats:
    """Return R with Rᵀ R = covariance of the rows; at most D x D."""
    centred = (rows - rows.mean(axis=0)) / np.sqrt(len(rows) - 1)
    root: Floats = np.linalg.qr(centred)[1]
    return root


def _distances(one: Floats, other: Floats) -> Floats:
    """Return Euclidean distances (N, M) of all rows to all rows."""
    squared = (one**2).sum(1)[:, None] + (other**2).sum(1)[None] - 2.0 * one @ other.T
    distances: Floats = np.sqrt(np.maximum(squared, 0.0))
    return distances


def _rows(embeddings: NDArray[Any]) -> Floats:
    array = np.asarray(embeddings, dtype=np.float64)
    if array.ndim != 2 or array.size == 0:
        raise InputError(f"embeddings have the shape {array.shape}; expected (N, D), not empty")
    if not np.isfinite(array).all():
        raise InputError("embeddings hold NaN or infinity; check the motions they come from")
    return array


def _paired(motions: NDArray[Any], captions: NDArray[Any]) -> tuple[Floats, Floats]:
    motions, captions = _rows(motions), _rows(captions)
    if motions.shape != captions.shape:
        raise InputError(
            f"motions {motions.shape} and captions {captions.shape} must have the same shape"
        )
    return motions, captions
