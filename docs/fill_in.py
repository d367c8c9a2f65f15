"""Fills in what the program itself tells: help texts, export formats, and the data in NOTICE.

    python docs/fill_in.py [--check]

``--check`` writes nothing and ends with 1 if a page is out of date.

Typer and Rich lay out the help texts, each release a little differently. The pages show them as the
releases in requirements.txt do; with others installed they are left as they are.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
REPOSITORY = DOCS.parent
MARK = "<!-- exports -->"
HELP = "<!-- motion-agent --help -->\n```text\n"
LAYOUT = ("typer", "rich")


def main() -> int:
    """Write the pages that changed, or tell which would."""
    stale = [path for path, text in pages() if path.read_text(encoding="utf-8") != text]
    for path, text in pages():
        if path in stale and "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
    for path in stale:
        state = "is out of date" if "--check" in sys.argv else "written"
        print(f"{path.relative_to(REPOSITORY)} {state}")
    if not locked(*LAYOUT):
        print(f"help texts left as they are: {' or '.join(LAYOUT)} is not requirements.txt's")
    return int(bool(stale) and "--check" in sys.argv)


def pages() -> Iterator[tuple[Path, str]]:
    """Each page that is filled in, as it should be."""
    if locked(*LAYOUT):
        yield from _help_pages()
    exports = DOCS / "how-to" / "exports.md"
    before, _, after = exports.read_text(encoding="utf-8").partition(MARK)
    after = re.sub(r"\A\n+(\|.*\n)*\n*", "", after)
    yield exports, f"{before}{MARK}\n\n{_exports()}\n\n{after}"
    notice = REPOSITORY / "NOTICE"
    yield notice, _notice(notice.read_text(encoding="utf-8"))


def locked(*packages: str) -> bool:
    """Whether these packages are installed in the releases that requirements.txt names."""
    lock = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return all(f"{name}=={version(name)} \\" in lock for name in packages)


def _help_pages() -> Iterator[tuple[Path, str]]:
    """The README, which shows the program's own help, and the page with that of every command."""
    from motion_agent.cli import app

    readme = REPOSITORY / "README.md"
    before, mark, after = readme.read_text(encoding="utf-8").partition(HELP)
    assert mark, f"README.md has no {HELP}"
    _, _, after = after.partition("```\n")
    yield readme, f"{before}{mark}{_help(app, [])}```\n{after}"
    cli = DOCS / "reference" / "cli.md"
    if not cli.exists():
        cli.touch()
    yield cli, _commands(app)


def _notice(text: str) -> str:
    """Parts 1 and 2, of the shipped weights and their data, as the checkpoint tells them."""
    from motion_agent.motion_core.datasets.attributions import notice
    from motion_agent.motion_core.motionllm import load_checkpoint
    from motion_agent.motion_core.motionllm.checkpoint import DEFAULT_CHECKPOINT

    config = load_checkpoint(DEFAULT_CHECKPOINT).config
    found = re.fullmatch(r"(.*?)1\. The shipped.*?(3\. Pre-trained.*)", text, re.DOTALL)
    assert found is not None, "NOTICE has no parts 1 and 3"
    own = notice(config.data.split(", "), config.caption_sources)
    return f"{found[1]}{own.rstrip()}\n\n\n{found[2]}"


def _exports() -> str:
    from motion_agent.motion_core.choices import EXPORTS

    rows = [f"| `.{suffix}` | {what} |" for suffix, what in EXPORTS.items()]
    return "\n".join(["| suffix | what it is |", "|---|---|", *rows])


def _commands(app: Any) -> str:
    """The help of every command, as it is shown in 80 columns."""
    from typer.main import get_command

    def walk(command: Any, names: list[str]) -> Iterator[list[str]]:
        yield names
        for name, sub in getattr(command, "commands", {}).items():
            if not sub.hidden:
                yield from walk(sub, [*names, name])

    parts = [
        "# Command line",
        "",
        "The help texts of the program. `docs/fill_in.py` puts them here.",
    ]
    for names in walk(get_command(app), []):
        title = " ".join(["motion-agent", *names])
        parts += ["", f"{'##' if len(names) < 2 else '###'} {title}", "", "```text"]
        parts += [_help(app, names).rstrip(), "```"]
    return "\n".join(parts) + "\n"


def _help(app: Any, names: list[str]) -> str:
    os.environ["COLUMNS"] = "80"
    from typer.testing import CliRunner

    return CliRunner().invoke(app, [*names, "--help"], prog_name="motion-agent").stdout


if __name__ == "__main__":
    sys.exit(main())
