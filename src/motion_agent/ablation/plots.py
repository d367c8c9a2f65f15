"""Plots as SVG text: no library, no network, sharp at any size, readable without interaction."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from .statistics import Share
from .summary import CellSummary

_WIDTH = 920
_LEFT = 330  # width of the names
_ROW = 34
_TOP = 30
_FONT = "font-family='system-ui, sans-serif' font-size='13'"
FIRST, FINAL = "#b9c6d8", "#2f6db5"
_NO_DATA = "#eeeeee"


def bars(summaries: Sequence[CellSummary]) -> str:
    """Return bars of valid plans, at first (light) and in the end (dark), a row a cell, with 95 %
    intervals.
    """
    height = _TOP + _ROW * len(summaries) + 30
    scale = _WIDTH - _LEFT - 70
    parts = [_axis(height, scale)]
    for number, summary in enumerate(summaries):
        y = _TOP + _ROW * number
        parts.append(_name(summary.cell.name, y + 19))
        for share, colour, top in ((summary.valid_first, FIRST, 4), (summary.valid, FINAL, 16)):
            parts.append(_bar(share, y + top, scale, colour))
        low, high = summary.valid.interval
        valid = f"{100 * summary.valid.value:.0f} %"
        parts.append(f"<text x='{_WIDTH - 62}' y='{y + 26}' {_FONT}>{valid}</text>")
        title = f"{summary.cell.name}: {summary.valid} valid, {low:.2f} to {high:.2f}"
        parts.append(f"<title>{escape(title)}</title>")
    return _svg(height, parts, "Share of turns with a valid plan, at first and in the end")


def heatmap(summaries: Sequence[CellSummary]) -> str:
    """Return a heat map of the share of turns that passed all checks, a row a cell, a column a
    family.
    """
    families = list(dict.fromkeys(f for s in summaries for f in s.families))
    side = min(52, (_WIDTH - _LEFT) // max(len(families), 1))
    top = 100
    height = top + _ROW * len(summaries) + 10
    parts = []
    for column, family in enumerate(families):
        x = _LEFT + side * column + side // 2
        parts.append(
            f"<text transform='translate({x},{top - 8}) rotate(-45)' {_FONT}>"
            f"{escape(family)}</text>"
        )
    for number, summary in enumerate(summaries):
        y = top + _ROW * number
        parts.append(_name(summary.cell.name, y + 21))
        for column, family in enumerate(families):
            share = summary.families.get(family)
            parts.append(_tile(share, _LEFT + side * column, y, side))
    return _svg(height, parts, "Share of turns that passed all checks, by family")


def _svg(height: int, parts: Sequence[str], title: str) -> str:
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {_WIDTH} {height}' role='img'"
        f" aria-label='{escape(title, quote=True)}'><title>{escape(title)}</title>"
        f"{''.join(parts)}</svg>"
    )


def _axis(height: int, scale: int) -> str:
    lines = []
    for percent in (0, 25, 50, 75, 100):
        x = _LEFT + scale * percent / 100
        lines.append(
            f"<line x1='{x:.0f}' y1='{_TOP - 6}' x2='{x:.0f}' y2='{height - 26}' stroke='#dddddd'/>"
            f"<text x='{x:.0f}' y='{_TOP - 12}' text-anchor='middle' fill='#666666' {_FONT}>"
            f"{percent} %</text>"
        )
    return "".join(lines)


def _bar(share: Share, y: int, scale: int, colour: str) -> str:
    low, high = (_LEFT + scale * end for end in share.interval)
    middle = y + 5
    return (
        f"<rect x='{_LEFT}' y='{y}' width='{scale * share.value:.1f}' height='10' fill='{colour}'/>"
        f"<path d='M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 3}v6M{high:.1f}"
        f" {middle - 3}v6' stroke='#222222' fill='none'/>"
    )


def _name(name: str, y: int) -> str:
    label = escape(_shortened(name))
    return f"<text x='{_LEFT - 10}' y='{y}' text-anchor='end' {_FONT}>{label}</text>"


def _shortened(name: str) -> str:
    return name if len(name) <= 46 else f"{name[:20]}…{name[-25:]}"


def _tile(share: Share | None, x: int, y: int, side: int) -> str:
    if share is None or not share.total:
        return _rect(x, y, side, _NO_DATA)
    # From white to the blue of the bars; the number is written, so colour is only an aid.
    fill = _mixed(share.value)
    ink = "#ffffff" if share.value > 0.55 else "#222222"
    text = (
        f"<text x='{x + side // 2}' y='{y + 21}' text-anchor='middle' fill='{ink}'"
        f" {_FONT}>{100 * share.value:.0f}</text>"
    )
    return _rect(x, y, side, fill) + text


def _rect(x: int, y: int, side: int, fill: str) -> str:
    return (
        f"<rect x='{x + 1}' y='{y + 1}' width='{side - 2}' height='{_ROW - 2}' fill='{fill}'"
        " stroke='#e0e0e0'/>"
    )


def _mixed(value: float) -> str:
    full = (int(FINAL[1:3], 16), int(FINAL[3:5], 16), int(FINAL[5:7], 16))
    return "#" + "".join(f"{round(255 + (part - 255) * value):02x}" for part in full)
