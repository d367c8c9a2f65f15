"""Whether a motion is the expected result of an edit: what stays, what is new, and where."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .observation import Seen
from .scenario import Item
from .words import has_words

Faults = Iterator[tuple[str, str]]


def check_timeline(
    items: Sequence[Item], segments: Sequence[Seen], known: Mapping[str, str]
) -> Faults:
    """Return the faults of a timeline, as (fault, detail).

    A segment stays if a segment with exactly its tokens exists. Between two that stay, the new
    segments must show the new items in order; several may show the same one.

    Args:
        items: the expected timeline.
        segments: the actual timeline.
        known: digest of the tokens of each earlier segment, by id.
    """
    planned = [known.get(item.segment, item.segment) for item in items if item.kind == "keep"]
    kept = [s.tokens for s in segments if s.tokens in known.values() or s.tokens in planned]
    names = {tokens: name for name, tokens in known.items()}
    rest = list(kept)
    for tokens in planned:
        if tokens in rest:
            rest.remove(tokens)
        elif tokens in kept:
            yield "missing_step", f"{names.get(tokens, tokens)} is not repeated"
        else:
            yield "touched_segment", f"{names.get(tokens, tokens)} did not stay as it was"
    changed = {known.get(item.segment) for item in items if item.kind == "change"}
    for tokens in rest:
        wish = "change" if tokens in changed else "go"
        yield "untouched_segment", f"{names.get(tokens, tokens)} was to {wish} and is still there"
    if sorted(planned) == sorted(kept) and planned != kept:
        yield "wrong_order", f"the order is {', '.join(names.get(t, t) for t in kept)}"
    if planned == kept:
        yield from _gaps(items, segments, set(kept))
    else:
        news = [s for s in segments if s.tokens not in kept]
        yield from _gap([item for item in items if item.kind != "keep"], news, news)


def _gaps(items: Sequence[Item], segments: Sequence[Seen], kept: set[str]) -> Faults:
    groups: list[list[Item]] = [[]]
    for item in items:
        if item.kind == "keep":
            groups.append([])
        else:
            groups[-1].append(item)
    gaps: list[list[Seen]] = [[]]
    for segment in segments:
        if segment.tokens in kept:
            gaps.append([])
        else:
            gaps[-1].append(segment)
    news = [segment for gap in gaps for segment in gap]
    for expected, there in zip(groups, gaps, strict=True):
        yield from _gap(expected, there, news)


def _gap(expected: Sequence[Item], there: Sequence[Seen], news: Sequence[Seen]) -> Faults:
    at = 0
    shown = [False] * len(expected)
    for segment in there:
        ahead = [n for n in range(at, len(expected)) if _shows(expected[n], segment)]
        if ahead:
            at = ahead[0]
            shown[at] = True
        elif not any(_shows(item, segment) for item in expected):
            yield "invented_step", f"nobody asked for {segment.description!r}"
    for item, is_shown in zip(expected, shown, strict=True):
        if is_shown:
            continue
        elsewhere = item.words and any(_shows(item, segment) for segment in news)
        what = item.words[:30] or f"a new version of {item.segment}"
        if elsewhere:
            yield "wrong_order", f"{what!r} is not where it belongs"
        else:
            yield "missing_step", f"there is no segment for {what!r}"


def _shows(item: Item, segment: Seen) -> bool:
    return not item.words or has_words(item.words, segment.description)
