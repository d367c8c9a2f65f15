"""The plan's schema narrowed to what is possible now, for servers that make a grammar of it.

`plan_schema` is one for all plans, as OpenAI's strict mode wants it: it compiles each new schema
for seconds. Ollama and the servers of local models compile one in milliseconds, so they can be
given another with every request, and one that says more: a kind of step for each tool with only
the fields of that tool, the segments that there are, no empty descriptions, no endless lists.

What the request leaves open (see `scope`) is narrowed too: no second person where there is none,
no duration that was not told, no empty plan for what is no talk, no more steps than it has parts.

After each answer that was no plan the next schema leaves less room: fewer steps, shorter texts,
only motions that were named. What a model can still write then is a valid plan, provided that it
comes to an end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..motion_core.limits import MAX_DESCRIPTION, MAX_SECONDS
from .plan import MAX_STEPS, Tool
from .scope import ANY, Scope

_PRINTABLE = r'[^"\\\x00-\x1f\x7f]'  # needs no escape in JSON and is no control character
_PLAIN = r"[ !#-\[\]-~]"  # English: needs no escape in JSON and is no other script


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
    scope: Scope = ANY,
) -> dict[str, Any]:
    """Return the JSON Schema of the plans that are possible now.

    Args:
        segments: ids that a step may name: those of the current motion and of the others.
        motions: whether there is a motion at all, so that one can be captioned or started over.
        named: motions and files that were named in the conversation.
        failed: how many answers to this request were no plan.
        scope: what the request leaves open.
    """
    room = _ROOMS[min(failed, len(_ROOMS) - 1)]
    most = min(room.steps, scope.steps)
    exists = motions or bool(segments)
    kinds = [] if scope.only_talk else [_generate(segments, room, scope)]
    if segments and not scope.only_talk:
        kinds.append(_kind("keep_segment", segment=_one_of(segments), required=("segment",)))
    if segments and scope.smooth and not scope.only_talk:
        kinds.append(_kind("smooth_join", segment=_one_of(segments), required=("segment",)))
    words = _text(1, 120)
    # At first a motion may be meant that nobody named so; a model that then fails must not guess.
    other = _one_of(named) if named and (failed or not exists) else words
    if exists or not kinds:
        kinds.append(_kind("caption_motion"))
    if named:
        kinds.append(_kind("caption_motion", motion=other, required=("motion",)))
    if scope.files:
        kinds.append(_kind("export_motion", motion=words, required=("motion",)))
    first = [_kind("start_over")] if exists else []
    if named or (exists and scope.others and not failed):
        first.append(_kind("open_motion", motion=other, required=("motion",)))
    alone = [_kind("undo"), _kind("redo")] if exists else []
    naming = [_kind("name_motion", motion=words, required=("motion",))] if scope.names else []
    least = 0 if scope.talk else 2 if scope.two and not segments else 1
    if scope.only_talk:  # a question about a motion that was named needs its caption first
        least = most = 1 if named else 0
    if failed:
        # A rule about the whole list is a list of its own; `prefixItems` is not known everywhere
        # (llama.cpp's own grammars take `items` alone), so an edit of another motion may have to
        # be two requests then.
        plans = [_list(kinds, least=least, most=most)]
        single = [*alone, *first, *(naming if exists else [])]
        if first:
            plans.append({**_list(kinds, most=most), "prefixItems": [{"anyOf": first}]})
        if single:
            plans.insert(1, _list(single, least=1, most=1))
    else:
        plans = [_list([*kinds, *naming, *first], least=least, most=most)]
        if alone:
            plans.append(_list(alone, least=1, most=1))
    properties: dict[str, Any] = {
        "reasoning": _words(room.reasoning),
        "plan": {"anyOf": plans} if len(plans) > 1 else plans[0],
    }
    if scope.second_person:
        properties["placement"] = {"anyOf": [_numbers(0), _numbers(3)]}
    return {
        "type": "object",
        "properties": properties,
        "required": ["reasoning", "plan"],
        "additionalProperties": False,
    }


def _generate(segments: Sequence[str], room: _Room, scope: Scope) -> dict[str, Any]:
    """Return a step that generates; only fields that can be meant."""
    fields: dict[str, Any] = {}
    if scope.second_person:
        fields["person"] = {"type": "integer", "enum": [1, 2]}
    fields["description"] = _text(3, room.description)
    if scope.seconds is None:
        fields["seconds"] = {"type": "number", "minimum": 0, "maximum": MAX_SECONDS}
    elif scope.seconds:
        fields["seconds"] = {"enum": list(scope.seconds)}
    if segments:
        fields["segment"] = _one_of(segments)
    required = ["description"]
    if scope.two:
        required.append("person")
    if scope.seconds and scope.steps == 1:
        required.append("seconds")
    return _kind("generate_motion", required=required, **fields)


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


def _words(longest: int) -> dict[str, Any]:
    """Return words to the person, in whatever script; not empty."""
    return {"type": "string", "pattern": f"^{_PRINTABLE}{{1,{longest}}}$"}


def _text(shortest: int, longest: int) -> dict[str, Any]:
    """Return the text that begins with a letter or digit, so that it is not empty."""
    rest = rf"{_PLAIN}{{{shortest - 1},{longest - 1}}}"
    return {"type": "string", "pattern": f"^[A-Za-z0-9]{rest}$"}
