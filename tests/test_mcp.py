"""The MCP server, spoken with by the SDK's own client: in the process, and in one of its own."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from fakes import PATIENCE
from test_stopping import Endless

pytest.importorskip("mcp.server.context")

from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp_clients import make, make_edit_caption_export

from motion_agent.mcp import mcp_server
from motion_agent.mcp.configs import client_config
from motion_agent.mcp.jobs import Jobs
from motion_agent.motion_core.errors import ConfigurationError, InputError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.studio import Studio
from motion_agent.tools import motion_tools


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_motion_is_made_edited_captioned_and_exported(studio: Studio, mode: str) -> None:
    async with Client(mcp_server(studio, patience=PATIENCE), mode=mode) as client:
        motion_id = await make_edit_caption_export(client)
        page = await client.read_resource(f"motion://{motion_id}/player.html")
        assert "<canvas" in page.contents[0].text
        value = json.loads(
            (await client.read_resource(f"motion://{motion_id}/a.json")).contents[0].text
        )
        assert value["motion"] == motion_id
        listed = [str(entry.uri) for entry in (await client.list_resources()).resources]
        assert {f"motion://{motion_id}/player.html", "workspace://bow.bvh"} <= set(listed)
        app = await client.read_resource("ui://motion-agent/player")
        assert app.contents[0].mime_type == "text/html;profile=mcp-app"


async def test_the_tools_are_those_of_langchain_with_annotations(studio: Studio) -> None:
    async with Client(mcp_server(studio, patience=PATIENCE)) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    for tool in motion_tools(studio=studio):
        shown = tools.pop(tool.name)
        assert shown.description == tool.description
        assert shown.input_schema == tool.tool_call_schema.model_json_schema()
        assert shown.annotations.destructive_hint is False
        assert shown.annotations.read_only_hint == (tool.name in ("caption_motion", "list_motions"))
    assert set(tools) == {"wait_motion", "cancel"}


async def test_an_answer_has_a_picture_a_link_and_facts(studio: Studio) -> None:
    async with Client(mcp_server(studio, links=True, patience=PATIENCE)) as client:
        result = await make(client, "a person walks")
    text, picture, link = result.content
    facts = result.structured_content
    assert f"Made motion {facts['motion_id']}" in text.text
    assert (picture.mime_type, len(picture.data) < 200_000) == ("image/png", True)
    assert facts["resources"] == [str(link.uri)] == [f"motion://{facts['motion_id']}/player.html"]
    assert (facts["ok"], facts["status"], facts["error"]) == (True, "done", None)
    for settings, kinds in (({"links": True}, ["text", "resource_link"]), ({}, ["text"])):
        server = mcp_server(studio, pictures=False, patience=PATIENCE, **settings)
        async with Client(server) as client:
            result = await make(client, "a person bows")
        assert [part.type for part in result.content] == kinds
        assert result.structured_content["resources"]


async def test_a_wrong_call_is_told_to_the_llm(studio: Studio) -> None:
    async with Client(mcp_server(studio, patience=PATIENCE)) as client:
        for name, arguments, kind in (
            ("generate_motion", {}, "arguments"),
            ("wait_motion", {"handle": "j-none"}, "input"),
            ("cancel", {}, "arguments"),
            ("caption_motion", {"motion": "m-ffffff"}, "input"),
        ):
            answer = await client.call_tool(name, arguments)
            assert answer.is_error
            assert answer.structured_content["error"]["kind"] == kind
        with pytest.raises(MCPError, match="there is no tool 'rm'"):
            await client.call_tool("rm", {})


async def test_long_work_answers_with_a_handle_and_is_waited_for(tmp_path: Path) -> None:
    engine = FakeEngine(delay=0.3)
    async with Client(mcp_server(Studio(engine), patience=0, pictures=False)) as client:
        begun = (await make(client, "a person walks")).structured_content
        assert (begun["status"], begun["motion_id"]) == ("working", None)
        again = await client.call_tool("wait_motion", {"handle": begun["handle"], "seconds": 0})
        assert again.structured_content["status"] == "working"
        wait = {"handle": begun["handle"], "seconds": 20}
        done = await client.call_tool("wait_motion", wait)
        motion_id = done.structured_content["motion_id"]
        assert done.structured_content["tool"] == "generate_motion"
        by_id = await client.call_tool("wait_motion", {"handle": motion_id})
        assert by_id.structured_content["motion_id"] == motion_id


async def test_many_calls_of_one_user_leave_the_handles_of_others() -> None:
    jobs = Jobs()
    tool = motion_tools("fake")[3]
    first = jobs.start(tool, {}, "ben")
    await first.task
    for _ in range(60):
        await jobs.start(tool, {}, "ann").task
    assert jobs.find(first.handle, "ben") is first
    with pytest.raises(InputError, match="there is no job"):
        jobs.find(first.handle, "ann")


async def test_a_cancellation_that_comes_with_progress_is_not_lost() -> None:
    async def hear(*_: Any) -> None:
        pass

    engine = Endless()
    arguments = {"descriptions": ["a person walks"]}
    job = Jobs().start(motion_tools(engine)[0], arguments, None)
    waiting = asyncio.create_task(job.wait(60, hear))
    await asyncio.to_thread(engine.begun.wait)
    job.moved.set()
    waiting.cancel()
    await asyncio.wait([waiting], timeout=1)
    assert waiting.cancelled()
    job.task.cancel()


async def test_cancel_stops_the_work() -> None:
    engine = Endless()
    async with Client(mcp_server(Studio(engine), patience=0)) as client:
        handle = (await make(client, "a person walks")).structured_content["handle"]
        while not engine.begun.is_set():
            await asyncio.sleep(0.001)
        stopped = await client.call_tool("cancel", {"handle": handle})
        assert "is stopped" in stopped.content[0].text
        while not engine.ended.is_set():
            await asyncio.sleep(0.001)
        after = await client.call_tool("wait_motion", {"handle": handle})
        assert after.structured_content["error"]["kind"] == "stopped"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_that_gives_up_or_goes_stops_the_work(mode: str) -> None:
    engine = Endless()
    async with Client(mcp_server(Studio(engine), patience=60), mode=mode) as client:
        task = asyncio.create_task(make(client, "a person walks"))
        while not engine.begun.is_set():
            await asyncio.sleep(0.001)
        task.cancel()
        while not engine.ended.is_set():
            await asyncio.sleep(0.001)


async def test_a_closed_connection_stops_what_has_a_handle() -> None:
    engine = Endless()
    async with Client(mcp_server(Studio(engine), patience=0), mode="legacy") as client:
        await make(client, "a person walks")
        while not engine.begun.is_set():
            await asyncio.sleep(0.001)
    while not engine.ended.is_set():
        await asyncio.sleep(0.001)


async def test_progress_is_told_and_only_grows() -> None:
    fractions: list[float] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        fractions.append(progress)

    engine = FakeEngine(delay=0.5)
    async with Client(mcp_server(Studio(engine), pictures=False, patience=PATIENCE)) as client:
        arguments = {"descriptions": [f"a person walks {n} times" for n in range(5)]}
        await client.call_tool("generate_motion", arguments, progress_callback=hear)
    assert fractions
    assert fractions == sorted(set(fractions))


def parameters(folder: Path) -> StdioServerParameters:
    environment = {
        "MOTION_AGENT_ENGINE": "fake",
        "MOTION_AGENT_DATA": str(folder),
        "PATH": os.environ["PATH"],
    }
    arguments = ["-m", "motion_agent", "mcp", "--no-pictures", "--patience", "600"]
    return StdioServerParameters(command=sys.executable, args=arguments, env=environment)


@pytest.mark.slow
async def test_over_stdio_a_server_that_was_started_again_has_its_motions(tmp_path: Path) -> None:
    async with Client(stdio_client(parameters(tmp_path))) as client:
        motion_id = await make_edit_caption_export(client)
    async with Client(stdio_client(parameters(tmp_path))) as client:
        found = await client.call_tool("caption_motion", {"motion": motion_id})
        assert "walks, then bows" in found.content[0].text


@contextmanager
def served_by_a_process(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server that may be killed, with its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    start = parameters(folder)
    command = [start.command, *start.args, "--http", "--port", str(port)]
    with subprocess.Popen(command, env=start.env) as server:
        try:
            while True:
                assert server.poll() is None
                with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
            yield f"http://127.0.0.1:{port}/mcp", server
        finally:
            server.kill()


@pytest.mark.slow
async def test_a_killed_server_comes_back_with_its_motions(tmp_path: Path) -> None:
    with served_by_a_process(tmp_path) as (address, server):
        async with Client(address) as client:
            motion_id = await make_edit_caption_export(client)
        with suppress(Exception):  # of the client: it is killed while a call is under way
            async with Client(address) as client, asyncio.timeout(PATIENCE):
                arguments = {"descriptions": ["a person runs"] * 20}
                call = asyncio.create_task(client.call_tool("generate_motion", arguments))
                await asyncio.sleep(0)
                server.kill()
                await call
    with served_by_a_process(tmp_path) as (address, _):
        async with Client(address) as client:
            found = await client.call_tool("caption_motion", {"motion": motion_id})
            assert "walks, then bows" in found.content[0].text
            listed = await client.call_tool("list_motions", {})
            assert motion_id in listed.content[0].text


async def test_a_client_is_greeted_while_the_host_opens(studio: Studio) -> None:
    loaded = threading.Event()

    def open_studio() -> Studio:
        loaded.wait()
        return studio

    async with Client(mcp_server(open_studio), mode="legacy") as client:
        assert client.server_info.name == "motion-agent"
        listing = asyncio.create_task(client.list_tools())
        await asyncio.sleep(0.1)
        assert not listing.done()
        loaded.set()
        assert len((await listing).tools) == 7


async def test_a_host_that_cannot_open_ends_the_server() -> None:
    def open_studio() -> Studio:
        raise ConfigurationError("there is no such store")

    server = mcp_server(open_studio)
    with pytest.raises(ExceptionGroup) as caught:
        async with server.lifespan(server):
            await asyncio.sleep(PATIENCE)
    assert caught.group_contains(ConfigurationError, match="no such store")


def test_little_is_loaded_before_a_client_is_greeted() -> None:
    code = "import sys, motion_agent.mcp.stdio, motion_agent.mcp.server; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"langchain_core", "numpy", "scipy", "torch"} & set(done.stdout.split())


def leave(server: subprocess.Popen[str]) -> None:
    """Close the pipe in which the server writes, with an answer still to come."""
    assert server.stdin is not None and server.stdout is not None
    server.stdout.close()
    server.stdin.write('{"jsonrpc": "2.0", "id": 2, "method": "ping"}\n')
    server.stdin.flush()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("end", "code", "said"),
    [(leave, 0, ""), (subprocess.Popen.terminate, 130, "interrupted\n")],
)
def test_over_stdio_a_server_ends_quietly(
    tmp_path: Path, end: Callable[[subprocess.Popen[str]], None], code: int, said: str
) -> None:
    start = parameters(tmp_path)
    hello = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "x", "version": "1"},
    }
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(
        [start.command, *start.args], env=start.env, text=True, **pipes
    ) as server:
        assert server.stdin is not None and server.stdout is not None and server.stderr is not None
        server.stdin.write(json.dumps(message) + "\n")
        server.stdin.flush()
        assert "protocolVersion" in server.stdout.readline()
        end(server)
        assert server.wait(PATIENCE) == code  # though its stdin is open
        assert server.stderr.read() == said


@pytest.mark.parametrize(("client", "key"), [("claude", "mcpServers"), ("vscode", "servers")])
def test_what_to_paste_starts_the_server(client: Any, key: str) -> None:
    entry = json.loads(client_config(client, ["--engine", "fake"]))[key]["motion-agent"]
    assert Path(entry["command"]).exists()
    assert entry["args"][-4:] == ["mcp", "--links", "--engine", "fake"]
    url = json.loads(client_config("cursor", url="http://127.0.0.1:8000/mcp"))["mcpServers"]
    assert url == {"motion-agent": {"url": "http://127.0.0.1:8000/mcp"}}
