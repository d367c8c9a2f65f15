"""The examples in the prompts: only those that fit the situation, because small models copy
them.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage

from ..prompts import load_prompt

if TYPE_CHECKING:
    from .planners import Task

SMALL = 3.5  # billion parameters: below this, the short prompts give more sensible plans
_SIZE = re.compile(r"(?<![\w.])(?:e)?(\d+(?:\.\d+)?)\s?([bm])(?![a-z])", re.IGNORECASE)
_ABOUT_FILE = re.compile(r"\b\w+\.(?:bvh|npz)\b")
_ABOUT_MOTION = re.compile(r"The current motion|\"motion\": \"\"")


def wants_short_prompts(model: BaseChatModel) -> bool:
    """Return MOTION_AGENT_SHORT_PROMPTS (0 or 1) if set, else whether the name is a small
    model's.
    """
    setting = os.environ.get("MOTION_AGENT_SHORT_PROMPTS", "").strip().lower()
    if setting:
        return setting not in ("0", "no", "off", "false")
    name = getattr(model, "model_name", None) or getattr(model, "model", None) or ""
    sizes = [
        float(number) / (1000 if unit.lower() == "m" else 1)
        for number, unit in _SIZE.findall(str(name))
    ]
    return bool(sizes) and max(sizes) < SMALL


def long_examples(task: Task) -> str:
    """Return the examples of the long prompt, in order."""
    parts = load_prompt("planner_examples").split("\n\n")
    return "\n\n".join(part for part in parts if _fits(part, task))


def short_examples(task: Task) -> list[AnyMessage]:
    """Return the examples of the short prompt as turns of a conversation.

    Each is the situation and the request, then the plan on its own line.
    """
    turns: list[AnyMessage] = []
    lines: list[str] = []
    for line in load_prompt("planner_short_examples").splitlines():
        if not line.startswith('{"reasoning"'):
            lines.append(line)
            continue
        situation = "\n".join(lines).strip()
        if _fits(f"{situation}\n{line}", task):
            turns += [HumanMessage(situation), AIMessage(line)]
        lines = []
    return turns


def _fits(example: str, task: Task) -> bool:
    """Return whether an example may be copied: it refers to no motion or file that does not
    exist.
    """
    if _ABOUT_MOTION.search(example) and not task.timeline.segments:
        return False
    if _ABOUT_FILE.search(example):
        words = " ".join([task.request, *(message.text for message in task.history)])
        return bool(re.search(r"\.[A-Za-z]\w{1,3}\b", words) or task.timeline.segments)
    return True
