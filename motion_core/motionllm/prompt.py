"""What MotionLLM is told: prompt formats, which belong to the checkpoint.

    compact   a dozen tokens; may state the duration; has in-filling; the default checkpoint's
    paper     the instruction template of the paper's own code; no duration

A format's files are in ``prompts/motionllm``, one for each direction; `$motion` marks the place
of <Motion> … </Motion>. The words of a description are never read as special tokens.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from ...prompts import load_prompt
from ..errors import ConfigurationError, InputError

PromptName = Literal["compact", "paper"]
SECONDS_PER_TOKEN = 0.2
_KEPT = 100_000  # encoded texts: training says the same captions again and again
_MOTION = "\0"  # where the motion tokens go; no prompt and no description holds it


@dataclass(frozen=True)
class PromptWording:
    """One format for both directions, as text."""

    name: PromptName

    @property
    def states_duration(self) -> bool:
        return self.name == "compact"

    def describe(self, description: str, seconds: float | None = None) -> str:
        """Return the t2m prompt up to, not including, <Motion>."""
        values = {"description": self.normalise(description), "motion": _MOTION}
        name = f"motionllm/{self.name}_t2m"
        if seconds is None:
            text = load_prompt(name, **values)
        else:
            text = load_prompt(f"{name}_seconds", seconds=f"{seconds:.1f}", **values)
        return text.removesuffix(_MOTION)

    def beside_gap(self, seconds: float) -> tuple[str, str, str]:
        """Return the in-filling prompt: up to the motion before the gap, between both, and after.

        Raises:
            ConfigurationError: the format has no such prompt.
        """
        if self.name != "compact":
            raise ConfigurationError(f"the prompt format {self.name!r} has no in-filling")
        marks = {"before": _MOTION, "after": _MOTION, "motion": ""}
        text = load_prompt("motionllm/compact_fill", seconds=f"{seconds:.1f}", **marks)
        first, middle, last = text.split(_MOTION)
        return first, middle, last

    def beside_motion(self) -> tuple[str, str]:
        """Return the m2t prompt before <Motion> and after </Motion>."""
        # The paper's ends with a space, which the loader would take off a file's end.
        end = {"caption": ""} if self.name == "paper" else {}
        text = load_prompt(f"motionllm/{self.name}_m2t", motion=_MOTION, **end)
        before, after = text.split(_MOTION)
        return before, after

    def normalise(self, text: str) -> str:
        """Return the text on one line; the compact format knows lower case without a full stop
        alone.
        """
        line = " ".join(text.replace(_MOTION, " ").split())
        return line.lower().rstrip(" .!") if self.name == "compact" else line


@dataclass(frozen=True)
class PromptFormat(PromptWording):
    """One format for both directions, as token ids of a text tokenizer."""

    text_tokenizer: Any
    _encoded: dict[str, list[int]] = field(default_factory=dict, repr=False, compare=False)

    def description(self, description: str, seconds: float | None = None) -> list[int]:
        """Return ids of the t2m prompt up to, not including, <Motion>."""
        return self._begin() + self._ids(self.describe(description, seconds))

    def around_gap(self, seconds: float) -> tuple[list[int], list[int], list[int]]:
        """Return ids of the in-filling prompt: up to the motion before the gap, between both, and
        after.

        Raises:
            ConfigurationError: the format has no such prompt.
        """
        first, middle, last = self.beside_gap(seconds)
        return self._begin() + self._ids(first), self._ids(middle), self._ids(last)

    def around_motion(self) -> tuple[list[int], list[int]]:
        """Return ids of the m2t prompt before <Motion> and after </Motion>."""
        before, after = self.beside_motion()
        return self._begin() + self._ids(before), self._ids(after)

    def answer(self, caption: str) -> list[int]:
        """Return ids of a caption as m2t is to write it, with the end-of-text id."""
        space = "" if self.name == "paper" else " "
        ids = self._ids(space + self.normalise(caption))
        return [*ids, int(self.text_tokenizer.eos_token_id)]

    def _ids(self, text: str) -> list[int]:
        known = self._encoded.get(text)
        if known is None:
            encoded = self.text_tokenizer(text, add_special_tokens=False, split_special_tokens=True)
            known = list(encoded["input_ids"])
            if len(self._encoded) < _KEPT:
                self._encoded[text] = known
        return known.copy()

    def _begin(self) -> list[int]:
        """Return the start-of-text id, for backbones whose tokenizer puts one (Gemma, Llama 3)."""
        begin = self.text_tokenizer.bos_token_id
        puts_one = begin is not None and self.text_tokenizer("a").input_ids[0] == begin
        return [int(begin)] if puts_one else []


def prompt_wording(name: str) -> PromptWording:
    """Return the wording of the format called `name`.

    Raises:
        ConfigurationError: there is none; the message lists those there are.
    """
    for known in get_args(PromptName):
        if name == known:
            return PromptWording(known)
    raise ConfigurationError(
        f"no prompt format {name!r}; there are {', '.join(get_args(PromptName))}"
    )


def prompt_format(name: str, text_tokenizer: Any) -> PromptFormat:
    """Return the format called `name`.

    Raises:
        ConfigurationError: there is none; the message lists those there are.
    """
    return PromptFormat(prompt_wording(name).name, text_tokenizer)


def check_description(description: object, longest: int) -> str:
    """Return `description` on one line, checked.

    Raises:
        InputError: it is not a string, has no word, or is longer than `longest` characters.
    """
    if not isinstance(description, str):
        raise InputError(f"a description is a string, not {type(description).__name__}")
    line = " ".join(description.split())
    if not re.search(r"\w", line):
        raise InputError(
            "the description is empty; say what the person does, e.g. 'a person waves'"
        )
    if len(line) > longest:
        raise InputError(
            f"the description has {len(line)} characters, the limit is {longest}; "
            "split it into several steps"
        )
    return line
