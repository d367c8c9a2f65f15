"""Motion as one self-contained, interactive web page that needs no network.

The page holds three.js (vendored, see ``three/``), our own ``figure.js``, ``view.js`` and
``player.js``, and the motion, quantised and packed. Its content security policy forbids the browser
to load anything else.
"""

from __future__ import annotations

import base64
import html
import io
import json
import os
import re
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pictures

from .. import rotations
from ..figure import GROUND, Bones, Figure, Mesh
from ..motion import Motion
from ..skeleton import FPS, JOINT_NAMES
from .camera import plan_camera
from .film_strip import paint_strip
from .mannequin import POINT_NAMES, FloatArray, trail
from .output import finished_file
from .palette import PALETTES
from .scene import Body, Scene, make_scene

_ASSETS = Path(__file__).parent / "assets"
_ASPECT = (960, 540)  # aspect ratio for which the first camera is chosen
_POINT_UNIT, _TRAIL_UNIT = 2e-4, 1e-3  # metres; rounding moves a point by at most half of that
_TURN_UNIT = 2e-4  # a component of a quaternion: a few hundredths of a degree


def write_player(
    motion: Motion | Sequence[Body], path: str | os.PathLike[str], *, title: str | None = None
) -> Path:
    """Write an interactive page that opens from disk: orbit, scrub, play, captions.

    Args:
        motion: one motion, or bodies with their placements.
        path: ends in ``.html``.
        title: of the page; by default the descriptions of the segments.

    Raises:
        InputError: unsupported suffix, or bodies that cannot be drawn.
        UnavailableError: the file cannot be written.
    """
    with finished_file(path, ".html") as temporary:
        temporary.write_text(player_page(motion, title=title), encoding="utf-8")
    return Path(path)


def player_page(motion: Motion | Sequence[Body], *, title: str | None = None) -> str:
    """Return the page of `write_player` as text."""
    scene = make_scene(motion)
    words = [caption.text for captions in scene.captions for caption in captions]
    name = title if title is not None else "; ".join(words)[:200] or "motion"
    parts = {
        "title": html.escape(name),
        "style": _asset("player.css"),
        "three": _script("three.min.js"),
        "player": _script("figure.js") + _script("view.js") + _script("player.js"),
        "scene": _json(_described(scene)),
        "picture": _picture(scene),
    }
    # one pass: inserted text is never scanned again, whatever a caption says
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _asset("player.html"))


def player_iframe(
    motion: Motion | Sequence[Body], *, title: str | None = None, height: int = 520
) -> str:
    """Return the `write_player` page as an HTML fragment for notebooks and other pages.

    It is an ``iframe`` with the page in its ``srcdoc``: it works in Jupyter, VS Code and Colab,
    needs no extension or network, and isolates its scripts and keyboard shortcuts.

    Args:
        motion: one motion, or bodies with their placements.
        title: by default the descriptions of the segments.
        height: in CSS pixels; it takes the full width.
    """
    page = html.escape(player_page(motion, title=title), quote=True)
    return (
        f'<iframe srcdoc="{page}" sandbox="allow-scripts" title="motion" '
        f'style="width: 100%; height: {int(height)}px; border: 0; border-radius: 10px"></iframe>'
    )


def _described(scene: Scene) -> dict[str, Any]:
    """Return the scene as JSON values; `player.js` reads these names."""
    path = plan_camera(scene.outlines(), _ASPECT)
    meshes = _kinds(scene.figures)
    return {
        "fps": FPS,
        "frames": scene.frames,
        "ground": GROUND,
        "jointNames": JOINT_NAMES,
        "pointNames": POINT_NAMES,
        "captions": [[asdict(caption) for caption in spans] for spans in scene.captions],
        "palettes": {
            theme: {**asdict(palette), "dark": theme == "dark"}
            for theme, palette in PALETTES.items()
        },
        "seams": [[asdict(seam) for seam in seams] for seams in scene.seams],
        "camera": {
            "look": np.round(path.camera.axes[2], 5).tolist(),
            "middle": np.round(_middle(scene, follows=path.travel is not None), 3).tolist(),
            "follow": path.travel is not None,
        },
        "meshes": [_described_mesh(mesh) for mesh in meshes],
        "people": [
            {
                **_described_person(points, contacts),
                "mesh": next(at for at, mesh in enumerate(meshes) if _alike(mesh, figure.mesh)),
                "vertices": _packed(_steps(figure.mesh.vertices, _POINT_UNIT), _POINT_UNIT),
                "bones": _described_bones(figure.bones),
                "reach": None if outline is points else _reach(outline),
            }
            for points, contacts, figure, outline in zip(
                scene.people, scene.contacts, scene.figures, scene.outlines(), strict=True
            )
        ],
    }


def _reach(outline: FloatArray) -> list[list[float]]:
    """Return the corners of a box around the hips that always contains a person ``(T, n, 3)``."""
    about = outline - outline[:, :1]
    corners = (about.min(axis=(0, 1)), about.max(axis=(0, 1)))
    return [[round(float(value), 3) for value in corner] for corner in corners]


def _alike(first: Mesh, second: Mesh) -> bool:
    """Return whether two meshes differ at most in their vertices, as two mannequins do."""
    return first.triangles is second.triangles or (
        first.triangles.shape == second.triangles.shape
        and bool((first.triangles == second.triangles).all())
        and first.weights.shape == second.weights.shape
        and bool((first.bones == second.bones).all())
        and first.colours is second.colours
    )


def _kinds(figures: Sequence[Figure]) -> list[Mesh]:
    """Return the distinct meshes of figures."""
    meshes: list[Mesh] = []
    for figure in figures:
        if not any(_alike(mesh, figure.mesh) for mesh in meshes):
            meshes.append(figure.mesh)
    return meshes


def _described_mesh(mesh: Mesh) -> dict[str, Any]:
    """Return the static data of a mesh; normals in 127ths, weights in 255ths."""
    weights = np.rint(mesh.weights * 255)
    influences = np.concatenate([np.where(weights > 0, mesh.bones, 0), weights], axis=1)
    sides, colours = mesh.sides, mesh.colours
    return {
        "normals": _deflated(np.rint(mesh.normals * 127).astype(np.int8).tobytes()),
        "triangles": _packed(mesh.triangles, 1),
        "influences": _deflated(influences.astype(np.uint8).tobytes()),
        "sides": None
        if sides is None
        else _base64(np.rint(sides * 255).astype(np.uint8).tobytes()),
        "colours": None if colours is None else _base64(colours.tobytes()),
    }


def _described_bones(bones: Bones) -> dict[str, Any]:
    """Return bones as `figure.js` moves them: rotations as quaternions x y z w."""
    frames = len(bones.turns)
    turns = np.roll(rotations.from_matrix(bones.turns), -1, axis=-1)
    flips = np.where((turns[1:] * turns[:-1]).sum(axis=-1) < 0, -1.0, 1.0)
    turns[1:] *= np.cumprod(flips, axis=0)[..., None]
    return {
        "parents": bones.parents,
        "pivots": np.round(bones.pivots, 4).ravel().tolist(),
        "turns": _packed(_steps(turns.reshape(frames, -1), _TURN_UNIT), _TURN_UNIT),
        "places": [
            _packed(_steps(bones.places[bone], _POINT_UNIT), _POINT_UNIT)
            if bone in bones.places
            else None
            for bone in range(len(bones.parents))
        ],
    }


def _middle(scene: Scene, *, follows: bool) -> FloatArray:
    """Return the middle of the people's hips over time, relative to themselves when followed."""
    roots = np.concatenate([points[:, 0] for points in scene.people])
    middle: FloatArray = (roots.min(axis=0) + roots.max(axis=0)) / 2
    return middle * np.array([0, 1, 0], dtype=np.float32) if follows else middle


def _described_person(points: FloatArray, contacts: NDArray[np.bool_]) -> dict[str, Any]:
    """Return body points ``(T, 34, 3)``, trail and contacts ``(T, 4)``; points to a tenth of a
    mm.
    """
    steps = _steps(points, _POINT_UNIT)
    steps[:, 1:] -= steps[:, :1]  # moving with the root costs the other points nothing
    path = trail(points)
    return {
        "points": _packed(steps.reshape(len(steps), -1), _POINT_UNIT),
        "trail": None
        if path is None
        else _packed(_steps(path[:, [0, 2]], _TRAIL_UNIT), _TRAIL_UNIT),
        "contacts": _base64(np.packbits(contacts, axis=1, bitorder="little").tobytes()),
    }


def _steps(values: NDArray[Any], unit: float) -> NDArray[np.int64]:
    steps: NDArray[np.int64] = np.rint(values.astype(np.float64) / unit).astype(np.int64)
    return steps


def _packed(steps: NDArray[np.int64], unit: float) -> dict[str, Any]:
    """Return integer multiples of `unit` ``(rows, width)`` packed for `player.js`.

    People move little between frames, so changes are stored: zigzag varints, 7 bits a byte, low
    bits first, as in Protocol Buffers, and deflated. This takes less than half of int16.
    """
    changes = np.diff(steps, axis=0, prepend=0).reshape(-1)
    codes = ((changes << 1) ^ (changes >> 63)).astype(np.uint64)
    lengths = sum((codes >= (1 << bits)).astype(np.int64) for bits in (0, 7, 14, 21, 28))
    lengths = np.maximum(lengths, 1)
    starts = np.cumsum(lengths) - lengths
    data = np.empty(int(lengths.sum()), dtype=np.uint8)
    for byte in range(int(lengths.max())):
        chosen = lengths > byte
        piece = (codes[chosen] >> np.uint64(7 * byte)) & np.uint64(127)
        more = (lengths[chosen] > byte + 1) * np.uint64(128)
        data[starts[chosen] + byte] = (piece | more).astype(np.uint8)
    return {
        **_deflated(data.tobytes()),
        "unit": unit,
        "rows": len(steps),
        "width": steps.shape[1],
    }


def _picture(scene: Scene) -> str:
    """Return a film strip as a data URL, for browsers that show no 3D."""
    strip = Pictures.fromarray(paint_strip(scene, frames=min(6, scene.frames), height=300))
    buffer = io.BytesIO()
    strip.save(buffer, format="JPEG", quality=82, optimize=True)
    return "data:image/jpeg;base64," + _base64(buffer.getvalue())


def _deflated(data: bytes) -> dict[str, Any]:
    return {"deflated": _base64(zlib.compress(data, 9))}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _json(value: Any) -> str:
    """Return JSON that cannot end the script element around it."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")


@lru_cache(maxsize=8)
def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _script(name: str) -> str:
    """Return a script that cannot end the element around it."""
    return re.sub(r"<(?=/script|!--)", r"\\x3c", _asset(name), flags=re.IGNORECASE)
