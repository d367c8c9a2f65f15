"""The floor's height: under the feet most of the time, not under the lowest single frame.

HumanML3D puts the lowest joint of all frames on the floor. A recording error that dips the body in
one frame would lift the person for the rest of the motion; then the floor is where the feet stand.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .motion import Motion

_HEIGHTS = (3, *range(5, 67, 3))  # features that are heights, of the root and of each joint
_RARE = 0.04  # share of the frames that may be below the floor
_GAP = 0.04  # minimum gap in metres between faulty frames and the rest


def on_the_floor(motion: Motion) -> tuple[Motion, str | None]:
    """Return the motion, lowered if only a few frames touched the floor, with a note."""
    lowest = np.sort(motion.joints[..., 1].min(axis=1))
    rare = int(_RARE * len(lowest))
    if rare == 0 or len(lowest) < 20:
        return motion, None
    height = float(lowest[rare])
    # A person who goes down and up passes through all heights; an error leaves a gap.
    gaps = np.diff(lowest[: rare + 1])
    if height < _GAP or gaps.max() < _GAP:
        return motion, None
    features = motion.features.copy()
    features[:, _HEIGHTS] -= height
    note = (
        f"{rare} of {len(lowest)} frames or fewer were below the floor; it was put under the rest"
    )
    return replace(motion, features=features), note
