"""The tool `export_motion`: motions in the store to files in the workspace.

Setup:
    pip install motion-agent

Instantiate:
    tool = ExportMotion(studio=Studio(workspace="exports"))

Invoke:
    tool.invoke({"motion": "m-3fa9c1", "file": "walk.bvh"})
    # "Wrote motion m-3fa9c1 to 'walk.bvh'."
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from ..motion_core.choices import EXPORTS
from ..motion_core.placement import FACE_TO_FACE, Placement, as_placement
from ..motion_core.store import is_motion_id
from ..motion_core.studio import Studio
from ..prompts import load_prompt
from .messages import quoted
from .motion_tool import MotionTool, ToolArguments


class ExportMotionInput(ToolArguments):
    """Arguments of `export_motion`."""

    motion: str = Field(
        min_length=1, max_length=200, description="Id of the motion, such as 'm-3fa9c1'."
    )
    file: str = Field(
        min_length=1,
        max_length=200,
        description="File name; its suffix says the format: " + ", ".join(f".{s}" for s in EXPORTS),
    )
    second_motion: str | None = Field(
        default=None, max_length=200, description="Id of a second person's motion, if there is one."
    )
    theta: float | None = Field(
        default=None,
        ge=-360,
        le=360,
        description="Second person only: turn in degrees; 180 faces the first.",
    )
    x: float | None = Field(
        default=None, description="Second person only: metres to the left of the first."
    )
    z: float | None = Field(
        default=None, description="Second person only: metres in front of the first."
    )


class ExportMotion(MotionTool):
    """Writes motions to a new file in the workspace; the artifact has the files' paths."""

    name: str = "export_motion"
    description: str = Field(
        default_factory=lambda: load_prompt(
            "tools/export_motion",
            formats="; ".join(f".{suffix} {what}" for suffix, what in EXPORTS.items()),
        )
    )
    args_schema: Any = ExportMotionInput

    def work(self, arguments: ExportMotionInput, studio: Studio) -> tuple[str, dict[str, Any]]:
        """Write a new file; an existing one is never overwritten."""
        ids = [arguments.motion, *([arguments.second_motion] if arguments.second_motion else [])]
        motions = [studio.find(reference) for reference in ids]
        placement = _placement(arguments) if len(motions) > 1 else None
        files = studio.export(motions, arguments.file, placement)
        line = f"Wrote {' and '.join(map(quoted, ids))} to {' and '.join(_names(files))}."
        if files[0].name != Path(arguments.file).name:
            line += f" {quoted(arguments.file)} already existed and is unchanged."
        facts: dict[str, Any] = {
            "motion_id": ids[0] if is_motion_id(ids[0]) else None,
            "files": [str(path) for path in files],
            "motions": ids,
        }
        if placement is not None:
            facts["placement"] = [placement.theta, placement.x, placement.z]
        return line, facts


def _placement(arguments: ExportMotionInput) -> Placement:
    values = (arguments.theta, arguments.x, arguments.z)
    usual = (FACE_TO_FACE.theta, FACE_TO_FACE.x, FACE_TO_FACE.z)
    return as_placement([u if v is None else v for v, u in zip(values, usual, strict=True)])


def _names(files: Sequence[Path]) -> list[str]:
    return [quoted(path.name) for path in files]
