"""Hooks for exporting, packing and displaying a motion.

`Motion` uses these without knowing the implementations, which ``motion_core/__init__.py``
registers. So code that draws or writes is loaded only when needed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

Export = Callable[[Any, "str | os.PathLike[str]"], Path]
Show = Callable[[Any], dict[str, str]]
Pack = Callable[[Any, str], "str | bytes"]

_outlets: dict[str, Any] = {}


def use(*, export: Export, show: Show, pack: Pack) -> None:
    """Register the functions that export, display and pack motions."""
    _outlets.update(export=export, show=show, pack=pack)


def export(motion: Any, path: str | os.PathLike[str]) -> Path:
    """Write a motion as a file."""
    exporter: Export = _outlets["export"]
    return exporter(motion, path)


def pack(motion: Any, kind: str) -> str | bytes:
    """Return a motion as a page (``html``), binary glTF (``glb``) or JSON (``json``)."""
    packer: Pack = _outlets["pack"]
    return packer(motion, kind)


def show(motion: Any) -> dict[str, str]:
    """Return a motion's notebook display, by MIME type."""
    display: Show = _outlets["show"]
    return display(motion)
