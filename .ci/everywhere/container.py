"""The Dockerfile's steps and the page on production, each in a clean folder.

Containers are not available everywhere, so the steps of the Dockerfile run in an environment of
their own; ``/data`` is a folder. The wheel is built here. $TORCH, if set, is the build argument.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from environments import Environments
from serving import REPOSITORY, free_port, served

PAGE = REPOSITORY / "docs" / "how-to" / "production.md"
HERE = Path(__file__).resolve().parent
_TOKEN = "a-token-of-ann-0123456789"


def container(environments: Environments, folder: Path) -> list[str]:
    """Run the steps of the Dockerfile, and talk over HTTP to what it starts."""
    data = folder / "data"
    data.mkdir()
    (data / "tokens").write_text(f"ann {_TOKEN}\n")
    place = environments.fresh("container")
    environment, start, lines = _clean(place, folder), list[str](), list[str]()
    for word, rest in _steps((REPOSITORY / "Dockerfile").read_text(encoding="utf-8")):
        rest = rest.replace("/data", str(data))
        lines.append(f"{word} {rest}")
        if word == "ARG":
            name, _, value = rest.partition("=")
            environment.setdefault(name, value.strip('"'))
        elif word == "ENV":
            environment |= dict(part.split("=", 1) for part in rest.split())
        elif word == "RUN":
            subprocess.run(["bash", "-c", rest], env=environment, cwd=folder, check=True)
        elif word in ("ENTRYPOINT", "CMD"):
            start += json.loads(rest)
    port = free_port()
    address = f"http://127.0.0.1:{port}/mcp"
    start[0] = str(place / "bin" / start[0])
    command = [*start, "--port", str(port)]
    python = environments.python("fastmcp", ["fastmcp"])
    with served(command, address, environment, folder=folder, patience=600):
        session = subprocess.run(
            [str(python), str(HERE / "session.py"), address],
            env={**os.environ, "TOKEN": _TOKEN},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    return [*lines, "", *session.stdout.splitlines()]


def production(environments: Environments, folder: Path) -> list[str]:
    """Run all snippets of the page in order, in an empty folder and an environment of only pip."""
    place = environments.fresh("production")
    environment = _clean(place, folder)
    page, empty = PAGE.read_text(encoding="utf-8"), folder / "empty"
    empty.mkdir()
    environment |= {"MOTION_AGENT_DATA": str(folder / "home")}
    torch = environment.get("TORCH", "torch")  # "install PyTorch's CPU build first"
    lines = [f"pip install {torch}"]
    lines += "".join(re.findall(r"^```bash\n(.*?)^```$", page, re.M | re.S)).splitlines()
    for line in lines:
        subprocess.run(["bash", "-c", line], env=environment, cwd=empty, check=True)
    snippets = re.findall(r"^```python\n(.*?)^```$", page, re.M | re.S)
    (folder / "snippets.py").write_text("\n".join(snippets))
    python = [str(place / "bin" / "python"), str(folder / "snippets.py")]
    done = subprocess.run(
        python, env=environment, cwd=empty, check=True, stdout=subprocess.PIPE, text=True
    )
    return [
        *lines,
        f"python snippets.py  # the {len(snippets)} of the page",
        *done.stdout.splitlines(),
    ]


def _steps(dockerfile: str) -> Iterator[tuple[str, str]]:
    for line in dockerfile.replace("\\\n", " ").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word:
            yield word, rest


def _clean(place: Path, folder: Path) -> dict[str, str]:
    """Return variables with that environment first on PATH and today's wheel for pip to find."""
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run(build, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MOTION_AGENT_", "VIRTUAL_"))}
    path = f"{place / 'bin'}{os.pathsep}{kept['PATH']}"
    return {**kept, "PATH": path, "PIP_FIND_LINKS": str(folder), "PIP_QUIET": "1"}
