"""``motion-agent actions``: the actions that the motion model knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .console import Json, answer, note, say, width, wrapped
from .engines import CheckpointFolder, EngineName, engine_name

if TYPE_CHECKING:
    from ..motion_core.engine import MotionEngine


def actions(
    action: Annotated[
        str | None, typer.Argument(metavar="ACTION", help="Only actions similar to this one.")
    ] = None,
    engine: EngineName = None,
    checkpoint: CheckpointFolder = None,
    as_json: Json = False,
) -> None:
    """List the actions that the motion model knows, or similar ones.

    Each occurs in its training captions, sometimes only once.
    """
    from ..motion_core.abilities import known_actions
    from ..motion_core.engines import load_engine

    loaded = load_engine(engine_name(engine, checkpoint))
    if action is None:
        found = known_actions(loaded)
        tell_actions(found)
        note(f'try: motion-agent run "{example(found)}"')
        return answer({"engine": loaded.name, "actions": found})
    return answer({"engine": loaded.name, **tell_nearest(loaded, action)})


def tell_actions(found: list[str]) -> None:
    """Print the verbs as a paragraph, with an example sentence."""
    verbs = ", ".join(sentence.removeprefix("a person ") for sentence in found)
    for line in wrapped(f"a person {verbs}", (width() or 80)):
        say(line)


def tell_nearest(engine: MotionEngine, action: str) -> dict[str, list[str]]:
    """Print whether the action is known, or similar ones if not; return it as JSON values."""
    from ..motion_core.abilities import nearest_actions
    from ..motion_core.engine import unknown_words

    unknown = unknown_words(engine, [action])
    near = list(nearest_actions(engine, [action]))
    if not unknown:
        say(f"{action}: known")
    else:
        say(f"not in the training captions: {', '.join(unknown)}")
        say(f"the nearest known: {', '.join(near)}" if near else "nothing similar is known")
    return {"unknown_words": unknown, "nearest_actions": near}


def example(found: list[str]) -> str:
    """Return an example sentence with two of the actions."""
    common = [s for s in found if s.split()[2] in ("walks", "waves", "jumps", "bows", "runs")]
    chosen = (common or found)[:2]
    return ", then ".join([chosen[0], *(s.removeprefix("a person ") for s in chosen[1:])])
