"""Opening chat models by name, and explaining their failures in one line."""

from __future__ import annotations

import math
import os
import re
from typing import Any, Literal
from urllib.parse import urlsplit

from langchain_core.language_models import BaseChatModel

from ..motion_core.errors import ConfigurationError, MotionAgentError, UnavailableError
from ..motion_core.words import one_line, without_password, without_secrets
from .window import context_tokens, whole_number

Provider = Literal["openai", "openai-like", "ollama"]
"""Whose protocol takes a JSON schema; ``openai-like`` is any other server of OpenAI's."""

OLLAMA_CONTEXT = 8192  # tokens; Ollama's default silently cuts the prompt
LOCAL_ANSWER = 4096  # tokens; local servers have no limit, and a small model may loop
DEFAULT_TIMEOUT = 120  # seconds without a byte; a local server may have to load the model first
_TRANSIENT = {408, 409, 425, 429, 500, 502, 503, 504, 529}
_NO_SCHEMA = re.compile(r"response_format|\b(?:json_)?schema\b|grammar|\bformat\b", re.I)
_NO_THINKING = re.compile(r"does not support thinking|enable_thinking|chat_template_kwargs", re.I)
_PASSING = {"server_error", "rate_limit_exceeded"}  # in a Responses API answer
_TOO_LONG = re.compile(r"context[ _](size|length|window)|exceed_context", re.I)


class TransientError(UnavailableError):
    """A server failed for now; asking again may help.

    Attributes:
        retry_after: delay in seconds that the server requests, if any.
    """

    retry_after: float | None = None


class SchemaRefusedError(ConfigurationError):
    """A server does not accept a JSON schema with the request."""


class ThinkingRefusedError(ConfigurationError):
    """A server or model does not accept a thinking setting."""


class PromptTooLongError(ConfigurationError):
    """A server refused a prompt longer than the model's window.

    Attributes:
        window: the window in tokens, if the server states it.
    """

    window: int | None = None


def open_model(name: str, *, temperature: float | None = None) -> BaseChatModel:
    """Return the chat model for a LangChain string such as ``openai:gpt-4o``.

    Environment: MOTION_AGENT_TIMEOUT (seconds, 120), MOTION_AGENT_NUM_CTX (tokens of the window,
    Ollama's 8192), MOTION_AGENT_MAX_TOKENS (of an answer; by default only the window's limit).

    Raises:
        ConfigurationError: unknown name, or the provider's package is not installed.
        UnavailableError: the provider needs a key that is not set.
    """
    from langchain.chat_models import init_chat_model

    provider, _, model = name.partition(":")
    if not name or (":" in name and not model.strip()):
        raise _unknown(name)
    kwargs: dict[str, Any] = {} if temperature is None else {"temperature": temperature}
    if provider == "openai":
        kwargs |= _openai_settings()
    elif provider == "ollama":
        kwargs |= _ollama_settings()
    try:
        opened: BaseChatModel = init_chat_model(name, **kwargs)
        if provider == "openai" and provider_of(opened) == "openai-like":
            opened = _hearing_thoughts(model, kwargs)
    except ImportError as err:
        raise ConfigurationError(f"planner {name!r} needs a package: {_line(err)}") from err
    except ValueError as err:
        if "key" in str(err).lower():
            raise UnavailableError(f"planner {name!r} cannot start: {_line(err)}") from err
        raise _unknown(name) from err
    except Exception as err:  # a provider's own "no key" error, whatever its type
        raise UnavailableError(f"planner {name!r} cannot start: {_line(err)}") from err
    return opened


def provider_of(model: BaseChatModel) -> Provider | None:
    """Return the model's provider, if it takes a JSON schema with the request."""
    kind = model._llm_type
    if kind == "chat-ollama":
        return "ollama"
    if kind == "azure-openai-chat":
        return "openai"
    if kind != "openai-chat":
        return None
    client = getattr(model, "root_client", None)
    host = urlsplit(str(getattr(client, "base_url", ""))).hostname or ""
    return "openai" if host == "openai.com" or host.endswith(".openai.com") else "openai-like"


def explain_failure(err: Exception, name: str) -> MotionAgentError:
    """Return a chat model's exception as one of our errors, in one line."""
    if isinstance(err, MotionAgentError):
        return err
    status = getattr(err, "status_code", None)
    # By name: the clients' classes are only importable where the client is installed.
    kinds = {cls.__name__ for cls in type(err).__mro__}
    kind = type(err).__name__
    where = _address(name)
    if kinds & {"TimeoutError", "TimeoutException", "APITimeoutError", "Timeout"}:
        return TransientError(f"planner {name}: the server{where} did not answer in time")
    if kinds & {"ConnectionError", "ConnectError", "APIConnectionError"} and not _broken_off(err):
        hint = "start it with `ollama serve`" if name.startswith("ollama") else "check the network"
        return TransientError(f"planner {name}: no server answers{where}; {hint}")
    if status in (401, 403):
        return ConfigurationError(f"planner {name}: the server{where} refuses the key")
    if status == 404:
        hint = f"run `ollama pull {name.partition(':')[2]}`" if name.startswith("ollama") else ""
        return ConfigurationError(
            f"planner {name}: no such model{where}; {hint or 'check its name'}"
        )
    if status in (400, 422) and _NO_THINKING.search(str(err)):
        return ThinkingRefusedError(f"planner {name}: {_line(err)}")
    if status in (400, 413, 422) and _TOO_LONG.search(str(err)):
        return _too_long(err, name)
    if status in (400, 422, 500) and _NO_SCHEMA.search(str(err)):
        return SchemaRefusedError(f"planner {name}: the JSON schema is refused: {_line(err)}")
    # TransportError: httpx, connection broken. JSONDecodeError: half a body.
    if status in _TRANSIENT or _broken_off(err) or kinds & {"JSONDecodeError", "TransportError"}:
        failure = TransientError(
            f"planner {name}: the server{where} failed ({status or kind}: {_line(err)})"
        )
        failure.retry_after = _retry_after(err)
        return failure
    cause: Any = err.args[0] if err.args else None
    # The Responses API's status "failed".
    if isinstance(err, ValueError) and hasattr(cause, "code"):
        message = f"planner {name}: the server{where} failed ({cause.code}: {cause.message})"
        return TransientError(message) if cause.code in _PASSING else ConfigurationError(message)
    return ConfigurationError(f"planner {name}: {kind}: {_line(err)}")


def _broken_off(err: BaseException) -> bool:
    """Return whether an established connection ended before the answer did."""
    if "No data received" in str(err):  # langchain-ollama, for a stream without an answer
        return True
    causes = {type(err).__name__}
    cause = err.__cause__ or err.__context__
    if cause is not None:
        causes |= {cls.__name__ for cls in type(cause).__mro__}
    return bool(
        causes & {"RemoteProtocolError", "ReadError", "ConnectionResetError", "BrokenPipeError"}
    )


def _retry_after(err: Exception) -> float | None:
    headers = getattr(getattr(err, "response", None), "headers", None) or {}
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:  # absent, or a date
        return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _too_long(err: Exception, name: str) -> PromptTooLongError:
    # langchain-openai wraps the client's error, which has the whole answer.
    details = f"{err} {getattr(err, 'body', '')} {getattr(err.__cause__, 'body', '')}"
    match = re.search(r"n_ctx\W+(\d+)|context (?:length|size|window)\D{0,20}(\d+)", details)
    failure = PromptTooLongError(
        f"planner {name}: the request is longer than the model's window: {_line(err)}; shorten it,"
        " or serve the model with a larger window"
    )
    failure.window = int(match[1] or match[2]) if match else None
    return failure


def _openai_settings() -> dict[str, Any]:
    # Retries are the graph's job; the client's own would multiply them.
    settings: dict[str, Any] = {"max_retries": 0, "timeout": _timeout()}
    most = whole_number("MOTION_AGENT_MAX_TOKENS")
    if most is not None:
        settings["max_tokens"] = most
    elif _is_local_openai():
        settings["max_tokens"] = LOCAL_ANSWER
    if not os.environ.get("OPENAI_API_KEY"):
        if not (os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_BASE")):
            raise UnavailableError(
                "OPENAI_API_KEY is not set; set it, or OPENAI_BASE_URL for a local server, or use"
                " the planner 'offline'"
            )
        settings["api_key"] = "none"  # local servers need no key, but the client insists on one
    return settings


def _is_local_openai() -> bool:
    base = os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_BASE") or ""
    host = urlsplit(base).hostname or ""
    return bool(host) and not (host == "openai.com" or host.endswith(".openai.com"))


def _hearing_thoughts(model: str, settings: dict[str, Any]) -> BaseChatModel:
    """Return an OpenAI client that keeps the thoughts which local servers add to the protocol."""
    from langchain_openai import ChatOpenAI

    class ThinkingChatOpenAI(ChatOpenAI):
        def _create_chat_result(self, response: Any, generation_info: Any = None) -> Any:
            result = super()._create_chat_result(response, generation_info)
            raw = response if isinstance(response, dict) else response.model_dump()
            for generation, choice in zip(result.generations, raw["choices"], strict=False):
                _keep_thoughts(generation.message, choice.get("message"))
            return result

        def _convert_chunk_to_generation_chunk(self, chunk: Any, *rest: Any) -> Any:
            generation = super()._convert_chunk_to_generation_chunk(chunk, *rest)
            choices = chunk.get("choices") or chunk.get("chunk", {}).get("choices") or [{}]
            if generation is not None:
                _keep_thoughts(generation.message, choices[0].get("delta"))
            return generation

    return ThinkingChatOpenAI(model=model, **settings)


def _keep_thoughts(message: Any, facts: dict[str, Any] | None) -> None:
    thoughts = (facts or {}).get("reasoning_content") or (facts or {}).get("reasoning")
    if isinstance(thoughts, str):
        message.additional_kwargs["reasoning_content"] = thoughts


def _ollama_settings() -> dict[str, Any]:
    window = context_tokens() or OLLAMA_CONTEXT
    return {
        "num_ctx": window,
        # Ollama's own default is unlimited: a small model that loops would never return.
        "num_predict": whole_number("MOTION_AGENT_MAX_TOKENS") or window,
        "client_kwargs": {"timeout": _timeout()},
    }


def _timeout() -> float:
    return float(whole_number("MOTION_AGENT_TIMEOUT") or DEFAULT_TIMEOUT)


def _unknown(name: str) -> ConfigurationError:
    return ConfigurationError(
        f"unknown planner {name[:60]!r}; use 'offline', 'openai:MODEL', 'ollama:MODEL' or another"
        " PROVIDER:MODEL of LangChain"
    )


def _address(name: str) -> str:
    if name.startswith("ollama"):
        return f" at {without_password(os.environ.get('OLLAMA_HOST') or 'http://localhost:11434')}"
    base = os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_BASE")
    return f" at {without_password(base)}" if base and name.startswith("openai") else ""


def _line(err: BaseException) -> str:
    return one_line(without_secrets(str(err)[:2000]), 300) or type(err).__name__
