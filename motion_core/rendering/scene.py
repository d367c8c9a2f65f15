"""Who is drawn, where and with which words: motions made ready for drawing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..motion import Motion
from .mannequin import FloatArray, body_points
from .palette import PALETTES

MAX_PEOPLE = len(PALETTES["light"].people)


@dataclass(frozen=True)
class Placement:
    """Where a person's origin stands in the scene; person 1 stands at the origin facing +z.

    Attributes:
        theta: turn about the vertical in degrees; 180 faces person 1.
        x, z: metres.
    """

    theta: float = 0.0
    x: float = 0.0
    z: float = 0.0


@dataclass(frozen=True)
class Body:
    """A motion and the place where it happens."""

    motion: Motion
    placement: Placement = Placement()


@dataclass(frozen=True)
class Caption:
    """Words that hold from frame `start` until before frame `end`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Scene:
    """Everything that video, film strip and player draw.

    Attributes:
        people: for each person the body points ``(T, 34, 3)`` in the scene, metres.
        captions: for each person what is done when.
    """

    people: tuple[FloatArray, ...]
    captions: tuple[tuple[Caption, ...], ...]

    @property
    def frames(self) -> int:
        return len(self.people[0])


def make_scene(motion: Motion | Sequence[Body]) -> Scene:
    """The scene of one motion, or of several bodies; who ends early stands still until the end.

    Raises:
        InputError: nobody, more than `MAX_PEOPLE`, or a placement that is not finite.
    """
    bodies = [Body(motion)] if isinstance(motion, Motion) else list(motion)
    if not 1 <= len(bodies) <= MAX_PEOPLE:
        raise InputError(f"{len(bodies)} people cannot be drawn; give 1 to {MAX_PEOPLE}")
    frames = max(len(body.motion) for body in bodies)
    people = []
    for body in bodies:
        points = _placed(body_points(body.motion.joints), body.placement)
        held = np.minimum(np.arange(frames), len(points) - 1)
        people.append(points[held] if len(points) < frames else points)
    captions = tuple(
        tuple(Caption(start, end, segment.description) for segment, start, end in spans)
        for spans in (body.motion.segment_frames() for body in bodies)
    )
    return Scene(tuple(people), captions)


def _placed(points: FloatArray, placement: Placement) -> FloatArray:
    values = (placement.theta, placement.x, placement.z)
    if not all(math.isfinite(value) for value in values):
        raise InputError(f"the placement {values} is not finite; give degrees and metres")
    if values == (0.0, 0.0, 0.0):
        return points
    cosine, sine = (f(math.radians(placement.theta)) for f in (math.cos, math.sin))
    turned: FloatArray = points.copy()  # about +y: +z turns towards +x
    turned[..., 0] = cosine * points[..., 0] + sine * points[..., 2] + placement.x
    turned[..., 2] = cosine * points[..., 2] - sine * points[..., 0] + placement.z
    return turned
