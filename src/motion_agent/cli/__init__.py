"""The command ``motion-agent``. One file a group of commands; each imports what it runs when it
runs, so that ``--help`` is instant.
"""

from __future__ import annotations

from typing import Annotated

import typer

from . import data, evaluate, files, train
from .chat import chat
from .console import CleanExits, say
from .run import run

__all__ = ["app", "main"]

app = typer.Typer(
    name="motion-agent",
    cls=CleanExits,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help reads the same everywhere and starts faster
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line."""
    app()


def _print_version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        say(f"motion-agent {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[
        bool, typer.Option("--debug", envvar="MOTION_AGENT_DEBUG", help="Show tracebacks.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="And exit.")
    ] = False,
) -> None:
    """Type a sentence, see somebody move."""


app.command()(run)
app.command()(chat)
app.command()(files.caption)
app.command("import")(files.import_files)
app.command()(files.export)
app.add_typer(data.app, name="data")
app.add_typer(train.app, name="train")
app.command()(evaluate.evaluate)
