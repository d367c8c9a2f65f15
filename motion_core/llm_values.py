r"""Values as LLMs write them: in the wrong wrapping, encoded twice, with units.

Plans and tool arguments are both read here. A wrapper is opened if its content is certain, never by
guessing: a damaged list written as text is an error, not one long description.

    '["a person walks", "a person bows"]'    a list in a text: two values
    ['["a person walks"]']                   … in a list of one
    '[]', '""', 'null'                       nothing
    '"{\"motion\": \"m-3fa9c1\"}"'         an object, encoded twice
    {"arguments": {"motion": "m-3fa9c1"}}    an object in an object
    '4 seconds', '50 cm'                     4.0, 0.5
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

if TYPE_CHECKING:
    from pydantic import BaseModel

ARGUMENT_KEYS = ("arguments", "args", "parameters", "params", "input", "kwargs")
"""Under which a call's arguments are put."""

Quantity = Literal["seconds", "metres", "degrees", "number"]

_DEPTH = 6  # nesting of wrappers
_NOTHING = ("", "null", "none", "undefined", '""', "''")
_MAY_COME_TWICE = {"reasoning", "explanation", "thought", "thoughts", "note", "comment"}
_UNITS: dict[Quantity, dict[str, float]] = {
    "seconds": {"": 1.0, "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0,
                "ms": 0.001, "min": 60.0, "minute": 60.0, "minutes": 60.0},
    "metres": {"": 1.0, "m": 1.0, "meter": 1.0, "meters": 1.0, "metre": 1.0, "metres": 1.0,
               "cm": 0.01},
    "degrees": {"": 1.0, "°": 1.0, "deg": 1.0, "degree": 1.0, "degrees": 1.0},
    "number": {"": 1.0},
}  # fmt: skip
_QUANTITIES: dict[str, Quantity] = {
    "seconds": "seconds", "theta": "degrees", "x": "metres", "z": "metres",
}  # fmt: skip
_AMOUNT = re.compile(r"\s*([+-]?(?:\d+(?:[.,]\d+)?|\.\d+))\s*([A-Za-z°]*)\.?\s*")


class _TwiceError(ValueError):
    """A JSON object has a key twice; the standard reader would drop the first value."""


def read_json(text: str) -> Any:
    """Return the JSON value; None if the text is not JSON or has an object with a duplicate key."""
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return None


def first_json(text: str) -> tuple[Any, int] | None:
    """Return the JSON value at the beginning of the text and where it ends, or None."""
    try:
        return json.JSONDecoder(object_pairs_hook=_unique).raw_decode(text)
    except (ValueError, RecursionError):
        return None


def json_inside(text: str) -> Any:
    """Return the list or object in a text, however often it was encoded; else None."""
    value: Any = text
    for _ in range(_DEPTH):
        if not isinstance(value, str):
            break
        value = _decoded(value)
    return value if isinstance(value, list | dict) else None


def is_nothing(value: Any) -> bool:
    """Return whether this is how weak models write a missing value."""
    return value is None or (isinstance(value, str) and value.strip().lower() in _NOTHING)


def amount(text: str, quantity: Quantity) -> float | None:
    """Return a number in seconds, metres or degrees, with or without a unit; else None."""
    match = _AMOUNT.fullmatch(text)
    factor = _UNITS[quantity].get(match[2].lower()) if match else None
    if match is None or factor is None:
        return None
    return round(float(match[1].replace(",", ".")) * factor, 6)


def unwrapped_object(value: Any, fields: Mapping[str, Any]) -> Any:
    """Return the arguments of a call as an object, unwrapped from texts and other objects.

    Args:
        value: from the LLM.
        fields: names of the arguments; an object that has one of them is not a wrapper.
    """
    for _ in range(_DEPTH):
        if isinstance(value, str) and isinstance(inner := json_inside(value), dict):
            value = inner
        elif (
            isinstance(value, Mapping)
            and len(value) == 1
            and (key := next(iter(value))) in ARGUMENT_KEYS
            and key not in fields
        ):
            value = value[key]
        else:
            break
    return value


def unwrapped_arguments(values: Any, model: type[BaseModel]) -> Any:
    """Return the arguments of a tool as its model can check them.

    Empty optional arguments are dropped, a second pair of quotes is removed, numbers lose their
    units, and a single value becomes a list if the model wants one.

    Raises:
        ValueError: a list was written as text and is damaged.
    """
    values = unwrapped_object(values, model.model_fields)
    if not isinstance(values, Mapping):
        return values
    arguments = {}
    for name, value in values.items():
        field = model.model_fields.get(name)
        if field is None:
            arguments[name] = value
            continue
        if not field.is_required() and is_nothing(value):
            continue
        if get_origin(field.annotation) is list:
            arguments[name] = unwrapped_list(value)
        elif field.annotation is str or str in get_args(field.annotation):
            arguments[name] = unquoted(value)
        elif isinstance(value, str) and name in _QUANTITIES:
            number = amount(value, _QUANTITIES[name])
            arguments[name] = value if number is None else number
        else:
            arguments[name] = value
    return arguments


def unwrapped_list(value: Any) -> Any:
    """Return the list that a value stands for: itself, one in a text, or a list of one text.

    Raises:
        ValueError: a list was written as text and is damaged.
    """
    for _ in range(_DEPTH):
        if isinstance(value, list) and len(value) == 1 and _looks_like_list(value[0]):
            value = value[0]
        if not isinstance(value, str):
            break
        if is_nothing(value):
            return []
        inner = json_inside(value)
        if inner is None and _looks_like_list(value):
            raise ValueError(
                f"{value[:60]!r} is a list written as text, and damaged; send a JSON list"
            )
        if not isinstance(inner, list):
            return [unquoted(value)]
        value = inner
    return value


def unquoted(value: Any) -> Any:
    """Return a text without a second pair of quotes around it."""
    if isinstance(value, str) and len(value) > 2 and value[0] == value[-1] == '"':
        inner = read_json(value)
        return inner if isinstance(inner, str) else value
    return value


def _looks_like_list(value: Any) -> bool:
    return isinstance(value, str) and value.lstrip()[:1] == "["


def _decoded(text: str) -> Any:
    """Return the JSON value of a text; a list in single quotes, as in Python, counts too."""
    value = read_json(text)
    if value is not None or text.lstrip()[:1] not in ("[", "{") or "\\" in text:
        return value
    try:
        tree = ast.parse(text.strip(), mode="eval")
        objects = [node for node in ast.walk(tree) if isinstance(node, ast.Dict)]
        if any(len({ast.dump(key) for key in o.keys if key}) != len(o.keys) for o in objects):
            return None  # duplicate key
        return ast.literal_eval(tree)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs if name not in _MAY_COME_TWICE]
    if len(names) != len(set(names)):
        raise _TwiceError(f"a key is there twice: {', '.join(names)}")
    return dict(pairs)
