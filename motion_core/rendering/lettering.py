"""Text as images: the bundled Inter first, the system's fonts for the scripts it lacks.

Latin, Greek and Cyrillic need nothing installed. Other scripts use the first common system font
that has them, run by run; a character missing from all fonts becomes a box.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Mask = NDArray[np.uint8]

_FONTS = (
    str(Path(__file__).parent / "assets" / "Inter-Medium.ttf"),
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKsc-Regular.otf",
    "NotoSansArabic-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansThai-Regular.ttf",
    "NotoEmoji-Regular.ttf",
    "wqy-zenhei.ttc",
    "wqy-microhei.ttc",
    "DroidSansFallbackFull.ttf",
    "FreeSans.ttf",
    "unifont.ttf",
    "Arial Unicode.ttf",
    "AppleSDGothicNeo.ttc",
    "Hiragino Sans GB.ttc",
    "PingFang.ttc",
    "GeezaPro.ttc",
    "Kohinoor.ttc",
    "arial.ttf",
    "segoeui.ttf",
    "msyh.ttc",
    "YuGothR.ttc",
    "malgun.ttf",
    "Nirmala.ttf",
    "seguisym.ttf",
)
_NOBODY_HAS = "\U0010ffff"  # a noncharacter: every font draws its "missing" box for it

_Font = ImageFont.FreeTypeFont


def text_mask(text: str, size: int, *, max_width: int | None = None) -> Mask:
    """Return `text` on one line as coverage ``(height, width)``, 0 to 255, one line high.

    Args:
        text: any Unicode; line breaks and control characters become spaces.
        size: of the font in pixels.
        max_width: longer text is cut and ends in "…".
    """
    runs = _runs(_tidy(text), size)
    if max_width is not None and _width(runs) > max_width:
        runs = _shortened(_tidy(text), size, max_width)
    ascent = round(size * 1.0)
    mask = Image.new("L", (max(1, round(_width(runs)) + 2), round(size * 1.35)), 0)
    pen, x = ImageDraw.Draw(mask), 1.0
    for font, run in runs:
        pen.text((x, ascent), run, fill=255, font=font, anchor="ls")
        x += font.getlength(run)
    return np.asarray(mask)


def wrapped(text: str, size: int, *, max_width: int, max_lines: int) -> list[str]:
    """Return `text` broken between words into lines that fit; the last may be too long."""
    lines: list[str] = []
    rest = _tidy(text)
    while rest and len(lines) < max_lines - 1 and _width(_runs(rest, size)) > max_width:
        cut = _fitting(rest, size, max_width)
        space = rest.rfind(" ", 0, cut + 1)
        cut = space if space > 0 else max(cut, 1)
        lines.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    return [*lines, rest]


def _tidy(text: str) -> str:
    kept = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    return " ".join(kept[:2000].split())


def _shortened(text: str, size: int, max_width: int) -> list[tuple[_Font, str]]:
    room = max_width - _width(_runs("…", size))
    return _runs(text[: _fitting(text, size, room)].rstrip() + "…", size)


def _fitting(text: str, size: int, max_width: float) -> int:
    """Return how many characters of `text` fit."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if _width(_runs(text[:middle], size)) <= max_width:
            low = middle
        else:
            high = middle - 1
    return low


def _width(runs: list[tuple[_Font, str]]) -> float:
    return sum(font.getlength(run) for font, run in runs)


def _runs(text: str, size: int) -> list[tuple[_Font, str]]:
    """Return `text` cut into runs that each need one font."""
    runs: list[tuple[_Font, str]] = []
    for character in text:
        font = _font_for(character, size)
        joins = unicodedata.combining(character) or character == " "
        if runs and (joins or runs[-1][0] is font):
            runs[-1] = (runs[-1][0], runs[-1][1] + character)
        else:
            runs.append((font, character))
    return runs


@lru_cache(maxsize=4096)
def _font_for(character: str, size: int) -> _Font:
    for name in _FONTS:
        font = _font(name, size)
        if font is not None and (character.isspace() or _has(font, character)):
            return font
    return ImageFont.truetype(_FONTS[0], size)  # shows its "missing" box


@lru_cache(maxsize=256)
def _font(name: str, size: int) -> _Font | None:
    try:
        return ImageFont.truetype(name, size)
    except OSError:  # not on this system
        return None


def _has(font: _Font, character: str) -> bool:
    drawn, missing = (font.getmask(c) for c in (character, _NOBODY_HAS))
    return (drawn.size, bytes(drawn)) != (missing.size, bytes(missing))
