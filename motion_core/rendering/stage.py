"""Painting a frame: the floor, the shadows, the trail, the people, and the panel below."""

from __future__ import annotations

import numpy as np

from ..choices import CameraMode, Theme
from ..errors import InputError
from .camera import Camera, CameraPath, plan_camera
from .floor import Floor, Trail
from .mannequin import PARTS, TORSO, trail
from .palette import PALETTES
from .panel import Panel
from .scene import Scene
from .shading import Image, PeoplePainter, colour_ramp

SMALLEST, LARGEST = 96, 4096  # pixels a side


class Stage:
    """Paints any frame of a scene as an image.

    Attributes:
        scene: who and what.
        picture_height: pixels; the panel is below.
        backdrop: what is the same in every picture.
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
        """Plan the camera and paint what stays the same.

        Args:
            scene: who and what.
            size: width and height in pixels, the panel included.
            theme: ``light`` or ``dark``.
            camera: how to choose a camera, or one that is chosen already.
            panel: whether words and timeline are shown below the picture, or what shows them.

        Raises:
            InputError: a size or theme that cannot be made.
        """
        width, height = size
        if not all(SMALLEST <= side <= LARGEST for side in size):
            raise InputError(
                f"a picture of {width}×{height} cannot be made; "
                f"each side may have {SMALLEST} to {LARGEST} pixels"
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
            else plan_camera(list(scene.people), (width, self.picture_height), mode=camera)
        )
        self._floor = Floor(self._path.camera, (width, self.picture_height), palette)
        ramps = [
            [colour_ramp(who[part.side], melts=part in TORSO) for part in PARTS]
            for who in palette.people[: len(scene.people)]
        ]
        self._painter = PeoplePainter(ramps)
        self._trails = [Trail(path) for path in map(trail, scene.people) if path is not None]
        self.backdrop = self._floor.backdrop
        if self._path.travel is None:
            self.backdrop = self.backdrop.copy()
            self._floor.paint_grid(self.backdrop, self._path.camera)

    @property
    def frames(self) -> int:
        return self.scene.frames

    def camera(self, frame: int) -> Camera:
        """The camera at `frame`."""
        return self._path.at(frame)

    def paint(self, frame: int) -> Image:
        """Frame `frame` as RGB ``(height, width, 3)``."""
        image = np.empty((self._size[1], self._size[0], 3), dtype=np.uint8)
        picture = image[: self.picture_height]
        picture[:] = self.backdrop
        camera = self.camera(frame)
        if self._path.travel is not None:
            self._floor.paint_grid(picture, camera)
        people = [points[frame] for points in self.scene.people]
        self._floor.paint_shadows(picture, camera, people)
        for way in self._trails:
            self._floor.paint_trail(picture, camera, way, frame)
        self._painter.paint(picture, camera, people)
        if self._panel is not None:
            image[self.picture_height :] = self._panel.paint(frame)
        return image
