"""What a motion engine was trained on, as sentences that work."""

from __future__ import annotations

from ..motion_core.engine import CoverageEngine, MotionEngine
from ..motion_core.errors import ConfigurationError
from .offline.lexicon import VERBS, third_person, words_of

_VAGUE = words_of(  # they say nothing without what follows
    "act come do enter exit get give go have keep leave make put start stop stay take use work"
    " begin continue repeat respond return perform pretend land face head lead move pass play hold"
    " open pose read type rest deposit extend"
)


def known_actions(engine: MotionEngine) -> list[str]:
    """Sentences such as ``a person walks`` of which the engine knows every word, by alphabet.

    Raises:
        ConfigurationError: the engine does not tell what it knows.
    """
    if not isinstance(engine, CoverageEngine):
        raise ConfigurationError(f"the engine {engine.name!r} does not tell what it was trained on")
    sentences = [f"a person {third_person(verb)}" for verb in sorted(VERBS - _VAGUE)]
    return [sentence for sentence in sentences if not engine.coverage(sentence).unknown]
