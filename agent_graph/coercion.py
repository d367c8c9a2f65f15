"""From any JSON value that a planner may write to a plan's fields: wrappers, names, numbers.

Nothing here guesses content. A wrapper is opened, a near-miss name is corrected, "4 seconds"
becomes 4.0; an unknown field or tool is an error that goes back to the planner.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ..motion_core.llm_values import (
    ARGUMENT_KEYS,
    Quantity,
    amount,
    is_nothing,
    json_inside,
    unquoted,
)
from .calls import CALL, numbered_steps
from .lenient_json import lenient_json
from .plan import TOOLS, InvalidPlanError, Step
from .tool_names import called, is_tool_name, tool_named


class NotAPlan(ValueError):
    """The value is JSON but bears no relation to a plan."""


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
    "length": "seconds", "motion_id": "motion", "file": "motion", "filename": "motion",
    "file_name": "motion", "path": "motion", "segment_id": "segment", "character": "person",
}  # fmt: skip
_IGNORED = {
    "id", "step", "number", "index", "order", "step_number", "type", "note", "notes", "comment",
    *_REASONING_KEYS,
}  # fmt: skip

_SHORT_CALL = re.compile(
    r"\s*(?:\d+[.):]\s*)?([A-Za-z_]\w*)\s*\(\s*(?:(['\"])(.*)\2)?\s*\)\s*;?\s*", re.DOTALL
)
_SYNTAX = re.compile(r"""[{}\[\]]|['"]\s*:""")

_QUANTITIES: dict[str, Quantity] = {
    "seconds": "seconds", "person": "number", "theta": "degrees", "x": "metres", "z": "metres",
}  # fmt: skip
_PLACE_NAMES = {"theta": ("theta", "θ", "angle", "rotation", "heading"), "x": ("x",), "z": ("z",)}


def plan_from_value(value: Any, *, depth: int = 0) -> dict[str, Any]:
    """Return the fields of the plan in a JSON value, unwrapped.

    Raises:
        NotAPlan: the value has neither steps nor a field for them.
        InvalidPlanError: it has, but their meaning is ambiguous.
    """
    if depth > 6:
        raise NotAPlan("nested too deeply")
    if isinstance(value, str):
        inner = json_inside(value)
        if inner is not None:
            return plan_from_value(inner, depth=depth + 1)
        if CALL.search(value):
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
    return _plan_from_dict(_lowered(value), depth)


def _lowered(value: dict[Any, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for key, item in value.items():
        name = str(key).strip().lower()
        if name in fields and name not in _REASONING_KEYS:
            raise InvalidPlanError(f"the field {name!r} appears twice in one object")
        fields[name] = item
    return fields


def single_step(value: Any) -> bool:
    """Return whether the value is one step, not a plan."""
    return isinstance(value, dict) and _is_step(value)


def _plan_from_dict(value: dict[str, Any], depth: int) -> dict[str, Any]:
    if _is_schema(value):
        raise InvalidPlanError(
            "the answer repeats the JSON schema; fill it in: give the steps themselves",
            "schema_echo",
        )
    for key in _STEPS_KEYS:
        if key not in value:
            continue
        _nothing_beside(value, key)
        stray = next((name for name, item in value.items() if _is_stray(name, item)), None)
        if stray is not None:  # text that fell out of the step list of a damaged plan
            raise InvalidPlanError(f"{stray[:60]!r} is not a field of a plan")
        inner = value[key]
        if isinstance(inner, dict) and not _is_step(inner):
            return _with_siblings(plan_from_value(inner, depth=depth + 1), value)
        return _with_siblings({"plan": _steps(_list_of_steps(inner)), "reasoning": ""}, value)
    if _is_step(value):
        return {"plan": _steps([value]), "reasoning": ""}
    for key in _WRAPPERS:
        if isinstance(value.get(key), dict | list | str) and value[key]:
            _nothing_beside(value, key)
            return _with_siblings(plan_from_value(value[key], depth=depth + 1), value)
    if len(value) == 1:  # an unknown wrapper, such as {"MotionPlan": {…}}
        only = next(iter(value.values()))
        if isinstance(only, dict | list):
            return plan_from_value(only, depth=depth + 1)
    reasons = [key for key in _REASONING_KEYS if isinstance(value.get(key), str) and value[key]]
    if reasons and set(value) <= {*_REASONING_KEYS, "placement"}:
        # The paper's planners answer a question with reasoning alone.
        return _with_siblings({"plan": [], "reasoning": ""}, value)
    raise NotAPlan("an object without a plan")


def _is_stray(name: str, item: Any) -> bool:
    """Return whether a field beside the steps looks like text that fell out of their list."""
    known = {*_STEPS_KEYS, *_REASONING_KEYS, "placement"}
    return name not in known and (item == "" or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]*", name))


def _list_of_steps(value: Any) -> list[Any]:
    if isinstance(value, str):
        steps = json_inside(value)
        if steps is None and value.strip():
            if not CALL.search(value):
                raise InvalidPlanError(
                    f"plan is the text {value[:60]!r}; it must be a list of steps"
                )
            return list(numbered_steps(value))
        value = steps
    if value is None:
        return []
    if isinstance(value, dict):
        value = [value] if _is_step(value) else plan_from_value(value)["plan"]
    if not isinstance(value, list):
        raise InvalidPlanError("plan must be a list of steps")
    return value


def _nothing_beside(value: dict[str, Any], key: str) -> None:
    """Raise if there are steps under another key too, which would make the plan ambiguous."""
    for other, item in value.items():
        if other != key and other not in _REASONING_KEYS and holds_steps(item):
            raise InvalidPlanError(
                f"there are steps under {key!r} and under {other!r}; give one list 'plan'"
            )


def holds_steps(value: Any) -> bool:
    """Return whether a JSON value contains a step anywhere."""
    if isinstance(value, str):
        inner = json_inside(value)
        return bool(CALL.search(value)) if inner is None else holds_steps(inner)
    if isinstance(value, list):
        return any(holds_steps(item) for item in value)
    if not isinstance(value, dict):
        return False
    if _is_step(value):
        return True
    lists = [value[key] for key in value if str(key).strip().lower() in _STEPS_KEYS]
    return any(bool(found) for found in lists) or any(holds_steps(v) for v in value.values())


def _with_siblings(plan: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """Return the plan with the reasoning and placement found beside its steps."""
    for key in _REASONING_KEYS:
        if value.get(key) and not plan["reasoning"]:
            reasoning = value[key]
            plan["reasoning"] = reasoning if isinstance(reasoning, str) else json.dumps(reasoning)
    if "placement" in value:
        placement = _placement(value["placement"])
        if plan.get("placement") and placement and plan["placement"] != placement:
            raise InvalidPlanError("there are two placements; give one")
        plan["placement"] = placement or plan.get("placement", [])
    return plan


def _placement(value: Any) -> Any:
    """Return the placement as a list, from an object, a list, or text such as "(180, 0, 1)" or with
    units.
    """
    if is_nothing(value) or (isinstance(value, dict | list) and not value):
        return []
    if isinstance(value, str):
        inner = json_inside(value)
        if inner is not None:
            return _placement(inner)
        if value.strip() == "()":
            return []
        pairs = re.findall(r"([A-Za-zθ]+)\s*[=:]\s*([^,;]+)", value)
        if pairs:
            return _placement(dict(pairs))
        value = [
            part for part in re.split(r"[,;]\s*|\s{1,}(?=[-+.\d])", value.strip("()[] ")) if part
        ]
    if isinstance(value, dict):
        fields = _lowered(value)
        place = {}
        for field, names in _PLACE_NAMES.items():
            for name in names:
                if name in fields:
                    place[field] = fields.pop(name)
        if fields or len(place) != 3:
            raise InvalidPlanError(
                "placement must be [theta, x, z] of person 2, in degrees and metres, or []"
            )
        value = [place["theta"], place["x"], place["z"]]
    if not isinstance(value, list):
        raise InvalidPlanError("placement must be a list of three numbers, or []")
    if len(value) != 3:
        return value
    return [
        _number(item, name, "placement") if isinstance(item, str) else item
        for item, name in zip(value, ("theta", "x", "z"), strict=True)
    ]


def _steps(values: list[Any]) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    for value in values:
        if isinstance(value, str):
            steps.extend(_steps_from_string(value))
        elif isinstance(value, dict):
            number = len(steps) + 1
            try:
                steps.append(_step(value, number))
            except InvalidPlanError as err:
                raise InvalidPlanError(str(err), err.cause, steps=[number]) from err
        else:
            raise InvalidPlanError(f"step {len(steps) + 1} is {value!r:.40}; it must be an object")
    return steps


def _steps_from_string(text: str) -> list[dict[str, Any]]:
    inner = json_inside(text)
    if isinstance(inner, dict):
        return [_step(inner, 1)]
    if CALL.search(text):
        return numbered_steps(text)
    call = _SHORT_CALL.fullmatch(text)
    if call:
        return [called(tool_named(call[1]), call[3] or "")]
    if is_tool_name(text):
        return [{"tool": tool_named(text)}]
    if _SYNTAX.search(text) or any(tool in text for tool in TOOLS if "_" in tool):
        raise InvalidPlanError(f"the step {text[:60]!r} is a string; it must be an object")
    return [{"tool": "generate_motion", "description": re.sub(r"^\s*\d+[.):]\s+", "", text)}]


def _step(value: dict[str, Any], number: int) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, item in _lowered(value).items():
        if name in ARGUMENT_KEYS:
            if isinstance(item, str):
                item = _arguments(item, number)
            if isinstance(item, dict):
                _add(flat, _lowered(item), number)
                continue
        if name == "function" and isinstance(item, dict):  # OpenAI's tool call
            _add(flat, _step(item, number), number)
            continue
        _add(flat, {name: item}, number)
    step: dict[str, Any] = {}
    for name, item in flat.items():
        field = name if name in Step.model_fields else _FIELD_NAMES.get(name, name)
        if field in Step.model_fields:
            if item is not None and (field == name or field not in step):
                step[field] = item
        elif name not in _IGNORED or holds_steps(item):
            raise InvalidPlanError(
                f"step {number} has the unknown field {name!r};"
                f" the fields are {', '.join(Step.model_fields)}"
            )
    if "tool" in step:
        step["tool"] = tool_named(str(step["tool"]))
    elif "description" in step:
        step["tool"] = "generate_motion"
    for field, empty in (("seconds", 0), ("person", 1)):
        if isinstance(step.get(field), str):
            text = re.sub(r"^\s*person\s*", "", step[field], flags=re.IGNORECASE)
            if field == "seconds":
                text = step[field]
            where = f"step {number}: {field}"
            step[field] = empty if is_nothing(text) else _number(text, field, where)
    for field in ("motion", "segment", "description"):
        if isinstance(step.get(field), str):
            step[field] = "" if is_nothing(step[field]) else unquoted(step[field])
    return step


def _arguments(text: str, number: int) -> Any:
    """Return a call's arguments, parsed from text."""
    if not _SYNTAX.search(text):
        return {"description": text}
    value = json_inside(text)
    if value is None:
        value = lenient_json(text)
    if not isinstance(value, dict):
        raise InvalidPlanError(f"step {number}: the arguments {text[:40]!r} are not a JSON object")
    return value


def _add(flat: dict[str, Any], more: dict[str, Any], number: int) -> None:
    for name, item in more.items():
        if flat.get(name) not in (None, "", item):
            raise InvalidPlanError(f"step {number} has two values for the field {name!r}")
        flat[name] = item


def _number(text: str, field: str, where: str) -> float | int:
    value = amount(text, _QUANTITIES[field])
    if value is None:
        raise InvalidPlanError(f"{where} is {text[:40]!r}; it must be a number")
    return int(value) if field == "person" and value.is_integer() else value


def _is_step(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    fields = {str(key).strip().lower(): item for key, item in value.items()}
    if set(fields) & set(_STEPS_KEYS):
        return False
    if isinstance(fields.get("tool", fields.get("tool_name")), str):
        return True
    function = fields.get("function")
    if isinstance(function, dict):  # OpenAI's tool call
        return _names_tool(function.get("name"))
    named = next((fields[key] for key in ("name", "action", "function") if key in fields), None)
    if named is not None:
        return _names_tool(named)
    return "description" in fields and set(fields) <= set(Step.model_fields) | _IGNORED


def _names_tool(name: Any) -> bool:
    try:
        return isinstance(name, str) and bool(tool_named(name))
    except InvalidPlanError:
        return False


def _is_schema(value: dict[str, Any]) -> bool:
    inner = value.get("properties")
    if not isinstance(inner, dict):
        return False
    plan = inner.get("plan")
    return isinstance(plan, dict) and "type" in plan and "plan" not in plan


def _call_like(text: str) -> bool:
    return bool(CALL.search(text) or _SHORT_CALL.fullmatch(text))
