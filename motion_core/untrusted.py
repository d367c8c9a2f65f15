"""Checks of a motion file's content, made once on reading: tokens, ids, seeds, words, JSON.

Each function returns the value for the rest of the program to use, or raises `FormatError`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .errors import FormatError
from .json_text import parse_json
from .limits import MAX_DESCRIPTION, MAX_SECONDS
from .motion import FRAMES_PER_TOKEN, MAX_FRAMES, Fill, Segment
from .words import whole

MAX_TOKEN = 65_535  # no codebook is larger; an engine checks against its own
MAX_SEED = 2**53 - 1  # exact in any JSON; further takes add to it, within torch's 64 bits
MAX_DEPTH = 32  # nesting of JSON; ours has 4
_CODEBOOK = re.compile(r"[\w.-]{0,40}", re.ASCII)
_SEGMENT_ID = re.compile(r"[A-Za-z][\w-]{0,19}", re.ASCII)
_CLIP_ID = re.compile(r"c-[0-9a-f]{16}")


def checked_json(text: str) -> Any:
    """Return the JSON value in a text, not deeper than `MAX_DEPTH` and without NaN or infinity."""
    try:
        value = parse_json(text, constant=_not_json)
    except ValueError as error:
        raise FormatError(f"is damaged: it holds no JSON ({str(error)[:80]})") from error
    layer, depth = [value], 0
    while layer:
        depth += 1
        if depth > MAX_DEPTH:
            raise FormatError(f"holds JSON that is nested more than {MAX_DEPTH} deep")
        inner = (v.values() if isinstance(v, dict) else v for v in layer if _holds_values(v))
        layer = [value for values in inner for value in values if _holds_values(value)]
    return value


def checked_tokens(values: Iterable[Any]) -> tuple[int, ...]:
    """Return motion tokens: integers from 0 to `MAX_TOKEN`, at most the longest motion's."""
    tokens = tuple(_whole(value, "motion token", MAX_TOKEN) for value in values)
    if len(tokens) * FRAMES_PER_TOKEN > MAX_FRAMES:
        raise FormatError(f"holds {len(tokens)} tokens; the limit is {MAX_FRAMES} frames")
    return tokens


def checked_fill(value: Any) -> Fill:
    """Return the tokens of a join, as many as it covers."""
    if not isinstance(value, Mapping) or not isinstance(value.get("tokens"), (list, tuple)):
        raise FormatError(f"is damaged: {str(value)[:40]!r} is no fill of a join")
    tokens = checked_tokens(value["tokens"])
    before, after = (_whole(value.get(k), k, len(tokens)) for k in ("before", "after"))
    if before + after != len(tokens) or not tokens:
        raise FormatError(f"is damaged: {len(tokens)} tokens cover {before} and {after}")
    return Fill(tokens, before, after)


def checked_seed(value: Any) -> int:
    """Return a seed: an integer from 0 to `MAX_SEED`."""
    return _whole(value, "seed", MAX_SEED)


def checked_words(value: Any) -> str:
    """Return a description encodable in UTF-8, at most `MAX_DESCRIPTION` characters of it."""
    if not isinstance(value, str):
        raise FormatError(f"is damaged: {str(value)[:40]!r} is no description")
    return whole(value)[:MAX_DESCRIPTION]


def checked_clip(value: Any) -> str:
    """Return the id of a clip."""
    if not isinstance(value, str) or not _CLIP_ID.fullmatch(value):
        raise FormatError(f"is damaged: {str(value)[:40]!r} is no clip")
    return value


def checked_frames(value: Any) -> int:
    """Return the length of a clip."""
    return _whole(value, "number of frames", MAX_FRAMES)


def checked_segment(entry: Any) -> Segment:
    """Return a segment from ``{"id", "description", "tokens", "seed"}`` and the fields added in
    0.2.
    """
    try:
        name, words, tokens, seed = (entry[k] for k in ("id", "description", "tokens", "seed"))
        seconds = entry.get("seconds", 0.0)
        if (
            not isinstance(tokens, list)
            or not _SEGMENT_ID.fullmatch(str(name))
            or not isinstance(seconds, int | float)
            or not 0 <= seconds <= MAX_SECONDS
            or entry.get("person", 1) not in (1, 2)
        ):
            raise TypeError
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise FormatError(f"is damaged: a segment of it is {str(entry)[:80]!r}") from error
    clip, frames = entry.get("clip", ""), entry.get("clip_frames", 0)
    codebook = entry.get("codebook", "")
    if not isinstance(codebook, str) or not _CODEBOOK.fullmatch(codebook):
        raise FormatError(f"is damaged: a codebook of it is {str(codebook)[:40]!r}")
    return Segment(
        str(name),
        checked_words(words),
        checked_tokens(tokens),
        checked_seed(seed),
        float(seconds),
        entry.get("person", 1),
        _whole(entry.get("take", 1), "take", MAX_SEED),
        checked_clip(clip) if clip else "",
        checked_frames(frames),
        codebook,
    )


def _whole(value: Any, what: str, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise FormatError(f"is damaged: {str(value)[:40]!r} is no {what}, 0 to {most}")
    return value


def _holds_values(value: Any) -> bool:
    return isinstance(value, dict | list)


def _not_json(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
