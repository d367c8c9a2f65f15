"""Commands about the manner of a segment: "the kick should be with the left leg"."""

from __future__ import annotations

import re

from .draft import Draft
from .references import check_words, referred, unclear
from .wording import CannotDo, group

_LIMB = (
    r"(?:with|using|by|on) (?:the |his |her |their |both |one |a )*(?:left |right |other )?"
    r"(?:hands?|arms?|legs?|foot|feet|fists?|knees?|elbows?)"
)
_MANNER = re.compile(
    rf"(?:make |let |do |have )?(?P<ref>.+?) (?:(?:should|must|"
    rf"shall) )?(?:be )?(?:done )?(?P<limb>{_LIMB})|"
    rf"use (?P<with>(?:the |his |her |both )*(?:left |right )?(?:hands?|arms?|legs?|foot|feet|"
    r"fists?)) "
    r"(?:for|in|to) (?P<ref2>.+)",
    re.IGNORECASE,
)


def manner(bare: str, draft: Draft) -> bool:
    """Execute commands such as "the kick should be with the left leg", "use the left hand for the
    wave".
    """
    match = _MANNER.fullmatch(bare)
    if match is None:
        return False
    ref = group(match, "ref")
    fits = bool(match["with"]) or bool(
        re.match(r"make|(?:.*\b(?:should|must|shall)\b)", bare, re.I)
    )
    if not fits:
        return False
    rows = referred(re.sub(r"^(?:he|she|they|it) ", "", ref, flags=re.I), draft)
    if not rows:
        raise unclear(ref, draft)
    check_words(re.sub(r"\b(?:should|must|shall)\b", "", ref, flags=re.I), rows)
    limb = (match["limb"] or f"with {match['with']}").lower()
    for row in rows:
        description = re.sub(rf" {_LIMB}", "", row.description, flags=re.IGNORECASE) + f" {limb}"
        if description == row.description:
            raise CannotDo(f"{row.name} says so already. For another try say “another take of it”.")
        draft.change(row, description=description)
    draft.touched = rows
    return True
