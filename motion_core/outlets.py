"""Where a motion goes when it is exported or shown in a notebook.

`Motion` offers both, and need not know how they are done: ``motion_core/__init__.py`` says who does
them. So nothing that draws or writes is loaded before it is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

Export = Callable[[Any, "str | os.PathLike[str]"], Path]
Show = Callable[[Any], dict[str, str]]

_outlets: dict[str, Any] = {}


def use(*, export: Export, show: Show) -> None:
    """Say who exports motions, and who shows them in notebooks."""
    _outlets.update(export=export, show=show)


def export(motion: Any, path: str | os.PathLike[str]) -> Path:
    """Write a motion as a file."""
    exporter: Export = _outlets["export"]
    return exporter(motion, path)


def show(motion: Any) -> dict[str, str]:
    """Return a motion as a notebook displays it, by MIME type."""
    display: Show = _outlets["show"]
    return display(motion)
