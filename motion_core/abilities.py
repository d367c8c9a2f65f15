"""The actions a motion engine was trained on, as usable sentences, and those nearest to another.

    known_actions(engine)                           "a person walks", "a person waves", …
    nearest_actions(engine, ["he plays a violin"])  "a person sings", "a person dances", …

The engine's coverage says what it knows. Nearness is by meaning if the engine has meanings, as a
language model does; otherwise only typos are matched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import chain, zip_longest

import numpy as np

from .engine import CoverageEngine, MeaningEngine, MotionEngine
from .errors import ConfigurationError
from .verbs import VERBS, third_person, words_of

_VAGUE = words_of(  # meaningless without what follows
    "act come do enter exit get give go have keep leave make put start stop stay take use work"
    " begin continue repeat respond return perform pretend land face head lead move pass play hold"
    " open pose read type rest deposit extend"
)
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_THIRD = {third_person(verb) for verb in VERBS} | VERBS
_SAYS_NOTHING = {third_person(verb) for verb in _VAGUE} | _VAGUE
_ALIKE = 0.82  # share of common letters for one word to be a typo of the other


def known_actions(engine: MotionEngine) -> list[str]:
    """Return sentences such as ``a person walks`` of which every word is known, in alphabetical
    order.

    Raises:
        ConfigurationError: the engine does not say what it knows.
    """
    if not isinstance(engine, CoverageEngine):
        raise ConfigurationError(f"the engine {engine.name!r} does not tell what it was trained on")
    sentences = [_sentence(third_person(verb)) for verb in sorted(VERBS - _VAGUE)]
    return [sentence for sentence in sentences if not engine.coverage(sentence).unknown]


def nearest_actions(
    engine: MotionEngine, descriptions: Iterable[str], count: int = 3
) -> tuple[str, ...]:
    """Return the known actions that are nearest to unknown ones, nearest first.

    Args:
        engine: with the actions.
        descriptions: some of which may be unknown.
        count: maximum number.

    Returns:
        Sentences of `known_actions`; none if everything is known, or if nearness is unknown.
    """
    if not isinstance(engine, CoverageEngine):
        return ()
    unknown = [(text, engine.coverage(text).unknown) for text in descriptions]
    phrases = [phrase for text, words in unknown if words and (phrase := _phrase(text, words))]
    if not phrases or not (actions := known_actions(engine)):
        return ()
    ranked = [_slips(phrase, actions) for phrase in phrases]
    if isinstance(engine, MeaningEngine):
        by_meaning = _by_meaning(engine, phrases, actions)
        ranked = [[*slips, *near] for slips, near in zip(ranked, by_meaning, strict=True)]
    # In turn: each unknown action gets its nearest one before any gets its second.
    turns = chain.from_iterable(zip_longest(*ranked))
    return tuple(dict.fromkeys(action for action in turns if action))[:count]


def _sentence(verb: str) -> str:
    return f"a person {verb}"


def _phrase(text: str, unknown: Sequence[str]) -> str:
    """Return the unknown action as a sentence: from its verb to the unknown word."""
    words = [word.lower() for word in _WORD.findall(text)]
    places = [place for place, word in enumerate(words) if word in unknown]
    if not places or not all(words[place].isascii() for place in places):  # of another language
        return ""
    telling = [place for place in places if words[place] not in _SAYS_NOTHING] or places
    verbs = [place for place in telling if words[place] in _THIRD]
    end = next(iter(verbs or [p for p in telling if words[p].endswith("s")] or telling))
    begin = next((place for place in range(end) if words[place] in _THIRD), end)
    return _sentence(" ".join(words[begin : end + 1]))


def _slips(phrase: str, actions: Sequence[str]) -> list[str]:
    """Return the action whose verb is a likely correction of the unknown word, if there is one."""
    verb = phrase.split()[-1]
    verbs = [action.split()[2] for action in actions]
    return [_sentence(near) for near in get_close_matches(verb, verbs, n=1, cutoff=_ALIKE)]


def _by_meaning(
    engine: MeaningEngine, phrases: Sequence[str], actions: Sequence[str]
) -> list[list[str]]:
    """Return all actions for each phrase, the nearest first, by cosine around their mean."""
    vectors = engine.meanings([*actions, *phrases])  # (N, D)
    vectors = vectors - vectors[: len(actions)].mean(axis=0)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    near = vectors[len(actions) :] @ vectors[: len(actions)].T
    return [[actions[place] for place in np.argsort(-row, kind="stable")] for row in near]
