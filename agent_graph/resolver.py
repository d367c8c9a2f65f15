"""Resolution of references to motions, before any planner is asked.

A person may refer to a motion by id, name or number. Planners know the motions of a conversation by
name and edit the current one; so ids become names, and a command about another motion becomes two:
open it, then execute the command.

    export m-3fa9c1 as bow.glb   ->   export it as bow.glb                  (it is the current one)
    make motion 1 slower         ->   open motion 1. make it slower         (it is another one)
    open motion 1 and add a jump ->   open motion 1. add a jump
    another take of motion 1     ->   open motion 1. another take of it
    add a jump to motion 1       ->   open motion 1. add a jump
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .conversation import Conversation

_ID = r"m-[0-9a-f]{6,40}"
_NUMBERED = (
    r"(?:the )?(?:motion|animation) (?:\d{1,3}|one|two|three|four|five)"
    r"|(?:the )?(?:first|second|third|last) motion"
)
_BEFORE = (
    r"(?:(?:please|ok|okay|now|and|then|can you|could you|would you),? )*"
    r"(?:export|save|write|render|convert|make|slow(?: down)?|speed up|shorten|lengthen|reverse"
    r"|delete|remove|erase|clear|discard|redo|retry|vary"
    r"|(?:(?:do|make|try|give me) )?(?:another|a (?:new|different)|one more)"
    r" (?:take|version|try|variation) (?:of|at|on|for))"
)
_WHOLE = re.compile(r"\b(?:delete|remove|erase|clear|discard)$", re.IGNORECASE)
_AGAIN = re.compile(r"\b(?:redo|retry|vary)$", re.IGNORECASE)
_OPENING = r"(?:open|load|go (?:back )?to|switch (?:back )?to|return to|back to)"
_END = r"(?P<rest>[\s,.]*(?:at the (?:end|start|beginning))?[.!]?)"
_INTO = r"(?:add|append|insert|put|attach|include)\b.{1,200}?"


def resolve(request: str, conversation: Conversation) -> str:
    """Return the request with its motions named the way planners know them.

    Args:
        request: the person's words.
        conversation: with the motions it may refer to.
    """
    text = re.sub(rf"\b{_ID}\b", lambda match: _name(match[0], conversation), request)
    reference = rf"(?P<ref>{'|'.join(_references(conversation))})"
    command = re.fullmatch(
        rf"(?P<verb>\s*{_BEFORE})(?P<space>\s+){reference}(?P<rest>(?:[\s,.].*)?)",
        text,
        re.IGNORECASE | re.DOTALL,
    )
    if command is not None:
        verb = _AGAIN.sub("another take of", command["verb"])
        it = "the motion" if _WHOLE.search(verb) else "it"
        done = f"{verb}{command['space']}{it}{command['rest']}"
        return _about(command["ref"], done, conversation) or text
    opened = re.fullmatch(
        rf"\s*{_OPENING} {reference},? (?:and then|and|then) (?P<rest>.+)", text, re.I | re.DOTALL
    )
    if opened is not None and conversation.find(opened["ref"]) is not None:
        return _about(opened["ref"], opened["rest"], conversation) or text
    into = re.fullmatch(
        rf"(?P<what>\s*{_INTO})\s+(?:to|in|into)\s+{reference}{_END}",
        text,
        re.IGNORECASE | re.DOTALL,
    )
    if into is not None:
        return _about(into["ref"], f"{into['what']}{into['rest']}".strip(), conversation) or text
    return text


def _references(conversation: Conversation) -> Iterable[str]:
    names = sorted((t.name for t in conversation.motions.values() if t.name), key=len, reverse=True)
    return [_ID, _NUMBERED, *(re.escape(name) for name in names)]


def _name(motion_id: str, conversation: Conversation) -> str:
    """Return the name of a motion of the conversation; an unknown id is kept."""
    key = conversation.find(motion_id)
    return motion_id if key is None else conversation.motions[key].name or motion_id


def _about(reference: str, command: str, conversation: Conversation) -> str | None:
    """Return the command, preceded by opening the motion if it is not current; None if unknown."""
    key = conversation.find(reference)
    if key is None:
        return f"open {reference}. {command.strip()}" if re.fullmatch(_ID, reference) else None
    if key == conversation.current:
        return command
    return f"open {conversation.motions[key].name or reference}. {command.strip()}"
