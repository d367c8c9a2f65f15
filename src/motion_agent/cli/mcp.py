"""``motion-agent mcp``: the tools for any agent that speaks MCP."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from .console import note, say
from .conversations import conversations_folder
from .engines import CheckpointFolder, EngineName, engine_name

if TYPE_CHECKING:
    from ..mcp.http import Door
    from ..motion_core.studio import Studio

_TOKEN = "MOTION_AGENT_MCP_TOKEN"
_HTTP = "HTTP"
_LIMITS = "Limits"
_DAY = 86400.0  # seconds


def mcp(
    http: Annotated[
        bool, typer.Option("--http", help="Serve over HTTP rather than stdio.")
    ] = False,
    host: Annotated[
        str, typer.Option(help="Address to listen on.", rich_help_panel=_HTTP)
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(min=0, max=65535, help="Port; 0 for any free one.", rich_help_panel=_HTTP),
    ] = 8000,
    tokens: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=f"File of users and tokens, one pair a line; {_TOKEN} is for a single user.",
            rich_help_panel=_HTTP,
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Host name that clients use.", rich_help_panel=_HTTP),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Origin of pages allowed to call.", rich_help_panel=_HTTP),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE",
            envvar="MOTION_AGENT_STORE",
            help="Folder or .sqlite file of the motions; by default that of `chat`.",
        ),
    ] = None,
    workspace: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            envvar="MOTION_AGENT_WORKSPACE",
            help=("The only folder that is read and written; by default one in the data folder."),
        ),
    ] = None,
    cap: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Most motions of each user; then the oldest are deleted.",
            rich_help_panel=_LIMITS,
        ),
    ] = None,
    expiry: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            metavar="DAYS",
            help="Age at which motions are deleted.",
            rich_help_panel=_LIMITS,
        ),
    ] = None,
    hourly_steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Most segments made for one user in an hour.",
            rich_help_panel=_LIMITS,
        ),
    ] = None,
    file_mb: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            metavar="MB",
            help="Size of one user's files beyond which no more are written.",
            rich_help_panel=_LIMITS,
        ),
    ] = None,
    pictures: Annotated[
        bool, typer.Option(help="Show a small film strip of each new motion.")
    ] = True,
    links: Annotated[
        bool, typer.Option(help="Link motion and files in each answer, for chat programs.")
    ] = False,
    patience: Annotated[
        float, typer.Option(min=0, help="Seconds before a call returns a handle.")
    ] = 4.0,
    warm_up: Annotated[
        bool, typer.Option("--warm-up", help="Load the motion model at the start.")
    ] = False,
    print_config: Annotated[
        Literal["claude", "cursor", "vscode"] | None,
        typer.Option(help="Print the configuration for this client and exit."),
    ] = None,
    engine: EngineName = None,
    checkpoint: CheckpointFolder = None,
) -> None:
    """Serve the tools to any agent that speaks MCP.

    Claude, Cursor, VS Code, and frameworks in any language. The client starts the server, over
    stdio; --print-config shows how. Motions outlive the server.
    """
    name = engine_name(engine, checkpoint)
    if print_config is not None:
        _print_config(print_config, http=http, host=host, port=port, engine=engine or checkpoint)
        return
    _check_installed()
    folder = conversations_folder()
    door = _door(http, host, port, tokens, allow_host or (), allow_origin or ())

    def open_studio() -> Studio:
        from ..motion_core.limits import Limits
        from ..tools.host import host_studio, motion_store

        seconds = None if expiry is None else expiry * _DAY
        return host_studio(
            name,
            motion_store(store or folder / "motions", cap=cap, expiry=seconds),
            workspace or folder / "files",
            limits=Limits(
                hourly_steps=hourly_steps, file_bytes=None if file_mb is None else file_mb * 1e6
            ),
        )

    settings = {"pictures": pictures, "links": links, "patience": patience}
    if door is None:
        _serve_stdio(open_studio, warm_up, settings)
    else:
        _serve_http(open_studio(), door, warm_up, settings)


def _door(
    http: bool,
    host: str,
    port: int,
    tokens: Path | None,
    hosts: list[str] | tuple[()],
    origins: list[str] | tuple[()],
) -> Door | None:
    if not http:
        return None
    from ..mcp.http import Door, read_tokens

    single = os.environ.get(_TOKEN)
    users = read_tokens(tokens) if tokens is not None else {single: ""} if single else {}
    return Door(host, port, users, hosts, origins)


def _serve_stdio(
    open_studio: Callable[[], Studio], warm_up: bool, settings: dict[str, Any]
) -> None:
    from ..mcp.server import mcp_server
    from ..mcp.stdio import serve_stdio

    def open_warm() -> Studio:
        studio = open_studio()
        if warm_up:  # while tools can be listed
            threading.Thread(target=_warm_up, args=[studio], daemon=True).start()
        return studio

    if sys.stdin is not None and sys.stdin.isatty():
        note("an MCP client starts this and speaks with it on stdin: see --print-config")
    serve_stdio(mcp_server(open_warm, **settings))


def _warm_up(studio: Studio) -> None:
    from ..motion_core.errors import MotionAgentError

    try:
        studio.warm_up()
    except MotionAgentError as err:  # the first call says so, too
        note(str(err))


def _serve_http(studio: Studio, door: Door, warm_up: bool, settings: dict[str, Any]) -> None:
    import uvicorn

    from ..mcp.http import PATH, http_app
    from ..mcp.server import mcp_server

    if warm_up:
        studio.warm_up()
    note(f"motion-agent speaks MCP at http://{door.host}:{door.port}{PATH}; Ctrl-C stops it")
    app = http_app(mcp_server(studio, **settings), door)
    uvicorn.run(
        app, host=door.host, port=door.port, log_level="warning", timeout_graceful_shutdown=3
    )


def _print_config(
    client: Literal["claude", "cursor", "vscode"],
    *,
    http: bool,
    host: str,
    port: int,
    engine: str | Path | None,
) -> None:
    from ..mcp.configs import PLACES, client_config

    note(PLACES[client])
    if http:
        say(client_config(client, url=f"http://{host}:{port}/mcp"))
        return
    named = [] if engine is None else ["--engine" if isinstance(engine, str) else "--checkpoint"]
    value = [] if engine is None else [str(engine)]
    say(client_config(client, [*named, *value]))


def _check_installed() -> None:
    from importlib.util import find_spec

    from ..motion_core.errors import ConfigurationError

    if find_spec("mcp") is None or find_spec("mcp.server.context") is None:
        raise ConfigurationError(
            "the MCP server needs the official SDK: pip install 'motion-agent[mcp]'"
        )
