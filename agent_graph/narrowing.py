"""The plan's schema narrowed to what is possible now, for servers that make a grammar of it.

`plan_schema` is one for all plans, as OpenAI's strict mode wants it: it compiles each new schema
for seconds. Ollama and the servers of local models compile one in milliseconds, so they can be
given another with every request, and one that says more: a kind of step for each tool with only
the fields of that tool, the segments that there are, no empty descriptions, no endless lists.

After each answer that was no plan the next schema leaves less room: fewer steps, shorter texts,
only motions that were named. What a model can still write then is a valid plan, provided that it
comes to an end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..motion_core.composition import MAX_SECONDS
from ..motion_core.engine import MAX_DESCRIPTION
from .plan import MAX_STEPS, Tool

_PLAIN = r'[^"\\\x00-\x1f\x7f]'  # needs no escape in JSON and is no control character


@dataclass(frozen=True)
class _Room:
    """How much an answer may have: steps, characters of a description, of the reasoning."""

    steps: int
    description: int
    reasoning: int


_ROOMS = (_Room(MAX_STEPS, MAX_DESCRIPTION, 600), _Room(16, 120, 200), _Room(6, 80, 100))


def narrowed_schema(
    segments: Sequence[str] = (),
    *,
    motions: bool = False,
    named: Sequence[str] = (),
    failed: int = 0,
) -> dict[str, Any]:
    """JSON Schema of the plans that are possible now.

    Args:
        segments: ids that a step may name: those of the current motion and of the others.
        motions: whether there is a motion at all, so that one can be captioned or started over.
        named: motions and files that were named in the conversation.
        failed: how many answers to this request were no plan.
    """
    room = _ROOMS[min(failed, len(_ROOMS) - 1)]
    exists = motions or bool(segments)
    segment = _one_of(segments)
    words = _text(1, 120)
    # At first a file may be meant that nobody named; a model that then fails must not guess.
    other = words if not failed else _one_of(named)
    kinds = [
        _kind(
            "generate_motion",
            description=_text(3, room.description),
            seconds={"type": "number", "minimum": 0, "maximum": MAX_SECONDS},
            **({"segment": segment} if segments else {}),
            person={"type": "integer", "enum": [1, 2]},
            required=("description",),
        )
    ]
    if segments:
        kinds.append(_kind("keep_segment", segment=segment, required=("segment",)))
    if exists:
        kinds.append(_kind("caption_motion"))
    if named or not failed:
        kinds.append(_kind("caption_motion", motion=other, required=("motion",)))
    kinds.append(_kind("export_motion", motion=words, required=("motion",)))
    first = [_kind("start_over")] if exists else []
    if named or not failed:
        first.append(_kind("open_motion", motion=other, required=("motion",)))
    alone = [_kind("undo"), _kind("redo")]
    naming = _kind("name_motion", motion=words, required=("motion",))
    if failed:
        # A rule about the whole list is a list of its own; `prefixItems` is not known everywhere
        # (llama.cpp's own grammars take `items` alone), so an edit of another motion may have to
        # be two requests then.
        plans = [_list(kinds, most=room.steps), _list([*alone, *first, naming], least=1, most=1)]
        if first:
            plans.append({**_list(kinds, most=room.steps), "prefixItems": [{"anyOf": first}]})
    else:
        plans = [_list([*kinds, naming, *first], most=room.steps), _list(alone, least=1, most=1)]
    return {
        "type": "object",
        "properties": {
            "reasoning": _text(1, room.reasoning),
            "plan": {"anyOf": plans},
            "placement": {"anyOf": [_numbers(0), _numbers(3)]},
        },
        "required": ["reasoning", "plan"],
        "additionalProperties": False,
    }


def _kind(tool: Tool, required: Sequence[str] = (), **fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"tool": {"type": "string", "enum": [tool]}, **fields},
        "required": ["tool", *required],
        "additionalProperties": False,
    }


def _list(kinds: Sequence[Mapping[str, Any]], *, most: int, least: int = 0) -> dict[str, Any]:
    limits = {"minItems": least, "maxItems": most} if least else {"maxItems": most}
    return {"type": "array", "items": {"anyOf": list(kinds)}, **limits}


def _numbers(count: int) -> dict[str, Any]:
    number = {"type": "number", "minimum": -360, "maximum": 360}
    return {"type": "array", "items": number, "minItems": count, "maxItems": count}


def _one_of(values: Sequence[str]) -> dict[str, Any]:
    return {"type": "string", "enum": list(values)}


def _text(shortest: int, longest: int) -> dict[str, Any]:
    """Text that begins with a letter or digit, so that it is not empty."""
    rest = rf"{_PLAIN}{{{shortest - 1},{longest - 1}}}"
    return {"type": "string", "pattern": f"^[A-Za-z0-9]{rest}$"}
