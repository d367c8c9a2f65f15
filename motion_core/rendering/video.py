"""Motion as a video: H.264 in MP4, or GIF, through PyAV, whose wheels carry FFmpeg.

Frames are painted, encoded and dropped one by one, so a long motion needs no more memory for
pictures than a short one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import av
import cv2
import numpy as np
from av.codec.codec import UnknownCodecError
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray
from PIL import Image as Pictures

from ..choices import CameraMode, Theme
from ..engine import Progress
from ..errors import InputError, UnavailableError
from ..motion import Motion
from ..skeleton import FPS
from .output import finished_file
from .scene import Body, make_scene
from .shading import Image
from .stage import Stage

SUFFIXES = (".mp4", ".gif")
_CODEC = "libx264"
_ENCODER = {
    "preset": "ultrafast",
    "qp": "20",  # 50 dB in these noise-free pictures; crf would look at each picture twice
    "threads": "1",  # video encoding must not slow the model
    "x264-params": "bframes=0:weightp=0:rc-lookahead=0",
}
_PALETTE_FRAMES = 12  # frames from which the colours of a GIF are chosen


class Painter(Protocol):
    """A source of pictures for a video."""

    @property
    def frames(self) -> int:
        """Number of pictures."""
        ...

    def paint(self, frame: int) -> Image:
        """Return picture `frame`, RGB ``(height, width, 3)``; all have the same size."""
        ...


def render_video(
    motion: Motion | Sequence[Body],
    path: str | os.PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    theme: Theme = "light",
    camera: CameraMode = "auto",
    progress: Progress | None = None,
) -> Path:
    """Write a motion as a video at 20 fps, frame by frame in constant memory.

    Args:
        motion: one motion, or bodies with their placements in one scene.
        path: ends in ``.mp4`` (H.264) or ``.gif``; folders are created.
        size: width and height in pixels, both even; by default 960×540, and 480×270 for a GIF.
        theme: ``light`` or ``dark``.
        camera: ``frame`` everything, ``follow`` the people, or choose (``auto``).
        progress: called with (frames done, frames in all).

    Raises:
        InputError: unsupported suffix, size or theme.
        UnavailableError: the file cannot be written, or FFmpeg has no H.264 encoder.
    """
    size = size or default_size(path, (960, 540))
    check_even(size)
    with finished_file(path, *SUFFIXES) as temporary:
        write_pictures(
            Stage(make_scene(motion), size, theme=theme, camera=camera), temporary, progress
        )
    return Path(path)


def default_size(path: str | os.PathLike[str], size: tuple[int, int]) -> tuple[int, int]:
    """Return `size` for a video, half of it for a GIF, which compresses much worse."""
    return (size[0] // 2, size[1] // 2) if Path(path).suffix.lower() == ".gif" else size


def check_even(size: tuple[int, int]) -> None:
    """Check that both sides are even, because H.264 stores colours for 2×2 pixels.

    Raises:
        InputError: a side is odd.
    """
    if size[0] % 2 or size[1] % 2:
        raise InputError(f"a video of {size[0]}×{size[1]} cannot be encoded; use even numbers")


def write_pictures(painter: Painter, path: Path, progress: Progress | None = None) -> None:
    """Encode all pictures of `painter` by the suffix of `path`: ``.mp4``, else GIF."""
    if path.suffix.lower() == ".mp4":
        options = {"movflags": "+faststart"}
        container, frames = "mp4", _yuv_frames(painter)
    else:
        options, container, frames = {}, "gif", _palette_frames(painter)
    with av.open(str(path), "w", format=container, options=options) as file:
        stream = _h264_stream(file) if container == "mp4" else _gif_stream(file)
        for number, frame in enumerate(frames):
            if number == 0:
                stream.height, stream.width = frame.height, frame.width
            frame.pts = number
            file.mux(stream.encode(frame))
            if progress is not None:
                progress(number + 1, painter.frames)
        file.mux(stream.encode())


def _yuv_frames(painter: Painter) -> Iterator[av.VideoFrame]:
    for number in range(painter.frames):
        planes = np.asarray(cv2.cvtColor(painter.paint(number), cv2.COLOR_RGB2YUV_I420), np.uint8)
        yield av.VideoFrame.from_numpy_buffer(planes, format="yuv420p")  # shared, not copied


def _palette_frames(painter: Painter) -> Iterator[av.VideoFrame]:
    """Yield frames in the same 255 colours throughout, so that static parts stay static."""
    chosen = np.unique(np.linspace(0, painter.frames - 1, _PALETTE_FRAMES).round().astype(int))
    sample = np.concatenate([painter.paint(int(number))[::2, ::2] for number in chosen])
    reduced = Pictures.fromarray(sample).quantize(255, method=Pictures.Quantize.MEDIANCUT)
    colours = np.array(reduced.getpalette(), dtype=np.uint8).reshape(-1, 3)
    palette = np.zeros((256, 4), dtype=np.uint8)
    palette[:, 0] = 255  # alpha, red, green, blue
    palette[: len(colours), 1:] = colours
    for number in range(painter.frames):
        picture = Pictures.fromarray(painter.paint(number))
        indices = np.array(picture.quantize(palette=reduced, dither=Pictures.Dither.NONE))
        yield _indexed(indices, palette)


def _indexed(indices: Image, palette: NDArray[np.uint8]) -> av.VideoFrame:
    frame: av.VideoFrame = av.VideoFrame.from_ndarray((indices, palette), format="pal8")  # type: ignore[arg-type]
    return frame


def _h264_stream(file: av.container.OutputContainer) -> av.VideoStream:
    try:
        stream = file.add_stream(_CODEC, rate=FPS, options=_ENCODER)
    except UnknownCodecError as err:  # some distributions build FFmpeg without it
        raise UnavailableError(
            f"this FFmpeg has no H.264 encoder ({_CODEC}); install PyAV's own wheel: "
            "pip install --force-reinstall --no-deps av"
        ) from err
    assert isinstance(stream, av.VideoStream)  # for the type checker: the codec's name decides it
    stream.pix_fmt = "yuv420p"
    stream.gop_size = 2 * FPS  # players can seek to at least every 2 seconds
    stream.codec_context.color_range = ColorRange.MPEG
    stream.codec_context.colorspace = Colorspace.ITU601
    return stream


def _gif_stream(file: av.container.OutputContainer) -> av.VideoStream:
    stream = file.add_stream("gif", rate=FPS)
    assert isinstance(stream, av.VideoStream)
    stream.pix_fmt = "pal8"
    return stream
