"""The command ``motion-agent``: one file for each group of commands, with imports deferred until a
command runs so that ``--help`` is instant.
"""

from __future__ import annotations

from typing import Annotated

import typer

from ..motion_core.stages import count_stages
from . import ablate, checkpoint, data, evaluate, files, imports, train
from .actions import actions
from .batch import batch
from .chat import chat
from .console import MODE, say, tell_stages
from .doctor import doctor
from .exits import EXIT_CODES, Program, end_like_ctrl_c
from .help import HelpfulCommand
from .mcp import mcp
from .render import render, view
from .run import generate, run

__all__ = ["app", "main"]

MAKE = "Make motion"
USE = "View and export motion"
SERVE = "Serve other programs"
TRAIN = "Train and measure"
COMPUTER = "This computer"

app = typer.Typer(
    name="motion-agent",
    cls=Program,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help reads the same everywhere and starts faster
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES,
)


def main() -> None:
    """Run the command line."""
    end_like_ctrl_c()
    app()


def _print_version(show: bool) -> None:
    if show:
        from .. import __version__

        say(f"motion-agent {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only results and errors.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="More detail, with timings.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", envvar="MOTION_AGENT_DEBUG", help="Show tracebacks.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Type a sentence, see somebody move."""
    MODE.quiet, MODE.verbose, MODE.debug = quiet, verbose and not quiet, debug
    if MODE.verbose:
        counted = count_stages()
        context.call_on_close(lambda: tell_stages(counted))


def _add(section: str, name: str, command: object, summary: str | None = None) -> None:
    register = app.command(name, cls=HelpfulCommand, rich_help_panel=section, short_help=summary)
    register(command)  # type: ignore[type-var]


_add(MAKE, "run", run)
_add(MAKE, "chat", chat)
_add(MAKE, "generate", generate)
_add(MAKE, "batch", batch)
_add(MAKE, "actions", actions)
_add(USE, "view", view)
_add(USE, "render", render)
_add(USE, "caption", files.caption)
_add(USE, "export", files.export)
_add(USE, "import", imports.import_files)
_add(SERVE, "mcp", mcp)
app.add_typer(data.app, name="data", rich_help_panel=TRAIN)
app.add_typer(train.app, name="train", rich_help_panel=TRAIN)
_add(TRAIN, "evaluate", evaluate.evaluate)
app.add_typer(
    ablate.app,
    name="ablate",
    rich_help_panel=TRAIN,
    short_help="Compare planners, or motion engines, in one table.",
)
app.add_typer(checkpoint.app, name="checkpoint", rich_help_panel=TRAIN)
_add(COMPUTER, "doctor", doctor)
