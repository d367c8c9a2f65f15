"""``motion-agent chat`` at a real terminal (a pty), and the conversations it keeps."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fakes import PATIENCE
from typer.testing import CliRunner, Result

from motion_agent.cli import app

# The command with an engine that tells when it begins, and then takes its time.
SLOW = """
import fcntl, signal, sys, termios, time
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C is a signal
import motion_agent.cli as cli
signal.signal(signal.SIGINT, signal.default_int_handler)  # a CI without terminal ignores it
from motion_agent.motion_core.fake import FakeEngine
generate = FakeEngine.generate
def slow(self, requests, *, progress, cancel):
    print("generating now", file=sys.stderr, flush=True)
    for done in range(300 if "slowly" in requests[0].description else 0):
        time.sleep(0.1)  # as long as a token may take
        cancel.check()
        progress(done, 300)
    return generate(self, requests, progress=progress, cancel=cancel)
FakeEngine.generate = slow
cli.main()
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where conversations are kept; the working folder of the chat is empty."""
    monkeypatch.setenv("MOTION_AGENT_DATA", str(tmp_path / "home"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "home"


def chat(*lines: str, arguments: tuple[str, ...] = ()) -> Result:
    text = "".join(f"{line}\n" for line in lines)
    return CliRunner().invoke(app, ["chat", "--engine", "fake", *arguments], input=text)


class Terminal:
    """Somebody at a terminal of 80 columns."""

    def __init__(self, *arguments: str) -> None:
        import pty

        self._keyboard, terminal = pty.openpty()
        self.shown = ""
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "INPUTRC": os.devnull}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SLOW, "chat", "--engine", "fake", *arguments],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env=environment,
            start_new_session=True,
        )
        os.close(terminal)

    def see(self, expected: str) -> str:
        """Wait until that appears, behind what was seen before; returns what is new."""
        end = time.monotonic() + PATIENCE
        new = ""
        while expected not in new:
            assert time.monotonic() < end, f"no {expected!r} in {new!r}"
            if select.select([self._keyboard], [], [], 0.1)[0]:
                try:
                    part = os.read(self._keyboard, 65536).decode(errors="replace")
                except OSError:  # Linux says so at the end
                    part = ""
                assert part or expected in new, f"it ended: {new!r}"
                new += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", part)
        if expected.endswith("> "):
            self._wait_for_prompt(end)
        self.shown += new
        return new

    def _wait_for_prompt(self, end: float) -> None:
        """Wait until readline reads.

        What is typed before would be thrown away, and a signal before would be noticed with the
        next key only, since CPython looks for signals before readline waits.
        """
        import termios

        while termios.tcgetattr(self._keyboard)[3] & termios.ICANON or not self._sleeps():
            assert time.monotonic() < end, "nobody reads at the prompt"
            time.sleep(0.01)

    def _sleeps(self) -> bool:
        """Whether the main thread waits, where the system tells (Linux)."""
        pid = self.process.pid
        try:
            state = Path(f"/proc/{pid}/task/{pid}/stat").read_text()
        except FileNotFoundError:
            return True
        return state.rpartition(")")[2].split()[0] == "S"

    def type(self, text: str) -> None:
        os.write(self._keyboard, text.encode())

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._keyboard)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    opened = Terminal()
    yield opened
    opened.close()


at_a_terminal = pytest.mark.skipif(os.name != "posix", reason="terminals of POSIX")


@at_a_terminal
def test_a_conversation_at_a_terminal(terminal: Terminal) -> None:
    welcome = terminal.see("\n> ")
    assert "/export [FORMATS]" in welcome
    terminal.type("a person walks forward\n")
    answer = terminal.see("\n> ")
    assert "1. a person walks forward" in answer
    assert "Made motion 1 (m-" in answer
    terminal.type("\x03")  # Ctrl-C at the prompt only gives a new line
    terminal.see("\n> ")
    terminal.type("/moti\t\n")  # Tab completes
    assert "s1    0.0 to " in terminal.see("\n> ")
    terminal.type("\x04")  # Ctrl-D
    assert terminal.process.wait(PATIENCE) == 0


@at_a_terminal
def test_ctrl_c_stops_an_answer_and_not_the_conversation(terminal: Terminal) -> None:
    terminal.see("\n> ")
    terminal.type("a person walks slowly\n")
    terminal.see("generating now")
    terminal.type("\x03")
    assert "stopped" in terminal.see("\n> ")
    terminal.type("a person bows\n")
    assert "Made motion" in terminal.see("\n> ")
    terminal.type("/quit\n")
    assert terminal.process.wait(PATIENCE) == 0
    assert "Traceback" not in terminal.shown


@at_a_terminal
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("request_line", ["", "a person walks slowly\n"])
def test_a_polite_end_ends_the_conversation(
    number: signal.Signals, request_line: str, terminal: Terminal
) -> None:
    terminal.see("\n> ")
    if request_line:
        terminal.type(request_line)
        terminal.see("generating now")
    terminal.process.send_signal(number)
    assert terminal.process.wait(PATIENCE) == 130
    assert "Traceback" not in terminal.shown


@at_a_terminal
def test_ctrl_c_while_the_program_is_loaded_leaves_no_traceback(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'typer': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from motion_agent.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 130
    assert done.stderr == ""


@pytest.mark.parametrize(("argument", "code"), [("--version", 0), ("nonsense", 2)])
def test_what_is_registered_for_the_end_runs_before_the_program_leaves(
    argument: str, code: int
) -> None:
    program = (
        "import atexit, sys\n"
        "from motion_agent.__main__ import main\n"
        "class Watching:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'typer': atexit.register(print, 'put away')\n"
        "sys.meta_path.insert(0, Watching())\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, argument], capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert done.stdout.endswith("put away\n")


def test_without_a_terminal_there_is_no_prompt() -> None:
    result = chat("a person walks", "/quit")
    assert result.exit_code == 0
    assert "> " not in result.stdout


# What is kept -----------------------------------------------------------------------------


def test_conversations_are_listed_the_latest_first() -> None:
    chat("a person walks", arguments=("--thread", "first"))
    chat("a person jumps", "then bows", arguments=("--thread", "second"))
    listed = chat(arguments=("--list",))
    assert listed.exit_code == 0
    second, first = listed.stdout.splitlines()
    assert re.fullmatch(r"second  m-\w{6}  a person jumps, then .*bows", second)
    assert re.fullmatch(r"first   m-\w{6}  a person walks", first)


def test_without_conversations_the_list_says_how_to_begin() -> None:
    listed = chat(arguments=("--list",))
    assert (listed.exit_code, listed.stdout) == (0, "")
    assert "motion-agent chat" in listed.stderr


def test_a_conversation_is_forgotten() -> None:
    chat("a person walks", arguments=("--thread", "first"))
    chat("a person jumps", arguments=("--thread", "second"))
    assert chat(arguments=("--forget", "first")).stdout == "forgotten: first\n"
    (left,) = chat(arguments=("--list",)).stdout.splitlines()
    assert left.startswith("second")
    again = chat("/motion", arguments=("--thread", "first"))
    assert "there is no motion yet" in again.stderr


def test_forgetting_an_unknown_conversation_names_the_one_that_was_meant() -> None:
    chat("a person walks", arguments=("--thread", "greeting"))
    result = chat(arguments=("--forget", "greting"))
    assert result.exit_code == 2
    assert "did you mean 'greeting'?" in result.stderr


class _Babbling(BaseHTTPRequestHandler):
    """An Ollama whose model never writes a plan."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        answer = {"model": "m", "message": {"role": "assistant", "content": "La la la."}}
        answer |= {"done": True, "done_reason": "stop", "created_at": "2026-01-01T00:00:00Z"}
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode() + b"\n")

    def log_message(self, *_: object) -> None:
        pass


def test_a_fallback_planner_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Babbling) as server:
        threading.Thread(target=server.serve_forever).start()
        monkeypatch.setenv("OLLAMA_HOST", f"http://127.0.0.1:{server.server_port}")
        arguments = ("--planner", "ollama:m", "--fallback", "offline")
        result = chat("a person walks", arguments=arguments)
        server.shutdown()
    assert "ollama:m: " in result.stderr and "asking again" in result.stderr
    assert "  s1: a person walks" in result.stderr


# Commands with a slash --------------------------------------------------------------------


def test_a_misspelt_command_is_recognised() -> None:
    assert "did you mean '/export'?" in chat("/exprot").stderr


def test_the_motion_is_viewed_in_the_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
    result = chat("a person walks", "/view")
    (page,) = (Path(line) for line in result.stdout.splitlines() if line.endswith(".html"))
    assert opened == [page.as_uri()]
    page.unlink()
    page.parent.rmdir()
