"""Display of motions in Jupyter, VS Code and Colab, and progress bars for long work.

A motion at the end of a cell is shown in the interactive player. Its output also has a film strip
(``image/png``) for viewers without the player: GitHub, PDF, a notebook with lightened outputs
(``notebooks/execute.py``). It needs no extension, no widgets and no network.
"""

from __future__ import annotations

import base64
import gzip
import html
import io
import re
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

from .errors import InputError
from .motion import Motion
from .placement import FACE_TO_FACE, Placement

LONGEST = 12_000
"""Frames, ten minutes, up to which a motion is shown in the player; longer ones as film strips."""

_HEIGHT = 440  # CSS pixels
_MOMENTS, _STRIP_HEIGHT = 6, 240
_COLOURS = 128  # of the film strip; half the bytes with no visible difference
_PICTURE = re.compile(r"data:image/jpeg;base64,[A-Za-z0-9+/=]+")
_SECONDS_BETWEEN_UPDATES = 0.2

# three.js is most of a page and the same each time, but outputs cannot share it: each is in its own
# frame. Packed, a short motion takes 0.25 MB instead of 0.8.
_UNPACK = """<!doctype html><script>
const packed = Uint8Array.from(atob("{packed}"), (c) => c.charCodeAt(0));
const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
new Response(unpacked).text().then((page) => {{
  document.open(); document.write(page); document.close();
}});
</script>"""


class Shown:
    """The motion of one or two people, as a notebook displays it.

    Args:
        people: the motions with their placements.
        title: of the player.
        height: of the player in CSS pixels.
    """

    def __init__(
        self,
        people: Sequence[tuple[Motion, Placement]],
        *,
        title: str | None = None,
        height: int = _HEIGHT,
    ) -> None:
        self.people = tuple(people)
        self.title = title
        self.height = height

    def __repr__(self) -> str:
        return "\n".join(repr(motion) for motion, _ in self.people)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        bundle = {"text/plain": repr(self)}
        if not self.people:
            return bundle
        strip = base64.b64encode(self.film_strip()).decode("ascii")
        bundle["image/png"] = strip
        if max(len(motion) for motion, _ in self.people) <= LONGEST:
            page = html.escape(self._page(strip), quote=True)
            bundle["text/html"] = (
                f'<iframe srcdoc="{page}" sandbox="allow-scripts" title="motion" '
                f'style="width: 100%; height: {self.height}px; border: 0; border-radius: 10px">'
                "</iframe>"
            )
        return bundle

    def page(self) -> str:
        """Return the player as a packed page for a sandboxed frame; a film strip if the motion is
        longer than `LONGEST`.
        """
        strip = base64.b64encode(self.film_strip()).decode("ascii")
        if max(len(motion) for motion, _ in self.people) <= LONGEST:
            return self._page(strip)
        return f'<!doctype html><img src="data:image/png;base64,{strip}" style="width: 100%">'

    def film_strip(self) -> bytes:
        """Return six moments as a small PNG."""
        from PIL import Image

        from .rendering.film_strip import paint_strip
        from .rendering.scene import make_scene

        picture = paint_strip(make_scene(self._bodies()), frames=_MOMENTS, height=_STRIP_HEIGHT)
        strip = Image.fromarray(picture)
        buffer = io.BytesIO()
        strip.quantize(_COLOURS, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
        return buffer.getvalue()

    def _page(self, strip: str) -> str:
        """Return the page of `player_page`, packed.

        Args:
            strip: a film strip in base64, shown where there is no WebGL.
        """
        from .rendering import player_page

        page = player_page(self._bodies(), title=self.title)
        # The small strip replaces the page's own pictures: the one for browsers without scripts is
        # never shown.
        picture = f"data:image/png;base64,{strip}"
        page = _PICTURE.sub("data:,", _PICTURE.sub(picture, page, count=1))
        packed = base64.b64encode(gzip.compress(page.encode(), mtime=0)).decode("ascii")
        return _UNPACK.format(packed=packed)

    def _bodies(self) -> list[Any]:
        from .rendering import Body

        return [Body.measured(motion, place) for motion, place in self.people]


def show(
    motions: Motion | Sequence[Motion] | Mapping[int, Motion],
    placement: Placement | None = None,
    *,
    title: str | None = None,
    height: int = _HEIGHT,
) -> Shown:
    """Display motions together in one player; a single motion displays itself.

    Args:
        motions: one or two, or those of a turn by person.
        placement: where the second person stands; by default `FACE_TO_FACE`.
        title: of the player; by default the descriptions of the segments.
        height: of the player in CSS pixels.

    Raises:
        InputError: there are more than two motions.
    """
    if isinstance(motions, Motion):
        motions = [motions]
    elif isinstance(motions, Mapping):
        motions = [motions[person] for person in sorted(motions)]
    places = (Placement(), placement or FACE_TO_FACE)
    if len(motions) > len(places):
        raise InputError(f"{len(motions)} people cannot be shown together; give one or two")
    return Shown(list(zip(motions, places, strict=False)), title=title, height=height)


def in_notebook() -> bool:
    """Return whether this runs in a notebook's kernel, where outputs can be more than text."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


class Bar:
    """A progress bar below a notebook's cell, with the time left, without widgets.

    Args:
        title: of the work; `update` may change it.
        total: units of work.
        done: units done in an earlier run.
    """

    def __init__(self, title: str, total: int, done: int = 0) -> None:
        self.title = title
        self.total = total
        self.done = self._before = done
        self.words = ""
        self._begin = time.monotonic()
        self._last = 0.0
        self._handle: Any = import_module("IPython.display").display(self, display_id=True)

    def update(self, done: int, words: str = "") -> None:
        """Update progress and the latest facts; drawn a few times a second."""
        self.done, self.words = done, words
        now = time.monotonic()
        if now - self._last >= _SECONDS_BETWEEN_UPDATES or done >= self.total:
            self._last = now
            self._handle.update(self)

    def __repr__(self) -> str:
        return " · ".join(filter(None, [f"{self.title} {self.done}/{self.total}", *self._facts()]))

    def _repr_html_(self) -> str:
        caption = html.escape(" · ".join([f"{self.done}/{self.total}", *self._facts()]))
        return (
            f'<div style="font-variant-numeric: tabular-nums">{html.escape(self.title)} '
            f'<progress value="{self.done}" max="{self.total}"></progress> {caption}</div>'
        )

    def _facts(self) -> list[str]:
        spent, progress = time.monotonic() - self._begin, self.done - self._before
        if self.done >= self.total:
            clock = f"{_minutes(spent)} in all"
        elif progress > 0:
            clock = f"{_minutes(spent * (self.total - self.done) / progress)} left"
        else:
            clock = ""
        return [fact for fact in (clock, self.words) if fact]


def watch(events: Iterable[Any]) -> Any:
    """Print a turn's events line by line, with a progress bar in a notebook.

    ``turn = watch(agent.stream("A person bows."))``

    Args:
        events: from `MotionAgent.stream` or `MotionAgent.resume`.

    Returns:
        The last event, which is the turn.
    """
    bars: dict[str, Bar] = {}
    last: Any = None
    for last in events:
        kind = getattr(last, "kind", None)
        if kind in ("progress", "loading"):
            if in_notebook():
                facts = last.data
                title = str(facts.get("stage") or "generating")
                if title not in bars or facts["total"] != bars[title].total:
                    bars[title] = Bar(title, facts["total"])
                bars[title].update(facts["done"])
        elif kind is not None:
            print(last, flush=True)
    return last


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
