"""A model's context window: what fits, and whether a server silently cut the prompt."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AnyMessage

from ..motion_core.errors import ConfigurationError

_CHARS_A_TOKEN = 3.5  # for English and JSON, low for every tokenizer we know
_A_MESSAGE = 8  # tokens of a chat template around each
_ANSWER = 0.15  # minimum share of the window for the answer


@dataclass(frozen=True)
class Window:
    """The number of tokens that prompt and answer may have together."""

    tokens: int

    @classmethod
    def of(cls, model: BaseChatModel) -> Window | None:
        """Return the model's window, if it or MOTION_AGENT_NUM_CTX states one."""
        known = getattr(model, "num_ctx", None) or context_tokens()
        return cls(int(known)) if known else None

    def holds(self, messages: Sequence[AnyMessage]) -> bool:
        """Return whether a prompt fits, leaving room for an answer."""
        return _estimate(messages) <= self.tokens * (1 - _ANSWER)

    def too_long(self, messages: Sequence[AnyMessage], planner: str) -> ConfigurationError:
        """Return the error for a prompt that does not fit."""
        return ConfigurationError(
            f"planner {planner}: the request needs about {_estimate(messages)} tokens with its"
            f" instructions, but the model's window is {self.tokens}; shorten the request, or set"
            " MOTION_AGENT_NUM_CTX to a larger window"
        )

    def check(self, input_tokens: int | None, planner: str) -> None:
        """Check that the server did not cut the prompt, as Ollama does silently.

        Raises:
            ConfigurationError: the prompt filled the window.
        """
        if input_tokens is not None and input_tokens >= self.tokens:
            raise ConfigurationError(
                f"planner {planner}: the prompt filled the model's window of {self.tokens} tokens,"
                " so part of it was not read; set MOTION_AGENT_NUM_CTX to a larger window"
            )


def context_tokens() -> int | None:
    """Return MOTION_AGENT_NUM_CTX, if it is set.

    Raises:
        ConfigurationError: it is not a number of tokens.
    """
    return whole_number("MOTION_AGENT_NUM_CTX")


def whole_number(variable: str) -> int | None:
    """Return the positive integer in that environment variable; None if it is not set.

    Raises:
        ConfigurationError: it has another value.
    """
    value = os.environ.get(variable, "").strip()
    if not value:
        return None
    if not value.isdecimal() or int(value) < 1:
        raise ConfigurationError(f"{variable} is {value[:40]!r}; set it to a whole number above 0")
    return int(value)


def _estimate(messages: Sequence[AnyMessage]) -> int:
    text = "".join(message.text for message in messages)
    wide = sum(1 for char in text if ord(char) > 0x2FF)  # beyond Latin: about a token each
    return round((len(text) - wide) / _CHARS_A_TOKEN + wide + _A_MESSAGE * len(messages))
