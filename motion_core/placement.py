"""The placement of a second person relative to the first: (θ, x, z) of Motion-Agent, Appendix
A.3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

MAX_DISTANCE = 20.0  # metres; farther apart two people are not one scene


@dataclass(frozen=True)
class Placement:
    """A person's origin in the scene; person 1 is at the origin and faces +z.

    Attributes:
        theta: turn about the vertical in degrees; 180 faces person 1.
        x, z: metres. θ = 180, z = 1 is face to face at one metre.
    """

    theta: float = 0.0
    x: float = 0.0
    z: float = 0.0

    def apply(self, points: NDArray[Any]) -> NDArray[Any]:
        """Return points ``(…, 3)`` of the person, metres and y up, in the scene's coordinates.

        Raises:
            InputError: the placement is not finite.
        """
        values = (self.theta, self.x, self.z)
        if not all(math.isfinite(value) for value in values):
            raise InputError(f"the placement {values} is not finite; give degrees and metres")
        if values == (0.0, 0.0, 0.0):
            return points
        cosine, sine = math.cos(math.radians(self.theta)), math.sin(math.radians(self.theta))
        turned = np.array(points)  # about +y: +z turns towards +x
        turned[..., 0] = cosine * points[..., 0] + sine * points[..., 2] + self.x
        turned[..., 2] = cosine * points[..., 2] - sine * points[..., 0] + self.z
        return turned


FACE_TO_FACE = Placement(180.0, 0.0, 1.5)
"""Where person 2 stands if nobody said: opposite, beyond the reach of a bow."""


def as_placement(values: Sequence[float]) -> Placement:
    """Return (θ, x, z) as a placement.

    Raises:
        InputError: they are not three finite numbers, or too far away.
    """
    if len(values) != 3:
        raise InputError(
            f"a placement has three numbers, theta in degrees, x and z in metres; got {len(values)}"
        )
    theta, x, z = (float(value) for value in values)
    if not all(map(math.isfinite, (theta, x, z))) or abs(theta) > 360:
        raise InputError(f"the placement ({theta:g}, {x:g}, {z:g}) is no angle and two distances")
    if math.hypot(x, z) > MAX_DISTANCE:
        raise InputError(
            f"the placement is {math.hypot(x, z):g} m away; the limit is {MAX_DISTANCE:g} m"
        )
    return Placement(theta, x, z)
