"""Splitting a request into commands: "remove the bow and make the walk slower" are two.

A request is split only where a new command clearly begins; descriptions of actions stay whole.
"""

from __future__ import annotations

import re

from .lexicon import NUMBER

_THING = (
    r"(?:it|that|this|them|him|her|everything|all|s\d+|the (?:[\w-]+ ){0,3}?[\w-]+|motion \w+|both)"
)
_MEASURE = (
    r"(?:(?:be|last|go|a bit|a little|much|a lot|slightly|twice|half|about|to) )*"
    rf"(?:slow(?:er|ly)?|fast(?:er)?|quick(?:er|ly)?|long(?:er)?|short(?:er)?|as|closer|{NUMBER})"
)
_COMMAND = re.compile(
    r"(?:(?:please|also|finally|lastly|now|then|next|just|can you|could you|i want you to) )*(?:"
    r"(?:add|insert|append|remove|delete|erase|replace|undo|redo|export|rename|prepend|"
    r"regenerate)\b|"
    rf"(?:swap|exchange|switch|reverse|shorten|lengthen|repeat|loop|speed up|slow down|"
    rf"prolong) {_THING}|"
    rf"(?:speed|slow) {_THING} (?:up|down)|"
    rf"(?:make|let|set) {_THING} {_MEASURE}\b|"
    rf"(?:move|put|bring|place) {_THING} (?:to the|at the|before|after|between|closer|further|"
    r"behind|next)|"
    r"(?:save|download|store|write|convert|render) (?:it|that|this|the|as|motion|to)\b|"
    r"(?:call|name) (?:it|that|this|the motion|motion)\b|"
    r"open (?:it|motion|the (?:\w+ )?(?:motion|file|one)|[\w./-]+\.\w{2,4}\b)|"
    r"(?:go back|return|switch|back) to (?:the (?:\w+ )?(?:motion|one)|motion)\b|"
    r"start (?:over|again|anew|from scratch)|"
    r"(?:make|create|start|begin|generate|give me) (?:me )?(?:a new|another|a second|"
    r"a third) (?:motion|one)\b|"
    r"(?:a )?new motion\b|"
    r"give me (?:it as |a |an |the )*(?:video|gif|mp4|bvh|glb|file|page|picture)|"
    r"(?:do |try |give me )?another (?:take|try|version)|keep only|leave out"
    r")",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"(?:(?:and|but|so) )?(?:what|which|who|where|when|why|how|is|are|was|were|does|did|do you|"
    r"has|describe|caption|"
    r"tell me|explain|can you (?:tell|describe|see)|say what|analy[sz]e|summari[sz]e|list)\b",
    re.IGNORECASE,
)
_WISH = re.compile(
    r"(?:can|could|would|will) you (?:please )?(?!tell|describe|see|explain|say)\w+|"
    r"(?:can|could) (?:the|it|he|she|they|s\d+)\b|(?:how|what) about (?!(?:it|that|this)\b)|"
    r"what if\b|why (?:not|don't (?:you|we))\b",
    re.IGNORECASE,
)
_REQUEST = re.compile(
    r"(?:then )?(?:tell me (?:what|how|who)|describe (?:it|what)|what (?:does|happens|is)|"
    r"how long)\b",
    re.IGNORECASE,
)
_TELLS = re.compile(
    r"(?:(?:please|now|ok(?:ay)?|can you|could you|then),? )*(?:start (?:over|again|anew|"
    r"from scratch)|"
    r"(?:(?:make|create|start|begin|generate|give me) (?:me )?)?(?:an? )?(?:new|another|second|"
    r"third) "
    r"(?:motion|one))\b[\s:,.]*(?P<told>[^\n]*)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")
_JOIN = re.compile(r",? (?:and|but|and then|then|and also|and finally),? |, ?|: ", re.IGNORECASE)
# "replace the wave with a kick and the bow with a jump": the verb is not repeated.
_ELLIPSIS = (
    (r"replace|change|swap|exchange", r"(?:the|s\d+)\b[^,]*? (?:with|by|to|into) "),
    (r"make|let", rf"(?:the|s\d+)\b[^,]*? {_MEASURE}"),
    (r"move|put", r"(?:the|s\d+)\b[^,]*? (?:to|at|before|after) "),
    (r"add|insert", r"(?:a|an|another)\b[^,]*? (?:at the (?:end|start|beginning)|(?:before|"
    r"after) (?:the|s\d))"),
)  # fmt: skip
LONGEST = 2000  # characters of a command; anything longer describes actions


def split_commands(text: str) -> list[str]:
    """Return the commands of a request in order; a text without any is one command."""
    spans: list[tuple[int, int, bool, str]] = []  # start, end, whether a command, verb before it
    for start, end in _sentences(text):
        spans += _in_sentence(text, start, end)
    merged: list[tuple[int, int, bool, str]] = []
    for span in spans:
        if merged and not span[2] and (not merged[-1][2] or _begins_story(merged[-1], text)):
            merged[-1] = (merged[-1][0], span[1], *merged[-1][2:])
        else:
            merged.append(span)
    commands = [f"{verb}{text[start:end]}".strip(" ,;") for start, end, _, verb in merged]
    return [command for command in commands if re.search(r"\w", command)]


def is_command(text: str) -> bool:
    """Return whether a command clearly begins here."""
    return bool(_COMMAND.match(text))


def is_question(text: str) -> bool:
    """Return whether the text is a question; "could you add a bow?" is a request instead."""
    text = text.strip()
    if _WISH.match(text) or (_COMMAND.match(text) and not text.lower().startswith("list")):
        return False
    if _QUESTION.match(text):
        return True
    return text.endswith("?") and not re.match(r"(?:and|then|now|maybe|perhaps|an?)\b", text, re.I)


def _begins_story(span: tuple[int, int, bool, str], text: str) -> bool:
    """Return whether a command has begun to describe a motion, so that the next piece belongs to
    it.
    """
    begun = _TELLS.match(text[span[0] : span[1]])
    return begun is not None and bool(re.search(r"\w", begun["told"]))


def _sentences(text: str) -> list[tuple[int, int]]:
    spans, start = [], 0
    for gap in _SENTENCE.finditer(text):
        spans.append((start, gap.start()))
        start = gap.end()
    return [*spans, (start, len(text))]


def _in_sentence(text: str, start: int, end: int) -> list[tuple[int, int, bool, str]]:
    spans: list[tuple[int, int, bool, str]] = []
    verb = ""
    begun, at = start, start
    while (join := _JOIN.search(text, at, end)) is not None:
        at = join.end()
        ahead = text[at : min(end, at + 200)]
        left = verb + text[begun : join.start()]
        command = bool(
            _COMMAND.match(ahead) or (_REQUEST.match(ahead) and is_command(left.strip()))
        )
        missing = "" if command else _missing_verb(left, ahead)
        if command or missing:
            spans.append((begun, join.start(), _closed(left), verb))
            begun, verb = at, missing
    left = verb + text[begun:end]
    spans.append((begun, end, _closed(left), verb))
    return [span for span in spans if re.search(r"\w", text[span[0] : span[1]])]


def _closed(text: str) -> bool:
    """Return whether a piece is a complete command or question, not part of a description."""
    return is_command(text.strip()) or is_question(text)


def _missing_verb(left: str, right: str) -> str:
    for verbs, pattern in _ELLIPSIS:
        verb = re.match(
            rf"(?:(?:please|can you|then|now) )*({verbs}) {pattern}", left, re.IGNORECASE
        )
        if verb and re.match(pattern, right, re.IGNORECASE):
            return f"{verb[1]} "
    return ""
