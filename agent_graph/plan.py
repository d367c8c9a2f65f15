"""The plan: what a planner writes, its JSON Schema, its limits and its errors.

A plan lists the steps of the whole new timeline in order. An edit is a plan too: segments that stay
are listed with ``keep_segment``, so insert, replace, remove, reorder and repeat need no operations
of their own:

    {"reasoning": "…", "plan": [
        {"tool": "keep_segment", "segment": "s1", …},
        {"tool": "generate_motion", "description": "a person bows", …}],
     "placement": []}

A plan that keeps no segment makes a new motion beside the existing ones.

The schema is flat because OpenAI strict mode and Ollama's `format` both must accept it unchanged:
every field required, empty string, 0 or [] for "not given", no `$ref`, no `oneOf`. The model below
is more forgiving (absent fields have defaults) and says what is wrong in words that an LLM can act
on. Every plan passes through it, whoever wrote it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ..motion_core.errors import PlanError
from ..motion_core.limits import MAX_DESCRIPTION, MAX_SECONDS
from ..motion_core.placement import as_placement

Tool = Literal[
    "generate_motion",
    "caption_motion",
    "keep_segment",
    "smooth_join",
    "open_motion",
    "start_over",
    "name_motion",
    "export_motion",
    "undo",
    "redo",
]
TOOLS: tuple[Tool, ...] = get_args(Tool)

Cause = Literal[
    "empty",
    "refused",
    "filtered",
    "truncated",
    "thoughts",
    "failed",
    "cancelled",
    "unfinished",
    "schema_echo",
    "no_plan",
    "invalid",
    "unavailable",
]
"""Why an answer is not a plan; ``thoughts``: there is nothing else in it."""

_EDITING: tuple[Tool, ...] = (
    "generate_motion",
    "keep_segment",
    "smooth_join",
    "open_motion",
    "start_over",
)

MAX_STEPS = 64
MAX_TOTAL_SECONDS = 600.0
MAX_REASONING = 4000  # characters kept of the reasoning, which is only read by people
MAX_MOTION_NAME = 200


_NEEDS_MOTION = {
    "open_motion": "the name or id of the motion, such as 'motion 1'",
    "name_motion": "the new name",
    "export_motion": "the name of the file, such as 'bow.bvh'",
}


class InvalidPlanError(PlanError):
    """An answer that is not a valid plan. The message is for the planner.

    Attributes:
        cause: why.
        steps: numbers of the wrong steps, from 1; empty if the whole plan is wrong.
    """

    def __init__(self, message: str, cause: Cause = "invalid", steps: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.cause: Cause = cause
        self.steps = tuple(steps)


class Step(BaseModel):
    """One step of a plan. Fields that a tool does not use are empty."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tool: Tool = Field(description="What this step does.")
    description: str = Field(
        default="",
        description="generate_motion: one action of one person, such as 'a person walks forward'."
        " Otherwise empty.",
    )
    seconds: float = Field(
        default=0.0,
        description="generate_motion: wished duration in seconds. smooth_join: of the transition."
        " 0 for no wish.",
    )
    motion: str = Field(
        default="",
        description="caption_motion, open_motion: motion id, name or file name; caption_motion:"
        " empty for the current motion. name_motion: its new name. export_motion: the file to"
        " write, such as 'bow.bvh'.",
    )
    segment: str = Field(
        default="",
        description="keep_segment: the segment that stays, such as 's1'. generate_motion: the"
        " segment that this one replaces, empty for a new one. smooth_join: the segment that a new"
        " transition leads into; the first one makes the motion loop.",
    )
    person: Literal[1, 2] = Field(default=1, description="Which person moves; 1 if only one.")

    @field_validator("description", "motion", "segment")
    @classmethod
    def _strip(cls, value: str) -> str:
        # A backslash or half a character is left over from a broken escape.
        if re.search(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f\\\ud800-\udfff]", value):
            raise ValueError(
                "holds a control character or a backslash: write plain text, without escapes"
            )
        return " ".join(value.split())

    @field_validator("description")
    @classmethod
    def _short_description(cls, value: str) -> str:
        if len(value) > MAX_DESCRIPTION:
            raise ValueError(
                f"has {len(value)} characters, the limit is {MAX_DESCRIPTION}: shorten it or split"
                " it into several steps"
            )
        return value

    @field_validator("motion")
    @classmethod
    def _short_motion(cls, value: str) -> str:
        if len(value) > MAX_MOTION_NAME:
            raise ValueError(f"has {len(value)} characters: give a motion id or a file name")
        return value

    @field_validator("segment")
    @classmethod
    def _segment_form(cls, value: str) -> str:
        if value and not re.fullmatch(r"s[1-9][0-9]{0,5}", value):
            raise ValueError(f"is {value[:20]!r}: a segment id looks like s1, s2")
        return value

    @field_validator("seconds")
    @classmethod
    def _seconds_range(cls, value: float) -> float:
        if not math.isfinite(value) or not 0 <= value <= MAX_SECONDS:
            raise ValueError(f"is {value:g}: give 0 for no wish, or at most {MAX_SECONDS:g}")
        return value

    @model_validator(mode="after")
    def _fields_of_tool(self) -> Step:
        if self.tool == "generate_motion" and not re.search(r"\w", self.description):
            raise ValueError("generate_motion needs a description: say what the person does")
        if self.tool == "keep_segment" and not self.segment:
            raise ValueError("keep_segment needs the segment that stays, such as s1")
        if self.tool == "smooth_join" and not self.segment:
            raise ValueError("smooth_join needs the segment that it leads into, such as s2")
        if self.tool in _NEEDS_MOTION and not self.motion:
            raise ValueError(f"{self.tool} needs the field motion: {_NEEDS_MOTION[self.tool]}")
        return self


class Plan(BaseModel):
    """What the planner decided, validated."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reasoning: str = Field(
        default="",
        description="One or two sentences: why these steps, or the answer if there are no steps.",
    )
    plan: tuple[Step, ...] = Field(
        description="The steps in order; empty if nothing is to be generated or captioned."
    )
    placement: tuple[float, ...] = Field(
        default=(),
        description="Two people: [theta, x, z] of person 2, in degrees and metres; person 1 stands"
        " at the origin and faces +z, so [180, 0, 1] is face to face at one metre. Otherwise [].",
    )

    @field_validator("reasoning")
    @classmethod
    def _cut(cls, value: str) -> str:
        return value.strip()[:MAX_REASONING]

    @field_validator("placement")
    @classmethod
    def _three_numbers(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if value:
            as_placement(value)
        return value

    @model_validator(mode="after")
    def _limits(self) -> Plan:
        if len(self.plan) > MAX_STEPS:
            raise ValueError(f"the plan has {len(self.plan)} steps, the limit is {MAX_STEPS}")
        total = sum(step.seconds for step in self.plan)
        if total > MAX_TOTAL_SECONDS:
            raise ValueError(
                f"the steps ask for {total:g} s in all, the limit is {MAX_TOTAL_SECONDS:g} s"
            )
        if any(step.tool in ("undo", "redo") for step in self.plan) and len(self.plan) > 1:
            raise ValueError("undo or redo must be the only step of a plan")
        for number, step in enumerate(self.plan, start=1):
            if step.tool in ("open_motion", "start_over") and number > 1:
                raise ValueError(f"{step.tool} must be the first step of a plan, not step {number}")
        if len(self.steps_of("name_motion")) > 1:
            raise ValueError("a plan can give one name: it makes one motion")
        return self

    @property
    def edits(self) -> bool:
        """Whether it creates or changes the timeline."""
        return bool(self.placement or self.steps_of(*_EDITING))

    @property
    def empty(self) -> bool:
        """Whether there is nothing to execute: the reasoning is the answer."""
        return not self.plan and not self.placement

    @classmethod
    def from_state(cls, value: Mapping[str, Any]) -> Plan:
        """Return the plan from the conversation's state, without validating it again."""
        return cls.model_construct(
            reasoning=value.get("reasoning", ""),
            plan=tuple(Step.model_construct(**step) for step in value.get("plan", ())),
            placement=tuple(value.get("placement", ())),
        )

    def steps_of(self, *tools: Tool) -> tuple[Step, ...]:
        """Return the steps that use one of these tools."""
        return tuple(step for step in self.plan if step.tool in tools)


def plan_schema() -> dict[str, Any]:
    """Return the JSON Schema of a plan, for OpenAI strict mode and Ollama `format`."""
    step = _flat(Step)
    return {
        "type": "object",
        "properties": {
            "reasoning": _property(Plan, "reasoning"),
            "plan": {
                "type": "array",
                "description": Plan.model_fields["plan"].description,
                "items": step,
            },
            "placement": {
                "type": "array",
                "description": Plan.model_fields["placement"].description,
                "items": {"type": "number"},
            },
        },
        "required": ["reasoning", "plan", "placement"],
        "additionalProperties": False,
    }


def validate_plan(value: Mapping[str, Any]) -> Plan:
    """Return the value as a `Plan`.

    Raises:
        InvalidPlanError: one line with every problem and its location.
    """
    try:
        return Plan.model_validate(dict(value))
    except ValidationError as err:
        problems = [_in_words(problem) for problem in err.errors()[:5]]
        more = len(err.errors()) - len(problems)
        if more > 0:
            problems.append(f"and {more} more problems")
        raise InvalidPlanError("; ".join(problems), steps=_wrong_steps(err)) from err


def check_against_timeline(plan: Plan, segments: Sequence[str]) -> None:
    """Check that the plan refers only to existing segments.

    Args:
        plan: a valid plan.
        segments: segment ids of the motion that the plan edits: the current one or the one that it
            opens; empty if it starts over.

    Raises:
        InvalidPlanError: a segment does not exist.
    """
    known = ", ".join(segments) if segments else "none, because there is no motion yet"
    wrong = [
        number
        for number, step in enumerate(plan.plan, start=1)
        if step.segment and step.segment not in segments
    ]
    if wrong:
        named = plan.plan[wrong[0] - 1].segment
        raise InvalidPlanError(
            f"step {wrong[0]} names the segment {named}, which does not exist"
            f" (there are: {known}); generate new segments with an empty segment field",
            steps=wrong,
        )
    replaced = [step.segment for step in plan.steps_of("generate_motion") if step.segment]
    twice = sorted({s for s in replaced if replaced.count(s) > 1})
    if twice:
        raise InvalidPlanError(
            f"{twice[0]} is replaced by two steps; let one replace it and leave the segment of"
            " the other empty"
        )


def _flat(model: type[BaseModel]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: _property(model, name) for name in model.model_fields},
        "required": list(model.model_fields),
        "additionalProperties": False,
    }


def _property(model: type[BaseModel], name: str) -> dict[str, Any]:
    schema = model.model_json_schema()["properties"][name]
    return {key: value for key, value in schema.items() if key in ("type", "enum", "description")}


def _wrong_steps(err: ValidationError) -> list[int]:
    places = [problem["loc"] for problem in err.errors()]
    if not all(len(place) > 1 and place[0] == "plan" for place in places):
        return []
    return sorted({int(place[1]) + 1 for place in places})


def _in_words(problem: Mapping[str, Any]) -> str:
    place = list(problem["loc"])
    where = ""
    if place and place[0] == "plan" and len(place) > 1:
        where = f"step {int(place[1]) + 1}"
        place = place[2:]
    if place:
        where = f"{where}: {place[0]}" if where else f"{place[0]}"
    kind, value = problem["type"], problem.get("input")
    if kind == "literal_error":
        text = f"is {str(value)[:40]!r}; it must be one of {problem['ctx']['expected']}"
    elif kind == "extra_forbidden":
        text = f"is not a field; the fields are {', '.join(Step.model_fields)}"
    elif kind == "missing":
        text = "is missing"
    elif kind == "value_error":
        text = str(problem["ctx"]["error"])
    else:
        text = f"{problem['msg']} (given: {str(value)[:40]!r})"
    return (
        f"{where} {text}".strip()
        if kind != "value_error" or place
        else (f"{where}: {text}" if where else text)
    )
