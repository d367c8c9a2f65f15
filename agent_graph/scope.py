"""What a request leaves open: number of steps, durations, a second person, talk, files.

It bounds what a plan for the request may hold, not what it must hold: whatever is unclear stays
possible. The words cover the six languages of the ablation's requests.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .plan import MAX_STEPS

_NUMBERS = {
    1: "one once a single ein eine einmal un une uno una un'altra 一",
    2: "two twice both pair couple double zwei zweimal beide deux dos due 两 二 二次",
    3: "three thrice triple drei dreimal trois tres tre 三",
    4: "four vier viermal quatre cuatro quattro 四",
    5: "five fünf fünfmal cinq cinco cinque 五",
    6: "six sechs seis sei 六",
    7: "seven sieben sept siete sette 七",
    8: "eight acht huit ocho otto 八",
    9: "nine neun neuf nueve nove 九",
    10: "ten zehn dix diez dieci 十",
}
_BY_WORD = {word: number for number, words in _NUMBERS.items() for word in words.split()}
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?|[^\W\d_]+|[一二两三四五六七八九十]")
_SECONDS = re.compile(
    r"\bs\b|\bsec|sekund|second|segund|seconde|secondi|\bmin|秒|分"
    r"|\bfor (?:\d+|one|two|three|four|five|six|seven|eight|nine|ten)"  # "rest for six"
    r"(?=\W*(?:$|[,.;]|(?:and|then|before)\b))",
    re.IGNORECASE,
)
_HOW_LONG = re.compile(  # a duration not stated in numbers
    r"\b(?:long|longer|short|shorter|slow|slower|slowly|quick|quickly|fast|faster|half|while|brief"
    r"|lang|länger|kurz|langsam|schnell|lent|lento|long|rápido|veloce)",
    re.IGNORECASE,
)
_TWO = re.compile(
    r"\b(?:two|both|pair|couple|duo|people|persons|men|women|friends|partners?|opponents?|second"
    r"|another|other|others|each other|together|with (?:a|an|his|her|him|somebody|someone)|against"
    r"|they|them|meets?|zwei|beide|leute|einander|zusammen|deux|ensemble|personnes|dos|otr[oa]|junt"
    r"|due|insieme|altr[oa]|person 2)\b|两|互相|一起|另",
    re.IGNORECASE,
)
_TALK = re.compile(
    r"[?？¿]|^\W*(?:hi|hello|hey|howdy|thanks?|thank you|bye|goodbye|good (?:morning|day|evening)"
    r"|ok|okay|great|cool|nice|yes|no|sorry|help|hallo|guten|danke|tschüss|bonjour|bonsoir|salut|merci"
    r"|au revoir|hola|buen[oa]s|gracias|adiós|ciao|salve|buon|grazie)\b|^\W*(?:你好|谢谢|再见)"
    r"|\b(?:what|who|why|how|which|tell me|explain|describe|poem|joke)\b",
    re.IGNORECASE,
)
_GREETING = re.compile(  # and nothing else
    r"^\W*(?:hi|hello|hey|thanks?|thank you|bye|goodbye|good (?:morning|day|evening)|ok|okay|hallo"
    r"|guten (?:tag|morgen|abend)|danke|tschüss|bonjour|bonsoir|salut|merci|au revoir|hola|gracias"
    r"|buen[oa]s \w+|adiós|ciao|salve|buon\w+|grazie|你好|谢谢|再见)(?:\W+\w+){0,4}\W*$",
    re.IGNORECASE,
)
_QUESTION = re.compile(  # questions never answered by moving; "can you make him walk?" is not one
    r"(?:^|[,;.!]\s*|¿)(?:what|who|whom|why|how|which|where|when|is|are|was|does|do you|did"
    r"|have you|was|wer|wie|warum|welche\w*|wo|ist|sprichst|qui|que|quoi|quel\w*|comment|pourquoi"
    r"|est-ce|qué|quién|cómo|cuál|por qué|eres|hablas|chi|che|cosa|come|perché|quale|sei|parli)"
    r"\b.*[?]\s*$"
    r"|(?:什么|谁|怎么|为什么|哪).*[?？]\s*$",
    re.IGNORECASE,
)
_TWO_SURELY = re.compile(
    r"\b(?:two|couple|each other|another|the other|zwei|beide|einander|deux|dos|due|otr[oa]"
    r"|altr[oa]|person 2|person two|second person)\b|两|互相",
    re.IGNORECASE,
)
_FILES = re.compile(
    r"\b(?:save|export|write|download|store|file|speicher\w*|exportier\w*|datei|enregistre\w*"
    r"|exporte\w*|fichier|guarda\w*|exporta\w*|archivo|salva\w*|esporta\w*|bvh|glb|gltf|mp4|gif|npz"
    r"|npy|csv|html|png|blender|unity|unreal)\b|保存|导出|\.\w{2,4}\b",
    re.IGNORECASE,
)
_NAMING = re.compile(
    r"\b(?:call|name|rename|title|label|nenn\w*|benenn\w*|appel\w*|nomm\w*|llam\w*|nombr\w*|chiam\w*"
    r"|nomin\w*)\b|命名|叫",
    re.IGNORECASE,
)
_SMOOTH = re.compile(
    r"\b(?:smooth\w*|transition\w*|seamless\w*|flow\w*|loop\w*|cycl\w*|übergang|fließend\w*|weich\w*"
    r"|schleife|fluide\w*|boucle|suave\w*|transición|bucle|fluid\w*|transizione|ciclo)\b|平滑|过渡|循环",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"\b(?:open|load|import|back|earlier|previous|former|first|other|again|öffne\w*|lade\w*|zurück"
    r"|ouvr\w*|charge\w*|abr\w*|carg\w*|apr\w*|carica\w*)\b|打开",
    re.IGNORECASE,
)
_JOINT = re.compile(
    r"(?:\s*(?:[,;.:，、。；]|\b(?:and|then|before|after|afterwards|next|finally|und|dann|danach|et|puis"
    r"|ensuite|y|luego|después|e|poi|dopo)\b|然后|再|接着|后))+",
    re.IGNORECASE,
)
_COUNTED = re.compile(  # things other than people that come in twos
    r"\b(?:two|both|zwei|deux|dos|due|2) ?(?:times|mal|fois|veces|volte|steps?|jumps?|kicks?"
    r"|punches|squats?|hops?|turns?|claps?|bows?|seconds?|sekunden|secondes|segundos|secondi|met\w+|m\b|s\b"
    r"|(?:\w+ )?(?:arms?|hands?|legs?|feet|knees?|fists?))",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Scope:
    """Bounds on the plan for a request.

    Attributes:
        steps: their maximum number.
        two: whether two people are certainly meant.
        only_talk: whether it is a greeting or a question that certainly wants no motion.
        seconds: stated durations; None if any may be meant.
        second_person: whether a second person may be meant.
        talk: whether it may want no motion at all.
        files: whether a file may have to be written.
        names: whether a motion may have to be named.
        others: whether another motion may have to be opened.
        smooth: whether a join may have to be made smooth.
    """

    steps: int = MAX_STEPS
    two: bool = False
    only_talk: bool = False
    seconds: tuple[float, ...] | None = None
    second_person: bool = True
    talk: bool = True
    files: bool = True
    names: bool = True
    others: bool = True
    smooth: bool = True


ANY = Scope()
"""Nothing is known of the request."""


def scope_of(request: str, *, segments: int = 0, tight: bool = False) -> Scope:
    """Return the scope of a request.

    Args:
        request: the person's words.
        segments: of the current motion.
        tight: no more steps than the request has parts, and what is certainly meant is required;
            for models that continue until stopped and use whatever is allowed.
    """
    numbers = _numbers(request)
    text = request.strip(" .!?,;。！？，")
    parts = 1 + len(_JOINT.findall(text))
    persons = _COUNTED.sub(" ", request)
    counted = int(sum(number for number in numbers if 1 < number <= MAX_STEPS))
    most = parts * (2 if _TWO.search(persons) else 1) if tight else 4 * parts + 12 + counted
    seconds: tuple[float, ...] | None = ()
    if _HOW_LONG.search(request):
        seconds = None
    elif _SECONDS.search(request):
        seconds = tuple(dict.fromkeys(number for number in numbers if 0 < number <= 20)) or None
    return Scope(
        steps=min(most + segments, MAX_STEPS),
        two=tight and bool(_TWO_SURELY.search(persons)),
        only_talk=tight and bool(_GREETING.search(request) or _QUESTION.search(request)),
        seconds=seconds,
        second_person=bool(_TWO.search(persons)),
        talk=bool(_TALK.search(request)),
        files=bool(_FILES.search(request)),
        names=bool(_NAMING.search(request)),
        others=bool(_OPENING.search(request)),
        smooth=bool(_SMOOTH.search(request)),
    )


def _numbers(text: str) -> list[float]:
    durations: list[float] = []
    for word in _NUMBER.findall(text.lower()):
        if word[0].isdigit():
            durations.append(float(word.replace(",", ".")))
        elif word in _BY_WORD:
            durations.append(float(_BY_WORD[word]))
    for char in re.findall(r"[一二两三四五六七八九十]", text):
        durations.append(float(_BY_WORD[char]))
    return durations
