"""The executor: carries out a valid plan on the timelines of the conversation.

An edit turns one timeline into another; the studio renders it. Generated segments reach the
studio's journal before anything else happens, so a killed turn resumes where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.config import get_stream_writer

from ..motion_core.errors import GenerationError, InputError, UnavailableError
from ..motion_core.mending import Repair
from ..motion_core.motion import Motion, Segment
from ..motion_core.studio import Rendering, Studio
from ..motion_core.timeline import SMOOTH_SECONDS, Entry, Timeline
from ..tools.user import user_of
from .conversation import Conversation
from .plan import Plan, Step
from .state import AgentState, Caption

MAX_ROUNDS = 2  # captions returned to the planner in one turn
MAX_LOOKED_AT = 10  # captions repeated to the planner in later turns
CANCEL = "__cancel"  # key of the cancel token in a run's configuration; never checkpointed

Writer = Callable[[dict[str, Any]], None]


class Executor:
    """The node that runs plans in a studio.

    Args:
        studio: renders, captions, opens and exports.
        seed: segment s1 gets this plus 1, and so on.
    """

    def __init__(self, studio: Studio, seed: int = 0) -> None:
        self._studio = studio
        self._seed = seed

    def __call__(self, state: AgentState, config: RunnableConfig) -> dict[str, Any]:
        """Execute the plan of this turn; failures are recorded in the turn."""
        studio = self._studio.of(user_of(config))
        try:
            with studio.call((config.get("configurable") or {}).get(CANCEL)):
                return _Work(studio, self._seed).carry_out(state)
        except InputError as err:  # this user has too many calls in progress
            error = {"type": type(err).__name__, "message": str(err)}
            return {"turn": {"id": state["turn"]["id"], "reason": False, "error": error}}

    async def in_thread(self, state: AgentState, config: RunnableConfig) -> dict[str, Any]:
        """Execute the plan in a thread that stops when the task is cancelled."""
        update: dict[str, Any] = await self._studio.run(partial(self, state, config))
        return update


class _Work:
    """The execution of one plan in the studio of one user."""

    def __init__(self, studio: Studio, seed: int) -> None:
        self._studio = studio
        self._seed = seed

    def carry_out(self, state: AgentState) -> dict[str, Any]:
        turn = state["turn"]
        plan = Plan.from_state(turn["plan"] or {})
        conversation = Conversation(state)
        writer = get_stream_writer()
        result: dict[str, Any] = {"id": turn["id"], "reason": False}
        update: dict[str, Any] = {}
        try:
            if plan.steps_of("undo", "redo"):
                history = conversation.history
                undo = plan.plan[0].tool == "undo"
                conversation.history = history.undo() if undo else history.redo()
                self._render_again(conversation.timeline)
                update = {**conversation.update(), "about_file": False}
            elif plan.edits:
                result |= self._edit(conversation, plan, writer)
                update = {**conversation.update(), "about_file": False}
            for step in plan.steps_of("name_motion"):
                conversation.rename(conversation.current, step.motion)
                update |= conversation.update()
            for step in plan.steps_of("export_motion"):
                files = self._export(conversation.timeline, step, writer)
                result["files"] = [*result.get("files", []), *files]
            if steps := plan.steps_of("caption_motion"):
                captions = [
                    caption
                    for step in steps
                    for caption in self._caption(conversation, step, state, writer)
                ]
                result["captions"] = [*turn["captions"], *captions]
                update |= _looked_at(state, captions, about_file=steps[-1].motion != "")
                if len(steps) == len(plan.plan) and turn["rounds"] < MAX_ROUNDS:
                    result |= {"reason": True, "rounds": turn["rounds"] + 1}
        except (InputError, GenerationError) as err:
            result["error"] = {"type": type(err).__name__, "message": str(err)}
        return {**update, "turn": result}

    # ---- editing ---------------------------------------------------------------------------

    def _edit(self, conversation: Conversation, plan: Plan, writer: Writer) -> dict[str, Any]:
        self._studio.warm_up(_progress(writer, "loading", "load"))
        steps = plan.steps_of("generate_motion", "keep_segment")
        smooth = plan.steps_of("smooth_join")
        key, before = self._edited_motion(conversation, plan, [*steps, *smooth])
        edited = replace(before, name=before.name or f"motion {key}", seed=self._seed)
        if steps:
            edited = edited.arrange(_entry(step) for step in steps)
        for step in smooth:
            edited = edited.smooth(step.segment, step.seconds or SMOOTH_SECONDS)
        if plan.placement:
            edited = edited.placed(plan.placement)
        rendering = Rendering(edited, {})
        if edited.segments:
            rendering = self._studio.render(
                edited,
                progress=_progress(writer, "progress", "generate"),
                listener=_listener(writer),
            )
        conversation.history = conversation.history.change(key, rendering.timeline)
        repairs = _news(rendering, before)
        for repair in repairs:
            writer({"kind": "repair_seam", "text": str(repair)})
        value = rendering.timeline.to_json()
        facts = {name: value[name] for name in ("motions", "name", "placement")}
        writer({"kind": "motion", **facts})
        return {
            "new": list(rendering.new),
            "seams": [
                {"person": person, **seam.to_json()}
                for person, seams in rendering.seams.items()
                for seam in seams
            ],
            "repairs": [str(repair) for repair in repairs],
            "unknown": list(rendering.unknown),
            "nearest": list(rendering.nearest),
        }

    def _edited_motion(
        self, conversation: Conversation, plan: Plan, steps: Sequence[Step]
    ) -> tuple[str, Timeline]:
        """Return the motion that the plan edits, and its state before the edit."""
        first = plan.plan[0] if plan.plan else None
        if first is not None and first.tool == "open_motion":
            key = conversation.find(first.motion)
            if key is not None:
                return key, self._studio.readable(conversation.motions[key])
            return conversation.history.new_key, self._studio.open(first.motion)
        timeline = conversation.timeline
        if first is not None and first.tool == "start_over":
            return conversation.current or conversation.history.new_key, Timeline(timeline.name)
        refers = any(step.segment or step.tool == "keep_segment" for step in steps)
        if conversation.current and (refers or not steps or not timeline.segments):
            return conversation.current, self._studio.readable(timeline)
        if not steps:
            raise InputError("there are no people to place yet; make a motion of two people first")
        return conversation.history.new_key, Timeline()

    def _render_again(self, timeline: Timeline) -> Sequence[Motion]:
        """Return the timeline's motions by person, rendered again if the store no longer has
        them.
        """
        if not timeline.segments:
            return ()
        motions = self._studio.render(timeline).motions
        return [motions[person] for person in sorted(motions)]

    # ---- reading and writing ---------------------------------------------------------------

    def _export(self, timeline: Timeline, step: Step, writer: Writer) -> list[str]:
        if not timeline.motions:
            raise InputError("there is no motion to export yet; make one first")
        motions = self._render_again(timeline)
        try:
            paths = self._studio.export(motions, step.motion, timeline.place)
        except UnavailableError as err:  # the motion exists; a full disk must not lose it
            raise InputError(str(err)) from err
        files = [str(path) for path in paths]
        writer({"kind": "export", "files": files})
        return files

    def _caption(
        self, conversation: Conversation, step: Step, state: AgentState, writer: Writer
    ) -> list[Caption]:
        self._studio.warm_up(_progress(writer, "loading", "load"))
        captions: list[Caption] = []
        for name, motion in self._referred(conversation, step, state):
            caption: Caption = {
                "motion": self._studio.store.add(motion),
                "name": name,
                "text": self._studio.caption(motion),
            }
            writer({"kind": "caption", **caption})
            captions.append(caption)
        return captions

    def _referred(
        self, conversation: Conversation, step: Step, state: AgentState
    ) -> list[tuple[str, Motion]]:
        """Return the motions that a caption step refers to, each with a display name."""
        key = conversation.find(step.motion)
        if key is None and not step.motion:
            raise InputError(
                "there is no motion to caption yet; make one first, or name a motion id or a file"
            )
        if key is None:
            return [(step.motion, self._find(step.motion, state))]
        timeline = conversation.motions[key]
        people = timeline.people
        if not people:
            raise InputError(f"{timeline.name} is empty; say what the person should do")
        if step.person == 2 and 2 not in people:
            raise InputError(f"there is no person 2 in {timeline.name}")
        both = dict(zip(people, self._render_again(timeline), strict=True))
        return [
            (timeline.name + (f", person {person}" if 2 in people else ""), motion)
            for person, motion in both.items()
            if step.person != 2 or person == 2
        ]

    def _find(self, reference: str, state: AgentState) -> Motion:
        """Return a motion of the store or the workspace, without uploading a known file twice."""
        try:
            return self._studio.find(reference)
        except InputError:
            for caption in reversed(state.get("looked_at", [])):
                if caption["name"] == reference and caption["motion"] in self._studio.store:
                    return self._studio.store.get(caption["motion"])
            raise


def _entry(step: Step) -> Entry:
    if step.tool == "keep_segment":
        return Entry(step.segment)
    return Entry(step.segment, step.description, step.seconds, step.person)


def _progress(writer: Writer, kind: str, stage: str) -> Callable[[int, int], None]:
    def step(done: int, total: int) -> None:
        writer({"kind": kind, "stage": stage, "done": done, "total": total})

    return step


def _listener(writer: Writer) -> Callable[[Segment, int, int], None]:
    def hear(segment: Segment, number: int, total: int) -> None:
        writer(
            {
                "kind": "segment",
                "number": number,
                "total": total,
                "id": segment.id,
                "description": segment.description,
                "seconds": segment.duration,
            }
        )

    return hear


def _news(rendering: Rendering, before: Timeline) -> list[Repair]:
    """Return the repairs worth reporting: not an old join that is as rough as before."""
    old = {(earlier.id, later.id) for earlier, later in before.joins}
    return [
        repair
        for repair in rendering.repairs
        if repair.won
        or (repair.before, repair.after) not in old
        or {repair.before, repair.after} & set(rendering.new)
    ]


def _looked_at(
    state: AgentState, captions: Sequence[Caption], *, about_file: bool
) -> dict[str, Any]:
    new = {caption["name"] for caption in captions}
    old = [caption for caption in state.get("looked_at", []) if caption["name"] not in new]
    return {"looked_at": [*old, *captions][-MAX_LOOKED_AT:], "about_file": about_file}
