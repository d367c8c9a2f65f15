"""A GLB in the making: its JSON and its one buffer.

Format: glTF 2.0, Khronos.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

FLOAT, BYTE, SHORT, INT = 5126, 5121, 5123, 5125
"""Types of numbers in an array."""
_DTYPES = {FLOAT: "<f4", BYTE: "u1", SHORT: "<u2", INT: "<u4"}
_TYPES = {(): "SCALAR", (2,): "VEC2", (3,): "VEC3", (4,): "VEC4", (4, 4): "MAT4"}


class GltfFile:
    """What becomes a GLB.

    Attributes:
        json: its JSON, but for the buffer.
        binary: its buffer.
    """

    def __init__(self, tree: dict[str, Any], binary: bytes = b"") -> None:
        self.json = tree
        self.binary = bytearray(binary)

    def add(self, kind: str, entry: dict[str, Any]) -> int:
        """Add an entry to a list of the JSON; return its number."""
        self.json.setdefault(kind, []).append(entry)
        return len(self.json[kind]) - 1

    def add_view(self, data: bytes, target: int | None = None) -> int:
        """Add bytes to the buffer; return the number of their view."""
        self.binary += b"\0" * (-len(self.binary) % 4)
        view = {"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(data)}
        self.binary += data
        return self.add("bufferViews", view if target is None else {**view, "target": target})

    def add_array(
        self,
        values: NDArray[Any],
        component: int = FLOAT,
        target: int | None = None,
        *,
        bounds: bool = False,
    ) -> int:
        """Add an array; return the number of its accessor. Trailing axes make up one element."""
        array = np.ascontiguousarray(values.astype(_DTYPES[component]))
        accessor: dict[str, Any] = {
            "bufferView": self.add_view(array.tobytes(), target),
            "componentType": component,
            "count": len(array),
            "type": _TYPES[array.shape[1:]],
        }
        if bounds:
            accessor["min"] = np.atleast_1d(array.min(axis=0)).tolist()
            accessor["max"] = np.atleast_1d(array.max(axis=0)).tolist()
        return self.add("accessors", accessor)

    def add_channel(
        self, animation: dict[str, Any], times: int, node: int, path: str, values: NDArray[Any]
    ) -> None:
        """Add to an animation what moves a node: values at the times of an accessor."""
        target = {"node": node, "path": path}
        animation["channels"].append({"sampler": len(animation["samplers"]), "target": target})
        animation["samplers"].append({"input": times, "output": self.add_array(values)})

    def packed(self) -> bytes:
        """Return the whole file: header, JSON and buffer, each padded to 4 bytes."""
        self.json["buffers"] = [{"byteLength": len(self.binary)}]
        text = json.dumps(self.json, separators=(",", ":"), ensure_ascii=False).encode()
        text += b" " * (-len(text) % 4)
        data = bytes(self.binary) + b"\0" * (-len(self.binary) % 4)
        length = 12 + 8 + len(text) + 8 + len(data)
        return b"".join(
            (
                struct.pack("<4sII", b"glTF", 2, length),
                struct.pack("<I4s", len(text), b"JSON") + text,
                struct.pack("<I4s", len(data), b"BIN\0") + data,
            )
        )
