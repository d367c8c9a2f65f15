"""From a take to its recordings and clips: features of it and its mirror image, and parts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, MotionAgentError
from ..formats import read_joints
from ..representation import joints_to_features, mirror_joints, resample
from ..skeleton import FPS
from .captions import make_captions, mirrored_action, swap_sides
from .cmu_mocap import read_cmu_mocap
from .feet import PITCH, level_feet
from .packs import read_clip
from .prepared import Caption, Clip, Recording
from .takes import Take

MAX_FRAMES = 200  # 10 seconds, 50 motion tokens: for windows and crops without own captions
MIN_FRAMES = 12
CAPTIONS_PER_CLIP = 20

Features16 = NDArray[np.float16]


@dataclass(frozen=True)
class CutTake:
    """The recordings and clips of a take, or why there are none.

    Attributes:
        recordings: the take and its mirror image, with features ``(T, 263)``.
        clips: of both; their `start` counts from the recording's first frame.
    """

    take: Take
    recordings: tuple[tuple[Recording, Features16], ...] = ()
    clips: tuple[Clip, ...] = ()
    left_out: str = ""
    unreadable: str = ""


def cut(take: Take) -> CutTake:
    """Read a take and cut it; never raise for an unusable file."""
    try:
        joints, floor = _read(take)
        # The representation makes the first frame face straight ahead but smooths the others, so it
        # can hold a spurious turn of up to 90°; it is left out.
        both = [
            joints_to_features(side, floor=floor)[1:] for side in (joints, mirror_joints(joints))
        ]
    except (MotionAgentError, OSError) as err:
        return CutTake(take, unreadable=str(err))
    frames = len(both[0])
    if frames < MIN_FRAMES:
        return CutTake(take, left_out=f"{frames} frames, fewer than {MIN_FRAMES}")
    recordings, clips = [], []
    for mirrored, features in zip((False, True), both, strict=True):
        recording = Recording(
            id=f"{take.id}{':mirrored' if mirrored else ''}",
            source=take.source,
            action=mirrored_action(take.action) if mirrored else take.action,
            group=take.id,
            mirrored=mirrored,
            split="train",
            start=0,
            length=frames,
        )
        recordings.append((recording, features.astype(np.float16)))
        clips += _clips(take, recording)
    several = frames > MAX_FRAMES and take.long == "leave out" and not clips
    reason = f"{frames / FPS:.1f} s of several actions: no clip, windows alone" if several else ""
    return CutTake(take, tuple(recordings), tuple(clips), left_out=reason)


def windows(frames: int, long: str) -> list[tuple[int, int]]:
    """Return where to cut: equal windows of at most `MAX_FRAMES`, the middle of that length, or
    nowhere.
    """
    if frames <= MAX_FRAMES:
        return [(0, frames)]
    if long == "leave out":
        return []
    if long == "cut":
        bounds = np.linspace(0, frames, -(-frames // MAX_FRAMES) + 1).astype(int).tolist()
        return list(pairwise(bounds))
    start = (frames - MAX_FRAMES) // 2
    return [(start, start + MAX_FRAMES)]


def _read(take: Take) -> tuple[NDArray[np.float64], float | None]:
    """Return joints ``(T, 22, 3)`` at 20 fps, and the height of the floor if the source states
    it.
    """
    if take.rows is not None:
        return read_cmu_mocap(take.path, take.rows, take.floor_mm), 0.0
    if take.clip is not None:
        joints, fps = read_clip(take.clip.pack, take.path, take.clip)
    else:
        # The sources are y up; guessing from the pose would fail for somebody lying down.
        joints, fps = read_joints(take.path, up=None if take.source == "custom" else "y")
    joints = resample(joints, fps=fps)
    pitch = PITCH.get(take.source)
    return (joints if pitch is None else level_feet(joints, pitch)), None


def _clips(take: Take, recording: Recording) -> list[Clip]:
    """Return the take's captioned parts; without any, windows that share the captions of the
    whole.
    """
    parts = [
        # One frame earlier, because features drop the first.
        (max(0, span.start - 1), min(recording.length, span.end - 1), span.captions)
        for span in take.spans
    ]
    if take.captions or (take.labelled and not parts):
        parts += [
            (start, stop, take.captions) for start, stop in windows(recording.length, take.long)
        ]
    parts = [part for part in parts if part[1] - part[0] >= MIN_FRAMES]
    return [
        _clip(take, recording, f":{number}" if len(parts) > 1 else "", *part)
        for number, part in enumerate(parts, start=1)
    ]


def _clip(
    take: Take,
    recording: Recording,
    number: str,
    start: int,
    stop: int,
    captions: tuple[Caption, ...],
) -> Clip:
    mirrored = recording.mirrored
    name = f"{take.id}{number}{':mirrored' if mirrored else ''}"
    if captions:
        texts = tuple(
            Caption(swap_sides(caption.text), caption.source) if mirrored else caption
            for caption in captions
        )
    else:
        sentences = make_captions(
            recording.action, take.style, mirrored=mirrored, seed=name, count=CAPTIONS_PER_CLIP
        )
        texts = tuple(Caption(text, "labels") for text in sentences)
    if not texts:
        raise InputError(f"no captions for {name}")
    return Clip(
        id=name,
        recording=recording.id,
        source=take.source,
        action=recording.action,
        style=take.style,
        actor=take.actor,
        mirrored=mirrored,
        split="train",
        captions=texts,
        start=start,
        length=stop - start,
    )
