"""A plan with some wrong steps: only these are requested again, the others stay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from .answers import Answer
from .parsing import draft_of
from .state import Attempt


@dataclass(frozen=True)
class Draft:
    """A plan with some wrong steps.

    Attributes:
        value: the plan as written.
        steps: its steps as written.
        wrong: numbers of the wrong steps, from 1.
    """

    value: dict[str, Any]
    steps: Sequence[Any]
    wrong: Sequence[int]

    @classmethod
    def of(cls, failed: Sequence[Attempt]) -> Draft | None:
        """Return the draft in the last of these answers; None if the whole plan must be written
        anew.
        """
        if not failed:
            return None
        wrong = failed[-1].get("steps", [])
        draft = draft_of(failed[-1]["text"]) if wrong else None
        if draft is None or len(wrong) >= len(draft[1]) or max(wrong) > len(draft[1]):
            return None
        return cls(*draft, wrong)

    @property
    def in_words(self) -> str:
        """Every step on its own line, the wrong ones marked."""
        lines = []
        for number, step in enumerate(self.steps, start=1):
            mark = "  <- wrong" if number in self.wrong else ""
            lines.append(f"{number}. {json.dumps(step, ensure_ascii=False)}{mark}")
        return "\n".join(lines)

    @property
    def numbers(self) -> str:
        """Numbers of the wrong steps, as in ``2 and 5``."""
        return " and ".join(str(number) for number in self.wrong)

    def completed(self, answer: Answer) -> Answer:
        """Return the whole plan, with the answer's steps in place of the wrong ones.

        An answer that repeats the whole plan is used as it is; one with a different number of steps
        gets a `problem`, since their positions are unclear.
        """
        draft = None if answer.refusal or answer.problem else draft_of(answer.text)
        if draft is None or len(draft[1]) == len(self.steps):
            return answer
        if len(draft[1]) != len(self.wrong):
            expected = f"{len(self.wrong)} corrected step" + "s" * (len(self.wrong) > 1)
            return replace(
                answer,
                problem=f"{expected} expected, but got {len(draft[1])}; write the whole plan",
            )
        steps = list(self.steps)
        for number, step in zip(self.wrong, draft[1], strict=True):
            steps[number - 1] = step
        return replace(answer, text=json.dumps({**self.value, "plan": steps}, ensure_ascii=False))
