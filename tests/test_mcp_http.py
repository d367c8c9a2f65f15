"""The MCP server over HTTP: many users, doors, tokens and hostile messages."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from typing import Any

import pytest
from fakes import PATIENCE

pytest.importorskip("mcp.server.context")

import anyio
import httpx
from mcp import Client, MCPError
from mcp_clients import TOKENS, client_of, make, post, served
from test_stopping import Endless

from motion_agent.mcp.http import Door, read_tokens
from motion_agent.motion_core.errors import ConfigurationError
from motion_agent.motion_core.studio import Studio

ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
HELLO = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "x", "version": "1"},
    },
}


def begun(address: str, **headers: str) -> str:
    """The id of a new session."""
    session = post(address, json=HELLO, headers={**ACCEPT, **headers}).headers["mcp-session-id"]
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    post(address, json=note, headers={**ACCEPT, **headers, "Mcp-Session-Id": session})
    return str(session)


def test_a_session_answers_only_the_user_who_began_it(studio: Studio) -> None:
    ann, ben = ({"Authorization": f"Bearer {token}"} for token in TOKENS)
    ping = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    with served(studio, tokens=TOKENS) as address:
        session = {**ACCEPT, "Mcp-Session-Id": begun(address, **ann)}
        for method in ("POST", "GET", "DELETE"):
            answer = httpx.request(method, address, headers={**session, **ben}, timeout=PATIENCE)
            assert answer.status_code == 404
        assert post(address, json=ping, headers={**session, **ben}).status_code == 404
        assert post(address, json=ping, headers={**session, **ann}).status_code == 200


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


def test_a_request_whose_connection_is_lost_stops_its_work() -> None:
    engine = Endless()
    with served(Studio(engine)) as address:
        session = {**ACCEPT, "Mcp-Session-Id": begun(address)}
        params = {"name": "generate_motion", "arguments": {"descriptions": ["a person walks"]}}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}

        async def lose() -> None:
            async with httpx.AsyncClient(timeout=PATIENCE) as client:
                task = asyncio.create_task(client.post(address, json=message, headers=session))
                await asyncio.to_thread(engine.begun.wait)
                task.cancel()

        asyncio.run(lose())
        assert engine.ended.wait(PATIENCE)


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
    with served(studio) as address:
        assert post(address, json=HELLO, headers=ACCEPT).status_code == 200
        answer = post(address, content=json.dumps(HELLO), headers={**ACCEPT, **headers})
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
    with served(studio) as address:
        session = {**ACCEPT, "Mcp-Session-Id": begun(address)}
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
