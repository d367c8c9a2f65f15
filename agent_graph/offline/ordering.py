"""Commands that change the order of the current motion's segments: swap, move, reverse."""

from __future__ import annotations

import re

from .draft import Draft
from .edits import WHERE, place_in_order
from .references import check_words, chosen, referred, unclear
from .wording import CannotDo, group

_SWAP_TWO = re.compile(
    r"(?:swap|exchange|switch|flip) (?:the |both )?(?P<which>first |last )?(?:two )?"
    r"(?:parts|steps|segments|actions|ones)(?: around)?",
    re.IGNORECASE,
)
_SWAP = re.compile(
    r"(?:swap|exchange|switch|flip) (?P<ref>.+?) (?:and|with) (?P<other>.+)", re.IGNORECASE
)
_REVERSE = re.compile(
    r"(?:reverse|invert) (?:the |their )?(?:order|sequence)(?: .*)?", re.IGNORECASE
)
_MOVE = re.compile(
    rf"(?:move|put|bring|place) (?P<ref>.+?) (?P<where>{WHERE}|earlier|later|forward|back)|"
    rf"(?P<ref2>.+?) (?:should|must|shall|has to) (?:come|be|go|happen|stand) (?P<where2>{WHERE})",
    re.IGNORECASE,
)


def reorder(bare: str, draft: Draft) -> bool:
    """Execute commands such as "swap the wave and the bow", "move the bow to the start", "reverse
    the order".
    """
    rows = draft.rows
    if _REVERSE.fullmatch(bare):
        draft.rows = rows[::-1]
        return True
    if match := _SWAP_TWO.fullmatch(bare):
        if len(rows) == 2 or (match["which"] and len(rows) > 2):
            first = len(rows) - 2 if (match["which"] or "").lower() == "last " else 0
            rows[first : first + 2] = rows[first : first + 2][::-1]
            return True
        raise CannotDo(f"Which two shall I swap? There are: {draft.segment_names()}.")
    if match := _SWAP.fullmatch(bare):
        one, other = referred(match["ref"], draft), referred(match["other"], draft)
        if not one or not other or one[0] is other[0]:
            return False  # "swap the bow with a jump" replaces it
        check_words(match["ref"], one)
        check_words(match["other"], other)
        i, j = rows.index(one[0]), rows.index(other[0])
        rows[i], rows[j] = rows[j], rows[i]
        return True
    match = _MOVE.fullmatch(bare)
    ref, where = (group(match, "ref"), group(match, "where").lower()) if match else ("", "")
    if match is None or ref.lower().startswith(("a ", "an ", "another ", "some ")):
        return False
    moved = chosen(ref, draft, it=draft.touched)
    if not moved:
        if re.match(r"(?:the|s\d)", ref, re.IGNORECASE) and not re.match(r"put|place", bare, re.I):
            raise unclear(ref, draft)
        return False
    check_words(ref, moved)
    rest = [row for row in rows if row not in moved]
    if where in ("earlier", "forward", "later", "back"):
        step = -1 if where in ("earlier", "forward") else 1
        place = max(0, min(len(rest), rows.index(moved[0]) + step))
    else:
        place = place_in_order(where, Draft(rows=rest))
    draft.rows = rest[:place] + moved + rest[place:]
    draft.touched = moved
    return True
