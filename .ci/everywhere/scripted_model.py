"""A language model that follows a script, over OpenAI's protocols on loopback.

It makes a motion, edits it, captions it, exports it, and ends, whatever it is asked. Frameworks
reach it with their own OpenAI client, by Chat Completions or by Responses.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

END = "There you are: somebody walks, then bows."
_MOTION = re.compile(r"\bm-[0-9a-f]{6,}")
_RESULT = ("tool", "function_call_output")  # role or type of a tool's result
_USAGE = {
    "chat": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    "responses": {
        "input_tokens": 1,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 1,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 2,
    },
}


@dataclass
class Script:
    """One conversation.

    Attributes:
        calls: tools called so far, with their arguments.
        results: their results, as the framework sent them back.
        url: of the server, for ``OPENAI_BASE_URL``.
    """

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    url: str = ""

    def next_call(self, request: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
        """Return the name and arguments of the next call, or None at the end of the script."""
        names = [each.get("function", each).get("name", "") for each in request.get("tools") or []]
        messages = request.get("messages") or request.get("input") or []
        if isinstance(messages, str) or not (names or writes_code(request)):
            messages = []
        answered = [_text(m) for m in messages if m.get("role", m.get("type")) in _RESULT]
        if not answered:  # a framework that has tools answer as a user
            users = [_text(m) for m in messages if m.get("role") == "user"]
            answered = [text for text in users if "Observation" in text]
        self.results += answered[len(self.results) :]
        ids = list(dict.fromkeys(_MOTION.findall(" ".join(self.results))))
        steps: list[tuple[str, dict[str, Any]]] = [
            ("generate_motion", {"descriptions": ["a person walks"]}),
            ("edit_motion", {"operation": "insert", "description": "a person bows"}),
            ("caption_motion", {}),
            ("export_motion", {"file": "bow.bvh"}),
        ]
        if len(self.calls) == len(steps):
            return ("final_answer", {"answer": END}) if writes_code(request) else None
        tool, arguments = steps[len(self.calls)]
        if tool != "generate_motion":
            arguments = {"motion": ids[0] if tool == "edit_motion" else ids[-1], **arguments}
        self.calls.append((tool, arguments))
        called = [name for name in names if name.endswith(tool)]  # some put a prefix before it
        return (called or [tool])[0], arguments

    def check(self) -> None:
        """Check the results of all four calls."""
        assert [tool for tool, _ in self.calls][-1:] == ["export_motion"], self.calls
        assert len(self.results) == 4, self.results
        made, edited, caption, written = self.results
        assert "Made motion" in made and "Made motion" in edited, (made, edited)
        assert "walks, then bows" in caption, caption
        assert "bow.bvh" in written, written

    def transcript(self) -> Iterator[str]:
        """Yield each call and the beginning of its result."""
        for (tool, arguments), result in zip(self.calls, self.results, strict=True):
            yield f"{tool} {json.dumps(arguments)}"
            yield f"    {' '.join(result.split())[:160]}"


@contextmanager
def scripted_model() -> Iterator[Script]:
    """Serve a script on loopback."""
    script = Script()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            call = script.next_call(request)
            if writes_code(request) and call is not None:
                answer = _completion(None, len(script.calls), text=_code(*call))
            else:
                form = _response if self.path.endswith("/responses") else _completion
                answer = form(call, len(script.calls))
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        script.url = f"http://127.0.0.1:{server.server_port}/v1"
        yield script
        server.shutdown()


def writes_code(request: dict[str, Any]) -> bool:
    """Return whether the framework wants calls as Python code (smolagents)."""
    messages = request.get("messages") or [{}]
    return not request.get("tools") and "<code>" in _text(messages[0])


def _code(name: str, arguments: dict[str, Any]) -> str:
    values = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    return f"Thought: the next step.\n<code>\nprint({name}({values}))\n</code>"


def _text(message: dict[str, Any]) -> str:
    content = message.get("content") or message.get("output") or ""
    if isinstance(content, str):
        return content
    return " ".join(str(part.get("text", "")) for part in content)


def _completion(
    call: tuple[str, dict[str, Any]] | None, number: int, text: str = END
) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text if call is None else None}
    if call is not None:
        function = {"name": call[0], "arguments": json.dumps(call[1])}
        message["tool_calls"] = [{"id": f"call-{number}", "type": "function", "function": function}]
    reason = "stop" if call is None else "tool_calls"
    return {
        "id": f"answer-{number}",
        "object": "chat.completion",
        "created": 0,
        "model": "scripted",
        "choices": [{"index": 0, "finish_reason": reason, "message": message}],
        "usage": _USAGE["chat"],
    }


def _response(call: tuple[str, dict[str, Any]] | None, number: int) -> dict[str, Any]:
    output: dict[str, Any] = {
        "type": "message",
        "id": f"message-{number}",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": END, "annotations": []}],
    }
    if call is not None:
        output = {
            "type": "function_call",
            "id": f"function-{number}",
            "call_id": f"call-{number}",
            "name": call[0],
            "arguments": json.dumps(call[1]),
            "status": "completed",
        }
    return {
        "id": f"answer-{number}",
        "object": "response",
        "created_at": 0,
        "status": "completed",
        "model": "scripted",
        "output": [output],
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
        "usage": _USAGE["responses"],
    }
