"""The README is true: every snippet runs as it stands there (`test_docs` compares the help text).

Snippets run in one empty folder, in order. The motion model is `FakeEngine`; language models are a
server on loopback that speaks the protocols of OpenAI and Ollama and answers from a script.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from recordings import SMALL, record, save_backbone
from typer.testing import CliRunner

from motion_agent import read_motion
from motion_agent.cli import app
from motion_agent.motion_core.fake import FakeEngine

REPOSITORY = Path(__file__).resolve().parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def snippets(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    lines = "".join(snippets("bash")).replace("\\\n", " ").splitlines()
    return [line.partition("  #")[0].strip() for line in lines if line.strip()]


class _Scripted(BaseHTTPRequestHandler):
    """A language model that calls the first tool it is given, and plans one walk otherwise."""

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        is_ollama = self.path == "/api/chat"
        message: dict[str, Any] = {"role": "assistant", "content": "There you are."}
        if request.get("tools") and request["messages"][-1]["role"] != "tool":
            arguments = {"descriptions": ["a person walks forward", "a person bows"]}
            call = {"name": "generate_motion", "arguments": json.dumps(arguments)}
            message = {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "call-1", "type": "function", "function": call}],
            }
        elif request.get("format") or request.get("response_format"):
            step = {"tool": "generate_motion", "description": "a person walks"}
            message["content"] = json.dumps({"reasoning": "As asked.", "plan": [step]})
        if is_ollama:
            answer = {"model": request["model"], "message": message, "done": True}
            answer |= {"done_reason": "stop", "created_at": "2026-01-01T00:00:00Z"}
        else:
            answer = {
                "id": "1",
                "object": "chat.completion",
                "created": 0,
                "model": request["model"],
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            }
        body = json.dumps(answer).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def language_models() -> Iterator[str]:
    """Address of the scripted server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Scripted) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language_models: str) -> Iterator[Path]:
    """The empty folder of somebody who follows the README."""
    from motion_agent.motion_core import motionllm

    monkeypatch.chdir(tmp_path)
    load = motionllm.load_motionllm  # the shipped checkpoint needs seconds, and a download
    monkeypatch.setattr(motionllm, "load_motionllm", lambda c=None: load(c) if c else FakeEngine())
    monkeypatch.setenv("MOTION_AGENT_DATA", str(tmp_path / "home"))
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{language_models}/v1")
    monkeypatch.setenv("OLLAMA_HOST", language_models)
    monkeypatch.setattr("webbrowser.open", lambda url: True)
    yield tmp_path


@pytest.mark.parametrize("number", range(len(snippets("python"))))
def test_a_python_snippet_runs(
    number: int, reader: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exec(compile(snippets("python")[number], f"README.md python {number}", "exec"), {})
    assert capsys.readouterr().out.strip()


def test_the_tools_snippet_has_ten_lines_and_makes_a_motion(
    reader: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (snippet,) = (text for text in snippets("python") if "create_agent" in text)
    assert len([line for line in snippet.splitlines() if line.strip()]) <= 10
    exec(compile(snippet, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert re.search(
        r"There you are\.\n<Motion m-[0-9a-f]{6}, [\d.]+ s, s1: 'a person walks", printed
    )


def test_the_commands_run_in_order(reader: Path) -> None:
    (reader / "walk.bvh").write_bytes((REPOSITORY / "tests/samples/walk-mixamo.bvh").read_bytes())
    record(reader / "recordings")
    backbone = save_backbone(reader / "backbone")
    ran = set()
    for command in commands():
        name, *arguments = shlex.split(command)
        if name != "motion-agent":
            continue
        if arguments[0] == "train":
            arguments += SMALL.get(arguments[1], [])
            arguments += ["--backbone", str(backbone)] if arguments[1] in ("t2m", "m2t") else []
        result = CliRunner().invoke(app, arguments, input="a person bows\n/quit\n")
        assert result.exit_code == 0, f"{command}\n{result.stderr}"
        ran.add(arguments[0])
    assert ran >= {"run", "chat", "caption", "import", "export", "data", "train", "evaluate"}
    assert ran >= {"generate", "view", "render", "checkpoint", "doctor"}
    assert len(read_motion(reader / "imported" / "walk.npz")) > 20
    assert (reader / "my-checkpoint" / "config.json").is_file()


def test_the_make_targets_exist() -> None:
    targets = {command.split()[1] for command in commands() if command.startswith("make ")}
    targets |= set(re.findall(r"`make ([a-z]+)", README))
    assert {"demo", "test", "train"} <= targets
    for target in targets:
        done = subprocess.run(
            ["make", "--dry-run", target, "VENV=elsewhere"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr


def test_links_within_the_repository_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)]+)\)", README)
    assert "NOTICE" in links
    missing = [link for link in links if not (REPOSITORY / link).exists()]
    assert missing == []
