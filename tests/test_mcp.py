"""The MCP server, spoken with by the SDK's own client: in the process, over stdio and over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from fakes import PATIENCE
from test_stopping import Endless

pytest.importorskip("mcp.server.context")

import anyio
import httpx
import uvicorn
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters, stdio_client

from motion_agent.mcp import mcp_server
from motion_agent.mcp.configs import client_config
from motion_agent.mcp.http import Door, http_app, read_tokens
from motion_agent.motion_core.errors import ConfigurationError
from motion_agent.motion_core.fake import FakeEngine
from motion_agent.motion_core.store import MotionStore
from motion_agent.motion_core.studio import Studio
from motion_agent.tools import motion_tools

TOKENS = {"token-of-ann-0123456789": "ann", "token-of-ben-0123456789": "ben"}


def post(address: str, **message: Any) -> httpx.Response:
    return httpx.post(address, **message, timeout=PATIENCE)


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(FakeEngine(), MotionStore(tmp_path / "motions"), tmp_path / "files")


@contextmanager
def served(studio: Studio, **door: Any) -> Iterator[str]:
    """A server on loopback, in a thread; gives its address."""
    app = http_app(mcp_server(studio, pictures=False, patience=PATIENCE), Door(**door))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        # No connection is closed for being idle: that would meet a request of a slow client.
        config = uvicorn.Config(app, log_level="error", timeout_keep_alive=int(PATIENCE))
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            assert thread.is_alive()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
        finally:
            server.should_exit = True
            thread.join()


@asynccontextmanager
async def client_of(address: str, token: str) -> AsyncIterator[Client]:
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(address, http_client=http)) as client,
    ):
        yield client


async def make(client: Client, text: str, **more: Any) -> Any:
    return await client.call_tool("generate_motion", {"descriptions": [text], **more})


async def make_edit_caption_export(client: Client) -> str:
    """What a user does; returns the id of the edited motion."""
    result = await make(client, "a person walks")
    first = result.structured_content["motion_id"]
    arguments = {"motion": first, "operation": "insert", "description": "a person bows"}
    edited = await client.call_tool("edit_motion", arguments)
    motion_id = str(edited.structured_content["motion_id"])
    caption = await client.call_tool("caption_motion", {"motion": motion_id})
    assert "walks, then bows" in caption.content[0].text
    written = await client.call_tool("export_motion", {"motion": motion_id, "file": "bow.bvh"})
    assert written.structured_content["files"] == ["bow.bvh"]
    found = await client.read_resource("workspace://bow.bvh")
    assert found.contents[0].text.startswith("HIERARCHY")
    return motion_id


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


def test_over_http_users_are_apart_and_nobody_comes_in_without_a_token(studio: Studio) -> None:
    async def speak(address: str) -> None:
        captions: dict[str, str] = {}
        ids = {}
        clients = []
        async with anyio.create_task_group() as group:

            async def one(token: str, user: str, text: str) -> None:
                async with client_of(address, token) as client:
                    result = await make(client, text)
                    ids[user] = result.structured_content["motion_id"]
                    clients.append(user)
                    while len(clients) < 2:
                        await asyncio.sleep(0.001)
                    other = ids["ben" if user == "ann" else "ann"]
                    listed = await client.call_tool("list_motions", {})
                    stolen = await client.call_tool("caption_motion", {"motion": other})
                    assert stolen.is_error
                    with pytest.raises(MCPError, match="there is no motion"):
                        await client.read_resource(f"motion://{other}/player.html")
                    resources = await client.list_resources()
                    captions[user] = f"{listed}{[str(r.uri) for r in resources.resources]}"

            (ann, _), (ben, _) = TOKENS.items()
            group.start_soon(one, ann, "ann", "a person walks")
            group.start_soon(one, ben, "ben", "a person kicks")
        assert ids["ann"] in captions["ann"] and ids["ben"] not in captions["ann"] + "kicks"
        assert "walks" not in captions["ben"]

    with served(studio, tokens=TOKENS) as address:
        asyncio.run(speak(address))
        hello = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}):
            assert post(address, json=hello, headers=headers).status_code == 401


def test_of_two_hundred_calls_of_two_users_over_http_none_has_what_is_the_other_s(
    studio: Studio,
) -> None:
    words = {"ann": ("walks", "bows"), "ben": ("kicks", "jumps")}
    answers: dict[str, list[str]] = {"ann": [], "ben": []}
    ids: dict[str, set[str]] = {"ann": set(), "ben": set()}

    async def one(address: str, token: str, user: str) -> None:
        async with client_of(address, token) as client:

            async def call(name: str, **arguments: Any) -> Any:
                answer = await client.call_tool(name, arguments)
                answers[user].append(answer.model_dump_json())
                return answer.structured_content

            for number in range(20):
                text = f"a person {words[user][number % 2]}"
                made = await call("generate_motion", descriptions=[text], seed=number)
                ids[user].add(made["motion_id"])
                await call("caption_motion", motion=made["motion_id"])
                await call("export_motion", motion=made["motion_id"], file=f"{user}.csv")
                await call("list_motions", latest=50)
                await call("wait_motion", handle=made["motion_id"])
                answers[user].append((await client.list_resources()).model_dump_json())

    async def both(address: str) -> None:
        async with anyio.create_task_group() as group:
            for token, user in TOKENS.items():
                group.start_soon(one, address, token, user)

    with served(studio, tokens=TOKENS) as address:
        asyncio.run(both(address))
    assert sum(map(len, answers.values())) == 2 * 20 * 6
    for mine, other in (("ann", "ben"), ("ben", "ann")):
        text = "\n".join(answers[mine])
        assert len(ids[mine]) == 20 and all(motion_id in text for motion_id in ids[mine])
        assert not any(word in text for word in (*ids[other], *words[other], f"{other}.csv"))


def test_fifty_clients_over_http_do_not_meet(studio: Studio) -> None:
    async def all_at_once(address: str) -> list[str]:
        async def one(number: int) -> str:
            async with Client(address) as client:
                result = await make(client, f"a person walks {number} times", seed=number)
                text = result.content[0].text
                assert f"walks {number} times" in text
                return str(result.structured_content["motion_id"])

        return await asyncio.gather(*(one(number) for number in range(50)))

    with served(studio) as address:
        assert len(set(asyncio.run(all_at_once(address)))) == 50


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example.org"}, 421),
        ({"Origin": "https://evil.example.org"}, 403),
        ({"Content-Type": "text/plain"}, 400),
    ],
)
def test_pages_of_elsewhere_are_refused(
    studio: Studio, headers: dict[str, str], status: int
) -> None:
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "x", "version": "1"},
        },
    }
    accept = {"Accept": "application/json, text/event-stream"}
    with served(studio) as address:
        assert post(address, json=hello, headers=accept).status_code == 200
        content = {"Content-Type": "application/json", **accept, **headers}
        answer = post(address, content=json.dumps(hello), headers=content)
        assert answer.status_code == status


def test_a_server_for_every_address_is_reached_by_its_names_and_no_other(studio: Studio) -> None:
    hello = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    door: dict[str, Any] = {"host": "0.0.0.0", "tokens": TOKENS, "hosts": ["motion.example.org"]}
    headers = {
        "Accept": "application/json, text/event-stream",
        "Authorization": f"Bearer {next(iter(TOKENS))}",
    }
    with served(studio, **door) as address:
        statuses = {
            name: post(address, json=hello, headers={**headers, "Host": name}).status_code
            for name in ("localhost:8000", "motion.example.org", "evil.example.org")
        }
    assert statuses["evil.example.org"] == 421
    assert 421 not in (statuses["localhost:8000"], statuses["motion.example.org"])


def test_only_loopback_needs_no_token() -> None:
    assert Door("::1").tokens == {}
    for host in ("0.0.0.0", "192.168.1.7", "example.org"):
        with pytest.raises(ConfigurationError, match="a token is required"):
            Door(host)
    with pytest.raises(ConfigurationError, match="at least 16"):
        Door("0.0.0.0", tokens={"short": "ann"})


def test_tokens_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text("# who may come in\nann token-of-ann\n\nben token-of-ben\n")
    assert read_tokens(path) == {"token-of-ann": "ann", "token-of-ben": "ben"}
    for text, message in (("ann", "line 1"), ("ann a\nben a", "line 2"), ("", "has no users")):
        path.write_text(text)
        with pytest.raises(ConfigurationError, match=message):
            read_tokens(path)


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


def hostile(chance: random.Random) -> str:
    """A message that no client should send."""
    path = chance.choice(["../../etc/passwd", "/etc/passwd", "..%2f..%2fetc%2fpasswd", "a\x00b"])
    scheme = chance.choice(["workspace://", "motion://", "file://", "motion://m-ffffff/", "ui://"])
    name = chance.choice(["export_motion", "caption_motion", "edit_motion", "generate_motion"])
    value: Any = chance.choice([path, 1e308, None, [], {}, [[[]]] * 3, "x" * 10_000, "\ud800"])
    call = {"motion": value, "file": value, "descriptions": value, "operation": value}
    method, params = chance.choice(
        [
            ("resources/read", {"uri": scheme + path}),
            ("tools/call", {"name": name, "arguments": call}),
            ("tools/call", {"name": "export_motion", "arguments": {"motion": path, "file": path}}),
            ("tools/call", {"name": "caption_motion", "arguments": {"motion": path}}),
            ("tools/call", {"name": value, "arguments": value}),
            (chance.choice(["nope", "", "initialize", "tools/list"]), value),
        ]
    )
    head = {"jsonrpc": "2.0", "id": chance.randrange(9**9)}
    message = json.dumps({**head, "method": method, "params": params})
    cut = message[: chance.randrange(len(message))]
    broken = chance.choice([message, cut, "[" * 500, "{}", "0"])
    return broken if chance.random() < 0.3 else message


def test_two_hundred_hostile_messages_crash_nothing_and_read_nothing(
    studio: Studio, tmp_path: Path
) -> None:
    (tmp_path / "files").mkdir()
    secret = "root:x:0:0"
    accept = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    with served(studio) as address:
        begun = post(
            address,
            headers=accept,
            json={
                "jsonrpc": "2.0",
                "id": 0,
                "method": "initialize",
                "params": {
                    "protocolVersion": "2025-06-18",
                    "capabilities": {},
                    "clientInfo": {"name": "x", "version": "1"},
                },
            },
        )
        session = {**accept, "Mcp-Session-Id": begun.headers["mcp-session-id"]}
        note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        post(address, headers=session, json=note)
        with httpx.Client(headers=session, timeout=PATIENCE) as client:
            for number in range(200):
                answer = client.post(address, content=hostile(random.Random(number)))
                assert answer.status_code < 500, (number, answer.text)
                assert secret not in answer.text
                assert str(tmp_path) not in answer.text

        async def still_there() -> None:
            async with Client(address) as client:
                assert not (await make(client, "a person walks")).is_error

        asyncio.run(still_there())
    written = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert all(name.endswith((".npz", ".jsonl", ".order")) for name in written)


@pytest.mark.parametrize(("client", "key"), [("claude", "mcpServers"), ("vscode", "servers")])
def test_what_to_paste_starts_the_server(client: Any, key: str) -> None:
    entry = json.loads(client_config(client, ["--engine", "fake"]))[key]["motion-agent"]
    assert Path(entry["command"]).exists()
    assert entry["args"][-4:] == ["mcp", "--links", "--engine", "fake"]
    url = json.loads(client_config("cursor", url="http://127.0.0.1:8000/mcp"))["mcpServers"]
    assert url == {"motion-agent": {"url": "http://127.0.0.1:8000/mcp"}}
