"""Open every export in common programs and measure the distance of their joints from ours.

    python benchmarks/foreign_readers/check.py [MOTION] [--environments FOLDER] [--write PAGE]

MOTION is any file that `motion-agent import` reads; by default tests/samples/walk.npy. Programs are
installed into FOLDER the first time (Python packages into an environment of their own, three.js and
Khronos' validator by npm); Blender is used if MOTION_AGENT_BPY_PYTHON names a Python with its
module bpy, Chromium if it is installed. Unavailable programs appear as such in the table. `--write`
puts the table between the marks of docs/reference/programs.md.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mixamo_rig
import numpy as np
import research_bvh
from numpy.typing import NDArray

from motion_agent import Motion, read_motion
from motion_agent.motion_core.errors import FormatError, InputError
from motion_agent.motion_core.exporting import EXPORTS, export
from motion_agent.motion_core.formats import READABLE_SUFFIXES, read_joints
from motion_agent.motion_core.formats.amass import amass_joints
from motion_agent.motion_core.formats.bvh_styles import BVH_STYLES
from motion_agent.motion_core.formats.gltf import gltf_recording, parse_gltf
from motion_agent.motion_core.skeleton import JOINT_NAMES

Array = NDArray[np.float64]

HERE = Path(__file__).resolve().parent
SAMPLE = HERE.parents[1] / "tests" / "samples" / "walk.npy"
PYTHON_PACKAGES = ("bvhio==1.5.4", "pybvh==0.9.0", "numpy")
NODE_PACKAGES = ("three@0.180.0", "gltf-validator@2.0.0-dev.3.10")
_START, _END = "<!-- programs -->", "<!-- /programs -->"
_VALIDATE = """
const fs = require("fs"), {validateBytes} = require("gltf-validator");
validateBytes(new Uint8Array(fs.readFileSync(process.argv[1])))
  .then(report => console.log(JSON.stringify(report.issues)));
"""


class NotHere(Exception):
    """A program is not available on this machine."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    export: str
    program: str
    result: str


@dataclass(frozen=True)
class Environments:
    """The environments of the programs."""

    folder: Path

    @functools.cached_property
    def python(self) -> Path:
        """A Python with `PYTHON_PACKAGES`."""
        python = self.folder / "python" / "bin" / "python"
        if not python.exists():
            _run([sys.executable, "-m", "venv", str(self.folder / "python")])
            _run([str(python), "-m", "pip", "install", "--quiet", *PYTHON_PACKAGES])
        return python

    @functools.cached_property
    def node(self) -> Path:
        """A folder with `NODE_PACKAGES`."""
        if shutil.which("node") is None or shutil.which("npm") is None:
            raise NotHere("node and npm are not installed")
        folder = self.folder / "node"
        if not (folder / "node_modules" / "three").exists():
            folder.mkdir(parents=True, exist_ok=True)
            _run(["npm", "install", "--prefix", str(folder), "--no-audit", *NODE_PACKAGES])
        return folder

    @property
    def blender(self) -> str:
        """A Python with Blender's module."""
        python = os.environ.get("MOTION_AGENT_BPY_PYTHON")
        if not python:
            raise NotHere("MOTION_AGENT_BPY_PYTHON names no Python with bpy")
        return python


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise NotHere(f"{Path(command[0]).name}: {(done.stderr or done.stdout).strip()[-160:]}")
    return done.stdout


def distance_line(places: Array, expected: Array) -> str:
    """Return how far joints ``(T, 22, 3)`` are from their expected positions."""
    if len(places) != len(expected):
        return f"**{len(places)} frames, {len(expected)} expected**"
    off = np.linalg.norm(places - expected, axis=-1) * 1000
    return f"{off.mean():.2f} mm, at most {off.max():.1f} mm"


def ours(names: Sequence[str], places: Array, joints: Sequence[str]) -> Array:
    """Return the positions of our joints by their names in the file."""
    # three.js drops the characters that its paths use
    plain = [re.sub(r"[\[\].:/]", "", name) for name in names]
    return places[:, [plain.index(re.sub(r"[\[\].:/]", "", name)) for name in joints]]


def saved(command: Sequence[str], out: Path) -> tuple[list[str], Array]:
    """Return the names and positions that a program saved in `out`."""
    _run(command)
    with np.load(out) as found:
        return [str(name) for name in found["names"]], found["places"]


def check_bvh(motion: Motion, folder: Path, here: Environments) -> Iterator[Row]:
    """Yield a row for BVH of every style in every reader."""
    expected = motion.joints.astype(np.float64)
    for name, style in BVH_STYLES.items():
        (path,) = export(motion, folder / f"{name}.bvh", bvh=style)
        unit = 0.01 if style.unit == "cm" else 1.0
        out = folder / "found.npz"

        def research(path: Path = path) -> tuple[list[str], Array]:
            names, places, _ = research_bvh.read(path)
            return names, places

        def package(which: str, path: Path = path, out: Path = out) -> tuple[list[str], Array]:
            script = str(HERE / "in_python.py")
            return saved([str(here.python), script, which, str(path), str(out)], out)

        def blender(path: Path = path, out: Path = out) -> tuple[list[str], Array]:
            return saved([here.blender, str(HERE / "in_blender.py"), str(path), str(out)], out)

        def three(path: Path = path) -> tuple[list[str], Array]:
            return in_chromium(here.node, path, len(motion))

        readers: Mapping[str, Callable[[], tuple[list[str], Array]]] = {
            "MoMask's reader (its behaviour)": research,
            "pybvh": functools.partial(package, "pybvh"),
            "bvhio": functools.partial(package, "bvhio"),
            "three.js BVHLoader in Chromium": three,
            "Blender": blender,
        }
        for program, reader in readers.items():
            yield _row(f"`.bvh` {name}", program, reader, style.names, unit, expected)


def _row(
    what: str,
    program: str,
    reader: Callable[[], tuple[list[str], Array]],
    names: Sequence[str],
    unit: float,
    expected: Array,
) -> Row:
    try:
        found, places = reader()
        return Row(what, program, distance_line(unit * ours(found, places, names), expected))
    except NotHere as reason:
        return Row(what, program, f"not checked: {reason}")
    except ValueError as error:
        return Row(what, program, f"**{error}**")


def check_glb(motion: Motion, folder: Path, here: Environments) -> Iterator[Row]:
    """Yield a row for the mannequin in GLB, in viewers and the validator, and for FBX that Blender
    makes of it.
    """
    (path,) = export(motion, folder / "motion.glb")
    expected = motion.joints.astype(np.float64)
    out, fbx = folder / "found.npz", folder / "blender.fbx"

    def three() -> tuple[list[str], Array]:
        return in_chromium(here.node, path, len(motion))

    def blender() -> tuple[list[str], Array]:
        script = str(HERE / "in_blender.py")
        return saved([here.blender, script, str(path), str(out), str(fbx)], out)

    yield _row("`.glb`", "three.js GLTFLoader in Chromium", three, JOINT_NAMES, 1.0, expected)
    yield _row("`.glb`", "Blender", blender, JOINT_NAMES, 1.0, expected)
    try:
        report = json.loads(_run_in(here.node, ["node", "-e", _VALIDATE, str(path)]))
        counts = f"{report['numErrors']} errors, {report['numWarnings']} warnings"
    except NotHere as reason:
        counts = f"not checked: {reason}"
    yield Row("`.glb`", "Khronos glTF validator", counts)
    if fbx.exists():
        yield Row(
            "`.fbx` that Blender made of it", "`motion-agent import`", imported(fbx, expected)
        )


def _run_in(folder: Path, command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    if done.returncode:
        raise NotHere(done.stderr.strip()[-160:])
    return done.stdout


def check_character(motion: Motion, folder: Path, here: Environments) -> Iterator[Row]:
    """Yield rows for a rig whose names have colons, as three.js opens it."""
    what, program = "`.glb` `--character`", "three.js GLTFLoader in Chromium"
    hero = mixamo_rig.write(folder / "hero.glb", motion)
    (path,) = export(motion, folder / "hero-moves.glb", character=hero)
    recording = gltf_recording(parse_gltf(path.read_bytes(), folder))
    names = [name for name in recording.names if name.startswith("mixamorig:")]
    expected = recording.positions([recording.names.index(name) for name in names])
    try:
        found = opened_in_chromium(here.node, path, len(motion))
    except NotHere as reason:
        yield Row(what, program, f"not checked: {reason}")
        return
    places = ours(found["names"], np.array(found["places"]), names)
    yield Row(f"{what}, against our reading", program, distance_line(places, expected))
    surfaces = found["surfaces"]
    kept = [bool(each["picture"]) and each["expressions"] == ["smile"] for each in surfaces]
    good = f"{len(kept)} materials with their pictures and expression"
    yield Row(what, program, good if len(kept) == 2 and all(kept) else f"**{surfaces}**")


def check_amass(motion: Motion, folder: Path) -> Iterator[Row]:
    """Yield a row for each requirement of the loaders of AMASS files."""
    (path,) = export(motion, folder / "motion.amass.npz")
    with np.load(path) as file:
        poses, trans, rate = file["poses"], file["trans"], float(file["mocap_framerate"])
        frames = len(poses)
        addon = poses.shape[1] // 3 in (52, 55) and rate >= 30
        yield Row(
            "`.amass.npz`",
            "SMPL-X add-on for Blender: 52 or 55 joints, 30 fps or more, gender, betas",
            "taken" if addon and str(file["gender"]) == "neutral" and file["betas"].size >= 10
            else "**refused**",
        )  # fmt: skip
        step = int(rate / 20)
        thin = amass_joints(poses[::step], trans[::step], file["offsets"])
        yield Row("`.amass.npz`", "HumanML3D's raw_pose_processing: every third frame",
                  distance_line(thin, motion.joints.astype(np.float64)))  # fmt: skip
        hands = poses[:, 66:156].shape == (frames, 90) and not poses[:, 66:].any()
        yield Row(
            "`.amass.npz`",
            "VIBE's and AMASS's tutorials: poses (T, 156), trans (T, 3), betas (16), dmpls (T, 8)",
            "taken" if hands and trans.shape == (frames, 3) and file["betas"].shape == (16,)
            and file["dmpls"].shape == (frames, 8) else "**refused**",
        )  # fmt: skip


def check_import(motion: Motion, folder: Path) -> Iterator[Row]:
    """Yield a row for the import of each of our own exports."""
    expected = motion.joints.astype(np.float64)
    for suffix in EXPORTS:
        if Path(f"x.{suffix}").suffix not in READABLE_SUFFIXES:
            continue
        for name, style in BVH_STYLES.items() if suffix == "bvh" else [("", None)]:
            (path,) = export(motion, folder / f"back.{suffix}", bvh=style)
            yield Row(
                f"`.{suffix}` {name}".strip(), "`motion-agent import`", imported(path, expected)
            )


def imported(path: Path, expected: Array) -> str:
    """Return the error of a file's joints as imported by us, apart from their centre."""
    try:
        joints, fps = read_joints(path)
    except (InputError, FormatError) as error:
        return f"**{str(error)[:100]}**"
    joints = joints[:: round(fps / 20)]
    if len(joints) != len(expected):
        return f"**{len(joints)} frames, {len(expected)} expected**"
    moved = joints - joints.mean(axis=(0, 1)) + expected.mean(axis=(0, 1))
    return distance_line(moved, expected)


def in_chromium(node: Path, path: Path, frames: int) -> tuple[list[str], Array]:
    """Return the names and positions of joints as three.js reads a file."""
    found = opened_in_chromium(node, path, frames)
    return found["names"], np.array(found["places"])


def opened_in_chromium(node: Path, path: Path, frames: int) -> dict[str, Any]:
    """Return what page.html finds in a file: names and places of joints, and surfaces."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if chromium is None:
        raise NotHere("Chromium is not installed")
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError as error:
        raise NotHere("the package playwright is not installed") from error
    shutil.copy(HERE / "page.html", node)
    shutil.copy(path, node)
    with served(node) as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{address}/page.html")
        page.wait_for_function("window.read !== undefined")
        found: dict[str, Any] = page.evaluate(f"window.read({path.name!r}, 1 / 20, {frames})")
        browser.close()
    return found


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve files on loopback, because modules do not load from disk."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def table(rows: Sequence[Row]) -> str:
    lines = ["| export | program | joint error, mean and maximum |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {r.export} | {r.program} | {r.result} |" for r in rows)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("motion", type=Path, nargs="?", default=SAMPLE)
    parser.add_argument(
        "--environments", type=Path, default=Path.home() / ".cache/motion-agent-programs"
    )
    parser.add_argument("--write", type=Path, help="a page with the marks of the table")
    arguments = parser.parse_args()
    motion = read_motion(arguments.motion)
    here = Environments(arguments.environments.resolve())
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for found in (
            check_bvh(motion, folder, here),
            check_glb(motion, folder, here),
            check_character(motion, folder, here),
            check_amass(motion, folder),
            check_import(motion, folder),
        ):
            for row in found:
                print(f"{row.export:24} {row.program:44} {row.result}", flush=True)
                rows.append(row)
    if arguments.write:
        text = arguments.write.read_text(encoding="utf-8")
        start, end = text.index(_START) + len(_START), text.index(_END)
        text = f"{text[:start]}\n\n{table(rows)}\n\n{text[end:]}"
        arguments.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
