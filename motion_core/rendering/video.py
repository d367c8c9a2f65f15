"""Motion as a video: H.264 in MP4 through PyAV, whose wheels carry FFmpeg."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np
from av.codec.codec import UnknownCodecError
from av.video.reformatter import ColorRange, Colorspace

from ..engine import Progress
from ..errors import InputError, UnavailableError
from ..motion import Motion
from ..skeleton import FPS
from .camera import CameraMode
from .output import finished_file
from .palette import Theme
from .scene import Body, make_scene
from .stage import Stage

_CODEC = "libx264"
_ENCODER = {
    "preset": "superfast",
    "crf": "20",
    "threads": "1",  # a video is no reason to take the machine from the model
    # Rendered pictures have no noise, so looking ahead buys little and costs a third of the time.
    "x264-params": "bframes=0:weightp=0:subme=0:rc-lookahead=0",
}


def render_video(
    motion: Motion | Sequence[Body],
    path: str | os.PathLike[str],
    *,
    size: tuple[int, int] = (960, 540),
    theme: Theme = "light",
    camera: CameraMode = "auto",
    progress: Progress | None = None,
) -> Path:
    """Write a motion as an H.264 video at 20 fps, frame by frame in constant memory.

    Args:
        motion: one motion, or bodies with their placements.
        path: ends in ``.mp4``; folders are made.
        size: width and height in pixels, both even.
        theme: ``light`` or ``dark``.
        camera: ``frame`` everything, ``follow`` the people, or choose (``auto``).
        progress: called with (frames done, frames in all).

    Raises:
        InputError: another suffix, or a size or theme that cannot be made.
        UnavailableError: the file cannot be written, or FFmpeg has no H.264 encoder.
    """
    if size[0] % 2 or size[1] % 2:
        raise InputError(f"a video of {size[0]}×{size[1]} cannot be encoded; use even numbers")
    with finished_file(path, ".mp4") as temporary:
        stage = Stage(make_scene(motion), size, theme=theme, camera=camera)
        with av.open(str(temporary), "w", format="mp4", options={"movflags": "+faststart"}) as file:
            stream = _h264_stream(file)
            stream.width, stream.height = size
            stream.pix_fmt = "yuv420p"
            stream.gop_size = 2 * FPS  # players seek to whole 2 seconds at least
            stream.codec_context.color_range = ColorRange.MPEG
            stream.codec_context.colorspace = Colorspace.ITU601
            for number in range(stage.scene.frames):
                picture = cv2.cvtColor(stage.paint(number), cv2.COLOR_RGB2YUV_I420)
                planes = np.asarray(picture, dtype=np.uint8)
                frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
                frame.pts = number
                file.mux(stream.encode(frame))
                if progress is not None:
                    progress(number + 1, stage.scene.frames)
            file.mux(stream.encode())
    return Path(path)


def _h264_stream(file: av.container.OutputContainer) -> av.VideoStream:
    try:
        stream = file.add_stream(_CODEC, rate=FPS, options=_ENCODER)
    except UnknownCodecError as err:  # some distributions build FFmpeg without it
        raise UnavailableError(
            f"this FFmpeg has no H.264 encoder ({_CODEC}); install PyAV's own wheel: "
            "pip install --force-reinstall --no-deps av"
        ) from err
    assert isinstance(stream, av.VideoStream)  # for the type checker: the name decides it
    return stream
