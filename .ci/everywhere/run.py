"""The MCP server and the graph with clients that are not ours, each in an environment of its own.

    python .ci/everywhere/run.py [adapters fastmcp inspector langgraph] [--venvs .venvs]

Makes environments in VENVS where they are missing (from PyPI and npm), starts ``motion-agent mcp``
of the environment that this runs in, with the engine `fake`, and has each client make, edit,
caption and export a motion. Ends with 1 if one cannot.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
PACKAGES = {
    "adapters": ["langchain-mcp-adapters", "langchain"],
    "fastmcp": ["fastmcp"],
    "langgraph": ["langgraph-cli[inmem]"],
}


def environment(name: str, venvs: Path) -> Path:
    """The Python of an environment with the packages of that client."""
    folder = venvs / f"everywhere-{name}"
    python = folder / "bin" / "python"
    if not (folder / ".installed").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", *PACKAGES[name]]
        subprocess.run(install, check=True)
        (folder / ".installed").touch()
    return python


def settings(folder: Path) -> dict[str, str]:
    """Variables of a server that keeps everything in that folder."""
    ours = {"MOTION_AGENT_ENGINE": "fake", "MOTION_AGENT_DATA": str(folder)}
    return {**os.environ, **ours, "OMP_NUM_THREADS": "1"}


@contextmanager
def served(command: list[str], folder: Path, path: str, port: int) -> Iterator[str]:
    """A server that is started by a command, until it answers; gives its address."""
    server = subprocess.Popen(command, env=settings(folder), cwd=REPOSITORY)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            if server.poll() is not None:
                raise SystemExit(f"{command} ended with {server.returncode}")
            try:
                urllib.request.urlopen(address + path, timeout=5)
                break
            except urllib.error.HTTPError:
                break  # it answers, if only that this is no way to ask
            except OSError:
                time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(30)


def free_port() -> int:
    """A port that nobody listens at now."""
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def ours(*options: str) -> list[str]:
    """The command that starts our server."""
    return [sys.executable, "-m", "motion_agent", "mcp", "--patience", "120", *options]


def client(name: str, venvs: Path, folder: Path) -> None:
    """A client in Python, over stdio and over HTTP."""
    python = environment(name, venvs)
    script = [str(python), str(HERE / f"{name}.py")]
    subprocess.run([*script, *ours()], env=settings(folder), check=True, timeout=300)
    port = free_port()
    with served(ours("--http", "--port", str(port)), folder, "/mcp", port) as address:
        subprocess.run([*script, f"{address}/mcp"], env=settings(folder), check=True, timeout=300)


def inspector(name: str, venvs: Path, folder: Path) -> None:
    """The inspector's command line, from npm."""
    place = venvs / "everywhere-inspector"
    program = place / "node_modules" / ".bin" / "mcp-inspector"
    if not program.exists():
        place.mkdir(parents=True, exist_ok=True)
        npm = shutil.which("npm") or "npm"
        package = "@modelcontextprotocol/inspector"
        subprocess.run([npm, "install", "--silent", package], cwd=place, check=True)
    answers = []
    for method in (
        ["tools/list"],
        [
            *("tools/call", "--tool-name", "generate_motion"),
            *("--tool-arg", 'descriptions=["a person bows"]'),
        ],
        ["tools/call", "--tool-name", "list_motions"],
        ["resources/list"],
    ):
        done = subprocess.run(
            [str(program), "--cli", *ours("--no-pictures"), "--method", *method],
            env=settings(folder),
            check=True,
            timeout=300,
            capture_output=True,
            text=True,
        )
        answers.append(json.loads(done.stdout))
    tools, motion, listed, resources = answers
    assert {"generate_motion", "wait_motion"} <= {tool["name"] for tool in tools["tools"]}
    motion_id = motion["structuredContent"]["motion_id"]
    assert motion_id in listed["content"][0]["text"]
    assert any(motion_id in entry["uri"] for entry in resources["resources"])
    print(f"inspector: {len(tools['tools'])} tools, made {motion_id}, and found it again")


def langgraph(name: str, venvs: Path, folder: Path) -> None:
    """``langgraph dev`` with the graph of langgraph.json, for two users."""
    python = environment(name, venvs)
    site = subprocess.run(
        [sys.executable, "-c", "import site, motion_agent, sys; print(*sys.path[1:], sep='\\n')"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = subprocess.run(
        [str(python), "-c", "import site; print(site.getsitepackages()[0])"],
        capture_output=True,
        text=True,
        check=True,
    )
    # what this environment has, behind what the client's own has
    Path(found.stdout.strip(), "zz-ours.pth").write_text(site.stdout)
    port = free_port()
    command = [str(python), "-m", "langgraph_cli", "dev", "--no-browser", "--no-reload"]
    with served([*command, "--port", str(port)], folder, "/ok", port) as address:
        replies = {}
        for user in ("ann", "ben"):
            body = {
                "assistant_id": "motion_agent",
                "input": {"messages": [{"role": "user", "content": "A person walks, then bows."}]},
                "config": {"configurable": {"user": user}},
            }
            request = urllib.request.Request(
                f"{address}/runs/wait",
                data=json.dumps(body).encode(),
                headers={"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request, timeout=200) as answer:
                replies[user] = json.load(answer)["messages"][-1]["content"]
        assert all("Made motion" in reply for reply in replies.values()), replies
        print(f"langgraph dev: {replies['ann'].splitlines()[0]}")


CLIENTS: dict[str, Callable[[str, Path, Path], None]] = {
    "adapters": client,
    "fastmcp": client,
    "inspector": inspector,
    "langgraph": langgraph,
}


def main() -> int:
    """Try the clients that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clients", nargs="*", default=list(CLIENTS), choices=list(CLIENTS))
    parser.add_argument("--venvs", type=Path, default=REPOSITORY / ".venvs")
    arguments = parser.parse_args()
    failed = []
    for name in arguments.clients:
        begin = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            try:
                CLIENTS[name](name, arguments.venvs.resolve(), Path(folder))
            except (AssertionError, OSError, subprocess.SubprocessError, SystemExit) as err:
                print(f"{name}: {type(err).__name__}: {err}", file=sys.stderr)
                failed.append(name)
        print(f"{name}: {time.monotonic() - begin:.0f} s", flush=True)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
