"""Painting a frame: floor, shadows, trail, people, and the panel below."""

from __future__ import annotations

import numpy as np

from ..choices import CameraMode, Theme
from ..errors import InputError
from ..figure import GROUND
from .camera import Camera, CameraPath, plan_camera
from .floor import SHADOW_TEXEL, Floor, Trail
from .mannequin import PARTS, TORSO, FloatArray, trail
from .palette import PALETTES
from .panel import Panel
from .scene import Scene
from .shading import Image, PeoplePainter, colour_ramp
from .surfaces import FigurePainter

SMALLEST, LARGEST = 96, 4096  # pixels a side


class Stage:
    """Paints any frame of a scene as an image.

    Attributes:
        scene: to paint.
        picture_height: pixels, without the panel below.
        backdrop: the static background.
    """

    def __init__(
        self,
        scene: Scene,
        size: tuple[int, int],
        *,
        theme: Theme = "light",
        camera: CameraMode | CameraPath = "auto",
        panel: Panel | bool = True,
    ) -> None:
        """Plan the camera and paint the static parts.

        Args:
            scene: to paint.
            size: width and height in pixels, the panel included.
            theme: ``light`` or ``dark``.
            camera: how to choose a camera, or a planned one.
            panel: whether to show captions and timeline below the picture, or the panel to use.

        Raises:
            InputError: unsupported size or theme.
        """
        width, height = size
        if not all(SMALLEST <= side <= LARGEST for side in size):
            raise InputError(
                f"a picture cannot be {width}×{height}; each side may have"
                f" {SMALLEST} to {LARGEST} pixels"
            )
        if theme not in PALETTES:
            raise InputError(f"no theme named {theme!r}; there are {', '.join(PALETTES)}")
        palette = PALETTES[theme]
        self.scene = scene
        if panel is True:
            panel = Panel(scene, width, height / 540, palette)
        self._panel = panel or None
        self.picture_height = height - (self._panel.height if self._panel else 0)
        self._size = (width, height)
        self._path = (
            camera
            if isinstance(camera, CameraPath)
            else plan_camera(scene.outlines(), (width, self.picture_height), mode=camera)
        )
        self._floor = Floor(self._path.camera, (width, self.picture_height), palette)
        self._mannequins = [at for at, figure in enumerate(scene.characters) if figure is None]
        ramps = [
            [colour_ramp(palette.people[at][part.side], melts=part in TORSO) for part in PARTS]
            for at in self._mannequins
        ]
        self._painter = PeoplePainter(ramps) if ramps else None
        self._characters = {
            at: FigurePainter(figure, palette.people[at])
            for at, figure in enumerate(scene.characters)
            if figure is not None
        }
        self._trails = [Trail(path) for path in map(trail, scene.people) if path is not None]
        self.backdrop = self._floor.backdrop
        if self._path.travel is None:
            self.backdrop = self.backdrop.copy()
            self._floor.paint_grid(self.backdrop, self._path.camera)

    @property
    def frames(self) -> int:
        return self.scene.frames

    def camera(self, frame: int) -> Camera:
        """Return the camera at `frame`."""
        return self._path.at(frame)

    def paint(self, frame: int) -> Image:
        """Return frame `frame` as RGB ``(height, width, 3)``."""
        image = np.empty((self._size[1], self._size[0], 3), dtype=np.uint8)
        picture = image[: self.picture_height]
        picture[:] = self.backdrop
        camera = self.camera(frame)
        if self._path.travel is not None:
            self._floor.paint_grid(picture, camera)
        people = [self.scene.people[at][frame] for at in self._mannequins]
        self._floor.paint_shadows(picture, camera, people)
        for painter in self._characters.values():
            shadow = painter.shadow(frame, self._floor.sun, GROUND, SHADOW_TEXEL)
            self._floor.paint_shadow(picture, camera, *shadow)
        for way in self._trails:
            self._floor.paint_trail(picture, camera, way, frame)
        self._paint_people(picture, camera, frame, people)
        if self._panel is not None:
            image[self.picture_height :] = self._panel.paint(frame)
        return image

    def _paint_people(
        self, picture: Image, camera: Camera, frame: int, people: list[FloatArray]
    ) -> None:
        """Draw mannequins together, and characters one by one, the farthest first."""

        def depth(person: int) -> float:
            return float(camera.project(self.scene.people[person][frame, 0])[1])

        groups = [[person] for person in self._characters]
        groups += [self._mannequins] if self._mannequins else []
        for group in sorted(groups, key=lambda each: -max(map(depth, each))):
            if group[0] in self._characters:
                self._characters[group[0]].paint(picture, camera, frame)
            elif self._painter is not None:
                self._painter.paint(picture, camera, people)
