"""`MotionTool`: what all tools share, from argument checks to messages."""

from __future__ import annotations

import base64
import logging
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, ClassVar, Literal

from langchain_core.messages import ToolMessage
from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool, ToolException
from langgraph.config import get_stream_writer
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..motion_core.engine import Progress
from ..motion_core.errors import Cancelled, InputError, MotionAgentError, UnavailableError
from ..motion_core.llm_values import unwrapped_arguments
from ..motion_core.studio import Rendering, Studio
from ..motion_core.timeline import Timeline
from .artifacts import artifact, failure
from .messages import failure_text, one_line, wrong_arguments
from .user import user_of

Listener = Callable[[dict[str, Any]], None]
"""Called with an event: ``{"kind": "progress", "tool", "stage", "done", "total"}``, or loading."""

_LOG = logging.getLogger(__name__)
_REFUSED = (  # refused by some provider's strict mode; limits are checked in the call anyway
    "default", "title", "format", "pattern", "minLength", "maxLength", "minItems", "maxItems",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
)  # fmt: skip
_LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)
_FAILURES: ContextVar[list[dict[str, str]] | None] = ContextVar("failures", default=None)


class ToolArguments(BaseModel):
    """Arguments of a tool: flat, with no extra fields."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> dict[str, Any]:
        schema: dict[str, Any] = handler.resolve_ref_schema(handler(core))
        schema["properties"] = {
            name: _accepted(entry) for name, entry in schema["properties"].items()
        }
        return schema

    @model_validator(mode="before")
    @classmethod
    def _unwrap(cls, values: Any) -> Any:
        return unwrapped_arguments(values, cls)


class MotionTool(BaseTool):
    """A tool of a studio: a short line for the LLM, an artifact of JSON values for the host.

    A subclass implements `work`. An error there becomes a message to the LLM with an ordinary
    artifact (`artifacts`), or a `ToolException` for a host that sets ``handle_tool_error = False``.

    Attributes:
        studio: engine, store and workspace.
        user: owner of the motions; None for the user in the run's configuration (`user.user_of`),
            or the studio's own.
        pictures: add a film strip of a new motion, for vision models.
        makes_motion: whether this tool made the artifact's motion.
    """

    response_format: Literal["content_and_artifact"] = "content_and_artifact"
    handle_tool_error: Any = True
    handle_validation_error: Any = wrong_arguments
    args_schema: Any  # a subclass of ToolArguments
    studio: Any = Field(default_factory=Studio, exclude=True, repr=False)
    user: str | None = Field(default=None, exclude=True, repr=False)
    pictures: bool = Field(default=False, exclude=True, repr=False)
    makes_motion: ClassVar[bool] = False

    @property
    def tool_call_schema(self) -> Any:
        """The arguments unchanged: LangChain's copy has keywords that providers refuse."""
        return self.args_schema

    @abstractmethod
    def work(self, arguments: Any, studio: Studio) -> tuple[str, dict[str, Any]]:
        """Execute the call with checked arguments; return the line for the LLM and the facts.

        Args:
            arguments: of the call.
            studio: of the user of the call.

        Raises:
            MotionAgentError: the call failed; the message goes to the LLM.
        """

    def render(self, timeline: Timeline, studio: Studio) -> Rendering:
        """Render in the studio, reporting progress to the surrounding graph.

        Raises:
            MotionAgentError: see `Studio.render`.
        """
        self.load(studio)
        return studio.render(timeline, progress=self._progress("progress", "generate"))

    def load(self, studio: Studio) -> None:
        """Load the engine, reporting progress to the surrounding graph."""
        studio.warm_up(self._progress("loading", "load"))

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Run the tool; a failure also has an artifact."""
        with _noted_failures() as failures:
            return _with_failure(super().run(*args, **kwargs), self.name, failures)

    async def arun(self, *args: Any, **kwargs: Any) -> Any:
        """Run the tool in a thread; a failure also has an artifact."""
        with _noted_failures() as failures:
            return _with_failure(await super().arun(*args, **kwargs), self.name, failures)

    def _progress(self, kind: str, stage: str) -> Progress | None:
        """Return a callback that reports progress to the surrounding graph as custom events; None
        outside a graph.
        """
        write = _stream_writer()
        if write is None:
            return None

        def step(done: int, total: int) -> None:
            facts = {"tool": self.name, "stage": stage, "done": done, "total": total}
            write({"kind": kind, **facts})

        return step

    def _run(self, *text: str, **arguments: Any) -> tuple[Any, dict[str, Any]]:
        if text:  # called with a bare string, as a tool of one argument
            arguments = {next(iter(self.args_schema.model_fields)): text[0]}
        checked = self.args_schema.model_validate(arguments)
        studio = self.studio
        try:
            studio = studio.of(self.user or user_of(ensure_config()))
            with studio.call():
                line, facts = self.work(checked, studio)
                content: Any = line
                if self.pictures and self.makes_motion:
                    content = [{"type": "text", "text": line}, _film_strip(studio, facts)]
            return content, artifact(self.name, facts)
        except MotionAgentError as err:
            said = failure_text(err, studio)
            _note(_kind(err), said)
            raise ToolException(said) from err
        except (ToolException, ValidationError):
            raise
        except Exception as err:  # the host's run continues; the log has the traceback
            _LOG.exception("%s failed", self.name)
            _note("fault", type(err).__name__)
            raise ToolException(
                f"{self.name} failed: {type(err).__name__}: {one_line(str(err), 200)}. This is a"
                " bug in the tool, not a problem with the arguments; tell the user."
            ) from err

    async def _arun(self, *text: str, **arguments: Any) -> tuple[Any, dict[str, Any]]:
        result: tuple[Any, dict[str, Any]]
        result = await self.studio.run(partial(self._run, *text, **arguments))
        return result


def _film_strip(studio: Studio, facts: dict[str, Any]) -> dict[str, Any]:
    """Return a LangChain image block with six moments of the motion."""
    from ..motion_core.notebook import show

    strip = show(studio.store.get(facts["motion_id"])).film_strip()
    data = base64.b64encode(strip).decode("ascii")
    return {"type": "image", "base64": data, "mime_type": "image/png"}


@contextmanager
def _noted_failures() -> Iterator[list[dict[str, str]]]:
    """Yield a list that collects failures within the block, including those in other threads of the
    call.
    """
    failures: list[dict[str, str]] = []
    before = _FAILURES.set(failures)
    try:
        yield failures
    finally:
        _FAILURES.reset(before)


def _note(kind: str, message: str) -> None:
    failures = _FAILURES.get()
    if failures is not None:
        failures.append({"kind": kind, "message": message})


def _with_failure(output: Any, name: str, failures: list[dict[str, str]]) -> Any:
    if isinstance(output, ToolMessage) and output.status == "error" and output.artifact is None:
        kind = failures[-1]["kind"] if failures else "arguments"
        output.artifact = failure(name, kind, output.text)
    return output


def _kind(err: MotionAgentError) -> str:
    """Return the kind of failure."""
    if isinstance(err, Cancelled):
        return "stopped"
    if isinstance(err, InputError):
        return "input"
    return "unavailable" if isinstance(err, UnavailableError) else "failed"


@contextmanager
def progress_to(listener: Listener) -> Iterator[None]:
    """Report progress of tools called within the block to `listener`, outside a graph."""
    before = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(before)


def _stream_writer() -> Callable[[Any], None] | None:
    listener = _LISTENER.get()
    if listener is not None:
        return listener
    try:
        return get_stream_writer()
    except (RuntimeError, KeyError):  # outside a graph
        return None


def _accepted(schema: Any) -> Any:
    """Return an argument's schema without keywords that some providers refuse."""
    if isinstance(schema, list):
        return [_accepted(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _accepted(part) for key, part in schema.items() if key not in _REFUSED}
