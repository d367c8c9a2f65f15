"""``langgraph dev`` and agent-chat-ui: a chat page shows the motion."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from environments import Environments, versions
from serving import REPOSITORY, free_port, served, settings

LANGGRAPH = ["langgraph-cli[inmem]"]
CHAT = "create-agent-chat-app"  # LangChain's generator; its template "vite" is agent-chat-ui
_NOT_NEEDED = ("@langchain/langgraph-api", "@langchain/langgraph-cli")
_SOFTWARE_GL = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
_MINUTE = 60_000  # milliseconds
_REQUEST = "A person walks, then bows."


def langgraph(environments: Environments, folder: Path) -> list[str]:
    """``langgraph dev`` with the graph of langgraph.json, for two users."""
    with _dev(environments, folder) as (address, lines):
        for user in ("ann", "ben"):
            state = _run(address, user)
            (shown,) = state["ui"]
            assert shown["metadata"]["message_id"] == state["messages"][-1]["id"]
            assert shown["props"]["page"].startswith("<!doctype html>")
            reply = state["messages"][-1]["content"].splitlines()[0]
            assert "Made motion" in reply, reply
            lines += [f"{user}: {_REQUEST}", f"    {reply}"]
            lines.append(f"    ui: {shown['name']} {shown['props']['title']!r}")
        component = _post(f"{address}/ui/motion_agent", {"name": "motion"}).decode()
        (script,) = re.findall(r'<script src="([^"]+)"', component)
        with urllib.request.urlopen(address + script) as answer:
            assert b"srcDoc" in answer.read()
        return [*lines, f"{script} has the component"]


def chat(environments: Environments, folder: Path) -> list[str]:
    """Ask for a motion in agent-chat-ui, and look at what its frame shows."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    page_folder = _chat_folder(environments)
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    vite = ["node_modules/.bin/vite", "--host", "127.0.0.1", "--port", str(port)]
    with (
        _dev(environments, folder) as (address, lines),
        served(vite, url, {**os.environ, "LANGGRAPH_URL": address}, folder=page_folder),
        sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(executable_path=chromium, args=_SOFTWARE_GL)
        page = browser.new_page(viewport={"width": 1100, "height": 900})
        page.set_default_timeout(3 * _MINUTE)
        page.goto(f"{url}?apiUrl={address}&assistantId=motion_agent")
        page.locator("textarea").fill(_REQUEST)
        page.locator("textarea").press("Enter")
        frame = page.locator("iframe[srcdoc]").element_handle().content_frame()  # in a shadow root
        words = frame.locator("#words", has_text="walks").inner_text()  # its policy forbids eval
        if picture := os.environ.get("CHAT_PICTURE"):
            page.wait_for_timeout(2000)
            page.screenshot(path=picture)
        browser.close()
    assert "a person walks" in words, words
    version = json.loads((page_folder / "generator.json").read_text())["version"]
    return [
        *lines,
        f"agent-chat-ui, from {CHAT} {version}: {_REQUEST}",
        f"    the player below the answer says {words!r}",
    ]


@contextmanager
def _dev(environments: Environments, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Run ``langgraph dev`` until its component is bundled; yield address and first lines."""
    python = environments.python("langgraph", LANGGRAPH)
    # what this environment has, behind what the client's own has
    (environments.paths_of(python) / "zz-ours.pth").write_text(environments.own_paths())
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [str(python), "-m", "langgraph_cli", "dev", "--no-browser", "--no-reload"]
    shutil.rmtree(REPOSITORY / ".langgraph_api", ignore_errors=True)
    lines = [versions(python, ["langgraph-cli", "langgraph-api"]), "", "$ langgraph dev"]
    with served([*command, "--port", str(port)], f"{address}/ok", settings(folder)) as server:
        schemas = REPOSITORY / ".langgraph_api" / "ui" / "schemas.json"
        end = time.monotonic() + 300
        while not schemas.exists():
            assert server.poll() is None and time.monotonic() < end, "no component was bundled"
            time.sleep(0.2)
        yield address, lines


def _run(address: str, user: str) -> dict[str, Any]:
    """Return the state after one request of that user."""
    body = {
        "assistant_id": "motion_agent",
        "input": {"messages": [{"role": "user", "content": _REQUEST}]},
        "config": {"configurable": {"user": user}},
    }
    state: dict[str, Any] = json.loads(_post(f"{address}/runs/wait", body))
    return state


def _post(url: str, body: dict[str, Any]) -> bytes:
    data, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=200) as answer:
        read: bytes = answer.read()
        return read


def _chat_folder(environments: Environments) -> Path:
    """Return a folder with agent-chat-ui and what it needs."""
    place = environments.folder / "everywhere-chat"
    if not (place / "node_modules").exists():
        package = environments.npm("chat-generator", [CHAT]) / "node_modules" / CHAT
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(package / "templates" / "vite", place)
        shutil.copy(package / "package.json", place / "generator.json")
        vite = place / "vite.config.ts"  # the server names its component by a path alone
        proxy = "server: { proxy: { '/ui': process.env.LANGGRAPH_URL } },\n  plugins:"
        vite.write_text(vite.read_text().replace("plugins:", proxy))
        facts = json.loads((place / "package.json").read_text())
        for name in _NOT_NEEDED:
            facts["dependencies"].pop(name, None)
        linters = ("eslint", "turbo", "typescript")
        facts["devDependencies"] = {
            name: version
            for name, version in facts["devDependencies"].items()
            if not any(word in name for word in linters)
        }
        (place / "package.json").write_text(json.dumps(facts))
        npm = shutil.which("npm") or "npm"
        options = ["--silent", "--no-fund", "--no-audit", "--legacy-peer-deps"]
        subprocess.run([npm, "install", *options], cwd=place, check=True)
    return place
