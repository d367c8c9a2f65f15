"""The quality of joins: `measure_seams` returns a `SeamReport` for each seam of a motion.

Four measures reveal a bad join, each taken within 0.8 s of it, in windows of 0.8 s:

    root jump     the largest change of the root's velocity, over 0.1 s         m/s
    turn jump     the same of its rate of turning                               rad/s
    pose speed    the joints' largest mean speed, seen from the root            m/s
    foot slide    how far a foot slides while it bears the person               m

Each is defined for any frame of any motion, so a seam can be compared with how people move
(`LIMITS`, measured on motion capture) and with the worst of its two segments elsewhere. It is bad
if it exceeds both: a jump that is wild between two standing poses is natural between two kicks, and
a seam is not to blame for feet that slide everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .fills import known_fills
from .motion import FRAMES_PER_TOKEN, Fill, Motion
from .representation import features_to_joints
from .skeleton import FPS, LEFT_FOOT, RIGHT_FOOT

LIMITS: Mapping[str, float] = {
    "root_jump": 1.47,
    "turn_jump": 0.053,
    "pose_speed": 1.88,
    "foot_slide": 0.14,
}
"""What is never bad: below these even a seam between two people standing still is let be.

About the 98th percentile of each at random positions inside real motion, as if a seam were
there: the test split of the prepared data set, where 5 % of the positions then count as bad.
``benchmarks/seams.py`` measures and prints it.
"""

REACH = 8
"""Frames on either side of a moment that are looked at to measure it."""

NEAR = 8
"""Frames on either side of a seam whose moments count as the seam, the worst of them.

Decoding spreads a join over some tokens, and a repair that pushes trouble aside mends nothing.
"""

_CHANGE = 2  # frames on either side over which a velocity is averaged for comparison
_LOW = np.array([0.12, 0.05, 0.12, 0.05])  # metres: an ankle or toe base below it bears weight

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SeamReport:
    """The quality of one join.

    Attributes:
        before, after: ids of the two segments.
        frame: the first frame of the later one.
        root_jump: largest change of the root's velocity, m/s.
        turn_jump: largest change of its rate of turning, rad/s.
        pose_speed: largest mean speed of the joints as seen from the root, m/s.
        pose_percentile: share of moments elsewhere in the two segments that are slower, in per
            cent; 100 if they are too short to have any.
        foot_slide: metres that the worse foot slides while it bears the person.
        severity: the worst of the four as a multiple of its limit; above 1 is bad.
        reasons: what is bad, in words; empty for a good seam.
    """

    before: str
    after: str
    frame: int
    root_jump: float
    turn_jump: float
    pose_speed: float
    pose_percentile: float
    foot_slide: float
    severity: float
    reasons: tuple[str, ...] = ()

    @property
    def bad(self) -> bool:
        """Whether the join is worse than real motion and than its own segments."""
        return bool(self.reasons)

    def to_json(self) -> dict[str, Any]:
        """Return JSON values only, including ``bad``."""
        return {**asdict(self), "reasons": list(self.reasons), "bad": self.bad}


def measure_seams(motion: Motion) -> tuple[SeamReport, ...]:
    """Return a report for each join of two segments, in order; none for a motion of one segment."""
    spans = motion.segment_frames()
    if len(spans) < 2:
        return ()
    measured = _measure(motion.features)
    fills = known_fills(motion)
    return tuple(
        _report(measured, (one.id, other.id), (start, seam, end), fills.get(other.id, Fill()))
        for (one, start, seam), (other, _, end) in pairwise(spans)
    )


def foot_steps(joints: Array, contacts: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return how the feet move over the floor, and when they should not.

    Args:
        joints: ``(T, 22, 3)`` in metres.
        contacts: ``(T, 4)``, the last columns of the features.

    Returns:
        Steps in x and z ``(T - 1, 4, 2)`` of left ankle, left toe, right ankle, right toe, and
        whether each bears the person ``(T - 1, 4)``: in contact, and low. HumanML3D's contact
        alone also holds for a foot that swings at up to 0.9 m/s.
    """
    feet = joints[:, [*LEFT_FOOT, *RIGHT_FOOT]]
    bears = (contacts[:-1] > 0.5) & (feet[:-1, :, 1] < _LOW)
    return np.diff(feet[:, :, [0, 2]], axis=0), bears


def _report(
    measured: Array, ids: tuple[str, str], frames: tuple[int, int, int], fill: Fill
) -> SeamReport:
    start, seam, end = frames
    # A filled join has two ends, and what is between them counts too.
    before, after = (NEAR + count * FRAMES_PER_TOKEN for count in (fill.before, fill.after))
    # Moments whose windows lie within these two segments.
    first = min(seam, max(seam - before, start + REACH))
    last = max(seam, min(seam + after, end - REACH))
    here = measured[first : last + 1].max(0)
    # Moments whose windows do not overlap the seam.
    aside = 2 * REACH
    inside = np.concatenate(
        [
            measured[start + REACH : max(0, seam - before - aside)],
            measured[seam + after + aside : end - REACH],
        ]
    )  # (n, 4)
    allowed = np.array(list(LIMITS.values()))
    percentile = 100.0
    if len(inside):
        allowed = np.maximum(allowed, 1.001 * inside.max(0))  # a uniform motion stays within itself
        percentile = float((inside[:, 2] < here[2]).mean() * 100)
    root, turn, pose, slide = here.tolist()
    words = (
        f"the root's velocity jumps by {root:.1f} m/s",
        f"the turning jumps by {turn:.2f} rad/s",
        f"the pose changes at {pose:.1f} m/s, faster than {percentile:.0f} % of the segments",
        f"a foot slides {100 * slide:.0f} cm on the floor",
    )
    severity = here / allowed
    reasons = tuple(w for w, s in zip(words, severity, strict=True) if s > 1)
    worst = float(severity.max())
    return SeamReport(*ids, seam, root, turn, pose, percentile, slide, worst, reasons)


def _measure(features: NDArray[Any]) -> Array:
    """Return the measures around each frame: ``(T, 4)`` in the order of `LIMITS`."""
    values = np.asarray(features, dtype=np.float64)
    joints = features_to_joints(values).astype(np.float64)  # (T, 22, 3)
    local = values[:, 4:67].reshape(-1, 21, 3)
    speed = np.linalg.norm(np.diff(local, axis=0), axis=-1).mean(-1) * FPS  # (T-1,)
    slides, bears = foot_steps(joints, values[:, 259:])
    return np.stack(
        [
            _windows(_change(np.diff(joints[:, 0], axis=0) * FPS)).max(-1),
            _windows(_change(2 * FPS * values[:-1, :1])).max(-1),  # column 0: half the turn
            _windows(speed).max(-1),
            _windows(np.linalg.norm(slides, axis=-1) * bears).sum(-1).max(-1),
        ],
        axis=-1,
    )


def _change(velocity: Array) -> Array:
    """Return how much velocities ``(T - 1, k)`` change around each step ``(T - 1,)``; 0 at the
    ends.
    """
    change = np.zeros(len(velocity))
    if len(velocity) >= 2 * _CHANGE:
        mean = sliding_window_view(velocity, _CHANGE, axis=0).mean(-1)
        change[_CHANGE - 1 : -_CHANGE] = np.linalg.norm(mean[_CHANGE:] - mean[:-_CHANGE], axis=-1)
    return change


def _windows(steps: Array) -> Array:
    """Return the `REACH` steps before and after each frame: ``(T - 1, ...)`` to ``(T, ...,
    2R)``.
    """
    padded = np.pad(steps, ((REACH, REACH), *[(0, 0)] * (steps.ndim - 1)))
    return sliding_window_view(padded, 2 * REACH, axis=0)
