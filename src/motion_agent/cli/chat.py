"""``motion-agent chat``: a conversation that makes and edits motion."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .console import complain, note, say
from .files import CheckpointFolder, EngineName, engine_name
from .run import PlannerName, follow, make_agent, write_motions

if TYPE_CHECKING:
    from ..agent_graph import MotionAgent
    from ..motion_core.motion import Motion

HELP = """\
Say what somebody should do, then change it: "make it slower", "remove the bow", "undo".
  /export [FORMATS]   write the motion as files, for example /export mp4,bvh
  /motion             what the motion is made of
  /help               this
  /quit               leave; Ctrl-C stops an answer, Ctrl-D leaves too"""


def chat(
    planner: PlannerName = "offline",
    engine: EngineName = None,
    checkpoint: CheckpointFolder = None,
    thread: Annotated[str, typer.Option(help="Name of the conversation; it continues.")] = "chat",
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("outputs"),
    workspace: Annotated[
        Path, typer.Option(help="The only folder whose motion files may be read.")
    ] = Path("."),
) -> None:
    """Talk about a motion: make it, change it, ask about it."""
    from ..motion_core.errors import MotionAgentError
    from .conversations import kept_conversations

    with kept_conversations() as (store, checkpointer):
        agent = make_agent(
            planner,
            engine_name(engine, checkpoint),
            store=store,
            checkpointer=checkpointer,
            workspace=workspace,
        )
        if (motion := _current_motion(agent, thread)) is not None:
            note(f"the conversation {thread!r} goes on; its motion is {motion.id}")
        note(HELP)
        while (line := _next_line()) is not None:
            try:
                if line.startswith("/"):
                    if not _command(line, _current_motion(agent, thread), out):
                        break
                else:
                    say(follow(agent, line, thread).reply)
            except KeyboardInterrupt:
                note("stopped")
            except MotionAgentError as err:
                complain(str(err))


def _current_motion(agent: MotionAgent, thread: str) -> Motion | None:
    """Person 1's motion in the conversation."""
    state = agent.graph.get_state({"configurable": {"thread_id": thread}}).values
    motion_id = state.get("timeline", {}).get("motions", {}).get("1")
    return agent.store.get(motion_id) if motion_id in agent.store else None


def _command(line: str, motion: Motion | None, out: Path) -> bool:
    """Do what a line with a slash says; False ends the conversation."""
    from .exports import DEFAULT_FORMATS, make_folder, parse_formats

    name, _, rest = line.partition(" ")
    if name in ("/quit", "/exit", "/q"):
        return False
    if name == "/help":
        say(HELP)
    elif name not in ("/export", "/motion"):
        complain(f"there is no {name}; /help tells what there is")
    elif motion is None:
        complain("there is no motion yet; say what somebody should do")
    elif name == "/motion":
        _tell_motion(motion)
    else:
        formats = parse_formats(rest or DEFAULT_FORMATS)
        write_motions({1: motion}, make_folder(out) / motion.id, formats)
    return True


def _tell_motion(motion: Motion) -> None:
    say(f"{motion.id}, {motion.duration:.1f} s")
    for segment, start, end in motion.segment_frames():
        say(f"  {segment.id}  {start / 20:5.1f} to {end / 20:5.1f} s  {segment.description}")


def _next_line() -> str | None:
    """The next line that says something; None at the end of the input."""
    prompt = "> " if sys.stdin.isatty() else ""
    if prompt and os.name == "posix":
        import readline  # noqa: F401  # arrow keys and history in input()
    while True:
        try:
            line = input(prompt).strip()
        except EOFError:
            return None
        except KeyboardInterrupt:
            say()
            continue
        if line:
            return line
