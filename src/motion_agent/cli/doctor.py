"""``motion-agent doctor``: what works here, and what to do about the rest."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from .console import Json, answer, say, width, working, wrapped
from .exits import ExitCode

if TYPE_CHECKING:
    from ..doctor import Finding

_MARKS = {"ok": ("ok", "green"), "missing": ("--", "yellow"), "broken": ("!!", "red")}
_NAME = 16


def doctor(
    deep: Annotated[
        bool, typer.Option("--deep", help="Also load the model and make a second of motion.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check what works here, and what to do about the rest.

    Checks packages, motion model, planners, video, folders. Changes and downloads nothing (except
    the model with --deep, if it is missing). Exits with 0 if a sentence can be turned into motion,
    else with 3.
    """
    from ..doctor import examine, works

    findings: list[Finding] = []
    with working("looking around"):
        for finding in examine(deep=deep):
            if not findings or findings[-1].part != finding.part:
                say(("" if not findings else "\n") + finding.part, style="bold")
            findings.append(finding)
            _tell(finding)
    fine = works(findings)
    say()
    if fine:
        missing = sum(finding.state == "missing" for finding in findings)
        rest = f"; {missing} optional things are missing (--)" if missing else ""
        say(f"A sentence can be turned into motion{rest}.", style="green")
    else:
        say("A sentence cannot be turned into motion yet: see the lines with !!.", style="red")
    answer({"works": fine, "findings": [asdict(finding) for finding in findings]})
    if not fine:
        raise typer.Exit(ExitCode.UNAVAILABLE)


def _tell(finding: Finding) -> None:
    mark, style = _MARKS[finding.state]
    room = max((width() or 1000) - _NAME - 6, 30)
    lines = wrapped(finding.told, room)
    for number, line in enumerate(wrapped(finding.advice, room - 3)):
        lines.append(f"{'   ' if number else '-> '}{line}")
    for number, line in enumerate(lines):
        start = f"{mark}  {finding.name:{_NAME}}" if number == 0 else " " * (_NAME + 4)
        say(f"{start}  {line}", style=style if finding.state != "ok" and number == 0 else None)
