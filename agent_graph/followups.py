"""What the offline planner knows of edits: which words change the current motion, and how.

An edit is given as the steps of the whole new timeline, as every planner gives it.
"""

from __future__ import annotations

import re
from typing import Any

from ..motion_core.composition import MAX_SECONDS
from .clauses import own_subject, split_actions
from .lexicon import NUMBER, ORDINALS, PRONOUNS, base_of, number
from .predicates import noun_to_action, subject_of
from .state import SegmentState, Timeline, segment_seconds

Steps = list[dict[str, Any]]

_POLITE = re.compile(
    r"^(?:(?:please|ok(?:ay)?|no|yes|now|and|well|hm+)[,!]?\s+)*"
    r"(?:(?:can|could|would|will)\s+you\s+(?:please\s+)?|please\s+|i(?:'d|\s+would)?\s+"
    r"(?:like|want)\s+(?:you\s+)?to\s+|let(?:'s|\s+us)\s+)?(?:just\s+)?",
    re.IGNORECASE,
)
_UNDO = re.compile(
    r"(?:undo|revert|go\s+back|take\s+(?:that|it)\s+back|cancel)"
    r"(?:\s+(?:it|that|this|the\s+last\s*\w*|my\s+last\s*\w*|one\s+step))?(?:\s+please)?[.!\s]*$",
    re.IGNORECASE,
)
_REDO = re.compile(r"redo(?:\s+(?:that|it))?[.!\s]*$", re.IGNORECASE)
_OVER = re.compile(
    r"(?:start\s+(?:over|again|anew|from\s+scratch)|from\s+scratch|reset|clear(?:\s+(?:it|all))?|"
    r"(?:a\s+)?new\s+(?:motion|one))\b[\s:,.!]*(?:with\s+)?(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_REMOVE = re.compile(
    r"(?:remove|delete|drop|cut(?:\s+out)?|skip|leave\s+out|take\s+out|get\s+rid\s+of|erase)\s+"
    r"(?P<ref>.+)|without\s+(?P<ref2>(?:the|s\d).+)",
    re.IGNORECASE | re.DOTALL,
)
_REPLACE = re.compile(
    r"(?:replace|change|swap|exchange|turn)\s+(?P<ref>.+?)\s+(?:with|by|to|into|for)\s+(?P<new>.+)",
    re.IGNORECASE | re.DOTALL,
)
_MAKE = re.compile(
    r"(?:make|let)\s+(?P<ref>(?:the\s+)?(?:\w+\s+)?(?:one|segment|step|part|s\d+|\w+))\s+(?:be\s+)?"
    r"(?P<new>(?:a|an)\s+.+)",
    re.IGNORECASE | re.DOTALL,
)
_INSTEAD_OF = re.compile(
    r"instead\s+of\s+(?P<ref>.+?),\s*(?P<new>.+)|(?P<new2>.+?),?\s+instead\s+of\s+(?P<ref2>.+)",
    re.IGNORECASE | re.DOTALL,
)
_INSTEAD = re.compile(r"(?:instead,?\s+(?P<new>.+)|(?P<new2>.+?),?\s+instead[.!\s]*)$", re.I | re.S)
_TAKE = re.compile(
    r"(?:(?:do|make|give\s+me|show\s+me|try|take)\s+)?(?:(?:an?other|a\s+(?:new|different)|one\s+more)\s+"
    r"(?:take|version|try|variation|variant|attempt)|again\b|it\s+again\b|try\s+again\b|"
    r"something\s+different)(?:\s*(?:of|for|with|on)?\s+(?P<ref>.+))?|(?:redo|retry|resample|"
    r"regenerate|vary)\s+(?P<ref2>.+)",
    re.IGNORECASE | re.DOTALL,
)
_SPEED = re.compile(
    r"(?:(?:make|let|do)\s+)?(?P<ref>.*?)\s*\b(?:be\s+|last\s+|go\s+|a\s+(?:bit|little)\s+|much\s+)*"
    r"(?P<how>slower|slow\s+down|faster|quicker|longer|shorter|twice\s+as\s+(?:long|slow|fast)|"
    r"half\s+as\s+long)\b[.!\s]*$",
    re.IGNORECASE | re.DOTALL,
)
_LENGTH = re.compile(
    rf"(?:make|let)\s+(?P<ref>.+?)\s+(?:be\s+|last\s+|take\s+)?(?P<n>{NUMBER})\s*(?:s|secs?|seconds?)"
    r"(?:\s+long)?[.!\s]*$",
    re.IGNORECASE,
)
_REPEAT = re.compile(
    rf"(?:repeat|do|loop)\s+(?P<ref>.+?)(?:\s+(?:again|once\s+more|(?P<twice>twice)|"
    rf"(?P<n>{NUMBER})\s+times))?[.!\s]*$",
    re.IGNORECASE,
)
_ADD = re.compile(
    r"(?:add|insert|append|include|put|attach)(?:\s+in)?[\s:,]+(?P<new>.+?)(?:\s+(?P<where>(?:at|to|in|on)\s+the\s+"
    r"(?:very\s+)?(?:end|beginning|start|front)|(?:right\s+)?(?:before|after)\s+.+|between\s+.+))?"
    r"[.!\s]*$",
    re.IGNORECASE | re.DOTALL,
)
_PLACE_FIRST = re.compile(
    r"(?P<where>(?:right\s+)?(?:before|after)\s+(?:the|s\d|that|it)\b[^,]*|at\s+the\s+(?:end|beginning|start)|"
    r"between\s+[^,]+),\s*(?P<new>.+)",
    re.IGNORECASE | re.DOTALL,
)
_GO_ON = re.compile(
    r"(?:(?:and\s+)?(?:then|next|now|after\s+(?:that|this)|afterwards|finally|also|lastly|"
    r"continue(?:\s+(?:with|by|to))?|followed\s+by)\b|and\b)[\s,]*(?P<new>.+)",
    re.IGNORECASE | re.DOTALL,
)
_SWAP = re.compile(r"(?:swap|exchange|switch)\s+(?P<ref>.+?)\s+(?:and|with)\s+(?P<other>.+)", re.I)
_MOVE = re.compile(
    r"(?:move|put)\s+(?P<ref>.+?)\s+(?P<where>(?:at|to|in)\s+the\s+(?:very\s+)?(?:end|beginning|start|"
    r"front)|(?:right\s+)?(?:before|after)\s+.+)",
    re.IGNORECASE,
)
_BEYOND_ME = re.compile(
    r"(?:make\s+(?:it|that|this|the\s+\w+|s\d+)|(?:let|have)\s+(?:it|s\d+)|swap|exchange|change|"
    r"replace|remove|delete|move\s+(?:the|s\d)|reorder|reverse|mirror|use|slow|speed|add|insert)\b|"
    r"(?:the\s+\w+|s\d+|it|that)\s+(?:should|must|needs?\s+to|has\s+to|is\s+too)\b",
    re.IGNORECASE,
)
_EDITS = (
    "I know: add … (at the end, before the bow), remove …, replace … with …, repeat …,"
    " swap … and …, another take of …, make … longer or shorter, undo, redo, start over."
    " One edit at a time."
)
_STRETCH = {"slower": 1.5, "longer": 1.5, "faster": 1 / 1.5, "quicker": 1 / 1.5, "shorter": 1 / 1.5}
_EVERYTHING = re.compile(
    r"\b(?:all|everything|whole|entire|motion|animation)\b|^(?:it|that|this)?$", re.IGNORECASE
)
_LATEST = re.compile(r"^(?:it|that|this|the\s+last\s*(?:\w+)?|last)$", re.IGNORECASE)


def edit_steps(text: str, timeline: Timeline) -> Steps | None:
    """The steps of the timeline after an edit, or None if the text is no edit.

    A single ``{"say": …}`` in place of steps is an answer: the edit is understood and impossible.
    """
    bare = _POLITE.sub("", text.strip(), count=1).strip().rstrip(".!? ")
    if _REDO.match(bare):
        return [{"tool": "redo"}]
    if _UNDO.match(bare):
        return [{"tool": "undo"}]
    if over := _OVER.match(bare):
        return _start_over(over["rest"])
    segments = timeline["segments"]
    if not segments:
        return _start(bare)
    for attempt in (_speed, _take, _remove, _reorder, _replace, _repeat, _add):
        steps = attempt(bare, segments)
        if steps is not None:
            return steps
    if _BEYOND_ME.match(bare):
        return [{"say": f"I do not understand the edit “{text.strip()[:80]}”. {_EDITS}"}]
    return _go_on(text.strip(), bare, segments)


def referred(text: str, segments: list[SegmentState]) -> list[SegmentState]:
    """The segments that words such as "s2", "the second one", "the jump" mean."""
    text = text.lower().strip(" .,!")
    ids = re.findall(r"\bs\d+\b", text)
    if ids:
        return [segment for segment in segments if segment["id"] in ids]
    last_few = re.search(rf"\b(last|first)\s+({NUMBER})\b", text)
    if last_few:
        count = int(number(last_few[2]))
        return segments[-count:] if last_few[1] == "last" else segments[:count]
    for word, place in ORDINALS.items():
        if re.search(rf"\b{word}\b", text):
            index = place - 1 if place > 0 else place
            return [segments[index]] if -len(segments) <= index < len(segments) else []
    verbs = {base for word in re.findall(r"[a-z']+", text) if (base := base_of(word))}
    verbs -= {"make", "do", "take", "get", "put"} if len(verbs) > 1 else set()
    if verbs:
        return [s for s in segments if verbs & _verbs(s["description"])]
    content = set(re.findall(r"[a-z]{4,}", text)) - {"that", "this", "part", "segment", "step"}
    return [s for s in segments if content & set(re.findall(r"[a-z]+", s["description"].lower()))]


def _start(bare: str) -> Steps | None:
    # Nothing to edit yet: "add a jump" and "then wave" just begin.
    for pattern in (_ADD, _GO_ON):
        match = pattern.match(bare)
        if match:
            return _new(match["new"], None) or None
    if _REMOVE.match(bare) or _TAKE.fullmatch(bare) or _SPEED.fullmatch(bare):
        return [{"say": "There is no motion yet to change. Tell me what a person does first."}]
    return None


def _start_over(rest: str) -> Steps:
    steps = _new(rest, None) if rest.strip() else []
    return steps or [{"say": "Let us start over: tell me what the person does."}]


def _speed(bare: str, segments: list[SegmentState]) -> Steps | None:
    if length := _LENGTH.match(bare):
        chosen = _chosen(length["ref"], segments)
        if not chosen:
            return _unclear(length["ref"], segments)
        share = number(length["n"].lower()) / len(chosen)
        return _edited(segments, {s["id"]: _again(s, share) for s in chosen})
    match = _SPEED.match(bare)
    subject = own_subject(bare)
    if match is None or (subject and subject.lower().startswith(("a ", "an "))):
        return None
    chosen = _chosen(match["ref"], segments)
    if not chosen:
        return None if subject else _unclear(match["ref"], segments)
    how = " ".join(match["how"].lower().split())
    factor = _STRETCH.get(how)
    if factor is None:
        factor = 1.5 if how == "slow down" else (0.5 if "half" in how or "fast" in how else 2.0)
    return _edited(segments, {s["id"]: _again(s, segment_seconds(s) * factor) for s in chosen})


def _take(bare: str, segments: list[SegmentState]) -> Steps | None:
    match = _TAKE.fullmatch(bare)
    if match is None:
        return None
    ref = match["ref"] or match["ref2"] or ""
    chosen = _chosen(ref, segments)
    if not chosen:
        return _unclear(ref, segments)
    return _edited(segments, {s["id"]: _again(s, s["seconds"]) for s in chosen})


def _remove(bare: str, segments: list[SegmentState]) -> Steps | None:
    match = _REMOVE.match(bare)
    if match is None:
        return None
    ref = match["ref"] or match["ref2"]
    chosen = [segments[-1]] if _LATEST.match(ref.strip()) else _chosen(ref, segments)
    if not chosen:
        return _unclear(ref, segments)
    gone = {s["id"] for s in chosen}
    if len(gone) == len(segments):
        return [{"say": "Nothing would be left. Say “start over” and what comes in its place."}]
    return [_keep(s) for s in segments if s["id"] not in gone]


def _reorder(bare: str, segments: list[SegmentState]) -> Steps | None:
    order = list(segments)
    if match := _SWAP.match(bare):
        one, other = referred(match["ref"], segments), referred(match["other"], segments)
        if not one or not other:
            return None  # "swap the bow with a jump" replaces it
        i, j = segments.index(one[0]), segments.index(other[0])
        order[i], order[j] = order[j], order[i]
        return [_keep(s) for s in order]
    match = _MOVE.match(bare)
    chosen = referred(match["ref"], segments) if match else []
    if match is None or not chosen or match["ref"].lower().startswith(("a ", "an ")):
        return None
    order = [s for s in segments if s not in chosen]
    place = _place(match["where"], order)
    if place is None:
        return _unclear(match["where"], segments)
    return [_keep(s) for s in order[:place] + chosen + order[place:]]


def _replace(bare: str, segments: list[SegmentState]) -> Steps | None:
    for pattern in (_INSTEAD_OF, _REPLACE, _MAKE):
        match = pattern.match(bare)
        if match is None:
            continue
        facts = match.groupdict()
        ref, new = facts["ref"] or facts.get("ref2"), facts["new"] or facts.get("new2")
        chosen = referred(str(ref), segments)
        if not chosen and pattern is _REPLACE and not bare.lower().startswith("turn"):
            return _unclear(str(ref), segments)
        if chosen:
            return _replaced(segments, chosen[:1], str(new))
    match = _INSTEAD.match(bare)
    if match is None or re.match(r"use\b", bare, re.IGNORECASE):
        return None
    return _replaced(segments, [segments[-1]], str(match["new"] or match["new2"]))


def _repeat(bare: str, segments: list[SegmentState]) -> Steps | None:
    match = _REPEAT.match(bare)
    if match is None:
        return None
    ref = match["ref"]
    told = bool(re.match(r"(?:repeat|loop)", bare, re.IGNORECASE))
    chosen = list(segments) if _EVERYTHING.search(ref) else referred(ref, segments)
    if not chosen or not (told or re.search(r"\b(?:again|once more)\b", bare, re.IGNORECASE)):
        return _unclear(ref, segments) if told else None
    more = int(number(match["n"].lower())) if match["n"] else (2 if match["twice"] else 1)
    if len(chosen) == len(segments):
        return [_keep(s) for s in segments] * (more + 1)
    ids = {s["id"] for s in chosen}
    return [_keep(s) for s in segments for _ in range(1 + more * (s["id"] in ids))]


def _add(bare: str, segments: list[SegmentState]) -> Steps | None:
    match = _ADD.match(bare) or _PLACE_FIRST.match(bare)
    if match is None:
        return None
    place = _place(match["where"] or "", segments)
    if place is None:
        return _unclear(match["where"], segments)
    beside = segments[place - 1] if place else segments[0]
    steps = _new(match["new"], subject_of(beside["description"]))
    kept = [_keep(s) for s in segments]
    return kept[:place] + steps + kept[place:] if steps else None


def _go_on(text: str, bare: str, segments: list[SegmentState]) -> Steps | None:
    match = _GO_ON.match(re.sub(r"^(?:please|ok(?:ay)?|yes)[,!]?\s+", "", text, flags=re.I))
    new = match["new"] if match else bare
    if match is None:
        subject = (own_subject(text) or "").lower()
        if subject not in PRONOUNS and not subject.startswith("the "):
            return None
    steps = _new(new, subject_of(segments[-1]["description"]))
    return [_keep(s) for s in segments] + steps if steps else None


def _place(where: str, segments: list[SegmentState]) -> int | None:
    """Index before which something is inserted; None if the place is not there."""
    where = where.lower().strip()
    if not where or re.search(r"\bend$", where):
        return len(segments)
    if re.search(r"\b(?:beginning|start|front)$", where):
        return 0
    if where.startswith("between"):
        first, _, _ = where.partition(" and ")
        found = referred(first, segments)
        return segments.index(found[0]) + 1 if found else None
    ref = re.sub(r"^(?:right\s+)?(?:before|after)\s+", "", where)
    after = "after" in where.split()[:2]
    if re.fullmatch(r"that|it|this", ref):
        return len(segments) if after else len(segments) - 1
    found = referred(ref, segments)
    if not found:
        return None
    return segments.index(found[-1]) + 1 if after else segments.index(found[0])


def _new(text: str, subject: str | None) -> Steps:
    parts = re.split(r"\s*,?\s+(?:and\s+)?then\s+|\s+and\s+(?=an?\s)", text.strip(" .,:!"))
    actions = [a for part in parts for a in split_actions(noun_to_action(part), subject)]
    return [
        {"tool": "generate_motion", "description": a.description, "seconds": a.seconds}
        for a in actions
    ]


def _replaced(segments: list[SegmentState], chosen: list[SegmentState], new: str) -> Steps | None:
    old = chosen[0]
    steps = _new(new, subject_of(old["description"]))
    if not steps:
        return None
    steps[0]["segment"] = old["id"]
    index = segments.index(old)
    kept = [_keep(s) for s in segments]
    return kept[:index] + steps + kept[index + 1 :]


def _edited(segments: list[SegmentState], changed: dict[str, dict[str, Any]]) -> Steps:
    return [changed.get(s["id"]) or _keep(s) for s in segments]


def _again(segment: SegmentState, seconds: float) -> dict[str, Any]:
    return {
        "tool": "generate_motion",
        "description": segment["description"],
        "seconds": min(MAX_SECONDS, round(seconds, 1)),
        "segment": segment["id"],
        "person": segment["person"],
    }


def _keep(segment: SegmentState) -> dict[str, Any]:
    return {"tool": "keep_segment", "segment": segment["id"], "person": segment["person"]}


def _chosen(ref: str, segments: list[SegmentState]) -> list[SegmentState]:
    found = referred(ref, segments) if ref.strip() else []
    return found or (list(segments) if _EVERYTHING.search(ref.strip()) else [])


def _unclear(ref: str, segments: list[SegmentState]) -> Steps:
    there = ", ".join(f"{s['id']} ({s['description']})" for s in segments)
    return [{"say": f"I do not know which segment “{ref.strip()[:60]}” is. There are: {there}."}]


def _verbs(description: str) -> set[str]:
    words = re.findall(r"[a-z']+", description.lower())
    return {base for word in words if (base := base_of(word))}
