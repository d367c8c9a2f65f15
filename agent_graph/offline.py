"""The offline planner: rules instead of a language model, so everything works on day one.

It is deterministic, needs neither key nor network, and says once in a conversation what it is.
`clauses` splits sentences, `followups` understands edits; this file decides what a request is:
an edit of the current motion, a question about a motion, small talk, or a new motion.
"""

from __future__ import annotations

import re
from typing import Any

from .clauses import has_action, split_actions
from .followups import edit_steps
from .plan import Plan, Step
from .planners import Answer, Task

NOTICE = (
    "(I am the offline planner, a rule-based stand-in: I split sentences by rules and do not"
    " understand them. For more, give a language model: --planner openai:MODEL or ollama:MODEL.)"
)

_FILE = re.compile(r"[\w./\\-]+\.(?:npz|npy|bvh|amc)\b|\bm-[0-9a-f]{6,12}\b", re.IGNORECASE)
_QUESTION = re.compile(
    r"^(?:what|which|who|where|when|why|how|is|are|was|does|did|do\s+you|has|describe|caption|"
    r"tell\s+me|explain|can\s+you\s+(?:tell|describe|see)|say\s+what|analy[sz]e|summari[sz]e)\b|\?\s*$",
    re.IGNORECASE,
)
_POLITE_WISH = re.compile(
    r"^(?:can|could|would|will)\s+you\s+(?:please\s+)?(?!tell|describe|see|explain|say)\w+|"
    r"^(?:how|what)\s+about\b",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"^(?:hi|hello|hey|good\s+(?:morning|evening|afternoon)|howdy)\b[\s!.,]*(?:there)?[\s!.,]*$",
    re.IGNORECASE,
)
_THANKS = re.compile(
    r"^(?:thanks?|thank\s+you|thx|great|nice|cool|perfect|well\s+done|bye|goodbye|ok(?:ay)?)\b"
    r"[^?]{0,40}$",
    re.IGNORECASE,
)
_ABOUT_ME = re.compile(
    r"\b(?:who|what)\s+are\s+you\b|\bwhat\s+can\s+you\s+do\b|^help\b|\bhow\s+does\s+this\s+work\b",
    re.IGNORECASE,
)
_HELP = (
    "Tell me what a person does and I make the motion, for example: “A tired person walks"
    " forward, then waves with both hands, then bows.” Then: “add a jump at the end”, “replace the"
    " wave with a kick”, “remove the last”, “another take”, “make s2 longer”, “undo”, or ask what a"
    " motion shows."
)


class OfflinePlanner:
    """A `Planner` made of rules."""

    name = "offline"
    tries = 1  # it would answer the same again
    notice = NOTICE

    def ask(self, task: Task) -> Answer:
        plan = self.plan(task)
        return Answer(plan if isinstance(plan, str) else plan.model_dump_json())

    def reply(self, request: str, facts: str) -> str | None:
        return None

    def plan(self, task: Task) -> Plan | str:
        """The plan; as JSON text where it breaks a limit, so that the ladder says which."""
        text = task.request.strip()
        if task.captions:
            return _say(_answer_from_captions(task))
        small_talk = _small_talk(text)
        if small_talk:
            return _say(small_talk)
        question = _QUESTION.search(text) and not _POLITE_WISH.search(text)
        files = _FILE.findall(text)
        if question or (files and not has_action(_FILE.sub("", text))):
            return _question(task, files)
        steps = edit_steps(text, task.timeline)
        if steps is not None:
            return _plan("An edit of the current motion, by rules.", steps)
        if not has_action(text):
            return _say(f"I found no action in “{text[:80]}”. {_HELP}")
        actions = split_actions(text)
        if not actions:
            return _say(f"I found no action in “{text[:80]}”. {_HELP}")
        new = [
            {"tool": "generate_motion", "description": a.description, "seconds": a.seconds}
            for a in actions
        ]
        count = "One action" if len(new) == 1 else f"{len(new)} actions in order"
        return _plan(f"{count}, split by rules.", new)


def _plan(reasoning: str, steps: list[dict[str, Any]]) -> Plan | str:
    import json

    if steps and "say" in steps[0]:
        return _say(str(steps[0]["say"]))
    try:
        return Plan(reasoning=reasoning, plan=tuple(Step(**step) for step in steps))
    except ValueError:
        return json.dumps({"reasoning": reasoning, "plan": steps})


def _say(text: str) -> Plan:
    return Plan(reasoning=text, plan=())


def _small_talk(text: str) -> str | None:
    if _GREETING.match(text):
        return f"Hello! {_HELP}"
    if _ABOUT_ME.search(text):
        return _HELP
    if _THANKS.match(text) and not has_action(text):
        return "You are welcome. Tell me what should move next."
    return None


def _question(task: Task, files: list[str]) -> Plan:
    if files:
        steps = [Step(tool="caption_motion", motion=name) for name in dict.fromkeys(files)]
        return Plan(reasoning="I look at the motion first.", plan=tuple(steps))
    if not task.timeline["segments"]:
        return _say(f"There is no motion yet to say something about. {_HELP}")
    return Plan(reasoning="I look at the motion first.", plan=(Step(tool="caption_motion"),))


def _answer_from_captions(task: Task) -> str:
    seen = " ".join(f"In {c['name']} I see: {c['text'].rstrip('.')}." for c in task.captions)
    return f"{seen} I cannot reason further than that without a language model."
