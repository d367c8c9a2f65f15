"""The command line on motion files, and how it ends when something is wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from fakes import PATIENCE
from typer.testing import CliRunner, Result

from motion_agent import Motion, read_motion
from motion_agent.cli import app
from motion_agent.motion_core import choices
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.formats import save_npz

WALK, BOW = 1 * 32, 5 * 32  # first tokens of FakeEngine's actions


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    """A file with two seconds of (fake) walking."""
    path = tmp_path / "walk.npz"
    save_npz(Motion(FakeEngine().decode([WALK] * 10), provenance={"source": "test"}), path)
    return path


def test_caption_says_what_a_file_shows(walk: Path) -> None:
    result = invoke("caption", walk, "--engine", "fake")
    assert (result.exit_code, result.stdout) == (0, "a person walks\n")


def test_export_writes_each_target(walk: Path, tmp_path: Path) -> None:
    features, copy = tmp_path / "new folder" / "walk.npy", tmp_path / "copy.npz"
    result = invoke("export", walk, features, copy)
    assert result.exit_code == 0, result.stderr
    first, second = result.stdout.splitlines()
    assert first.startswith(str(features)) and first.endswith("as in HumanML3D")
    assert second.split()[0] == str(copy)
    assert np.load(features).shape == (40, 263)
    np.testing.assert_array_equal(read_motion(copy).features, read_motion(walk).features)


def test_import_makes_a_motion_of_each_file(walk: Path, tmp_path: Path) -> None:
    joints, features = tmp_path / "joints.npy", tmp_path / "features.npy"
    np.save(joints, read_motion(walk).joints)
    np.save(features, read_motion(walk).features)
    result = invoke("import", joints, features, "--out", tmp_path / "in")
    assert result.exit_code == 0, result.stderr
    assert len(result.stdout.splitlines()) == 2
    assert len(read_motion(tmp_path / "in" / "joints.npz")) == 39  # velocities take a frame
    assert len(read_motion(tmp_path / "in" / "features.npz")) == 40


def test_import_does_not_write_over_what_it_reads(walk: Path) -> None:
    before = walk.read_bytes()
    result = invoke("import", walk, "--out", walk.parent)
    assert result.exit_code == 2
    assert "would be overwritten" in result.stderr
    assert walk.read_bytes() == before


def test_import_refuses_two_files_of_one_name(walk: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "walk.npz"
    other.parent.mkdir()
    other.write_bytes(walk.read_bytes())
    result = invoke("import", walk, other, "--out", tmp_path / "in")
    assert result.exit_code == 2
    assert "would both become" in result.stderr
    assert not (tmp_path / "in").exists()


def _pickled(path: Path) -> Path:
    np.save(path, np.array([{"not": "numbers"}], dtype=object), allow_pickle=True)
    return path


def _text(path: Path) -> Path:
    path.write_text("HIERARCHY\nROOT Hips\n{\n")
    return path


@pytest.mark.parametrize(
    ("make", "name", "message"),
    [
        (lambda path: path, "missing.bvh", "missing.bvh"),
        (_text, "truncated.bvh", "truncated.bvh"),
        (_text, "walk.mp3", ".mp3"),
        (_pickled, "pickled.npy", "pickled.npy"),
    ],
)
def test_a_file_that_is_no_motion_ends_in_one_line(
    make: object, name: str, message: str, tmp_path: Path
) -> None:
    path = make(tmp_path / name)  # type: ignore[operator]
    result = invoke("caption", path, "--engine", "fake")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert message in result.stderr


def test_an_unknown_suffix_is_refused_before_anything_is_written(
    walk: Path, tmp_path: Path
) -> None:
    result = invoke("export", walk, tmp_path / "ok.npy", tmp_path / "bad.fbx")
    assert result.exit_code == 2
    assert "'fbx'" in result.stderr
    assert not (tmp_path / "ok.npy").exists()


def test_a_folder_that_cannot_be_made_is_one_line(walk: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    result = invoke("import", walk, "--out", tmp_path / "taken" / "in")
    assert result.exit_code == 3
    assert len(result.stderr.splitlines()) == 1
    assert "taken" in result.stderr and "--out" in result.stderr


def test_engine_and_checkpoint_exclude_each_other(walk: Path, tmp_path: Path) -> None:
    result = invoke("caption", walk, "--engine", "fake", "--checkpoint", tmp_path)
    assert result.exit_code == 2
    assert "exclude each other" in result.stderr


def test_an_unknown_engine_lists_those_there_are(walk: Path) -> None:
    result = invoke("caption", walk, "--engine", "steam")
    assert result.exit_code == 2
    assert "'steam'" in result.stderr and "motionllm" in result.stderr


def test_control_characters_do_not_reach_the_terminal(walk: Path, tmp_path: Path) -> None:
    result = invoke("caption", tmp_path / "\x1b[2Jwalk.npz", "--engine", "fake")
    assert result.exit_code == 2
    assert "\x1b" not in result.stderr
    assert "[2Jwalk.npz" in result.stderr


def test_usage_errors_end_with_two() -> None:
    assert invoke("caption").exit_code == 2
    assert invoke("exprot").exit_code == 2
    assert "Did you mean 'export'" in invoke("exprot").stderr


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    result = invoke("--debug", "caption", tmp_path / "missing.npz")
    assert result.exit_code == 1
    assert type(result.exception).__name__ == "InputError"


def test_a_bug_is_one_line_that_says_so(walk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no such luck")

    monkeypatch.setattr(FakeEngine, "encode", fail)
    result = invoke("caption", walk, "--engine", "fake")
    assert result.exit_code == 1
    (line,) = (line for line in result.stderr.splitlines() if "no such luck" in line)
    assert "bug" in line and "--debug" in line


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_interrupting_a_command_ends_with_130_and_one_line(walk: Path) -> None:
    program = (
        "import signal, time, motion_agent.cli as cli\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # a CI may ignore it\n"
        "from motion_agent.motion_core.fake import FakeEngine\n"
        "def wait(*_):\n    print('encoding', flush=True); time.sleep(60)\n"
        "FakeEngine.encode = wait\n"
        "cli.main()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, "caption", str(walk), "--engine", "fake"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "encoding\n"
        process.send_signal(signal.SIGINT)
        stderr = process.stderr.read()
        assert process.wait(PATIENCE) == 130
    assert stderr.splitlines()[-1] == "interrupted"
    assert "Traceback" not in stderr


def test_the_choices_of_options_are_those_of_the_parts() -> None:
    from motion_agent.motion_core.datasets.sources import SOURCES
    from motion_agent.motion_core.exporting import export_suffix
    from motion_agent.motion_core.formats.bvh_styles import BVH_STYLES
    from motion_agent.motion_core.rendering.palette import PALETTES

    assert get_args(choices.Source) == SOURCES
    assert get_args(choices.BvhStyleName) == tuple(BVH_STYLES)
    assert get_args(choices.Theme) == tuple(PALETTES)
    assert [export_suffix(f"a.{suffix}") for suffix in choices.EXPORTS] == list(choices.EXPORTS)
