"""The tools without LangChain: schemas, calls by name, and the openai and ollama clients."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

import ollama
import openai
import pytest
from fakes import Server, send_json
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from motion_agent.agent_graph.plan import plan_schema
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.store import MotionStore
from motion_agent.tools import call_tool, motion_tools, motion_tools_schema, plain

NAMES = ["generate_motion", "edit_motion", "caption_motion", "list_motions", "export_motion"]


@pytest.fixture
def store() -> MotionStore:
    return MotionStore()


@pytest.fixture
def tools(store: MotionStore) -> list[BaseTool]:
    return motion_tools(FakeEngine(), store)


def parameters(style: Any) -> dict[str, dict[str, Any]]:
    return {
        tool["function"]["name"]: tool["function"]["parameters"]
        for tool in motion_tools_schema(style)
    }


def test_openai_s_schema_obeys_strict_mode() -> None:
    schema = motion_tools_schema("openai")
    assert [tool["function"]["name"] for tool in schema] == NAMES
    for tool in schema:
        assert set(tool) == {"type", "function"}
        assert set(tool["function"]) == {"name", "description", "strict", "parameters"}
        assert tool["function"]["strict"] is True
    for arguments in parameters("openai").values():
        assert arguments["additionalProperties"] is False
        assert arguments["required"] == list(arguments["properties"])
        for entry in arguments["properties"].values():
            assert set(entry) <= {"type", "description", "enum", "items"}
    generate = parameters("openai")["generate_motion"]["properties"]
    assert generate["descriptions"]["type"] == "array"
    assert generate["descriptions"]["items"] == {"type": "string"}
    assert generate["seconds"]["type"] == ["number", "null"]
    assert generate["seed"]["type"] == ["integer", "null"]


def test_ollama_s_schema_requires_only_what_must_be_there() -> None:
    arguments = parameters("ollama")
    assert list(arguments) == NAMES
    assert arguments["edit_motion"]["required"] == ["motion", "operation"]
    assert arguments["edit_motion"]["properties"]["seconds"]["type"] == "number"
    assert "repeat" in arguments["edit_motion"]["properties"]["operation"]["enum"]
    for tool in motion_tools_schema("ollama"):
        assert ollama.Tool.model_validate(tool).model_dump(exclude_none=True) == tool


def test_schemas_are_json_and_one_s_own(tools: list[BaseTool]) -> None:
    for style in ("openai", "ollama"):
        schema = motion_tools_schema(style)  # type: ignore[arg-type]
        assert json.loads(json.dumps(schema)) == schema
        schema[0]["function"]["parameters"]["properties"].clear()
        assert motion_tools_schema(style)[0] != schema[0]  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unknown style 'gemini'"):
        motion_tools_schema("gemini")  # type: ignore[arg-type]


@pytest.mark.parametrize("wrap", [json.dumps, lambda arguments: arguments])
def test_a_call_by_name_gives_text(
    tools: list[BaseTool], store: MotionStore, wrap: Callable[[Any], Any]
) -> None:
    everything = {"descriptions": ["a person walks"], "seconds": None, "seed": None}
    answer = call_tool("generate_motion", wrap(everything), tools)
    (motion_id,) = store.list()
    assert answer.startswith(f"Made motion {motion_id}, ")
    assert "a person walks" in call_tool("caption_motion", wrap({"motion": motion_id}), tools)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("rm", "{}", "there is no tool 'rm'; the tools are generate_motion, edit_motion, "),
        ("motion_tools\n\x1b[2J" * 99, "{}", "there is no tool 'motion_tools [2Jmotion_tools"),
        ("", None, "there is no tool ''"),
        ("generate_motion", '{"descriptions": [', "the arguments are not JSON"),
        ("generate_motion", "[" * 50_000, "the arguments are not JSON"),
        ("generate_motion", '["a person walks"]', "the arguments are a list; send one JSON"),
        ("generate_motion", "7", "the arguments are a int; send one JSON object"),
        ("generate_motion", "x" * 100_001, "100001 characters; the limit is 100000"),
        ("generate_motion", None, "wrong arguments: descriptions: Field required."),
        ("generate_motion", "", "wrong arguments: descriptions: Field required."),
        ("generate_motion", {"a\n" * 900: 1}, "a a a a"),
        ("caption_motion", {"motion": "m-ffffff"}, "there is no motion m-ffffff"),
    ],
)
def test_wrong_calls_are_answers(
    tools: list[BaseTool], name: str, arguments: Any, message: str
) -> None:
    answer = call_tool(name, arguments, tools)
    assert message in answer
    assert "\n" not in answer
    assert len(answer) < 1000


def test_without_tools_of_one_s_own_a_set_of_the_process_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from motion_agent.motion_core import serving

    monkeypatch.setattr(serving, "load_engine", lambda name: FakeEngine())
    plain._default_tools.cache_clear()
    try:
        answer = call_tool("generate_motion", {"descriptions": ["a person bows"]})
        motion_id = re.findall("m-[0-9a-f]+", answer)[0]
        assert motion_id in call_tool("list_motions")
        assert "no workspace folder" in call_tool("caption_motion", {"motion": "/etc/x.npz"})
    finally:
        plain._default_tools.cache_clear()


def scripted(calls: list[tuple[str, dict[str, Any]]], *, speaks_ollama: bool) -> Server:
    """A model that calls these tools in turn, MOTION being the id last told, and then is done."""

    def reply(handler: BaseHTTPRequestHandler, body: dict[str, Any], answer: Any) -> None:
        results = [m for m in body["messages"] if m["role"] == "tool"]
        message: dict[str, Any] = {"role": "assistant", "content": "Done."}
        if len(results) < len(calls):
            name, arguments = calls[len(results)]
            ids = re.findall("m-[0-9a-f]{6}", " ".join(m["content"] for m in results[-1:]))
            arguments = {k: ids[0] if v == "MOTION" else v for k, v in arguments.items()}
            function = {
                "name": name,
                "arguments": arguments if speaks_ollama else json.dumps(arguments),
            }
            call = {"id": f"call-{len(results)}", "type": "function", "function": function}
            message = {"role": "assistant", "content": "", "tool_calls": [call]}
        base = {"model": body["model"]}
        if speaks_ollama:
            times = {"created_at": "2025-11-22T00:00:00Z", "done": True, "done_reason": "stop"}
            send_json(handler, {**base, **times, "message": message})
        else:
            finish = "tool_calls" if "tool_calls" in message else "stop"
            choice = {"index": 0, "message": message, "finish_reason": finish}
            kind = {"id": "c", "object": "chat.completion", "created": 1, "choices": [choice]}
            send_json(handler, {**base, **kind})

    return Server(reply)


CALLS: list[tuple[str, dict[str, Any]]] = [
    (
        "generate_motion",
        {"descriptions": ["a person walks", "a person bows"], "seconds": None, "seed": 3},
    ),
    ("edit_motion", {"motion": "MOTION", "operation": "remove", "segment": "s1"}),
    ("walk_the_dog", {}),
    ("list_motions", {"latest": 1}),
    ("caption_motion", {"motion": "MOTION"}),
]


def check_answers(answers: list[str], store: MotionStore) -> None:
    assert answers[0].startswith(f"Made motion {store.list()[0]}, ")
    assert answers[1].startswith(f"Made motion {store.list()[1]}, ")
    assert answers[2].startswith("there is no tool 'walk_the_dog'")
    assert answers[3].startswith("2 motions, the latest 1.")
    assert answers[4].endswith("shows: 'a person bows'")


def test_the_openai_client_drives_the_tools(tools: list[BaseTool], store: MotionStore) -> None:
    # After the unknown tool no id was told; the model lists the motions and goes on from there.
    with scripted(CALLS, speaks_ollama=False) as server:
        client = openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0)
        messages: list[Any] = [{"role": "user", "content": "walk, then bow"}]
        answers: list[str] = []
        while True:
            completion = client.chat.completions.create(
                model="gpt-4o",
                messages=messages,
                tools=motion_tools_schema("openai"),  # type: ignore[arg-type]
            )
            message = completion.choices[0].message
            messages.append(message)
            if not message.tool_calls:
                break
            for call in message.tool_calls:
                assert call.type == "function"
                answer = call_tool(call.function.name, call.function.arguments, tools)
                answers.append(answer)
                messages.append({"role": "tool", "tool_call_id": call.id, "content": answer})
        client.close()
    assert message.content == "Done."
    check_answers(answers, store)
    assert server.requests[0]["tools"] == motion_tools_schema("openai")


def test_the_ollama_client_drives_the_tools(tools: list[BaseTool], store: MotionStore) -> None:
    with scripted(CALLS, speaks_ollama=True) as server:
        client = ollama.Client(host=server.url)
        messages: list[Any] = [{"role": "user", "content": "walk, then bow"}]
        answers: list[str] = []
        while True:
            response = client.chat(
                model="llama3.1:8b", messages=messages, tools=motion_tools_schema("ollama")
            )
            messages.append(response.message)
            if not response.message.tool_calls:
                break
            for call in response.message.tool_calls:
                answer = call_tool(call.function.name, call.function.arguments, tools)
                answers.append(answer)
                messages.append(
                    {"role": "tool", "tool_name": call.function.name, "content": answer}
                )
        client._client.close()
    assert response.message.content == "Done."
    check_answers(answers, store)
    assert server.requests[0]["tools"] == motion_tools_schema("ollama")


def test_no_schema_holds_a_keyword_that_a_strict_provider_refuses() -> None:
    refused = ("default", "pattern", "format", "minLength", "maxLength", "minItems", "maxItems")
    refused += ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
    schemas = [convert_to_openai_tool(tool, strict=True) for tool in motion_tools(engine="fake")]
    text = json.dumps([*schemas, *motion_tools_schema(), plan_schema()])
    assert [word for word in refused if f'"{word}":' in text] == []
