"""Our own motion file: ``.npz`` with everything known of a motion, and no pickles.

features    (T, 263) float32
tokens      (N,) int32
segments    JSON text: [{"id", "description", "tokens", "seed"}, …]; since 0.2 also "seconds",
            "person", "take", and "clip", "clip_frames" for a segment without tokens
provenance  JSON text: {…}
version     the version of this format, 1
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..atomic import replacing
from ..errors import FormatError, InputError
from ..motion import FEATURES, MAX_FRAMES, Motion
from ..untrusted import checked_json, checked_segment, checked_tokens
from .npy import read_array

VERSION = 1
_MAX_BYTES = MAX_FRAMES * FEATURES * 4 + 10_000  # of one array
_MAX_TEXT = 8_000_000  # bytes, four a character; the longest motion's segments have a tenth


def save_npz(motion: Motion, path: str | Path) -> None:
    """Write a motion with its tokens, segments and provenance, atomically.

    Raises:
        UnavailableError: the file cannot be written.
        InputError: provenance that is not JSON.
    """
    data = packed_npz(motion)
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def packed_npz(motion: Motion) -> bytes:
    """Return what `save_npz` writes.

    Raises:
        InputError: provenance that is not JSON.
    """
    segments = [
        {
            "id": segment.id,
            "description": segment.description,
            "tokens": [int(token) for token in segment.tokens],
            "seed": segment.seed,
            "seconds": segment.seconds,
            "person": segment.person,
            "take": segment.take,
            "clip": segment.clip,
            "clip_frames": segment.clip_frames,
            **({"codebook": segment.codebook} if segment.codebook else {}),
        }
        for segment in motion.segments
    ]
    try:
        provenance = json.dumps(dict(motion.provenance))
    except (TypeError, ValueError) as error:
        raise InputError(f"the motion's provenance is not JSON: {error}") from error
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        features=motion.features,
        tokens=np.array(motion.tokens, dtype=np.int32),
        segments=np.array(json.dumps(segments)),
        provenance=np.array(provenance),
        version=np.array(VERSION),
    )
    return buffer.getvalue()


def unpack_motion(path: Path | BinaryIO) -> Motion:
    """Return the motion that `save_npz` wrote; errors do not name the file.

    Raises:
        FormatError: not such a file, damaged, or of a later version.
        OSError: it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            version = _member(archive, "version").item()
            if version != VERSION:
                raise FormatError(f"has the format version {version}; this release reads {VERSION}")
            features = _member(archive, "features")
            tokens = checked_tokens(_member(archive, "tokens").tolist())
            segments = checked_json(_member(archive, "segments", text=True).item())
            provenance = checked_json(_member(archive, "provenance", text=True).item())
    except FormatError:
        raise
    except (
        *(zipfile.BadZipFile, zlib.error, struct.error, EOFError),  # the archive
        *(NotImplementedError, RuntimeError),  # … compressed or encrypted as ours never are
        *(ValueError, TypeError, OverflowError, RecursionError),  # what is in it
    ) as error:
        raise FormatError(f"is damaged, or not .npz: {error}") from error
    if not isinstance(provenance, dict) or not isinstance(segments, list):
        raise FormatError("is damaged: its segments or provenance are not what they should be")
    return Motion(features, tuple(map(checked_segment, segments)), tokens, provenance)


def _member(archive: zipfile.ZipFile, name: str, *, text: bool = False) -> NDArray[Any]:
    try:
        info = archive.getinfo(f"{name}.npy")
    except KeyError as error:
        found = ", ".join(archive.namelist()[:10]) or "nothing"
        raise FormatError(f"is not a motion file: it has no {name!r}, but {found}") from error
    limit = _MAX_TEXT if text else _MAX_BYTES
    if info.file_size > limit:
        raise FormatError(f"has {info.file_size} bytes of {name}; the limit is {limit}")
    with archive.open(info) as file:
        return read_array(file, info.file_size, text=text)
