"""The LangGraph state machine: planner → executor → responder.

    agent = MotionAgent(planner="offline")
    turn = agent.run("A person walks forward, then bows.")
    print(turn.reply, turn.motion)

Importing this package does not load LangGraph; first use of one of its names does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..motion_core.lazy import lazy_names

if TYPE_CHECKING:
    from .agent import Event, MotionAgent, Turn
    from .graph import build_graph
    from .plan import Plan, Step, plan_schema
    from .planners import make_planner

__all__ = [
    "Event",
    "MotionAgent",
    "Plan",
    "Step",
    "Turn",
    "build_graph",
    "make_planner",
    "plan_schema",
]

__getattr__ = lazy_names(
    __name__,
    {
        "agent": "Event MotionAgent Turn",
        "graph": "build_graph",
        "plan": "Plan Step plan_schema",
        "planners": "make_planner",
    },
)
