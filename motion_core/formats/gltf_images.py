"""Images of a glTF file, in it or beside it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from ..regular_file import open_regular
from .gltf import Gltf

_MAX_BYTES = 1 << 26
_KINDS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}


def image_bytes(gltf: Gltf, image: Mapping[str, Any]) -> bytes | None:
    """Return an image as it is stored; none where it is elsewhere, or not beside its file."""
    if "bufferView" in image:
        view = gltf.json["bufferViews"][image["bufferView"]]
        start = view.get("byteOffset", 0)
        buffer: bytes = gltf.buffers[view["buffer"]]
        return buffer[start : start + view["byteLength"]]
    uri = str(image.get("uri", ""))
    if uri.startswith("data:"):
        try:
            return base64.b64decode(uri.partition(",")[2], validate=True)
        except binascii.Error:
            return None
    return _beside(gltf, unquote(uri))


def image_kind(data: bytes) -> str | None:
    """Return the MIME type of PNG, JPEG and WebP; none of anything else."""
    return next((kind for start, kind in _KINDS.items() if data.startswith(start)), None)


def _beside(gltf: Gltf, uri: str) -> bytes | None:
    """Return a picture in the folder of the file or below it, however links lead; no other file."""
    try:
        folder = gltf.folder.resolve()
        path = (folder / uri).resolve()
        if not uri or not path.is_relative_to(folder):
            return None
        with open_regular(path) as file:
            data = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError):
        return None
    return data if image_kind(data) and len(data) <= _MAX_BYTES else None
