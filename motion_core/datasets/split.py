"""The fixed split: about one take in ten for testing, one in twenty for validation.

Near-duplicates stay on the same side. Recordings are compared as 16 poses at equal times (joints
1…21 relative to the root, facing +z, plus the root's height and its path). Their distance is that
of the joint that differs most on average over time, because two waves differ only in the hands.
Takes whose recordings, or mirror images, are closer than `NEAR_DUPLICATE` belong together, as do
all clips of one take and takes that the source calls twins (in CMU, one subject with one
description). Groups are assigned by a hash of their names: the same takes give the same split.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..choices import Split
from ..motion import FloatArray
from ..representation import features_to_root
from .prepared import Clip, Recording

# Metres. The nearest takes of Bandai-Namco's gestures, repeated by one actor in a row, are 0.02 to
# 0.05 apart, those of its walks and runs 0.06 to 0.3.
NEAR_DUPLICATE = 0.03
TEST_SHARE = 0.1
VALIDATION_SHARE = 0.05
MIN_GROUPS = 3  # groups that an action needs for one of them to be held out
_TIMES = 16
_PAIRS_AT_ONCE = 10_000


def descriptor(features: FloatArray) -> NDArray[np.float32]:
    """Return ``(16, 23, 3)``: 21 joints, root height and path at 16 equal times, in metres."""
    frames = np.linspace(0, len(features) - 1, _TIMES).round().astype(int)
    _, root = features_to_root(features)
    parts = [features[frames, 4:67].reshape(_TIMES, 21, 3)]
    height = np.zeros((_TIMES, 1, 3))
    height[:, 0, 1] = features[frames, 3]
    path = np.zeros((_TIMES, 1, 3))
    path[:, 0, [0, 2]] = root[frames][:, [0, 2]]
    return np.concatenate([*parts, height, path], axis=1).astype(np.float32)


def distances(one: NDArray[np.float32], many: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the distances in metres of one or N descriptors ``(16, 23, 3)`` to each of ``(N, 16,
    23, 3)``.
    """
    worst: NDArray[np.float32] = np.sqrt(((many - one) ** 2).sum(-1)).mean(1).max(-1)
    return worst


def near_duplicates(
    recordings: Sequence[Recording],
    features: Callable[[Recording], FloatArray],
    twins: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return, for each take (`take_of`), the name of its group: the first take that it nearly
    equals.

    Mirrored recordings are included, so a left-hand take is compared with mirrored right-hand ones.

    Args:
        recordings: of all sources.
        features: reads a recording's features.
        twins: take -> string; takes with the same string belong together however they move.
    """
    takes = sorted({take_of(recording.id) for recording in recordings})
    groups = _Groups(takes)
    first: dict[str, str] = {}
    for take in takes:
        if twins and take in twins:
            groups.join(take, first.setdefault(twins[take], take))
    by_source: dict[str, list[Recording]] = defaultdict(list)
    for recording in recordings:
        by_source[recording.source].append(recording)
    for members in by_source.values():
        described = np.stack([descriptor(features(recording)) for recording in members])
        # A joint's mean distance is at least that of its mean positions: a tree over these finds
        # the pairs that can be near.
        places = described.mean(axis=1).reshape(len(members), -1)  # (N, 69)
        pairs = cKDTree(places).query_pairs(NEAR_DUPLICATE, p=np.inf, output_type="ndarray")
        for first_row in range(0, len(pairs), _PAIRS_AT_ONCE):
            rows = pairs[first_row : first_row + _PAIRS_AT_ONCE]
            near = distances(described[rows[:, 0]], described[rows[:, 1]]) < NEAR_DUPLICATE
            for here, other in rows[near]:
                groups.join(take_of(members[here].id), take_of(members[other].id))
    return groups.names()


def take_of(name: str) -> str:
    """Return the take of a recording or clip: its id without part and mirror."""
    return name.split(":")[0]


def assign_splits(clips: Sequence[Clip], groups: dict[str, str]) -> dict[str, Split]:
    """Return the split of each take, so that actions and styles are in all of them if possible.

    Each action of a source with at least `MIN_GROUPS` groups gives about a tenth of its takes to
    testing and a twentieth to validation, spread over its styles; the rest is for training, and so
    are takes without captions.
    """
    strata: dict[tuple[str, str], dict[str | None, set[str]]] = defaultdict(
        lambda: defaultdict(set)
    )
    for clip in clips:
        if not clip.mirrored:
            strata[clip.source, clip.action][clip.style].add(take_of(clip.id))
    splits: dict[str, Split] = dict.fromkeys(groups, "train")
    held_out: set[str] = set()
    shares: tuple[tuple[Split, float], ...] = (
        ("test", TEST_SHARE),
        ("validation", VALIDATION_SHARE),
    )
    for name, share in shares:
        drawn = _draw_groups(strata, groups, share, without=held_out)
        held_out |= drawn
        splits |= {take: name for take, group in groups.items() if group in drawn}
    return splits


def _draw_groups(
    strata: Mapping[tuple[str, str], Mapping[str | None, set[str]]],
    groups: dict[str, str],
    share: float,
    *,
    without: set[str],
) -> set[str]:
    """Draw groups with about `share` of the takes of every stratum."""
    sizes = Counter(groups.values())
    drawn: set[str] = set()
    fixed = set(without)  # groups assigned by a stratum; later ones leave them alone
    spent: dict[str, Counter[str | None]] = defaultdict(Counter)  # by source: styles drawn
    for source, action in sorted(strata):
        styles = strata[source, action]
        takes = sum(len(members) for members in styles.values())
        own = {groups[take] for members in styles.values() for take in members}
        if len(own) >= MIN_GROUPS:
            count = max(1, round(share * takes))
            drawn |= _choose(styles, groups, sizes, fixed, count, spent[source])
        fixed |= own
    return drawn


def _choose(
    styles: Mapping[str | None, set[str]],
    groups: dict[str, str],
    sizes: Mapping[str, int],
    fixed: set[str],
    count: int,
    spent: Counter[str | None],
) -> set[str]:
    """Choose groups with `count` takes in all, each style in proportion, small groups first."""
    total = sum(len(members) for members in styles.values())
    chosen: set[str] = set()
    got = 0

    def draw(style: str | None, quota: int) -> int:
        drawn = 0
        for group in sorted({groups[take] for take in styles[style]}, key=_hash):
            fits = sizes[group] <= max(1, quota - drawn)
            if drawn < quota and fits and group not in chosen | fixed:
                chosen.add(group)
                drawn += sizes[group]
        spent[style] += drawn
        return drawn

    names = sorted(styles, key=str)
    for style in names:
        got += draw(style, int(count * len(styles[style]) / total))
    # The rest comes from the styles with most takes, ties going to those that other actions have
    # used least; a neutral motion is the last to be given up.
    before = spent.copy()

    def rank(style: str | None) -> tuple[int, bool, int, str]:
        return -len(styles[style]), style is None, before[style], _hash(min(styles[style]))

    for style in sorted(names, key=rank):
        if got < count:
            got += draw(style, 1)
    return chosen


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class _Groups:
    """Union-find over names; a group is named after its first name."""

    def __init__(self, names: Sequence[str]) -> None:
        self._above = {name: name for name in names}

    def find(self, name: str) -> str:
        while self._above[name] != name:
            self._above[name] = self._above[self._above[name]]
            name = self._above[name]
        return name

    def join(self, one: str, other: str) -> None:
        first, second = sorted((self.find(one), self.find(other)))
        self._above[second] = first

    def names(self) -> dict[str, str]:
        return {name: self.find(name) for name in self._above}
