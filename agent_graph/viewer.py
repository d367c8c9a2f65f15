"""The viewer of a chat page: LangGraph's generative UI.

`langgraph.json` names `ui.tsx`. LangGraph's server bundles it, and agent-chat-ui loads it from
there for each message that `Viewer` pushes.
"""

from __future__ import annotations

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph.ui import push_ui_message

from ..motion_core.notebook import show
from ..motion_core.studio import Studio
from ..tools.user import user_of
from .conversation import Conversation
from .state import AgentState

COMPONENT = "motion"
"""Name of the component in `ui.tsx`; its props are motions, title and page."""

KEPT_PAGES = 3
"""Motions of a conversation that have their page in the state; older ones keep the title."""


class Viewer:
    """The node after the responder: shows the current motion if it is not shown yet.

    Args:
        studio: has the motions.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def __call__(self, state: AgentState, config: RunnableConfig) -> dict[str, Any]:
        timeline = Conversation(state).timeline
        store = self._studio.of(user_of(config)).store
        ids = [timeline.motions[person] for person in sorted(timeline.motions)]
        shown: list[Any] = list(state.get("ui", ()))
        latest = shown[-1]["props"]["motions"] if shown else []
        if not ids or ids == latest or any(motion_id not in store for motion_id in ids):
            return {}
        steps = ", then ".join(segment.description for segment in timeline.segments)
        page = show([store.get(motion_id) for motion_id in ids], timeline.place).page()
        push_ui_message(
            COMPONENT,
            {"motions": ids, "title": f"{timeline.name}: {steps}", "page": page},
            message=state["messages"][-1],
        )
        for old in shown[: 1 - KEPT_PAGES]:
            if old["props"]["page"]:
                about = {"message_id": old["metadata"].get("message_id")}
                push_ui_message(COMPONENT, {"page": ""}, id=old["id"], metadata=about, merge=True)
        return {}
