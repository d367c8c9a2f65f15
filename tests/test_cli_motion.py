"""``generate``, ``render``, ``view`` and two people, with an engine without weights."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import webbrowser
from pathlib import Path

import av
import numpy as np
import pytest
from fakes import PATIENCE
from PIL import Image
from typer.testing import CliRunner, Result

from motion_agent import Motion, read_motion
from motion_agent.cli import app
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.formats import save_npz

WALK, BOW = 1 * 32, 5 * 32  # first tokens of FakeEngine's actions


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def _saved(path: Path, token: int, seconds: float) -> Path:
    motion = Motion(FakeEngine().decode([token] * round(seconds * 5)))
    save_npz(motion, path)
    return path


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    return _saved(tmp_path / "walk.npz", WALK, 1.0)


@pytest.fixture
def bow(tmp_path: Path) -> Path:
    return _saved(tmp_path / "bow.npz", BOW, 1.4)


# generate ---------------------------------------------------------------------------------


def generate(out: Path, *arguments: object) -> Result:
    return invoke(
        *("generate", "a person walks forward", "a person bows", "--engine", "fake"),
        *("--out", out, "--format", "npz", *arguments),
    )


def test_generate_makes_a_segment_of_each_description(tmp_path: Path) -> None:
    result = generate(tmp_path)
    assert result.exit_code == 0, result.stderr
    motion = read_motion(tmp_path / "a-person-walks-forward-then-a-person-bows.npz")
    assert [s.description for s in motion.segments] == ["a person walks forward", "a person bows"]
    assert result.stdout.startswith(f"{motion.id}, {motion.duration:.1f} s\n  s1    0.0 to ")


def test_generate_keeps_to_the_seconds(tmp_path: Path) -> None:
    answer = json.loads(generate(tmp_path, "--seconds", 3, "--json").stdout)
    assert [s["end"] - s["start"] for s in answer["segments"]] == pytest.approx([3, 3], abs=0.5)


def test_generate_with_another_seed_is_another_take(tmp_path: Path) -> None:
    ids = {
        json.loads(generate(tmp_path / str(n), "--seed", seed, "--json").stdout)["id"]
        for n, seed in enumerate((7, 7, 8))
    }
    assert len(ids) == 2


def test_generate_tells_the_words_it_does_not_know(tmp_path: Path) -> None:
    result = invoke(
        *("generate", "a person yodels", "--engine", "fake", "--out", tmp_path),
        *("--format", "npy"),
    )
    assert "not in the training captions: yodels" in result.stdout


@pytest.mark.parametrize("arguments", [["--seconds", 30], ["--seconds", 0], ["--seed", -1]])
def test_generate_refuses_what_cannot_be(arguments: list[object], tmp_path: Path) -> None:
    result = generate(tmp_path / "out", *arguments)
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()


# For programs -----------------------------------------------------------------------------


def test_run_answers_programs_with_one_object(tmp_path: Path) -> None:
    result = invoke(
        *("run", "a person walks, then bows", "--engine", "fake", "--json"),
        *("--out", tmp_path, "--format", "npz,bvh"),
    )
    answer = json.loads(result.stdout)
    assert [step["tool"] for step in answer["plan"]["plan"]] == ["generate_motion"] * 2
    (motion,) = answer["motions"]
    assert motion["person"] == 1 and len(motion["segments"]) == 2
    assert motion["frames"] / 20 == motion["seconds"] == motion["segments"][-1]["end"]
    assert [file["format"] for file in answer["files"]] == ["npz", "bvh"]
    for file in answer["files"]:
        assert Path(file["path"]).stat().st_size == file["bytes"]
    assert read_motion(answer["files"][0]["path"]).id == motion["id"]


def test_import_export_and_caption_answer_programs(walk: Path, tmp_path: Path) -> None:
    (imported,) = json.loads(invoke("import", walk, "--out", tmp_path / "in", "--json").stdout)[
        "motions"
    ]
    assert (imported["frames"], imported["path"]) == (20, str(tmp_path / "in" / "walk.npz"))
    exported = json.loads(invoke("export", walk, tmp_path / "w.csv", "--json").stdout)
    assert [file["format"] for file in exported["files"]] == ["csv"]
    captions = json.loads(invoke("caption", walk, walk, "--engine", "fake", "--json").stdout)
    assert [each["caption"] for each in captions["captions"]] == ["a person walks"] * 2


# Two people -------------------------------------------------------------------------------


def test_two_people_are_exported_together(walk: Path, bow: Path, tmp_path: Path) -> None:
    result = invoke(
        *("export", walk, tmp_path / "both.joints.npy", tmp_path / "both.npz", "--with", bow),
        *("--placement", 90, 1, -2),
    )
    assert result.exit_code == 0, result.stderr
    first = np.load(tmp_path / "both.joints.npy")
    second = np.load(tmp_path / "both-person-2.joints.npy")
    np.testing.assert_allclose(first[0, 0, [0, 2]], [0, 0], atol=1e-5)
    np.testing.assert_allclose(second[0, 0, [0, 2]], [1, -2], atol=1e-5)


def test_a_placement_that_a_file_tells_is_kept(walk: Path, bow: Path, tmp_path: Path) -> None:
    invoke("export", walk, tmp_path / "both.npz", "--with", bow, "--placement", 90, 1, -2)
    second = tmp_path / "both-person-2.npz"
    result = invoke("export", walk, tmp_path / "again.joints.npy", "--with", second)
    assert result.exit_code == 0, result.stderr
    placed = np.load(tmp_path / "again-person-2.joints.npy")
    np.testing.assert_allclose(placed[0, 0, [0, 2]], [1, -2], atol=1e-5)


def test_a_placement_without_a_second_person_is_told(walk: Path, tmp_path: Path) -> None:
    result = invoke("export", walk, tmp_path / "x.bvh", "--placement", 90, 1, -2)
    assert result.exit_code == 2
    assert "--with" in result.stderr


def test_clean_cleans(walk: Path, tmp_path: Path) -> None:
    assert invoke("export", walk, tmp_path / "c.npz", "--clean").exit_code == 0
    cleaned = read_motion(tmp_path / "c.npz")
    assert cleaned.provenance["cleaned"]["of"] == read_motion(walk).id


def test_a_motion_of_a_conversation_is_found_by_its_id(
    walk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from motion_agent.motion_core.store import MotionStore

    monkeypatch.setenv("MOTION_AGENT_DATA", str(tmp_path / "home"))
    motion_id = MotionStore(tmp_path / "home" / "motions").add(read_motion(walk))
    result = invoke("export", motion_id, tmp_path / "found.npy")
    assert result.exit_code == 0, result.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "found.npy"), read_motion(walk).features)
    assert "there is no motion m-000000" in invoke("export", "m-000000", "x.npy").stderr


# render -----------------------------------------------------------------------------------


def _video(path: Path) -> tuple[int, int, int]:
    """Width, height and number of frames."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        return stream.width, stream.height, sum(1 for _ in file.decode(stream))


def test_render_makes_a_video_of_a_motion(walk: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "walk.mp4"
    result = invoke("render", walk, "--out", out, "--size", "320x180", "--camera", "follow")
    assert result.exit_code == 0, result.stderr
    assert _video(out) == (320, 180, 20)
    assert result.stdout.startswith(str(out))


def test_render_names_the_video_after_the_motion(
    walk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert invoke("render", walk, "--size", "320x180").exit_code == 0
    assert (tmp_path / "walk.mp4").is_file()


def test_several_motions_are_rendered_side_by_side(walk: Path, bow: Path, tmp_path: Path) -> None:
    out = tmp_path / "both.mp4"
    result = invoke("render", walk, bow, walk, "--out", out, "--size", "600x200")
    assert result.exit_code == 0, result.stderr
    assert _video(out) == (600, 200, 28)  # until the longest ends


def test_two_people_are_rendered_in_one_scene(walk: Path, bow: Path, tmp_path: Path) -> None:
    alone, both = tmp_path / "alone.png", tmp_path / "both.png"
    for arguments in ([walk, "--out", alone], [walk, bow, "--together", "--out", both]):
        result = invoke("render", *arguments, "--time", 0.5, "--size", "320x180")
        assert result.exit_code == 0, result.stderr
    pictures = []
    for path in (alone, both):
        with Image.open(path) as picture:
            pictures.append(np.asarray(picture.convert("RGB")).astype(int))
    assert pictures[0].shape == pictures[1].shape == (180, 320, 3)
    assert (np.abs(pictures[0] - pictures[1]).max(axis=-1) > 40).mean() > 0.01


def test_a_film_strip_has_as_many_moments_as_wished(walk: Path, tmp_path: Path) -> None:
    widths = []
    for moments in (2, 6):
        out = tmp_path / f"{moments}.png"
        assert invoke("render", walk, "--out", out, "--moments", moments).exit_code == 0
        with Image.open(out) as strip:
            widths.append(strip.width)
    assert 2 < widths[1] / widths[0] < 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["WALK", "--out", "x.bvh"], "`export`"),
        (["WALK", "--out", "x.mp4", "--moments", "3"], "--moments"),
        (["WALK", "--out", "x.png", "--moments", "3", "--time", "1"], "--moments"),
        (["WALK", "--out", "x.mp4", "--size", "huge"], "'huge'"),
        (["WALK", "--out", "x.mp4", "--size", "321x180"], "321"),
        (["WALK", "--out", "x.png", "--time", "99"], "frame"),
        (["WALK", "--together", "--out", "x.mp4"], "two people"),
        (["WALK", "WALK", "--out", "x.png"], "side by side"),
        (["WALK", "WALK", "--out", "x.mp4", "--placement", "0", "1", "1"], "--together"),
    ],
)
def test_what_cannot_be_rendered_ends_in_one_line(
    arguments: list[str], message: str, walk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke("-q", "render", *(str(walk) if a == "WALK" else a for a in arguments))
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert message in line
    assert [path.name for path in tmp_path.iterdir()] == ["walk.npz"]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_a_rendering_leaves_nothing(number: int, tmp_path: Path) -> None:
    walk = _saved(tmp_path / "walk.npz", WALK, 120)
    program = (
        "import signal, motion_agent.cli as cli\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # a CI may ignore it\n"
        "from motion_agent.motion_core.rendering.stage import Stage\n"
        "paint = Stage.paint\n"
        "def told(self, frame):\n"
        "    if frame == 10: print('painting', flush=True)\n"
        "    return paint(self, frame)\n"
        "Stage.paint = told\n"
        "cli.main()\n"
    )
    command = [sys.executable, "-c", program, "render", str(walk), "--out"]
    with subprocess.Popen(
        [*command, str(tmp_path / "walk.mp4")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "painting\n"
        process.send_signal(number)
        stderr = process.stderr.read()
        assert process.wait(PATIENCE) == 130
    assert stderr.splitlines()[-1] == "interrupted"
    assert [path.name for path in tmp_path.iterdir()] == ["walk.npz"]


# view -------------------------------------------------------------------------------------


def test_view_opens_a_page(walk: Path, bow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
    result = invoke("view", walk, "--with", bow)
    assert result.exit_code == 0, result.stderr
    page = Path(result.stdout.strip())
    assert opened == [page.as_uri()]
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    page.unlink()
    page.parent.rmdir()


def test_view_only_tells_the_page_if_asked(
    walk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda url: pytest.fail("it was opened"))
    result = invoke("view", walk, "--no-open", "--out", tmp_path / "kept.html")
    assert result.stdout == f"{tmp_path / 'kept.html'}\n"
    assert (tmp_path / "kept.html").is_file()
    assert invoke("view", walk, "--out", "page.txt").exit_code == 2


def test_view_without_a_browser_says_so(
    walk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    result = invoke("view", walk, "--out", tmp_path / "page.html")
    assert result.exit_code == 0
    assert "open the page yourself" in result.stderr
