"""``motion-agent run`` and ``chat``: from sentence to files, with an engine without weights."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import PATIENCE
from typer.testing import CliRunner, Result

from motion_agent import read_motion
from motion_agent.cli import app
from motion_agent.cli.exports import file_name, parse_formats
from motion_agent.motion_core.errors import InputError

SENTENCE = "A tired person walks forward, then waves with both hands, then bows."
# The command with an engine that says when it begins and then takes its time.
SLOW = """
import signal
import motion_agent.cli as cli
signal.signal(signal.SIGINT, signal.default_int_handler)  # a CI without terminal ignores it
from motion_agent.motion_core.fake import FakeEngine
generate = FakeEngine.generate
def slow(self, requests, **control):
    print("generating", flush=True)
    self._delay = 1
    return generate(self, requests, **control)
FakeEngine.generate = slow
cli.main()
"""
NAME = "a-tired-person-walks-forward-then-waves-with-both-hands-then"


def run(*arguments: object, text: str = SENTENCE) -> Result:
    return CliRunner().invoke(app, ["run", text, "--engine", "fake", *map(str, arguments)])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where conversations are kept; the working folder of the chat is empty."""
    monkeypatch.setenv("MOTION_AGENT_DATA", str(tmp_path / "home"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "home"


def chat(*lines: str, arguments: tuple[str, ...] = ()) -> Result:
    text = "".join(f"{line}\n" for line in lines)
    return CliRunner().invoke(app, ["chat", "--engine", "fake", *arguments], input=text)


def test_run_makes_the_three_actions_in_order(tmp_path: Path) -> None:
    result = run("--out", tmp_path, "--format", "npz,bvh")
    assert result.exit_code == 0, result.stderr
    motion = read_motion(tmp_path / f"{NAME}.npz")
    walk, wave, bow = motion.segments
    assert [s.id for s in motion.segments] == ["s1", "s2", "s3"]
    assert "walk" in walk.description and "tired" in walk.description
    assert "wave" in wave.description and "both hands" in wave.description
    assert "bow" in bow.description
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"{NAME}.bvh", f"{NAME}.npz"]


def test_run_tells_plan_result_and_places(tmp_path: Path) -> None:
    result = run("--out", tmp_path, "--format", "npz")
    assert "1. a tired person walks forward" in result.stderr
    assert re.match(r"Made motion 1 \(m-[0-9a-f]{6}\)", result.stdout)
    assert f"{tmp_path / NAME}.npz" in result.stdout


@pytest.mark.parametrize("suffix", ["mp4", "html", "png"])
def test_run_writes_what_can_be_looked_at(suffix: str, tmp_path: Path) -> None:
    starts = {
        "mp4": (4, b"ftyp"),
        "html": (0, b"<!doctype html>"),
        "png": (0, b"\x89PNG"),
    }
    result = run("--out", tmp_path, "--format", suffix, text="A person bows.")
    assert result.exit_code == 0, result.stderr
    at, expected = starts[suffix]
    written = (tmp_path / f"a-person-bows.{suffix}").read_bytes()
    assert written[at : at + len(expected)].lower() == expected.lower()


def test_the_same_seed_makes_the_same_file(tmp_path: Path) -> None:
    for folder, seed in (("one", 7), ("two", 7), ("three", 8)):
        assert run("--out", tmp_path / folder, "--format", "npy", "--seed", seed).exit_code == 0
    one, two, three = (
        (tmp_path / folder / f"{NAME}.npy").read_bytes() for folder in ("one", "two", "three")
    )
    assert one == two
    assert one != three


@pytest.mark.parametrize(
    ("text", "arguments", "code", "message"),
    [
        ("   ", [], 2, "empty"),
        ("walk " * 2000, [], 2, "characters"),
        (SENTENCE, ["--planner", "crystal-ball"], 2, "unknown planner 'crystal-ball'"),
        (SENTENCE, ["--planner", "openai:gpt-4o"], 3, "OPENAI_API_KEY"),
        (SENTENCE, ["--format", "npz,fbx"], 2, "unknown format 'fbx'"),
    ],
)
def test_what_cannot_be_run_ends_in_one_line(
    text: str, arguments: list[str], code: int, message: str, tmp_path: Path
) -> None:
    result = run("--out", tmp_path / "out", *arguments, text=text)
    assert result.exit_code == code
    assert result.stdout == ""
    assert message in result.stderr.splitlines()[-1]
    assert not list(tmp_path.rglob("*.*"))


def test_a_planner_whose_server_is_down_ends_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")  # discard: nobody listens
    result = run("--out", tmp_path, "--planner", "ollama:llama3.1:8b")
    assert result.exit_code == 3
    assert "127.0.0.1:9" in result.stderr.splitlines()[-1]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_interrupting_the_generation_leaves_no_file(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SLOW, "run", SENTENCE, "--engine", "fake"]
    with subprocess.Popen(
        [*command, "--out", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "generating\n"
        process.send_signal(signal.SIGINT)
        stderr = process.stderr.read()
        assert process.wait(PATIENCE) == 130
    assert stderr.splitlines()[-1] == "interrupted"
    assert "Traceback" not in stderr
    assert list(tmp_path.iterdir()) == []


# Conversations ----------------------------------------------------------------------------


def test_a_conversation_edits_and_exports(home: Path) -> None:
    result = chat(
        "a person walks forward, then bows",
        "/motion",
        "remove the bow",
        "/motion",
        "/export npz",
        "/quit",
        "never reached",
    )
    assert result.exit_code == 0, result.stderr
    # s1 is in both timelines, s2 only in the first
    assert (result.stdout.count("  s1  "), result.stdout.count("  s2  ")) == (2, 1)
    (written,) = Path().glob("m-*")
    assert f"{written.absolute()}  " in result.stdout  # it says where
    assert [s.id for s in read_motion(written).segments] == ["s1"]


def test_a_conversation_goes_on_under_its_name(home: Path) -> None:
    assert chat("a person jumps", arguments=("--thread", "jumper")).exit_code == 0
    goes_on = chat("/motion", arguments=("--thread", "jumper"))
    assert "a person jumps" in goes_on.stdout
    other = chat("/motion", arguments=("--thread", "other"))
    assert "there is no motion yet" in other.stderr


def test_a_mistake_does_not_end_a_conversation(home: Path) -> None:
    result = chat("/dance", "/export fbx", "/motion", "a person kicks", "/export fbx", "/motion")
    assert result.exit_code == 0
    assert "unknown command /dance" in result.stderr
    assert "unknown format 'fbx'" in result.stderr
    assert "a person kicks" in result.stdout


def test_conversations_that_cannot_be_kept_are_one_line(home: Path) -> None:
    home.write_text("a file where the folder should be")
    result = chat("a person walks")
    assert result.exit_code == 3
    assert "MOTION_AGENT_DATA" in result.stderr.splitlines()[-1]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_interrupting_an_answer_does_not_end_a_conversation(home: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, "chat", "--engine", "fake"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write("a person jumps\n")
        process.stdin.flush()
        assert process.stdout.readline() == "generating\n"
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate("a person kicks\n/motion\n/quit\n", timeout=PATIENCE)
        assert process.returncode == 0
    assert "stopped" in stderr.splitlines()
    assert "a person kicks" in stdout.splitlines()[-1]
    assert "a person jumps" not in stdout


# Names and formats ------------------------------------------------------------------------


def test_formats_are_read_as_people_write_them() -> None:
    assert parse_formats(" npz, .MP4,npz,") == ("npz", "mp4")
    with pytest.raises(InputError, match="no format given"):
        parse_formats(" , ")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (SENTENCE, NAME),
        ("../../etc/passwd", "etc-passwd"),
        ("!?", "motion"),
        ("x" * 100, "motion"),
        ("Eine Person läuft", "eine-person-läuft"),
    ],
)
def test_file_names_come_from_the_words(text: str, name: str) -> None:
    assert file_name(text) == name
