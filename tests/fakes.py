"""Stand-ins for chat models: one in the process, two behind real HTTP on loopback."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from pydantic import PrivateAttr

PATIENCE = 600.0
"""Seconds until a test that waits for a state calls it a hang; no test waits that long."""


class ScriptedChatModel(BaseChatModel):
    """Says the scripted messages one after the other and writes down what it was asked."""

    script: list[Any]
    _bound: list[Any] = PrivateAttr(default_factory=list)
    _questions: list[list[BaseMessage]] = PrivateAttr(default_factory=list)
    _answered: int = PrivateAttr(default=0)

    @property
    def questions(self) -> list[list[BaseMessage]]:
        return self._questions

    @property
    def bound(self) -> list[Any]:
        """The functions it was given, in the order of the bindings."""
        return self._bound

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, Any]:
        self._bound.append({"tools": list(tools), **kwargs})
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        self._questions.append(messages)
        if self._answered >= len(self.script):
            raise AssertionError(f"asked {len(self._questions)} times, scripted {len(self.script)}")
        answer = self.script[self._answered]
        self._answered += 1
        if isinstance(answer, Exception):
            raise answer
        message = answer if isinstance(answer, AIMessage) else AIMessage(answer)
        return ChatResult(generations=[ChatGeneration(message=message)])


class Server:
    """An HTTP server on loopback whose answers a test decides.

    Attributes:
        requests: the JSON bodies that arrived, in order.
        answers: what is said next: a text, or ``(status, JSON)`` for a failure, or a callable
            that is given the handler.
        capabilities: what Ollama's ``/api/show`` says of the model, which is not written down;
            None for a server that does not know the question.
        models: what ``GET …/models`` lists.
    """

    def __init__(
        self, reply: Callable[[BaseHTTPRequestHandler, dict[str, Any], str], None]
    ) -> None:
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answers: list[Any] = []
        self.capabilities: list[str] | None = ["completion"]
        self.models: list[dict[str, Any]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                send_json(self, {"object": "list", "data": server.models})

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                body = json.loads(self.rfile.read(length) or b"{}")
                if self.path == "/api/show":
                    known = {"capabilities": server.capabilities, "model_info": {}}
                    unknown = server.capabilities is None
                    send_json(self, {} if unknown else known, status=404 if unknown else 200)
                    return
                server.requests.append({**body, "path": self.path})
                server.headers.append({k.lower(): v for k, v in self.headers.items()})
                answer = server.answers.pop(0) if server.answers else "nothing scripted"
                if callable(answer):
                    answer(self)
                elif isinstance(answer, tuple):
                    send_json(self, answer[1], status=answer[0])
                else:
                    reply(self, body, answer)

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def openai_server() -> Server:
    """Speaks ``POST /v1/chat/completions``. An answer may be a dict of the choice's parts."""

    def reply(handler: BaseHTTPRequestHandler, body: dict[str, Any], answer: Any) -> None:
        parts = answer if isinstance(answer, dict) else {"content": answer}
        message = {"role": "assistant", "content": parts.get("content")}
        for name in ("refusal", "reasoning_content", "reasoning"):
            if name in parts:
                message[name] = parts[name]
        if "calls" in parts:  # (name, text of the arguments)
            message["tool_calls"] = [
                {"id": f"c{n}", "type": "function", "function": {"name": name, "arguments": text}}
                for n, (name, text) in enumerate(parts["calls"])
            ]
        choice = {"index": 0, "message": message, "finish_reason": parts.get("finish", "stop")}
        send_json(
            handler,
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [choice],
                "usage": {"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150},
            },
        )

    return Server(reply)


def completion_server(model: str = "t2m", owner: str = "library") -> Server:
    """Speaks ``POST /v1/completions``. An answer is a text, or (text, finish_reason) in a list."""

    def reply(handler: BaseHTTPRequestHandler, body: dict[str, Any], answer: Any) -> None:
        text, reason = answer if isinstance(answer, list) else (answer, "stop")
        choice = {"index": 0, "text": text, "finish_reason": reason}
        send_json(handler, {"object": "text_completion", "choices": [choice]})

    server = Server(reply)
    server.models = [{"id": model, "object": "model", "owned_by": owner}]
    return server


def ollama_server() -> Server:
    """Speaks ``POST /api/chat`` with streamed lines. An answer may be a dict.

    Its parts: ``content``, ``thinking``, ``calls`` (name, arguments), ``reason``, ``prompt``
    (tokens that were read) and ``lines`` (after how many lines the stream breaks off).
    """

    def reply(handler: BaseHTTPRequestHandler, body: dict[str, Any], answer: Any) -> None:
        parts = answer if isinstance(answer, dict) else {"content": answer}
        text, reason = parts.get("content", ""), parts.get("reason", "stop")
        base = {"model": body["model"], "created_at": "2025-11-22T00:00:00Z"}
        half = len(text) // 2
        messages: list[dict[str, Any]] = [{"content": part} for part in (text[:half], text[half:])]
        if "thinking" in parts:
            messages.insert(0, {"content": "", "thinking": parts["thinking"]})
        if "calls" in parts:
            calls = [{"function": {"name": n, "arguments": a}} for n, a in parts["calls"]]
            messages.append({"content": "", "tool_calls": calls})
        lines: list[dict[str, Any]] = [
            {**base, "message": {"role": "assistant", **part}, "done": False} for part in messages
        ]
        read = parts.get("prompt", 90)
        end = {"done": True, "done_reason": reason, "prompt_eval_count": read, "eval_count": 20}
        lines.append({**base, "message": {"role": "assistant", "content": ""}, **end})
        handler.send_response(200)
        handler.send_header("content-type", "application/x-ndjson")
        handler.end_headers()
        for line in lines[: parts.get("lines", len(lines))]:
            handler.wfile.write(json.dumps(line).encode() + b"\n")
        if "lines" in parts:
            handler.wfile.write(b'{"model": "m", "mess')

    return Server(reply)


def silent(handler: BaseHTTPRequestHandler) -> None:
    """No answer: the client has to hang up."""
    with suppress(OSError):
        handler.connection.recv(1)


def reset(handler: BaseHTTPRequestHandler) -> None:
    """A connection that is torn down instead of an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def broken_off(handler: BaseHTTPRequestHandler) -> None:
    """An answer that ends before the length that was promised."""
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"id": "chatcmpl')


def half_json(handler: BaseHTTPRequestHandler) -> None:
    """An answer that arrives whole and is half a JSON."""
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", "16")
    handler.end_headers()
    handler.wfile.write(b'{"id": "chatcmpl')


def busy(seconds: float) -> Callable[[BaseHTTPRequestHandler], None]:
    """429 with the time after which to come back."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        data = b'{"error": {"message": "slow down"}}'
        handler.send_response(429)
        handler.send_header("content-type", "application/json")
        handler.send_header("retry-after", str(seconds))
        handler.send_header("content-length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def send_json(handler: BaseHTTPRequestHandler, value: Any, *, status: int = 200) -> None:
    """Answer a request with JSON."""
    data = json.dumps(value).encode()
    handler.send_response(status)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def step(tool: str = "generate_motion", **fields: Any) -> dict[str, Any]:
    """A step with all six fields, as a planner with a schema writes it."""
    empty = {"description": "", "seconds": 0, "motion": "", "segment": "", "person": 1}
    return {"tool": tool, **empty, **fields}


def plan_text(*steps: dict[str, Any], reasoning: str = "because") -> str:
    """A plan as JSON text."""
    return json.dumps({"reasoning": reasoning, "plan": list(steps), "placement": []})
