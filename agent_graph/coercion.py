"""From any JSON value a planner may write to the fields of a plan: wrappers, names, numbers.

Nothing here guesses content. A wrapper is opened, a near-miss name is put right, "4 seconds"
becomes 4.0; an unknown field or tool is an error that goes back to the planner.
"""

from __future__ import annotations

import difflib
import json
import re
from typing import Any

from .plan import TOOLS, InvalidPlanError, Step


class NotAPlan(ValueError):
    """The value is JSON but has nothing to do with a plan."""


_STEPS_KEYS = ("plan", "steps", "plans", "actions")
_WRAPPERS = (
    "arguments", "parameters", "args", "input", "output", "response", "result", "answer",
    "function", "motion_plan", "final_plan", "json", "properties", "function_call",
)  # fmt: skip
_REASONING_KEYS = ("reasoning", "reason", "explanation", "thought", "thoughts", "rationale")

_FIELD_NAMES = {
    "tool_name": "tool", "toolname": "tool", "name": "tool", "action": "tool", "function": "tool",
    "text": "description", "prompt": "description", "motion_description": "description",
    "desc": "description", "duration": "seconds", "duration_seconds": "seconds",
    "length": "seconds", "motion_id": "motion", "file": "motion", "segment_id": "segment",
}  # fmt: skip
_ARGUMENT_KEYS = ("arguments", "args", "parameters", "params", "input", "kwargs")
_IGNORED = {
    "id", "step", "number", "index", "order", "step_number", "type", "note", "notes", "comment",
    *_REASONING_KEYS,
}  # fmt: skip

_TOOL_NAMES = {
    "generate": "generate_motion", "generatemotion": "generate_motion",
    "motiongenerate": "generate_motion", "motiongeneration": "generate_motion",
    "texttomotion": "generate_motion", "t2m": "generate_motion", "create": "generate_motion",
    "createmotion": "generate_motion", "motionllmgenerate": "generate_motion",
    "generatemotions": "generate_motion", "motionllm": "generate_motion",
    "caption": "caption_motion", "captionmotion": "caption_motion",
    "motioncaption": "caption_motion", "motiontotext": "caption_motion", "m2t": "caption_motion",
    "describe": "caption_motion", "describemotion": "caption_motion",
    "motionllmcaption": "caption_motion",
    "keep": "keep_segment", "keepsegment": "keep_segment", "keepmotion": "keep_segment",
    "undo": "undo", "redo": "redo",
}  # fmt: skip

_CALL = re.compile(r"MotionLLM\s*\.\s*(\w+)\s*\(", re.IGNORECASE)
_NEAR_CALL = re.compile(r"MotionLLM\W{0,6}(?:generate|caption|keep)", re.IGNORECASE)
_ARGUMENT = re.compile(
    r"\s*(?:\w+\s*=\s*)?['\"‘’“”`](.*?)['\"’”`]\s*\)"
    r"(?=\s*(?:[;,.\]}\"'`]|$|\n|\d+\s*[.):]|and\b|then\b))",
    re.DOTALL | re.IGNORECASE,
)
_SHORT_CALL = re.compile(
    r"\s*(?:\d+[.):]\s*)?([A-Za-z_]\w*)\s*\(\s*(['\"])(.*)\2\s*\)\s*;?\s*", re.DOTALL
)
_SYNTAX = re.compile(r"""[{}\[\]]|['"]\s*:""")
_NUMBER = re.compile(r"\s*(-?\d+(?:[.,]\d+)?)\s*(?:s|sec|secs|seconds?)?\.?\s*", re.IGNORECASE)


def plan_from_value(value: Any, *, depth: int = 0) -> dict[str, Any]:
    """The fields of a plan in a JSON value, wrappers opened.

    Raises:
        NotAPlan: the value holds neither steps nor a place for them.
        InvalidPlanError: it does, but not in a form whose meaning is certain.
    """
    if depth > 6:
        raise NotAPlan("wrapped too deep")
    if isinstance(value, str):
        inner = _json(value)
        if inner is not None:
            return plan_from_value(inner, depth=depth + 1)
        if _CALL.search(value):
            return {"plan": numbered_steps(value), "reasoning": ""}
        raise NotAPlan("a string")
    if isinstance(value, list):
        if len(value) == 1 and isinstance(value[0], dict) and not _is_step(value[0]):
            return plan_from_value(value[0], depth=depth + 1)
        if not value or not all(isinstance(v, str) or _is_step(v) for v in value):
            raise NotAPlan("a list without steps")
        if all(isinstance(v, str) for v in value) and not any(_call_like(v) for v in value):
            raise NotAPlan("a list of strings")  # prose such as [1, 2] or ["a", "b"]
        return {"plan": _steps(value), "reasoning": ""}
    if not isinstance(value, dict):
        raise NotAPlan("no object")
    return _plan_from_dict({str(k).strip().lower(): v for k, v in value.items()}, depth)


def single_step(value: Any) -> bool:
    """Whether the value is one step, not a plan."""
    return isinstance(value, dict) and _is_step(value)


def numbered_steps(text: str) -> list[dict[str, Any]]:
    """Steps of the paper's form, with ``;``, newline or comma between them.

    Raises:
        InvalidPlanError: a call that does not end; nothing is dropped in silence.
    """
    steps = []
    # Each call is read within its own part of the text, so that a call that does not end
    # cannot swallow the next one.
    calls = list(_CALL.finditer(text))
    dangling = bool(re.search(r"(?:^|[;,\n])\s*\d+[.)]\s*\S{0,40}$", text[calls[-1].end() :]))
    ends = [call.start() for call in calls[1:]] + [len(text)]
    for call, end in zip(calls, ends, strict=True):
        argument = _ARGUMENT.match(text[call.end() : end])
        if argument is None:
            continue
        tool = _tool(f"motionllm.{call[1]}")
        field = {"caption_motion": "motion", "keep_segment": "segment"}.get(tool, "description")
        steps.append({"tool": tool, field: argument[1].strip()})
    dangling |= near_calls(text) != len(calls)
    if len(steps) != len(calls) or dangling:
        raise InvalidPlanError(
            f"only {len(steps)} calls of MotionLLM can be read to their end; there are more; write"
            " each as MotionLLM.generate('…') and finish the last",
            "truncated",
        )
    return steps


def near_calls(text: str) -> int:
    """How many calls of MotionLLM the text has, damaged ones too."""
    return len(_NEAR_CALL.findall(text))


def _plan_from_dict(value: dict[str, Any], depth: int) -> dict[str, Any]:
    if _is_schema(value):
        raise InvalidPlanError(
            "the answer repeats the JSON schema; fill it in: give the steps themselves",
            "schema_echo",
        )
    for key in _STEPS_KEYS:
        if key not in value:
            continue
        inner = value[key]
        if isinstance(inner, dict):
            return _with_reasoning(plan_from_value(inner, depth=depth + 1), value)
        if isinstance(inner, str):
            steps = _json(inner)
            if steps is None and not inner.strip():
                steps = []
            if steps is None:
                if not _CALL.search(inner):
                    raise InvalidPlanError(
                        f"plan is the text {inner[:60]!r}; it must be a list of steps"
                    )
                steps = numbered_steps(inner)
            inner = steps
        if inner is None:
            inner = []
        if not isinstance(inner, list):
            raise InvalidPlanError("plan must be a list of steps")
        return _with_reasoning({"plan": _steps(inner), "reasoning": ""}, value)
    if _is_step(value):
        return {"plan": _steps([value]), "reasoning": ""}
    for key in _WRAPPERS:
        if isinstance(value.get(key), dict | list | str) and value[key]:
            return _with_reasoning(plan_from_value(value[key], depth=depth + 1), value)
    if len(value) == 1:  # an unknown wrapper, such as {"MotionPlan": {…}}
        only = next(iter(value.values()))
        if isinstance(only, dict | list):
            return plan_from_value(only, depth=depth + 1)
    raise NotAPlan("an object without a plan")


def _with_reasoning(plan: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    for key in _REASONING_KEYS:
        if value.get(key) and not plan["reasoning"]:
            said = value[key]
            plan["reasoning"] = said if isinstance(said, str) else json.dumps(said)
    return plan


def _steps(values: list[Any]) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    for value in values:
        if isinstance(value, str):
            steps.extend(_steps_from_string(value))
        elif isinstance(value, dict):
            steps.append(_step(value, len(steps) + 1))
        else:
            raise InvalidPlanError(f"step {len(steps) + 1} is {value!r:.40}; it must be an object")
    return steps


def _steps_from_string(text: str) -> list[dict[str, Any]]:
    inner = _json(text)
    if isinstance(inner, dict):
        return [_step(inner, 1)]
    if _CALL.search(text):
        return numbered_steps(text)
    call = _SHORT_CALL.fullmatch(text)
    if call:
        tool = _tool(call.group(1))
        field = {"caption_motion": "motion", "keep_segment": "segment"}.get(tool, "description")
        return [{"tool": tool, field: call.group(3)}]
    if _SYNTAX.search(text):
        raise InvalidPlanError(f"the step {text[:60]!r} is a string; it must be an object")
    return [{"tool": "generate_motion", "description": re.sub(r"^\s*\d+[.):]\s+", "", text)}]


def _step(value: dict[str, Any], number: int) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, item in value.items():
        name = str(key).strip().lower()
        if name in _ARGUMENT_KEYS:
            if isinstance(item, str):
                item = _json(item) if _json(item) is not None else {"description": item}
            if isinstance(item, dict):
                flat.update({str(k).strip().lower(): v for k, v in item.items()})
                continue
        if name == "function" and isinstance(item, dict):  # OpenAI's tool call
            flat.update({str(k).strip().lower(): v for k, v in _step(item, number).items()})
            continue
        flat[name] = item
    step: dict[str, Any] = {}
    for name, item in flat.items():
        field = name if name in Step.model_fields else _FIELD_NAMES.get(name, name)
        if field in Step.model_fields:
            if item is not None and (field == name or field not in step):
                step[field] = item
        elif name not in _IGNORED:
            raise InvalidPlanError(
                f"step {number} has the unknown field {name!r};"
                f" the fields are {', '.join(Step.model_fields)}"
            )
    if "tool" in step:
        step["tool"] = _tool(str(step["tool"]))
    elif "description" in step:
        step["tool"] = "generate_motion"
    for field, kind in (("seconds", float), ("person", int)):
        if isinstance(step.get(field), str):
            step[field] = _number(step[field], field, number, kind)
    return step


def _tool(name: str) -> str:
    bare = re.sub(r"^(functions?|tools?)[.:]", "", name.strip().lower())
    letters = re.sub(r"[^a-z0-9]", "", bare)
    if letters in _TOOL_NAMES:
        return _TOOL_NAMES[letters]
    close = difflib.get_close_matches(letters, _TOOL_NAMES, n=1, cutoff=0.84)
    if close:
        return _TOOL_NAMES[close[0]]
    raise InvalidPlanError(f"there is no tool {name[:40]!r}; the tools are {', '.join(TOOLS)}")


def _number(text: str, field: str, number: int, kind: type) -> Any:
    stripped = re.sub(r"^\s*person\s*", "", text, flags=re.IGNORECASE)
    match = _NUMBER.fullmatch(stripped)
    if match:
        return kind(float(match.group(1).replace(",", ".")))
    if not text.strip():
        return kind(0) if field == "seconds" else 1
    raise InvalidPlanError(f"step {number}: {field} is {text[:40]!r}; it must be a number")


def _is_step(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    names = {str(key).strip().lower() for key in value}
    if names & set(_STEPS_KEYS):
        return False
    tool = next((value[k] for k in value if str(k).lower() in ("tool", "tool_name")), None)
    if isinstance(tool, str):
        return True
    name = next((value[k] for k in value if str(k).lower() in ("name", "action")), None)
    if isinstance(name, str):
        try:
            _tool(name)
        except InvalidPlanError:
            return False
        return True
    return "description" in names and names <= set(Step.model_fields) | _IGNORED


def _is_schema(value: dict[str, Any]) -> bool:
    inner = value.get("properties")
    if not isinstance(inner, dict):
        return False
    plan = inner.get("plan")
    return isinstance(plan, dict) and "type" in plan and "plan" not in plan


def _call_like(text: str) -> bool:
    return bool(_CALL.search(text) or _SHORT_CALL.fullmatch(text))


def _json(text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None
