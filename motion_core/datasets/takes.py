"""`Take`: one recorded motion as its source describes it, before it is cut."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .packs import PackClip
from .prepared import Caption
from .wordings import ACTIONS

# Continuing actions: a long take can be cut anywhere. Others are cropped around their middle.
CONTINUING = {action for action in ACTIONS if action.startswith(("walk", "run", "dash", "jog"))}
CONTINUING |= {"dance", "punch", "kick", "swing a sword", "sneak", "wash", "dribble a basketball"}


@dataclass(frozen=True)
class Span:
    """A part of a recording, in frames at 20 fps, with its captions."""

    start: int
    end: int
    captions: tuple[Caption, ...]


@dataclass(frozen=True)
class Take:
    """One recorded motion before it is cut.

    Attributes:
        id: unique within all sources, stable: ``bandai-namco/dataset-1_bow_active_001``.
        long: how to treat more than ten seconds without spans: cut into windows, crop the middle,
            or leave out.
        captions: of the whole take.
        labelled: whether the phrase grammar knows action and style and can supply missing captions.
        spans: parts with captions of their own; they may overlap.
        rows: of an array file with several motions.
        floor_mm: height of the floor in that array.
        clip: of a pack with the folder `path`.
        twin: takes with the same non-empty value count as near-duplicates.
    """

    id: str
    path: Path
    source: str
    action: str
    style: str | None = None
    actor: str | None = None
    captions: tuple[Caption, ...] = ()
    labelled: bool = True
    spans: tuple[Span, ...] = ()
    long: str = "crop"
    rows: tuple[int, int] | None = None
    floor_mm: float = 0.0
    clip: PackClip | None = None
    twin: str = ""
