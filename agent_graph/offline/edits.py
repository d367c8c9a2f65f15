"""Commands that change the segments of the current motion: add, remove, replace, repeat.

Each takes the words of one command and the draft. It returns True if it executed the command and
False if the words are not such a command; an impossible request raises `CannotDo`.
"""

from __future__ import annotations

import re

from .clauses import LOOKED_AT, clauses_of, has_action, own_subject
from .draft import Draft, Row
from .lexicon import NUMBER, PERSON_NOUNS, PRONOUNS, base_of, number
from .predicates import main_verb, noun_to_action, subject_of
from .references import EVERYTHING, IT, check_words, chosen, referred, unclear
from .scene import Cast, Scene, scene_of
from .wording import CannotDo, group, quoted

_REMOVE = re.compile(
    r"(?:remove|delete|drop|cut(?: out)?|skip|leave out|take out|get rid of|erase)(?: also)? "
    r"(?P<ref>.+)|without (?P<ref2>(?:the|s\d).+)|no (?P<ref3>\w+)(?: please)?",
    re.IGNORECASE,
)
_EXCEPT = re.compile(
    r"(?:(?:remove|delete|drop) )?(?:everything|all|anything)(?: else)? "
    r"(?:but|except(?: for)?|apart from|besides) (?P<ref>.+)|(?:keep|leave)(?: only|"
    r" just) (?P<ref2>.+)|"
    r"only keep (?P<ref3>.+)",
    re.IGNORECASE,
)
_REST_OF = re.compile(
    r"(?:remove|delete|drop|cut) (?:everything|all|what(?:ever)? (?:comes|is)) "
    r"(?P<side>before|after) (?P<ref>.+)",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"(?:(?:he|she|they|it|the \w+) )?(?:(?:should|must|do|does|shall|will)(?: not|n't)|"
    r"no longer|never) "
    r"(?P<ref>\w+)(?: at all| any ?more)?|"
    r"(?:never|stop) (?P<ref2>\w+ing)",
    re.IGNORECASE,
)
_REPLACE = re.compile(
    r"(?:replace|change|swap|exchange|turn|switch|substitute) (?P<ref>.+?) "
    r"(?:with|by|to|into|for) (?P<new>.+)",
    re.IGNORECASE,
)
_MAKE = re.compile(
    r"(?:make|let) (?P<ref>(?:the )?(?:\w+ )?(?:one|segment|step|part|s\d+|\w+)) (?:be )?"
    r"(?P<new>(?:a|an) .+)|(?P<ref2>(?:the )?(?:\w+ )?(?:one|segment|step|part|s\d+)|(?:step|"
    r"segment|part|number) \d+) "
    r"(?:should|must|shall) be (?P<new2>an? .+)",
    re.IGNORECASE,
)
_INSTEAD_OF = re.compile(
    r"instead of (?P<ref>[^,]+), ?(?P<new>.+)|"
    r"(?:(?:use|do|take|make|add|put|have) )?(?P<new2>.+?),? instead of (?P<ref2>.+)",
    re.IGNORECASE,
)
_INSTEAD = re.compile(r"(?:instead,? (?P<new>.+)|(?P<new2>.+?),? instead)", re.IGNORECASE)
_REPEAT = re.compile(
    rf"(?:repeat|do|loop|play|duplicate) (?P<ref>.+?)(?: (?:again|once more|(?P<twice>twice)|"
    rf"(?P<n>{NUMBER})(?: more)? times))?",
    re.IGNORECASE,
)
WHERE = (
    r"(?:(?:at|to|in|on|from) the (?:very )?(?:end|beginning|start|front|middle)|in between|"
    r"first|last|"
    r"(?:right |just |directly )?(?:before|after)\b .+|between .+)"
)
_PLACES = (
    r"(?:(?:at|to) the (?:very )?(?:end|beginning|start)|(?:before|after|between) (?:the|s\d).+)"
)
_ADD = re.compile(
    rf"(?:add|insert|append|include|put|attach|prepend|"
    rf"squeeze)(?: in)?[ :,]+(?P<new>.+?)(?: (?P<where>{WHERE}))?",
    re.IGNORECASE,
)
_BEFORE_SUBJECT = r"(?:(?! (?:he|she|they) )[^,])*"  # "the bow" of "the bow he claps"
_PLACE_FIRST = re.compile(
    r"(?:(?P<where>(?:right )?(?:before|after) (?:the|s\d|that|it|each|he|she|they)\b"
    rf"{_BEFORE_SUBJECT}|between {_BEFORE_SUBJECT}), ?|"
    r"(?P<where2>(?:at|to|in) the (?:very )?(?:end|beginning|start)|in between),? )"
    r"(?:(?:add|insert|put|include|have|let there be) )?(?P<new>.+)",
    re.IGNORECASE,
)
_PLACE_BARE = re.compile(
    r"(?P<where>(?:before|after|between) (?:the|s\d)[^,]*?|(?:before|after) (?:that|this)) "
    r"(?:add |insert |put |(?=(?:he|she|they|it) ))(?P<new>.+)",
    re.IGNORECASE,
)
_GO_ON = re.compile(
    r"(?:(?:and )?(?:then|next(?! to)|now|after (?:that|this)|afterwards|finally|also|lastly|"
    r"continue(?: (?:with|by|to))?|followed by|end (?:it )?with|finish (?:it )?with)\b|and\b)[ ,]*"
    r"(?P<new>.+)",
    re.IGNORECASE,
)
_WITH_IT = re.compile(  # "let it start with …"
    r"^(?:let|make|have) (?:it|him|her|them|the motion) (?=(?:start|begin|end|finish)\b)", re.I
)
_PLACE_LAST = re.compile(
    r"(?:(?:let|make|have) (?P<who>him|her|them) |(?P<who2>he|she|they) )(?P<new>.+?)"
    r" (?P<where>(?:right |just )?(?:before|after) (?:he|she|they) (?P<ref>.+))",
    re.IGNORECASE,
)
_START_WITH = re.compile(r"(?:start|begin) (?:it )?with (?P<new>.+)", re.IGNORECASE)


def remove(bare: str, draft: Draft) -> bool:
    """Execute commands such as "remove the bow", "keep only the wave", "he should not jump"."""
    if match := _EXCEPT.fullmatch(bare):
        ref = group(match, "ref")
        kept = chosen(ref, draft, it=draft.touched)
        if not kept:
            raise unclear(ref, draft)
        check_words(ref, kept)
        return _leave(draft, kept)
    if match := _REST_OF.fullmatch(bare):
        found = referred(match["ref"], draft)
        if not found:
            raise unclear(match["ref"], draft)
        check_words(match["ref"], found)
        place = draft.rows.index(found[-1])
        after = match["side"].lower() == "after"
        return _leave(draft, draft.rows[: place + 1] if after else draft.rows[place:])
    denied = _DENIED.fullmatch(bare)
    match = denied or _REMOVE.fullmatch(bare)
    if match is None:
        return False
    ref = group(match, "ref")
    gone = chosen(ref, draft, it=draft.touched or draft.rows[-1:])
    if not gone:
        if denied:
            raise CannotDo(f"Nobody does that in this motion. There are: {draft.segment_names()}.")
        raise unclear(ref, draft)
    check_words(ref, gone)
    return _leave(draft, [row for row in draft.rows if row not in gone])


def _leave(draft: Draft, kept: list[Row]) -> bool:
    if 1 in draft.people and kept and all(row.person == 2 for row in kept):
        raise CannotDo(
            "Then only the second person would be left. Say “start over” and what one person does."
        )
    if not kept:
        draft.empty()
    draft.rows = [row for row in draft.rows if row in kept]
    draft.touched = []
    return True


def replace(bare: str, draft: Draft) -> bool:
    """Execute commands such as "replace the wave with a kick", "jump instead of bowing", "s2 should
    be a kick".
    """
    for pattern in (_INSTEAD_OF, _REPLACE, _MAKE):
        match = pattern.fullmatch(bare)
        if match is None:
            continue
        ref, new = group(match, "ref"), group(match, "new")
        old = chosen(ref, draft, it=draft.touched or draft.rows[-1:])
        if not old and pattern is _REPLACE and not re.match(r"turn\b", bare, re.IGNORECASE):
            raise unclear(ref, draft)
        if old:
            check_words(ref, old)
            return _put_instead(draft, old, new, each=bool(re.match(r"all\b|every\b|each", ref)))
    match = _INSTEAD.fullmatch(bare)
    if match is None or re.match(r"use\b", bare, re.IGNORECASE):
        return False
    new = group(match, "new")
    verb = base_of(main_verb(_as_clause(new))[0] or "")
    same = [r for r in draft.rows if verb and base_of(main_verb(r.description)[0] or "") == verb]
    return _put_instead(draft, same if len(same) == 1 else draft.rows[-1:], new, each=False)


def _as_clause(text: str) -> str:
    clauses, _ = clauses_of(text)
    return clauses[0].predicate if clauses else text


def _put_instead(draft: Draft, old: list[Row], new: str, *, each: bool) -> bool:
    if not each and len(old) > 1:
        for row in old[1:]:
            draft.rows.remove(row)
        old = old[:1]
    touched: list[Row] = []
    for row in old:
        scene = new_scene(new, Cast(draft.cast.names | {row.person: subject_of(row.description)},
                                    (row.person,)))  # fmt: skip
        if not scene.actions:
            return False
        place = draft.rows.index(row)
        draft.rows.remove(row)
        rows = draft.insert(scene, place)
        if rows[0].person == row.person:
            rows[0].source, rows[0].lasts, rows[0].changed = row.source, 0.0, bool(row.source)
        touched += rows
    draft.touched = touched
    return True


def repeat(bare: str, draft: Draft) -> bool:
    """Execute commands such as "repeat the wave twice", "do the bow again"."""
    match = _REPEAT.fullmatch(bare)
    if match is None:
        return False
    ref = match["ref"]
    command = bool(re.match(r"(?:repeat|loop|duplicate)", bare, re.IGNORECASE))
    again = re.search(r"\b(?:again|once more|times|twice)$", bare, re.IGNORECASE)
    if not command and not again:
        return False
    rows = chosen(ref, draft, it=draft.touched or draft.rows)
    if not rows:
        if command:
            raise unclear(ref, draft)
        return False
    check_words(ref, rows)
    count = min(number(match["n"].lower()), 1000.0) if match["n"] else 1.0
    draft.repeat(rows, int(count) if match["n"] else (2 if match["twice"] else 1))
    return True


def add_there(bare: str, draft: Draft) -> bool:
    """Execute additions without a verb, such as "a jump at the end", "jump before the bow"."""
    match = re.fullmatch(
        rf"(?P<new>(?:an?|another|the) .+?|[\w-]+(?: \w+ly)?) (?P<where>{_PLACES})", bare, re.I
    )
    if match is None and re.match(r"(?:another|one more) ", bare, re.IGNORECASE):
        return not own_subject(bare) and add(f"add {bare}", draft)
    if match is None or not has_action(match["new"]) or own_subject(match["new"]):
        return False
    if not re.match(r"(?:an?|another)\b", match["new"], re.I) and referred(match["new"], draft):
        raise CannotDo(
            f"Shall I add another one or move it? Say “add …” or “move the …” for"
            f" {quoted(bare, 60)}."
        )
    return add(f"add {bare}", draft)


def add(bare: str, draft: Draft) -> bool:
    """Execute commands such as "add a jump at the end", "before the bow, let him jump", "insert a
    turn after s2".
    """
    last = _PLACE_LAST.fullmatch(bare)
    if last is not None and referred(last["ref"], draft):
        who = last["who2"] or {"him": "he", "her": "she"}.get(last["who"].lower(), "they")
        bare = f"{last['where']}, {who} {last['new']}"
    match = _ADD.fullmatch(bare) or _PLACE_FIRST.fullmatch(bare) or _PLACE_BARE.fullmatch(bare)
    if match is None:
        return False
    new, where = re.sub(r"^that ", "", match["new"], flags=re.I), group(match, "where").lower()
    place = place_in_order(where, draft)
    if found := re.fullmatch(
        r"(?P<ref>(?:the\b|s\d).*?)(?: (?:again|once more))?", new, re.IGNORECASE
    ):
        rows = referred(found["ref"], draft)
        if rows:
            check_words(found["ref"], rows)
            copies = Draft(rows=list(rows))
            copies.repeat(list(rows), 1)
            draft.rows[place:place] = copies.rows[len(rows) :]
            return True
    new = re.sub(r" to (?:it|this|that|the (?:motion|animation|sequence))$", "", new, flags=re.I)
    beside = draft.rows[place - 1] if place else draft.rows[0]
    cast = Cast(draft.cast.names, (beside.person,))
    whose = re.search(
        rf" (?:for|to|by) (?P<who>both(?: of them)?|person [12]|the (?:first|second|other)"
        rf"(?: (?:{PERSON_NOUNS}|one))|the (?:{PERSON_NOUNS}))$",
        new,
        re.IGNORECASE,
    )
    if whose:
        cast.meant(whose["who"])
        new = new[: whose.start()]
    scene = new_scene(new, cast, draft.placement)
    if not scene.actions:
        return False
    draft.insert(scene, place)
    return True


def go_on(bare: str, draft: Draft) -> bool:
    """Append actions, as in "then sit down", "he also claps", "end with a bow"."""
    bare = _WITH_IT.sub("", bare)
    if match := _START_WITH.fullmatch(bare):
        return add(f"add {match['new']} at the beginning", draft)
    match = _GO_ON.fullmatch(bare)
    new = match["new"] if match else bare
    if (
        match
        and re.match(r"(?:an?|another|the|some) ", new)
        and re.search(rf" {WHERE}$", new, re.I)
    ):
        return add(f"add {new}", draft)
    if match is None and not continues(bare):
        return False
    placed = re.fullmatch(r"(.+?) (at the (?:very )?(?:end|beginning|start))", new, re.IGNORECASE)
    if placed:
        return add(f"add {placed[1]} {placed[2]}", draft)
    scene = new_scene(new, draft.cast, draft.placement)
    if scene.denied and not scene.actions:
        raise CannotDo(
            f"I left {quoted(bare, 60)} out, because it says what does not happen. The motion is"
            " unchanged."
        )
    if not scene.actions and not scene.placement:
        return False
    draft.insert(scene, len(draft.rows))
    return True


def continues(text: str) -> bool:
    """Return whether the text is about people of the current motion: "he jumps", "person 2
    waves".
    """
    subject = (own_subject(text) or "").lower()
    if re.match(r"(?:let|make|have) ", text, re.IGNORECASE):
        predicate = re.sub(r"^\w+ly ", "", _as_clause(text))
        if base_of((predicate.split() or [""])[0].strip(",.")) is None:
            return False  # "make him tired"
        if re.match(r"\w+ (?:him|her|them|it) ", text):
            return True
    if subject in ("i", "you", "we"):
        return False
    return (
        subject in PRONOUNS
        or subject.startswith(("the ", "both", "each", "another", "his ", "her ", "their "))
        or subject in ("one", "one of them")
        or bool(re.match(r"(?:a |the )?(?:second|other)\b|\w+ (?:1|2|one|two|a|b)$", subject))
    )


def new_scene(text: str, cast: Cast | None, placement: tuple[float, ...] = ()) -> Scene:
    """Return the scene in new words, where nouns may stand for actions: "a jump and a kick"."""
    nouns = rf" and (?=an? (?!(?:[\w-]+ ){{0,2}}(?:{PERSON_NOUNS})\b))"
    parts = re.split(rf" ?,? (?:and )?then |{nouns}", text.strip(" .,:!"))
    scene = ", then ".join(noun_to_action(part) for part in parts if part)
    return scene_of(scene, cast, placement)


def place_in_order(where: str, draft: Draft) -> int:
    """Return the index of the row to insert before.

    Raises:
        CannotDo: there is no such place.
    """
    where, rows = where.lower().strip(), draft.rows
    if not where or re.search(r"\bend$|^last$", where):
        return len(rows)
    if re.search(r"\b(?:beginning|start|front)$|^first$", where):
        return 0
    if re.fullmatch(
        r"in between|(?:in )?the middle|in the middle|between (?:them|both|the two)", where
    ):
        if len(rows) % 2:
            raise CannotDo(f"Between which two? There are: {draft.segment_names()}.")
        return len(rows) // 2
    if where.startswith("between"):
        first, _, second = where.removeprefix("between").partition(" and ")
        one, other = referred(first, draft), referred(second, draft)
        if not one or not other:
            raise unclear(where.removeprefix("between") if not one else second, draft)
        check_words(first, one)
        check_words(second, other)
        return max(rows.index(one[-1]), rows.index(other[0]))
    ref = re.sub(r"^(?:right |just |directly )?(?:before|after) ", "", where)
    after = "after" in where.split()[:2]
    if IT.fullmatch(ref) or EVERYTHING.search(ref):
        it = draft.touched or (rows[-1:] if IT.fullmatch(ref) else rows)
        return rows.index(it[-1]) + 1 if after else rows.index(it[0])
    found = referred(ref, draft)
    if not found:
        raise unclear(ref, draft)
    check_words(ref, found)
    return rows.index(found[-1]) + 1 if after else rows.index(found[0])


def looks_like_action(text: str) -> bool:
    """Return whether the text begins with a person doing something."""
    return has_action(text[:LOOKED_AT])
