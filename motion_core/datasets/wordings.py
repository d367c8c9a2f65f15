"""The words of generated captions: at least six wordings for each action and style.

The motion capture sources name classes ("walk-turn-left", "chimpira"), not sentences. These tables
say what the motions show; every action was inspected. ``*`` marks a verb to be inflected, ``|`` a
place where an adverb may stand besides the end. Wordings are written for motions as captured: for
mirrored ones left and right are swapped word by word.

Styles that mean the same in the two Bandai-Namco sets share one label: old and elderly,
tired and exhausted, masculinity and masculine. ``normal`` is not a style.
"""

from __future__ import annotations

from dataclasses import dataclass

_RAISED = "*raise {0}; *lift {0}; *raise {0} up; *lift {0} up; *put {0} up; *hold {0} up in the air"
_WAVED = (
    "*wave with {0}; *wave {0}; *wave {0} in the air; *raise {0} and *wave; "
    "*lift {0} and *wave; *wave hello with {0}; *give a wave with {0}; *keep waving {0}"
)


def forms(text: str) -> tuple[str, ...]:
    """Return the wordings separated by semicolons."""
    return tuple(wording.strip() for wording in text.split(";"))


ACTIONS: dict[str, tuple[str, ...]] = {
    # locomotion
    "walk": forms(
        "*walk| forward; *walk; *walk| ahead; *walk| straight ahead; *walk| in a straight line; "
        "*step| forward; *move| forward on foot; *stroll| forward; *take a few steps forward; "
        "*go for a walk"
    ),
    "walk backward": forms(
        "*walk| backward; *walk| backwards; *step| backwards; *step| back; *back| away; "
        "*move| backwards; *take a few steps back; *walk| in reverse"
    ),
    "walk to the left": forms(
        "*walk| to the left; *walk| sideways to the left; *move| to the left; *strafe| left; "
        "*step| to the left; *sidestep| to the left; *walk| leftwards"
    ),
    "walk to the right": forms(
        "*walk| to the right; *walk| sideways to the right; *move| to the right; *strafe| right; "
        "*step| to the right; *sidestep| to the right; *walk| rightwards"
    ),
    "walk and turn left": forms(
        "*walk and *turn left; *walk| forward and *turn left; *walk and *turn to the left; "
        "*turn left while walking; *walk| around a corner to the left; *make a left turn; "
        "*walk| forward while turning left; *take a left turn while walking"
    ),
    "walk and turn right": forms(
        "*walk and *turn right; *walk| forward and *turn right; *walk and *turn to the right; "
        "*turn right while walking; *walk| around a corner to the right; *make a right turn; "
        "*walk| forward while turning right; *take a right turn while walking"
    ),
    "run": forms(
        "*run| forward; *run; *run| ahead; *run| straight ahead; *jog| forward; *jog; "
        "*run| in a straight line; *go for a run"
    ),
    "dash": forms(
        "*dash| forward; *dash; *sprint| forward; *sprint; *run fast; *run at full speed; "
        "*run as fast as possible; *race| forward; *dash| ahead"
    ),
    "jog in a circle to the left": forms(
        "*jog| in a circle to the left; *jog| in a left circle; *jog| along a curve to the left; "
        "*run| in a circle to the left; *run| along a left curve; *jog| in a bend to the left"
    ),
    "jog in a circle to the right": forms(
        "*jog| in a circle to the right; *jog| in a right circle; "
        "*jog| along a curve to the right; *run| in a circle to the right; "
        "*run| along a right curve; *jog| in a bend to the right"
    ),
    "sneak": forms(
        "*sneak| forward; *sneak; *sneak| along; *tiptoe| forward; *creep| forward; "
        "*walk| on tiptoe; *take sneaking steps; *sneak| ahead"
    ),
    "hop": forms(
        "*hop; *hop on both legs; *hop with both feet; *hop forward; *jump once; "
        "*make a small jump; *hop ahead on both legs; *jump forward with both feet"
    ),
    # gestures
    "bow": forms(
        "*bow; *take a bow; *make a bow; *bow down; *bow forward; *bow to someone; "
        "*bend forward in a bow; *greet with a bow"
    ),
    "wave goodbye": forms(
        "*wave goodbye; *say goodbye with a wave; *wave bye; *wave goodbye with the right hand; "
        "*wave farewell; *wave goodbye to someone; *raise the right hand to wave goodbye"
    ),
    "wave goodbye with both hands": forms(
        "*wave goodbye with both hands; *wave bye with both hands; *wave farewell with both hands; "
        "*wave bye-bye; *wave bye-bye with both hands; *say bye-bye with both arms; "
        "*wave goodbye with both arms"
    ),
    "raise the left hand": forms(
        "; ".join(_RAISED.format(side) for side in ("the left hand", "the left arm"))
    ),
    "raise the right hand": forms(
        "; ".join(_RAISED.format(side) for side in ("the right hand", "the right arm"))
    ),
    "raise both hands": forms(
        "; ".join(_RAISED.format(side) for side in ("both hands", "both arms")) + "; *put hands up"
    ),
    "wave the left hand": forms(
        "; ".join(_WAVED.format(side) for side in ("the left hand", "the left arm"))
    ),
    "wave the right hand": forms(
        "; ".join(_WAVED.format(side) for side in ("the right hand", "the right arm"))
    ),
    "wave both hands": forms(
        "; ".join(_WAVED.format(side) for side in ("both hands", "both arms"))
    ),
    "show the way": forms(
        "*show the way; *show the way with the right hand; *guide someone with a hand gesture; "
        "*show someone the way; *point the way forward; *direct someone with the right hand; "
        "*stretch the right hand forward to show the way; *gesture someone ahead"
    ),
    "call out": forms(
        "*call out; *call out to someone; *shout to someone; *call someone; *call out loudly; "
        "*lean forward and *call out; *shout out to someone; *call to someone far away"
    ),
    "respond with a raised hand": forms(
        "*respond with a raised hand; *answer a call; *respond to a call; *respond to someone; "
        "*answer with a raised arm; *respond by raising the left hand; *reply with a raised hand"
    ),
    # fighting, sports
    "punch": forms(
        "*punch; *throw punches; *punch forward; *box; *punch several times; *throw a punch; "
        "*fight with the fists; *strike with the fists"
    ),
    "kick": forms(
        "*kick; *throw kicks; *kick several times; *fight with kicks; "
        "*kick from a fighting stance; *kick high; *do martial arts kicks"
    ),
    "kick with the left foot": forms(
        "*kick with the left foot; *kick forward with the left foot; *kick with the left leg; "
        "*kick forward with the left leg; *do a front kick with the left leg; "
        "*give a front kick with the left foot; *kick the left leg forward"
    ),
    "kick with the right foot": forms(
        "*kick with the right foot; *kick forward with the right foot; *kick with the right leg; "
        "*kick forward with the right leg; *do a front kick with the right leg; "
        "*give a front kick with the right foot; *kick the right leg forward"
    ),
    "swing a sword": forms(
        "*swing a sword; *slash with a sword; *fight with a sword; *strike with a sword; "
        "*slash; *cut with a sword; *practise sword strokes; *slash through the air"
    ),
    "throw a basketball": forms(
        "*throw a basketball; *shoot a basketball; *throw a ball; *throw a basketball at the hoop; "
        "*throw a ball with both hands; *shoot a ball at the basket"
    ),
    "dribble a basketball": forms(
        "*dribble a basketball; *dribble a ball; *dribble; *play basketball; "
        "*bounce a basketball; *dribble with a basketball"
    ),
    # exercise and everyday
    "squat": forms(
        "*squat; *do a squat; *squat down; *squat down and *stand up; *bend the knees in a squat; "
        "*squat once; *perform a squat; *do a knee bend"
    ),
    "touch the knee with the elbow": forms(
        "*touch the knee with the elbow; *bring the elbow to the knee; "
        "*move the elbow to the knee; *lift the knee to the elbow; "
        "*bring the left elbow to the right knee; "
        "*do an elbow-to-knee exercise; *touch the right knee with the left elbow"
    ),
    "rotate both arms backward": forms(
        "*rotate both arms backward; *swing both arms backward in circles; "
        "*circle both arms backward; *rotate both arms backwards; *circle both arms backwards; "
        "*make backward circles with both arms; *do backward arm circles"
    ),
    "put something on the floor": forms(
        "*put something on the floor; *put something down; *place something on the floor; "
        "*put an object down on the floor; *bend down and *put something on the floor; "
        "*lay something on the floor; *set something down on the ground; "
        "*put something on the floor with the right hand"
    ),
    "grab something high up": forms(
        "*grab something high up; *reach up and *grab something; *grab something at head height; "
        "*reach up with the right hand; *take something from a shelf; *reach for something high; "
        "*grab something high up with the right hand; *stretch out the right arm to grab something"
    ),
    "lie down": forms(
        "*lie down; *lie down on the floor; *lie down on the ground; *get down on the floor; "
        "*lower to the floor and *lie down; *lay down on the ground; *go down and *lie on the floor"
    ),
    "wash": forms("*wash; *wash up; *scrub the body; *take a shower; *wash the body; *get washed"),
    "dance": forms(
        "*dance; *do a dance; *perform a dance; *dance around; *dance to music; *show a dance"
    ),
    "jump": forms("*jump; *leap; *jump up; *jump into the air; *do a jump; *jump high"),
    "climb": forms(
        "*climb; *climb up; *climb on a frame; *climb around; *climb a playground; *climb over bars"
    ),
    "bend over": forms(
        "*bend over; *bend down; *bend over and *rise; *stoop; *stoop down; *bend down and *rise"
    ),
}


@dataclass(frozen=True)
class StyleWords:
    """Words for a style: ``a tired person walks``, ``walks tiredly``, ``walks like a giant``.

    Attributes:
        adjectives: before "person", "man" or "woman".
        adverbs: single words, before the verb or after the phrase.
        phrases: after the whole, or before it with a comma.
        subjects: nouns that go with the style.
    """

    adjectives: tuple[str, ...]
    adverbs: tuple[str, ...]
    phrases: tuple[str, ...]
    subjects: tuple[str, ...] = ("person", "man", "woman")


def _style(adjectives: str, adverbs: str, phrases: str, subjects: str = "") -> StyleWords:
    nouns = forms(subjects) if subjects else ("person", "man", "woman")
    return StyleWords(forms(adjectives), forms(adverbs), forms(phrases), nouns)


STYLES: dict[str, StyleWords] = {
    "active": _style(
        "active; energetic; vigorous; dynamic",
        "actively; energetically; vigorously; dynamically",
        "with a lot of energy; full of energy; in an active way; in an energetic way",
    ),
    "angry": _style(
        "angry; furious; mad; irritated",
        "angrily; furiously",
        "in anger; in an angry way; full of rage; as if furious",
    ),
    "childish": _style(
        "childish; childlike; playful",
        "childishly; playfully",
        "like a child; like a little kid; in a childish way; in a playful way",
    ),
    "thuggish": _style(
        "thuggish; swaggering; rowdy",
        "thuggishly; cockily",
        "like a thug; like a street punk; with a swagger; like a gangster; in a thuggish way",
    ),
    "feminine": _style(
        "feminine; ladylike; womanly",
        "femininely; daintily",
        "in a feminine way; like a lady; in a ladylike manner; in a womanly way",
        "person; woman",
    ),
    "giant": _style(
        "giant; huge; gigantic",
        "ponderously; heavily",
        "like a giant; like a huge monster; as if enormous; with heavy limbs",
    ),
    "happy": _style(
        "happy; cheerful; joyful; merry",
        "happily; cheerfully; joyfully; merrily",
        "in a happy way; in a good mood; full of joy",
    ),
    "masculine": _style(
        "masculine; manly; macho",
        "masculinely; manfully",
        "in a masculine way; in a manly way; in a macho manner; like a tough guy",
        "person; man",
    ),
    "musical": _style(
        "musical; theatrical; melodious",
        "musically; rhythmically; theatrically",
        "as if in a musical; in a musical way; like a musical performer; with a musical rhythm",
    ),
    "not confident": _style(
        "timid; unconfident; insecure; shy; nervous",
        "timidly; shyly; nervously; hesitantly",
        "without confidence; in a timid way; as if unsure; in an insecure way",
    ),
    "old": _style(
        "old; elderly; aged; frail",
        "feebly; shakily",
        "like an old person; like an elderly person; as if very old; in an elderly way",
    ),
    "proud": _style(
        "proud; arrogant; haughty; self-confident",
        "proudly; arrogantly; haughtily; confidently",
        "in a proud way; full of pride; with pride",
    ),
    "sad": _style(
        "sad; unhappy; gloomy; sorrowful; depressed",
        "sadly; unhappily; gloomily; sorrowfully",
        "in a sad way; full of sorrow; in a gloomy mood",
    ),
    "tired": _style(
        "tired; exhausted; weary; worn-out",
        "tiredly; wearily; exhaustedly; sluggishly",
        "as if exhausted; in a tired way; with no energy left; in an exhausted way",
    ),
    "youthful": _style(
        "youthful; young; sprightly",
        "youthfully; briskly",
        "in a youthful way; like a young person; like a teenager; with youthful freshness",
    ),
}

NEUTRAL_ADVERBS = ("normally", "in a normal way", "casually")
