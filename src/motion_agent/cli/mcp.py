"""``motion-agent mcp``: the tools for any agent that speaks MCP."""

from __future__ import annotations

import os
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
    from ..tools.host import host_studio

    folder = conversations_folder()
    files = workspace or folder / "files"
    door = _door(http, host, port, tokens, allow_host or (), allow_origin or ())
    studio = host_studio(name, store or folder / "motions", files, warm_up=warm_up)
    _serve(studio, door, pictures=pictures, links=links, patience=patience)


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


def _serve(studio: Studio, door: Door | None, **settings: Any) -> None:
    import anyio

    from ..mcp.server import mcp_server

    server = mcp_server(studio, **settings)
    if door is None:
        from mcp.server.stdio import stdio_server

        async def run() -> None:
            async with stdio_server() as (read, write):
                await server.run(read, write, server.create_initialization_options())

        anyio.run(run)
        return
    import uvicorn

    from ..mcp.http import PATH, http_app

    note(f"motion-agent speaks MCP at http://{door.host}:{door.port}{PATH}; Ctrl-C stops it")
    app = http_app(server, door)
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
