"""Everything that knows what a motion is. Imports nothing from LangChain or LangGraph."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .outlets import use


def _export(motion: Any, path: str | os.PathLike[str]) -> Path:
    from .exporting import export

    return export(motion, path)[0]


def _show(motion: Any) -> dict[str, str]:
    from .notebook import show

    return show(motion)._repr_mimebundle_()


def _pack(motion: Any, kind: str) -> str | bytes:
    if kind == "html":
        from .rendering import player_page

        return player_page(motion)
    if kind == "glb":
        from .formats.glb import packed_glb

        return packed_glb([motion])
    from .formats.three_json import three_json

    return three_json(motion)


use(export=_export, show=_show, pack=_pack)
