"""`MotionTool`: what the tools have in common, from checked arguments to messages."""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any, Literal

from langchain_core.tools import BaseTool, ToolException
from langgraph.config import get_stream_writer
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..motion_core.engine import CancelToken, Progress
from ..motion_core.errors import MotionAgentError
from ..motion_core.llm_values import unwrapped_arguments
from ..motion_core.studio import Rendering, Studio
from ..motion_core.timeline import Timeline
from .messages import one_line, wrong_arguments

_LOG = logging.getLogger(__name__)
_REFUSED = (  # by one provider's strict mode or another's; the limits are checked in a call anyway
    "default", "title", "format", "pattern", "minLength", "maxLength", "minItems", "maxItems",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
)  # fmt: skip
_CANCEL: ContextVar[CancelToken | None] = ContextVar("cancel", default=None)


class ToolArguments(BaseModel):
    """Arguments of a tool: flat, and none but those that it names."""

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

    A subclass says what it does in `work`. Whatever goes wrong there is a message to the LLM, and
    for the host a `ToolException` if it sets ``handle_tool_error = False``.
    """

    response_format: Literal["content_and_artifact"] = "content_and_artifact"
    handle_tool_error: Any = True
    handle_validation_error: Any = wrong_arguments
    args_schema: Any  # a subclass of ToolArguments
    studio: Any = Field(default_factory=Studio, exclude=True, repr=False)

    @property
    def tool_call_schema(self) -> Any:
        """The arguments as they are: LangChain's copy has keywords that providers refuse."""
        return self.args_schema

    @abstractmethod
    def work(self, arguments: Any) -> tuple[str, dict[str, Any]]:
        """Do what the checked arguments say; return the line for the LLM, and the artifact.

        Raises:
            MotionAgentError: it cannot be done; the message goes to the LLM.
        """

    def render(self, timeline: Timeline) -> Rendering:
        """Render in the studio; the graph that this runs in is told of the progress.

        Raises:
            MotionAgentError: see `Studio.render`.
        """
        rendering: Rendering = self.studio.render(
            timeline, progress=self._progress("generate"), cancel=_CANCEL.get()
        )
        return rendering

    def _progress(self, stage: str) -> Progress | None:
        """Tells progress to the graph that this runs in, as custom events; None outside of one."""
        write = _stream_writer()
        if write is None:
            return None

        def step(done: int, total: int) -> None:
            facts = {"tool": self.name, "stage": stage, "done": done, "total": total}
            write({"kind": "progress", **facts})

        return step

    def _run(self, *text: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
        if text:  # called with a string alone, as a tool of one argument
            arguments = {next(iter(self.args_schema.model_fields)): text[0]}
        checked = self.args_schema.model_validate(arguments)
        try:
            return self.work(checked)
        except MotionAgentError as err:
            raise ToolException(one_line(str(err))) from err
        except (ToolException, ValidationError):
            raise
        except Exception as err:  # the host's run goes on; the log has the traceback
            _LOG.exception("%s failed", self.name)
            raise ToolException(
                f"{self.name} failed: {type(err).__name__}: {one_line(str(err), 200)}. This is a"
                " fault of the tool and not of the arguments; tell the user."
            ) from err

    async def _arun(self, *text: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
        cancel = CancelToken()
        context = copy_context()
        context.run(_CANCEL.set, cancel)
        # asyncio's own threads are too few to bring many calls into one batch.
        run = partial(context.run, partial(self._run, *text, **arguments))
        try:
            return await asyncio.get_running_loop().run_in_executor(self.studio.threads, run)
        except asyncio.CancelledError:
            cancel.cancel()  # the thread stops at its next motion token
            raise


def _stream_writer() -> Callable[[Any], None] | None:
    try:
        return get_stream_writer()
    except (RuntimeError, KeyError):  # outside a graph
        return None


def _accepted(schema: Any) -> Any:
    """The schema of an argument without the keywords that a provider refuses."""
    if isinstance(schema, list):
        return [_accepted(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _accepted(part) for key, part in schema.items() if key not in _REFUSED}
