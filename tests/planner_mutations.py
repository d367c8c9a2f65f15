"""Valid plans, written and damaged in the ways of planner LLMs; what the ladder may make of them.

A case is drawn from a `random.Random`, so that Hypothesis and a plain loop can share it:

    forms     a plan as JSON, in fences, in wrappers, as strings, in the paper's own form, …
    wrapping  prose, drafts, thoughts around it, single quotes, comments, bare keys, …
    damage    a cut, a character too few or too many

Forms and wrapping keep the meaning: the exact plan must come out, or an `InvalidPlanError`.
Damage may lose characters of a description, but never a step: as many steps with the same tools
and letters come out, or an `InvalidPlanError`. A cut gives the exact plan or an error.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from motion_agent.agent_graph.parsing import parse_plan
from motion_agent.agent_graph.plan import InvalidPlanError, Plan, Step, validate_plan

Steps = list[dict[str, Any]]

_ACTIONS = (
    "a person walks forward", "a man's arms swing (both) while he walks", "a person bows",
    "an old man says \"hi\" and waves", "a person turns 180 degrees, then stops; it's slow",
    "eine Person geht vorwärts", "一个人向前走", "a person kicks with the right leg – hard",
    "a person [limping] steps back", "she jumps 3 times: once, twice, again", "a dancer's spin",
    "a person raises the left hand (the other stays down)", "a person sits/kneels & stands",
    "a person does 'jazz hands'", "plan: a person runs", "walk", "a person hops on one leg 🙂",
    "a person leans, breathes out and (finally) rests", "a person shrugs // or so", "he # nods",
)  # fmt: skip
_NEAR = {
    "generate_motion": ("MotionLLM.generate", "generateMotion", "Generate_Motion", "generate",
                        "functions.generate_motion", "generate motion", "generate_motions"),
    "caption_motion": ("MotionLLM.caption", "captionMotion", "caption", "caption motion"),
    "keep_segment": ("keepSegment", "keep", "Keep segment", "keep_segments"),
    "open_motion": ("openMotion", "open", "tools.open_motion", "open motion"),
    "start_over": ("startOver", "start over", "START_OVER"),
    "name_motion": ("rename_motion", "nameMotion", "name motion"),
    "export_motion": ("exportMotion", "save_motion", "export", "export motion"),
    "undo": ("Undo",), "redo": ("REDO",),
}  # fmt: skip
_PROSE = (
    "Sure! Here is the plan:", "I'll split that into actions.", "Note [1]: see {x} below.",
    "Let's think step by step", "The person's motion (as asked)", "OK", "Of course – here it is",
    "1) First things first.", "¡Claro!", "Here's what he'd do:", "", "\ufeff",
)  # fmt: skip
_AFTER = (
    "Hope this helps!",
    "Done.",
    "(That's all)",
    "Let me know [if] more",
    "```",
    "",
    "\n\n",
    ".",
)


@dataclass(frozen=True)
class Case:
    """An answer and the plan that was meant.

    Attributes:
        text: the answer.
        meant: the plan behind it.
        truncated: what the provider says of it.
        damage: whether characters may have been lost or added (``some``), the end is missing
            (``cut``), or only the form is unusual (``none``).
        story: how it was made, for reading a failure.
    """

    text: str
    meant: Plan
    truncated: bool
    damage: str
    story: tuple[str, ...]


def make_case(rng: random.Random) -> Case:
    """An answer to read."""
    steps = _steps(rng)
    placement = rng.choice([[], [], [180, 0, 1], [-90.5, 1.25, 0]])
    name, form = rng.choice(_FORMS)
    wrapped = form(steps, placement, rng)
    while wrapped is None:
        name, form = rng.choice(_FORMS)
        wrapped = form(steps, placement, rng)
    text, meant = wrapped
    story = [name]
    for _ in range(rng.choice([0, 1, 1, 2, 2, 3])):
        name, wrap = rng.choice(_WRAPPINGS)
        text, story = wrap(text, rng), [*story, name]
    kind = rng.choice(["none", "none", "some", "cut"])
    truncated = False
    if kind == "cut":
        cut = text[: rng.randrange(len(text) + 1)]
        # Lines may end after any of them, and a draft is a plan: there only the provider knows.
        truncated = bool(_OPEN_ENDED & set(story)) or rng.random() < 0.3
        text = cut
    elif kind == "some":
        text = _damaged(text, rng)
    return Case(text, meant, truncated, kind, tuple(story))


def check(case: Case) -> bool:
    """Read the answer; whether a plan came out.

    Raises:
        AssertionError: a plan came out that was not meant.
    """
    try:
        plan = parse_plan(case.text, truncated=case.truncated).plan
    except InvalidPlanError as err:
        assert "\n" not in str(err), repr(case)
        return False
    assert _outline(plan.plan, case.damage) == _outline(case.meant.plan, case.damage), (
        f"{case.story} {case.damage}: {case.text!r}\n-> {plan.plan}"
    )
    if case.damage == "none" and plan.placement:
        assert plan.placement == case.meant.placement, repr(case)
    return True


def _outline(steps: tuple[Step, ...], damage: str) -> list[Any]:
    if damage == "some":
        # Letters that are left of an escape such as \\u2013 are no matter of steps.
        lost = re.compile(r"u[0-9a-f]{4}|[^A-Za-z0-9]")
        return [(s.tool, lost.sub("", f"{s.description} {s.motion}")) for s in steps]
    return [tuple(sorted(s.model_dump().items())) for s in steps]


def _steps(rng: random.Random) -> Steps:
    kind = rng.random()
    if kind < 0.05:
        return [{"tool": rng.choice(["undo", "redo"])}]
    steps: Steps = []
    if kind < 0.2:
        first = [{"tool": "start_over"}, {"tool": "open_motion", "motion": "motion 2"}]
        steps.append(rng.choice(first))
    for _ in range(rng.choice([1, 1, 2, 2, 3, 4, 8])):
        drawn = rng.random()
        if drawn < 0.7 or kind > 0.7:
            step: dict[str, Any] = {"tool": "generate_motion", "description": rng.choice(_ACTIONS)}
            if rng.random() < 0.3:
                step["seconds"] = rng.choice([1, 2.5, 4, 10.0])
            if rng.random() < 0.15:
                step["segment"] = f"s{rng.randint(1, 12)}"
            if rng.random() < 0.2:
                step["person"] = 2
        elif drawn < 0.85:
            step = {"tool": "keep_segment", "segment": f"s{rng.randint(1, 12)}"}
        elif drawn < 0.95:
            step = {"tool": "caption_motion", "motion": rng.choice(["", "walk.bvh", "motion 1"])}
        else:
            step = {"tool": "export_motion", "motion": "it's.bvh"}
        steps.append(step)
    if kind < 0.3 and rng.random() < 0.3:
        steps.append({"tool": "name_motion", "motion": 'the "best" (one)'})
    return steps


def _plan(steps: Steps, placement: list[float], rng: random.Random) -> dict[str, Any]:
    empty = {"description": "", "seconds": 0, "motion": "", "segment": "", "person": 1}
    full = rng.random() < 0.5  # with all fields, as a strict schema has it
    steps = [{**empty, **step} if full else dict(step) for step in steps]
    value: dict[str, Any] = {"reasoning": rng.choice(["because", "it's so", ""]), "plan": steps}
    if placement or rng.random() < 0.5:
        value["placement"] = placement
    if rng.random() < 0.2:
        value = dict(reversed(value.items()))
    return value


def _dumps(value: Any, rng: random.Random) -> str:
    return json.dumps(value, indent=rng.choice([None, None, 2]), ensure_ascii=rng.random() < 0.3)


_Answer = tuple[str, Plan] | None


def _meant(steps: Steps, placement: list[float]) -> Plan:
    return validate_plan({"plan": steps, "placement": placement})


def _json(steps: Steps, placement: list[float], rng: random.Random) -> _Answer:
    return _dumps(_plan(steps, placement, rng), rng), _meant(steps, placement)


def _wrapped(steps: Steps, placement: list[float], rng: random.Random) -> _Answer:
    value = _plan(steps, placement, rng)
    key = rng.choice(["plan", "arguments", "parameters", "properties", "MotionPlan", "output"])
    inner: Any = value if key != "arguments" or rng.random() < 0.5 else json.dumps(value)
    outer = {key: inner}
    if key in ("arguments", "parameters") and rng.random() < 0.5:
        outer = {"name": "motion_plan", **outer}
    return _dumps(outer, rng), _meant(steps, placement)


def _bare_list(steps: Steps, placement: list[float], rng: random.Random) -> _Answer:
    return _dumps(steps, rng), _meant(steps, [])


def _lines(steps: Steps, placement: list[float], rng: random.Random) -> _Answer:
    return rng.choice(["\n", "\n\n", " ", ",\n"]).join(map(json.dumps, steps)), _meant(steps, [])


def _strings(steps: Steps, placement: list[float], rng: random.Random) -> _Answer:
    value = _plan(steps, placement, rng)
    if rng.random() < 0.5:
        value["plan"] = [json.dumps(step) for step in value["plan"]]
    else:
        value["plan"] = json.dumps(value["plan"])
    return _dumps(value, rng), _meant(steps, placement)


def _near_names(steps: Steps, placement: list[float], rng: random.Random) -> _Answer:
    value = _plan([{**s, "tool": rng.choice(_NEAR[s["tool"]])} for s in steps], placement, rng)
    return _dumps(value, rng), _meant(steps, placement)


def _units(steps: Steps, placement: list[float], rng: random.Random) -> _Answer:
    value = _plan(steps, placement, rng)
    for step in value["plan"]:
        if step.get("seconds"):
            duration = f"{step['seconds']:g}"
            step["seconds"] = duration + rng.choice(["s", " seconds", " sec", ""])
            if rng.random() < 0.2:
                step["seconds"] = f"{float(duration) * 1000:g} ms"
        if step.get("person"):
            step["person"] = rng.choice(["person ", "", "Person "]) + str(step["person"])
    if placement:
        theta, x, z = (f"{number:g}" for number in placement)
        value["placement"] = rng.choice(
            [
                {"theta": placement[0], "x": placement[1], "z": placement[2]},
                {"theta": f"{theta}°", "x": f"{x} m", "z": f"{z}m"},
                f"({theta}, {x}, {z})",
                f"[{theta}, {x}, {z}]",
                f"theta={theta}, x={x}, z={z}",
                f"{theta}°, {x} m, {z} m",
                [f"{theta} degrees", f"{x} m", f"{z} m"],
            ]
        )
    return _dumps(value, rng), _meant(steps, placement)


def _calls(steps: Steps, placement: list[float], rng: random.Random) -> _Answer:
    """OpenAI's and other people's tool calls."""
    written = []
    for step in steps:
        arguments: Any = {key: value for key, value in step.items() if key != "tool"}
        if rng.random() < 0.5:
            arguments = json.dumps(arguments)
        call = {"name": step["tool"], "arguments": arguments}
        written.append({"type": "function", "function": call} if rng.random() < 0.4 else call)
    value: Any = written if rng.random() < 0.3 else {"plan": written, "reasoning": "so"}
    return _dumps(value, rng), _meant(steps, [])


_SAYABLE = {"generate_motion": "description", "caption_motion": "motion"}


def _papers(steps: Steps, placement: list[float], rng: random.Random) -> _Answer:
    """1. MotionLLM.generate('…'); 2. …"""
    fields = [_SAYABLE.get(step["tool"]) for step in steps]
    if None in fields or any(set(step) - {"tool", *_SAYABLE.values()} for step in steps):
        return None
    quote = rng.choice(["'", '"'])
    numbered = rng.random() < 0.8
    calls = []
    for number, (step, name) in enumerate(zip(steps, fields, strict=True), start=1):
        verb = step["tool"].partition("_")[0]
        label = f"{number}. " if numbered else ""
        calls.append(f"{label}MotionLLM.{verb}({quote}{step[name]}{quote})")  # type: ignore[index]
    text = rng.choice(["; ", ";\n", "\n", ", ", ";"]).join(calls)
    if rng.random() < 0.4:
        text = json.dumps({"plan": text, "reasoning": "so"})
    return text, _meant(steps, [])


def _descriptions(steps: Steps, placement: list[float], rng: random.Random) -> _Answer:
    if any(set(step) != {"tool", "description"} for step in steps):
        return None
    if any(re.search(r"[{}\[\]]|['\"]\s*:", step["description"]) for step in steps):
        return None
    return _dumps({"plan": [s["description"] for s in steps]}, rng), _meant(steps, [])


def _python(steps: Steps, placement: list[float], rng: random.Random) -> _Answer:
    value = _plan(steps, placement, rng)
    if rng.random() < 0.5:
        value["plan"] = [{**step, "note": None} for step in value["plan"]]
    return str(value), _meant(steps, placement)


_FORMS: list[tuple[str, Callable[[Steps, list[float], random.Random], _Answer]]] = [
    ("json", _json), ("json", _json), ("wrapped", _wrapped), ("bare list", _bare_list),
    ("lines", _lines), ("strings", _strings), ("near names", _near_names), ("units", _units),
    ("calls", _calls), ("papers", _papers), ("papers", _papers), ("descriptions", _descriptions),
    ("python", _python),
]  # fmt: skip
_OPEN_ENDED = {"lines", "papers", "draft", "thoughts"}


def _prose(text: str, rng: random.Random) -> str:
    return f"{rng.choice(_PROSE)}{rng.choice([' ', chr(10), chr(10) * 2])}{text}"


def _prose_after(text: str, rng: random.Random) -> str:
    return f"{text}{rng.choice([' ', chr(10)])}{rng.choice(_AFTER)}"


def _fence(text: str, rng: random.Random) -> str:
    return f"```{rng.choice(['json', '', 'JSON', 'python'])}\n{text}\n```"


def _draft(text: str, rng: random.Random) -> str:
    draft = json.dumps({"reasoning": "draft", "plan": [{"tool": "generate_motion",
                        "description": "a person flies"}]})  # fmt: skip
    if rng.random() < 0.5:
        draft = f"```json\n{draft}\n```"
    return f"Draft:\n{draft}\nFinal:\n{text}"


def _thoughts(text: str, rng: random.Random) -> str:
    draft = json.dumps({"plan": [{"tool": "generate_motion", "description": "a person flies"}]})
    thought = rng.choice(["hm, the user's wish", draft, "1. MotionLLM.generate('x')", "a {b} [c"])
    tag = rng.choice(["think", "thinking", "THINK"])
    return f"<{tag}>{thought}</{tag}>{rng.choice(['', chr(10)])}{text}"


def _no_opening(text: str, rng: random.Random) -> str:
    return f"hm, let me think about it\n</think>\n{text}"


def _unclosed(text: str, rng: random.Random) -> str:
    return f"<think>The user wants some actions.\n{text}"


def _trailing_commas(text: str, rng: random.Random) -> str:
    return re.sub(r'(?<=["\d}\]])(\s*[}\]])', r",\1", text)


def _comments(text: str, rng: random.Random) -> str:
    comment = rng.choice(["// the steps\n", "/* the steps */ ", "# the steps\n"])
    return re.sub(r'("plan": ?)(?=\[)', rf"\n{comment}\1", text, count=1)


def _bare_keys(text: str, rng: random.Random) -> str:
    return re.sub(r'"(\w+)":', r"\1:", text)


def _literals(text: str, rng: random.Random) -> str:
    return re.sub(r'"seconds": 0(?=[,}])', '"seconds": None', text)


def _missing_commas(text: str, rng: random.Random) -> str:
    return re.sub(r"\},(\s*)\{", r"}\1 {", text)


def _crlf(text: str, rng: random.Random) -> str:
    return text.replace("\n", "\r\n")


_WRAPPINGS: list[tuple[str, Callable[[str, random.Random], str]]] = [
    ("prose", _prose), ("prose", _prose), ("prose after", _prose_after), ("fence", _fence),
    ("draft", _draft), ("thoughts", _thoughts), ("no opening", _no_opening),
    ("unclosed", _unclosed), ("trailing commas", _trailing_commas), ("comments", _comments),
    ("bare keys", _bare_keys), ("literals", _literals), ("missing commas", _missing_commas),
    ("crlf", _crlf),
]  # fmt: skip


def _damaged(text: str, rng: random.Random) -> str:
    """One to three characters that are no letters too few or too many, or a broken byte."""
    places = [i for i, char in enumerate(text) if not char.isalnum() and char != "_"]
    if not places:
        return text
    at = rng.choice(places)
    kind = rng.randrange(4)
    if kind == 0:
        return text[:at] + text[at + 1 :]
    if kind == 1:
        end = at
        while end < min(at + 3, len(text)) and not (text[end].isalnum() or text[end] == "_"):
            end += 1
        return text[:at] + text[end:]
    if kind == 2:
        return text[:at] + rng.choice("{}[]\"',:;\\`<>\n\x00\x1b()") + text[at:]
    return text[:at] + "\ufffd" + text[at + 1 :]
