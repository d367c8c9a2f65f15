"""Thinking models: whether a model thinks, and how to switch it on or off.

Schemas and thinking conflict: Ollama then leaves the content empty, and the plan, if any, is in the
thoughts. So a model known to think is asked not to; one that unexpectedly returns only thoughts is
asked again without thinking; and if that changes nothing, the thoughts are read.
"""

from __future__ import annotations

import os
from typing import Any, Literal, get_args

from langchain_core.language_models import BaseChatModel

from ..motion_core.errors import ConfigurationError
from .answers import Answer
from .providers import Provider

Thinking = Literal["auto", "on", "off"]
_Mode = Literal["default", "on", "off"]

VARIABLE = "MOTION_AGENT_THINKING"
_SHOW_SECONDS = 5.0


def thinking_setting() -> Thinking:
    """Return MOTION_AGENT_THINKING: ``auto`` (the default), ``on`` or ``off``.

    Raises:
        ConfigurationError: it has another value.
    """
    value = os.environ.get(VARIABLE, "").strip().lower() or "auto"
    for setting in get_args(Thinking):
        if value == setting:
            return setting  # type: ignore[no-any-return]
    raise ConfigurationError(f"{VARIABLE} is {value[:40]!r}; set it to auto, on or off")


class ThinkingControl:
    """Whether a model is asked to think, and what to try next when it only thinks.

    Args:
        model: the chat model.
        provider: of the protocol that it speaks.
        setting: ``on`` and ``off`` are obeyed; ``auto`` finds out what yields an answer.
    """

    def __init__(self, model: BaseChatModel, provider: Provider | None, setting: Thinking) -> None:
        self._model = model
        self._provider = provider
        self._modes: list[_Mode] | None = None if setting == "auto" else [setting]
        own = getattr(model, "reasoning", None) if provider == "ollama" else None
        if provider not in ("ollama", "openai-like") or own is not None:
            self._modes = ["default"]  # the host's own setting stays

    @property
    def mode(self) -> _Mode:
        """The present mode."""
        if self._modes is None:
            self._modes = self._possible()
        return self._modes[0]

    def bound(self, model: Any) -> Any:
        """Return the model with thinking switched on or off."""
        mode = self.mode
        if mode == "default":
            return model
        if self._provider == "ollama":
            return model.bind(reasoning=mode == "on")
        # For llama.cpp, vLLM and SGLang; other servers ignore it.
        template = {"enable_thinking": mode == "on"}
        return model.bind(extra_body={"chat_template_kwargs": template})

    def is_next_tried(self, answer: Answer, mode: _Mode) -> bool:
        """Return whether to ask again in another mode because this answer is nothing but thoughts.

        Args:
            answer: the answer.
            mode: the mode in which it was requested.
        """
        silent = answer.only_thoughts or (
            # Ollama's client drops the thoughts of a model that was not asked to think.
            self._provider == "ollama" and mode != "on" and _is_empty(answer)
        )
        return silent and self.refuse(mode)

    def refuse(self, mode: _Mode) -> bool:
        """Drop a mode that does not work; return whether another is left."""
        if self._modes is None or len(self._modes) == 1:
            return False
        self._modes = [other for other in self._modes if other != mode]  # shared by all threads
        return True

    def _possible(self) -> list[_Mode]:
        if self._provider == "openai-like":
            return ["default", "off"]
        thinks = _thinks_in_ollama(self._model)
        if thinks is None:
            return ["default", "off", "on"]
        return ["off", "on"] if thinks else ["default"]


def _is_empty(answer: Answer) -> bool:
    return not answer.text.strip() and answer.refusal is None and answer.problem is None


def _thinks_in_ollama(model: Any) -> bool | None:
    """Return whether Ollama says that the model can think; None if it does not say."""
    import httpx
    import ollama

    try:
        client = ollama.Client(host=model.base_url, timeout=_SHOW_SECONDS)
        capabilities = client.show(model.model).capabilities
    except (httpx.HTTPError, ollama.ResponseError, OSError, ValueError, AttributeError):
        return None  # any problem shows when it is asked for a plan
    return None if capabilities is None else "thinking" in capabilities
