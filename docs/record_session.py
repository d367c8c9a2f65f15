"""Has a conversation with `motion-agent chat` and writes down what the terminal showed.

    python docs/record_session.py [docs/session.md]

The conversation is a new one in a temporary folder, with the offline planner and the shipped
checkpoint, so everybody gets the same. What the program says about its work goes to stderr and is
shown too, as in a terminal.
"""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tempfile
from pathlib import Path

REQUESTS = (
    "A person walks forward, then waves with both hands, then bows.",
    "make the walk longer",
    "replace the bow with a jump",
    "undo",
    "another take of the wave",
    "what does it show?",
    "add a second person who waves with the right hand, face to face at 1.5 metres",
    "call it greeting",
    "A man kicks with the right leg, then punches.",
    "go back to greeting and export it as greeting.bvh",
)
PAGE = Path(__file__).with_name("session.md")
PROMPT = b"> "


def main() -> None:
    """Talk, and write the page."""
    page = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    with tempfile.TemporaryDirectory() as folder:
        shown = _talk(Path(folder))
    page.write_text(
        "# A conversation\n\n"
        "Made by `make session` with the offline planner and the shipped checkpoint: ten requests"
        " that generate,\nedit, undo, ask, add a second person, name and export. Lines after `> `"
        " are typed.\n\n"
        f"```text\n$ motion-agent chat\n{shown}\n```\n",
        encoding="utf-8",
    )
    print(page)


def _talk(folder: Path) -> str:
    """Everything that the terminal showed."""
    keyboard, terminal = pty.openpty()  # only with a terminal to read from is there a prompt
    environment = {**os.environ, "MOTION_AGENT_DATA": str(folder / "kept"), "COLUMNS": "100"}
    with subprocess.Popen(
        [sys.executable, "-m", "motion_agent", "chat", "--workspace", "."],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=environment,
    ) as process:
        assert process.stdout is not None
        shown = _until_prompt(process.stdout.fileno())
        for request in REQUESTS:
            os.write(keyboard, request.encode() + b"\n")
            shown += request.encode() + b"\n" + _until_prompt(process.stdout.fileno())
        os.write(keyboard, b"/quit\n")
        shown += b"/quit\n"
    os.close(keyboard)
    os.close(terminal)
    return shown.decode().replace(str(folder), "~").strip()


def _until_prompt(descriptor: int) -> bytes:
    """What is shown until the next prompt."""
    shown = b""
    while not (shown.endswith(b"\n" + PROMPT) or shown == PROMPT):
        part = os.read(descriptor, 65536)
        if not part:
            raise SystemExit(f"the conversation ended early:\n{shown.decode()}")
        shown += part
    return shown


if __name__ == "__main__":
    main()
