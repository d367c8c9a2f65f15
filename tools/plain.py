"""The tools without LangChain: schemas as plain JSON, and calls by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from ..motion_core.json_text import parse_json

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

from ..motion_core.llm_values import is_nothing, unwrapped_object
from .toolbox import motion_tools

Style = Literal["openai", "ollama"]
_KEPT = ("type", "description", "enum", "items")  # understood by every provider
_MAX_ARGUMENTS = 100_000  # characters; 64 descriptions of 300 take a fifth


def motion_tools_schema(style: Style = "openai") -> list[dict[str, Any]]:
    """Return the tools for a client's ``tools=`` argument.

    Args:
        style: ``openai`` for Chat Completions in strict mode: every argument is required, and
            optional ones may be null. ``ollama`` for ``/api/chat``: optional arguments are not
            required.

    Raises:
        ValueError: unknown style.
    """
    if style not in ("openai", "ollama"):
        raise ValueError(f"unknown style {style!r}; use 'openai' or 'ollama'")
    return [_schema(tool, strict=style == "openai") for tool in _default_tools()]


def call_tool(
    name: str,
    arguments: Mapping[str, Any] | str | None = None,
    tools: Sequence[BaseTool] | None = None,
) -> str:
    """Call a tool as requested by an LLM and return the tool's answer for the LLM.

    The answer also reports a wrong call and a failure during it.

    Args:
        name: as written by the LLM.
        arguments: as returned by the client: a dict, or the text of a JSON object.
        tools: the callable tools, from `motion_tools`. By default, one set per process with the
            default engine, a store in memory and no files.
    """
    known = {tool.name: tool for tool in (_default_tools() if tools is None else tools)}
    if name not in known:
        from .messages import quoted

        return f"there is no tool {quoted(str(name), 60)}; the tools are {', '.join(known)}"
    values = _arguments(arguments, known[name])
    if isinstance(values, str):
        return values
    call = {"name": name, "args": values, "id": "call", "type": "tool_call"}
    return str(known[name].invoke(call).text)


@cache
def _default_tools() -> tuple[BaseTool, ...]:
    return tuple(motion_tools())


def _arguments(arguments: Mapping[str, Any] | str | None, tool: BaseTool) -> dict[str, Any] | str:
    """Return the arguments as a dict, or what is wrong with them."""
    if isinstance(arguments, str) and len(arguments) > _MAX_ARGUMENTS:
        return f"the arguments have {len(arguments)} characters; the limit is {_MAX_ARGUMENTS}"
    if is_nothing(arguments):
        return {}
    schema: Any = tool.args_schema
    values = unwrapped_object(arguments, schema.model_fields)
    if isinstance(values, str):
        try:
            values = parse_json(values)
        except ValueError as err:
            return f"the arguments are not JSON ({err}); send one JSON object"
    if not isinstance(values, Mapping):
        return f"the arguments are a {type(values).__name__}; send one JSON object"
    return {str(key): value for key, value in values.items()}


def _schema(tool: BaseTool, *, strict: bool) -> dict[str, Any]:
    full = _json_schema(tool)
    required = full.get("required", [])
    properties = {
        name: _property(entry, nullable=strict and name not in required)
        for name, entry in full["properties"].items()
    }
    parameters: dict[str, Any] = {"type": "object", "properties": properties}
    parameters["required"] = list(properties) if strict else required
    function: dict[str, Any] = {"name": tool.name, "description": tool.description}
    function["parameters"] = parameters
    if strict:
        parameters["additionalProperties"] = False
        function["strict"] = True
    return {"type": "function", "function": function}


def _property(entry: Mapping[str, Any], *, nullable: bool) -> dict[str, Any]:
    """Return the schema of one argument without its limits, which strict mode does not support;
    calls are checked anyway.
    """
    typed: Mapping[str, Any] = next(
        (e for e in entry.get("anyOf", []) if e.get("type") != "null"), {}
    )
    merged = {**typed, **entry}
    kept = {key: merged[key] for key in _KEPT if key in merged}
    if "items" in kept:
        kept["items"] = {"type": kept["items"]["type"]}
    if nullable:
        kept["type"] = [kept["type"], "null"]
    return kept


def _json_schema(tool: BaseTool) -> dict[str, Any]:
    arguments: Any = tool.args_schema
    schema: dict[str, Any] = arguments.model_json_schema()
    return schema
