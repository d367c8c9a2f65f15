"""From one take to the clips of a data set: features of it and of its mirror image, cut."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, MotionAgentError
from ..formats import read_joints
from ..representation import joints_to_features, mirror_joints, resample
from .captions import make_captions, mirrored_action, swap_sides
from .prepared import Clip
from .sources import Take

MAX_FRAMES = 200  # 10 seconds, 50 motion tokens
MIN_FRAMES = 12
CAPTIONS_PER_CLIP = 20

Features16 = NDArray[np.float16]


@dataclass(frozen=True)
class CutTake:
    """What became of a take: clips with their features, or why there are none."""

    take: Take
    clips: tuple[tuple[Clip, Features16], ...] = ()
    left_out: str = ""
    unreadable: str = ""


def cut(take: Take) -> CutTake:
    """Read a take and cut it; never raises for a file that cannot be used."""
    try:
        # The three sources are y up; guessing from the pose would fail for somebody lying down.
        joints, fps = read_joints(take.path, up=None if take.source == "custom" else "y")
        joints = resample(joints, fps=fps)
        # The representation sets the first facing straight ahead but smooths the others, so its
        # first frame can hold a turn of up to 90° that nobody made; it is left out.
        both = [joints_to_features(side)[1:] for side in (joints, mirror_joints(joints))]
    except (MotionAgentError, OSError) as err:
        return CutTake(take, unreadable=str(err))
    frames = len(both[0])
    if frames < MIN_FRAMES:
        return CutTake(take, left_out=f"{frames} frames, fewer than {MIN_FRAMES}")
    if frames > MAX_FRAMES and take.long == "leave out":
        return CutTake(take, left_out=f"{frames / 20:.1f} s of several actions: {take.description}")
    clips = []
    for mirrored, features in zip((False, True), both, strict=True):
        spans = windows(frames, take.long)
        for number, (start, stop) in enumerate(spans, start=1):
            part = f":{number}" if len(spans) > 1 else ""
            side = ":mirrored" if mirrored else ""
            clip = _clip(take, f"{take.id}{part}{side}", mirrored=mirrored, length=stop - start)
            clips.append((clip, features[start:stop].astype(np.float16)))
    return CutTake(take, tuple(clips))


def windows(frames: int, long: str) -> list[tuple[int, int]]:
    """Where to cut: equal windows of at most `MAX_FRAMES`, or the middle of that length."""
    if frames <= MAX_FRAMES:
        return [(0, frames)]
    if long == "cut":
        bounds = np.linspace(0, frames, -(-frames // MAX_FRAMES) + 1).astype(int).tolist()
        return list(pairwise(bounds))
    start = (frames - MAX_FRAMES) // 2
    return [(start, start + MAX_FRAMES)]


def _clip(take: Take, name: str, *, mirrored: bool, length: int) -> Clip:
    action = mirrored_action(take.action) if mirrored else take.action
    texts: tuple[str, ...]
    if take.description is not None:
        texts = (swap_sides(take.description) if mirrored else take.description,)
    else:
        texts = make_captions(
            action, take.style, mirrored=mirrored, seed=name, count=CAPTIONS_PER_CLIP
        )
    if not texts:
        raise InputError(f"no captions for {name}")
    return Clip(
        id=name,
        source=take.source,
        action=action,
        style=take.style,
        actor=take.actor,
        take=take.take,
        mirrored=mirrored,
        split="train",
        captions=texts,
        start=0,
        length=length,
    )
