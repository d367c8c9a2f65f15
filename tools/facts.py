"""What is told of a motion: JSON values for the host, a line for the LLM."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ..motion_core.engine import MotionEngine
from ..motion_core.motion import Motion
from ..motion_core.skeleton import FPS
from .messages import one_line, quoted

MAX_TOLD = 12  # segments in one line
_MAX_WORDS = 10


def motion_facts(motion: Motion, motion_id: str) -> dict[str, Any]:
    """What is known of a motion as JSON values: the artifact that a host gets."""
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
    """Id, duration and segments; those whose ids are in `new` are marked."""
    told = f"{motion_id}, {motion.duration:.1f} s"
    if not motion.segments:
        return f"{told}, one piece, not made here"
    parts = [
        f"{one_line(s.id, 20)} {s.frames / FPS:.1f} s {quoted(s.description, 60)}"
        + (" (new)" if s.id in new else "")
        for s in motion.segments[:MAX_TOLD]
    ]
    if len(motion.segments) > MAX_TOLD:
        parts.append(f"… and {len(motion.segments) - MAX_TOLD} more segments")
    return f"{told}: {', '.join(parts)}"


def unknown_words(engine: MotionEngine, descriptions: Collection[str]) -> list[str]:
    """The words that the motion model was not trained on, each once."""
    words = [word for text in descriptions for word in engine.coverage(text).unknown]
    return list(dict.fromkeys(words))


def unknown_told(words: Collection[str]) -> str:
    """A sentence to add about them, or nothing."""
    if not words:
        return ""
    told = ", ".join(quoted(word, 30) for word in list(words)[:_MAX_WORDS])
    return (
        f" The motion model was not trained on {told}: the result may not show it; tell the user."
    )
