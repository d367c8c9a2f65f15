"""The plan's schema narrowed to what is possible now, for servers that compile it to a grammar.

`plan_schema` is the same for all plans because OpenAI's strict mode takes seconds to compile a new
schema. Ollama and other local servers compile one in milliseconds, so each request can have its
own, more specific schema: one kind of step for each tool with only its fields, only existing
segments, no empty descriptions, no endless lists.

The request's scope (see `scope`) narrows it too: no second person where there is none, no duration
that was not mentioned, no empty plan unless it is small talk, no more steps than parts.

After each invalid answer the next schema leaves less room: fewer steps, shorter texts, only named
motions. Anything a model can then write is a valid plan, provided that it ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..motion_core.limits import MAX_DESCRIPTION, MAX_SECONDS
from .plan import MAX_STEPS, Tool
from .scope import ANY, Scope

_PRINTABLE = r'[^"\\\x00-\x1f\x7f]'  # needs no escape in JSON and is not a control character
_PLAIN = r"[ !#-\[\]-~]"  # English: needs no escape in JSON and is in Latin script


@dataclass(frozen=True)
class _Room:
    """The size limits of an answer: steps, characters of a description, of the reasoning."""

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
        segments: ids that a step may use: those of the current motion and of the others.
        motions: whether any motion exists that could be captioned or started over.
        named: motions and files named in the conversation.
        failed: number of invalid answers to this request.
        scope: of the request.
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
    # At first any name is allowed, mentioned or not; a model that then fails must not guess.
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
    if scope.only_talk:  # a question about a named motion needs its caption first
        least = most = 1 if named else 0
    if failed:
        # A rule for the whole list needs a list of its own; `prefixItems` is not supported
        # everywhere (llama.cpp's own grammars take only `items`), so editing another motion may
        # then take two requests.
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
    """Return the schema of a generate step, with only the fields that may be used."""
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
    """Return the schema of a non-empty text to the person, in any script."""
    return {"type": "string", "pattern": f"^{_PRINTABLE}{{1,{longest}}}$"}


def _text(shortest: int, longest: int) -> dict[str, Any]:
    """Return the schema of a text that begins with a letter or digit, so that it is not empty."""
    rest = rf"{_PLAIN}{{{shortest - 1},{longest - 1}}}"
    return {"type": "string", "pattern": f"^[A-Za-z0-9]{rest}$"}
