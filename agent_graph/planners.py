"""Planners: whoever turns a request into a plan.

A planner is asked with a `Task` and answers with text; `parsing` makes a plan of it. Named by
strings as everywhere in LangChain:

    offline               built in: rules, no model, no network
    openai:gpt-4o         OPENAI_API_KEY; OPENAI_BASE_URL for any server of that protocol
    ollama:llama3.1:8b    OLLAMA_HOST, http://localhost:11434 by default
    anthropic:…, …        any other string of LangChain's init_chat_model
    a BaseChatModel       as it is

OpenAI and Ollama get the plan's JSON Schema with the request; all others get it in words.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage

from ..motion_core.errors import ConfigurationError
from ..prompts import load_prompt
from .plan import plan_schema
from .providers import SchemaRefusedError, explain_failure, open_model, provider_of
from .state import Attempt, Caption, Timeline, empty_timeline, segment_seconds

Strategy = Literal["auto", "schema", "prompt"]
MAX_HISTORY = 12  # messages of the conversation a planner is shown
MAX_OLD_MESSAGE = 1000  # characters of each


@dataclass(frozen=True)
class Task:
    """What a planner is asked.

    Attributes:
        request: the person's words.
        timeline: the current motion.
        captions: captions it asked for in this turn.
        history: earlier messages of the conversation, oldest first.
        failed: the answers to this task that were no plan; the last is shown to it.
    """

    request: str
    timeline: Timeline = field(default_factory=empty_timeline)
    captions: Sequence[Caption] = ()
    history: Sequence[AnyMessage] = ()
    failed: Sequence[Attempt] = ()


@dataclass(frozen=True)
class Answer:
    """What a planner wrote."""

    text: str
    truncated: bool = False
    refusal: str | None = None
    seconds: float = 0.0
    input_tokens: int | None = None
    output_tokens: int | None = None


@runtime_checkable
class Planner(Protocol):
    """Whoever can be asked for a plan, and for the words of a reply."""

    @property
    def name(self) -> str:
        """Name for messages and records."""
        ...

    @property
    def tries(self) -> int:
        """How often asking can help: 1 for a planner that answers the same each time."""
        ...

    def ask(self, task: Task) -> Answer:
        """Answer the task.

        Raises:
            UnavailableError: the server cannot be reached or does not answer.
            ConfigurationError: the server refuses the key, the model or the request.
        """
        ...

    def reply(self, request: str, facts: str) -> str | None:
        """A reply to the person from these facts; None leaves it to the template."""
        ...


def make_planner(planner: str | BaseChatModel | Planner) -> Planner:
    """The planner of that name, or around that chat model.

    Raises:
        ConfigurationError: no such planner, or its package is not installed.
        UnavailableError: it needs a key that is not set.
    """
    if isinstance(planner, BaseChatModel):
        return ChatPlanner(planner)
    if not isinstance(planner, str):
        if isinstance(planner, Planner):
            return planner
        raise ConfigurationError(
            f"{type(planner).__name__} is no planner; give a string such as 'openai:gpt-4o', a"
            " LangChain chat model, or 'offline'"
        )
    if planner.strip().lower() == "offline":
        from .offline import OfflinePlanner

        return OfflinePlanner()
    return ChatPlanner(open_model(planner.strip()), name=planner.strip())


class ChatPlanner:
    """A planner that asks a LangChain chat model.

    Args:
        model: the chat model.
        name: for messages and records.
        strategy: ``schema`` gives the provider the JSON Schema, ``prompt`` only tells it in
            words, ``auto`` takes the schema where the provider has a place for it.
        short: use the short prompts, for models with a small context window.
    """

    tries = 3

    def __init__(
        self,
        model: BaseChatModel,
        *,
        name: str | None = None,
        strategy: Strategy = "auto",
        short: bool | None = None,
    ) -> None:
        self.model = model
        self.provider = provider_of(model)
        self.name = name or f"{self.provider or type(model).__name__}"
        self._short = bool(os.environ.get("MOTION_AGENT_SHORT_PROMPTS")) if short is None else short
        if strategy == "schema" and self.provider is None:
            raise ConfigurationError(
                f"{type(model).__name__} has no place for a JSON schema; use the strategy 'auto'"
            )
        self._schema_kwargs = {} if strategy == "prompt" else _schema_kwargs(self.provider)

    def ask(self, task: Task) -> Answer:
        messages = self.messages(task)
        try:
            return self._invoke(messages, self._schema_kwargs)
        except SchemaRefusedError:
            # A server of the same protocol that has no place for the schema: words must do.
            self._schema_kwargs = {}
            return self._invoke(messages, {})

    def reply(self, request: str, facts: str) -> str | None:
        prompt = load_prompt(self._prompt("responder"), facts=facts)
        answer = self._invoke([SystemMessage(prompt), HumanMessage(request)], {})
        from .parsing import without_thoughts

        return without_thoughts(answer.text) or None

    def messages(self, task: Task) -> list[AnyMessage]:
        """The messages that ask for a plan. Only the last bad answer is among them."""
        if self._short:
            system = load_prompt("planner_short")
        else:
            system = load_prompt("planner", examples=load_prompt("planner_examples"))
        messages: list[AnyMessage] = [SystemMessage(system)]
        for old in task.history[-MAX_HISTORY:]:
            text = old.text[:MAX_OLD_MESSAGE]
            if text and isinstance(old, HumanMessage | AIMessage):
                messages.append(type(old)(text))
        asked = load_prompt(
            "planner_task",
            timeline=describe_timeline(task.timeline),
            captions=describe_captions(task.captions),
            request=task.request,
        )
        if task.failed:
            last = task.failed[-1]
            asked += "\n\n" + load_prompt(
                self._prompt("repair"),
                error=last["error"] or "",
                answer=last["text"],
                request=task.request,
            )
        messages.append(HumanMessage(asked))
        return messages

    def _prompt(self, name: str) -> str:
        return f"{name}_short" if self._short else name

    def _invoke(self, messages: list[AnyMessage], kwargs: Mapping[str, Any]) -> Answer:
        start = time.perf_counter()
        try:
            message = self.model.invoke(messages, **kwargs)
        except Exception as err:
            answer = _stopped_early(err)
            if answer is None:
                raise explain_failure(err, self.name) from err
            return answer
        usage = message.usage_metadata
        return Answer(
            text=message.text,
            truncated=_finish_reason(message) in ("length", "max_tokens", "MAX_TOKENS"),
            refusal=message.additional_kwargs.get("refusal"),
            seconds=round(time.perf_counter() - start, 3),
            input_tokens=usage["input_tokens"] if usage else None,
            output_tokens=usage["output_tokens"] if usage else None,
        )


def describe_timeline(timeline: Timeline) -> str:
    """The current motion in words for a planner."""
    if not timeline["segments"]:
        return "There is no current motion yet."
    lines = []
    for segment in timeline["segments"]:
        who = f" (person {segment['person']})" if segment["person"] != 1 else ""
        seconds = segment_seconds(segment)
        lines.append(f'{segment["id"]}{who}: "{segment["description"]}", {seconds:.1f} s')
    ids = ", ".join(timeline["motions"].values())
    return f"The current motion ({ids}):\n" + "\n".join(lines)


def describe_captions(captions: Sequence[Caption]) -> str:
    """The captions in words for a planner."""
    if not captions:
        return ""
    lines = [f'{c["name"]}: "{c["text"]}"' for c in captions]
    return (
        "The captions you asked for are here; think about them and answer the request now:\n"
        + "\n".join(lines)
    )


def _schema_kwargs(provider: str | None) -> dict[str, Any]:
    if provider == "openai":
        schema = {"name": "motion_plan", "strict": True, "schema": plan_schema()}
        return {"response_format": {"type": "json_schema", "json_schema": schema}}
    if provider == "ollama":
        return {"format": plan_schema()}
    return {}


def _finish_reason(message: AIMessage) -> str | None:
    facts = message.response_metadata
    return facts.get("finish_reason") or facts.get("done_reason") or facts.get("stop_reason")


def _stopped_early(err: Exception) -> Answer | None:
    # The OpenAI client raises where a structured answer stops at the length limit.
    completion = getattr(err, "completion", None)
    if type(err).__name__ != "LengthFinishReasonError" or completion is None:
        return None
    return Answer(completion.choices[0].message.content or "", truncated=True)
