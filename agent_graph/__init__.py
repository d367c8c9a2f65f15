"""The LangGraph state machine: planner → executor → responder.

    agent = MotionAgent(planner="offline")
    turn = agent.run("A person walks forward, then bows.")
    print(turn.reply, turn.motion)

Importing this package does not load LangGraph; first use of one of its names does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

_HOMES = {
    "Event": "agent",
    "MotionAgent": "agent",
    "Plan": "plan",
    "Step": "plan",
    "Turn": "agent",
    "build_graph": "graph",
    "make_planner": "planners",
    "plan_schema": "plan",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
