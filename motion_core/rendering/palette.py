"""The colours of all drawings, in a light and a dark theme (sRGB hexadecimal).

Left is blue and right is vermilion: they differ in hue, in lightness and for the common colour
vision deficiencies (Okabe and Ito, "Color Universal Design", 2008).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..choices import Theme


@dataclass(frozen=True)
class Palette:
    """The colours of a theme.

    Attributes:
        sky, floor, glow: background at the top, at the bottom, and the pool of light.
        grid, shadow, trail: on the floor.
        panel, text, muted, track, accent, seam, bad: caption and timeline.
        people: for each person, the colours of body, left and right.
    """

    sky: str
    floor: str
    glow: str
    grid: str
    shadow: str
    trail: str
    panel: str
    text: str
    muted: str
    track: str
    accent: str
    seam: str
    bad: str
    people: tuple[Mapping[str, str], ...]


PALETTES: Mapping[Theme, Palette] = {
    "light": Palette(
        sky="#e6e8ec",
        floor="#d9dce2",
        glow="#f7f8fa",
        grid="#aab2bf",
        shadow="#39424f",
        trail="#2f9e77",
        panel="#ffffff",
        text="#1c2430",
        muted="#6b7686",
        track="#dde1e7",
        accent="#2f9e77",
        seam="#6b7686",
        bad="#d1242f",
        people=(
            {"body": "#e9e2d6", "left": "#2f7fd0", "right": "#ea5b2e"},
            {"body": "#4a5568", "left": "#7c5cd6", "right": "#e0a100"},
        ),
    ),
    "dark": Palette(
        sky="#12161d",
        floor="#161b23",
        glow="#2a323e",
        grid="#4a5566",
        shadow="#05070a",
        trail="#4fd1a5",
        panel="#0e1218",
        text="#eef1f5",
        muted="#93a0b2",
        track="#2a323e",
        accent="#4fd1a5",
        seam="#93a0b2",
        bad="#ff6b6b",
        people=(
            {"body": "#e9e2d6", "left": "#4c9bea", "right": "#ff7a4d"},
            {"body": "#8b97aa", "left": "#a58bf0", "right": "#f2c14e"},
        ),
    ),
}


def rgb(colour: str) -> NDArray[np.float32]:
    """Return ``#rrggbb`` as three floats 0 to 255."""
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.float32)


def mix(first: str, second: str, share: float) -> tuple[int, int, int]:
    """Return `share` of the second colour over the first, as 8-bit RGB."""
    red, green, blue = np.rint(rgb(first) * (1 - share) + rgb(second) * share).astype(int)
    return int(red), int(green), int(blue)
