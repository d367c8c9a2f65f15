"""``motion-agent chat``: a conversation that makes and edits motion."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .actions import example, tell_actions, tell_nearest
from .console import MODE, complain, note, say, working
from .conversations import conversation_names, forget_conversation, kept_conversations
from .engines import CheckpointFolder, DeviceName, EngineName, engine_name
from .exits import Ended, did_you_mean, unexpected
from .exports import DEFAULT_FORMATS, parse_formats, tell_files
from .planning import FallbackName, PlannerName, StrategyName, follow, make_agent
from .run import Seed, say_segments

if TYPE_CHECKING:
    from ..agent_graph import MotionAgent, Turn
    from ..motion_core.motion import Motion
    from ..motion_core.placement import Placement
    from .checkpoints import LatestCheckpoints

HELP = """\
Say what somebody should do, then change it: "make it slower", "remove the bow",
"undo".
  /export [FORMATS]   write the motion as files, for example /export mp4,bvh
  /view [MOTION]      look at the motion, or at another one, in the browser
  /motion             what the motion is made of
  /motions            all motions of this conversation
  /actions [ACTION]   what the motion model was trained on, or what of it is near
  /help               this
  /quit               leave; Ctrl-C stops an answer, Ctrl-D leaves too"""
COMMANDS = ("/export", "/view", "/motion", "/motions", "/actions", "/help", "/quit")
_SHOW = re.compile(
    r"(?:please )?(?:(?:show|play)(?: me)?(?: (?:it|that|this|the motion))?|(?:view|watch)"
    r" (?:it|that|this|the motion)|let me see(?: it| that)?)(?: please| again)?[.!]?",
    re.IGNORECASE,
)
_SHOW_MOTION = re.compile(
    r"(?:please )?(?:show|play|view|watch)(?: me)? (?P<motion>.{1,80}?)(?: please| again)?[.!]?",
    re.IGNORECASE,
)
_ABILITIES = re.compile(
    r"(?:(?:what|which) (?:actions|movements|moves|motions) (?:do you know|can you do|are there)"
    r"|what (?:can you do|do you know|are you able to do|are your (?:abilities|skills))"
    r"|what (?:were|was) (?:you|the model|it) trained on|list (?:the |your )?actions)[?.! ]*",
    re.IGNORECASE,
)
_LEAVE = ("/quit", "/exit", "/q")


def complete_conversation(incomplete: str) -> list[str]:
    """Return the conversations whose names begin with the given text."""
    return [name for name in conversation_names() if name.startswith(incomplete)]


def chat(
    planner: PlannerName = "offline",
    fallback: FallbackName = None,
    strategy: StrategyName = "auto",
    engine: EngineName = None,
    checkpoint: CheckpointFolder = None,
    device: DeviceName = None,
    seed: Seed = 0,
    thread: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Name of the conversation; it continues.",
            autocompletion=complete_conversation,
            rich_help_panel="Conversations",
        ),
    ] = "chat",
    show_list: Annotated[
        bool, typer.Option("--list", help="List them.", rich_help_panel="Conversations")
    ] = False,
    forget: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Delete one.",
            autocompletion=complete_conversation,
            rich_help_panel="Conversations",
        ),
    ] = None,
    workspace: Annotated[
        Path,
        typer.Option(metavar="FOLDER", help="The only folder that is read and written."),
    ] = Path("."),
) -> None:
    """Talk about a motion: make it, change it, ask about it.

    Conversations are kept, so a later chat continues this one.
    """
    if forget is not None:
        forget_conversation(forget)
        say(f"forgotten: {forget}")
        return
    if show_list:
        _list_conversations()
        return
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # an invalid UTF-8 line must not end the chat
    with kept_conversations() as (store, checkpointer):
        agent = make_agent(
            planner,
            engine_name(engine, checkpoint),
            fallback=fallback,
            strategy=strategy,
            seed=seed,
            store=store,
            checkpointer=checkpointer,
            workspace=workspace,
        )
        if ids := agent.timeline(thread).motions:
            note(
                f"continuing the conversation {thread!r}; its motion is"
                f" {' and '.join(ids.values())}"
            )
        note(HELP)
        _finish_interrupted(agent, checkpointer, thread)
        _complete_commands()
        while (line := _next_line()) is not None:
            if line in _LEAVE:
                break
            work: Callable[[], Turn | None]
            line = _view_command(line, agent, thread)
            if _ABILITIES.fullmatch(line):
                line = "/actions"
            if line.startswith("/"):
                work = partial(_command, line, agent, thread)
            else:
                work = partial(_say_to, agent, line, thread)
            _answer(work, agent, thread)


def _view_command(line: str, agent: MotionAgent, thread: str) -> str:
    """Return ``/view`` for a line that asks to see a motion; other lines unchanged."""
    if _SHOW.fullmatch(line):
        return "/view"
    named = _SHOW_MOTION.fullmatch(line)
    if named is not None and agent.find(named["motion"], thread) is not None:
        return f"/view {named['motion']}"
    return line


def _list_conversations() -> None:
    """Print a line for each conversation, the latest first, with its current motion."""
    names = conversation_names()
    if not names:
        note("no conversations yet; `motion-agent chat` starts one")
        return
    from ..agent_graph import MotionAgent
    from ..motion_core.errors import IntegrityError

    longest = max(map(len, names))
    with kept_conversations() as (store, checkpointer):
        agent = MotionAgent(store=store, checkpointer=checkpointer)
        for name in names:
            try:
                timeline = agent.timeline(name)
            except IntegrityError as err:
                complain(str(err))
                continue
            ids = " and ".join(timeline.motions.values()) or "no motion"
            about = ", then ".join(segment.description for segment in timeline.segments)
            say(f"{name:{longest}}  {ids}  {about}".rstrip())


def _say_to(agent: MotionAgent, line: str, thread: str) -> Turn:
    return follow(agent.stream, line, thread)


def _finish_interrupted(agent: MotionAgent, checkpointer: LatestCheckpoints, thread: str) -> None:
    """Resume a request that a crash interrupted: once, and only if the person wants it."""
    if (request := agent.unfinished(thread)) is None:
        return
    if not checkpointer.may_resume(thread):
        note(f"the last request was interrupted twice and is abandoned: {request[:200]}")
        agent.abandon(thread)
    elif sys.stdin.isatty() and not typer.confirm(
        f"the last request was interrupted: {request[:200]}\nResume it?", default=True, err=True
    ):
        agent.abandon(thread)
    else:
        note(f"the last request was interrupted; resuming it: {request[:200]}")
        _answer(lambda: follow(agent.resume, thread), agent, thread)


def _answer(work: Callable[[], Turn | None], agent: MotionAgent, thread: str) -> None:
    """Execute a request and print the reply; errors are reported and end nothing."""
    from ..motion_core.errors import Cancelled, MotionAgentError

    stopped = False
    try:
        if (turn := work()) is not None:
            say(turn.reply)
    except Ended:
        raise  # the turn resumes when the chat starts again
    except (KeyboardInterrupt, Cancelled):
        stopped = True
    except MotionAgentError as err:
        complain(str(err))
    except Exception as err:
        if MODE.debug:
            raise
        complain(unexpected(err))
    if stopped:  # on purpose: unlike after a crash, the turn does not resume
        agent.abandon(thread)
        note("stopped")


def _command(line: str, agent: MotionAgent, thread: str) -> None:
    """Execute a line with a slash command."""
    name, _, rest = line.partition(" ")
    motions = agent.motions(thread)
    people = [motion for _, motion in sorted(motions.items())]
    if name == "/help":
        say(HELP)
    elif name not in COMMANDS:
        complain(f"unknown command {name}{did_you_mean(name, COMMANDS)}; /help lists them all")
    elif name == "/actions":
        from ..motion_core.abilities import known_actions

        if rest.strip():
            tell_nearest(agent.studio.engine, rest.strip())
        else:
            found = known_actions(agent.studio.engine)
            tell_actions(found)
            say(f'for example: "{example(found)}"; then "make it slower", "undo"')
    elif not motions:
        complain("there is no motion yet; say what somebody should do")
    elif name == "/motion":
        _tell_motion(motions)
    elif name == "/motions":
        _tell_motions(agent, thread)
    elif name == "/view":
        _view(rest.strip(), agent, thread)
    else:
        _export(agent, people, parse_formats(rest or DEFAULT_FORMATS), agent.placement(thread))


def _view(reference: str, agent: MotionAgent, thread: str) -> None:
    from .render import show_page

    timeline = agent.find(reference, thread)
    if timeline is None:
        return complain(f"there is no motion {reference!r}; /motions lists them")
    ids = [motion_id for _, motion_id in sorted(timeline.motions.items())]
    show_page([agent.store.get(motion_id) for motion_id in ids], timeline.place)


def _export(
    agent: MotionAgent, people: list[Motion], formats: Sequence[str], placement: Placement
) -> None:
    """Write files to the same place as "export it as walk.bvh", and print where that is."""
    files: list[Path] = []
    for suffix in formats:
        with working(f"writing {suffix}"):
            files += agent.studio.export(people, f"{people[0].id}.{suffix}", placement)
    tell_files(files)


def _tell_motion(motions: Mapping[int, Motion]) -> None:
    for person, motion in sorted(motions.items()):
        who = f"person {person}, " if len(motions) > 1 else ""
        say(f"{who}{motion.id}, {motion.duration:.1f} s")
        say_segments(motion)


def _tell_motions(agent: MotionAgent, thread: str) -> None:
    current = agent.timeline(thread).name
    for timeline in agent.timelines(thread):
        mark = "*" if timeline.name == current else " "
        ids = " and ".join(timeline.motions.values()) or "empty"
        say(f"{mark} {timeline.name}  {ids}  {len(timeline.segments)} segments")


def _complete_commands() -> None:
    """Set up the terminal: arrow keys, history, and Tab completion of slash commands."""
    if not sys.stdin.isatty() or os.name != "posix":
        return
    import readline

    def complete(text: str, state: int) -> str | None:
        fitting = [name for name in COMMANDS if text.startswith("/") and name.startswith(text)]
        return f"{fitting[state]} " if state < len(fitting) else None

    readline.set_completer(complete)
    readline.set_completer_delims(" ")
    libedit = "libedit" in (readline.__doc__ or "")  # macOS
    readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")


def _next_line() -> str | None:
    """Return the next line with words; None at the end of the input."""
    prompt = "> " if sys.stdin.isatty() else ""
    while True:
        try:
            line = input(prompt).strip()
        except EOFError:
            if prompt:
                say()  # start the terminal's next output on a new line
            return None
        except Ended:
            raise
        except KeyboardInterrupt:
            say()
            continue
        if line:
            return line
