"""Motion as one self-contained, interactive web page that needs no network.

The page holds three.js (vendored, see ``three/``), our own ``view.js`` and ``player.js``, and the
motion as base64: the root path as float32, body points relative to it as int16. Its content
security policy forbids the browser to load anything.
"""

from __future__ import annotations

import base64
import html
import io
import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pictures

from ..motion import Motion
from ..skeleton import FPS, JOINT_NAMES
from .camera import plan_camera
from .film_strip import paint_strip
from .mannequin import GROUND, PARTS, POINT_NAMES, FloatArray, trail
from .output import finished_file
from .palette import PALETTES
from .scene import Body, Scene, make_scene

_ASSETS = Path(__file__).parent / "assets"
_ASPECT = (960, 540)  # of the view that the first camera is chosen for


def write_player(
    motion: Motion | Sequence[Body], path: str | os.PathLike[str], *, title: str | None = None
) -> Path:
    """Write an interactive page: orbit, scrub, play, captions; opens from disk.

    Args:
        motion: one motion, or bodies with their placements.
        path: ends in ``.html``.
        title: of the page; by default the descriptions of the segments.

    Raises:
        InputError: another suffix, or bodies that cannot be drawn.
        UnavailableError: the file cannot be written.
    """
    with finished_file(path, ".html") as temporary:
        temporary.write_text(player_page(motion, title=title), encoding="utf-8")
    return Path(path)


def player_page(motion: Motion | Sequence[Body], *, title: str | None = None) -> str:
    """The page of `write_player` as text."""
    scene = make_scene(motion)
    words = [caption.text for captions in scene.captions for caption in captions]
    name = title if title is not None else "; ".join(words)[:200] or "motion"
    parts = {
        "title": html.escape(name),
        "style": _asset("player.css"),
        "three": _script("three.min.js"),
        "player": _script("view.js") + _script("player.js"),
        "scene": _json(_described(scene)),
        "picture": _picture(scene),
    }
    # one pass: what is filled in is never looked at again, whatever a caption says
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _asset("player.html"))


def _described(scene: Scene) -> dict[str, Any]:
    """The scene as JSON values; `player.js` reads these names."""
    path = plan_camera(list(scene.people), _ASPECT)
    camera = path.camera
    looked_at = _middle(scene, follows=path.travel is not None)
    depth = float((looked_at - camera.position) @ camera.axes[2])
    target = camera.position + camera.axes[2] * depth
    return {
        "fps": FPS,
        "frames": scene.frames,
        "ground": GROUND,
        "jointNames": JOINT_NAMES,
        "pointNames": POINT_NAMES,
        "parts": [
            (part.start, part.end, part.start_radius, part.end_radius, part.side) for part in PARTS
        ],
        "captions": [[asdict(caption) for caption in spans] for spans in scene.captions],
        "palettes": {
            theme: {**asdict(palette), "dark": theme == "dark"}
            for theme, palette in PALETTES.items()
        },
        "camera": {
            "position": np.round(camera.position, 4).tolist(),
            "target": np.round(target, 4).tolist(),
            "follow": path.travel is not None,
        },
        "people": [_packed(points) for points in scene.people],
    }


def _middle(scene: Scene, *, follows: bool) -> FloatArray:
    """The middle of where the people's hips are, relative to themselves when followed."""
    roots = np.concatenate([points[:, 0] for points in scene.people])
    middle: FloatArray = (roots.min(axis=0) + roots.max(axis=0)) / 2
    return middle * np.array([0, 1, 0], dtype=np.float32) if follows else middle


def _packed(points: FloatArray) -> dict[str, Any]:
    """Body points ``(T, 34, 3)`` as base64: errors stay below 0.1 mm for people up to 6 m wide."""
    root = np.ascontiguousarray(points[:, 0], dtype="<f4")
    offsets = points - root[:, None]
    scale = max(float(np.abs(offsets).max()) / 32767, 1e-5)
    steps = np.rint(offsets / scale).astype("<i2")
    path = trail(points)
    return {
        "root": _base64(root.tobytes()),
        "offsets": _base64(steps.tobytes()),
        "scale": scale,
        "trail": None if path is None else _base64(path[:, [0, 2]].astype("<f4").tobytes()),
    }


def _picture(scene: Scene) -> str:
    """A film strip as a data URL, for browsers that show no 3D."""
    strip = Pictures.fromarray(paint_strip(scene, frames=min(6, scene.frames), height=300))
    buffer = io.BytesIO()
    strip.save(buffer, format="JPEG", quality=82, optimize=True)
    return "data:image/jpeg;base64," + _base64(buffer.getvalue())


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")


@lru_cache(maxsize=8)
def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _script(name: str) -> str:
    """A script that cannot end the element it stands in."""
    return re.sub(r"<(?=/script|!--)", r"\\x3c", _asset(name), flags=re.IGNORECASE)
