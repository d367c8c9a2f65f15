"""Opening chat models by name, and saying in one line what is wrong when they fail."""

from __future__ import annotations

import os
import re
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel

from ..motion_core.errors import ConfigurationError, MotionAgentError, UnavailableError

Provider = Literal["openai", "ollama"]

OLLAMA_CONTEXT = 8192  # tokens; Ollama's default cuts the prompt without a word
_TRANSIENT = {408, 409, 425, 429, 500, 502, 503, 504, 529}


class TransientError(UnavailableError):
    """A server did not answer this time; asking again may help."""


class SchemaRefusedError(ConfigurationError):
    """A server does not take a JSON schema with the request."""


def open_model(name: str) -> BaseChatModel:
    """The chat model of a LangChain string such as ``openai:gpt-4o``.

    Raises:
        ConfigurationError: unknown name, or the provider's package is not installed.
        UnavailableError: the provider needs a key that is not set.
    """
    from langchain.chat_models import init_chat_model

    provider, _, model = name.partition(":")
    kwargs: dict[str, Any] = {}
    if provider == "openai":
        kwargs = _openai_settings()
    elif provider == "ollama":
        kwargs = {"num_ctx": OLLAMA_CONTEXT}
    if not name or (":" in name and not model.strip()):
        raise _unknown(name)
    try:
        opened: BaseChatModel = init_chat_model(name, **kwargs)
    except ImportError as err:
        raise ConfigurationError(f"planner {name!r} needs a package: {_line(err)}") from err
    except ValueError as err:
        if "key" in str(err).lower():
            raise UnavailableError(f"planner {name!r} cannot start: {_line(err)}") from err
        raise _unknown(name) from err
    except Exception as err:  # a provider's own "no key" error, of whatever type
        raise UnavailableError(f"planner {name!r} cannot start: {_line(err)}") from err
    return opened


def provider_of(model: BaseChatModel) -> Provider | None:
    """The provider that takes a JSON schema with the request, if the model is of one."""
    kind = model._llm_type
    if kind == "openai-chat":
        return "openai"
    if kind == "chat-ollama":
        return "ollama"
    return None


def explain_failure(err: Exception, name: str) -> MotionAgentError:
    """What an exception of a chat model means, as an error of ours in one line."""
    if isinstance(err, MotionAgentError):
        return err
    status = getattr(err, "status_code", None)
    # By name, for the clients' classes are only importable where the client is installed.
    kinds = {cls.__name__ for cls in type(err).__mro__}
    kind = type(err).__name__
    where = _address(name)
    if kinds & {"TimeoutError", "TimeoutException", "APITimeoutError", "Timeout"}:
        return TransientError(f"planner {name}: the server{where} does not answer in time")
    if kinds & {"ConnectionError", "ConnectError", "APIConnectionError"}:
        hint = "start it with `ollama serve`" if name.startswith("ollama") else "check the network"
        return TransientError(f"planner {name}: no server answers{where}; {hint}")
    if status in (401, 403):
        return ConfigurationError(f"planner {name}: the server{where} refuses the key")
    if status == 404:
        hint = f"run `ollama pull {name.partition(':')[2]}`" if name.startswith("ollama") else ""
        return ConfigurationError(
            f"planner {name}: there is no such model{where}; {hint or 'check its name'}"
        )
    if status in (400, 422) and re.search(r"response_format|json_schema|grammar", str(err)):
        return SchemaRefusedError(f"planner {name}: no JSON schema is taken{where}: {_line(err)}")
    if status in _TRANSIENT or "TransportError" in kinds:  # httpx: broken off on the way
        return TransientError(
            f"planner {name}: the server{where} failed ({status or kind}: {_line(err)})"
        )
    return ConfigurationError(f"planner {name}: {kind}: {_line(err)}")


def _openai_settings() -> dict[str, Any]:
    # Retries are the graph's matter; the client's own would multiply them.
    settings: dict[str, Any] = {"max_retries": 0}
    if not os.environ.get("OPENAI_API_KEY"):
        if not (os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_BASE")):
            raise UnavailableError(
                "OPENAI_API_KEY is not set; set it, or OPENAI_BASE_URL for a local server, or use"
                " the planner 'offline'"
            )
        settings["api_key"] = "none"  # local servers ask for no key, but the client does
    return settings


def _unknown(name: str) -> ConfigurationError:
    return ConfigurationError(
        f"unknown planner {name[:60]!r}; use 'offline', 'openai:MODEL', 'ollama:MODEL' or another"
        " PROVIDER:MODEL of LangChain"
    )


def _address(name: str) -> str:
    if name.startswith("ollama"):
        return f" at {os.environ.get('OLLAMA_HOST') or 'http://localhost:11434'}"
    base = os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_BASE")
    return f" at {base}" if base and name.startswith("openai") else ""


def _line(err: BaseException) -> str:
    return " ".join(str(err).split())[:300] or type(err).__name__
