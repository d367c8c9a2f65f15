"""An environment for each client, from PyPI and npm, below one folder; kept between runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PREFIX = "everywhere-"


class Environments:
    """Environments below a folder.

    Args:
        folder: where they are made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    def python(self, name: str, packages: Sequence[str]) -> Path:
        """Return the Python of an environment that has these packages and what they need."""
        place = self.folder / f"{PREFIX}{name}"
        mark = place / ".installed"
        if not mark.exists() or mark.read_text() != "\n".join(packages):
            uv = self._uv()
            python = str(place / "bin" / "python")
            _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(place)])
            _run([uv, "pip", "install", "--quiet", "--python", python, *packages])
            mark.write_text("\n".join(packages))
        return place / "bin" / "python"

    def npm(self, name: str, packages: Sequence[str]) -> Path:
        """Return a folder whose ``node_modules`` has these packages."""
        place = self.folder / f"{PREFIX}{name}"
        if not (place / "node_modules").exists():
            place.mkdir(parents=True, exist_ok=True)
            npm = shutil.which("npm") or "npm"
            _run([npm, "install", "--silent", "--no-fund", "--no-audit", *packages], place)
        return place

    def fresh(self, name: str) -> Path:
        """Return a new environment that has pip alone."""
        place = self.folder / f"{PREFIX}{name}"
        shutil.rmtree(place, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(place)])
        return place

    def paths_of(self, python: Path) -> Path:
        """Return the folder of an environment's packages."""
        code = "import site; print(site.getsitepackages()[0])"
        return Path(_printed([str(python), "-c", code]))

    def own_paths(self) -> str:
        """Return the folders in which this environment finds its packages, one a line."""
        code = "import pathlib, sys, motion_agent\n"
        code += "ours = pathlib.Path(motion_agent.__file__).parents[1]  # installed as editable\n"
        code += "print(ours, *sys.path[1:], sep='\\n')"
        return _printed([sys.executable, "-c", code])

    def _uv(self) -> str:
        place = self.folder / "uv"
        if not (place / "bin" / "uv").exists():
            _run([sys.executable, "-m", "venv", str(place)])
            _run([str(place / "bin" / "pip"), "install", "--quiet", "uv"])
        return str(place / "bin" / "uv")


def versions(python: Path, packages: Sequence[str]) -> str:
    """Return the packages with the versions that an environment has."""
    names = [re.split(r"[\[<]", package)[0] for package in packages]
    code = "import sys; from importlib.metadata import version\n"
    code += "print(', '.join(f'{n} {version(n)}' for n in sys.argv[1:]))"
    return _printed([str(python), "-c", code, *names])


def _printed(command: Sequence[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _run(command: Sequence[str], folder: Path | None = None) -> None:
    subprocess.run(command, cwd=folder, check=True, env={**os.environ, "PIP_QUIET": "1"})
