"""`MotionTool`: what the tools have in common, from checked arguments to messages."""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import Any, Literal

from langchain_core.tools import BaseTool, ToolException
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..motion_core.engine import Progress
from ..motion_core.errors import MotionAgentError
from .messages import one_line, wrong_arguments
from .workbench import Workbench

_LOG = logging.getLogger(__name__)
_REFUSED = (  # by one provider's strict mode or another's; the limits are checked in a call anyway
    "default", "title", "format", "pattern", "minLength", "maxLength", "minItems", "maxItems",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
)  # fmt: skip
_NOTHING = ("", "null", "none")  # what weak models write for an argument that they leave out


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
    def _leave_out(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        optional = {name for name, field in cls.model_fields.items() if not field.is_required()}
        return {k: v for k, v in values.items() if k not in optional or not _is_nothing(v)}


class MotionTool(BaseTool):
    """A tool on a workbench: a short line for the LLM, an artifact of JSON values for the host.

    A subclass says what it does in `work`. Whatever goes wrong there is a message to the LLM, and
    for the host a `ToolException` if it sets ``handle_tool_error = False``.
    """

    response_format: Literal["content_and_artifact"] = "content_and_artifact"
    handle_tool_error: Any = True
    handle_validation_error: Any = wrong_arguments
    args_schema: Any  # a subclass of ToolArguments
    workbench: Any = Field(default_factory=Workbench, exclude=True, repr=False)

    @property
    def tool_call_schema(self) -> Any:
        """The arguments as they are: LangChain's copy has keywords that providers refuse."""
        return self.args_schema

    @abstractmethod
    def work(self, wanted: Any) -> tuple[str, dict[str, Any]]:
        """Do what the checked arguments want: the line for the LLM, and the artifact.

        Raises:
            MotionAgentError: it cannot be done; the message goes to the LLM.
        """

    def progress(self, stage: str) -> Progress | None:
        """Tells progress to the graph that this runs in, as custom events; None outside of one."""
        write = _stream_writer()
        if write is None:
            return None

        def tell(done: int, total: int) -> None:
            facts = {"tool": self.name, "stage": stage, "done": done, "total": total}
            write({"kind": "progress", **facts})

        return tell

    def _run(self, *text: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
        if text:  # called with a string alone, as a tool of one argument
            arguments = {next(iter(self.args_schema.model_fields)): text[0]}
        wanted = self.args_schema.model_validate(arguments)
        try:
            return self.work(wanted)
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
        # asyncio's own threads are too few to bring many calls into one batch.
        run = partial(copy_context().run, partial(self._run, *text, **arguments))
        return await asyncio.get_running_loop().run_in_executor(self.workbench.threads, run)


def _stream_writer() -> Callable[[Any], None] | None:
    from langgraph.config import get_stream_writer

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


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.strip().lower() in _NOTHING)
