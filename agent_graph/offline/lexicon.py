"""The words that the offline planner knows: verbs of movement, people, numbers."""

from __future__ import annotations

import re
from functools import cache

from ...motion_core.verbs import VERBS, third_person, words_of

_IRREGULAR_PAST = {
    "ran": "run", "sat": "sit", "stood": "stand", "threw": "throw", "fell": "fall",
    "swung": "swing", "bent": "bend", "knelt": "kneel", "lay": "lie", "rose": "rise",
    "caught": "catch", "went": "go", "came": "come", "took": "take", "spun": "spin",
    "leapt": "leap", "swam": "swim", "flew": "fly", "held": "hold", "crept": "creep",
    "slid": "slide", "shook": "shake", "struck": "strike", "drew": "draw", "did": "do",
    "made": "make", "got": "get", "gave": "give", "left": "leave", "put": "put",
    "sang": "sing", "drank": "drink", "ate": "eat", "hit": "hit", "swept": "sweep", "woke": "wake",
}  # fmt: skip

_IRREGULAR_GERUND = {"lying": "lie", "dying": "die", "tying": "tie"}
_DOUBLED = words_of(
    "run sit stop hop skip jog spin step clap nod jab hit chop dip drop drag flap flip"
    " get grab hug mop nap pat pet plan put rap rub scrub shrug skip slap slip snap squat stab stir"
    " strut swim tap trip trot trim wrap zip zigzag plod"
)

PERSON_NOUNS = (
    "person|people|man|men|woman|women|guy|girl|boy|lady|gentleman|child|kid|children|toddler|baby|"
    "figure|character|human|actor|actress|dancer|boxer|fighter|athlete|player|runner|walker|"
    "soldier|ninja|samurai|warrior|knight|wizard|witch|king|queen|prince|princess|zombie|robot|"
    "monkey|chicken|bear|gorilla|ape|clown|mime|drunk|drunkard|thief|burglar|worker|teacher|"
    "student|waiter|waitress|cook|chef|nurse|doctor|patient|elder|grandmother|grandfather|mother|"
    "father|pirate|cowboy|sailor|astronaut|ghost|monster|giant|model|ballerina|swimmer|golfer|"
    "goalkeeper|footballer|friend|stranger|hero|superhero|villain|avatar|subject|performer|"
    "gymnast|skater|conductor|singer|musician|policeman|officer|guard"
)
MALE = words_of(
    "man guy boy gentleman king prince waiter actor grandfather father cowboy policeman monk"
)
FEMALE = words_of(
    "woman lady girl queen princess waitress actress grandmother mother ballerina witch"
)
GENERIC = words_of("person figure character human avatar subject someone somebody performer one")
_SINGULAR = {"people": "person", "persons": "person", "men": "man", "women": "woman",
             "children": "child", "ladies": "lady", "babies": "baby", "wolves": "wolf"}  # fmt: skip
PRONOUNS = {"he", "she", "they", "it", "i", "we", "you"}
DETERMINERS = {"a", "an", "the", "one", "another", "some", "this", "that", "two", "three", "both"}
PLURAL_SUBJECT = re.compile(
    r"^(two|three|four|both|several|some)\b|\b(people|men|women|children|"
    r"arms|hands|legs|feet|knees|hips|shoulders|elbows|fists|fingers)$"
)

# Plurals after "and" that are things, not actions: "arms and legs", "left and right hands".
THINGS = words_of(
    "arms legs hands feet knees elbows shoulders hips fingers toes wrists ankles heels thighs fists"
    " palms eyes ears lips boxes balls weights steps sides seconds times circles objects things"
    " stairs clothes shoes glasses dishes windows doors paces ways moves exercises squats pushups"
    " situps crunches backwards forwards upwards downwards sideways towards always perhaps is was"
    " has his its this as us thus yes across"
)

_NUMBERS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14,
    "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20,
    "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
NUMBER = (
    r"(?:\d+(?:\.\d+)?|(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)"
    r"(?:[\s-](?:one|two|three|four|five|six|seven|eight|nine)\b)?|" + "|".join(_NUMBERS) + r")"
)

ORDINALS = {
    "first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4,
    "fifth": 5, "5th": 5, "sixth": 6, "6th": 6, "seventh": 7, "7th": 7, "eighth": 8, "8th": 8,
    "last": -1, "final": -1,
}  # fmt: skip


def singular(phrase: str) -> str:
    """Return a phrase with its last word in the singular: "tired dancers" → "tired dancer"."""
    words = phrase.split()
    if words:
        last = words[-1]
        ending = (
            last[:-2] if re.search(r"(?:ss|x|ch|sh)es$", last) else re.sub(r"(?<!s)s$", "", last)
        )
        words[-1] = _SINGULAR.get(last, ending)
    return " ".join(words)


def number(text: str) -> float:
    """Return the value of a number in digits or words: ``2.5``, ``twenty-five``."""
    parts = re.split(r"[\s-]", text)
    return sum(float(_NUMBERS[part]) if part in _NUMBERS else float(part) for part in parts)


def gerund(base: str) -> str:
    """Return the -ing form: ``wave`` → ``waving``, ``run`` → ``running``."""
    if base in ("lie", "die", "tie"):
        return base[:-2] + "ying"
    if base in _DOUBLED:
        return base + base[-1] + "ing"
    if base.endswith("e") and not base.endswith(("ee", "oe")):
        return base[:-1] + "ing"
    return base + "ing"


def verb_form(word: str) -> tuple[str, str] | None:
    """Return base and form (``base``, ``third``, ``gerund``, ``past``) of a known verb, else
    None.
    """
    return _forms().get(word.lower())


def base_of(word: str) -> str | None:
    """Return the known verb behind any of its forms, or None."""
    form = verb_form(word)
    return form[0] if form else None


def guess_base_of_gerund(word: str) -> str:
    """Return the probable verb behind an unknown word in -ing."""
    form = verb_form(word)
    if form is not None:
        return form[0]
    stem = word[:-3]
    if re.search(r"([^aeiouls])\1$", stem):
        return stem[:-1]
    if re.search(r"[^aeiou][aeiou][^aeiouwxy]$", stem) and len(stem) > 4:
        return stem + "e"
    return stem


@cache
def _forms() -> dict[str, tuple[str, str]]:
    forms: dict[str, tuple[str, str]] = {}
    for base in VERBS:
        past = base + "d" if base.endswith("e") else base + "ed"
        if base in _DOUBLED:
            past = base + base[-1] + "ed"
        if re.search(r"[^aeiou]y$", base):
            past = base[:-1] + "ied"
        for word, form in ((past, "past"), (gerund(base), "gerund")):
            forms[word] = (base, form)
        forms[third_person(base)] = (base, "third")
    forms |= {word: (base, "past") for word, base in _IRREGULAR_PAST.items() if word != base}
    forms |= {word: (base, "gerund") for word, base in _IRREGULAR_GERUND.items()}
    forms |= {base: (base, "base") for base in VERBS}
    # Directions and nouns come first: "turns left", "on the back".
    for word in ("left", "lay", "saw"):
        forms.pop(word, None)
    return forms


FOREIGN = words_of("""
der die das und ein eine einen einem einer ist nicht sich mit von zu dann er sie es geht läuft winkt
springt mann frau mach bitte füge hinzu den dem auf bewegung jemand zeig
le la les un une et est puis il elle homme femme dans avec qui marche saute salue fait personne
el los las y una uno con en hombre mujer persona camina salta luego saluda que del por corre haz
lo gli di che e o per poi uomo donna cammina alza mano os um uma com para ele ela pessoa homem
mulher
anda depois een het en van loopt dan man zwaait springt hij zij med och han hon går jag ett är som
hola bonjour salut hallo danke gracias merci osoba idzie kişi yürür bir ve sonra
""") - words_of("man en")  # fmt: skip
ENGLISH = words_of("""
the a an and then with his her he she they is are person man woman someone somebody of to in on at
forward backward backwards left right up down slowly quickly it make add this that for while both
hands hand arm arms leg legs around after before please one two three people
""") - words_of("a in")  # fmt: skip
