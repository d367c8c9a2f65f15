"""How the command line ends: exit codes and error messages.

An expected error is one clear line on stderr; with ``--json`` also an object on stdout.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from enum import IntEnum
from types import FrameType
from typing import Any

import typer

from . import console
from .help import HelpfulGroup


class ExitCode(IntEnum):
    """Exit codes, by who can do something about the error."""

    OK = 0
    FAILURE = 1  # the attempt failed, or a bug
    USAGE = 2  # the request is impossible: a wrong command, option, name, file or value
    UNAVAILABLE = 3  # something outside is missing: network, server, key, permission
    INTERRUPTED = 130  # the shells' code for Ctrl-C


EXIT_CODES = """\
\b
Exit codes: 0 done, 1 failed, 2 asked for what cannot be done (a wrong option,
name or file), 3 something is out of reach (a server, a key, a folder),
130 interrupted."""

ANYWHERE = ("--quiet", "-q", "--verbose", "-v", "--debug")
"""Options of the whole program; they may stand behind the command as well."""

_SETTINGS = "MOTION_AGENT_"
_NOT_ONE_OF = re.compile(r"'(?P<given>[^']*)' is not one of (?P<known>'.*')\.?$", re.DOTALL)


class Program(HelpfulGroup):
    """The outermost command group: turns every outcome into one line and an exit code."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        """Run the command in `args`; always raises SystemExit."""
        words = list(sys.argv[1:] if args is None else args)
        if words[:1] == ["help"]:
            words = [*words[1:], "--help"]
        console.start(json="--json" in words)
        try:
            _check_encoding(words)
            code = super().main(_globals_first(words), *rest, **extra | {"standalone_mode": False})
        except (typer.Abort, KeyboardInterrupt):
            code = ExitCode.INTERRUPTED
        except BrokenPipeError:
            # The reader has closed the pipe; keep Python from complaining at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = ExitCode.FAILURE
        except Exception as err:
            if console.MODE.debug:
                raise
            code = _tell(err, words)
        if code == ExitCode.INTERRUPTED:
            console.fail("interrupted", kind="Interrupted", code=code)
        sys.exit(code or ExitCode.OK)


def end_like_ctrl_c() -> None:
    """Make SIGTERM and a closed terminal clean up as Ctrl-C does.

    Both raise `Ended`, a KeyboardInterrupt after which no conversation continues.
    """
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # nohup ignores it
            signal.signal(number, _end)


class Ended(KeyboardInterrupt):
    """The program was asked to end."""


def _end(number: int, frame: FrameType | None) -> None:
    raise Ended


def exit_code(err: Exception) -> ExitCode:
    """Return the exit code for this kind of error."""
    from ..motion_core.errors import ConfigurationError, InputError, UnavailableError

    if isinstance(err, UnavailableError | OSError):
        return ExitCode.UNAVAILABLE
    if isinstance(err, InputError | ConfigurationError):
        return ExitCode.USAGE
    return ExitCode.FAILURE


def unexpected(err: Exception) -> str:
    """Return the message for an unforeseen error."""
    return (
        f"unexpected {type(err).__name__}: {err} (a bug in motion-agent; "
        "the same command with --debug shows where)"
    )


def did_you_mean(typed: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'chat'?"``, or an empty string if no known word is similar."""
    by_lower = {word.lower(): word for word in known}
    near = get_close_matches(typed.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[near[0]]!r}?" if near else ""


def _check_encoding(words: Iterable[str]) -> None:
    """Check that arguments and settings are UTF-8 or name an existing file."""
    from ..motion_core.errors import InputError
    from ..motion_core.words import whole

    settings = {name: text for name, text in os.environ.items() if name.startswith(_SETTINGS)}
    for where, text in (*(("an argument", text) for text in words), *settings.items()):
        if whole(text) != text and not os.path.exists(text):
            raise InputError(f"{where} is not UTF-8: {text!a}; type it again")


def _globals_first(args: list[str]) -> list[str]:
    end = args.index("--") if "--" in args else len(args)
    first = [word for word in args[:end] if word in ANYWHERE]
    return first + [word for word in args[:end] if word not in ANYWHERE] + args[end:]


def _tell(err: Exception, arguments: Sequence[str]) -> int:
    from ..motion_core.errors import Cancelled

    if isinstance(err, Cancelled):
        return ExitCode.INTERRUPTED
    # Usage errors, recognised by form: their class has moved between versions of Typer.
    is_of_usage = hasattr(err, "format_message")
    return _tell_usage_error(err, arguments) if is_of_usage else _tell_error(err)


def _tell_usage_error(err: Any, arguments: Sequence[str]) -> int:
    if not err.message or type(err).__name__ == "NoArgsIsHelpError":
        err.show()  # the help
        return ExitCode.USAGE
    message = err.format_message().replace("Value error, ", "")  # pydantic's
    if possible := getattr(err, "possibilities", None):
        message = f"{err.message}. Did you mean {' or '.join(sorted(possible))}?"
    elif match := _NOT_ONE_OF.search(message):
        message += did_you_mean(match["given"], re.findall("'([^']*)'", match["known"]))
    elif "unexpected extra argument" in message:
        words = " ".join(word for word in arguments[1:] if not word.startswith("-"))
        message = f'{message.rstrip(".")}; put the sentence in quotes: "{words}"'
    command = getattr(getattr(err, "ctx", None), "command_path", "motion-agent")
    console.fail(message, kind="UsageError", code=ExitCode.USAGE)
    console.note(f"see `{command} --help`")
    return ExitCode.USAGE


def _tell_error(err: Exception) -> int:
    from ..motion_core.errors import MotionAgentError

    code = exit_code(err)
    if isinstance(err, MotionAgentError):
        message = str(err)
    elif isinstance(err, OSError) and err.filename is not None:
        message = f"{err.filename}: {err.strerror}"
    else:
        code = ExitCode.FAILURE
        message = unexpected(err)
    console.fail(message, kind=type(err).__name__, code=code)
    return code
