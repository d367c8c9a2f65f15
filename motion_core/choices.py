"""Choices and defaults shown in the command line's help; cheap to import."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Axis = Literal["x", "y", "z", "-x", "-y", "-z"]

METRES = {
    "m": 1.0,
    "dm": 0.1,
    "cm": 0.01,
    "mm": 0.001,
    "inch": 0.0254,
    "ft": 0.3048,
    "acclaim": 0.0254 / 0.45,  # CMU's and HDM05's ASF files: inches / 0.45
}
"""How many metres a unit of length is."""

BvhStyleName = Literal["plain", "mixamo", "three", "cmu", "lafan1", "unreal"]
BvhUnit = Literal["m", "cm"]

EXPORTS: dict[str, str] = {
    "npz": "the motion, to caption, edit or convert",
    "mp4": "a video",
    "gif": "a moving picture",
    "html": "an interactive page, to open in a browser",
    "png": "a film strip",
    "bvh": "for Blender and other animation programs",
    "glb": "a skinned mannequin, for Blender, game engines and web pages",
    "npy": "its features (T, 263), as in HumanML3D",
    "joints.npy": "its joints (T, 22, 3) in metres",
    "csv": "its joints as a table, a row a frame",
    "amass.npz": "its joint rotations, as in AMASS for SMPL+H",
}
"""For each suffix, without its dot, what the file is."""

CameraMode = Literal["auto", "frame", "follow"]
Theme = Literal["light", "dark"]

Source = Literal[
    "bandai-namco", "hdm05", "cmu", "cmu-mocap", "deepmimic", "mesh2motion", "kaykit", "custom"
]
Split = Literal["train", "validation", "test"]
Kind = Literal["people", "descriptions", "labels"]
"""Captions by people, the sources' own short descriptions, and class labels as sentences."""
PREPARED = Path("data/prepared")
"""The prepared data set."""

Strategy = Literal["auto", "schema", "tools", "prompt"]
"""How a planner is asked for the form of its plan; see `agent_graph.planners`."""
