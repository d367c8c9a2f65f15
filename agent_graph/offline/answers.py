"""Replies of the offline planner that need no plan: small talk, help, facts about motions."""

from __future__ import annotations

import re

from ...motion_core.choices import EXPORTS
from ...motion_core.timeline import Timeline
from ..task import Task
from .clauses import has_action
from .draft import Draft
from .lexicon import ENGLISH, FOREIGN, base_of
from .motions import known_formats
from .references import FILE, in_order, motion_named, referred
from .wording import CannotDo, quoted

HELP = (
    "Tell me what a person does and I make the motion, for example: “A person walks"
    " forward, then waves with both hands, then bows.” Then change it: “add a jump at the end”,"
    " “replace the wave with a kick”, “make the bow slower”, “another take”, “remove the last”,"
    " “undo”. Ask what a motion shows, open a file (“open walk.bvh”), bring a second person (“add a"
    " second person who waves”), or take it away: “export it as bvh”."
)
_GREETING = re.compile(
    r"(?:hi|hello|hey|hiya|good (?:morning|evening|afternoon|day)|howdy|greetings)\b[\s!.,]*"
    r"(?:there|you|everybody|all)?[\s!.,]*",
    re.IGNORECASE,
)
_THANKS = re.compile(
    r"(?:many |ok(?:ay)?,? |great,? |perfect,? )?(?:thanks?|thank you|thx|ty|cheers)\b[^?]{0,40}",
    re.IGNORECASE,
)
_PRAISE = re.compile(
    r"(?:(?:that(?:'s| is| was| looks)?|it(?:'s| is| looks)?|this is|very|so|really|ok(?:ay)?,?) )*"
    r"(?:great|nice|cool|perfect|well done|good(?: job| work)?|wow|awesome|amazing|beautiful|"
    r"lovely|"
    r"excellent|ok(?:ay)?|fine|yes|yeah|sure|alright|no|nope|lol|haha)\b[^?\w]*",
    re.IGNORECASE,
)
_BYE = re.compile(r"(?:bye|goodbye|good night|see you(?: later)?|ciao|quit|exit)\b[\s!.]*", re.I)
_HOW_ARE_YOU = re.compile(r"how are you(?: (?:doing|today))*\W*|how do you do\W*", re.IGNORECASE)
_ABOUT_ME = re.compile(
    r"(?:who|what) are you\b|what (?:can|do) you (?:do|know|understand)\b|"
    r"(?:please )?help(?: me)?\W*$|"
    r"how (?:does (?:this|it) work|do i (?:use|start))|\?$|what are the commands\W*$|"
    r"are you (?:a|an) (?:ai|bot|robot|llm|language model|human|machine|real)",
    re.IGNORECASE,
)
_HOW_LONG = re.compile(
    r"(?:and )?how long (?:is|does|will|are)(?P<ref>.*?)(?: (?:last|take|now|all together|"
    r"in all))*\W*",
    re.IGNORECASE,
)
_HOW_MANY = re.compile(
    r"how many (?P<what>segments|steps|parts|actions|motions|people|persons)\b.*", re.I
)
_LIST = re.compile(
    r"(?:what|which) (?:segments|steps|parts|actions) (?:are|is|do|does|has)\b.*|"
    r"(?:list|show(?: me)?|tell me|what is|what's) (?:all )?(?:the )?"
    r"(?:segments|steps|parts|timeline|plan|actions|sequence)\b.*|what (?:have we|do we have|"
    r"did you make)\b.*",
    re.IGNORECASE,
)
_MOTIONS = re.compile(
    r"(?:what|which) (?:motions|animations) (?:are|do|have)\b.*|"
    r"(?:list|show(?: me)?) (?:all )?(?:the |my |our )?(?:motions|animations)\W*|"
    r"which motion (?:is|are)\b.*|"
    r"what(?:'s| is) (?:it|this|this motion|the motion|the current motion) called\W*",
    re.IGNORECASE,
)
_FORMATS = re.compile(
    r"(?:what|which) (?:file )?(?:formats?|files?|kinds? of files?)\b.*|how (?:can|do) (?:i|"
    r"you) (?:export|save|download)\b.*|"
    r"(?:what|which) can (?:i|you) export\b.*",
    re.IGNORECASE,
)
_WHERE = re.compile(r"where (?:is|does|do|are) (?:the second|person 2|they|she|he|both)\b.*", re.I)
_SEGMENT = re.compile(
    r"(?:what(?:'s| is| does| happens in)|describe|tell me about) (?P<id>s\d+)\b.*", re.I
)
_ABOUT_A_MOTION = re.compile(
    r"\b(?:it|this|that|he|she|they|him|her|them|his|motion|animation|clip|file|show[ns]?|person|"
    r"people|"
    r"happen(?:s|ing)?|doing|man|woman|see|seen|one|there|describe|caption|going on|look|looks|"
    r"summari[sz]e)\b",
    re.IGNORECASE,
)
_SHOW_ME = re.compile(
    r"(?:show|play|display|view|preview|watch)(?: me)?(?: (?:it|this|that|them|"
    r"the (?:(?:current|whole|new) )?(?:motion|animation|result)))"
    r"(?: again| please| now)*|let me (?:see|watch) (?:it|that|this|the (?:\w+ )?(?:motion|"
    r"animation|result))",
    re.IGNORECASE,
)


def small_talk(text: str) -> str | None:
    """Return the reply to a greeting, thanks, praise or "help"; None for anything else."""
    if _GREETING.fullmatch(text):
        return f"Hello! {HELP}"
    if _HOW_ARE_YOU.fullmatch(text):
        return "Well, thank you for asking. Tell me what should move."
    if _ABOUT_ME.match(text):
        return HELP
    if _THANKS.fullmatch(text) and not has_action(text):
        return "You are welcome. Tell me what should move next."
    if _PRAISE.fullmatch(text):
        return "Good. Tell me what should move next, or what I should change."
    if _BYE.fullmatch(text):
        return "Goodbye!"
    return None


_NAMES = re.compile(r"[\w-]+\.\w{2,5}\b|\bm-[0-9a-f]{6,}\b")  # of files and motions


def no_english(text: str) -> str | None:
    """Return the reply to text in another language; None if it may be English."""
    letters = [c for c in text if c.isalpha()]
    if not letters:
        return None
    latin = sum("a" <= c.lower() <= "z" for c in letters)
    words = re.findall(r"[^\W\d_]+", _NAMES.sub(" ", text.lower()[:2000]))
    foreign = sum(word in FOREIGN for word in words)
    english = sum(word in ENGLISH for word in words)
    acting = sum(base_of(word) is not None and word not in FOREIGN for word in words)
    if 2 * latin >= len(letters) and not (foreign and foreign >= english + acting):
        return None
    return (
        "Sorry, I follow rules and only understand English. Please tell me in English what a"
        " person does, for example “a person walks forward and waves”."
    )


def nothing_found(text: str) -> str:
    """Return the reply to a text that asks for nothing."""
    return f"I found no action in {quoted(text)}. {HELP}"


def fact_about(text: str, task: Task, draft: Draft) -> str | None:
    """Return the answer to a question that needs no caption; None for others."""
    bare = text.strip(" .!?")
    motions = in_order(task)
    if _FORMATS.fullmatch(bare):
        facts = "; ".join(f".{suffix}: {what}" for suffix, what in EXPORTS.items())
        return f"I can write {facts}. Say for example “export it as bvh”."
    if _SHOW_ME.fullmatch(bare):
        if not draft.rows:
            return f"There is no motion yet. {HELP}"
        return f"I cannot show motions here. {known_formats()}"
    if _MOTIONS.fullmatch(bare):
        if not motions:
            return "There is no motion yet. Tell me what a person does first."
        facts = "; ".join(_describe_motion(motion, motion is task.timeline) for motion in motions)
        return f"There {'is' if len(motions) == 1 else 'are'}: {facts}."
    bare, draft = _about_another(bare, draft, task)
    match = _HOW_MANY.fullmatch(bare)
    if match is None and not draft.rows:
        return None
    if match is not None:
        what = match["what"].lower()
        what = "people" if what == "persons" else what
        count = {"motions": len(motions), "people": len(draft.people)}.get(what, len(draft.rows))
        one = {"people": "person"}.get(what, what[:-1])
        return f"There {'is' if count == 1 else 'are'} {count} {one if count == 1 else what}."
    if _LIST.fullmatch(bare):
        return f"The motion has these segments: {_describe_rows(draft)}."
    if match := _SEGMENT.fullmatch(bare):
        rows = referred(match["id"], draft)
        if rows:
            return f"{rows[0].source} is: {rows[0].description} ({rows[0].lasts:.1f} s)."
    if _WHERE.fullmatch(bare) and len(draft.people) > 1:
        theta, x, z = draft.placement or (180.0, 0.0, 1.5)
        side = f"{abs(x):g} m to the {'left' if x > 0 else 'right'}" if x else ""
        ahead = f"{abs(z):g} m {'in front' if z > 0 else 'behind'}" if z else ""
        return (
            f"The second person stands"
            f" {' and '.join(filter(None, (ahead, side))) or 'at the same place'}"
            f" of the first, turned by {theta:g} degrees."
        ).replace("behind of", "behind")
    if match := _HOW_LONG.fullmatch(bare):
        return _describe_length(match["ref"], draft)
    return None


def _about_another(text: str, draft: Draft, task: Task) -> tuple[str, Draft]:
    """Return a question about length or parts of another motion, with that motion as "it"."""
    if not any(kind.fullmatch(text) for kind in (_HOW_LONG, _HOW_MANY, _LIST)):
        return text, draft
    names = [re.escape(t.name) for t in in_order(task) if t.name]
    named = re.search(
        rf"\b(?:the (?:\w+ )?motion|motion \w+|{'|'.join(names) or 'motion 1'})\b", text, re.I
    )
    timeline = motion_named(named[0], task) if named else None
    if named is None or timeline is None or timeline is task.timeline:
        return text, draft
    return f"{text[: named.start()]}it{text[named.end() :]}", Draft.of(timeline)


def questioned_motions(text: str, task: Task) -> tuple[list[tuple[str, int]], str | None]:
    """Return the motions that a question is about, each with its person, or the answer if there is
    none.

    A motion captioned before is answered from memory.
    """
    files = list(dict.fromkeys(FILE.findall(text)))
    person = (
        2
        if re.search(r"\b(?:person 2|second (?:person|one)|other (?:person|one))\b", text, re.I)
        else 1
    )
    if files:
        return [(file, 1) for file in files], None
    for timeline in in_order(task):
        name = timeline.name
        if name and re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE):
            return [("" if timeline is task.timeline else name, person)], None
    several = len(in_order(task)) > 1
    words = re.search(
        rf"\b(?:the )?(?P<which>first|second|third|fourth|fifth|last|previous|other) "
        rf"(?:{'motion|one|animation' if several else 'motion|animation'})\b|\bmotion (?P<n>\w+)",
        text,
        re.IGNORECASE,
    )
    if words and (words["which"] or re.fullmatch(r"\d+|one|two|three", words["n"])):
        timeline_meant = motion_named(words["which"] or words["n"], task)
        if timeline_meant is None:
            there = ", ".join(t.name for t in in_order(task)) or "none yet"
            raise CannotDo(f"I do not know {quoted(words[0], 40)}. There are: {there}.")
        named = "" if timeline_meant is task.timeline else timeline_meant.name
        return [(named, 1)], None
    if task.about_file and task.looked_at:
        caption = task.looked_at[-1]
        return [], answer_from([(caption["name"], caption["text"])])
    if not _ABOUT_A_MOTION.search(text):
        return [], f"I can only speak about motions. {HELP}"
    if not task.timeline.segments:
        return [], f"There is no motion yet to say something about. {HELP}"
    return [("", person)], None


def answer_from(seen: list[tuple[str, str]]) -> str:
    """Return the captions as an answer, with a note that the rules cannot reason beyond them."""
    captions = " ".join(f"In {name} I see: {text.rstrip('.')}." for name, text in seen)
    return f"{captions} I cannot reason further than that without a language model."


def _describe_motion(motion: Timeline, current: bool) -> str:
    shows = ", ".join(s.description for s in motion.segments[:3]) or "empty"
    more = ", …" if len(motion.segments) > 3 else ""
    return f"{motion.name or 'motion'}{' (the current one)' if current else ''}: {shows}{more}"


def _describe_rows(draft: Draft) -> str:
    people = len(draft.people) > 1
    return "; ".join(
        f"{row.source}{f' (person {row.person})' if people else ''}: {row.description},"
        f" {row.lasts:.1f} s"
        for row in draft.rows
    )


def _describe_length(ref: str, draft: Draft) -> str:
    ref = re.sub(r"^\s*(?:is|does|will|be|it|this|that|the whole thing)\b", "", ref).strip()
    rows = referred(ref, draft) if ref else []
    if rows and len(rows) < len(draft.rows):
        return "; ".join(f"{row.name} lasts {row.lasts:.1f} s" for row in rows) + "."
    longest = max(sum(row.lasts for row in draft.rows_of(person)) for person in draft.people)
    return f"The motion lasts {longest:.1f} s: {_describe_rows(draft)}."
