"""A motion in words: JSON values for the host, one line for the LLM."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ..motion_core.motion import Motion
from ..motion_core.studio import Rendering
from .messages import one_line, quoted

MAX_LISTED = 12  # segments in one line
_MAX_WORDS = 10


def motion_facts(motion: Motion, motion_id: str) -> dict[str, Any]:
    """Return the facts about a motion as JSON values, for the host's artifact."""
    return {
        "motion_id": motion_id,
        "seconds": round(motion.duration, 2),
        "frames": len(motion),
        "segments": [
            {"id": s.id, "description": s.description, "first_frame": first, "end_frame": end}
            for s, first, end in motion.segment_frames()
        ],
    }


def motion_line(motion: Motion, motion_id: str, *, new: Collection[str] = ()) -> str:
    """Return id, duration and segments in a line; segments with ids in `new` are marked."""
    line = f"{motion_id}, {motion.duration:.1f} s"
    if not motion.segments:
        return f"{line}, one piece, not made here"
    parts = [
        f"{one_line(s.id, 20)} {s.duration:.1f} s {quoted(s.description, 60)}"
        + (" (new)" if s.id in new else "")
        for s in motion.segments[:MAX_LISTED]
    ]
    if len(motion.segments) > MAX_LISTED:
        parts.append(f"… and {len(motion.segments) - MAX_LISTED} more segments")
    return f"{line}: {', '.join(parts)}"


def unknown_facts(rendering: Rendering) -> dict[str, list[str]]:
    """Return the words unknown to training and the nearest known ones, as JSON values."""
    return {"unknown_words": list(rendering.unknown), "nearest_actions": list(rendering.nearest)}


def unknown_warning(rendering: Rendering) -> str:
    """Return a sentence that warns of words unknown to training, or an empty string."""
    if not rendering.unknown:
        return ""
    listed = ", ".join(quoted(word, 30) for word in rendering.unknown[:_MAX_WORDS])
    near = f" The nearest that it knows: {', '.join(rendering.nearest)}."
    return (
        f" The motion model was not trained on {listed}: the result may not show it; tell the user."
        f"{near if rendering.nearest else ''}"
    )
