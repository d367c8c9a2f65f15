"""``motion-agent actions``: what the motion model knows."""

from __future__ import annotations

from .console import Json, answer, note, say, width, wrapped
from .engines import CheckpointFolder, EngineName, engine_name


def actions(
    engine: EngineName = None, checkpoint: CheckpointFolder = None, as_json: Json = False
) -> None:
    """List the actions that the motion model knows.

    Each was in its training captions, so each of these sentences works.
    """
    from ..agent_graph.abilities import known_actions
    from ..motion_core.engines import load_engine

    loaded = load_engine(engine_name(engine, checkpoint))
    found = known_actions(loaded)
    tell_actions(found)
    note(f'try: motion-agent run "{example(found)}"')
    answer({"engine": loaded.name, "actions": found})


def tell_actions(found: list[str]) -> None:
    """The verbs in a paragraph, and a sentence to begin with."""
    verbs = ", ".join(sentence.removeprefix("a person ") for sentence in found)
    for line in wrapped(f"a person {verbs}", (width() or 80)):
        say(line)


def example(found: list[str]) -> str:
    """A sentence of two of the actions."""
    common = [s for s in found if s.split()[2] in ("walks", "waves", "jumps", "bows", "runs")]
    chosen = (common or found)[:2]
    return ", then ".join([chosen[0], *(s.removeprefix("a person ") for s in chosen[1:])])
