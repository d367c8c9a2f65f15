"""What the command line says, and how it ends.

Results go to stdout, progress and problems to stderr. An expected error is one clear line and
exit code 1, Ctrl-C one line and 130; usage errors (2) are Typer's. ``--debug`` shows tracebacks.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from rich.console import Console

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def say(line: str = "", *, style: str | None = None) -> None:
    """A line of the result, on stdout."""
    _print(line, style, stderr=False)


def note(line: str, *, style: str | None = "dim") -> None:
    """A line about what is going on, on stderr."""
    _print(line, style, stderr=True)


def complain(line: str) -> None:
    """The one line that tells what went wrong, on stderr."""
    _print(" ".join(line.split()), "red", stderr=True)


def plain(text: str) -> str:
    """`text` without control characters: descriptions, captions and file names come from strangers
    and must not be able to steer the terminal.
    """
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


@contextmanager
def working(title: str) -> Iterator[Callable[[str], None]]:
    """A spinner on stderr while something takes time; the value changes what it says.

    Without a terminal only the title is told.
    """
    if not sys.stderr.isatty():
        note(title)
        yield lambda line: None
        return
    with _console(stderr=True).status(_escaped(title), spinner="dots") as status:
        yield lambda line: status.update(_escaped(line))


@contextmanager
def stages() -> Iterator[Callable[[str, int, int], None]]:
    """Progress of several stages on stderr; the value is called with (stage, done, total).

    Without a terminal a stage is told once, when it is done.
    """
    if not sys.stderr.isatty():
        yield lambda stage, done, total: note(f"{stage}: {total}") if done == total else None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(plain(stage), total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield tell


class CleanExits(TyperGroup):
    """A command group that turns errors into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            complain("interrupted")
            raise typer.Exit(130) from None
        except (typer.Exit, typer.Abort):
            raise
        except BrokenPipeError:
            # Whoever read the output has enough; keep Python from complaining when it exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        except Exception as err:
            if ctx.params.get("debug") or _is_usage_error(err):
                raise
            complain(_one_line(err))
            raise typer.Exit(1) from None


def _one_line(err: Exception) -> str:
    from ..motion_core.errors import MotionAgentError

    if isinstance(err, MotionAgentError):
        return str(err)
    if isinstance(err, OSError) and err.filename is not None:
        return f"{err.filename}: {err.strerror}"
    return (
        f"unexpected {type(err).__name__}: {err} (a bug in motion-agent; "
        "`motion-agent --debug …` shows where)"
    )


def _is_usage_error(err: Exception) -> bool:
    return getattr(err, "exit_code", None) == 2


def _print(line: str, style: str | None, *, stderr: bool) -> None:
    _console(stderr=stderr).print(plain(line), style=style, markup=False)


@cache  # one for each stream, so that lines and a spinner keep out of each other's way
def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=True)


def _escaped(line: str) -> str:
    from rich.markup import escape

    return escape(plain(line))
