"""The executor: carries out a valid plan.

All new descriptions are generated as one batch; segments that stay keep their tokens bit for
bit; the tokens of all segments are concatenated and decoded once (once a person).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langgraph.config import get_stream_writer

from ..motion_core.composition import NEXT_TAKE, SegmentRequest, assemble, generate_segments
from ..motion_core.errors import GenerationError, InputError
from ..motion_core.motion import Motion
from ..motion_core.skeleton import FPS
from ..tools.workbench import Workbench
from .plan import Plan, Step
from .state import (
    UNDO_DEPTH,
    AgentState,
    Caption,
    SegmentState,
    Timeline,
    empty_timeline,
    to_segment,
)

MAX_ROUNDS = 2  # of captions that go back to the planner in one turn
Writer = Callable[[dict[str, Any]], None]


class Executor:
    """The node that runs plans on a workbench.

    Args:
        bench: engine, store and workspace.
        seed: the seed of segment s1 is this plus 1, and so on.
    """

    def __init__(self, bench: Workbench, seed: int = 0) -> None:
        self._bench = bench
        self._seed = seed

    def __call__(self, state: AgentState) -> dict[str, Any]:
        """Carry out the plan of this turn; the reasons of a failure go into the turn."""
        turn = state["turn"]
        plan = Plan.model_validate(turn["plan"])
        timeline = state.get("timeline") or empty_timeline()
        writer = get_stream_writer()
        update: dict[str, Any] = {}
        changes: dict[str, Any] = {"id": turn["id"], "reason": False}
        try:
            if plan.steps_of("undo", "redo"):
                update = _travel(state, plan.plan[0].tool)
                self._restore(update["timeline"])
            elif steps := plan.steps_of("generate_motion", "keep_segment"):
                edited, made = self._edit(timeline, steps, writer)
                changes["made"] = made
                changes["unknown"] = self._unknown(edited, made)
                update = {
                    "timeline": edited,
                    "undo": [*state.get("undo", []), timeline][-UNDO_DEPTH:],
                    "redo": [],
                }
                timeline = edited
            if captions := plan.steps_of("caption_motion"):
                said = [self._caption(step, timeline, writer) for step in captions]
                changes["captions"] = [*turn["captions"], *said]
                if len(captions) == len(plan.plan) and turn["rounds"] < MAX_ROUNDS:
                    changes |= {"reason": True, "rounds": turn["rounds"] + 1}
        except (InputError, GenerationError) as err:
            changes["error"] = {"type": type(err).__name__, "message": str(err)}
        return {**update, "turn": changes}

    def _edit(
        self, timeline: Timeline, steps: tuple[Step, ...], writer: Writer
    ) -> tuple[Timeline, list[str]]:
        drafts, next_segment = draft_segments(timeline, steps, self._seed)
        new = [draft for draft in drafts if not draft["tokens"]]
        requests = [
            SegmentRequest(d["id"], d["description"], d["seed"], d["seconds"] or None) for d in new
        ]

        def progress(done: int, total: int) -> None:
            writer({"kind": "progress", "stage": "generate", "done": done, "total": total})

        engine = self._bench.engine
        for number, (draft, segment) in enumerate(
            zip(new, generate_segments(engine, requests, progress=progress), strict=True), start=1
        ):
            draft["tokens"] = list(segment.tokens)
            writer(
                {
                    "kind": "segment",
                    "number": number,
                    "total": len(new),
                    "id": draft["id"],
                    "description": draft["description"],
                    "seconds": segment.frames / FPS,
                }
            )
        edited: Timeline = {"segments": drafts, "next_segment": next_segment, "motions": {}}
        for person in sorted({draft["person"] for draft in drafts}):
            motion = self._assemble(edited, person)
            edited["motions"][str(person)] = self._bench.store.add(motion)
        writer({"kind": "motion", "motions": dict(edited["motions"])})
        return edited, [draft["id"] for draft in new]

    def _assemble(self, timeline: Timeline, person: int) -> Motion:
        segments = [to_segment(s) for s in timeline["segments"] if s["person"] == person]
        return assemble(self._bench.engine, segments, provenance={"person": person})

    def _restore(self, timeline: Timeline) -> None:
        """Decode again what the store has forgotten (a store in memory after a restart)."""
        for person, motion_id in timeline["motions"].items():
            if motion_id not in self._bench.store:
                timeline["motions"][person] = self._bench.store.add(
                    self._assemble(timeline, int(person))
                )

    def _unknown(self, timeline: Timeline, made: list[str]) -> list[str]:
        words = [
            word
            for segment in timeline["segments"]
            if segment["id"] in made
            for word in self._bench.engine.coverage(segment["description"]).unknown
        ]
        return list(dict.fromkeys(words))

    def _caption(self, step: Step, timeline: Timeline, writer: Writer) -> Caption:
        motion, name = self._referred(step, timeline)
        text = self._bench.caption(motion)
        motion_id = self._bench.store.add(motion)
        caption: Caption = {"motion": motion_id, "name": name, "text": text}
        writer({"kind": "caption", **caption})
        return caption

    def _referred(self, step: Step, timeline: Timeline) -> tuple[Motion, str]:
        if step.motion and step.motion.lower() not in ("current", "the current motion"):
            return self._bench.find(step.motion), step.motion
        person = str(step.person)
        if person not in timeline["motions"]:
            raise InputError(
                "there is no motion to caption yet; make one first, or name a motion id or a file"
            )
        motion_id = timeline["motions"][person]
        if motion_id in self._bench.store:
            return self._bench.store.get(motion_id), motion_id
        return self._assemble(timeline, step.person), motion_id


def draft_segments(
    timeline: Timeline, steps: tuple[Step, ...], base_seed: int = 0
) -> tuple[list[SegmentState], int]:
    """The segments of the edited timeline; new ones have no tokens yet.

    A replaced segment keeps its id, and its seed unless nothing else about it changes: then it
    is another take. A segment that is kept twice is a repetition under a new id. A plan that
    refers to no old segment starts a new motion at s1.

    Returns:
        The segments, and the number of the next new segment.
    """
    old = {segment["id"]: segment for segment in timeline["segments"]}
    number = timeline["next_segment"] if any(step.segment for step in steps) else 1
    taken: set[str] = set()
    drafts: list[SegmentState] = []
    replaced = {s.segment for s in steps if s.tool == "generate_motion" and s.segment}
    for step in steps:
        before = old.get(step.segment)
        if (
            before is not None
            and step.segment not in taken
            and (step.tool == "generate_motion" or step.segment not in replaced)
        ):
            segment_id = step.segment
        else:
            segment_id = f"s{number}"
            number += 1
        taken.add(segment_id)
        if step.tool == "keep_segment" and before is not None:
            drafts.append({**before, "id": segment_id})
            continue
        seed = base_seed + int(segment_id[1:])
        if before is not None:
            same = (before["description"], before["seconds"]) == (step.description, step.seconds)
            seed = before["seed"] + (NEXT_TAKE if same else 0)
        drafts.append(
            {
                "id": segment_id,
                "description": step.description,
                "tokens": [],
                "seed": seed,
                "seconds": step.seconds,
                "person": step.person,
            }
        )
    return drafts, number


def _travel(state: AgentState, direction: str) -> dict[str, Any]:
    undo, redo = list(state.get("undo", [])), list(state.get("redo", []))
    timeline = state.get("timeline") or empty_timeline()
    source, target = (undo, redo) if direction == "undo" else (redo, undo)
    if not source:
        raise InputError(f"there is nothing to {direction}")
    target.append(timeline)
    return {"timeline": source.pop(), "undo": undo[-UNDO_DEPTH:], "redo": redo[-UNDO_DEPTH:]}
