"""Commands about two people: adding a second one, and where they stand."""

from __future__ import annotations

import re

from .draft import Draft, Row
from .lexicon import PERSON_NOUNS
from .placing import place_in
from .predicates import DEFAULT_SUBJECT
from .scene import Action, Cast, Scene, scene_of
from .wording import CannotDo

_COME = re.compile(
    rf"(?:add|insert|include|bring in|put in)(?: in)? (?P<who>(?:(?:a|the) (?:second|2nd|new|"
    r"other)|"
    rf"another|one more|someone|somebody|a|an)(?: (?!(?:who|that|and)\b)[\w-]+){{0,3}}?"
    rf"(?: (?:{PERSON_NOUNS}|else|one)\b|(?<=someone)|(?<=somebody)))(?: (?:who|that|which|and|"
    r"to|where (?:he|she|they)))?"
    r"(?: (?P<does>.+))?",
    re.IGNORECASE,
)
_PUT = re.compile(
    r"(?:(?:put|place|position|move|bring|set|let|make|have|get) )?"
    r"(?P<who>them(?: both)?|him|her|both(?: of them)?|they|he|she|(?:the )?two(?: of them)?|"
    rf"person [12]|the (?:first|second|other)(?: (?:{PERSON_NOUNS}|one))?|the (?:{PERSON_NOUNS}))"
    r"(?: (?:should|must|shall|to))? (?P<where>.+)",
    re.IGNORECASE,
)
_SECOND = re.compile(r"\b(?:person 2|(?:the )?second (?:person|one|man|woman)|each other)\b", re.I)


def second_person(bare: str, draft: Draft) -> bool:
    """Execute commands such as "add a second person who waves"."""
    match = _COME.fullmatch(bare)
    who = match["who"].lower().strip() if match else ""
    if match is None or not re.search(rf"\b(?:{PERSON_NOUNS}|else|someone|somebody)$", who):
        return False
    if 2 in draft.people:
        raise CannotDo("There are already two people, which is the most I can move.")
    noun = re.sub(
        r"^(?:(?:a|an|the|another|one|second|2nd|new|other|more|someone|somebody|else)\b ?)+",
        "",
        who,
    )
    name = (
        DEFAULT_SUBJECT
        if noun in ("", "person")
        else f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
    )
    does = re.sub(r"^(?:is|are) (?=\w+ing\b)", "", match["does"] or "", flags=re.IGNORECASE)
    if not does or re.fullmatch(r"too|as well|please|there|to it", does):
        raise CannotDo(
            "What does the second person do? For example: “add a second person who waves”."
        )
    cast = Cast({**draft.cast.names, 2: name}, (2,))
    scene = scene_of(f"person 2 {does}", cast, draft.placement)
    arrive(scene, cast, draft)
    return True


def arrive(scene: Scene, cast: Cast, draft: Draft) -> None:
    """Add the actions of a second person who joins the current motion."""
    rows = draft.insert(scene, len(draft.rows))
    if not any(row.person == 2 for row in draft.rows):
        rows = [Row(f"{cast.name(2)} stands still", 2)]
        draft.rows += rows
    draft.touched = rows


def place_people(bare: str, draft: Draft) -> bool:
    """Execute commands such as "let the second person stand behind him", "closer together"."""
    if len(draft.people) < 2:
        two = Cast({1: DEFAULT_SUBJECT, 2: DEFAULT_SUBJECT})
        if draft.rows and _SECOND.search(bare) and _only_place(bare, two, draft):
            raise CannotDo(
                "There is only one person here. Say for example “add a second person who waves”."
            )
        return False
    placement = _only_place(bare, draft.cast, draft)
    if placement:
        draft.placement = placement
    return bool(placement)


def _only_place(bare: str, cast: Cast, draft: Draft) -> tuple[float, ...]:
    """Return the placement in the words, if they say nothing else."""
    match = _PUT.fullmatch(bare)
    where = match["where"] if match else bare
    if match:  # "put her two metres away": from the other one
        where = re.sub(r"\baway(?=[\s.!]*$)", "apart", where, flags=re.IGNORECASE)
    who = match["who"].lower() if match else "they"
    who = {"him": "he", "her": "she", "them": "they", "them both": "they"}.get(who, who)
    one = cast.known(who)
    movers: tuple[int, ...] = (one,) if one else cast.last if who in ("he", "she") else (1, 2)
    placed = place_in(where, movers, Cast(dict(cast.names), movers).known, draft.placement)
    return placed.placement if not placed.rest else ()


def with_everybody(scene: Scene) -> Scene:
    """Return a new scene in which every mentioned person is present, if only standing.

    Raises:
        CannotDo: a second person without a first.
    """
    moving = {action.person for action in scene.actions}
    if (moving == {2} or not moving) and 2 in scene.cast.names and 1 not in scene.cast.names:
        raise CannotDo(
            "There is no first person yet. Tell me what each of the two does, for example:"
            " “One person bows and the other waves.”"
        )
    if len(scene.cast.names) < 2 and moving <= {1}:
        return scene
    still = tuple(
        Action(f"{scene.cast.name(person)} stands still", 0.0, person)
        for person in (1, 2)
        if person not in moving
    )
    return Scene(scene.actions + still, scene.placement, scene.denied, scene.cast)
