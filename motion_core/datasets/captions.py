"""Captions from class labels, and back: a small phrase grammar over `wordings`.

    make_captions("walk", "tired", seed=1, count=12)
    # "a tired person walks forward", "walks wearily ahead", "a man is walking as if exhausted", …
    labels_in_caption("a weary man strolls forward")      # ("walk", "tired")

Source motions only have labels. A caption therefore describes what the class says and what we saw
in it, never what is particular to one take.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from itertools import product

import numpy as np

from ..errors import InputError
from .wordings import ACTIONS, NEUTRAL_ADVERBS, STYLES, StyleWords

Form = str  # "third", "progressive", "base"

_FORMS = ("third", "progressive", "base", "gerund")
_SENTENCES = (  # form of the verb, whether with a subject, share
    ("third", True, 0.55),
    ("progressive", True, 0.14),
    ("third", False, 0.16),
    ("base", False, 0.08),
    ("gerund", False, 0.07),
)
_STYLE_LEFT_OUT = 0.08
_NEUTRAL_SHARE = 0.08
_SIDE = re.compile(r"\bthe (left|right) (hand|arm|foot|leg|knee|elbow)\b")
_OWNER = re.compile(r"\b(?:his|her|their|your|one's) (left|right)\b")
_DOUBLED = (
    *("run", "put", "hop", "step", "get", "jog", "squat", "cut", "set", "sidestep"),
    *("sit", "swim", "spin", "flip", "grab", "scrub", "drop", "drag"),
)
_THIRD = {"go": "goes", "do": "does", "press": "presses", "reply": "replies"}
_GERUND = {"lie": "lying", "tiptoe": "tiptoeing"}
_SWAPPED = {
    "left": "right",
    "right": "left",
    "leftwards": "rightwards",
    "rightwards": "leftwards",
    "clockwise": "counterclockwise",
    "counterclockwise": "clockwise",
}
# Words in CMU's own descriptions that the grammar does not produce.
_FOREIGN_WORDS = {"swordplay": "swing a sword", "wash self": "wash"}


def make_captions(
    action: str, style: str | None = None, *, mirrored: bool = False, seed: int | str, count: int
) -> tuple[str, ...]:
    """Return `count` different captions for a motion of these labels; the same for the same seed.

    Args:
        action: a key of `ACTIONS`, as it is after mirroring.
        style: a key of `STYLES`, or None.
        mirrored: whether to swap side words of an action without a side in its label.
        seed: a number, or a string such as the clip's id.
        count: number of captions; fewer only if the grammar has no more.

    Raises:
        InputError: unknown action or style.
    """
    wordings = _wordings(action, mirrored)
    words = _style_words(style)
    shares = [3.0, 2.0] + [1.0] * (len(wordings) - 2)  # the plainest wordings come first
    digest = hashlib.sha256(str(seed).encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "little"))
    captions: dict[str, None] = {}
    for _ in range(count * 20):
        captions[_sentence(rng, wordings[_draw(rng, shares)], words)] = None
        if len(captions) == count:
            break
    return tuple(captions)


def labels_in_caption(text: str) -> tuple[str | None, str | None]:
    """Return the action and style in a caption; None for each that is missing.

    This is exact for every caption that `make_captions` can produce. In other texts the longest
    known wording of an action wins.
    """
    rest = " ".join(re.sub(r"[^a-z' -]", " ", text.lower().replace("’", "'")).split())
    rest = _OWNER.sub(r"the \1", rest)
    style_pattern, styles = _style_index()
    named = style_pattern.search(rest)
    style = styles[named[0]] if named else None  # a neutral adverb means no style
    rest = " ".join(style_pattern.sub(" ", rest).split())
    action_pattern, actions = _action_index()
    matches = [match[1] for match in action_pattern.finditer(rest)]
    return (actions[max(matches, key=len)] if matches else None), style


def inflect(wording: str, form: Form) -> str:
    """Return the wording with its marked verbs inflected: third, progressive, base or gerund."""
    return re.sub(r"\*([a-z]+)", lambda match: _verb(match[1], form), wording)


def swap_sides(text: str) -> str:
    """Return the text with left and right swapped, word by word (also "left-hand", "clockwise")."""
    return re.sub(r"[A-Za-z]+", lambda match: _swapped(match[0]), text)


def mirrored_action(action: str) -> str:
    """Return the label of the mirrored motion: "walk to the left" for "walk to the right"."""
    return swap_sides(action)


def _swapped(word: str) -> str:
    other = _SWAPPED.get(word.lower())
    if other is None:
        return word
    if word.isupper():
        return other.upper()
    return other.capitalize() if word[0].isupper() else other


def _wordings(action: str, mirrored: bool) -> tuple[str, ...]:
    if action not in ACTIONS:
        raise InputError(f"no wordings for the action {action!r}; give captions of your own")
    if mirrored and mirrored_action(action) == action:
        return tuple(swap_sides(wording) for wording in ACTIONS[action])
    return ACTIONS[action]


def _style_words(style: str | None) -> StyleWords | None:
    if style is None:
        return None
    if style not in STYLES:
        raise InputError(f"no wordings for the style {style!r}; give captions of your own")
    return STYLES[style]


def _sentence(rng: np.random.Generator, wording: str, words: StyleWords | None) -> str:
    form, with_subject, _ = _SENTENCES[_draw(rng, [share for *_, share in _SENTENCES])]
    noun = _pick(rng, words.subjects if words else ("person", "person", "man", "woman"))
    subject = _pick(rng, (f"a {noun}",) * 5 + (f"the {noun}", "someone"))
    if words is None and rng.random() < 0.1:
        subject = {"man": "he", "woman": "she", "person": "somebody"}[noun]
    adverb, phrase = "", ""
    if words is None:
        if rng.random() < _NEUTRAL_SHARE:
            adverb = _pick(rng, NEUTRAL_ADVERBS)
    elif rng.random() >= _STYLE_LEFT_OUT:
        place = _draw(rng, [0.5, 0.28, 0.22] if with_subject else [0, 0.6, 0.4])
        if place == 0:
            adjective = _pick(rng, words.adjectives)
            noun = _pick(rng, ("person", *words.subjects))
            subject = _pick(rng, (_article(adjective),) * 5 + ("the",)) + f" {adjective} {noun}"
        elif place == 1:
            adverb = _pick(rng, words.adverbs)
        else:
            phrase = _pick(rng, words.phrases)

    text = inflect(wording, form)
    if adverb:
        text = _place_adverb(rng, text, adverb)
    text = text.replace("|", "")
    if with_subject:
        text = f"{subject} is {text}" if form == "progressive" else f"{subject} {text}"
        if rng.random() < (0.1 if noun == "person" else 0.4):
            owner = {"man": "his", "woman": "her"}.get(noun, "their")
            if not subject.startswith(("someone", "somebody")):
                text = _SIDE.sub(rf"{owner} \1 \2", text)
    if phrase:
        leading = with_subject and rng.random() < 0.2
        text = f"{phrase}, {text}" if leading else f"{text} {phrase}"
    return text


def _place_adverb(rng: np.random.Generator, text: str, adverb: str) -> str:
    one_word = " " not in adverb
    places = ["end"] + ["inside"] * ("|" in text) + ["before"] * one_word
    place = places[rng.integers(len(places))]
    if place == "before":
        return f"{adverb} {text}"
    if place == "inside":
        return text.replace("|", f" {adverb}")
    return f"{text} {adverb}"


def _verb(verb: str, form: Form) -> str:
    if form == "base":
        return verb
    if form == "third":
        if verb in _THIRD:
            return _THIRD[verb]
        return verb + ("es" if verb.endswith(("ch", "sh", "x", "s")) else "s")
    if verb in _GERUND:
        return _GERUND[verb]
    if verb in _DOUBLED:
        return verb + verb[-1] + "ing"
    return (verb[:-1] if verb.endswith("e") and not verb.endswith("ee") else verb) + "ing"


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[rng.integers(len(options))]


def _draw(rng: np.random.Generator, shares: list[float]) -> int:
    return int(rng.choice(len(shares), p=np.array(shares) / sum(shares)))


@cache
def _style_index() -> tuple[re.Pattern[str], dict[str, str | None]]:
    styles: dict[str, str | None] = dict.fromkeys(NEUTRAL_ADVERBS)
    styles |= {
        word: style
        for style, words in STYLES.items()
        for word in (*words.adjectives, *words.adverbs, *words.phrases)
    }
    ordered = sorted(styles, key=len, reverse=True)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, ordered))})(?![\w-])"), styles


@cache
def _action_index() -> tuple[re.Pattern[str], dict[str, str]]:
    actions = dict(_FOREIGN_WORDS)
    for action, mirrored, form in product(ACTIONS, (False, True), _FORMS):
        for wording in _wordings(action, mirrored):
            words = inflect(wording, form).replace("|", "").replace(",", "")
            actions[words] = action
    ordered = sorted(actions, key=len, reverse=True)
    pattern = rf"(?<![\w-])(?=((?:{'|'.join(map(re.escape, ordered))})(?![\w-])))"
    return re.compile(pattern), actions
