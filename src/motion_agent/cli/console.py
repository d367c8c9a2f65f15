"""What the command line says.

Results go to stdout, progress and problems to stderr. With ``--json`` stdout gets one JSON object
and nothing else. ``--quiet`` leaves out what is told on the way, ``--verbose`` adds to it.
"""

from __future__ import annotations

import json as json_format
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from .progress import Tell

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass
class Mode:
    """How much is said, and to whom; and whether a bar is being drawn on stderr."""

    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    json: bool = False
    drawing: bool = False


MODE = Mode()
"""Of the running command; `start` sets it back."""


def start(*, json: bool) -> None:
    """Begin a command: nothing is left of the one before."""
    MODE.quiet = MODE.verbose = MODE.debug = False
    MODE.json = json


def _speak_json(enabled: bool) -> None:
    MODE.json = enabled


Json = Annotated[
    bool,
    typer.Option("--json", callback=_speak_json, help="Print one JSON object, for programs."),
]


def say(line: str = "", *, style: str | None = None) -> None:
    """Print a line of the result for people, on stdout."""
    if not MODE.json:
        _print(line, style, stderr=False)


def say_markdown(text: str) -> None:
    """Print a page of Markdown, laid out if there is a terminal."""
    console = _console(stderr=False)
    if MODE.json or not console.is_terminal:
        say(text)
    else:
        from rich.markdown import Markdown

        console.print(Markdown(plain(text), hyperlinks=False), soft_wrap=False)


def answer(facts: Mapping[str, Any]) -> None:
    """Print the result for programs: the one JSON object of ``--json``, on stdout."""
    if MODE.json:
        # ASCII: whatever the terminal's encoding, and no control characters in it
        print(json_format.dumps(facts, indent=2, default=str), flush=True)


def note(line: str, *, style: str | None = "dim") -> None:
    """Print a line about what is going on, on stderr; not with ``--quiet``."""
    if not MODE.quiet:
        _print(line, style, stderr=True)


def detail(line: str) -> None:
    """Print a line as `note` does, but only with ``--verbose``."""
    if MODE.verbose:
        note(line)


def complain(line: str) -> None:
    """Print the one line that says what went wrong, on stderr."""
    _print(" ".join(line.split()), "red", stderr=True)


def fail(line: str, *, kind: str, code: int) -> None:
    """Report an error to people (`complain`) and to programs."""
    complain(line)
    answer({"error": {"kind": kind, "message": plain(line), "exit_code": int(code)}})


def plain(text: str) -> str:
    """`text` without control characters, and with hidden ones shown: descriptions, captions and
    file names come from strangers and must not be able to steer the terminal.
    """
    from ..motion_core.words import visible

    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", visible(text))


def wrapped(text: str, columns: int) -> list[str]:
    """Return the text in lines of so many columns; paths and other long words stay whole."""
    from textwrap import wrap

    return wrap(text, max(columns, 1), break_long_words=False, break_on_hyphens=False)


def width() -> int | None:
    """Columns of the terminal that results go to; None where they go elsewhere."""
    return _console(stderr=False).width if sys.stdout.isatty() else None


@contextmanager
def working(title: str) -> Iterator[Tell]:
    """A spinner on stderr while something takes time.

    The value changes what it says; with ``done`` and ``total`` it shows a bar and the time left.
    Without a terminal only the title is told.
    """
    begin = time.perf_counter()
    if not sys.stderr.isatty() or MODE.quiet:
        note(title)
        yield lambda line, done=0, total=0: None
    else:
        from .progress import live

        with _drawing(), live(plain(title), _console(stderr=True)) as tell:
            yield lambda line, done=0, total=0: tell(plain(line), done, total)
    detail(f"{title}: {time.perf_counter() - begin:.1f} s")


@contextmanager
def counting(title: str) -> Iterator[Callable[[int, int], None]]:
    """`working`, as a `motion_core` `Progress`: called with (done, total)."""
    with working(title) as tell:
        yield lambda done, total: tell(title, done, total)


@contextmanager
def stages() -> Iterator[Callable[[str, int, int], None]]:
    """Progress of several stages on stderr; the value is called with (stage, done, total).

    Without a terminal a stage is told once, when it is done.
    """
    if not sys.stderr.isatty() or MODE.quiet:
        yield lambda stage, done, total: note(f"{stage}: {total}") if done == total else None
        return
    from .progress import live_stages

    with _drawing(), live_stages(_console(stderr=True)) as tell:
        yield lambda stage, done, total: tell(plain(stage), done, total)


@contextmanager
def _drawing() -> Iterator[None]:
    MODE.drawing = True
    try:
        yield
    finally:
        MODE.drawing = False


def _print(line: str, style: str | None, *, stderr: bool) -> None:
    from rich.text import Text

    if MODE.drawing and sys.stdout.isatty():
        stderr = True  # the console that draws a bar makes room for lines of its own only
    console = _console(stderr=stderr)
    line = plain(line)
    if console.is_terminal:
        line = "\n".join(_wrapped(part, console.width) for part in line.split("\n"))
    console.print(Text(line, style=style or ""))


def _wrapped(line: str, columns: int) -> str:
    """Return the line broken between words; what is indented goes on as far in."""
    if len(line) <= columns:
        return line
    text = line.lstrip()
    indent = " " * (len(line) - len(text))
    return "\n".join(indent + part for part in wrapped(text, columns - len(indent)))


@cache  # one for each stream, so that lines and a spinner keep out of each other's way
def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=True)
