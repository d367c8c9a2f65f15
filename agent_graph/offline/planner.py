"""A rule-based planner: classifies a request and plans it.

It is deterministic, needs neither key nor network, and says once in a conversation what it is. It
says what it does not understand and never guesses an edit.
"""

from __future__ import annotations

import json
import re

from ..answers import Answer
from ..plan import Plan, Step
from ..task import Task
from . import edits, manners, motions, ordering, people, timing
from .answers import (
    answer_from,
    fact_about,
    no_english,
    nothing_found,
    questioned_motions,
    small_talk,
)
from .clauses import clauses_of, own_subject
from .commands import LONGEST, is_question, split_commands
from .draft import Draft, Steps
from .durations import with_units
from .edits import continues, looks_like_action, new_scene
from .lexicon import DETERMINERS, NUMBER, PERSON_NOUNS, base_of, verb_form
from .predicates import LEADING_ADVERB, PREPOSITIONS
from .references import FILE
from .scene import scene_of
from .wording import CannotDo, plain, quoted

NOTICE = (
    "(I am the offline planner, a rule-based stand-in: I split sentences by rules and do not"
    " understand them. A language model as planner understands more.)"
)

_POLITE = re.compile(
    r"(?:(?:(?:please|ok(?:ay)?|yes|well|hm+|great|thanks|thank you|sorry|hi|hello|hey|but|"
    r"so)\b[,!.]?|no[,!.]) ?)*"
    r"(?:(?:can|could|would|will) you (?:please )?|please |i(?:'d| would)? "
    r"(?:like|want|need) (?:you )?to |let(?:'s| us) |we (?:should|could) |you (?:should|"
    r"could) )?(?:just )?",
    re.IGNORECASE,
)
_GREETED = re.compile(
    r"^(?:(?:hi|hello|hey|thanks|thank you|great|nice|cool|perfect|good|ok(?:ay)?"
    r"|(?:that|it)(?:'s| was| is| looked) (?:better|nicer|good|fine)(?: before)?)[.!]+\s+)+",
    re.I,
)
_WANT = re.compile(
    r"^(?:i(?:'d like| would like| want| need)|can you (?:make|have|let)) (him|her|them|"
    r"the \w+) to ",
    re.I,
)
_I_WANT = re.compile(
    r"^i(?:'d like| want| would like| need) (?=(?:the|an?|another) )", re.IGNORECASE
)
_CAN_BE = re.compile(
    r"^(?:can|could) (the [\w ]{1,40}?|it|he|she|they|s\d+) (?:be|last|get) ", re.IGNORECASE
)
_GOES_ON = re.compile(r"^(?:(?:and|now|then|also|finally|next(?! to))[ ,]+)+", re.IGNORECASE)
_ABOUT = re.compile(r"(?:how|what) about (?:adding )?|(?:why not|why don't (?:you|we)) ", re.I)
_UNDO = re.compile(
    r"(?:undo|revert|go back|take (?:that|it) back|cancel)"
    r"(?: (?:it|that|this|the last(?: \w+)?|my last(?: \w+)?|one step|what you did))?(?: please)?",
    re.IGNORECASE,
)
_REDO = re.compile(r"redo(?: (?:it|that|this|the last(?: \w+)?))?(?: please)?", re.IGNORECASE)
_MANY_UNDOS = re.compile(
    rf"(?:undo|redo|go back)\b.*\b(?:twice|everything|all|(?:{NUMBER}) (?:times|steps))", re.I
)
_BEYOND_ME = re.compile(
    r"(?:make (?:it|that|this|him|her|them|the \w+|s\d+)|(?:let|have) (?:it|s\d+)|swap|exchange|"
    r"change|undo|redo|"
    r"replace|remove|delete|move (?:the|s\d)|reorder|reverse|mirror|use|slow|speed|add|insert|"
    r"i (?:don't|do not) like|export|rename|merge|combine|loop|blend|shorten|lengthen|keep)\b|"
    r"(?:the \w+|s\d+|it|that) (?:should|must|needs? to|has to|is too)\b",
    re.IGNORECASE,
)
_EDITS = (
    "I know: add … (at the end, before the bow), remove …, replace … with …, move …, repeat …,"
    " swap … and …, another take of …, make … slower, longer or 3 seconds long, undo, redo, start"
    " over, open …, call it …, export it as …."
)
_ASIDE = re.compile(
    rf"\b(?:{PERSON_NOUNS}|someone|somebody),? (?:who|whose|whom|that|which)\b", re.IGNORECASE
)
_UNREAD = re.compile(  # states what happens; the rules would drop or misread it
    r"\b(?:but )?(?:not|never|only|\w+n't) (?:before|after|until|till|while|when|once)\b[^,.;]*"
    r"|(?:\w, |\band )before that\b[^,.;]*"
    r"|\b(?:unless|otherwise|nobody|no one|rather than)\b[^,.;]*"
    r"|\bif \w+[^,.;]*"
    r"|[-–—,.;] ?(?:oh |ah )?no,? (?:wait|skip|not|rather|sorry|make|leave|drop|without)\b[^.;]*"
    r"|\b(?:wants?|wanted|would like|wishe[sd]|hope[sd]?|plan(?:s|ned)?|intend(?:s|ed)?"
    r"|(?:is|are|was|were) about|could|might|should)\b[^.;]{1,60}?\bbut\b[^,.;]*",
    re.IGNORECASE,
)
_GARBLED = {"whos", "whoses", "whoms", "hes", "shes", "theys"}
_NO_VERBS = {"althoughs", "thoughs", "becauses", "sinces", "whens", "ifs", "fasters", "slowers"}
_JOINED = {"who", "whose", "whom", "that", "which", "and", "while", "until", "when"}
_NO_MOTION = "There is no motion yet to change. Tell me what a person does first."
_ONLY = re.compile(  # "no jumping, just a bow"
    r"(?:no|not(?: an?)?) [^,.;]{1,40}?,? (?:but|just|only|simply)(?: just| only)?"
    r" (?P<rest>an? .+)",
    re.IGNORECASE,
)
_OLD_VALUE = re.compile(  # "two metres instead of one": the new value is all that counts
    rf"(?<=\w),? (?:instead of|rather than) (?:only |just )?(?:{NUMBER}|once|twice)"
    r"(?: (?:seconds?|metres?|meters?|steps?|times?|feet|centimetres?|cm|m|s))?(?=[.,;!?]|$)",
    re.IGNORECASE,
)
_WHOLE = (motions.name_motion, motions.export_motion, motions.open_motion)
_STRUCTURAL = (
    timing.set_length,
    timing.change_speed,
    timing.another_take,
    people.second_person,
    people.place_people,
    edits.remove,
    ordering.reorder,
    edits.replace,
    manners.manner,
    edits.repeat,
    edits.add,
    edits.add_there,
)


class OfflinePlanner:
    """A rule-based `Planner`."""

    name = "offline"
    tries = 1  # it would give the same answer again
    notice = NOTICE

    def ask(self, task: Task) -> Answer:
        plan = self.plan(task)
        return Answer(plan) if isinstance(plan, str) else Answer(plan=plan)

    def reply(self, request: str, facts: str) -> str | None:
        return None

    def plan(self, task: Task) -> Plan | str:
        """Return the plan; as JSON text if it breaks a limit, so that the parser reports which."""
        if task.captions:
            return _say(answer_from([(c["name"], c["text"]) for c in task.captions]))
        try:
            return _plan(_OLD_VALUE.sub("", with_units(plain(task.request))), task)
        except CannotDo as answer:
            return _say(str(answer))


def _plan(text: str, task: Task) -> Plan | str:
    text = _GREETED.sub("", text, count=1) or text
    reply = small_talk(text) or no_english(text)
    if reply:
        return _say(reply)
    commands = split_commands(text)
    for command in commands:
        bare = _bare(command)
        travel = "undo" if _UNDO.fullmatch(bare) else "redo" if _REDO.fullmatch(bare) else ""
        if travel and len(commands) > 1:
            raise CannotDo(f"One thing after the other, please: say “{travel}” first, by itself.")
        if travel:
            return _checked("One step back or forth.", [{"tool": travel}], ())
        if _MANY_UNDOS.fullmatch(bare):
            raise CannotDo("I go one change at a time: say “undo” or “redo” again for each.")
    draft = Draft.of(task.timeline)
    for command in commands:
        _obey(command, draft, task, alone=len(commands) == 1)
    steps = draft.steps()
    _check_understood(text, steps)
    _check_asides(text, steps)
    if not steps and not draft.new_placement:
        if not commands or not draft.rows:
            raise CannotDo(nothing_found(text))
        raise CannotDo("That is how the motion is already; I changed nothing.")
    return _checked(_reason(draft, steps), steps, draft.new_placement)


def _check_understood(text: str, steps: Steps) -> None:
    """Check that the new motion contains no order, condition or wish that the rules do not read.

    Raises:
        CannotDo: it does.
    """
    makes = any(step["tool"] == "generate_motion" for step in steps)
    unread = _UNREAD.search(text) if makes else None
    if unread is not None:
        raise CannotDo(
            f"I do not understand {quoted(unread[0].strip(), 60)}. Say what happens, in order and"
            " nothing else, such as “a man walks, then bows”."
        )


def _check_asides(text: str, steps: Steps) -> None:
    """Refuse a plan that turns a past action, as in "a man who had run sits", into a present one.

    Raises:
        CannotDo: it does.
    """
    aside = _ASIDE.search(text)
    for words in (str(step.get("description", "")).split() for step in steps):
        forms = [verb_form(word) for word in words]
        verbs = sum(form is not None and form[1] in ("third", "past") for form in forms)
        if (
            _NO_VERBS.intersection(words)
            or _GARBLED.intersection((*words, f"{words[-1]}s" if words else ""))
            or (aside and verbs > 1 and not _JOINED.intersection(words))
        ):
            raise CannotDo(
                "I do not understand who does what there. Say each action by itself, such as “a man"
                " runs, then sits down”."
            )


def _obey(command: str, draft: Draft, task: Task, *, alone: bool) -> None:
    """Execute one command on the draft.

    Raises:
        CannotDo: with the reply.
    """
    line = " ".join(command.split())
    if not alone and small_talk(line):
        return
    bare = _bare(line)
    if is_question(line) or is_question(bare) or FILE.fullmatch(bare):
        return _look(line, draft, task, alone=alone)
    if (fact := fact_about(bare, task, draft)) is not None:
        return _tell(fact, alone=alone)
    if len(bare) > LONGEST:
        return _new_actions(command, draft)
    if (rest := motions.start_over(_GOES_ON.sub("", bare), draft)) is not None:
        if rest:
            draft.insert(people.with_everybody(new_scene(rest, None)), 0)
        return None
    if (rest := motions.new_motion(_GOES_ON.sub("", bare), draft)) is not None:
        return _new_actions(rest, draft)
    whole = _GOES_ON.sub("", bare)
    if any(attempt(whole, draft, task) for attempt in _WHOLE):
        return None
    bare = motions.in_motion(bare, draft, task)
    if not bare:  # "in the first motion, …": a command of its own follows
        return None
    if (about := _ABOUT.match(bare)) is not None:
        rest = bare[about.end() :]
        bare = f"add {rest}" if draft.rows and not continues(rest) else rest
        command = bare
    if draft.sealed:
        raise CannotDo(
            f"I must open {draft.opened} before I can change what is in it. Say “open"
            f" {draft.opened}”, then the change."
        )
    if draft.rows:
        straight = _I_WANT.sub("", _GOES_ON.sub("", bare))
        for attempt in _STRUCTURAL:
            if attempt(straight, draft):
                return None
        if edits.go_on(bare, draft):
            return None
        if draft.fresh and looks_like_action(bare):
            draft.insert(new_scene(bare, draft.cast, draft.placement), len(draft.rows))
            return None
        strange = not _acts_itself(bare) or _BEYOND_ME.match(straight)
        if strange and not re.match(r"make .*\b(?:a|an) ", bare):
            raise CannotDo(f"I do not understand the edit {quoted(line)}. {_EDITS}")
    else:
        only = _ONLY.fullmatch(bare)
        actions = only["rest"] if only else _begun(bare)
        if actions is not None:
            command = actions
        elif _needs_motion(bare):
            raise CannotDo(_NO_MOTION)
    return _new_actions(command, draft)


def _new_actions(text: str, draft: Draft) -> None:
    """Read a request that describes actions: a new motion, or the first of an empty one."""
    if not looks_like_action(text):
        raise CannotDo(nothing_found(text))
    if draft.rows and not draft.fresh and (draft.steps() or draft.new_placement):
        raise CannotDo(
            f"I did nothing because I am not sure: should {quoted(text, 60)} be a new motion or"
            " come at the end of this one? Say “make a new motion: …” or “then …”."
        )
    scene = people.with_everybody(new_scene(text, None) if _is_noun(text) else scene_of(text))
    if not scene.actions:
        if scene.denied:
            raise CannotDo("You only said what does not happen. Tell me what the person does.")
        raise CannotDo(nothing_found(text))
    if draft.rows:
        draft.as_new()
    draft.fresh = not draft.emptied
    draft.insert(scene, len(draft.rows))


def _look(line: str, draft: Draft, task: Task, *, alone: bool) -> None:
    fact = fact_about(line, task, draft)
    if fact is not None:
        return _tell(fact, alone=alone)
    if draft.opened or draft.fresh:  # "open walk.bvh. What does it show?"
        draft.captions.append((draft.opened, 1))
        return None
    captions, answer = questioned_motions(line, task)
    if answer is not None:
        return _tell(answer, alone=alone)
    draft.captions += captions
    return None


def _tell(fact: str, *, alone: bool) -> None:
    if alone:
        raise CannotDo(fact)
    raise CannotDo("One thing after the other, please: ask me that by itself.")


def _begun(bare: str) -> str | None:
    """Return the actions in words such as "add a jump" or "then wave" when there is no motion
    yet.
    """
    match = re.fullmatch(
        r"(?:(?:add|insert|append|include|attach)(?: in)?|then|now|next(?! to)|and|start with|"
        r"begin with|"
        r"(?:before|after) (?:that|this)|continue(?: (?:with|by|to))?)[ :,]+(?P<new>.+?)"
        r"(?: (?:at|to) the (?:end|beginning|start))?",
        bare,
        re.IGNORECASE,
    )
    return match["new"] if match else None


def _needs_motion(bare: str) -> bool:
    """Return whether the words would change a motion if there were one."""
    if re.match(r"keep (?:\w+ing|still|quiet|calm)\b", bare, re.IGNORECASE):
        return False  # an action
    attempts = (timing.set_length, timing.change_speed, timing.another_take, edits.remove,
                edits.repeat, manners.manner)  # fmt: skip
    for attempt in attempts:
        try:
            if attempt(bare, Draft()):
                return True
        except CannotDo:
            surely = attempt is timing.another_take or _BEYOND_ME.match(bare)
            return bool(surely) or not looks_like_action(bare)
    return bool(re.match(r"(?:replace|swap|undo|make it|reverse the order)\b", bare, re.IGNORECASE))


def _acts_itself(text: str) -> bool:
    """Return whether the text begins with a person, a known verb or the noun of an action."""
    if own_subject(text):
        return True
    clauses, _ = clauses_of(text)
    words = re.findall(r"[\w'-]+", LEADING_ADVERB.sub("", clauses[0].predicate if clauses else ""))
    first = words[0].lower() if words else ""
    return base_of(first) is not None or first in DETERMINERS | PREPOSITIONS or first.isdigit()


def _is_noun(text: str) -> bool:
    return bool(re.match(r"(?:a|an|another|some|\w+) [\w -]+$", text.strip(" .!"), re.I))


def _bare(text: str) -> str:
    """Return a command without "please" and "could you"."""
    text = " ".join(text.split())
    text = _WANT.sub(r"let \1 ", text.lstrip(" ,;:"))
    text = _POLITE.sub("", text, count=1).strip().rstrip(".!? ,;")
    text = _CAN_BE.sub(r"make \1 ", text)
    return re.sub(r"(?:,? (?:please|thanks|thank you|thx|pls))+$", "", text, flags=re.IGNORECASE)


def _checked(reasoning: str, steps: Steps, placement: tuple[float, ...]) -> Plan | str:
    try:
        plan_steps = tuple(Step(**step) for step in steps)
        return Plan(reasoning=reasoning, plan=plan_steps, placement=placement)
    except ValueError:
        fields = {"reasoning": reasoning, "plan": steps, "placement": list(placement)}
        return json.dumps(fields)


def _reason(draft: Draft, steps: Steps) -> str:
    if all(step["tool"] == "caption_motion" for step in steps) and steps:
        return "I look at the motion first."
    if not draft.fresh and not draft.emptied:
        return "An edit of the current motion, by rules."
    new = [step for step in steps if step["tool"] == "generate_motion"]
    count = "One action" if len(new) == 1 else f"{len(new)} actions in order"
    return f"{count}, split by rules."


def _say(text: str) -> Plan:
    return Plan(reasoning=text, plan=())
