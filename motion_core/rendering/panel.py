"""The strip below the picture: the current segment's description, and a thin timeline."""

from __future__ import annotations

import numpy as np

from ..skeleton import FPS
from .lettering import text_mask, wrapped
from .mannequin import FloatArray
from .palette import Palette, rgb
from .scene import Caption, Scene
from .shading import Image


class Panel:
    """Paints the panel of any frame, caching what stays the same within a segment."""

    def __init__(
        self, scene: Scene, width: int, unit: float, palette: Palette, *, least: int = 0
    ) -> None:
        """Lay out the panel.

        Args:
            scene: with the captions and segments.
            width: pixels.
            unit: the size of a point in pixels; 1.0 for a picture 540 pixels high.
            palette: the theme's colours.
            least: minimum height in pixels.
        """
        self._scene, self._palette = scene, palette
        self._width, self._unit = width, unit
        self._here = 0.55 * rgb(palette.track) + 0.45 * rgb(palette.muted)
        self._margin = round(32 * unit)
        self._type = max(9, round(21 * unit))
        self._small = max(8, round(13 * unit))
        self._line = round(self._type * 1.35)
        self._room = width - 2 * self._margin - round(132 * unit)
        lines = [sum(len(self._wrap(c.text)) for c in current) for current in self._moments()]
        self._lines = max(lines, default=0)
        self._bars = [captions or (Caption(0, scene.frames, ""),) for captions in scene.captions]
        words = self._lines * self._line + (round(10 * unit) if self._lines else 0)
        self._bar, self._gap = max(3, round(5 * unit)), max(1, round(2 * unit))
        self._rise = round(7 * unit)  # height of a seam mark above its timeline
        self._step = self._bar + round((5 if len(self._bars) == 1 else 9) * unit)
        below = len(self._bars) * self._step + round(20 * unit)
        height = (round(16 * unit) + max(words, self._line) + below) // 2 * 2
        self.height = max(height, least)
        self._top = self.height - round(15 * unit) - len(self._bars) * self._step - self._rise
        self._scale = (width - 2 * self._margin) / scene.frames
        self._drawn = self._timelines()
        self._glyphs: dict[str, Image] = {}
        self._digit = max(text_mask(str(digit), self._small).shape[1] for digit in range(10)) - 2
        self._kept: tuple[tuple[Caption | None, ...], Image] | None = None

    def paint(self, frame: int) -> Image:
        """Return the panel ``(height, width, 3)`` at `frame`; valid until the next call."""
        current = self._current(frame)
        if self._kept is None or self._kept[0] != current:
            self._kept = (current, self._paint_words(current))
        image: Image = self._kept[1].copy()
        self._paint_bars(image, frame, current)
        self._paint_clock(image, f"{_clock(frame)} / {_clock(self._scene.frames)}")
        return image

    def _moments(self) -> list[tuple[Caption, ...]]:
        starts = {caption.start for captions in self._scene.captions for caption in captions}
        return [tuple(c for c in self._current(start) if c is not None) for start in sorted(starts)]

    def _current(self, frame: int) -> tuple[Caption | None, ...]:
        return tuple(
            next((c for c in captions if c.start <= frame < c.end), None)
            for captions in self._scene.captions
        )

    def _wrap(self, text: str) -> list[str]:
        return wrapped(text, self._type, max_width=self._room, max_lines=2)

    def _paint_words(self, current: tuple[Caption | None, ...]) -> Image:
        image = np.empty((self.height, self._width, 3), dtype=np.uint8)
        image[:] = rgb(self._palette.panel)
        y = round(16 * self._unit)
        several = len(self._scene.people) > 1
        for person, caption in enumerate(current):
            if caption is None:
                continue
            colours = self._palette.people[person]
            for line in self._wrap(caption.text):
                x = self._margin
                if several:
                    fill(image, x, y, round(4 * self._unit), self._line, rgb(colours["left"]))
                    x += round(14 * self._unit)
                mask = text_mask(line, self._type, max_width=self._room)
                stamp(image, mask, x, y, self._palette.text)
                y += self._line
        return image

    def _paint_clock(self, image: Image, clock: str) -> None:
        """Draw the clock character by character from cached pictures, with equally wide digits."""
        x = self._width - self._margin
        y = round(16 * self._unit) + round(self._line - self._small * 1.35) // 2
        for character in reversed(clock):
            if character not in self._glyphs:
                self._glyphs[character] = self._glyph(character)
            glyph = self._glyphs[character]
            x -= glyph.shape[1]
            image[y : y + glyph.shape[0], x : x + glyph.shape[1]] = glyph

    def _glyph(self, character: str) -> Image:
        mask = text_mask(character, self._small)
        cell = self._digit if character.isdigit() else max(mask.shape[1] - 2, self._digit // 2)
        around = (cell - mask.shape[1]) // 2
        glyph = np.empty((mask.shape[0], cell, 3), dtype=np.uint8)
        glyph[:] = rgb(self._palette.panel)
        stamp(glyph, mask[:, max(-around, 0) :][:, :cell], max(around, 0), 0, self._palette.muted)
        return glyph

    def _timelines(self) -> tuple[Image, Image]:
        """Return the static parts of the timelines, before and after their time."""
        empty = np.empty((self._rise + len(self._bars) * self._step, self._width, 3), np.uint8)
        empty[:] = rgb(self._palette.panel)
        full = empty.copy()
        for row, captions in enumerate(self._bars):
            y = self._rise + row * self._step
            for image, colour in ((empty, self._palette.track), (full, self._palette.accent)):
                for caption in captions:
                    left, right = self._span(caption)
                    fill(image, left, y, right - left, self._bar, rgb(colour))
                self._mark_seams(image, row, y)
        return empty, full

    def _mark_seams(self, image: Image, row: int, y: int) -> None:
        seams = self._scene.seams[row]
        crowded = len(seams) * 12 * self._unit > self._width
        for seam in seams:
            if seam.bad or not crowded:
                x = self._margin + round(seam.frame * self._scale) - self._gap
                rise = self._rise if seam.bad else round(4 * self._unit)
                colour = self._palette.bad if seam.bad else self._palette.seam
                fill(image, x, y - rise, self._gap, rise + self._bar, rgb(colour))

    def _span(self, caption: Caption) -> tuple[int, int]:
        """Return the start and end of a caption on the timeline in pixels."""
        left = self._margin + round(caption.start * self._scale)
        right = self._margin + round(caption.end * self._scale)
        if caption.end < self._scene.frames and right - left > 2 * self._gap:
            right -= self._gap
        return left, right

    def _paint_bars(self, image: Image, frame: int, current: tuple[Caption | None, ...]) -> None:
        empty, full = self._drawn
        head = self._margin + round((frame + 1) * self._scale)
        strip = image[self._top : self._top + len(empty)]
        strip[:, :head] = full[:, :head]
        strip[:, head:] = empty[:, head:]
        for row, caption in enumerate(current):
            if caption is not None and len(self._bars[row]) > 1:
                left, right = self._span(caption)
                left = max(left, head)
                y = self._rise + row * self._step
                fill(strip, left, y, max(right - left, 0), self._bar, self._here)


def _clock(frames: int) -> str:
    seconds = frames / FPS
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"


def fill(image: Image, x: int, y: int, width: int, height: int, colour: FloatArray) -> None:
    """Fill a rectangle whose upper left corner is (x, y)."""
    image[max(y, 0) : y + height, max(x, 0) : x + width] = colour


def stamp(image: Image, mask: Image, x: int, y: int, colour: str) -> None:
    """Draw `colour` through `mask` with its upper left corner at (x, y)."""
    piece = image[max(y, 0) : y + mask.shape[0], max(x, 0) : x + mask.shape[1]]
    cover = mask[: piece.shape[0], : piece.shape[1], None].astype(np.float32) / 255
    piece[:] = np.rint(piece + (rgb(colour) - piece) * cover)
