r"""Values that an LLM wrote in the wrong wrapping: a list as text, arguments encoded twice.

Plans and tool arguments are both read through here. A wrapping is opened where its content is
certain, and never guessed at: a list that was written as text but is damaged is an error, not one
long description.

    '["a person walks", "a person bows"]'    a list in a text: two values
    ['["a person walks"]']                   … in a list of one
    '[]', '""', 'null'                       nothing
    '"{\"motion\": \"m-3fa9c1\"}"'         an object, encoded twice
    {"arguments": {"motion": "m-3fa9c1"}}    an object in an object
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args, get_origin

if TYPE_CHECKING:
    from pydantic import BaseModel

_DEPTH = 4  # wrappings inside each other
_NOTHING = ("", "null", "none", "undefined", '""', "''")
_CALL_KEYS = ("arguments", "args", "parameters", "params", "input", "kwargs")


def json_inside(text: str) -> Any:
    """Return the list or object that a text holds, however often it was encoded; else None."""
    value: Any = text
    for _ in range(_DEPTH):
        if not isinstance(value, str):
            break
        value = _decoded(value)
    return value if isinstance(value, list | dict) else None


def is_nothing(value: Any) -> bool:
    """Whether this is what weak models write for a value that they leave out."""
    return value is None or (isinstance(value, str) and value.strip().lower() in _NOTHING)


def unwrapped_object(value: Any, fields: Mapping[str, Any]) -> Any:
    """Return the arguments of a call: an object, taken out of texts and of other objects.

    Args:
        value: what the LLM wrote.
        fields: names of the arguments; an object that has one of them is not a wrapping.
    """
    for _ in range(_DEPTH):
        if isinstance(value, str) and isinstance(inner := json_inside(value), dict):
            value = inner
        elif (
            isinstance(value, Mapping)
            and len(value) == 1
            and (key := next(iter(value))) in _CALL_KEYS
            and key not in fields
        ):
            value = value[key]
        else:
            break
    return value


def unwrapped_arguments(values: Any, model: type[BaseModel]) -> Any:
    """Return the arguments of a tool as its model can check them.

    Optional arguments that hold nothing are left out, texts are taken out of a second pair of
    quotes, and where the model wants a list it gets one.

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
        else:
            arguments[name] = value
    return arguments


def unwrapped_list(value: Any) -> Any:
    """Return the list that a value means: itself, one in a text, or a list of one text.

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
    """Return a text without the second pair of quotes that it was encoded with."""
    if isinstance(value, str) and len(value) > 2 and value[0] == value[-1] == '"':
        try:
            inner = json.loads(value)
        except ValueError:
            return value
        return inner if isinstance(inner, str) else value
    return value


def _looks_like_list(value: Any) -> bool:
    return isinstance(value, str) and value.lstrip()[:1] == "["


def _decoded(text: str) -> Any:
    """The JSON value of a text; a list in single quotes, as Python writes it, counts too."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if text.lstrip()[:1] not in ("[", "{"):
        return None
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
