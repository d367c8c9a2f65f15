"""Output of the command line.

Results go to stdout, progress and problems to stderr. With ``--json`` stdout gets one JSON object
and nothing else. ``--quiet`` drops progress messages, ``--verbose`` adds some.
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

from ..motion_core.stages import peak_memory, stop_counting

if TYPE_CHECKING:
    from rich.console import Console

    from ..motion_core.stages import Stages
    from .progress import Tell

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass
class Mode:
    """The output mode: how much is printed, for whom, and whether a bar is on stderr."""

    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    json: bool = False
    drawing: bool = False


MODE = Mode()
"""Of the running command; `start` sets it back."""


def start(*, json: bool) -> None:
    """Start a command with a clean state."""
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
    """Print Markdown, formatted if there is a terminal."""
    console = _console(stderr=False)
    if MODE.json or not console.is_terminal:
        say(text)
    else:
        from rich.markdown import Markdown

        console.print(Markdown(plain(text), hyperlinks=False), soft_wrap=False)


def answer(facts: Mapping[str, Any]) -> None:
    """Print the result for programs: the JSON object of ``--json``, on stdout."""
    if MODE.json:
        # ASCII: independent of the terminal's encoding, and free of control characters
        print(json_format.dumps(facts, indent=2, default=str), flush=True)


def note(line: str, *, style: str | None = "dim") -> None:
    """Print a progress line on stderr, unless ``--quiet``."""
    if not MODE.quiet:
        _print(line, style, stderr=True)


def detail(line: str) -> None:
    """Print a line like `note`, but only with ``--verbose``."""
    if MODE.verbose:
        note(line)


def complain(line: str) -> None:
    """Print a one-line error on stderr."""
    _print(" ".join(line.split()), "red", stderr=True)


def fail(line: str, *, kind: str, code: int) -> None:
    """Report an error to people (`complain`) and to programs."""
    complain(line)
    answer({"error": {"kind": kind, "message": plain(line), "exit_code": int(code)}})


def plain(text: str) -> str:
    """Return the text without control characters and with hidden ones shown."""
    from ..motion_core.words import visible

    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", visible(text))


def wrapped(text: str, columns: int) -> list[str]:
    """Return the text wrapped to that many columns; paths and other long words stay whole."""
    from textwrap import wrap

    return wrap(text, max(columns, 1), break_long_words=False, break_on_hyphens=False)


def width() -> int | None:
    """Return the columns of the output terminal; None if there is none."""
    return _console(stderr=False).width if sys.stdout.isatty() else None


@contextmanager
def working(title: str) -> Iterator[Tell]:
    """Show a spinner on stderr while something takes time.

    The yielded value changes its text; with ``done`` and ``total`` it becomes a bar with the time
    left. Without a terminal only the title is printed.
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


def tell_stages(stages: Stages) -> None:
    """Print where the time of a command went, on stderr."""
    stop_counting()
    rows = {**stages.seconds, "the rest": stages.rest(), "all": stages.total()}
    longest = max(map(len, rows))
    detail(f"{'stage':{longest}}  times  elapsed  processor seconds")
    for name, own in rows.items():
        detail(f"{name:{longest}}  {own.times:5}  {own.elapsed:7.2f}  {own.processor:9.2f}")
    if (most := peak_memory()) is not None:
        detail(f"peak memory {most / 1e6:.0f} MB")


@contextmanager
def counting(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show `working` as a `motion_core` `Progress`: called with (done, total)."""
    with working(title) as tell:
        yield lambda done, total: tell(title, done, total)


@contextmanager
def stages() -> Iterator[Callable[[str, int, int], None]]:
    """Show progress of several stages on stderr; the yielded value is called with (stage, done,
    total).

    Without a terminal each stage is printed once, when done.
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
        stderr = True  # the console that draws a bar only makes room for its own lines
    console = _console(stderr=stderr)
    line = plain(line)
    if console.is_terminal:
        line = "\n".join(_wrapped(part, console.width) for part in line.split("\n"))
    console.print(Text(line, style=style or ""))


def _wrapped(line: str, columns: int) -> str:
    """Return the line wrapped between words, keeping its indentation."""
    if len(line) <= columns:
        return line
    text = line.lstrip()
    indent = " " * (len(line) - len(text))
    return "\n".join(indent + part for part in wrapped(text, columns - len(indent)))


@cache  # one for each stream, so that lines and spinners do not mix
def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=True)
