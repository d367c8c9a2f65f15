"""Planners, which turn requests into plans.

A planner takes a `Task` and returns an `Answer`; `read_answer` turns it into a plan. Planners have
LangChain's names:

    offline               built in: rules, no model, no network
    openai:gpt-4o         OPENAI_API_KEY; OPENAI_BASE_URL for any server of that protocol
    ollama:llama3.1:8b    OLLAMA_HOST, http://localhost:11434 by default
    anthropic:…, …        any other string of LangChain's init_chat_model
    a BaseChatModel       as it is

The strategy says how the plan's form is requested:

    schema   the provider gets a JSON Schema with the request (OpenAI, Ollama)
    tools    native tool calling: one function whose arguments are the plan
    prompt   in words only
    auto     schema if the provider supports it, else prompt
"""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage

from ..motion_core.choices import Strategy
from ..motion_core.errors import ConfigurationError
from ..motion_core.words import without_secrets
from ..prompts import load_prompt
from .answers import PLAN_CALL, Answer, answer_from, read_answer, stopped_early
from .describing import describe_situation
from .examples import long_examples, short_examples, wants_short_prompts
from .narrowing import narrowed_schema
from .partial_plan import Draft
from .plan import InvalidPlanError, plan_schema
from .providers import (
    PromptTooLongError,
    SchemaRefusedError,
    ThinkingRefusedError,
    TransientError,
    explain_failure,
    open_model,
    provider_of,
)
from .scope import Scope, scope_of
from .state import Attempt
from .task import Planner, Task
from .thinking import Thinking, ThinkingControl, thinking_setting
from .window import Window

__all__ = ["Answer", "ChatPlanner", "Planner", "Strategy", "Task", "make_planner", "read_answer"]

_Form = Literal["narrowed", "strict", "words"]
MAX_HISTORY = 12  # messages of the conversation shown to a planner
MAX_OLD_MESSAGE = 1000  # characters of each
MAX_BAD_ANSWER = 4000  # characters of an invalid answer shown to the planner again
REASK_WARMTH = 0.3  # added to a set temperature with each re-ask: at 0 the answer would be the same
MAX_TEMPERATURE = 1.2
_FILE = re.compile(r"\b[\w-][\w.-]{0,80}\.[A-Za-z][A-Za-z0-9]{1,3}\b")
MAX_WAIT = 30.0  # longest delay in seconds that a server may request before a retry


def make_planner(
    planner: str | BaseChatModel | Planner,
    *,
    strategy: Strategy = "auto",
    ladder: bool = True,
    tries: int = 3,
    temperature: float | None = None,
) -> Planner:
    """Return the planner of that name, or one for that chat model.

    Args:
        planner: a name, a chat model, or a planner, which is returned unchanged.
        strategy: how the plan's form is requested.
        ladder: whether malformed JSON may be read; if not, only bare JSON counts.
        tries: number of attempts: 1 for no re-asks.
        temperature: for sampling; None for the server's default. Only with a name.

    Raises:
        ConfigurationError: no such planner, its package is not installed, or it does not support
            the strategy.
        UnavailableError: it needs a key that is not set.
    """
    if isinstance(planner, BaseChatModel):
        return ChatPlanner(planner, strategy=strategy, ladder=ladder, tries=tries)
    if not isinstance(planner, str):
        if isinstance(planner, Planner):
            return planner
        raise ConfigurationError(
            f"{type(planner).__name__} is not a planner; give a string such as 'openai:gpt-4o', a"
            " LangChain chat model, or 'offline'"
        )
    name = planner.strip()
    if name.lower() == "offline":
        from .offline import OfflinePlanner

        return OfflinePlanner()
    model = open_model(name, temperature=temperature)
    return ChatPlanner(model, name=name, strategy=strategy, ladder=ladder, tries=tries)


def ask_again(planner: Planner, task: Task, *, times: int = 3, wait: float = 0.5) -> Answer:
    """Ask a planner, and once more if its server failed in a way that may pass.

    Raises:
        UnavailableError: it failed every time, or permanently.
    """
    for failures in range(1, times):
        try:
            return planner.ask(task)
        except TransientError:
            time.sleep(wait * 2 ** (failures - 1))
    return planner.ask(task)


class ChatPlanner:
    """A planner that asks a LangChain chat model.

    Args:
        model: the chat model.
        name: for messages and records.
        strategy: how the plan's form is requested; see the module's docstring.
        short: use the short prompts for small models; None decides by MOTION_AGENT_SHORT_PROMPTS,
            then by the model's name.
        ladder: whether malformed JSON may be read.
        tries: number of attempts for one plan.
        thinking: whether a model that can think does so; None for MOTION_AGENT_THINKING.

    Raises:
        ConfigurationError: the model does not support the strategy.
    """

    def __init__(
        self,
        model: BaseChatModel,
        *,
        name: str | None = None,
        strategy: Strategy = "auto",
        short: bool | None = None,
        ladder: bool = True,
        tries: int = 3,
        thinking: Thinking | None = None,
    ) -> None:
        if tries < 1:
            raise ConfigurationError(f"tries is {tries}; a planner is asked at least once")
        self.model = model
        self.provider = provider_of(model)
        self.name = name or f"{self.provider or type(model).__name__}"
        self.strategy = strategy
        self.ladder = ladder
        self.tries = tries
        self._short = wants_short_prompts(model) if short is None else short
        self._window = Window.of(model)
        self._thinking = ThinkingControl(model, self.provider, thinking or thinking_setting())
        self._resume_at = 0.0  # monotonic time before which the server wants no request
        if strategy == "schema" and self.provider is None:
            raise ConfigurationError(
                f"{type(model).__name__} does not take a JSON schema; use the strategy 'auto'"
            )
        if strategy == "tools" and type(model).bind_tools is BaseChatModel.bind_tools:
            raise ConfigurationError(
                f"{type(model).__name__} cannot call tools; use the strategy 'auto'"
            )
        # Ways to request the form, the most explicit first; a server that refuses one gets the
        # next.
        self._forms: list[_Form] = []
        if strategy == "tools" or (strategy != "prompt" and self.provider is not None):
            narrow = self.provider in ("ollama", "openai-like")
            self._forms = ["narrowed", "strict"] if narrow else ["strict"]
        if strategy in ("auto", "prompt"):
            self._forms.append("words")

    def ask(self, task: Task) -> Answer:
        draft = Draft.of(task.failed)
        doubted = False  # whether to question an empty plan
        rejected: list[Answer] = []  # rejected answers, though perhaps valid
        while True:
            form, window, mode = self._forms[0], self._window, self._thinking.mode
            messages = self.messages(task)
            if doubted:
                doubt = load_prompt("planner_doubt", request=task.request)
                messages[-1] = HumanMessage(f"{messages[-1].text}\n\n{doubt}")
            try:
                answer = self._invoke(self._prepared(task, form), messages, ladder=self.ladder)
            except SchemaRefusedError:
                if form == self._forms[-1]:
                    raise
                # Another thread may have found out meanwhile.
                self._forms = [other for other in self._forms if other != form]
            except ThinkingRefusedError:
                if not self._thinking.refuse(mode):
                    raise
            except PromptTooLongError as err:
                if window is not None or err.window is None:
                    raise
                self._window = Window(err.window)  # the next prompt is fitted to it
            else:
                answer = answer.after(rejected)
                if draft is not None:
                    answer = draft.completed(answer)
                if not rejected and self.tries > 1 and _is_doubtful(answer, task):
                    rejected, doubted = [answer], True
                    continue
                if _is_plan(answer) or not self._thinking.is_next_tried(answer, mode):
                    return answer
                rejected = [answer]

    def reply(self, request: str, facts: str) -> str | None:
        prompt = load_prompt(self._prompt("responder"), facts=facts)
        answer = self._invoke(
            self._thinking.bound(self.model), [SystemMessage(prompt), HumanMessage(request)]
        )
        from .parsing import without_thoughts

        return without_thoughts(answer.text) or None

    def messages(self, task: Task) -> list[AnyMessage]:
        """Return the messages that ask for a plan. Only the last invalid answer is among them.

        If the model's context window is known, the oldest messages are dropped until the rest fits,
        and then the short prompt replaces the long one.

        Raises:
            ConfigurationError: it does not fit even so.
        """
        history = [m for m in task.history if m.text and isinstance(m, HumanMessage | AIMessage)]
        history = [
            type(m)(without_secrets(m.text[:MAX_OLD_MESSAGE])) for m in history[-MAX_HISTORY:]
        ]
        request = HumanMessage(self._request(task))
        short = self._instructions(task, short=True)
        instructions = short if self._short else self._instructions(task, short=False)
        if self._window is None:
            return [*instructions, *history, request]
        while not self._window.holds([*instructions, *history, request]):
            if history:
                history = history[1:]
            elif instructions is not short:
                instructions = short
            else:
                raise self._window.too_long([*instructions, request], self.name)
        return [*instructions, *history, request]

    def sends(self, task: Task) -> dict[str, Any]:
        """Return what is sent beside the messages: schema or function, temperature."""
        formed = self._formed(task, self._forms[0])
        model = getattr(formed, "bound", formed)
        return {
            "strategy": self.strategy,
            "temperature": getattr(model, "temperature", None),
            **getattr(formed, "kwargs", {}),
        }

    def _instructions(self, task: Task, *, short: bool) -> list[AnyMessage]:
        if short:
            text = load_prompt("planner_short")
        else:
            text = load_prompt("planner", examples=long_examples(task))
        if self.strategy == "tools":
            text += "\n\n" + load_prompt("planner_call")
        return [SystemMessage(text), *(short_examples(task) if short else [])]

    def _request(self, task: Task) -> str:
        text = load_prompt("planner_task", situation=describe_situation(task), request=task.request)
        draft = Draft.of(task.failed)
        if draft is not None:
            text += "\n\n" + load_prompt(
                "planner_again_part",
                numbers=draft.numbers,
                error=_error_of(task.failed[-1]),
                steps=draft.in_words,
                request=task.request,
            )
        elif task.failed:
            last = task.failed[-1]
            shows = self._shows_bad_answers
            shown = {"answer": last["text"][:MAX_BAD_ANSWER]} if shows else {}
            text += "\n\n" + load_prompt(
                "planner_again" if shows else "planner_again_short",
                error=_error_of(last),
                request=task.request,
                **shown,
            )
        return text

    @property
    def _shows_bad_answers(self) -> bool:
        """Whether invalid answers are shown again; a small model would copy them."""
        return not self._short

    def _prompt(self, name: str) -> str:
        return f"{name}_short" if self._short else name

    def _prepared(self, task: Task, form: _Form) -> Any:
        """Return the model with the schema, function, temperature and thinking that this task
        needs.
        """
        return self._thinking.bound(self._formed(task, form))

    def _formed(self, task: Task, form: _Form) -> Any:
        model: Any = self._warmer(len(task.failed))
        if form == "words":
            return model
        schema = plan_schema() if form == "strict" else _narrowed(task, tight=self._short)
        if self.strategy == "tools":
            return self._with_function(model, schema)
        if self.provider == "ollama":
            return model.bind(format=schema)
        # A narrowed schema has optional fields, which strict mode does not allow.
        facts = {"name": PLAN_CALL, "strict": form == "strict", "schema": schema}
        return model.bind(response_format={"type": "json_schema", "json_schema": facts})

    def _with_function(self, model: BaseChatModel, schema: dict[str, Any]) -> Any:
        about = "Hand over the plan: all of its steps, in order. Call it once."
        function: dict[str, Any] = {
            "name": PLAN_CALL,
            "description": about,
            "parameters": schema,
        }
        if self.provider == "openai":
            function["strict"] = True
        tools = [{"type": "function", "function": function}]
        if self.provider in ("openai", "openai-like"):
            # Not by name: llama.cpp only knows "required", and there is only one function.
            return model.bind_tools(tools, tool_choice="required")
        return model.bind_tools(tools)

    def _warmer(self, failed: int) -> BaseChatModel:
        base = getattr(self.model, "temperature", None)
        if not failed or base is None or self.provider not in ("ollama", "openai-like"):
            return self.model
        warmer = min(base + REASK_WARMTH * failed, max(MAX_TEMPERATURE, base))
        return self.model.model_copy(update={"temperature": warmer})

    def _invoke(self, model: Any, messages: list[AnyMessage], *, ladder: bool = True) -> Answer:
        time.sleep(min(max(self._resume_at - time.monotonic(), 0.0), MAX_WAIT))
        start = time.perf_counter()
        try:
            message = model.invoke(messages)
        except Exception as err:
            answer = stopped_early(err)
            if answer is None:
                failure = explain_failure(err, self.name)
                if isinstance(failure, TransientError) and failure.retry_after:
                    self._resume_at = time.monotonic() + failure.retry_after
                raise failure from err
            return replace(answer, ladder=ladder, seconds=round(time.perf_counter() - start, 3))
        answer = answer_from(message, seconds=time.perf_counter() - start, ladder=ladder)
        if self._window is not None:
            self._window.check(answer.input_tokens, self.name)
        return answer


def _error_of(attempt: Attempt) -> str:
    """Return what was wrong with an answer, and why it ended if not by itself."""
    error, stop = attempt["error"] or "", attempt.get("stop", "")
    return error if stop in ("", "end") else f"{error} (the answer ended: {stop})"


def _is_plan(answer: Answer) -> bool:
    try:
        read_answer(answer)
    except InvalidPlanError:
        return False
    return True


def _is_doubtful(answer: Answer, task: Task) -> bool:
    """Return whether an answer is an empty plan for a request that does not look like small
    talk.
    """
    if task.captions or scope_of(task.request).talk:
        return False
    try:
        return read_answer(answer).plan.empty
    except InvalidPlanError:
        return False


def _narrowed(task: Task, *, tight: bool) -> dict[str, Any]:
    timelines = [task.timeline, *task.others]
    segments = {segment.id for timeline in timelines for segment in timeline.segments}
    scope = _scope(task, tight=tight)
    # Nothing is captioned twice: the answer is due.
    named = [] if scope.only_talk and task.captions else _motions_named(task)
    return narrowed_schema(
        sorted(segments, key=lambda name: (len(name), name)),
        motions=any(timeline.motions for timeline in timelines),
        named=named,
        failed=len(task.failed),
        scope=scope,
    )


def _scope(task: Task, *, tight: bool) -> Scope:
    """Return the request's scope; once captions are there, it may be answered in words."""
    scope = scope_of(task.request, segments=len(task.timeline.segments), tight=tight)
    two = 2 in task.timeline.people
    return replace(
        scope,
        talk=scope.talk or bool(task.captions),
        second_person=scope.second_person or two,
    )


def _motions_named(task: Task) -> list[str]:
    """Return the motions that the person may refer to: the conversation's, and files they
    mentioned.
    """
    names = [other.name for other in task.others]
    names += [name for caption in task.looked_at for name in (caption["name"], caption["motion"])]
    words = " ".join([task.request, *(m.text for m in task.history[-MAX_HISTORY:])])
    return [*dict.fromkeys(name for name in [*names, *_FILE.findall(words)] if name)]
