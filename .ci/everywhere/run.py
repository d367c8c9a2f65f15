"""The MCP server and the graph with clients that are not ours, each in an environment of its own.

    python .ci/everywhere/run.py [NAME …] [--venvs .venvs] [--transcript FILE]

Makes environments in VENVS where they are missing (from PyPI and npm), starts ``motion-agent mcp``
of the environment that this runs in, with the engine `fake`, and has each client make, edit,
caption and export a motion. Ends with 1 if one cannot.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from chat_page import chat, langgraph
from container import container, production
from environments import Environments, versions
from scripted_model import scripted_model
from serving import REPOSITORY, command_on_path, free_port, our_server, served, settings

HERE = Path(__file__).resolve().parent
PAGE = REPOSITORY / "docs" / "how-to" / "frameworks.md"
FASTMCP = ["fastmcp"]
HEAD = """\
# What other clients said

Made by `make everywhere`: [the frameworks](../how-to/frameworks.md), each in an environment of its
own, with `motion-agent mcp` and the engine `fake`; the steps of the Dockerfile and the page on
production use the default checkpoint. Where there is an agent, its language model is a script. What
was called, and the first line of each answer:
"""

Check = Callable[[Environments, Path], list[str]]


def fastmcp(environments: Environments, folder: Path) -> list[str]:
    """FastMCP's client over stdio and HTTP, and a server that is killed and started again."""
    python = environments.python("fastmcp", FASTMCP)
    script = [str(python), str(HERE / "session.py")]
    lines = [versions(python, FASTMCP), "", "$ motion-agent mcp"]
    lines += _output([*script, *our_server()], settings(folder / "stdio"))
    port = free_port()
    address = f"http://127.0.0.1:{port}/mcp"
    lines += ["", "$ motion-agent mcp --http"]
    server = our_server("--http", "--port", str(port))
    with served(server, address, settings(folder / "http")) as process:
        lines += _output([*script, address], settings(folder))
        process.kill()
    motion_id = lines[-1]
    lines += ["", "$ kill -9 $!; motion-agent mcp --http"]
    with served(server, address, settings(folder / "http")):
        lines += _output([*script, address, "--find", motion_id], settings(folder))
    return lines


def framework(
    heading: str, packages: Sequence[str], environments: Environments, folder: Path
) -> list[str]:
    """The snippet of the page on frameworks below that heading, with a scripted model."""
    pattern = rf"^## {heading}\n.*?^```py\n(.*?)^```$"
    match = re.search(pattern, PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert match is not None, heading
    python = environments.python(heading.lower().replace(" ", "-"), packages)
    with scripted_model() as script:
        environment = settings(
            folder,
            PATH=command_on_path(folder),
            OPENAI_API_KEY="none",
            OPENAI_BASE_URL=script.url,
            OPENAI_AGENTS_DISABLE_TRACING="1",
        )
        _output([str(python), "-c", match[1]], environment)
        script.check()
        return [versions(python, packages), "", *script.transcript()]


def inspector(environments: Environments, folder: Path) -> list[str]:
    """The MCP inspector's command line, from npm."""
    package = "@modelcontextprotocol/inspector"
    place = environments.npm("inspector", [package])
    program = str(place / "node_modules" / ".bin" / "mcp-inspector")
    found = json.loads((place / "node_modules" / package / "package.json").read_text())
    lines = [f"{package} {found['version']}", ""]

    def ask(*words: str) -> str:
        command = [program, "--cli", *our_server("--no-pictures"), "--method", *words]
        lines.append(" ".join(words))
        answer = "\n".join(_output(command, settings(folder)))
        lines.append(f"    {' '.join(answer.split())[:160]}")
        return answer

    def call(name: str, **arguments: str) -> str:
        words = [f"{key}={value}" for key, value in arguments.items()]
        return ask("tools/call", "--tool-name", name, "--tool-arg", *words)

    tools = json.loads(ask("tools/list"))["tools"]
    assert {"generate_motion", "wait_motion"} <= {tool["name"] for tool in tools}
    made = json.loads(call("generate_motion", descriptions='["a person walks"]'))
    motion = made["structuredContent"]["motion_id"]
    bow = {"operation": "insert", "description": "a person bows"}
    edited = json.loads(call("edit_motion", motion=motion, **bow))["structuredContent"]["motion_id"]
    assert "walks, then bows" in call("caption_motion", motion=edited)
    assert "bow.bvh" in call("export_motion", motion=edited, file="bow.bvh")
    listed = ask("resources/list")
    assert edited in listed and "workspace://bow.bvh" in listed
    return lines


CHECKS: dict[str, Check] = {
    "fastmcp": fastmcp,
    "inspector": inspector,
    "langchain": partial(
        framework, "LangChain", ["langchain", "langchain-openai", "langchain-mcp-adapters"]
    ),
    "openai-agents": partial(framework, "OpenAI Agents SDK", ["openai-agents"]),
    "pydantic-ai": partial(framework, "pydantic-ai", ["pydantic-ai-slim[mcp,openai]"]),
    "smolagents": partial(framework, "smolagents", ["smolagents[mcp,openai]", "mcp<2"]),
    "deepagents": partial(
        framework, "deepagents", ["deepagents", "langchain-openai", "langchain-mcp-adapters"]
    ),
    "langgraph": langgraph,
    "chat": chat,
    "container": container,
    "production": production,
}


def _output(command: Sequence[str], environment: dict[str, str]) -> list[str]:
    """Return the lines that a command prints."""
    done = subprocess.run(
        command, env=environment, check=True, timeout=300, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.splitlines()


def write_down(page: Path, name: str, lines: Sequence[str]) -> None:
    """Put what a client said into its section of the page; the others stay."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    sections = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    sections[name] = "\n".join(["```text", *lines, "```"])
    parts = [f"## {each}\n\n{sections[each].strip()}\n" for each in CHECKS if each in sections]
    page.write_text("\n".join([HEAD, *parts]), encoding="utf-8")


def main() -> int:
    """Try the clients that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CHECKS))
    parser.add_argument("--venvs", type=Path, default=REPOSITORY / ".venvs")
    parser.add_argument("--transcript", type=Path, help="write what was said on this page")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(CHECKS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    environments, failed = Environments(arguments.venvs), []
    for name in arguments.names or CHECKS:
        begin = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            try:
                lines = CHECKS[name](environments, Path(folder))
            except (AssertionError, OSError, RuntimeError, subprocess.SubprocessError):
                traceback.print_exc()
                failed.append(name)
            else:
                lines = [line.replace(folder, "…") for line in lines]
                print("\n".join(lines), flush=True)
                if arguments.transcript:
                    write_down(arguments.transcript, name, lines)
        print(f"{name}: {time.monotonic() - begin:.0f} s", flush=True)
    return int(bool(failed))


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(main())
