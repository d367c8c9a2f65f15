"""The number of actions that a caption names, by a rule without a parser.

The caption is cut at "and", "then", "while", "before", "after", "followed by" and punctuation;
parts with a form of a verb in `_VERBS` are counted. "walks up and down" is one action, "walks
forward, turns around and sits down" three, and "walks while waving" two.
"""

from __future__ import annotations

import re

_CUTS = re.compile(r"\b(?:and|then|while|before|after|followed by|as (?:he|she|they))\b|[,;.:!?]")
_VERBS = frozenset(
    """
    act applaud approach balance bang bat beat bend bounce bow box brush catch charge check
    cheer chop circle clap clasp clean climb comb conduct cook crawl creep cross crouch cry
    dance dig dip direct dive do dodge drag draw dribble drink drive drop drum duck dust eat
    exercise extend face fall feed fight flail flap flex flip float fly fold gesture get
    give go grab hammer hang hit hold hop hug hunch imitate jab jog jump kick kneel knock
    land laugh lay lean leap lie lift limp listen look lower lunge make march mimic mix
    moonwalk mop motion move open pace paddle paint pass pat paw peck perform pick pivot
    place play point poke pose pour practice prance prepare pretend pull punch push put
    raise rake reach read rest ride rise rock roll rotate row rub run salute scoop scratch
    scrub search shadowbox shake shift shiver shoot shovel show shrug shuffle sidestep sign
    signal sip sit skate skip sleep slide slip smoke sneak sniff spin sprint squat stagger
    stand steer step stir stomp stoop stop stretch stride strike stroll struggle strut
    stumble swat sway sweep swim swing take talk tap throw tilt tiptoe toss touch trip trot
    try turn twirl twist type unscrew use vacuum waddle wait walk wander warm wash wave
    whirl wiggle wipe wobble yawn yell zigzag
    """.split()  # noqa: SIM905
)
_IRREGULAR = frozenset(["did", "lying", "ran", "sat", "stood", "swam", "threw", "thrown", "went"])
_ENDINGS = (("ies", "y"), ("es", ""), ("s", ""), ("ing", ""), ("ing", "e"), ("ed", ""), ("ed", "e"))


def count_actions(caption: str) -> int:
    """Return the number of actions that a caption names; at least 1."""
    parts = _CUTS.split(caption.lower())
    return max(1, sum(any(map(_is_verb, re.findall(r"[a-z]+", part))) for part in parts))


def actions_named(caption: str) -> str:
    """Return ``1``, ``2`` or ``3+``."""
    count = count_actions(caption)
    return str(count) if count < 3 else "3+"


def _is_verb(word: str) -> bool:
    if word in _VERBS or word in _IRREGULAR:
        return True
    for ending, instead in _ENDINGS:
        stem = word.removesuffix(ending)
        if stem != word:
            single = stem[:-1] if len(stem) > 3 and stem[-1] == stem[-2] else stem
            if stem + instead in _VERBS or single + instead in _VERBS:
                return True
    return False
