"""Sense: whether a plan matches the request, which a valid plan need not. No model judges it.

A turn is *sensible* if all its checks pass and the plan has nothing that was not requested;
*partly* if no more than half of the request is wrong; else *wrong*. The suite says what was
requested: actions by meaning, their order, counts, durations, people, what must not happen. More is
checked because no request needs to mention it: durations and people that nobody asked for, actions
made more often than asked, and actions added to a requested one (see `additions`). Whatever is
added makes a turn partly sensible; if more than half of the plan is, it is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from ..agent_graph.plan import Plan, Step
from .additions import added_actions, repeated_steps
from .checks import Finding
from .scenario import Expect

Verdict = Literal["sensible", "partly", "wrong"]

# Any of these makes a turn wrong: it is not the request, however much else is right.
_GRAVE = {"invalid_format", "forbidden_action", "missing_tool", "missing_answer"}
# What is added beside the request, and not a part of it that is missing or wrong.
_ADDED = {"invented_step", "invented_person", "repeated_step", "added_action"}
_DURATION = re.compile(
    r"\d|[一二三四五六七八九十半]|second|sekund|segund|second[oi]|minut|\blong(er)?\b|\bshort(er)?\b"
    r"|\bslow(er|ly)?\b|\bquick|\bfast|\bhalf\b|\bbrief",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Sense:
    """How well a turn makes sense.

    Attributes:
        verdict: in one word.
        reasons: what is wrong, as ``fault: detail``.
    """

    verdict: Verdict
    reasons: tuple[str, ...] = ()


def sense_of(
    request: str, expect: Expect, findings: Sequence[Finding], plans: Sequence[Plan]
) -> Sense:
    """Return how well a turn makes sense.

    Args:
        request: the person's words.
        expect: what was requested.
        findings: of all checks of the turn.
        plans: the valid plans of the turn, if any.
    """
    faults = [(f.fault, f.detail) for f in findings if f.fault]
    if not plans:
        faults = faults or [("invalid_format", "no valid plan")]
    steps = [step for plan in plans for step in plan.steps_of("generate_motion")]
    repeated = repeated_steps(request, expect, steps, findings)
    combined = list(added_actions(request, expect, steps))
    faults += _unasked(request, expect, steps)
    faults += [("repeated_step", detail) for detail in repeated.values()]
    faults += [("added_action", detail) for detail in combined]
    reasons = tuple(f"{fault}: {detail}" for fault, detail in faults)
    if not faults:
        return Sense("sensible")
    # Too few steps means missing actions, which are counted already.
    recounted = sum(f.check == "steps" and f.fault == "missing_step" for f in findings)
    missed = sum(fault not in _ADDED for fault, _ in faults) - recounted
    added = _added_steps(expect, steps, faults, repeated)
    if (
        any(fault in _GRAVE for fault, _ in faults)
        or expect.no_motion
        or 2 * missed > _expected_count(expect)
        or 2 * (added + len(combined)) > len(steps) + len(combined)
        or not plans[-1].plan
    ):
        return Sense("wrong", reasons)
    return Sense("partly", reasons)


def _added_steps(
    expect: Expect,
    steps: Sequence[Step],
    faults: Sequence[tuple[str, str]],
    repeated: Collection[int],
) -> int:
    """Return the number of steps that nobody asked for, each once, however many checks find it."""
    details = {detail for fault, detail in faults if fault in _ADDED}
    second = any(fault == "invented_person" for fault, _ in faults)
    added = {
        index
        for index, step in enumerate(steps)
        if index in repeated
        or f"nobody asked for {step.description!r}" in details
        or (second and step.person == 2)
    }
    surplus = len(steps) - expect.steps[1] if expect.steps else 0
    return max(len(added), surplus)


def _unasked(request: str, expect: Expect, steps: Sequence[Step]) -> list[tuple[str, str]]:
    """Return the durations and people that nobody asked for."""
    faults = []
    timed = [step for step in steps if step.seconds]
    if timed and not expect.seconds and not _DURATION.search(request):
        faults.append(("invented_duration", f"{timed[0].seconds:g} s for {timed[0].description!r}"))
    people = expect.people or (expect.timeline or {})
    if expect.placement is None and 2 not in people:
        second = [step for step in steps if step.person == 2]
        if second and not re.search(r"\btwo|second|both|another|other", request, re.IGNORECASE):
            faults.append(("invented_person", f"person 2: {second[0].description!r}"))
    return faults


def _expected_count(expect: Expect) -> int:
    """Return how many things were requested: actions, items of a timeline, counts, durations,
    places.
    """
    people = [*expect.people.values(), *(expect.timeline or {}).values()]
    things = len(expect.actions) + sum(len(items) for items in people)
    things += len(expect.times) + len(expect.seconds) + len(expect.shows)
    things += len(expect.tools) + len(expect.exports) + (expect.placement is not None)
    return max(things, 1)
