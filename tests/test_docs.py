"""The documentation is true: every snippet runs as it stands there, page by page.

As the README's snippets do (`test_readme`): in an empty folder, with `FakeEngine` for the motion
model and a scripted server on loopback for language models. Snippets of a page run in order and
share their names, as a reader would type them.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import PATIENCE
from recordings import SMALL, record, save_backbone
from test_formats_glb import _python_with_bpy as python_with_bpy
from test_readme import language_models, reader
from typer.testing import CliRunner

from motion_agent import read_motion
from motion_agent.cli import app
from motion_agent.motion_core.exporting import export
from motion_agent.motion_core.formats import read_joints
from motion_agent.motion_core.formats.bvh_styles import bvh_style

__all__ = ["language_models", "reader"]  # fixtures

REPOSITORY = Path(__file__).resolve().parent.parent
DOCS = REPOSITORY / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "ablation" not in path.parts)
SNIPPET = re.compile(r"^```(python|bash)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ELSEWHERE = {"make", "source", "pip", "ollama", "python"}  # what a reader runs outside motion-agent


def snippets(path: Path) -> list[tuple[str, str]]:
    """Language and text of each snippet, in order."""
    return SNIPPET.findall(path.read_text(encoding="utf-8"))


def commands(text: str) -> Iterator[tuple[dict[str, str], list[str]]]:
    """Environment and words of each command."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        settings = {}
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            name, _, value = words.pop(0).partition("=")
            settings[name] = value
        if words:
            yield settings, words


def run_command(settings: dict[str, str], words: list[str], folder: Path, server: str) -> None:
    name, *arguments = words
    if name != "motion-agent":
        assert name in ELSEWHERE, words
        return
    if arguments[0] == "train":
        arguments += SMALL.get(arguments[1], [])
        if arguments[1] in ("t2m", "m2t"):
            arguments += ["--backbone", str(folder / "backbone")]
    environment = {key: f"{server}/v1" if "URL" in key else v for key, v in settings.items()}
    typed = "a person bows\n/quit\n"
    result = CliRunner().invoke(app, arguments, input=typed, env=environment)
    assert result.exit_code == 0, f"{words}\n{result.stdout}\n{result.stderr}\n{result.exception}"


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if snippets(page)],
    ids=lambda page: page.relative_to(DOCS).as_posix(),
)
def test_the_snippets_of_a_page_run_in_order(
    page: Path, reader: Path, language_models: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (reader / "walk.bvh").write_bytes((REPOSITORY / "tests/samples/walk-mixamo.bvh").read_bytes())
    (reader / "shared").mkdir()
    if "data prepare" in page.read_text(encoding="utf-8"):
        record(reader / "recordings")
        save_backbone(reader / "backbone")
    namespace: dict[str, Any] = {"__name__": "snippet"}
    for number, (language, text) in enumerate(snippets(page), start=1):
        if language == "bash":
            for settings, words in commands(text):
                run_command(settings, words, reader, language_models)
            continue
        exec(compile(text, f"{page.name} snippet {number}", "exec"), namespace)
        printed = capsys.readouterr().out
        assert printed.strip() or "print(" not in text or "if " in text, f"snippet {number}"


@pytest.mark.slow
def test_the_page_on_blender_runs_in_blender(tmp_path: Path) -> None:
    """Its snippets marked ``py`` are Blender's Python, in the folder that the page speaks of."""
    python = python_with_bpy()
    walk = read_motion(REPOSITORY / "tests/samples/walk.npy")
    hero = walk.export(tmp_path / "hero.glb")
    export(walk, tmp_path / "hero-walks.glb", character=hero)
    export(walk, tmp_path / "walk.bvh", bvh=bvh_style("mixamo", unit="m"))
    page = (DOCS / "how-to" / "blender.md").read_text(encoding="utf-8")
    snippets = re.findall(r"^```py\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(snippets) == 3
    done = subprocess.run(
        [python, "-c", "\n".join(snippets)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line and line[0].isalnum()]
    assert any(line.endswith(f"{len(walk) - 1}.0") for line in lines), done.stdout
    fps, height = next(line for line in lines if line.startswith("20 ")).split()
    assert (fps, float(height)) == ("20", pytest.approx(float(walk.joints[0, 0, 1]), abs=0.02))
    pytest.importorskip("ufbx", reason="needs the extra fbx: pip install ufbx")
    assert read_joints(tmp_path / "changed.fbx")[0].shape == walk.joints.shape


def test_there_are_snippets_to_run() -> None:
    found = [language for page in PAGES for language, _ in snippets(page)]
    assert found.count("python") >= 35 and found.count("bash") >= 20


def test_the_make_targets_in_the_documentation_exist() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    targets = set(re.findall(r"(?:`|^)make ([a-z]+)", text, re.MULTILINE))
    assert {"demo", "gallery", "notebooks", "train"} <= targets
    for target in targets:
        done = subprocess.run(
            ["make", "--dry-run", target, "VENV=elsewhere"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr


def test_help_texts_and_formats_are_those_of_the_program() -> None:
    done = subprocess.run(
        [sys.executable, str(DOCS / "fill_in.py"), "--check"],
        env={**os.environ, "MOTION_AGENT_PLANNER": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"run docs/fill_in.py: {done.stdout}{done.stderr}"


def test_paths_of_the_repository_exist() -> None:
    pattern = r"`((?:benchmarks|notebooks|motion_core|docs)/[\w./-]+)`"
    for page in PAGES:
        for name in re.findall(pattern, page.read_text(encoding="utf-8")):
            assert (REPOSITORY / name).exists(), f"{page.name}: {name}"


def test_pictures_and_links_lead_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_gallery_shows_what_people_ask_for_first_in_less_than_a_megabyte() -> None:
    page = (DOCS / "gallery.md").read_text(encoding="utf-8")
    strips = list((DOCS / "images" / "gallery").glob("*.png"))
    counts = json.loads((DOCS / "images" / "gallery" / "trials.json").read_text())
    assert len(strips) == len(counts) == 24
    for description, count in counts.items():
        assert f"| {description} | {count} |" in page
    for strip in strips:
        assert f"(images/gallery/{strip.name})" in page
    assert sum(path.stat().st_size for path in strips) < 1_000_000
    assert (DOCS / "images" / "first-motion.gif").stat().st_size < 1_500_000


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="the extra docs is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path],
        cwd=REPOSITORY,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    reference = (tmp_path / "reference" / "motion.html").read_text(encoding="utf-8")
    assert "segment_frames" in reference and "_repr_mimebundle_" not in reference
