"""The executor: carries out a valid plan.

All new descriptions are generated as one batch; segments that stay keep their tokens bit for
bit; the tokens of all segments of a person are concatenated and decoded once. What was generated
is in the journal before anything else happens, so a turn that is killed goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langgraph.config import get_stream_writer

from ..motion_core.composition import SegmentRequest, generate_segments
from ..motion_core.engine import MAX_DESCRIPTION
from ..motion_core.errors import GenerationError, InputError, UnavailableError
from ..motion_core.joining import join_segments
from ..motion_core.journal import SegmentJournal
from ..motion_core.motion import Motion, Segment
from ..motion_core.skeleton import FPS
from ..tools.workbench import Workbench
from .conversation import Conversation
from .plan import Plan, Step
from .state import AgentState, Caption, SegmentState, Timeline, empty_timeline, to_segment
from .timeline import (
    edited_segments,
    joins,
    next_number,
    placement_of,
    segments_of_motion,
    unchanged_blends,
)

MAX_ROUNDS = 2  # of captions that go back to the planner in one turn
MAX_LOOKED_AT = 10  # captions that the planner is reminded of
JOURNAL = "segments.jsonl"  # beside the motions, where they are in a folder
_BATCH = 10  # descriptions that are written down together: what the default engine decodes at once

Writer = Callable[[dict[str, Any]], None]


class Executor:
    """The node that runs plans on a workbench.

    Args:
        bench: engine, store and workspace.
        seed: the seed of segment s1 is this plus 1, and so on.
        repair_seams: mend joins that are seen to be bad; see `motion_core.joining`.
    """

    def __init__(self, bench: Workbench, seed: int = 0, *, repair_seams: bool = True) -> None:
        self._bench = bench
        self._seed = seed
        self._repair = repair_seams
        folder = bench.store.folder
        self._journal = SegmentJournal(None if folder is None else folder / JOURNAL)

    def __call__(self, state: AgentState) -> dict[str, Any]:
        """Carry out the plan of this turn; the reasons of a failure go into the turn."""
        turn = state["turn"]
        plan = Plan.model_validate(turn["plan"])
        book = Conversation(state)
        writer = get_stream_writer()
        told: dict[str, Any] = {"id": turn["id"], "reason": False}
        update: dict[str, Any] = {}
        try:
            if plan.steps_of("undo", "redo"):
                book.travel("undo" if plan.plan[0].tool == "undo" else "redo")
                self._remember(book.timeline)
                update = {**book.update(), "about_file": False}
            elif plan.edits:
                told |= self._edit(book, plan, writer)
                update = {**book.update(), "about_file": False}
            for step in plan.steps_of("name_motion"):
                book.rename(book.current, step.motion)
                update |= book.update()
            for step in plan.steps_of("export_motion"):
                files = self._export(book.timeline, step, writer)
                told["files"] = [*told.get("files", []), *files]
            if captions := plan.steps_of("caption_motion"):
                said = [c for step in captions for c in self._caption(book, step, state, writer)]
                told["captions"] = [*turn["captions"], *said]
                update |= _looked_at(state, said, about_file=captions[-1].motion != "")
                if len(captions) == len(plan.plan) and turn["rounds"] < MAX_ROUNDS:
                    told |= {"reason": True, "rounds": turn["rounds"] + 1}
        except (InputError, GenerationError) as err:
            told["error"] = {"type": type(err).__name__, "message": str(err)}
        return {**update, "turn": told}

    # ---- editing ---------------------------------------------------------------------------

    def _edit(self, book: Conversation, plan: Plan, writer: Writer) -> dict[str, Any]:
        steps = plan.steps_of("generate_motion", "keep_segment")
        key, timeline = self._edited_motion(book, plan, steps)
        drafts = timeline["segments"]
        number = timeline["next_segment"]
        if steps:
            drafts, number = edited_segments(timeline, steps, self._seed)
        requests = {
            d["id"]: SegmentRequest(d["id"], d["description"], d["seed"], d["seconds"] or None)
            for d in drafts
            if not d["tokens"]
        }
        made = self._generate(list(requests.values()), writer, tell=True)
        tokens = {segment.id: list(segment.tokens) for segment in made}
        edited: Timeline = {
            "name": timeline["name"] or f"motion {key}",
            "segments": [{**d, "tokens": tokens.get(d["id"], d["tokens"])} for d in drafts],
            "next_segment": number,
            "motions": {},
            "placement": list(plan.placement) or timeline["placement"],
            "blends": {},
        }
        edited["blends"] = unchanged_blends(timeline, edited, set(requests))
        told: dict[str, Any] = {"made": list(requests), "seams": [], "repairs": []}
        for person in sorted({segment["person"] for segment in edited["segments"]}):
            if (same := self._unchanged(timeline, edited, person)) is not None:
                edited["motions"][str(person)] = same
            else:
                self._join(timeline, edited, person, requests, told, writer)
        told["unknown"] = self._unknown(edited, told["made"])
        book.change(key, edited)
        writer(
            {
                "kind": "motion",
                "motions": dict(edited["motions"]),
                "name": edited["name"],
                "placement": edited["placement"],
            }
        )
        return told

    def _edited_motion(
        self, book: Conversation, plan: Plan, steps: Sequence[Step]
    ) -> tuple[str, Timeline]:
        """Which motion the plan edits, and how it is before the edit."""
        first = plan.plan[0] if plan.plan else None
        if first is not None and first.tool == "open_motion":
            key = book.find(first.motion)
            if key is not None:
                return key, book.motions[key]
            return book.new_key(), self._import(first.motion)
        timeline = book.timeline
        if first is not None and first.tool == "start_over":
            return book.current or book.new_key(), {**empty_timeline(), "name": timeline["name"]}
        refers = any(step.segment or step.tool == "keep_segment" for step in steps)
        if book.current and (refers or not steps or not timeline["segments"]):
            return book.current, timeline
        if not steps:
            raise InputError("there is nobody to place yet; make a motion of two people first")
        return book.new_key(), empty_timeline()

    def _import(self, reference: str) -> Timeline:
        motion = self._bench.find(reference)
        tokens = self._bench.tokens(motion)
        described = "" if motion.segments else self._bench.caption(motion)[:MAX_DESCRIPTION]
        segments = segments_of_motion(motion, tokens, described)
        return {**empty_timeline(), "segments": segments, "next_segment": next_number(segments)}

    def _unchanged(self, before: Timeline, edited: Timeline, person: int) -> str | None:
        """The id of a person's motion if the edit leaves it as it was and it is at hand."""
        motion_id = before["motions"].get(str(person))
        same = _segments_of(before, person) == _segments_of(edited, person)
        return motion_id if same and motion_id in self._bench.store else None

    def _join(
        self,
        before: Timeline,
        edited: Timeline,
        person: int,
        requests: dict[str, SegmentRequest],
        told: dict[str, Any],
        writer: Writer,
    ) -> None:
        """Decode one person's segments into a motion of the store, bad joins mended."""
        joined = join_segments(
            self._bench.engine,
            [to_segment(s) for s in _segments_of(edited, person)],
            requests=requests,
            blends=_of_person(edited, person),
            repair=self._repair,
            provenance={"person": person},
            generate=lambda some: self._generate(some, writer, tell=False),
        )
        changed = {segment.id: segment for segment in joined.segments}
        edited["segments"] = [
            _with(s, changed[s["id"]]) if s["id"] in changed else s for s in edited["segments"]
        ]
        others = {i: blend for i, blend in edited["blends"].items() if i not in changed}
        edited["blends"] = {**others, **joined.blends}
        edited["motions"][str(person)] = self._bench.store.add(joined.motion)
        told["seams"] += [{"person": person, **seam.to_json()} for seam in joined.seams]
        old = set(joins(before))
        for repair in joined.repairs:
            join = (repair.before, repair.after)
            if not repair.won and join in old and not set(join) & set(requests):
                continue  # as rough as it was, which was told then
            told["repairs"].append(str(repair))
            writer({"kind": "repair_seam", "text": str(repair)})

    def _generate(
        self, requests: Sequence[SegmentRequest], writer: Writer, *, tell: bool
    ) -> list[Segment]:
        """The requested segments, from the journal where they were made before."""
        engine = self._bench.engine
        keys = [(engine.name, r.description, r.seed, r.seconds or 0.0) for r in requests]
        missing = [i for i, key in enumerate(keys) if self._journal.get(key) is None]
        batches = [missing[i : i + _BATCH] for i in range(0, len(missing), _BATCH)]
        for number, batch in enumerate(batches):

            def progress(done: int, total: int, before: int = number) -> None:
                share = {"done": before * total + done, "total": len(batches) * total}
                writer({"kind": "progress", "stage": "generate", **share})

            asked = [requests[i] for i in batch]
            made = generate_segments(engine, asked, progress=progress if tell else None)
            for i, segment in zip(batch, made, strict=True):
                self._journal.put(keys[i], segment.tokens)
        segments = []
        for number, (request, key) in enumerate(zip(requests, keys, strict=True), start=1):
            tokens = self._journal.get(key) or ()
            segment = Segment(request.id, request.description, tokens, request.seed)
            segments.append(segment)
            if tell:
                writer(
                    {
                        "kind": "segment",
                        "number": number,
                        "total": len(requests),
                        "id": request.id,
                        "description": request.description,
                        "seconds": segment.frames / FPS,
                    }
                )
        return segments

    def _remember(self, timeline: Timeline) -> None:
        """Decode again what the store has forgotten (a store in memory after a restart)."""
        for person, motion_id in timeline["motions"].items():
            if motion_id not in self._bench.store:
                self._bench.store.add(self._assemble(timeline, int(person)))

    def _assemble(self, timeline: Timeline, person: int) -> Motion:
        return join_segments(
            self._bench.engine,
            [to_segment(s) for s in _segments_of(timeline, person)],
            requests={},
            blends=_of_person(timeline, person),
            repair=False,
            provenance={"person": person},
        ).motion

    def _unknown(self, timeline: Timeline, made: Sequence[str]) -> list[str]:
        words = [
            word
            for segment in timeline["segments"]
            if segment["id"] in made
            for word in self._bench.engine.coverage(segment["description"]).unknown
        ]
        return list(dict.fromkeys(words))

    # ---- reading and writing ---------------------------------------------------------------

    def _export(self, timeline: Timeline, step: Step, writer: Writer) -> list[str]:
        if not timeline["motions"]:
            raise InputError("there is no motion to export yet; make one first")
        self._remember(timeline)
        motions = [self._bench.store.get(i) for _, i in sorted(timeline["motions"].items())]
        try:
            written = self._bench.export(motions, step.motion, placement_of(timeline))
        except UnavailableError as err:  # the motion is made; a full disk must not lose it
            raise InputError(str(err)) from err
        files = [str(path) for path in written]
        writer({"kind": "export", "files": files})
        return files

    def _caption(
        self, book: Conversation, step: Step, state: AgentState, writer: Writer
    ) -> list[Caption]:
        captions: list[Caption] = []
        for name, motion in self._referred(book, step, state):
            motion_id = self._bench.store.add(motion)
            caption: Caption = {
                "motion": motion_id,
                "name": name,
                "text": self._bench.caption(motion),
            }
            writer({"kind": "caption", **caption})
            captions.append(caption)
        return captions

    def _referred(
        self, book: Conversation, step: Step, state: AgentState
    ) -> list[tuple[str, Motion]]:
        """The motions that a caption step means, each with a name to tell it by."""
        key = book.find(step.motion)
        if key is None and not step.motion:
            raise InputError(
                "there is no motion to caption yet; make one first, or name a motion id or a file"
            )
        if key is None:
            return [(step.motion, self._find(step.motion, state))]
        timeline = book.motions[key]
        people = sorted(timeline["motions"])
        if not people:
            raise InputError(f"{timeline['name']} is empty; say what the person should do")
        if step.person == 2:
            if "2" not in people:
                raise InputError(f"there is no person 2 in {timeline['name']}")
            people = ["2"]
        self._remember(timeline)
        return [
            (
                timeline["name"] + (f", person {person}" if "2" in timeline["motions"] else ""),
                self._bench.store.get(timeline["motions"][person]),
            )
            for person in people
        ]

    def _find(self, reference: str, state: AgentState) -> Motion:
        """A motion of the store or the workspace; one looked at before needs no second upload."""
        try:
            return self._bench.find(reference)
        except InputError:
            for caption in reversed(state.get("looked_at", [])):
                if caption["name"] == reference and caption["motion"] in self._bench.store:
                    return self._bench.store.get(caption["motion"])
            raise


def _segments_of(timeline: Timeline, person: int) -> list[SegmentState]:
    return [segment for segment in timeline["segments"] if segment["person"] == person]


def _of_person(timeline: Timeline, person: int) -> dict[str, int]:
    own = {segment["id"] for segment in _segments_of(timeline, person)}
    return {i: blend for i, blend in timeline["blends"].items() if i in own}


def _with(state: SegmentState, segment: Segment) -> SegmentState:
    return {**state, "tokens": list(segment.tokens), "seed": segment.seed}


def _looked_at(
    state: AgentState, captions: Sequence[Caption], *, about_file: bool
) -> dict[str, Any]:
    new = {caption["name"] for caption in captions}
    old = [caption for caption in state.get("looked_at", []) if caption["name"] not in new]
    return {"looked_at": [*old, *captions][-MAX_LOOKED_AT:], "about_file": about_file}
