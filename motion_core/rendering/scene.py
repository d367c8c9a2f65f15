"""Who is drawn, where and with which captions: motions prepared for drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..figure import Figure
from ..motion import Motion
from ..placement import Placement
from ..seams import measure_seams
from .mannequin import FloatArray, body_points
from .palette import PALETTES

if TYPE_CHECKING:
    from ..formats.character import Character

CONTACTS = slice(259, 263)  # last features: left heel and toes, right heel and toes
MAX_PEOPLE = len(PALETTES["light"].people)
AT_THE_ORIGIN = Placement()


@dataclass(frozen=True)
class Body:
    """A motion and its placement.

    Attributes:
        motion: of the person.
        placement: of the person.
        bad_seams: seams marked as bad; 0 is between the first and second segment.
        character: to animate; None for the mannequin.
    """

    motion: Motion
    placement: Placement = AT_THE_ORIGIN
    bad_seams: tuple[int, ...] = ()
    character: Character | None = None

    @classmethod
    def measured(
        cls,
        motion: Motion,
        placement: Placement = AT_THE_ORIGIN,
        character: Character | None = None,
    ) -> Body:
        """Return the body with its bad seams measured and marked."""
        bad = tuple(i for i, seam in enumerate(measure_seams(motion)) if seam.bad)
        return cls(motion, placement, bad, character)


@dataclass(frozen=True)
class Caption:
    """A description that holds from frame `start` until before frame `end`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Seam:
    """The join of two segments: before frame `frame`."""

    frame: int
    bad: bool = False


@dataclass(frozen=True)
class Scene:
    """Everything that video, film strip and player draw.

    Attributes:
        people: for each person, the body points ``(T, 34, 3)`` in the scene, metres.
        captions: for each person.
        seams: for each person.
        contacts: for each person, whether left heel, left toes, right heel and right toes touch the
            floor, ``(T, 4)`` booleans.
        bodies: the scene's input.
        characters: for each person, the figure of a character; None for a mannequin.
    """

    people: tuple[FloatArray, ...]
    captions: tuple[tuple[Caption, ...], ...]
    seams: tuple[tuple[Seam, ...], ...]
    contacts: tuple[NDArray[np.bool_], ...]
    bodies: tuple[Body, ...]
    characters: tuple[Figure | None, ...]

    @cached_property
    def figures(self) -> tuple[Figure, ...]:
        """Everybody as a skinned mesh, mannequins included."""
        from ..formats.skin import mannequin_figure

        return tuple(
            figure or mannequin_figure(body.motion).placed(body.placement, self.frames)
            for figure, body in zip(self.characters, self.bodies, strict=True)
        )

    def outlines(self) -> list[FloatArray]:
        """Return, for each person, points ``(T, n, 3)`` that a camera must see, body points
        first.
        """
        return [
            points
            if figure is None
            else np.concatenate([points, figure.extremes()], axis=1, dtype=np.float32)
            for points, figure in zip(self.people, self.characters, strict=True)
        ]

    @property
    def frames(self) -> int:
        return len(self.people[0])


def make_scene(motion: Motion | Sequence[Body]) -> Scene:
    """Return the scene of one motion or several bodies; those that end early stand still until the
    end.

    Raises:
        InputError: no people, more than `MAX_PEOPLE`, a placement that is not finite, or an unknown
            seam.
    """
    bodies = [Body(motion)] if isinstance(motion, Motion) else list(motion)
    if not 1 <= len(bodies) <= MAX_PEOPLE:
        raise InputError(f"{len(bodies)} people cannot be drawn; give 1 to {MAX_PEOPLE}")
    frames = max(len(body.motion) for body in bodies)
    people, contacts = [], []
    characters: list[Figure | None] = []
    for body in bodies:
        joints, figure = body.motion.joints, None
        if body.character is not None:
            joints, figure = body.character.figure(body.motion)
            figure = figure.placed(body.placement, frames)
        characters.append(figure)
        points = body.placement.apply(body_points(joints))
        held = np.minimum(np.arange(frames), len(points) - 1)
        people.append(points[held] if len(points) < frames else points)
        contacts.append(body.motion.features[held, CONTACTS] > 0.5)
    return Scene(
        tuple(people),
        tuple(_captions(body) for body in bodies),
        tuple(_seams(body) for body in bodies),
        tuple(contacts),
        tuple(bodies),
        tuple(characters),
    )


def _captions(body: Body) -> tuple[Caption, ...]:
    spans = body.motion.segment_frames()
    return tuple(Caption(start, end, segment.description) for segment, start, end in spans)


def _seams(body: Body) -> tuple[Seam, ...]:
    starts = [start for _, start, _ in body.motion.segment_frames()][1:]
    for number in body.bad_seams:
        if not 0 <= number < len(starts):
            raise InputError(f"there is no seam {number}; the motion has {len(starts)}, from 0")
    return tuple(Seam(start, index in body.bad_seams) for index, start in enumerate(starts))
