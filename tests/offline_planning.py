"""A compact notation for the plans of the offline planner, for tables of requests.

=s1                 keep_segment s1
+: a man bows       generate_motion, new; [3 s] is a wished duration, 2/ is person 2
s2: a man jumps     generate_motion in place of s2
open x, name x, export x, caption x, start_over, undo, redo
@180,0,1.5          placement of person 2
“…                  no step: what is said
"""

from __future__ import annotations

from typing import Any

from motion_agent.agent_graph.answers import read_answer
from motion_agent.agent_graph.offline import OfflinePlanner
from motion_agent.agent_graph.plan import Plan, Step, check_against_timeline
from motion_agent.agent_graph.planners import Task
from motion_agent.motion_core.motion import Segment
from motion_agent.motion_core.timeline import Timeline


def timeline(name: str, *rows: str, placement: tuple[float, ...] = ()) -> Timeline:
    """A motion of segments of 2 s; "2/ a woman waves" is a segment of person 2."""
    segments = tuple(
        Segment(
            f"s{number}",
            row.removeprefix("2/ "),
            (1,) * 10,
            seed=number,
            person=2 if row.startswith("2/ ") else 1,
        )
        for number, row in enumerate(rows, start=1)
    )
    motions = {segment.person: f"m-abcde{segment.person}" for segment in segments}
    return Timeline(name, segments, len(rows) + 1, motions, placement)


NOTHING = Timeline()
ONE = timeline("motion 1", "a man walks forward", "a man waves with both hands", "a man bows")
TWO = timeline(
    "motion 1",
    "a man walks forward",
    "a man bows",
    "2/ a woman waves",
    placement=(180.0, 0.0, 1.5),
)
GREETING = timeline("greeting", "a woman dances", "a woman bows")
SECOND = timeline("motion 2", "a man walks forward", "a man waves with both hands", "a man bows")


def planned(request: str, current: Timeline = NOTHING, **task: Any) -> str:
    """The plan for a request in short, after everything that a plan has to pass."""
    answer = OfflinePlanner().ask(Task(request, current, **task))
    plan = read_answer(answer).plan
    check_against_timeline(plan, segments_of(plan, current, **task))
    steps = [_step(step) for step in plan.plan]
    if plan.placement:
        steps.append("@" + ",".join(f"{value:g}" for value in plan.placement))
    return " | ".join(steps) or f"“{plan.reasoning}"


def segments_of(plan: Plan, current: Timeline, **task: Any) -> list[str]:
    """Ids of the segments that the plan may name."""
    first = plan.plan[0] if plan.plan else None
    if first is not None and first.tool == "start_over":
        return []
    if first is not None and first.tool == "open_motion":
        named = [t for t in task.get("others", ()) if t.name == first.motion]
        return [s.id for s in named[0].segments] if named else ["s1"]
    return [segment.id for segment in current.segments]


def _step(step: Step) -> str:
    person = "2/" if step.person == 2 else ""
    seconds = f" [{step.seconds:g} s]" if step.seconds else ""
    if step.tool == "keep_segment":
        return f"={step.segment}"
    if step.tool == "generate_motion":
        return f"{person}{step.segment or '+'}: {step.description}{seconds}"
    return f"{step.tool.removesuffix('_motion')} {person}{step.motion}".strip()
