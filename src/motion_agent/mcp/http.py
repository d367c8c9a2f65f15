"""The server over streamable HTTP: who may connect, and from where.

On loopback, anybody on this computer may. Elsewhere a token is required. Host and Origin are
checked in both cases, so that a page in a browser cannot reach the server.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.lowlevel import Server
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ..motion_core.errors import ConfigurationError, UnavailableError

PATH = "/mcp"
_LEAST_TOKEN = 16  # characters
_EVERYWHERE = ("0.0.0.0", "::")  # every address of this computer, loopback too


@dataclass(frozen=True)
class Door:
    """Where a server listens, and whom it lets in.

    Attributes:
        host: address to listen on.
        port: to listen on.
        tokens: user by token; the user "" is anonymous.
        hosts: further host names that clients may use: ``motion.example.org``.
        origins: of pages that may call it: ``https://app.example.org``.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    tokens: Mapping[str, str] = field(default_factory=dict)
    hosts: Sequence[str] = ()
    origins: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not self.tokens and not _is_loopback(self.host):
            raise ConfigurationError(
                f"{self.host} can be reached from elsewhere, so a token is required: set"
                " MOTION_AGENT_MCP_TOKEN, or listen on 127.0.0.1"
            )
        for token in self.tokens:
            if len(token) < _LEAST_TOKEN:
                raise ConfigurationError(
                    f"a token has {len(token)} characters; give at least {_LEAST_TOKEN}, such as"
                    " python -c 'import secrets; print(secrets.token_urlsafe())' prints"
                )


def http_app(server: Server[Any], door: Door) -> Starlette:
    """Return the ASGI application of a server, for uvicorn or any other.

    Args:
        server: from `mcp_server`.
        door: where it listens, and whom it lets in.
    """
    names = [door.host, *door.hosts]
    if _is_loopback(door.host) or door.host in _EVERYWHERE:
        names += ["127.0.0.1", "localhost", "[::1]"]
    security = TransportSecuritySettings(
        allowed_hosts=[allowed for name in names for allowed in (name, f"{name}:*")],
        allowed_origins=[
            *door.origins,
            *(f"{scheme}://{name}:*" for name in names for scheme in ("http", "https")),
        ],
    )
    app = server.streamable_http_app(
        streamable_http_path=PATH, transport_security=security, host=door.host
    )
    if door.tokens:
        app.user_middleware[:0] = [
            Middleware(_Gate, tokens=dict(door.tokens)),
            Middleware(AuthContextMiddleware),
        ]
    return app


def read_tokens(path: Path) -> dict[str, str]:
    """Return user by token from a file with a user and a token a line, separated by a blank.

    Raises:
        UnavailableError: the file cannot be read.
        ConfigurationError: a line has another form, or a token appears twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as err:
        raise UnavailableError(f"{path} cannot be read: {err}") from err
    tokens: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2 or words[1] in tokens:
            raise ConfigurationError(
                f"{path}, line {number}: give a user and a token, each token once"
            )
        tokens[words[1]] = words[0]
    if not tokens:
        raise ConfigurationError(f"{path} has no users; give a user and a token a line")
    return tokens


class _Gate:
    """Authenticate a bearer token and name its user."""

    def __init__(self, app: ASGIApp, tokens: Mapping[str, str]) -> None:
        self._app = app
        self._tokens = [(token.encode(), user) for token, user in tokens.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            user = self._user(dict(scope["headers"]).get(b"authorization", b""))
            if user is None:
                refusal = JSONResponse(
                    {"error": "invalid_token", "error_description": "a bearer token is required"},
                    status_code=401,
                    headers={"WWW-Authenticate": "Bearer"},
                )
                await refusal(scope, receive, send)
                return
            token = AccessToken(token="", client_id=user, scopes=[])
            scope["user"] = AuthenticatedUser(token)
        await self._app(scope, receive, send)

    def _user(self, header: bytes) -> str | None:
        kind, _, secret = header.partition(b" ")
        match = None
        for token, user in self._tokens:  # all of them, so that timing reveals nothing
            if hmac.compare_digest(token, secret.strip()) and kind.lower() == b"bearer":
                match = user
        return match


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
